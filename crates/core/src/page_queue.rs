//! The pages of one bin that a theap owns, as a ring.
//!
//! The first page serves allocation. A page that gets a free block again goes to the end, so that it
//! gathers more of them before its turn comes; passing a page by moves only the start of the ring.

use core::cell::Cell;

use crate::page::PageRef;
use crate::sync::plain::{AtomicU64, Ordering};

/// A queue of pages.
///
/// # Invariants
/// `first` is null when `count` is 0; otherwise following `next` from it passes `count` pages, all owned by
/// the theap of the queue, and comes back to it, and `prev` leads the other way round.
pub struct PageQueue {
    first: Cell<Option<PageRef>>,
    count: Cell<usize>,
    /// Blocks on lists that the theap's fast path was given, less those taken back: a signed number. Only the
    /// thread of the queue counts; others read it, and take it over when the theap's heap ends.
    handed: AtomicU64,
}

impl Default for PageQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl PageQueue {
    /// An empty queue.
    pub const fn new() -> Self {
        Self { first: Cell::new(None), count: Cell::new(0), handed: AtomicU64::new(0) }
    }

    /// The page that serves allocation.
    #[inline]
    pub fn first(&self) -> Option<PageRef> {
        self.first.get()
    }

    /// The page after `page`, which may be the same one.
    #[inline]
    pub fn after(&self, page: PageRef) -> Option<PageRef> {
        page.next.get()
    }

    /// Pages in the queue.
    #[inline]
    pub fn count(&self) -> usize {
        self.count.get()
    }

    /// Counts blocks that were handed to the fast path.
    #[inline]
    pub fn count_handed(&self, blocks: u32) {
        let handed = self.handed.load(Ordering::Relaxed).wrapping_add(u64::from(blocks));
        self.handed.store(handed, Ordering::Relaxed);
    }

    /// Counts blocks that were taken back from the fast path.
    pub fn count_taken_back(&self, blocks: u32) {
        self.handed.fetch_sub(u64::from(blocks), Ordering::Relaxed);
    }

    /// Blocks handed out so far, less those taken back.
    pub fn handed(&self) -> i64 {
        self.handed.load(Ordering::Relaxed).cast_signed()
    }

    /// Starts the count of what was handed out anew, from `stays`, and says what it was beyond that.
    pub fn take_handed(&self, stays: u32) -> i64 {
        let handed = self.handed.swap(stays.into(), Ordering::Relaxed).cast_signed();
        handed.wrapping_sub(stays.into())
    }

    /// Makes the queue empty, whatever becomes of its pages.
    pub fn forget(&self) {
        self.first.set(None);
        self.count.set(0);
    }

    /// Adds a page that is in no queue at the end.
    #[inline]
    pub fn push_back(&self, page: PageRef) {
        let first = self.first().unwrap_or(page);
        let last = if self.count() == 0 { page } else { first.prev.get().unwrap_or(first) };
        page.next.set(Some(first));
        page.prev.set(Some(last));
        first.prev.set(Some(page));
        last.next.set(Some(page));
        self.first.set(Some(first));
        self.count.set(self.count.get() + 1);
    }

    /// Makes the last page the first.
    #[inline]
    pub fn rotate_back(&self) {
        if let Some(first) = self.first() {
            self.first.set(first.prev.get());
        }
    }

    /// Passes the first page by: it becomes the last.
    #[inline]
    pub fn rotate(&self) {
        if let Some(first) = self.first() {
            self.first.set(first.next.get());
        }
    }

    /// Takes a page of this queue out of it.
    #[inline]
    pub fn remove(&self, page: PageRef) {
        let (prev, next) = (page.prev.take(), page.next.take());
        self.count.set(self.count.get() - 1);
        if self.count() == 0 {
            self.first.set(None);
        } else if let (Some(before), Some(after)) = (prev, next) {
            before.next.set(next);
            after.prev.set(prev);
            if self.first() == Some(page) {
                self.first.set(next);
            }
        }
    }

    /// Calls `f` with every page in the queue; `f` may take that page out.
    pub fn for_each(&self, mut f: impl FnMut(PageRef)) {
        let mut at = self.first();
        for _ in 0..self.count() {
            let Some(page) = at else { break };
            at = self.after(page);
            f(page);
        }
    }
}
