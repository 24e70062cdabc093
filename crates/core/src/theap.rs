//! Theaps: one thread's part of one heap, its pages by bin.
//!
//! The first entries are the direct table that the fast path of `malloc` reads: for every word count the
//! page that serves it, or [`EMPTY_PAGE`], never null. Bins too large for the table are found by number.
//!
//! # Invariants
//! T1: only the theap's thread touches it, except under the locks of `thread`. T2: `direct[w]` is the first
//! page of the queue of `w`'s bin, or `EMPTY_PAGE` when the queue is empty. T3: every page in a queue has
//! the theap's `tid` in its owner word.
#![allow(unsafe_code)]

mod check;
pub mod sampler;
mod table;

use core::cell::Cell;
use core::ptr::{null, without_provenance};

use crate::config::{
    DIRECT_ENTRIES, EXTEND_MIN, MARKED_FREE, RETIRE_SWEEPS, RETIRED_BLOCK_MAX, SLICE_SIZE,
    SWEEP_CALLS, TRACKED,
};
use crate::heap::Heap;
use crate::page::look::Look;
use crate::page::{EMPTY_PAGE, FLAGS, Page, PageRef};
use crate::page_queue::PageQueue;
use crate::size_class::{self, BIN_COUNT};
use crate::stats::{Event, Events, HeapCounts};
use crate::sync::{AtomicPtr, Ordering};

use sampler::Sampler;
pub use table::NUMBER_END;
use table::TheapTable;

/// Entries of a theap's cache of theaps.
const CACHE_ENTRIES: usize = 8;

/// Theaps that were used last, by the addresses of their heaps. The first entry is never looked at: behind the
/// first sentinel there is something else in its place.
type Cache = [Cell<*const Theap>; CACHE_ENTRIES + 1];

/// Where the cache has the theap of the heap at `heap`.
#[inline(always)]
fn cache_index(heap: *const Heap) -> usize {
    const SHIFT: u32 = size_of::<Heap>().next_power_of_two().trailing_zeros();
    1 + (heap.addr() >> SHIFT) % CACHE_ENTRIES
}

/// Allocations of a theap that watches its blocks between two that take the slow path.
const WATCHED_CALLS: u64 = 8 * SWEEP_CALLS;

/// The heap of a theap that is part of none.
const NO_HEAP: *mut Heap = without_provenance::<Heap>(align_of::<Heap>()).cast_mut();

/// One thread's part of one heap.
#[repr(C)]
pub struct Theap {
    direct: [Cell<*mut Page>; DIRECT_ENTRIES],
    /// Never null, and what it leads to has a heap to compare with: the theap itself where nothing else is.
    cache: Cache,
    tid: Cell<usize>,
    /// The heap that the theap is part of; `NO_HEAP` when that was destroyed, and the theap waits for another.
    heap: AtomicPtr<Heap>,
    /// Slow-path calls so far: the clock by which the theap does its chores.
    calls: Cell<u64>,
    /// The bits of that number which are all 0 when the slow path has more to do than to take a list: at each of its
    /// chores, or always.
    rest_between: Cell<u64>,
    /// As those, of a theap that watches blocks and takes them from lists one by one.
    rest_when_watching: Cell<u64>,
    /// Whether the links of free blocks are looked at, and no list is left to the fast path. Behind the first sentinel
    /// the word before is in its place, which is 0 as well.
    watches: Cell<usize>,
    /// Which allocations get a guarded block.
    pub sampler: Sampler,
    /// Bins below and above which no page is retired.
    retired: Cell<(u8, u8)>,
    /// The theap of the main heap of the same thread.
    root: Cell<*const Self>,
    /// In the root: the other theaps of the thread.
    others: TheapTable,
    /// In the root: calls of the deferred-free function so far.
    heartbeat: Cell<u64>,
    /// In the root: the thread is inside the deferred-free function.
    in_deferred: Cell<bool>,
    /// Neighbours in the heap's list of theaps, under `HEAPS`.
    pub next: Cell<*const Self>,
    /// See `next`.
    pub prev: Cell<*const Self>,
    /// What happened on the slow paths.
    pub events: Events,
    queues: [PageQueue; BIN_COUNT],
}

const _: () = assert!(size_of::<Theap>() <= 4096, "a theap touches one OS page");
const _: () = assert!(core::mem::offset_of!(Theap, direct) == 0);

/// `retired` when no page is.
const NONE_RETIRED: (u8, u8) = (u8::MAX, 0);

