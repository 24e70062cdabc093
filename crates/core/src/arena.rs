//! Arenas: large reserved ranges from which pages take slices, and the set of them in a sub-process.
//!
//! An arena's first slices hold its header: the [`Arena`] itself, one `Chunk` of bits for every 512
//! slices, and one record for every slice. Nothing the allocator relies on lies beside blocks.
//!
//! | bits | a set bit means |
//! |---|---|
//! | `claimed` | somebody owns the slice; nobody else may look at its other bits to act on them |
//! | `committed` | the slice may be backed by memory |
//! | `dirty` | the slice may hold something other than zeros |
//! | `purge`, `aged` | the slice is free and its memory should go back to the system; aged ones first |
//! | `pages` | a page starts here: its record is live |
//! | `abandoned[bin]` | an abandoned page of the bin starts here and may have a free block |
//!
//! # Invariants
//! P5: a slice is claimed before any other bit says anything about it. P6: committed covers all that is
//! written. P7: a slice that is not dirty has not been written since it was committed.
#![allow(unsafe_code)]

mod huge;
pub(crate) mod meta;
mod purge;

use core::ptr::{NonNull, null_mut};

use crate::bitmap::{Bitmap, CHUNK_WORDS};
use crate::config::{
    ARENA_ALIGN, ARENA_COUNT_MAX, ARENA_SIZE_MAX, ARENA_SIZE_MIN, CHUNK_SLICES, SLICE_SIZE,
};
use crate::options::{self, Opt};
use crate::os;
use crate::ptr::{self, Record};
use crate::report;
use crate::size_class::BIN_COUNT;
use crate::stats::STATS;
use crate::sync::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use crate::units::{align_up, slices_for};

type Bits = [AtomicUsize; CHUNK_WORDS];

/// Bins that have an `abandoned` map: those of blocks, and one more for pages of heaps other than the main.
pub const ABANDONED_MAPS: usize = BIN_COUNT + 1;

/// The bits of 512 slices. Only the maps in use ever become memory.
#[repr(C, align(64))]
struct Chunk {
    claimed: Bits,
    committed: Bits,
    dirty: Bits,
    purge: Bits,
    aged: Bits,
    pages: Bits,
    abandoned: [Bits; ABANDONED_MAPS],
}

const CHUNK_STRIDE: usize = size_of::<Chunk>() / size_of::<AtomicUsize>();
const _: () = assert!(size_of::<Chunk>().is_multiple_of(size_of::<AtomicUsize>()));

/// What a range that becomes an arena is like.
#[derive(Clone, Copy, Debug)]
pub struct Traits {
    /// Every byte may be touched without `os::commit`.
    pub accessible: bool,
    /// The memory is never decommitted, reset or protected.
    pub pinned: bool,
    /// The memory reads as zeros.
    pub zero: bool,
    /// Only heaps bound to the arena may allocate from it.
    pub exclusive: bool,
    /// The range belongs to the caller and is never released.
    pub external: bool,
}

/// A reserved range and the state of its slices.
#[repr(C, align(64))]
pub struct Arena {
    traits: Traits,
    slices: usize,
    header_slices: usize,
    /// Free slices; a hint that lets a search pass by.
    free: AtomicUsize,
    /// No slice below this one is likely to be free.
    hint: AtomicUsize,
    /// What the bits say about committed and zeroed memory can't be relied on: see `doubt_contents`.
    doubted: AtomicBool,
    /// Bytes of the arena in blocks that have been linked.
    linked: AtomicUsize,
    /// First slice behind those that huge pages are asked for; see `huge`.
    huge_end: AtomicUsize,
    /// Slices may have to be made accessible before they are touched.
    inaccessible: AtomicBool,
    owner: &'static Arenas,
    chunks: NonNull<Chunk>,
    records: NonNull<Record>,
}

// SAFETY: the fields that change are atomics, and the memory they describe is shared by design.
unsafe impl Sync for Arena {}

