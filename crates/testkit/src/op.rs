//! Operations: every entry point of an allocator with its operands, and how they are drawn.
#![allow(unsafe_code)]

use crate::{Rng, Subject};

/// Largest request, in bytes, of the small entry points.
pub const SMALL_MAX: usize = 128 * size_of::<usize>();

/// First size, in bytes, that no block can have.
const IMPOSSIBLE: usize = isize::MAX as usize + 1;

/// One call on an allocator.
///
/// Blocks are named by a number that is taken modulo the count of live blocks, so every sequence of operations is
/// valid and stays valid when operations are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// A new block.
    Alloc {
        /// Entry point to call.
        entry: AllocEntry,
        /// Its operands.
        request: Request,
    },
    /// A new size for a block, or for the null pointer.
    Resize {
        /// Entry point to call.
        entry: ResizeEntry,
        /// Which block, or none for null.
        block: Option<usize>,
        /// The other operands.
        request: Request,
    },
    /// A new size for a block that must not move.
    Expand {
        /// Which block.
        block: usize,
        /// Its new size in bytes.
        size: usize,
    },
    /// The end of a block.
    Free {
        /// Entry point to call.
        entry: FreeEntry,
        /// Which block.
        block: usize,
    },
    /// The null pointer, freed.
    FreeNull(FreeEntry),
    /// A look at a block: its contents and its usable size.
    Inspect {
        /// Which block.
        block: usize,
    },
    /// A collection.
    Collect {
        /// Whether memory goes back at once.
        force: bool,
    },
}

/// What a block is asked for. Entry points ignore the operands that they do not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Elements, for entry points that multiply.
    pub count: usize,
    /// Bytes, or bytes of an element.
    pub size: usize,
    /// Alignment in bytes, possibly an invalid one.
    pub align: usize,
    /// Distance from the block's address to the aligned one.
    pub offset: usize,
}

/// Entry points that make a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named like the methods of `Subject`")]
pub enum AllocEntry {
    Malloc,
    Zalloc,
    Calloc,
    Mallocn,
    MallocSmall,
    ZallocSmall,
    MallocAligned,
    MallocAlignedAt,
    ZallocAligned,
    ZallocAlignedAt,
    CallocAligned,
    CallocAlignedAt,
}

/// Entry points that resize a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named like the methods of `Subject`")]
pub enum ResizeEntry {
    Realloc,
    Reallocn,
    Reallocf,
    Rezalloc,
    Recalloc,
    ReallocAligned,
    ReallocAlignedAt,
    RezallocAligned,
    RezallocAlignedAt,
    RecallocAligned,
    RecallocAlignedAt,
}

/// Entry points that end a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named like the methods of `Subject`")]
pub enum FreeEntry {
    Free,
    FreeSize,
    FreeSizeAligned,
    FreeAligned,
}

impl AllocEntry {
    /// Every entry point.
    pub const ALL: [Self; 12] = [
        Self::Malloc,
        Self::Zalloc,
        Self::Calloc,
        Self::Mallocn,
        Self::MallocSmall,
        Self::ZallocSmall,
        Self::MallocAligned,
        Self::MallocAlignedAt,
        Self::ZallocAligned,
        Self::ZallocAlignedAt,
        Self::CallocAligned,
        Self::CallocAlignedAt,
    ];

    /// Whether the block is all zero.
    #[must_use]
    pub const fn zeroes(self) -> bool {
        !matches!(
            self,
            Self::Malloc
                | Self::Mallocn
                | Self::MallocSmall
                | Self::MallocAligned
                | Self::MallocAlignedAt
        )
    }

    /// The operands that the entry point takes, with the others set to what they amount to: a count of 1, an
    /// alignment of 1, an offset of 0, and a size that the small entry points may be called with.
    #[must_use]
    pub const fn effective(self, request: Request) -> Request {
        let Request { count, size, align, offset } = request;
        match self {
            Self::Malloc | Self::Zalloc => Request { count: 1, align: 1, offset: 0, size },
            Self::Calloc | Self::Mallocn => Request { count, align: 1, offset: 0, size },
            Self::MallocSmall | Self::ZallocSmall => {
                Request { count: 1, align: 1, offset: 0, size: size % (SMALL_MAX + 1) }
            }
            Self::MallocAligned | Self::ZallocAligned => {
                Request { count: 1, align, offset: 0, size }
            }
            Self::MallocAlignedAt | Self::ZallocAlignedAt => {
                Request { count: 1, align, offset, size }
            }
            Self::CallocAligned => Request { count, align, offset: 0, size },
            Self::CallocAlignedAt => Request { count, align, offset, size },
        }
    }