/// The theaps of threads that have none: `malloc` always takes the slow path on them.
///
/// Two addresses have to be told apart, and behind both the fast path must read a direct table, so the
/// second table is the first one's, moved by an entry.
#[repr(C)]
struct Sentinels {
    first_entry: Cell<*mut Page>,
    rest: Theap,
}

/// Wraps the sentinels so that a static can hold them.
#[repr(transparent)]
struct ReadOnly(Sentinels);

// SAFETY: nothing ever writes to the sentinels.
unsafe impl Sync for ReadOnly {}

static SENTINELS: ReadOnly = ReadOnly(Sentinels {
    first_entry: Cell::new(EMPTY),
    rest: Theap::new(&raw const SENTINELS.0.rest),
});

crate::os::thread_slot!(Theap, SENTINELS);

const EMPTY: *mut Page = (&raw const EMPTY_PAGE).cast_mut();

/// What the thread slot holds before a thread's first allocation.
pub const EMPTY_THEAP: *const Theap = (&raw const SENTINELS).cast();

/// What the thread slot holds once the thread's exit hook has run.
pub const EXITED_THEAP: *const Theap = &raw const SENTINELS.0.rest;

/// The theap that serves plain allocation of this thread, or a sentinel.
#[inline(always)]
pub fn current() -> *const Theap {
    slot_get()
}

/// As [`current`], when the thread has one.
pub fn current_or_none() -> Option<&'static Theap> {
    let theap = current();
    // SAFETY: the slot holds a sentinel or the thread's own theap, which lives until the thread's exit hook
    // has replaced it.
    (!Theap::is_sentinel(theap)).then(|| unsafe { &*theap })
}

/// Whether the exit hook of this thread has run.
#[inline]
pub fn is_exited() -> bool {
    core::ptr::eq(current(), EXITED_THEAP)
}

/// The theap of this thread that owns `page`. The caller has found this thread's id in the page.
pub fn owner_of(page: PageRef) -> Option<&'static Theap> {
    // SAFETY: by T3 a page with this thread's id is in a queue of the theap it names, which is this thread's.
    unsafe { page.theap.get().cast::<Theap>().as_ref() }
}

/// Makes `theap` serve plain allocation of this thread.
pub fn set_current(theap: *const Theap) {
    slot_set(theap);
}

impl Theap {
    /// The sentinel at `place`.
    const fn new(place: *const Self) -> Self {
        // A constant of no type's own can't name `place`: filled in by hand.
        let cache: Cache = [
            Cell::new(place),
            Cell::new(place),
            Cell::new(place),
            Cell::new(place),
            Cell::new(place),
            Cell::new(place),
            Cell::new(place),
            Cell::new(place),
            Cell::new(place),
        ];
        Self {
            direct: [const { Cell::new(EMPTY) }; DIRECT_ENTRIES],
            cache,
            tid: Cell::new(0),
            heap: AtomicPtr::new(NO_HEAP),
            calls: Cell::new(0),
            rest_between: Cell::new(SWEEP_CALLS - 1),
            rest_when_watching: Cell::new(0),
            watches: Cell::new(0),
            sampler: Sampler::new(),
            retired: Cell::new(NONE_RETIRED),
            root: Cell::new(null()),
            others: TheapTable::new(),
            heartbeat: Cell::new(0),
            in_deferred: Cell::new(false),
            next: Cell::new(null()),
            prev: Cell::new(null()),
            events: Events::new(),
            queues: [const { PageQueue::new() }; BIN_COUNT],
        }
    }

    /// Makes zeroed memory a theap for `heap` of the thread `tid`, whose theap of the main heap is `root`.
    pub fn init(&self, tid: usize, heap: &'static Heap, root: *const Self) {
        self.reset();
        for entry in &self.cache {
            entry.set(self);
        }
        self.tid.set(tid);
        self.root.set(root);
        self.set_heap(Some(heap));
        self.update_choices();
    }

    /// Looks at what is chosen now: whether blocks are sampled, and whether they are watched.
    pub fn update_choices(&self) {
        let heap = self.living_heap();
        let samples = self.sampler.update(heap);
        let watches = !MARKED_FREE && !TRACKED && heap.is_some_and(Heap::is_watched);
        if (self.watches.replace(watches.into()) != 0) != watches {
            self.for_each_page(|page| page.set_watched(watches));
        }
        let takes_time = samples || watches;
        if takes_time && self.rest_between.get() != 0 {
            // Lists that the fast path has already would pass by what is chosen.
            self.for_each_page(|page| self.take_back(page));
        }
        self.rest_between.set(if takes_time { 0 } else { SWEEP_CALLS - 1 });
        self.rest_when_watching.set(if samples { 0 } else { WATCHED_CALLS - 1 });
    }