/// A run of slices that the caller has claimed.
#[derive(Clone, Copy)]
pub struct Span {
    /// First byte; aligned to a slice.
    pub start: NonNull<u8>,
    /// Slices in the run.
    pub slices: usize,
    /// Where the run comes from; `None` for a mapping of its own.
    pub arena: Option<&'static Arena>,
    /// Number of the first slice in its arena.
    pub index: usize,
    /// The memory reads as zeros.
    pub zero: bool,
}

impl Arena {
    /// Turns a range into an arena: lays out its header and claims the slices that it fills.
    ///
    /// # Safety
    /// `[base, base + size)` is a reserved range that nobody else uses, `base` aligned to a slice, with
    /// the given traits, and stays reserved for as long as `owner` is used.
    unsafe fn create(
        base: NonNull<u8>,
        size: usize,
        traits: Traits,
        owner: &'static Arenas,
    ) -> Option<&'static Self> {
        let slices = size / SLICE_SIZE;
        let (chunks_at, records_at, header) = header_layout(slices)?;
        let header_slices = slices_for(header);
        if header_slices >= slices {
            return None;
        }
        if !traits.accessible {
            // SAFETY: the header is the start of the range, which is the caller's to give.
            unsafe { os::commit(base, header_slices * SLICE_SIZE) }.ok()?;
        }
        if !traits.zero {
            // SAFETY: the header was just made accessible and nobody else uses the range.
            unsafe { base.write_bytes(0, header) };
        }
        // SAFETY: the layout puts both tables inside the header.
        let (chunks, records) =
            unsafe { (ptr::offset(base, chunks_at).cast(), ptr::offset(base, records_at).cast()) };
        let free = AtomicUsize::new(slices - header_slices);
        let hint = AtomicUsize::new(header_slices);
        let doubted = AtomicBool::new(false);
        let inaccessible = AtomicBool::new(!traits.accessible);
        let arena = base.cast::<Self>();
        // SAFETY: the header starts with room for an `Arena`; zero bytes are valid chunks and records.
        unsafe {
            arena.write(Self {
                traits,
                slices,
                header_slices,
                free,
                hint,
                doubted,
                linked: AtomicUsize::new(0),
                huge_end: AtomicUsize::new(0),
                inaccessible,
                owner,
                chunks,
                records,
            })
        };
        // SAFETY: just written, and arenas outlive every user of their sub-process.
        let arena: &'static Self = unsafe { arena.as_ref() };
        arena.claimed().set(0, header_slices);
        arena.committed().set(0, header_slices);
        if !traits.zero {
            arena.dirty().set(0, slices);
        }
        if !traits.external {
            arena.start_without_huge();
        }
        STATS.reserved.increase(size);
        STATS.committed.increase(header_slices * SLICE_SIZE);
        STATS.arena_count.bump();
        Some(arena)
    }

    fn map(&self, select: impl Fn(&Chunk) -> &Bits) -> Bitmap {
        // SAFETY: the header holds a chunk for every 512 slices; zeroed or live atomics are valid.
        let first = select(unsafe { self.chunks.as_ref() });
        // SAFETY: the chunks are contiguous, so each map repeats at the stride of a chunk.
        unsafe { Bitmap::new(NonNull::from(&first[0]), CHUNK_STRIDE, self.slices) }
    }

    fn claimed(&self) -> Bitmap {
        self.map(|chunk| &chunk.claimed)
    }

    fn committed(&self) -> Bitmap {
        self.map(|chunk| &chunk.committed)
    }

    fn dirty(&self) -> Bitmap {
        self.map(|chunk| &chunk.dirty)
    }

    /// Where pages start.
    pub fn pages(&self) -> Bitmap {
        self.map(|chunk| &chunk.pages)
    }

    /// Where abandoned pages of map number `map` start that may have a free block.
    pub fn abandoned(&self, map: usize) -> Bitmap {
        self.map(|chunk| &chunk.abandoned[map])
    }

    /// First byte of the arena, its header included.
    pub fn base(&self) -> NonNull<u8> {
        NonNull::from(self).cast()
    }

    /// Bytes of the arena, its header included.
    pub fn size(&self) -> usize {
        self.slices * SLICE_SIZE
    }

    /// What the range is like.
    pub fn traits(&self) -> Traits {
        self.traits
    }

    /// The set of arenas that this one belongs to.
    pub fn owner(&self) -> &'static Arenas {
        self.owner
    }

    fn slice(&self, index: usize) -> NonNull<u8> {
        debug_assert!(index < self.slices);
        // SAFETY: the arena is the start of its range, and the index is inside it.
        unsafe { ptr::offset(self.base(), index * SLICE_SIZE) }
    }

    /// The record of slice `index`.
    pub fn record(&self, index: usize) -> NonNull<Record> {
        debug_assert!(index < self.slices);
        // SAFETY: the header holds a record for every slice.
        unsafe { self.records.add(index) }
    }

    /// Claims `count` slices at a multiple of `align` bytes, and makes them accessible.
    pub fn take(&'static self, count: usize, align: usize) -> Option<Span> {
        if self.free.load(Ordering::Relaxed) < count {
            return None;
        }
        let origin = self.base().addr().get() / SLICE_SIZE;
        let align_slices = (align / SLICE_SIZE).max(1);
        let hint = self.hint.load(Ordering::Relaxed);
        let find =
            |from| self.claimed().find_and_claim(from, count, align_slices, origin % align_slices);
        let index = find(hint).or_else(|| if hint == 0 { None } else { find(0) })?;
        if count == 1 {
            self.hint.store(index + 1, Ordering::Relaxed);
        }
        self.prepare(index, count)
    }

    /// Claims the `count` slices that follow a claimed run, and makes them accessible.
    pub fn take_at(&'static self, index: usize, count: usize) -> Option<Span> {
        if index + count > self.slices || !self.claimed().try_claim(index, count) {
            return None;
        }
        self.prepare(index, count)
    }

    /// Commits a run that the caller has claimed; gives it up when the system refuses.
    fn prepare(&'static self, index: usize, count: usize) -> Option<Span> {
        self.free.fetch_sub(count, Ordering::Relaxed);
        self.consider_huge(index, index + count);
        self.unschedule(index, count);
        let start = self.slice(index);
        let committed = self.committed();
        let doubted = self.doubted.load(Ordering::Relaxed);
        if doubted || !committed.all_set(index, count) {
            if self.inaccessible.load(Ordering::Relaxed) {
                // SAFETY: the run is claimed, so nobody else uses it (P5).
                let accessible = unsafe { os::commit(start, count * SLICE_SIZE) };
                if accessible.is_err() {
                    self.give_unused(index, count);
                    return None;
                }
            }
            STATS.committed.increase(committed.set(index, count) * SLICE_SIZE);
            STATS.commit_calls.bump();
        }
        let dirty = self.dirty();
        let zero = !doubted && dirty.all_clear(index, count);
        dirty.set(index, count);
        Some(Span { start, slices: count, arena: Some(self), index, zero })
    }

    /// Ends the claim on a run without scheduling anything.
    fn release(&self, index: usize, count: usize) {
        self.claimed().release(index, count);
        self.free.fetch_add(count, Ordering::Relaxed);
        if index < self.hint.load(Ordering::Relaxed) {
            self.hint.store(index, Ordering::Relaxed);
        }
    }

    /// For the child of a fork: other threads went on taking and writing slices while the system copied the
    /// bits, so a slice may hold more than they say.
    pub fn doubt_contents(&self) {
        self.doubted.store(true, Ordering::Relaxed);
    }

    /// Calls `f` with the number of every slice at which a page starts, until it returns false.
    pub fn for_each_page(&self, f: impl FnMut(usize) -> bool) -> bool {
        self.pages().for_each_set(self.header_slices, f)
    }
}

