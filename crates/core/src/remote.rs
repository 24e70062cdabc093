//! The remote free list: blocks that threads other than the page's owner gave back, and the word that says
//! whether the page has an owner at all.
//!
//! # States
//! The word is a list of blocks, a number and two bits:
//!
//! | word | meaning |
//! |---|---|
//! | `(list, n, OWNED)` | one thread may touch the page's non-atomic fields: its owner or a claimant. `n` blocks are listed |
//! | `(list, n, OPEN)` | abandoned: nobody may, until someone sets `OWNED`. `n` blocks are live |
//! | `(empty, n, -)` | abandoned, and closed: as above, but whoever gives back a block has to claim the page |
//!
//! ```text
//! push        (l, n, OWNED)    -> (b:l, n+1, OWNED)   the owner finds b when it takes the list
//! push        (l, n, OPEN)     -> (b:l, n-1, OPEN)    while n > 1: whoever claims the page finds b
//! push        (l, n, other)    -> (empty, 0, OWNED)   closed, or b is the last live block: the pusher has become the
//!                                                     claimant, has l and n, and b is still its own
//! claim       (l, n, not OWNED) -> (empty, 0, OWNED)  the caller has become the claimant, and has l and n
//! take        (l, n, OWNED)    -> (empty, 0, OWNED)   owner or claimant only
//! disown      (empty, 0, OWNED) -> (empty, n, OPEN or -)   owner or claimant only; refused while blocks are listed
//! ```
//!
//! A page without free blocks is left closed, so that the first block that comes back makes somebody look at it. One
//! that can be found by who looks for memory is left open: a block that comes back costs one exchange, and the last one
//! makes its pusher look.
//!
//! Claiming acquires and disowning releases; pushes in between go on with what was released. So the non-atomic fields
//! pass from holder to holder. There is no ABA: `take` and `claim` take the whole list, and a push only needs its link to
//! be the head, and the number the one, that it replaces.
#![allow(unsafe_code)]

use core::ptr::null_mut;

use crate::config::{BLOCKS_MAX, WORD_SIZE};
use crate::links::Links;
use crate::ptr::Block;
use crate::sync::{AtomicPtr, Ordering};

const OWNED: usize = 1;
const OPEN: usize = 2;
const FLAGS: usize = OWNED | OPEN;

/// The number is above all bits of an address.
const COUNT_SHIFT: u32 = 48;
const ONE: usize = 1 << COUNT_SHIFT;
const LIST_MASK: usize = (1 << COUNT_SHIFT) - 1 - FLAGS;

const _: () = assert!(BLOCKS_MAX < 1 << (usize::BITS - COUNT_SHIFT) && FLAGS < WORD_SIZE);

/// What a claimant finds in the word of the page that it claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Blocks that have been given back.
    pub list: *mut Block,
    /// Blocks that are live.
    pub live: u32,
}

/// What a [`RemoteList::push`] has made of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Pushed {
    /// The block is on the list, and somebody will find it.
    Listed,
    /// The caller holds the page now; the block is still the caller's.
    Claimed(Found),
}

/// The word as somebody sees it who does not hold the page.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// The first listed block, or null.
    pub list: *mut Block,
    /// Listed blocks if the page is held, else live ones.
    pub count: u32,
    /// Whether the page is held.
    pub held: bool,
}

/// The list, the number and the bits, in one word.
pub struct RemoteList {
    word: AtomicPtr<Block>,
}

type Word = *mut Block;

#[inline]
fn word(list: *mut Block, count: usize, flags: usize) -> Word {
    list.map_addr(|addr| addr | count << COUNT_SHIFT | flags)
}

#[inline]
fn list(word: Word) -> *mut Block {
    word.map_addr(|addr| addr & LIST_MASK)
}

#[inline]
fn count(word: Word) -> usize {
    word.addr() >> COUNT_SHIFT
}

/// Not more than 16 bits.
#[inline]
fn count_of(word: Word) -> u32 {
    crate::units::to_u32(count(word))
}

#[inline]
fn is_held(word: Word) -> bool {
    word.addr() & OWNED != 0
}

