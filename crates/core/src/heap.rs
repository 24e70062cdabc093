//! Heaps and sub-processes: who the blocks belong to, and which memory they may come from.
//!
//! A heap belongs to the process. A thread allocates from it through a theap of its own; the heap knows
//! them all, so that it can be deleted or destroyed from any thread. A sub-process is a closed world of
//! arenas, heaps and abandoned pages.
#![allow(unsafe_code)]

use core::cell::Cell;
use core::ptr::{null, null_mut};

use crate::abandoned::AbandonedMap;
use crate::arena::{ABANDONED_MAPS, Arena, Arenas, Span, node};
use crate::config::SLICE_SIZE;
use crate::guards::{Record, SharedChoice};
use crate::options::{self, Opt};
use crate::os;
use crate::page::guard;
use crate::page::list::PageList;
use crate::page::{Page, PageRef};
use crate::size_class::HUGE_BIN;
use crate::stats::{HeapCounts, Stats};
use crate::sync::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use crate::units::to_u32;

/// A closed world of memory: pages never pass from one to another.
///
/// Memory of sub-processes is used for sub-processes only.
#[repr(C)]
pub struct SubProcess {
    /// The memory that its pages are made of.
    pub arenas: Arenas,
    /// For each map of abandoned pages, how many there are. A hint that saves searches.
    abandoned: [AtomicUsize; ABANDONED_MAPS],
    /// Null for [`MAIN_HEAP`]: all of the main sub-process is zeros, and takes no room in a program's file.
    main_heap: AtomicPtr<Heap>,
    /// Threads whose plain allocation it serves.
    pub threads: AtomicUsize,
    /// The next sub-process in the list of all, under [`HEAPS`].
    pub next: Cell<*const Self>,
    /// What its heaps have counted that ended, or were told to pass it on.
    pub ended: HeapCounts,
}

// SAFETY: the cell is touched only under the lock `HEAPS`.
unsafe impl Sync for SubProcess {}

impl SubProcess {
    /// A sub-process without threads.
    pub(crate) const fn new() -> Self {
        Self {
            arenas: Arenas::new(),
            abandoned: [const { AtomicUsize::new(0) }; ABANDONED_MAPS],
            main_heap: AtomicPtr::new(null_mut()),
            threads: AtomicUsize::new(0),
            next: Cell::new(null()),
            ended: HeapCounts::new(),
        }
    }

    /// The heap of plain allocation.
    pub fn main_heap(&self) -> &'static Heap {
        // SAFETY: set before the sub-process is known to anybody, to a heap that ends with it.
        unsafe { self.main_heap.load(Ordering::Relaxed).as_ref() }.unwrap_or(&MAIN_HEAP)
    }

    /// Says which heap is the main one, before anybody else knows the sub-process.
    pub fn set_main_heap(&self, heap: &'static Heap) {
        self.main_heap.store(core::ptr::from_ref(heap).cast_mut(), Ordering::Relaxed);
    }

    /// What is counted of the sub-process as a whole.
    pub fn stats(&self) -> &Stats {
        &self.arenas.stats
    }

    /// Takes the slices back of a page that held `bytes` bytes and has ended.
    ///
    /// # Safety
    /// The slices were taken from here, and nothing refers to their memory any more.
    pub unsafe fn take_back(&self, span: Span, bytes: usize, record: Option<&'static Record>) {
        self.count_page_end(bytes);
        if let Some(record) = record {
            record.give();
            // SAFETY: the caller's promise.
            return unsafe { self.take_back_guarded(span) };
        }
        match span.arena {
            // The system may allow no more accessible memory just now.
            Some(arena) if !guard::lower(&span) => arena.give_inaccessible(span.index, span.slices),
            // SAFETY: the caller's promise.
            _ => unsafe { self.arenas.give(span) },
        }
    }

    /// Takes the slices of a guarded block back.
    ///
    /// # Safety
    /// As for [`take_back`](Self::take_back).
    pub unsafe fn take_back_guarded(&self, span: Span) {
        // SAFETY: the caller's promise.
        unsafe {
            let Some(arena) = span.arena else { return self.arenas.give(span) };
            let size = span.slices * SLICE_SIZE;
            if os::unfence(span.start, size).is_ok() && guard::lower(&span) {
                self.arenas.give(span);
            } else if os::uncommit(span.start, size).is_ok() {
                arena.give_inaccessible(span.index, span.slices);
            }
            // What cannot be made accessible is not used again.
        }
    }

    /// Counts the end of a page that held `bytes` bytes.
    fn count_page_end(&self, bytes: usize) {
        self.stats().pages.decrease(1);
        self.stats().page_committed.decrease(bytes);
    }

    /// Whether `other` is this sub-process.
    #[inline]
    pub fn is(&self, other: &Self) -> bool {
        core::ptr::eq(self, other)
    }

    /// Whether a search for abandoned pages of a map can find any.
    pub fn has_abandoned(&self, map: usize) -> bool {
        self.abandoned[map].load(Ordering::Relaxed) != 0
    }

    /// Forgets how many pages are abandoned: none can be found.
    pub fn forget_abandoned(&self) {
        for count in &self.abandoned {
            count.store(0, Ordering::Relaxed);
        }
    }

    /// The abandoned pages of map number `map` in one of the arenas.
    pub fn abandoned(&self, arena: &Arena, map: usize) -> AbandonedMap<'_> {
        AbandonedMap::new(arena.abandoned(map), &self.abandoned[map])
    }
}

