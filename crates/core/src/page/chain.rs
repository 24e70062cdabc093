//! Following the links of a page's lists, which programs can write over: see [`links`](crate::links).
#![allow(unsafe_code)]

use core::ptr::{NonNull, null_mut};

use crate::config::ENCODED_LINKS;
use crate::links::Links;
use crate::page::Page;
use crate::ptr::Block;
use crate::report;

impl Page {
    /// How the page's links are written.
    #[inline(always)]
    pub fn links(&self) -> Links {
        self.secrets.links()
    }

    /// Whether a block of the page may start at `next`, which is any address. Always, where links are not encoded.
    #[inline(always)]
    pub(super) fn may_hold(&self, next: *mut Block) -> bool {
        self.secrets.reaches(next.addr().wrapping_sub(self.start().addr()))
    }

    /// Takes the first block handed to the fast path. Where links are encoded, not the last one: that is for
    /// [`pop_last`](Self::pop_last), which looks at what its link is.
    #[inline(always)]
    pub fn pop(&self) -> Option<NonNull<Block>> {
        let block = NonNull::new(self.free.get())?;
        // SAFETY: the handed list belongs to the owner, who is the caller (P1, P2).
        let next = unsafe { self.links().next(block.as_ptr()) };
        if ENCODED_LINKS && !self.may_hold(next) {
            return None;
        }
        self.free.set(next);
        Some(block)
    }

    /// Takes the first block handed to the fast path although it is the last one, or its link leads astray.
    #[inline]
    pub fn pop_last(&self) -> Option<NonNull<Block>> {
        if !ENCODED_LINKS {
            return None;
        }
        // The list ends before anything is reported: a function that is told may allocate from the page.
        let block = NonNull::new(self.free.replace(null_mut()))?;
        // SAFETY: the list was the caller's (P1).
        unsafe { self.after(block.as_ptr()) };
        Some(block)
    }

    /// The block after `block` on a list that nobody else can reach now; null behind the last one, and where the link
    /// leads astray.
    ///
    /// # Safety
    /// The list is the caller's (P1), and `block` is on it.
    #[inline]
    pub(super) unsafe fn after(&self, block: *mut Block) -> *mut Block {
        // SAFETY: the caller's promise.
        let next = unsafe { self.links().next(block) };
        if ENCODED_LINKS && !self.may_hold(next) {
            self.report_astray(block, next);
            return null_mut();
        }
        next
    }

    /// Whether every block that was ever linked is on the owner's list, as far as that can be told: not behind a link
    /// that was written over. Walks the list.
    pub(super) fn all_blocks_are_local(&self) -> bool {
        let (mut at, mut count) = (self.local_free.get(), 0);
        while !at.is_null() && count <= self.capacity.get() {
            count += 1;
            // SAFETY: the list is the holder's (P1).
            at = unsafe { self.links().next(at) };
            if ENCODED_LINKS && !at.is_null() && !self.may_hold(at) {
                return true;
            }
        }
        count == self.capacity.get() && self.free.get().is_null() && self.remote.is_empty()
    }

    #[cold]
    #[inline(never)]
    pub(super) fn report_astray(&self, block: *mut Block, next: *mut Block) {
        if !next.is_null() {
            report::corrupted_free_list(block.addr(), self.block_size(), next.addr());
        }
    }
}
