//! Arenas: large reserved ranges from which pages take slices.
//!
//! An arena's first slices hold its header: the [`Arena`] itself, one `Chunk` of bits for every 512
//! slices, and one record for every slice. Nothing the allocator relies on lies beside blocks.
//!
//! Submodules: `set` is the arenas of a sub-process together, `reserve` how they come about, `backing` what
//! makes their memory usable, `purge` when it goes back, `id` their numbers, `node` NUMA, and `meta` the
//! engine's own objects.
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

mod backing;
mod huge;
mod id;
pub(crate) mod meta;
pub mod node;
mod purge;
mod reserve;
mod set;
#[cfg(test)]
mod tests;

use core::cell::Cell;
use core::ptr::{NonNull, null};

use crate::bitmap::{Bitmap, CHUNK_WORDS, WORD_BITS};
use crate::config::{CHUNK_SLICES, GUARD_SLICES, SLICE_SIZE, VALGRIND};
use crate::os;
use crate::page_map;
use crate::ptr::{self, Record};
use crate::size_class::BIN_COUNT;
use crate::sync::{AtomicBool, AtomicUsize, Ordering};
use crate::tools;
use crate::units::{align_down, align_up, slices_for};

pub use backing::{CommitFn, Committer};
pub use reserve::{Huge, Unfit, Wish, reserve_by_options};
pub use set::Arenas;

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
#[derive(Clone, Copy, Debug, Default)]
pub struct Traits {
    /// Every byte may be touched without being committed before.
    pub accessible: bool,
    /// The memory is never decommitted, reset or protected.
    pub pinned: bool,
    /// The memory reads as zeros.
    pub zero: bool,
    /// Only heaps bound to the arena may allocate from it.
    pub exclusive: bool,
    /// The range belongs to the program and is never released.
    pub external: bool,
    /// The engine made the arena because it had no room, and not because the program asked for it.
    pub on_demand: bool,
    /// The NUMA node that the memory is on, if that is known.
    pub node: Option<usize>,
    /// Commits and decommits the memory in place of the system.
    pub committer: Option<Committer>,
}

impl Traits {
    /// Slices between header and blocks, which nobody can touch: what runs along the blocks does not reach the header.
    /// Pinned memory is not protected, and the program's is left as it is.
    fn guard_slices(&self) -> usize {
        if self.pinned || self.external { 0 } else { GUARD_SLICES }
    }
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
    /// Slices behind those may be backed by huge pages too: see `huge`.
    huge_apart: AtomicBool,
    /// Slices may have to be made accessible before they are touched.
    inaccessible: AtomicBool,
    owner: &'static Arenas,
    chunks: NonNull<Chunk>,
    records: NonNull<Record>,
    /// The arena's number, given before others can see the arena; 0 when there are no more.
    id: Cell<i32>,
    /// The arena that got its number before this one, under the lock of `id`.
    older: Cell<*const Self>,
}

// SAFETY: the fields that change are atomics or guarded as they say, and the memory they describe is shared
// by design. A committer is called by any thread: who gave it has promised that it can be.
unsafe impl Sync for Arena {}

