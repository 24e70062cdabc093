//! Pages whose blocks are looked at whenever they are freed, in builds that do not do so anyway.
//!
//! A free block of a watched page has a mark behind its link, which is taken away when the block is handed out: a
//! block that is freed and has it is most likely free already. Its page's lists tell for certain; they are walked
//! for such blocks only. Blocks of one word have no room for a mark: for them it is a link that looks like one.
//!
//! Where the theap of the page watches too, no list is left to the fast path: each block is taken off on its own,
//! after its link was looked at.
#![allow(unsafe_code)]

use core::ptr::{NonNull, null_mut};

use crate::config::{MARKED_FREE, WORD_SIZE};
use crate::page::free_blocks::FreeBlocks;
use crate::page::{ORDERED, Page, PageRef, WATCHED};
use crate::ptr::{Block, peek};
use crate::sync::Ordering;

/// What stands in the place of a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// A block that the program has.
    Live,
    /// A block that is on a list of its page.
    Free,
    /// A block that nobody has had yet.
    Unused,
    /// No block starts there.
    Inside,
}

/// What the mark of a free block is made with.
const MARK: usize = usize::MAX / 7;

impl PageRef {
    /// What stands at `p`, an address in the page. What is free is known for certain in watched pages only.
    pub fn standing(self, p: *mut u8) -> Standing {
        let (offset, size) = (p.addr().saturating_sub(self.start().addr()), self.block_size());
        let index = offset / size;
        if !offset.is_multiple_of(size) && !self.has_interior() {
            return Standing::Inside;
        }
        if index >= peek(&self.capacity) as usize {
            return Standing::Unused;
        }
        let block = self.block_at(p.addr());
        if self.looks_free(block) && FreeBlocks::of(self).has(index) {
            return Standing::Free;
        }
        Standing::Live
    }
}

impl Page {
    /// Whether blocks of the page are looked at when they are freed.
    #[inline]
    pub fn is_watched(&self) -> bool {
        self.owner.load(Ordering::Relaxed) & WATCHED != 0
    }

    /// Has blocks of the page looked at from now on, or not any more. Only for the holder.
    pub fn set_watched(&self, watched: bool) {
        if watched {
            self.watch();
        } else if self.is_watched() {
            // Blocks that are handed out keep their marks, which say nothing for certain.
            self.owner.store(self.owner.load(Ordering::Relaxed) & !WATCHED, Ordering::Release);
        }
    }

    /// Has blocks of the page looked at from now on. Only for the holder.
    pub fn watch(&self) {
        if MARKED_FREE || self.is_watched() {
            return;
        }
        self.owner.store(self.owner.load(Ordering::Relaxed) | WATCHED, Ordering::Release);
        for list in [self.free.get(), self.local_free.get(), self.remote.look().list] {
            let (mut at, mut left) = (list, self.capacity.get());
            while !at.is_null() && self.has_linked(at) && left > 0 {
                // SAFETY: a block of the page, on one of its lists (P1): nobody uses what is behind its link.
                unsafe {
                    self.mark(at);
                    at = self.links().peek(at);
                }
                left -= 1;
            }
        }
        self.forget_zeros();
    }

    /// The word behind the link, if a block has room for one.
    fn mark_place(&self, block: *mut Block) -> Option<*mut usize> {
        (self.block_size() >= 2 * WORD_SIZE).then(|| block.cast::<usize>().wrapping_add(1))
    }

    /// Marks a block that is about to be put on a list.
    ///
    /// # Safety
    /// The block is one of the page and the caller's.
    #[inline]
    pub unsafe fn mark(&self, block: *mut Block) {
        if let Some(place) = self.mark_place(block) {
            // SAFETY: the word is the block's.
            unsafe { place.write(block.addr() ^ MARK) };
        }
    }

    /// Whether a block may be free by what it holds.
    fn looks_free(&self, block: *mut Block) -> bool {
        match self.mark_place(block) {
            // SAFETY: the word is the block's, which can be read.
            Some(place) => (unsafe { place.read_volatile() }) == block.addr() ^ MARK,
            None => {
                // SAFETY: as above.
                let next = unsafe { self.links().peek(block) };
                next.is_null() || self.has_linked(next)
            }
        }
    }

    /// Marks blocks from number `first` on, which were just linked. Only for the holder.
    #[cold]
    pub(super) fn mark_from(&self, first: u32) {
        for index in first..self.capacity.get() {
            let block = self.start().wrapping_add(index as usize * self.block_size());
            // SAFETY: a block that is on the list handed to the fast path, which is the caller's.
            unsafe { self.mark(block.cast()) };
        }
    }

    /// As [`pop`](Self::pop), with a look at the link: where it leads astray, the list ends.
    pub fn pop_watched(&self) -> Option<NonNull<Block>> {
        let block = NonNull::new(self.free.get())?;
        // SAFETY: the list is the caller's (P1).
        let next = unsafe { self.links().next(block.as_ptr()) };
        let astray = !next.is_null() && !self.has_linked(next);
        self.free.set(if astray { null_mut() } else { next });
        if let Some(place) = self.mark_place(block.as_ptr()) {
            // SAFETY: the block was just taken, and the word is its.
            unsafe { place.write(0) };
        }
        if astray {
            self.report_astray(block.as_ptr(), next);
        }
        Some(block)
    }

    /// Leaves `keep` blocks of the list handed to the fast path, which has `length`, and moves the others to the
    /// owner's list. How many those are.
    #[must_use = "they are counted"]
    pub fn keep_handed(&self, keep: u32, length: u32) -> u32 {
        if keep >= length || self.free.get().is_null() {
            return 0;
        }
        let mut rest = self.free.get();
        if keep == 0 {
            self.free.set(null_mut());
        } else {
            let mut last = rest;
            for _ in 1..keep {
                // SAFETY: the list is the caller's (P1), and longer.
                last = unsafe { self.after(last) };
                if last.is_null() {
                    return 0;
                }
            }
            // SAFETY: as above.
            unsafe {
                rest = self.after(last);
                self.links().set_next(last, null_mut());
            }
            self.zeros.set(self.zeros.get() & !ORDERED);
        }
        if self.local_free.get().is_null() {
            self.local_free.set(rest);
            self.used.set(self.used.get() - (length - keep));
            return length - keep;
        }
        self.append_local(rest)
    }

    /// As [`after`](Self::after), with a look at the link.
    ///
    /// # Safety
    /// As for `after`.
    pub(super) unsafe fn after_watched(&self, block: *mut Block) -> *mut Block {
        // SAFETY: the caller's promise.
        let next = unsafe { self.after(block) };
        if next.is_null() || self.has_linked(next) {
            return next;
        }
        self.report_astray(block, next);
        null_mut()
    }
}