/// Offsets of the chunks and of the records in the header of an arena of `slices` slices, and its size.
fn header_layout(slices: usize) -> Option<(usize, usize, usize)> {
    let chunks_at = align_up(size_of::<Arena>(), align_of::<Chunk>())?;
    let chunks = slices.div_ceil(CHUNK_SLICES).checked_mul(size_of::<Chunk>())?;
    let records_at = align_up(chunks_at.checked_add(chunks)?, align_of::<Record>())?;
    let header = records_at.checked_add(slices.checked_mul(size_of::<Record>())?)?;
    Some((chunks_at, records_at, header))
}

/// The arenas of one sub-process.
///
/// # Invariants
/// Entries of `list` below `count` are live arenas and never change. `grow` is held to add one.
pub struct Arenas {
    count: AtomicUsize,
    list: [AtomicPtr<Arena>; ARENA_COUNT_MAX],
    grow: os::Lock,
    purging: os::Lock,
    /// When the next purge is due, in milliseconds of `os::clock_coarse_ms`; 0 when nothing is scheduled.
    purge_due: AtomicU64,
}

impl Arenas {
    /// A set without arenas.
    pub(crate) const fn new() -> Self {
        Self {
            count: AtomicUsize::new(0),
            list: [const { AtomicPtr::new(null_mut()) }; ARENA_COUNT_MAX],
            grow: os::Lock::new(),
            purging: os::Lock::new(),
            purge_due: AtomicU64::new(0),
        }
    }

