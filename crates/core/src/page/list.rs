//! Lists of pages that no arena's bitmap can tell: those whose slices are a mapping of their own, and all
//! pages of a heap other than the main one.
//!
//! # Invariants
//! L1: a page is on the list of its heap from before its first block is seen until it is released, unless it
//! is a page of the main heap in an arena. The heap of a listed page changes only under the locks of both
//! lists.
#![allow(unsafe_code)]

use core::cell::Cell;

use crate::os;
use crate::page::PageRef;

/// A list of pages behind a lock.
pub struct PageList {
    lock: os::Lock,
    first: Cell<Option<PageRef>>,
}

// SAFETY: `first` and the links it leads to are touched only by the holder of `lock`.
unsafe impl Sync for PageList {}

impl Default for PageList {
    fn default() -> Self {
        Self::new()
    }
}

impl PageList {
    /// An empty list.
    pub const fn new() -> Self {
        Self { lock: os::Lock::new(), first: Cell::new(None) }
    }

    /// Adds a page that is on no list.
    pub fn add(&self, new: PageRef) {
        let _guard = self.lock.lock();
        self.link(new);
    }

    fn link(&self, new: PageRef) {
        new.list_prev.set(None);
        new.list_next.set(self.first.get());
        if let Some(first) = self.first.get() {
            first.list_prev.set(Some(new));
        }
        self.first.set(Some(new));
    }

    /// Takes the lock: as long as it is held, no page is added or removed.
    pub fn lock(&self) -> os::Guard<'_> {
        self.lock.lock()
    }

    /// Removes a page that is on the list. The caller holds the lock.
    pub fn unlink(&self, old: PageRef) {
        match old.list_prev.get() {
            Some(prev) => prev.list_next.set(old.list_next.get()),
            None => self.first.set(old.list_next.get()),
        }
        if let Some(next) = old.list_next.get() {
            next.list_prev.set(old.list_prev.get());
        }
    }

    /// Takes the first page off the list, calling `f` with it under the lock.
    pub fn take_first(&self, f: impl FnOnce(PageRef)) -> Option<PageRef> {
        let _guard = self.lock.lock();
        let first = self.first.get()?;
        self.unlink(first);
        f(first);
        Some(first)
    }

    /// Calls `f` with every page on the list. `f` neither adds nor removes pages.
    pub fn for_each(&self, mut f: impl FnMut(PageRef)) {
        let _guard = self.lock.lock();
        let mut at = self.first.get();
        while let Some(found) = at {
            at = found.list_next.get();
            f(found);
        }
    }

    /// Takes the lock, so that no other thread is inside it when the process forks.
    pub fn lock_for_fork(&self) {
        self.lock.acquire();
    }

    /// Releases what [`lock_for_fork`](Self::lock_for_fork) took.
    ///
    /// # Safety
    /// The calling thread, or the one it was forked from, holds the lock.
    pub unsafe fn unlock_after_fork(&self) {
        // SAFETY: the caller's promise.
        unsafe { self.lock.release() };
    }
}