    /// Whether the entry point takes an alignment.
    #[must_use]
    pub const fn aligns(self) -> bool {
        !matches!(
            self,
            Self::Malloc
                | Self::Zalloc
                | Self::Calloc
                | Self::Mallocn
                | Self::MallocSmall
                | Self::ZallocSmall
        )
    }

    /// Calls the entry point. The request must be an effective one.
    #[must_use]
    pub fn call(self, subject: &dyn Subject, request: Request) -> *mut u8 {
        let Request { count, size, align, offset } = request;
        match self {
            Self::Malloc => subject.malloc(size),
            Self::Zalloc => subject.zalloc(size),
            Self::Calloc => subject.calloc(count, size),
            Self::Mallocn => subject.mallocn(count, size),
            Self::MallocSmall => subject.malloc_small(size),
            Self::ZallocSmall => subject.zalloc_small(size),
            Self::MallocAligned => subject.malloc_aligned(size, align),
            Self::MallocAlignedAt => subject.malloc_aligned_at(size, align, offset),
            Self::ZallocAligned => subject.zalloc_aligned(size, align),
            Self::ZallocAlignedAt => subject.zalloc_aligned_at(size, align, offset),
            Self::CallocAligned => subject.calloc_aligned(count, size, align),
            Self::CallocAlignedAt => subject.calloc_aligned_at(count, size, align, offset),
        }
    }
}

impl ResizeEntry {
    /// Every entry point.
    pub const ALL: [Self; 11] = [
        Self::Realloc,
        Self::Reallocn,
        Self::Reallocf,
        Self::Rezalloc,
        Self::Recalloc,
        Self::ReallocAligned,
        Self::ReallocAlignedAt,
        Self::RezallocAligned,
        Self::RezallocAlignedAt,
        Self::RecallocAligned,
        Self::RecallocAlignedAt,
    ];

    /// Whether what is added to the block is zero.
    #[must_use]
    pub const fn zeroes(self) -> bool {
        !matches!(
            self,
            Self::Realloc
                | Self::Reallocn
                | Self::Reallocf
                | Self::ReallocAligned
                | Self::ReallocAlignedAt
        )
    }

    /// Whether the entry point takes an alignment.
    #[must_use]
    pub const fn aligns(self) -> bool {
        !matches!(
            self,
            Self::Realloc | Self::Reallocn | Self::Reallocf | Self::Rezalloc | Self::Recalloc
        )
    }

    /// As [`AllocEntry::effective`].
    #[must_use]
    pub const fn effective(self, request: Request) -> Request {
        let Request { count, size, align, offset } = request;
        match self {
            Self::Realloc | Self::Reallocf | Self::Rezalloc => {
                Request { count: 1, align: 1, offset: 0, size }
            }
            Self::Reallocn | Self::Recalloc => Request { count, align: 1, offset: 0, size },
            Self::ReallocAligned | Self::RezallocAligned => {
                Request { count: 1, align, offset: 0, size }
            }
            Self::ReallocAlignedAt | Self::RezallocAlignedAt => {
                Request { count: 1, align, offset, size }
            }
            Self::RecallocAligned => Request { count, align, offset: 0, size },
            Self::RecallocAlignedAt => Request { count, align, offset, size },
        }
    }

