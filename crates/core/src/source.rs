//! Where an allocation comes from: the calling thread's default heap, or a heap that the caller names.
//!
//! Every function that allocates takes its source first. A source is known at compile time, so plain allocation pays
//! nothing for the others.
#![allow(unsafe_code)]

use crate::heap::{Heap, MAIN_HEAP};
use crate::heaps;
use crate::page::Page;
use crate::theap::{self, EMPTY_THEAP, Theap};
use crate::thread;

/// Where an allocation comes from.
pub trait Source: Copy {
    /// The theap whose lists the fast path takes from: the calling thread's, or a sentinel, whose lists are empty.
    /// `None` when it has to be looked up.
    fn cached(self) -> Option<*const Theap>;

    /// The theap that was not found at once; a sentinel when there is none.
    fn lookup(self) -> *const Theap {
        self.ensure().map_or(EMPTY_THEAP, core::ptr::from_ref)
    }

    /// The theap to take from, found or looked up.
    #[inline]
    fn theap(self) -> *const Theap {
        self.cached().unwrap_or_else(|| self.lookup())
    }

    /// The theap to take from when [`theap`](Self::theap) gave a sentinel. `None` when memory ran out, or when the
    /// thread's exit hook has run.
    fn ensure(self) -> Option<&'static Theap>;

    /// The heap to take from when there is no theap.
    fn heap(self) -> &'static Heap;

    /// Whether a block of `page` may stay there when it is reallocated from this source.
    fn keeps(self, page: &Page) -> bool;
}

/// The calling thread's default heap: the main heap of its sub-process, unless the thread has chosen another.
/// Reallocation leaves blocks of other heaps where they are.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

impl Source for Plain {
    #[inline(always)]
    fn cached(self) -> Option<*const Theap> {
        Some(theap::current())
    }

    fn ensure(self) -> Option<&'static Theap> {
        thread::ensure()
    }

    fn heap(self) -> &'static Heap {
        &MAIN_HEAP
    }

    #[inline(always)]
    fn keeps(self, _page: &Page) -> bool {
        true
    }
}

/// A heap; `None` stands for the main heap of the calling thread's sub-process. Reallocation moves blocks of other
/// heaps here.
impl Source for Option<&'static Heap> {
    #[inline(always)]
    fn cached(self) -> Option<*const Theap> {
        let heap = self.map_or(core::ptr::null(), core::ptr::from_ref);
        // SAFETY: what `current` gives.
        unsafe { Theap::cached(theap::current(), heap) }
    }

    fn ensure(self) -> Option<&'static Theap> {
        heaps::theap_of(self)
    }

    fn heap(self) -> &'static Heap {
        self.unwrap_or_else(heaps::main)
    }

    fn keeps(self, page: &Page) -> bool {
        self.heap().is(Heap::of(page))
    }
}

impl Source for &'static Heap {
    #[inline(always)]
    fn cached(self) -> Option<*const Theap> {
        Some(self).cached()
    }

    fn ensure(self) -> Option<&'static Theap> {
        Some(self).ensure()
    }

    fn heap(self) -> &'static Heap {
        self
    }

    fn keeps(self, page: &Page) -> bool {
        Some(self).keeps(page)
    }
}

/// A theap of the calling thread, which gives nothing once its heap was destroyed; `None` stands for the thread's
/// default one.
impl Source for Option<&'static Theap> {
    #[inline(always)]
    fn cached(self) -> Option<*const Theap> {
        Some(self.map_or_else(theap::current, core::ptr::from_ref))
    }

    fn ensure(self) -> Option<&'static Theap> {
        self.or_else(thread::ensure)
    }

    fn heap(self) -> &'static Heap {
        self.and_then(Theap::living_heap).unwrap_or_else(heaps::default)
    }

    fn keeps(self, page: &Page) -> bool {
        self.heap().is(Heap::of(page))
    }
}