    /// The arenas there are now, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &'static Arena> {
        let count = self.count.load(Ordering::Acquire);
        self.list[..count].iter().filter_map(|slot| {
            // SAFETY: by the invariant of the type the entry is null or a live arena.
            unsafe { slot.load(Ordering::Acquire).as_ref() }
        })
    }

    /// Takes `count` slices at a multiple of `align` bytes: from `only` if given, else from any arena that
    /// is not exclusive, else from a new arena, else as a mapping of their own. `None` when memory ran out.
    pub fn take(
        &'static self,
        count: usize,
        align: usize,
        only: Option<&'static Arena>,
    ) -> Option<Span> {
        if let Some(arena) = only {
            return arena.take(count, align);
        }
        if align <= ARENA_ALIGN && !options::is_enabled(Opt::DisallowArenaAlloc) {
            loop {
                let seen = self.count.load(Ordering::Acquire);
                let open = self.iter().filter(|arena| !arena.traits.exclusive);
                if let Some(span) = open.into_iter().find_map(|arena| arena.take(count, align)) {
                    return Some(span);
                }
                if !self.grow(count, align, seen) {
                    break;
                }
            }
        }
        take_mapping(count, align)
    }

    /// Adds an arena that can hold `count` slices at `align`, unless others have added one since the caller
    /// counted `seen`. False when that is not wanted or not possible.
    fn grow(&'static self, count: usize, align: usize, seen: usize) -> bool {
        let guard = self.grow.lock();
        if self.count.load(Ordering::Acquire) != seen {
            return true;
        }
        let Some(least) = least_arena_size(count, align) else { return false };
        let mut size = wanted_arena_size(seen);
        // A block that fills most of an arena would leave it useless for others: it gets its own mapping.
        if size == 0 || least > size / 2 || options::is_enabled(Opt::DisallowOsAlloc) {
            return false;
        }
        loop {
            if self.reserve(size) {
                // Without the lock: a registered output function may allocate.
                drop(guard);
                report::verbose(format_args!("reserved {} KiB memory", size >> 10));
                return true;
            }
            if size / 2 < least.max(ARENA_SIZE_MIN) {
                return false;
            }
            size /= 2;
        }
    }

    /// Reserves `size` bytes as a new arena. The caller holds `grow`.
    fn reserve(&'static self, size: usize) -> bool {
        let accessible = os::overcommits();
        let Ok(base) = os::reserve(size, ARENA_ALIGN, accessible) else { return false };
        STATS.mmap_calls.bump();
        let traits =
            Traits { accessible, pinned: false, zero: true, exclusive: false, external: false };
        // SAFETY: the range was just reserved, and arenas are not released while the process runs.
        let arena = unsafe { Arena::create(base, size, traits, self) };
        if arena.is_some_and(|arena| self.add(arena)) {
            return true;
        }
        // SAFETY: nothing refers to the range.
        let _ = unsafe { os::release(base, size) };
        false
    }

    /// Makes a range of the caller's an arena.
    ///
    /// # Safety
    /// As for `create`.
    pub unsafe fn adopt(
        &'static self,
        base: NonNull<u8>,
        size: usize,
        traits: Traits,
    ) -> Option<&'static Arena> {
        let _guard = self.grow.lock();
        // SAFETY: the caller's promise.
        let arena = unsafe { Arena::create(base, size, traits, self) }?;
        self.add(arena).then_some(arena)
    }

    /// Appends an arena. The caller holds `grow`.
    fn add(&self, arena: &'static Arena) -> bool {
        let count = self.count.load(Ordering::Relaxed);
        let Some(slot) = self.list.get(count) else { return false };
        slot.store(core::ptr::from_ref(arena).cast_mut(), Ordering::Release);
        self.count.store(count + 1, Ordering::Release);
        true
    }

    /// Releases every arena whose range is the set's own, and forgets the others.
    ///
    /// # Safety
    /// No page is left in them, and nobody uses the set meanwhile or will use it again.
    pub unsafe fn release_all(&self) {
        let count = self.count.swap(0, Ordering::AcqRel);
        for slot in &self.list[..count] {
            // SAFETY: by the invariant of the type the entry is null or a live arena.
            let arena = unsafe { slot.swap(null_mut(), Ordering::AcqRel).as_ref() };
            if let Some(arena) = arena.filter(|arena| !arena.traits.external) {
                let (base, size) = (arena.base(), arena.size());
                // SAFETY: the caller's promise.
                let _ = unsafe { os::release(base, size) };
            }
        }
    }

    /// Takes the locks, so that no other thread is inside them when the process forks.
    pub fn lock_for_fork(&self) {
        self.purging.acquire();
        self.grow.acquire();
    }

    /// Releases what [`lock_for_fork`](Self::lock_for_fork) took, in the parent and in the child.
    ///
    /// # Safety
    /// The calling thread, or the one it was forked from, holds the locks.
    pub unsafe fn unlock_after_fork(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            self.grow.release();
            self.purging.release();
        }
    }
}