/// What the bits say about a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SliceState {
    /// Part of the arena's header.
    Header,
    /// Claimed by somebody.
    Used,
    /// Free, and its memory waits to be given back.
    ToBePurged,
    /// Free, and backed by memory.
    Committed,
    /// Free, and without memory.
    Reserved,
}

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
    /// Whether an arena of `size` bytes has room for more than its header.
    fn fits(size: usize) -> bool {
        let slices = size / SLICE_SIZE;
        header_layout(slices).is_some_and(|(_, _, header)| slices_for(header) < slices)
    }

    /// Turns a range into an arena: lays out its header and claims the slices that it fills. `None` when the
    /// header cannot be committed.
    ///
    /// # Safety
    /// `[base, base + size)` is a reserved range that nobody else uses, `base` aligned to a slice, with
    /// the given traits, and stays reserved for as long as `owner` is used. The size [`fits`](Self::fits).
    unsafe fn create(
        base: NonNull<u8>,
        size: usize,
        traits: Traits,
        owner: &'static Arenas,
    ) -> Option<&'static Self> {
        let slices = size / SLICE_SIZE;
        let (chunks_at, records_at, header) = header_layout(slices)?;
        let (filled, guard) = (slices_for(header), traits.guard_slices());
        let header_slices = filled + guard;
        debug_assert!(header_slices < slices);
        // SAFETY: the header is the start of the range, which is the caller's to give.
        if !unsafe { traits.commit_header(base, filled * SLICE_SIZE) }? {
            // SAFETY: the header was just made accessible and nobody else uses the range.
            unsafe { base.write_bytes(0, header) };
        }
        // SAFETY: the layout puts both tables inside the header.
        let (chunks, records) =
            unsafe { (ptr::offset(base, chunks_at).cast(), ptr::offset(base, records_at).cast()) };
        let arena = base.cast::<Self>();
        // SAFETY: the header starts with room for an `Arena`; zero bytes are valid chunks and records.
        unsafe {
            arena.write(Self {
                traits,
                slices,
                header_slices,
                free: AtomicUsize::new(slices - header_slices),
                hint: AtomicUsize::new(header_slices),
                doubted: AtomicBool::new(false),
                linked: AtomicUsize::new(0),
                huge_end: AtomicUsize::new(0),
                huge_apart: AtomicBool::new(false),
                inaccessible: AtomicBool::new(!traits.accessible),
                owner,
                chunks,
                records,
                id: Cell::new(0),
                older: Cell::new(null()),
            })
        };
        // SAFETY: just written, and arenas outlive every user of their sub-process.
        let arena: &'static Self = unsafe { arena.as_ref() };
        arena.claimed().set(0, header_slices);
        arena.committed().set(0, if traits.is_charged() { slices } else { filled });
        if !traits.zero {
            arena.dirty().set(0, slices);
        }
        if guard != 0 {
            // SAFETY: the header has nothing in its last slices. Refused, they are a gap.
            let _ = unsafe { os::protect(arena.slice(filled), guard * SLICE_SIZE, false) };
        }
        if !traits.external {
            arena.start_without_huge();
        }
        if VALGRIND {
            // It looks for pointers wherever the program may touch memory.
            tools::lock(arena.slice(header_slices).as_ptr(), arena.blocks_size());
        }
        Some(arena)
    }

    /// Ends an arena: nothing leads to its memory any more, which goes back to the system unless it is the
    /// program's.
    ///
    /// # Safety
    /// Nobody uses the arena or memory of it, now or later.
    unsafe fn dissolve(&'static self) {
        id::withdraw(self);
        self.claimed().for_each_run(
            self.header_slices,
            self.slices - self.header_slices,
            true,
            |index, count| {
                page_map::clear(self.slice(index), count);
                true
            },
        );
        let stats = &self.owner.stats;
        stats.committed.decrease(self.committed().count_set(0, self.slices) * SLICE_SIZE);
        stats.reserved.decrease(self.size());
        // SAFETY: the caller's promise.
        unsafe { self.release_range() };
    }

    /// Counts a fresh arena in the statistics.
    fn count_in(&self) {
        let stats = &self.owner.stats;
        stats.reserved.increase(self.size());
        stats.committed.increase(self.committed().count_set(0, self.slices) * SLICE_SIZE);
        stats.arena_count.bump();
    }

    /// Gives the arena's memory back to the system, unless it is the program's.
    ///
    /// # Safety
    /// Nobody uses the arena or memory of it, now or later.
    unsafe fn release_range(&'static self) {
        tools::unlock(self.slice(self.header_slices).as_ptr(), self.blocks_size());
        if !self.traits.external {
            // SAFETY: the range is the engine's, and by the caller's promise nobody uses it.
            unsafe { reserve::release_range(self.base(), self.size(), self.traits.pinned) };
        }
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

    /// Bytes of the arena behind its header.
    fn blocks_size(&self) -> usize {
        (self.slices - self.header_slices) * SLICE_SIZE
    }

    /// The arena's number: unique in the process, and 0 when numbers have run out.
    pub fn id(&self) -> i32 {
        self.id.get()
    }

    /// Calls `f` with the arena of this number, which does not end meanwhile. `None` when there is none.
    pub fn with_id<R>(id: i32, f: impl FnOnce(&'static Self) -> R) -> Option<R> {
        id::with(id, f)
    }

    /// Whether `addr` lies in the arena.
    pub fn contains(&self, addr: usize) -> bool {
        addr.wrapping_sub(self.base().addr().get()) < self.size()
    }

    /// Slices in the arena.
    pub fn slice_count(&self) -> usize {
        self.slices
    }

    /// What the bits say about slice `index` now.
    pub fn slice_state(&self, index: usize) -> SliceState {
        let is_set = |map: Bitmap| map.all_set(index, 1);
        if index < self.header_slices {
            SliceState::Header
        } else if is_set(self.claimed()) {
            SliceState::Used
        } else if is_set(self.map(|chunk| &chunk.purge)) || is_set(self.map(|chunk| &chunk.aged)) {
            SliceState::ToBePurged
        } else if is_set(self.committed()) {
            SliceState::Committed
        } else {
            SliceState::Reserved
        }
    }

    /// Whether slice `index` and those that share its word of bits are free and without memory.
    pub fn is_untouched(&self, index: usize) -> bool {
        let first = align_down(index, WORD_BITS);
        let count = WORD_BITS.min(self.slices - first);
        self.claimed().all_clear(first, count) && self.committed().all_clear(first, count)
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

    /// Commits a run that the caller has claimed; gives it up when that is refused.
    fn prepare(&'static self, index: usize, count: usize) -> Option<Span> {
        self.free.fetch_sub(count, Ordering::Relaxed);
        self.consider_huge(index, index + count);
        if !self.commit_run(index, count) {
            self.give_unused(index, count);
            return None;
        }
        self.unschedule(index, count);
        let dirty = self.dirty();
        let zero = !self.doubted.load(Ordering::Relaxed) && dirty.all_clear(index, count);
        dirty.set(index, count);
        Some(Span { start: self.slice(index), slices: count, arena: Some(self), index, zero })
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