    /// Calls the entry point. The request must be an effective one.
    ///
    /// # Safety
    /// `p` is null or a live block of the subject; if the result is not null or the entry point is
    /// [`Reallocf`](Self::Reallocf), `p` is not used again.
    #[must_use]
    pub unsafe fn call(self, subject: &dyn Subject, p: *mut u8, request: Request) -> *mut u8 {
        let Request { count, size, align, offset } = request;
        // SAFETY: same contract in each arm. A block that was not zeroed when it was allocated may be given to the
        // zeroing entry points as well, as long as nobody relies on its zeros.
        unsafe {
            match self {
                Self::Realloc => subject.realloc(p, size),
                Self::Reallocn => subject.reallocn(p, count, size),
                Self::Reallocf => subject.reallocf(p, size),
                Self::Rezalloc => subject.rezalloc(p, size),
                Self::Recalloc => subject.recalloc(p, count, size),
                Self::ReallocAligned => subject.realloc_aligned(p, size, align),
                Self::ReallocAlignedAt => subject.realloc_aligned_at(p, size, align, offset),
                Self::RezallocAligned => subject.rezalloc_aligned(p, size, align),
                Self::RezallocAlignedAt => subject.rezalloc_aligned_at(p, size, align, offset),
                Self::RecallocAligned => subject.recalloc_aligned(p, count, size, align),
                Self::RecallocAlignedAt => {
                    subject.recalloc_aligned_at(p, count, size, align, offset)
                }
            }
        }
    }
}

impl FreeEntry {
    /// Every entry point.
    pub const ALL: [Self; 4] =
        [Self::Free, Self::FreeSize, Self::FreeSizeAligned, Self::FreeAligned];

    /// Calls the entry point.
    ///
    /// # Safety
    /// `p` is null or a live block of the subject, last requested with `size` bytes and aligned to `align`, and is not
    /// used again.
    pub unsafe fn call(self, subject: &dyn Subject, p: *mut u8, size: usize, align: usize) {
        // SAFETY: same contract in each arm.
        unsafe {
            match self {
                Self::Free => subject.free(p),
                Self::FreeSize => subject.free_size(p, size),
                Self::FreeSizeAligned => subject.free_size_aligned(p, size, align),
                Self::FreeAligned => subject.free_aligned(p, align),
            }
        }
    }
}

/// How operands are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mix {
    /// Largest size in bytes, apart from impossible ones.
    pub largest: usize,
    /// Largest alignment in bytes.
    pub largest_align: usize,
    /// Whether some requests are impossible: sizes above `PTRDIFF_MAX`, products that overflow, alignments that are
    /// not powers of two.
    pub impossible: bool,
}

impl Mix {
    /// Everything, with sizes up to 64 MiB.
    pub const FULL: Self = Self { largest: 64 << 20, largest_align: 4 << 20, impossible: true };

    /// Sizes up to 256 KiB, for runs of many threads.
    pub const MODEST: Self = Self { largest: 256 << 10, largest_align: 64 << 10, impossible: true };

    /// Sizes up to 1 KiB.
    pub const TINY: Self = Self { largest: 1 << 10, largest_align: 256, impossible: false };

    /// A size: 30 % tiny, 30 % about the boundary of a bin, then ever rarer larger ones.
    pub fn size(self, rng: &mut Rng) -> usize {
        let size = match rng.below(1000) {
            0..20 => 0,
            20..320 => rng.between(1, 64),
            320..620 => boundary(rng, 17),
            620..760 => rng.between(65, SMALL_MAX),
            760..940 => spread(rng, 10, 16),
            940..960 => boundary(rng, 22),
            960..980 => spread(rng, 16, 22),
            980..981 => spread(rng, 24, 26),
            981..991 if self.impossible => return impossible(rng),
            _ => rng.between(1, 4096),
        };
        if size > self.largest { size % self.largest } else { size }
    }

    /// A request whose count times size is as [`size`](Self::size).
    pub fn request(self, rng: &mut Rng) -> Request {
        let whole = self.size(rng);
        let align = self.align(rng);
        let offset = offset(rng, whole, align);
        if whole >= IMPOSSIBLE || (self.impossible && rng.one_in(100)) {
            let pairs =
                [(1, IMPOSSIBLE), (usize::MAX, 2), (3, IMPOSSIBLE + 1), (IMPOSSIBLE, IMPOSSIBLE)];
            let (count, size) = rng.pick(&pairs);
            return Request {
                count,
                size: if count == 1 { whole.max(IMPOSSIBLE) } else { size },
                align,
                offset,
            };
        }
        // The size of an element is kept as it is for most requests, since most entry points take no count.
        let count = if rng.one_in(4) { rng.between(0, 9) } else { 1 };
        let size = if count > 1 { whole / count } else { whole };
        Request { count, size, align, offset }
    }