    /// Whether the links of free blocks are looked at, and no list is left to the fast path.
    ///
    /// # Safety
    /// `theap` is the calling thread's theap or a sentinel.
    #[inline(always)]
    pub unsafe fn watches(theap: *const Self) -> bool {
        // SAFETY: of both sentinels and of a theap the word can be read.
        unsafe { (*theap).watches.get() != 0 }
    }

    /// Forgets all pages.
    pub fn reset(&self) {
        for entry in &self.direct {
            entry.set(EMPTY);
        }
        for queue in &self.queues {
            queue.forget();
        }
        self.retired.set(NONE_RETIRED);
    }

    /// Makes the theap part of `heap`, or of none.
    pub fn set_heap(&self, heap: Option<&'static Heap>) {
        let heap = heap.map_or(NO_HEAP, |heap| core::ptr::from_ref(heap).cast_mut());
        self.heap.store(heap, Ordering::Release);
    }

    /// Whether the theap is part of `heap`; of no heap, when that is `None`.
    #[inline]
    pub fn is_part_of(&self, heap: Option<&Heap>) -> bool {
        let mine = self.heap.load(Ordering::Acquire).cast_const();
        core::ptr::eq(mine, heap.map_or(NO_HEAP, core::ptr::from_ref))
    }

    /// The theap of the heap at `heap`, if it is among those that the thread of `theap` used last. `heap` may be
    /// any address.
    ///
    /// # Safety
    /// `theap` is the calling thread's theap or a sentinel.
    #[inline(always)]
    pub unsafe fn cached(theap: *const Self, heap: *const Heap) -> Option<*const Self> {
        // SAFETY: every entry but the first of both sentinels and of a theap is a theap of the thread, which ends
        // with it, or a sentinel.
        unsafe {
            let found = (*theap).cache[cache_index(heap)].get();
            core::ptr::eq((*found).heap.load(Ordering::Relaxed), heap).then_some(found)
        }
    }

    /// Notes that `other`, a theap of the same thread, is used.
    pub fn remember(&self, other: &'static Self) {
        self.cache[cache_index(other.heap.load(Ordering::Relaxed))].set(other);
    }

