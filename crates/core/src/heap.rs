//! Heaps and sub-processes: who the blocks belong to, and which memory they may come from.
//!
//! A heap belongs to the process. A thread allocates from it through a theap of its own; the heap knows
//! them all, so that it can be deleted or destroyed from any thread. A sub-process is a closed world of
//! arenas, heaps and abandoned pages.
#![allow(unsafe_code)]

use core::cell::Cell;
use core::ptr::null;

use crate::abandoned::AbandonedMap;
use crate::arena::{ABANDONED_MAPS, Arena, Arenas, Span};
use crate::os;
use crate::page::list::PageList;
use crate::page::{Page, PageRef};
use crate::sync::{AtomicUsize, Ordering};

/// A closed world of memory: pages never pass from one to another.
pub struct SubProcess {
    /// The memory that its pages are made of.
    pub arenas: Arenas,
    /// For each map of abandoned pages, how many there are. A hint that saves searches.
    abandoned: [AtomicUsize; ABANDONED_MAPS],
}

impl SubProcess {
    const fn new() -> Self {
        Self { arenas: Arenas::new(), abandoned: [const { AtomicUsize::new(0) }; ABANDONED_MAPS] }
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

/// A first-class heap.
///
/// Memory of heaps is used for heaps only, so that a thread which still follows a page's old heap finds one.
#[repr(C)]
pub struct Heap {
    /// Pages of the heap that arenas' bitmaps don't tell: see [`PageList`].
    pub pages: PageList,
    subproc: &'static SubProcess,
    arena: Option<&'static Arena>,
    is_main: bool,
    /// First of the theaps through which threads use the heap, under [`HEAPS`].
    pub theaps: Cell<*const ()>,
    /// Neighbours in the list of all heaps, under [`HEAPS`].
    pub next: Cell<*const Self>,
    /// See `next`.
    pub prev: Cell<*const Self>,
}

// SAFETY: the cells are touched only under the lock `HEAPS`; the rest does not change while the heap lives.
unsafe impl Sync for Heap {}

/// Guards the list of heaps and the lists of their theaps.
pub static HEAPS: os::Lock = os::Lock::new();

/// The sub-process of every thread that joins no other.
pub static MAIN_SUBPROC: SubProcess = SubProcess::new();

/// The heap of plain allocation.
pub static MAIN_HEAP: Heap = Heap {
    pages: PageList::new(),
    subproc: &MAIN_SUBPROC,
    arena: None,
    is_main: true,
    theaps: Cell::new(null()),
    next: Cell::new(null()),
    prev: Cell::new(null()),
};

impl Heap {
    /// A heap of the main sub-process, bound to `arena` if that is given.
    pub fn new(arena: Option<&'static Arena>) -> Self {
        Self {
            pages: PageList::new(),
            subproc: &MAIN_SUBPROC,
            arena,
            is_main: false,
            theaps: Cell::new(null()),
            next: Cell::new(null()),
            prev: Cell::new(null()),
        }
    }

    /// The world that the heap belongs to.
    pub fn subproc(&self) -> &'static SubProcess {
        self.subproc
    }

    /// The only arena that the heap allocates from, if it is bound to one.
    pub fn arena(&self) -> Option<&'static Arena> {
        self.arena
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
        let word = core::ptr::from_ref(self).cast_mut().cast();
        // SAFETY: the caller's promise.
        let page = unsafe { PageRef::create(span, bin, block_size, word) }?;
        if self.lists(page) {
            self.pages.add(page);
        }
        Some(page)
    }

    /// Gives back a page without live blocks.
    ///
    /// # Safety
    /// As for [`PageRef::release`].
    pub unsafe fn release_page(page: PageRef) {
        loop {
            let heap = Self::of(&page);
            let removed =
                !heap.lists(page) || heap.pages.remove_if(page, || heap.is(Self::of(&page)));
            // Refused when the heap was deleted meanwhile, and its page passed to the main heap.
            if removed && heap.is(Self::of(&page)) {
                break;
            }
        }
        // SAFETY: the caller's promise; the page is on no list.
        unsafe { page.release() };
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
