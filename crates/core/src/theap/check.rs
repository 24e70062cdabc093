//! A look at everything that a theap says, for builds and tests that check.

use crate::page::check::{Checked, ensure};
use crate::page::{FLAGS, PageRef};
use crate::size_class::{self, BIN_COUNT};
use crate::sync::Ordering;
use crate::theap::{EMPTY, Theap};

impl Theap {
    /// Whether the theap, its queues and all its pages agree. Only for the theap's thread.
    pub fn check(&self) -> Checked {
        (0..BIN_COUNT).try_for_each(|bin| {
            self.check_direct(bin)?;
            self.check_queue(bin)
        })
    }

    /// T2.
    fn check_direct(&self, bin: usize) -> Checked {
        let first = self.queue(bin).first().map_or(EMPTY, PageRef::as_ptr);
        let direct = &self.direct[size_class::direct_words(bin)];
        ensure(
            direct.iter().all(|entry| entry.get() == first),
            "the direct table is not up to date",
        )
    }

    /// T3, and that the queue is a ring.
    fn check_queue(&self, bin: usize) -> Checked {
        let queue = self.queue(bin);
        let mut at = queue.first();
        ensure(at.is_some() == (queue.count() > 0), "a queue has lost count")?;
        for _ in 0..queue.count() {
            let page = at.ok_or("a queue is no ring")?;
            let next = queue.after(page).ok_or("a queue is no ring")?;
            ensure(next.prev.get() == Some(page), "a queue does not lead back")?;
            ensure(page.bin() == bin, "a page is in the queue of another bin")?;
            let owner = page.owner.load(Ordering::Relaxed) & !FLAGS;
            ensure(owner == self.tid(), "a page in a queue has another owner")?;
            let theap = page.theap.get().cast();
            ensure(core::ptr::eq(theap, self), "a page names another theap than its queue's")?;
            page.check()?;
            at = Some(next);
        }
        ensure(at == queue.first(), "a queue is longer than it says")
    }
}