/// What a heap is made with.
#[derive(Clone, Copy)]
pub struct Settings {
    /// The world that the heap belongs to.
    pub subproc: &'static SubProcess,
    /// The only arena that the heap allocates from, if it is bound to one; of the same world.
    pub arena: Option<&'static Arena>,
    /// A number of the user's, shown when the heap's areas are visited.
    pub tag: i32,
    /// Destroying the heap frees its blocks; else it only deletes the heap.
    pub destroyable: bool,
}

impl Settings {
    /// An ordinary heap of `subproc`.
    pub const fn of(subproc: &'static SubProcess) -> Self {
        Self { subproc, arena: None, tag: 0, destroyable: true }
    }
}

/// A first-class heap.
///
/// Memory of heaps is used for heaps only, so that a thread which still follows a page's old heap finds one.
#[repr(C)]
pub struct Heap {
    /// Pages of the heap that arenas' bitmaps don't tell: see [`PageList`].
    pub pages: PageList,
    settings: Settings,
    is_main: bool,
    /// Whether the heap was deleted or destroyed, and this is memory for the next one.
    ended: AtomicBool,
    /// The NUMA node that memory should be on, plus one; 0 for any.
    numa_node: AtomicU32,
    /// What threads find their theap of the heap by. Belongs to the memory: the next heap there has it too.
    number: u32,
    /// How many owners the heap has, where a face counts them.
    pub owners: AtomicUsize,
    /// First of the theaps through which threads use the heap, under [`HEAPS`].
    pub theaps: Cell<*const ()>,
    /// The theap of threads whose exit hook has run, under the lock of `thread`.
    pub late: Cell<*const ()>,
    /// Neighbours in the list of the sub-process's heaps, under [`HEAPS`].
    pub next: Cell<*const Self>,
    /// See `next`.
    pub prev: Cell<*const Self>,
    /// Which of its blocks are guarded, where that is chosen for the heap.
    pub guarding: SharedChoice,
    /// Whether blocks are looked at when they are freed, where that is chosen for the heap.
    pub watched: AtomicBool,
    /// Statistics.
    pub counts: HeapCounts,
}

const _: () = assert!(size_of::<Heap>() <= 2048, "a process can have tens of thousands of heaps");

// SAFETY: the cells are touched only under the locks named beside them; the rest does not change while the heap
// lives.
unsafe impl Sync for Heap {}

/// Guards the list of sub-processes, the lists of their heaps and the lists of their theaps.
pub static HEAPS: os::Lock = os::Lock::new();

/// The sub-process of every thread that joins no other.
pub static MAIN_SUBPROC: SubProcess = SubProcess::new();

/// The heap of plain allocation.
pub static MAIN_HEAP: Heap = Heap::new(Settings::of(&MAIN_SUBPROC), 0, true);