    /// The other theap of this root's thread that has the number of `heap`, whatever heap it is part of now.
    pub fn other(&self, heap: &Heap) -> Option<&'static Self> {
        self.others.get(heap.number())
    }

    /// Enters a theap of this root's thread for `heap`, which has none yet. False when memory ran out.
    pub fn add_other(&self, heap: &Heap, theap: &'static Self) -> bool {
        self.others.set(heap.number(), theap)
    }

    /// Whether this root's thread has other theaps.
    pub fn has_others(&self) -> bool {
        !self.others.is_empty()
    }

    /// Calls `f` with every theap of this root's thread but the root. The caller holds `HEAPS`: any thread may be
    /// ending their heaps.
    pub fn for_each_other(&self, f: impl FnMut(&'static Self)) {
        self.others.for_each(f);
    }

    /// Forgets the other theaps of this root's thread.
    pub fn forget_others(&self) {
        self.others.clear();
    }

    /// Whether the theap serves threads whose exit hook has run: its id is its own address.
    pub fn is_late(&self) -> bool {
        self.tid() == core::ptr::from_ref(self).addr()
    }

    /// Calls `f` with the thread's next heartbeat, unless the thread is inside such a call already. Only on a
    /// root.
    pub fn beat(&self, f: impl FnOnce(u64)) {
        if !self.in_deferred.replace(true) {
            self.heartbeat.set(self.heartbeat.get() + 1);
            f(self.heartbeat.get());
            self.in_deferred.set(false);
        }
    }

    /// The theap of the main heap of the same thread.
    pub fn root(&self) -> &'static Self {
        // SAFETY: set by `init`; the root ends after the other theaps of its thread.
        unsafe { &*self.root.get() }
    }

    /// Whether `theap` is a sentinel: no thread's.
    #[inline]
    pub fn is_sentinel(theap: *const Self) -> bool {
        // The two stand an entry apart, and no theap lies between them: one compare tells.
        theap.addr().wrapping_sub(EMPTY_THEAP.addr()) <= EXITED_THEAP.addr() - EMPTY_THEAP.addr()
    }

    /// The page that serves requests of `words` words.
    ///
    /// # Safety
    /// `theap` is the calling thread's theap or a sentinel, and `words < DIRECT_ENTRIES`.
    #[inline(always)]
    pub unsafe fn direct_page(theap: *const Self, words: usize) -> PageRef {
        // SAFETY: every entry of both sentinels and of a theap is a page (T2).
        unsafe { PageRef::new_unchecked((*theap).direct.get_unchecked(words).get()) }
    }

    /// The thread that the theap belongs to.
    pub fn tid(&self) -> usize {
        self.tid.get()
    }

    /// The heap that the theap is part of, if that was not destroyed.
    #[inline]
    pub fn living_heap(&self) -> Option<&'static Heap> {
        (!self.is_part_of(None)).then(|| self.heap())
    }

    /// The heap that the theap is part of, which was not destroyed.
    pub fn heap(&self) -> &'static Heap {
        // SAFETY: a theap in use has a heap, which outlives that use.
        unsafe { &*self.heap.load(Ordering::Relaxed) }
    }

    /// The queue of `bin`.
    #[inline]
    pub fn queue(&self, bin: usize) -> &PageQueue {
        &self.queues[bin]
    }

    /// Bytes that the theap's pages cover.
    pub fn owned_bytes(&self) -> usize {
        let slices =
            |(bin, queue): (usize, &PageQueue)| queue.count() * size_class::page_slices(bin);
        self.queues.iter().enumerate().map(slices).sum::<usize>() * SLICE_SIZE
    }

    /// Makes the direct table agree with the queue of `bin` (T2).
    #[inline]
    pub fn update_direct(&self, bin: usize) {
        let page = self.queue(bin).first().map_or(EMPTY, PageRef::as_ptr);
        for entry in &self.direct[size_class::direct_words(bin)] {
            entry.set(page);
        }
    }

    /// Takes ownership of a held page that is in no queue: at the front of its queue, where allocation
    /// uses it next, or at its end.
    #[inline]
    pub fn own(&self, page: PageRef, front: bool) {
        let bin = page.bin();
        let queue = self.queue(bin);
        self.own_last(bin, page);
        if front {
            queue.rotate_back();
        }
        if front || queue.count() == 1 {
            self.update_direct(bin);
        }
    }

    /// Ends ownership of a page, which stays held by the caller.
    pub fn disown(&self, page: PageRef) {
        let bin = page.bin();
        let queue = self.queue(bin);
        let was_first = queue.first() == Some(page);
        queue.remove(page);
        if was_first {
            self.update_direct(bin);
        }
        Self::let_go(page);
    }

    /// Takes ownership of a held page that is in no queue, at the end of `bin`'s queue; T2 is the caller's
    /// to restore.
    #[inline]
    pub fn own_last(&self, bin: usize, page: PageRef) {
        let flags = page.owner.load(Ordering::Relaxed) & FLAGS;
        page.theap.set(core::ptr::from_ref(self).cast());
        page.owner.store(self.tid() | flags, Ordering::Release);
        // It may come from a thread, or a heap, for which something else was chosen.
        page.set_watched(self.watches.get() != 0);
        self.queue(bin).push_back(page);
    }

    /// Ends ownership of the first page of `bin`, which stays held by the caller; T2 is the caller's to
    /// restore.
    #[inline]
    pub fn disown_first(&self, bin: usize) -> Option<PageRef> {
        let queue = self.queue(bin);
        let page = queue.first()?;
        queue.remove(page);
        Self::let_go(page);
        Some(page)
    }

    /// Leaves a page that is in no queue any more without an owner.
    #[inline]
    fn let_go(page: PageRef) {
        page.retire.set(0);
        page.owner.store(page.owner.load(Ordering::Relaxed) & FLAGS, Ordering::Release);
    }

    /// Deals with an owned page whose last live block was just freed: the only page of a bin is kept for a
    /// while, others go back at once.
    #[inline]
    pub fn emptied(&self, page: PageRef) {
        // Kept already: a block that comes and goes empties its page every few calls.
        if page.retire.get() == 0 || page.linked_bytes() > EXTEND_MIN {
            self.retire(page);
        }
    }

    #[inline(never)]
    fn retire(&self, page: PageRef) {
        let bin = page.bin();
        // Nobody allocates through a theap whose heap was deleted.
        let is_left_over = self.heap().is_main() && !core::ptr::eq(self.root.get(), self);
        if self.queue(bin).count() > 1 || page.block_size() > RETIRED_BLOCK_MAX || is_left_over {
            self.give_back(page);
            return;
        }
        if page.linked_bytes() > EXTEND_MIN {
            page.rebuild();
        }
        if page.retire.get() == 0 {
            page.retire.set(RETIRE_SWEEPS);
            self.note_retired(bin);
            self.events.count(Event::Retire, 1);
        }
    }

    /// Gives an owned page without live blocks back.
    fn give_back(&self, page: PageRef) {
        self.disown(page);
        // SAFETY: the page was owned by this theap, is in no queue now, and has no live block.
        unsafe { Heap::release_page(page) };
    }

    /// Takes up a page that the theap's thread disowned for a while: at the front of its queue if `front`. The page
    /// is given back when no block of it is live any more.
    pub fn take_up(&self, page: PageRef, front: bool) {
        self.own(page, front);
        page.take_remote();
        if page.used.get() == 0 {
            self.give_back(page);
        }
    }

    /// Counts a slow-path call; true when there is more to do: it is time for the theap's chores, or it samples or
    /// watches blocks.
    #[inline]
    pub fn tick(&self) -> bool {
        let calls = self.calls.get() + 1;
        self.calls.set(calls);
        calls & self.rest_between.get() == 0
    }

    /// Counts a call of a theap that watches its blocks. False, and not counted, when it is to be one of the slow path
    /// with its chores: rarely, as what comes here is each allocation; always, if the theap samples too.
    #[inline]
    pub fn tick_watched(&self) -> bool {
        let calls = self.calls.get() + 1;
        let goes = calls & self.rest_when_watching.get() != 0;
        if goes {
            self.calls.set(calls);
        }
        goes
    }

    /// Whether it is time for the theap's chores.
    pub fn is_time_for_chores(&self) -> bool {
        self.calls().is_multiple_of(SWEEP_CALLS)
    }

    /// Slow-path calls so far.
    pub fn calls(&self) -> u64 {
        self.calls.get()
    }

    /// Gives back retired pages whose time is over, save that of the bin `serving`, which is about to serve again.
    pub fn sweep_retired(&self, serving: usize) {
        let (low, high) = self.retired.replace(NONE_RETIRED);
        for bin in usize::from(low)..=usize::from(high) {
            let Some(page) = self.queue(bin).first().filter(|page| page.retire.get() != 0) else {
                continue;
            };
            if page.used.get() != 0 {
                page.retire.set(0);
            } else if bin != serving && page.retire.get() == 1 {
                self.give_back(page);
            } else {
                if bin != serving {
                    page.retire.set(page.retire.get() - 1);
                }
                self.note_retired(bin);
            }
        }
    }

    /// Widens the range of bins in which a sweep looks.
    fn note_retired(&self, bin: usize) {
        let (low, high) = self.retired.get();
        let bin = size_class::bin_byte(bin);
        self.retired.set((low.min(bin), high.max(bin)));
    }

    /// Looks at every page: takes in what others have freed and gives back pages without live blocks.
    pub fn collect(&self) {
        self.retired.set(NONE_RETIRED);
        self.for_each_page(|page| {
            self.take_back(page);
            page.take_remote();
            if page.used.get() == 0 {
                self.give_back(page);
            }
        });
    }

    /// Takes what is left of the list that the fast path was given of a page, which the theap owns or just owned.
    pub fn take_back(&self, page: PageRef) {
        let blocks = page.take_back();
        if blocks != 0 {
            self.queue(page.bin()).count_taken_back(blocks);
        }
    }

    /// Passes on what the theap has counted of blocks that have ended, and all else. Only for the theap's thread.
    pub fn pass_counts_to(&self, counts: &HeapCounts) {
        for (bin, queue) in self.queues.iter().enumerate() {
            if queue.handed() != 0 {
                let mut stays = 0;
                queue.for_each(|page| {
                    // SAFETY: a page of this thread, which can be read.
                    let look = unsafe { Look::at(page, |_| true) };
                    stays += look.left + look.live;
                });
                counts.hand(bin, queue.take_handed(stays));
            }
        }
        counts.add_events(&self.events);
    }

    /// Passes on all that the theap has counted. The theap's thread is calling, or does not use it any more.
    #[inline(never)]
    pub fn move_counts_to(&self, counts: &HeapCounts) {
        for bin in counts.bins() {
            if self.queue(bin).handed() != 0 {
                counts.hand(bin, self.queue(bin).take_handed(0));
            }
        }
        counts.add_events(&self.events);
    }

    /// Calls `f` with every page that the theap owns; `f` may take the page out of its queue.
    pub fn for_each_page(&self, mut f: impl FnMut(PageRef)) {
        for queue in &self.queues {
            queue.for_each(&mut f);
        }
    }
}
