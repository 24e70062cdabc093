//! The remote free list: blocks that threads other than the page's owner gave back, and the word that says
//! whether the page has an owner at all.
//!
//! # States
//! The word is a list of blocks and one bit:
//!
//! | word | meaning |
//! |---|---|
//! | `(list, OWNED)` | one thread may touch the page's non-atomic fields: its owner or a claimant |
//! | `(empty, -)` | abandoned: nobody may, until someone sets the bit |
//!
//! ```text
//! push        (l, OWNED) -> (b:l, OWNED)     the owner finds b when it takes the list
//! push        (empty, -) -> (b, OWNED)       the pusher has become the claimant and must settle the page
//! claim       (empty, -) -> (empty, OWNED)   the caller has become the claimant
//! take        (l, OWNED) -> (empty, OWNED)   owner or claimant only
//! disown      (empty, OWNED) -> (empty, -)   owner or claimant only; refused while blocks are listed
//! ```
//!
//! An abandoned page never has blocks listed, so no returned block is ever without somebody who must look
//! at it. Claiming acquires and disowning releases: the non-atomic fields pass from holder to holder. There
//! is no ABA: `take` swaps the whole list, and a push only needs its link to be the head it replaces.
#![allow(unsafe_code)]

use core::ptr::null_mut;

use crate::links::Links;
use crate::ptr::Block;
use crate::sync::{AtomicPtr, Ordering};

const OWNED: usize = 1;

/// What a [`RemoteList::push`] has made of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Pushed {
    /// The page has an owner, who will find the block.
    Listed,
    /// The page was abandoned: the caller holds it now, and the block is on its list.
    Claimed,
}

/// The list and the bit, in one word.
pub struct RemoteList {
    word: AtomicPtr<Block>,
}

#[inline]
fn owned(list: *mut Block) -> *mut Block {
    list.map_addr(|addr| addr | OWNED)
}

#[inline]
fn list(word: *mut Block) -> *mut Block {
    word.map_addr(|addr| addr & !OWNED)
}

impl RemoteList {
    /// An empty list of an owned page.
    #[cfg(not(all(test, loom)))]
    pub const fn new_owned() -> Self {
        Self { word: AtomicPtr::new(core::ptr::without_provenance_mut(OWNED)) }
    }

    /// An empty list of an owned page.
    #[cfg(all(test, loom))]
    pub fn new_owned() -> Self {
        Self { word: AtomicPtr::new(core::ptr::without_provenance_mut(OWNED)) }
    }

    /// Makes the list that of a fresh page, empty and held by the caller. A late claim by somebody who
    /// knows the record from its last page fails before and after.
    pub fn reset(&self) {
        self.word.store(owned(null_mut()), Ordering::Release);
    }

    /// Whether no block is listed. A hint unless the caller holds the page.
    #[inline]
    pub fn is_empty(&self) -> bool {
        list(self.word.load(Ordering::Relaxed)).is_null()
    }

    /// The first listed block, or null, for those who look at the list only.
    pub fn peek(&self) -> *mut Block {
        list(self.word.load(Ordering::Acquire))
    }