/// Bytes of the smallest arena in which `count` slices at `align` are sure to fit.
fn least_arena_size(count: usize, align: usize) -> Option<usize> {
    let payload = count.checked_mul(SLICE_SIZE)?.checked_add(align)?.checked_add(SLICE_SIZE)?;
    // The header takes a little over 1/512 of the arena, its chunks included: 1/256 is enough for it.
    align_up(payload.checked_add(payload >> 8)?.checked_add(SLICE_SIZE)?, ARENA_SIZE_MIN)
}

/// Bytes to reserve for the arena number `seen`: more with every eight, and little under a limit.
fn wanted_arena_size(seen: usize) -> usize {
    let base = options::get_size(Opt::ArenaReserve);
    if base == 0 {
        return 0;
    }
    let grown = base.saturating_mul(1 << (seen / 8).min(16)).clamp(ARENA_SIZE_MIN, ARENA_SIZE_MAX);
    let allowed = os::address_space_limit()
        .map_or(grown, |limit| grown.min((limit / 16).max(ARENA_SIZE_MIN)));
    crate::units::align_down(allowed, ARENA_SIZE_MIN)
}

/// Takes `count` slices at `align` bytes as a mapping of their own.
fn take_mapping(count: usize, align: usize) -> Option<Span> {
    if options::is_enabled(Opt::DisallowOsAlloc) {
        return None;
    }
    let size = count.checked_mul(SLICE_SIZE)?;
    let start = os::reserve(size, align.max(SLICE_SIZE), true).ok()?;
    STATS.mmap_calls.bump();
    STATS.reserved.increase(size);
    STATS.committed.increase(size);
    Some(Span { start, slices: count, arena: None, index: 0, zero: true })
}

impl Span {
    /// Gives the slices back. Their memory goes back to the system after the purge delay, or at once when
    /// they are a mapping of their own.
    ///
    /// # Safety
    /// The caller has claimed the span and nothing refers to its memory any more.
    pub unsafe fn give(self) {
        if let Some(arena) = self.arena {
            arena.give(self.index, self.slices);
            return;
        }
        let size = self.slices * SLICE_SIZE;
        // SAFETY: the span is a mapping of its own that nothing refers to.
        if unsafe { os::release(self.start, size) }.is_ok() {
            STATS.reserved.decrease(size);
            STATS.committed.decrease(size);
        }
    }
}