/// Calls `f` with every sub-process, the main one first. The caller holds [`HEAPS`], or is the only thread.
pub fn for_each_subproc(mut f: impl FnMut(&'static SubProcess)) {
    let mut next = Some(&MAIN_SUBPROC);
    while let Some(subproc) = next {
        // SAFETY: the list holds live sub-processes only.
        next = unsafe { subproc.next.get().as_ref() };
        f(subproc);
    }
}

/// Calls `f` with every heap of a sub-process, the main one first. The caller holds `HEAPS`, or is the only thread.
pub fn for_each_heap(subproc: &SubProcess, mut f: impl FnMut(&'static Heap)) {
    let mut next = Some(subproc.main_heap());
    while let Some(heap) = next {
        // SAFETY: the list holds live heaps only.
        next = unsafe { heap.next.get().as_ref() };
        f(heap);
    }
}

impl Heap {
    /// A heap without pages; `is_main` makes it one of plain allocation.
    pub const fn new(settings: Settings, number: u32, is_main: bool) -> Self {
        Self {
            pages: PageList::new(),
            settings,
            is_main,
            ended: AtomicBool::new(false),
            numa_node: AtomicU32::new(0),
            number,
            owners: AtomicUsize::new(0),
            theaps: Cell::new(null()),
            late: Cell::new(null()),
            next: Cell::new(null()),
            prev: Cell::new(null()),
            guarding: SharedChoice::new(),
            watched: AtomicBool::new(false),
            counts: HeapCounts::new(),
        }
    }

    /// The world that the heap belongs to.
    pub fn subproc(&self) -> &'static SubProcess {
        self.settings.subproc
    }

    /// The only arena that the heap allocates from, if it is bound to one.
    pub fn arena(&self) -> Option<&'static Arena> {
        self.settings.arena
    }

    /// The user's number for the heap.
    pub fn tag(&self) -> i32 {
        self.settings.tag
    }

    /// Whether destroying the heap frees its blocks.
    pub fn is_destroyable(&self) -> bool {
        self.settings.destroyable
    }

    /// Says which NUMA node memory of the heap should be on; a number beyond the last node wraps around.
    pub fn set_numa_node(&self, node: Option<usize>) {
        let node = node.map_or(0, |node| to_u32(node % node::count()) + 1);
        self.numa_node.store(node, Ordering::Relaxed);
    }

    /// Takes `count` slices at a multiple of `align` bytes: from the heap's arena alone if it is bound to one, else
    /// from where its sub-process has some, on the heap's NUMA node if possible.
    pub fn take_slices(&self, count: usize, align: usize) -> Option<Span> {
        let node = self.numa_node.load(Ordering::Relaxed).checked_sub(1);
        match self.arena() {
            Some(arena) => arena.take(count, align),
            None => self.subproc().arenas.take(count, align, node.map(|node| node as usize)),
        }
    }

    /// Whether the heap may use slices that another one of its sub-process has taken.
    pub fn may_use(&self, span: &Span) -> bool {
        match (self.arena(), span.arena) {
            (Some(own), arena) => arena.is_some_and(|arena| core::ptr::eq(own, arena)),
            (None, arena) => arena.is_none_or(|arena| !arena.traits().exclusive),
        }
    }

    /// What threads find their theap of the heap by.
    pub fn number(&self) -> usize {
        self.number as usize
    }

    /// What the heap is called in print: 0 for the main one of the process, and no other living heap's number.
    pub fn ordinal(&self) -> usize {
        if self.is(&MAIN_HEAP) { 0 } else { self.number() + 1 }
    }

    /// Notes that the heap was deleted or destroyed. The caller holds [`HEAPS`].
    pub fn set_ended(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Whether the heap was deleted or destroyed. Known until the next heap is made in its memory.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Whether this is the heap of plain allocation.
    pub fn is_main(&self) -> bool {
        self.is_main
    }

    /// The heap that a live page's blocks belong to.
    pub fn of(page: &Page) -> &'static Self {
        // SAFETY: pages store the address of a heap, whose memory stays that of a heap.
        unsafe { &*page.heap.load(Ordering::Acquire).cast::<Self>() }
    }

    /// Makes a page of a claimed span for the heap. See [`PageRef::create`].
    ///
    /// # Safety
    /// The caller has claimed `span` and nothing else refers to it.
    pub unsafe fn create_page(
        &'static self,
        span: Span,
        bin: usize,
        block_size: usize,
    ) -> Option<PageRef> {
        // SAFETY: the caller's promise.
        let page = unsafe { self.try_page(span, bin, block_size) };
        if page.is_none() {
            // SAFETY: nobody has seen the span.
            unsafe { self.subproc().arenas.give(span) };
        }
        page
    }

    /// As [`create_page`](Self::create_page), but the span stays the caller's when no page could be made.
    ///
    /// # Safety
    /// As for `create_page`.
    pub unsafe fn try_page(
        &'static self,
        span: Span,
        bin: usize,
        block_size: usize,
    ) -> Option<PageRef> {
        let word = core::ptr::from_ref(self).cast_mut().cast();
        // SAFETY: the caller's promise.
        let page = unsafe { PageRef::create(span, bin, block_size, word) }?;
        self.counts.make_page(bin, block_size);
        self.subproc().stats().pages.increase(1);
        self.subproc().stats().page_committed.increase(page.held_bytes());
        if self.lists(page) {
            self.pages.add(page);
        }
        if self.is_watched() {
            page.watch();
        }
        Some(page)
    }

    /// Gives back a page without live blocks.
    ///
    /// # Safety
    /// As for [`PageRef::release`].
    pub unsafe fn release_page(page: PageRef) {
        let subproc = Self::unlist_page(page);
        let (bytes, record) = (page.held_bytes(), page.record());
        // SAFETY: the caller's promise; the page is on no list, and its slices are nobody's any more.
        unsafe { subproc.take_back(page.release(), bytes, record) };
    }

    /// Ends the page of a guarded block, and says whose its slices are, which stay as they are.
    ///
    /// # Safety
    /// As for [`PageRef::release`], but for the block, which is nobody's any more.
    pub unsafe fn end_guarded(page: PageRef) -> (&'static SubProcess, Span) {
        let subproc = Self::unlist_page(page);
        subproc.count_page_end(page.held_bytes());
        // SAFETY: the caller's promise; the page is on no list.
        (subproc, unsafe { page.destroy() })
    }

    /// Takes a page that the caller holds off the list of its heap, and counts its end.
    fn unlist_page(page: PageRef) -> &'static SubProcess {
        Self::with_heap_of(page, |heap| {
            if heap.lists(page) {
                heap.pages.unlink(page);
            }
            heap.counts.end_page(page.bin(), page.block_size());
            heap.subproc()
        })
    }

    /// Changes the size of the only block of a huge page. See [`Page::resize_single`].
    pub fn resize_single(page: PageRef, block_size: usize) {
        let stats = Self::with_heap_of(page, |heap| {
            heap.counts.resize(page.block_size(), block_size);
            heap.subproc().stats()
        });
        stats.page_committed.decrease(page.held_bytes());
        page.resize_single(block_size);
        stats.page_committed.increase(page.held_bytes());
    }

    /// Counts blocks that somebody who is not the page's owner took back from its handed list.
    pub fn count_taken_back(page: PageRef, blocks: u32) {
        Self::with_heap_of(page, |heap| heap.counts.hand(page.bin(), -i64::from(blocks)));
    }

    /// Counts all blocks of a page as handed out that are not live, before they are taken for live.
    pub fn count_all_for_live(&self, page: PageRef) {
        if page.bin() != HUGE_BIN {
            let others = page.reserved().saturating_sub(page.used.get() as usize);
            self.counts.hand(page.bin(), i64::from(to_u32(others)));
        }
    }

    /// Calls `f` with the heap of a page that the caller holds. The heap is not deleted meanwhile.
    fn with_heap_of<R>(page: PageRef, f: impl FnOnce(&'static Self) -> R) -> R {
        loop {
            let heap = Self::of(&page);
            // A page that is on no list is the main heap's for good. Others may have passed to it meanwhile.
            if !heap.lists(page) {
                return f(heap);
            }
            let _guard = heap.pages.lock();
            if heap.is(Self::of(&page)) {
                return f(heap);
            }
        }
    }

    /// Calls `f` with every page of the heap, of all threads and of none. `f` neither makes nor ends pages. Pages
    /// that other threads make or end meanwhile may be met or not.
    pub fn for_each_page(&self, f: &mut dyn FnMut(PageRef)) {
        self.pages.for_each(&mut *f);
        if !self.is_main {
            return;
        }
        for arena in self.subproc().arenas.iter() {
            arena.for_each_page(|index| {
                let page = PageRef::from_record(arena.record(index));
                if core::ptr::eq(page.heap.load(Ordering::Acquire).cast(), self) {
                    f(page);
                }
                true
            });
        }
    }

    /// Whether the page is on the heap's list (L1).
    fn lists(&self, page: PageRef) -> bool {
        !self.is_main || page.place().is_none()
    }

    /// Passes a page that was just taken off another heap's list, under that list's lock, to this heap.
    pub fn adopt_page(&'static self, page: PageRef) {
        if self.lists(page) {
            self.pages.add(page);
        }
        page.heap.store(core::ptr::from_ref(self).cast_mut().cast(), Ordering::Release);
    }

    /// Whether blocks of the heap are looked at when they are freed: of this heap, or of all.
    #[inline]
    pub fn is_watched(&self) -> bool {
        options::is_enabled(Opt::Check) || self.watched.load(Ordering::Relaxed)
    }

    /// The map in which abandoned pages of `bin` of this heap are found.
    pub fn abandoned_map(&self, bin: usize) -> usize {
        if self.is_main { bin } else { ABANDONED_MAPS - 1 }
    }

    /// Whether `other` is this heap.
    #[inline]
    pub fn is(&self, other: &Self) -> bool {
        core::ptr::eq(self, other)
    }
}