    fn align(self, rng: &mut Rng) -> usize {
        if self.impossible && rng.one_in(50) {
            return rng.pick(&[0, 3, 24, 48, 4095, usize::MAX, 1 << (usize::BITS - 1)]);
        }
        let exponent = if rng.one_in(4) { rng.below(23) } else { rng.below(13) };
        (1 << exponent).min(self.largest_align)
    }
}

/// A size that is one less than, equal to or one more than that of a bin below 2^`exponents`, where eight bins lie in
/// each doubling.
fn boundary(rng: &mut Rng, exponents: usize) -> usize {
    let eighths = rng.between(8, 15) << rng.between(3, exponents - 1);
    (eighths >> 3) + rng.below(3) - 1
}

/// A size from 2^`low` to 2^`high`, as likely in each doubling.
fn spread(rng: &mut Rng, low: usize, high: usize) -> usize {
    let base = 1 << rng.between(low, high - 1);
    base + rng.between(0, base)
}

fn impossible(rng: &mut Rng) -> usize {
    match rng.below(3) {
        0 => IMPOSSIBLE + rng.below(4096),
        1 => usize::MAX - rng.below(1 << 16),
        _ => IMPOSSIBLE + rng.below(IMPOSSIBLE),
    }
}

fn offset(rng: &mut Rng, size: usize, align: usize) -> usize {
    match rng.below(6) {
        0 | 1 => 0,
        2 => rng.below(256),
        3 => align.wrapping_mul(rng.below(4)) & (IMPOSSIBLE - 1),
        4 => align / 2,
        _ => (size & (IMPOSSIBLE - 1)).saturating_add(rng.below(32)).min(64 << 20),
    }
}

impl Op {
    /// The next operation of a run: about as many blocks begin as end.
    pub fn draw(rng: &mut Rng, mix: Mix) -> Self {
        let block = rng.below(1 << 20);
        match rng.below(1000) {
            // Plain allocation and release are most of what programs do.
            0..240 => Self::Alloc { entry: AllocEntry::Malloc, request: mix.request(rng) },
            240..440 => {
                Self::Alloc { entry: rng.pick(&AllocEntry::ALL), request: mix.request(rng) }
            }
            440..540 => Self::Resize {
                entry: ResizeEntry::Realloc,
                block: Some(block),
                request: mix.request(rng),
            },
            540..600 => {
                let block = (!rng.one_in(16)).then_some(block);
                Self::Resize {
                    entry: rng.pick(&ResizeEntry::ALL),
                    block,
                    request: mix.request(rng),
                }
            }
            600..640 => Self::Expand { block, size: mix.size(rng) },
            640..840 => Self::Free { entry: FreeEntry::Free, block },
            840..960 => Self::Free { entry: rng.pick(&FreeEntry::ALL), block },
            960..970 => Self::FreeNull(rng.pick(&FreeEntry::ALL)),
            970..998 => Self::Inspect { block },
            _ => Self::Collect { force: rng.one_in(4) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_cover_every_entry_point_and_size_group() {
        let mut rng = Rng::new(3);
        let (mut allocs, mut resizes, mut frees) = (Vec::new(), Vec::new(), Vec::new());
        let mut groups = [0; 6];
        for _ in 0..20_000 {
            match Op::draw(&mut rng, Mix::FULL) {
                Op::Alloc { entry, request } => {
                    allocs.push(entry);
                    let bounds = [0, SMALL_MAX, 64 << 10, 4 << 20, 64 << 20];
                    groups[bounds.iter().filter(|bound| request.size > **bound).count()] += 1;
                }
                Op::Resize { entry, .. } => resizes.push(entry),
                Op::Free { entry, .. } => frees.push(entry),
                _ => {}
            }
        }
        assert!(AllocEntry::ALL.iter().all(|entry| allocs.contains(entry)));
        assert!(ResizeEntry::ALL.iter().all(|entry| resizes.contains(entry)));
        assert!(FreeEntry::ALL.iter().all(|entry| frees.contains(entry)));
        assert!(groups.iter().all(|count| *count > 0), "{groups:?}");
    }

    #[test]
    fn a_mix_bounds_possible_sizes() {
        let mut rng = Rng::new(4);
        for _ in 0..20_000 {
            assert!(Mix::TINY.size(&mut rng) <= Mix::TINY.largest);
            let size = Mix::MODEST.size(&mut rng);
            assert!(size <= Mix::MODEST.largest || size >= IMPOSSIBLE);
        }
    }
}