/// What a block that is listed adds to the word; `None` where it is not listed, but the page claimed.
#[inline(always)]
fn change_of(word: Word) -> Option<usize> {
    if is_held(word) {
        Some(ONE)
    } else if word.addr() & OPEN != 0 && word.addr() >= 2 * ONE {
        Some(ONE.wrapping_neg())
    } else {
        None
    }
}

impl Found {
    #[inline]
    fn in_word(word: Word) -> Self {
        Self { list: list(word), live: count_of(word) }
    }
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
        self.word.store(word(null_mut(), 0, OWNED), Ordering::Release);
    }

    /// Whether no block is listed. A hint unless the caller holds the page.
    #[inline]
    pub fn is_empty(&self) -> bool {
        list(self.word.load(Ordering::Relaxed)).is_null()
    }

    /// What the word is now, for those who look only.
    pub fn look(&self) -> Seen {
        let word = self.word.load(Ordering::Acquire);
        Seen { list: list(word), count: count_of(word), held: is_held(word) }
    }

    /// Gives `block` back to its page, or claims that.
    ///
    /// # Safety
    /// `block` is a block of this page that the caller just returned (P1); `links` are the page's.
    #[inline]
    pub unsafe fn push(&self, links: Links, block: *mut Block) -> Pushed {
        let mut old = self.word.load(Ordering::Relaxed);
        loop {
            let result = match change_of(old) {
                Some(change) => {
                    // SAFETY: the caller's promise.
                    unsafe { self.try_list(links, block, old, change) }.map(|()| Pushed::Listed)
                }
                None => self.try_claim(old).map(Pushed::Claimed),
            };
            match result {
                Ok(pushed) => return pushed,
                Err(now) => old = now,
            }
        }
    }

    /// [`push`](Self::push) if that does not claim the page: what nearly all frees of other threads' blocks are. False,
    /// and nothing changed, if it would.
    ///
    /// # Safety
    /// As for `push`.
    #[inline(always)]
    pub unsafe fn push_listed(&self, links: Links, block: *mut Block) -> bool {
        let mut old = self.word.load(Ordering::Relaxed);
        while let Some(change) = change_of(old) {
            // SAFETY: the caller's promise.
            match unsafe { self.try_list(links, block, old, change) } {
                Ok(()) => return true,
                Err(now) => old = now,
            }
        }
        false
    }

    /// Makes `block` the head of the list and changes the number, if the word is still `old`; else says what it is.
    ///
    /// # Safety
    /// As for [`push`](Self::push).
    #[inline(always)]
    unsafe fn try_list(
        &self,
        links: Links,
        block: *mut Block,
        old: Word,
        change: usize,
    ) -> Result<(), Word> {
        // SAFETY: the block is not on the list yet, so it is still the caller's (P1).
        unsafe { links.set_next(block, list(old)) };
        let rest = (old.addr() & !LIST_MASK).wrapping_add(change);
        // The bits of both are different ones.
        let new = block.wrapping_byte_add(rest);
        self.word.compare_exchange_weak(old, new, Ordering::AcqRel, Ordering::Relaxed).map(|_| ())
    }

    /// Takes the list and the hold, if the word is still `old`; else says what it is.
    #[inline]
    fn try_claim(&self, old: Word) -> Result<Found, Word> {
        let new = word(null_mut(), 0, OWNED);
        self.word
            .compare_exchange_weak(old, new, Ordering::AcqRel, Ordering::Relaxed)
            .map(Found::in_word)
    }

    /// Makes the caller the holder of an abandoned page; `None` when somebody else is.
    pub fn claim(&self) -> Option<Found> {
        let mut old = self.word.load(Ordering::Relaxed);
        while !is_held(old) {
            match self.try_claim(old) {
                Ok(found) => return Some(found),
                Err(now) => old = now,
            }
        }
        None
    }

    /// Takes all listed blocks, and says how many they are. Only for the holder of the page.
    #[inline]
    pub fn take(&self) -> (*mut Block, u32) {
        if self.is_empty() {
            return (null_mut(), 0);
        }
        let old = self.word.swap(word(null_mut(), 0, OWNED), Ordering::AcqRel);
        (list(old), count_of(old))
    }

    /// Ends the caller's hold on the page, which has `live` live blocks, and can be found if it is left `open`. False,
    /// and nothing changed, when blocks are listed.
    pub fn disown(&self, live: u32, open: bool) -> bool {
        let new = word(null_mut(), live as usize, if open { OPEN } else { 0 });
        let old = word(null_mut(), 0, OWNED);
        self.word.compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    extern crate std;
    use super::*;
    use crate::sync::LinkCell;
    use loom::sync::Arc;
    use std::boxed::Box;

    /// A page as far as the protocol goes: how many blocks are live as far as the holder knows.
    struct Model {
        remote: RemoteList,
        used: LinkCell<u32>,
    }

    // SAFETY: `used` is touched only by the holder of `remote`; loom checks exactly that.
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

    fn model(used: u32) -> Arc<Model> {
        Arc::new(Model { remote: RemoteList::new_owned(), used: LinkCell::new(used) })
    }

    /// Takes in a list, which has to be as long as its number says.
    fn take_in(page: &Model, mut at: *mut Block, count: u32) {
        let mut length = 0;
        while !at.is_null() {
            length += 1;
            // SAFETY: the list was taken, so it is this thread's (P1).
            at = unsafe { Links::plain().next(at) };
        }
        assert_eq!(length, count);
        page.used.set(page.used.get() - count);
    }

    fn take_found(page: &Model, found: Found) {
        take_in(page, found.list, page.used.get() - found.live);
    }

    /// The holder's way out: collect until disowning succeeds. Returns whether it saw all blocks back.
    fn settle(page: &Model, open: bool) -> bool {
        loop {
            let (list, count) = page.remote.take();
            take_in(page, list, count);
            if page.used.get() == 0 {
                return true;
            }
            if page.remote.disown(page.used.get(), open) {
                return false;
            }
        }
    }

    fn give(page: &Model, block: Free, open: bool) -> bool {
        // SAFETY: the block is handed to this thread alone.
        match unsafe { page.remote.push(Links::plain(), block.0) } {
            Pushed::Listed => false,
            Pushed::Claimed(found) => {
                take_found(page, found);
                page.used.set(page.used.get() - 1);
                settle(page, open)
            }
        }
    }

    fn noticed_when_left(open: bool) {
        loom::model(move || {
            let page = model(2);
            let threads: std::vec::Vec<_> = (0..2)
                .map(|_| {
                    let (page, block) = (page.clone(), block());
                    loom::thread::spawn(move || {
                        let block = block;
                        usize::from(give(&page, block, open))
                    })
                })
                .collect();
            let mut noticed = usize::from(settle(&page, open));
            for thread in threads {
                noticed += thread.join().unwrap();
            }
            assert_eq!(noticed, 1);
        });
    }

    /// Two threads free into a page while its owner abandons it: exactly one of the three sees the page
    /// empty, and no block is lost or counted twice.
    #[test]
    fn the_last_block_back_is_noticed_exactly_once() {
        noticed_when_left(false);
    }

    /// The same, when the page is left so that blocks come back without a claim.
    #[test]
    fn the_last_block_back_of_an_open_page_is_noticed_exactly_once() {
        noticed_when_left(true);
    }

    fn noticed_when_claimed(open: bool) {
        loom::model(move || {
            let page = model(2);
            assert!(page.remote.disown(2, open));
            let (theirs, their_block) = (page.clone(), block());
            let other = loom::thread::spawn(move || {
                let block = their_block;
                usize::from(give(&theirs, block, open))
            });
            let mine = block();
            let mut noticed = 0;
            if let Some(found) = page.remote.claim() {
                take_found(&page, found);
                page.used.set(page.used.get() - 1);
                noticed += usize::from(settle(&page, open));
            } else {
                noticed += usize::from(give(&page, mine, open));
            }
            noticed += other.join().unwrap();
            assert_eq!(noticed, 1);
        });
    }

    /// A free by claiming first and a free by pushing, against each other.
    #[test]
    fn claim_and_push_agree_on_one_holder() {
        noticed_when_claimed(false);
    }

    /// The same for a page that was left open.
    #[test]
    fn claim_and_push_agree_on_one_holder_of_an_open_page() {
        noticed_when_claimed(true);
    }
}
