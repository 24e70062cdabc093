//! The pages of one bin that a theap owns, as a doubly linked list.
//!
//! The first page serves allocation. A page that gets a free block again goes to the end, so that it
//! gathers more of them before its turn comes.
#![allow(unsafe_code)]

use core::cell::Cell;
use core::ptr::null_mut;

use crate::page::{Page, PageRef};

/// A queue of pages.
///
/// # Invariants
/// `first` and `last` are both null or both pages; following `next` from `first` ends at `last` and passes
/// `count` pages, all owned by the theap of the queue.
pub struct PageQueue {
    first: Cell<*mut Page>,
    last: Cell<*mut Page>,
    count: Cell<usize>,
}

impl PageQueue {
    /// An empty queue.
    pub(crate) const fn new() -> Self {
        Self { first: Cell::new(null_mut()), last: Cell::new(null_mut()), count: Cell::new(0) }
    }

    /// The page that serves allocation.
    #[inline]
    pub fn first(&self) -> Option<PageRef> {
        // SAFETY: by the invariant the link is null or a page that the theap owns.
        unsafe { PageRef::from_link(self.first.get()) }
    }

    /// The page after `page`.
    #[inline]
    pub fn after(&self, page: PageRef) -> Option<PageRef> {
        // SAFETY: as for `first`.
        unsafe { PageRef::from_link(page.next.get()) }
    }

    /// Makes the queue empty, whatever becomes of its pages.
    pub fn forget(&self) {
        self.first.set(null_mut());
        self.last.set(null_mut());
        self.count.set(0);
    }

    /// Pages in the queue.
    pub fn count(&self) -> usize {
        self.count.get()
    }

    /// Adds a page that is in no queue at the front.
    pub fn push_front(&self, page: PageRef) {
        page.prev.set(null_mut());
        page.next.set(self.first.get());
        match self.first() {
            Some(first) => first.prev.set(page.as_ptr()),
            None => self.last.set(page.as_ptr()),
        }
        self.first.set(page.as_ptr());
        self.count.set(self.count.get() + 1);
    }

    /// Adds a page that is in no queue at the end.
    #[inline]
    pub fn push_back(&self, page: PageRef) {
        page.next.set(null_mut());
        page.prev.set(self.last.get());
        // SAFETY: by the invariant the link is null or a page that the theap owns.
        match unsafe { PageRef::from_link(self.last.get()) } {
            Some(last) => last.next.set(page.as_ptr()),
            None => self.first.set(page.as_ptr()),
        }
        self.last.set(page.as_ptr());
        self.count.set(self.count.get() + 1);
    }

    /// Takes the first page out of the queue.
    #[inline]
    pub fn pop_front(&self) -> Option<PageRef> {
        let page = self.first()?;
        let next = self.after(page);
        self.first.set(page.next.replace(null_mut()));
        match next {
            Some(next) => next.prev.set(null_mut()),
            None => self.last.set(null_mut()),
        }
        self.count.set(self.count.get() - 1);
        Some(page)
    }

    /// Takes a page of this queue out of it.
    pub fn remove(&self, page: PageRef) {
        // SAFETY: links of a queued page are null or its neighbours, which the theap owns.
        let (prev, next) =
            unsafe { (PageRef::from_link(page.prev.get()), PageRef::from_link(page.next.get())) };
        match prev {
            Some(prev) => prev.next.set(page.next.get()),
            None => self.first.set(page.next.get()),
        }
        match next {
            Some(next) => next.prev.set(page.prev.get()),
            None => self.last.set(page.prev.get()),
        }
        page.next.set(null_mut());
        page.prev.set(null_mut());
        self.count.set(self.count.get() - 1);
    }
}