    /// Gives `block` back to its page, claiming the page when it is abandoned.
    ///
    /// # Safety
    /// `block` is a block of this page that the caller just returned (P1); `links` are the page's.
    pub unsafe fn push(&self, links: Links, block: *mut Block) -> Pushed {
        let mut old = self.word.load(Ordering::Relaxed);
        loop {
            // SAFETY: the block is not on the list yet, so it is still the caller's (P1).
            unsafe { links.set_next(block, list(old)) };
            match self.word.compare_exchange_weak(
                old,
                owned(block),
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) if old.addr() & OWNED != 0 => return Pushed::Listed,
                Ok(_) => return Pushed::Claimed,
                Err(now) => old = now,
            }
        }
    }

    /// Makes the caller the holder of an abandoned page; false when somebody else is.
    pub fn claim(&self) -> bool {
        self.word
            .compare_exchange(null_mut(), owned(null_mut()), Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    /// Takes all listed blocks. Only for the holder of the page.
    #[inline]
    pub fn take(&self) -> *mut Block {
        if self.is_empty() {
            return null_mut();
        }
        list(self.word.swap(owned(null_mut()), Ordering::AcqRel))
    }

    /// Ends the caller's hold on the page; false, and nothing changed, when blocks are listed.
    pub fn disown(&self) -> bool {
        self.word
            .compare_exchange(owned(null_mut()), null_mut(), Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    extern crate std;
    use super::*;
    use crate::sync::LinkCell;
    use loom::sync::Arc;
    use std::boxed::Box;

    /// A page as far as the protocol goes: blocks out, and how many have come back.
    struct Model {
        remote: RemoteList,
        returned: LinkCell<usize>,
    }

    // SAFETY: `returned` is touched only by the holder of `remote`; loom checks exactly that.
    unsafe impl Sync for Model {}
    // SAFETY: as above.
    unsafe impl Send for Model {}

    struct Free(*mut Block);
    // SAFETY: the model hands each block to one thread.
    unsafe impl Send for Free {}

    fn block() -> Free {
        let place = Box::into_raw(Box::new(core::mem::MaybeUninit::<[usize; 16]>::uninit()));
        // SAFETY: the box is large enough for a block under loom and only this thread knows it.
        Free(unsafe { Links::plain().place(place.cast(), null_mut()) })
    }

    fn collect(page: &Model) {
        let mut at = page.remote.take();
        while !at.is_null() {
            page.returned.set(page.returned.get() + 1);
            // SAFETY: the list was taken, so it is this thread's (P1).
            at = unsafe { Links::plain().next(at) };
        }
    }

    /// The holder's way out: collect until disowning succeeds. Returns whether it saw all blocks back.
    fn settle(page: &Model, blocks: usize) -> bool {
        loop {
            collect(page);
            if page.returned.get() == blocks {
                return true;
            }
            if page.remote.disown() {
                return false;
            }
        }
    }

    fn give(page: &Model, block: Free, blocks: usize) -> bool {
        // SAFETY: the block is handed to this thread alone.
        let pushed = unsafe { page.remote.push(Links::plain(), block.0) };
        pushed == Pushed::Claimed && settle(page, blocks)
    }

    /// Two threads free into a page while its owner abandons it: exactly one of the three sees the page
    /// empty, and no block is lost or counted twice.
    #[test]
    fn the_last_block_back_is_noticed_exactly_once() {
        loom::model(|| {
            let page =
                Arc::new(Model { remote: RemoteList::new_owned(), returned: LinkCell::new(0) });
            let threads: std::vec::Vec<_> = (0..2)
                .map(|_| {
                    let (page, block) = (page.clone(), block());
                    loom::thread::spawn(move || {
                        let block = block;
                        usize::from(give(&page, block, 2))
                    })
                })
                .collect();
            let mut noticed = usize::from(settle(&page, 2));
            for thread in threads {
                noticed += thread.join().unwrap();
            }
            assert_eq!(noticed, 1);
        });
    }

    /// A free by claiming first and a free by pushing, against each other.
    #[test]
    fn claim_and_push_agree_on_one_holder() {
        loom::model(|| {
            let page =
                Arc::new(Model { remote: RemoteList::new_owned(), returned: LinkCell::new(0) });
            assert!(page.remote.disown());
            let (theirs, their_block) = (page.clone(), block());
            let other = loom::thread::spawn(move || {
                let block = their_block;
                usize::from(give(&theirs, block, 2))
            });
            let mine = block();
            let mut noticed = 0;
            if page.remote.claim() {
                page.returned.set(page.returned.get() + 1);
                noticed += usize::from(settle(&page, 2));
            } else {
                noticed += usize::from(give(&page, mine, 2));
            }
            noticed += other.join().unwrap();
            assert_eq!(noticed, 1);
        });
    }
}
