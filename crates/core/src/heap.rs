//! Heaps and sub-processes: who the blocks belong to, and which memory they may come from.
//!
//! A heap belongs to the process. A thread allocates from it through a theap of its own; the heap knows
//! them all, so that it can be deleted or destroyed from any thread. A sub-process is a closed world of
//! arenas, heaps and abandoned pages.
#![allow(unsafe_code)]

use core::cell::Cell;
use core::ptr::null;

use crate::abandoned::AbandonedMap;
use crate::arena::{ABANDONED_MAPS, Arena, Arenas};
use crate::os;
use crate::page::Page;
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
pub struct Heap {
    /// The world that the heap belongs to.
    pub subproc: &'static SubProcess,
    /// The only arena that the heap allocates from, if it is bound to one.
    pub arena: Option<&'static Arena>,
    /// First of the theaps through which threads use the heap; linked by the theaps, under [`HEAPS`].
    pub theaps: Cell<*const ()>,
    is_main: bool,
}

// SAFETY: `theaps` is touched only under the lock `HEAPS`; the rest does not change.
unsafe impl Sync for Heap {}

/// Guards the lists of theaps of all heaps.
pub static HEAPS: os::Lock = os::Lock::new();

/// The sub-process of every thread that joins no other.
pub static MAIN_SUBPROC: SubProcess = SubProcess::new();

/// The heap of plain allocation.
pub static MAIN_HEAP: Heap =
    Heap { subproc: &MAIN_SUBPROC, arena: None, theaps: Cell::new(null()), is_main: true };

impl Heap {
    /// The heap that a live page's blocks belong to.
    pub fn of(page: &Page) -> &'static Self {
        // SAFETY: pages store the address of a heap, and a heap outlives its pages.
        unsafe { &*page.heap.load(Ordering::Acquire).cast::<Self>() }
    }

    /// The heap as it is stored in a page.
    pub fn as_page_owner(&'static self) -> *mut () {
        core::ptr::from_ref(self).cast_mut().cast()
    }

    /// The map in which abandoned pages of `bin` of this heap are found.
    pub fn abandoned_map(&self, bin: usize) -> usize {
        if self.is_main { bin } else { ABANDONED_MAPS - 1 }
    }

    /// Whether `other` is this heap.
    pub fn is(&self, other: &Self) -> bool {
        core::ptr::eq(self, other)
    }
}
