//! Blocks of a page that nobody has had yet: how many are linked at a time, and in which order.
#![allow(unsafe_code)]

use core::ptr::null_mut;

use crate::config::{EXTEND_MAX, EXTEND_MIN, RANDOM_ORDER};
use crate::page::{FREE_ZERO, FRESH_ZERO, ORDERED, Page};
use crate::ptr::Block;
use crate::report::invariant;
use crate::units::to_u32;

/// One in so many refills takes untouched blocks although freed ones are there.
const FRESH_ONE_IN: u32 = 4;

impl Page {
    /// Links the next untouched blocks, and hands them to the fast path. How many those are. Steps are small
    /// while the page is young.
    #[must_use = "they are counted"]
    pub fn extend(&self) -> u32 {
        invariant!(self.free.get().is_null());
        let (capacity, reserved) = (self.capacity.get(), self.reserved.get());
        if capacity == reserved {
            return 0;
        }
        let size = self.block_size();
        let step = (capacity as usize * size / 2).clamp(EXTEND_MIN, EXTEND_MAX);
        let count = to_u32((step / size).max(1)).min(reserved - capacity);
        let at = self.start().wrapping_add(capacity as usize * size);
        // SAFETY: the places are untouched blocks of this page, which the caller holds (P2).
        let first = unsafe {
            if RANDOM_ORDER { self.link_shuffled(at, count) } else { self.link_in_order(at, count) }
        };
        // Counted before the list can be seen (P3).
        self.used.set(self.used.get() + count);
        self.set_capacity(capacity + count);
        let fresh = self.zeros.get() & FRESH_ZERO != 0;
        let zeros = if fresh { FRESH_ZERO | FREE_ZERO } else { 0 };
        self.zeros.set(zeros | if RANDOM_ORDER { 0 } else { ORDERED });
        self.free.set(first);
        if self.is_watched() {
            self.mark_from(capacity);
            self.forget_zeros();
        }
        count
    }

    /// Links `count` blocks from `at` on by their addresses, and gives the first.
    ///
    /// # Safety
    /// The blocks are on no list and not live, and the caller holds the page.
    #[inline]
    unsafe fn link_in_order(&self, mut at: *mut u8, count: u32) -> *mut Block {
        let (links, size, first) = (self.links(), self.block_size(), at.cast());
        for _ in 1..count {
            let next = at.wrapping_add(size);
            // SAFETY: the caller's promise.
            unsafe { links.place(at, next.cast()) };
            at = next;
        }
        // SAFETY: the caller's promise.
        unsafe { links.place(at, null_mut()) };
        first
    }

    /// Links `count` blocks from `at` on in an order that nobody can know, each with the same chance, and gives the
    /// first.
    ///
    /// # Safety
    /// As for [`link_in_order`](Self::link_in_order).
    unsafe fn link_shuffled(&self, at: *mut u8, count: u32) -> *mut Block {
        let (links, size) = (self.links(), self.block_size());
        let place = |index: u32| at.wrapping_add(index as usize * size);
        // SAFETY: the caller's promise: only this thread can reach the blocks.
        unsafe {
            // A ring of one, into which each further block goes behind a random one of those before it.
            links.place(at, at.cast());
            for index in 1..count {
                let before = place(self.draw_below(index)).cast();
                let new = links.place(place(index), links.next(before));
                links.set_next(before, new);
            }
            // The list is the ring, opened anywhere.
            let last = place(self.draw_below(count)).cast();
            let first = links.next(last);
            links.set_next(last, null_mut());
            first
        }
    }

    /// Whether this time untouched blocks are to be taken before freed ones, so that nobody can know if a block that
    /// was just freed is the next to be used. Only for the holder.
    #[inline]
    pub fn prefers_fresh(&self) -> bool {
        RANDOM_ORDER
            && self.capacity.get() < self.reserved.get()
            && !self.local_free.get().is_null()
            && self.draw_below(FRESH_ONE_IN) == 0
    }

    fn draw_below(&self, bound: u32) -> u32 {
        let product = u64::from(self.secrets.draw_bits()) * u64::from(bound);
        // Below `bound`.
        (product >> u32::BITS) as u32
    }
}
