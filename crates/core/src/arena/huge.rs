//! Huge pages: the system is asked to back memory with them where the heap is large, dense and growing, and to stop
//! where it is not any more.
//!
//! A huge page makes first touch three times cheaper and saves misses of the address translation, but it is memory as
//! a whole: a small program that is given some needs twice as much, and so does one whose threads each use a little of
//! many pages. So an arena starts without. Once much of it is in blocks that were linked, and these fill nearly all of
//! the slices in use and those nearly all up to the highest one, the slices behind are advised, ahead of their first
//! touch, in steps that grow with the heap. When most of what was advised is free, all of it is taken back, and the
//! heap has to grow again first.
//!
//! A heap of large blocks is never dense: they leave holes. But each is dense by itself, and shares no huge page of its
//! inside with others. So once the heap is large, the inside of each large block is advised, until its memory goes back.
#![allow(unsafe_code)]

use super::Arena;
use crate::config::{ARENA_ALIGN, HUGE_BLOCK_MIN, HUGE_DENSITY, HUGE_LINKED_MIN, SLICE_SIZE};
use crate::options::{self, Opt};
use crate::os;
use crate::ptr;
use crate::sync::Ordering;
use crate::units::align_down;

/// Slices of the smallest block that is advised by itself.
const HUGE_BLOCK_SLICES: usize = HUGE_BLOCK_MIN / SLICE_SIZE;

/// Slices in a huge page.
const HUGE_SLICES: usize = ARENA_ALIGN / SLICE_SIZE;

impl Arena {
    /// Asks that no huge pages back a fresh arena, where the system gives them to everybody.
    pub(super) fn start_without_huge(&self) {
        if options::get(Opt::AllowThp) < 2 {
            // SAFETY: the range is the arena's; what backs it changes no contents.
            let _ = unsafe { os::advise_huge(self.base(), self.size(), false) };
        }
    }

    /// Called with a claimed run: it may be time for huge pages behind it.
    #[inline]
    pub(super) fn consider_huge(&self, index: usize, end: usize) {
        if end > self.huge_end.load(Ordering::Relaxed) {
            self.advise_huge(index, end);
        }
    }

    /// Slices in use, the header included.
    fn used_slices(&self) -> usize {
        self.slices - self.free.load(Ordering::Relaxed).min(self.slices)
    }

    /// Notes that blocks of a page have been linked, which is as good as touched, or that so many bytes of them are
    /// not any more.
    pub fn note_linked(&self, before: usize, after: usize) {
        self.linked.fetch_add(after.wrapping_sub(before), Ordering::Relaxed);
    }

    #[cold]
    fn advise_huge(&self, index: usize, end: usize) {
        let (linked, used) = (self.linked.load(Ordering::Relaxed), self.used_slices());
        let is_large = end - index >= HUGE_BLOCK_SLICES;
        let is_dense = |part: usize, whole: usize| part / HUGE_DENSITY.0 >= whole / HUGE_DENSITY.1;
        // The run is in use already. A large one will be a block at once. A count that went below zero for a moment
        // is a large one: no arena has so much.
        let filled = linked.wrapping_add(if is_large { (end - index) * SLICE_SIZE } else { 0 });
        if !(HUGE_LINKED_MIN..self.size()).contains(&filled) || !self.may_be_huge() {
            return;
        }
        if !is_dense(filled, (used - self.header_slices) * SLICE_SIZE) || !is_dense(used, end) {
            if is_large {
                self.huge_apart.store(true, Ordering::Relaxed);
                self.advise_inside(index, end, true);
            }
            return;
        }
        let from = align_down(self.huge_end.load(Ordering::Relaxed).max(index), HUGE_SLICES);
        let to = (end + used / 4).next_multiple_of(HUGE_SLICES).min(self.slices);
        // When another thread is faster the same range is advised twice, which changes nothing.
        self.huge_end.store(to, Ordering::Relaxed);
        self.advise_inside(from, to, true);
    }

    /// Asks that huge pages back those that lie wholly in a run, or that none do.
    fn advise_inside(&self, index: usize, end: usize, huge: bool) {
        let (from, to) = (index.next_multiple_of(HUGE_SLICES), align_down(end, HUGE_SLICES));
        if from < to {
            // SAFETY: the range is the arena's; what backs it changes no contents.
            let _ = unsafe {
                let start = ptr::offset(self.base(), from * SLICE_SIZE);
                os::advise_huge(start, (to - from) * SLICE_SIZE, huge)
            };
        }
    }

    /// Called with a run whose memory has gone back: where a large block was, huge pages are not for what comes next.
    #[inline]
    pub(super) fn note_purged(&self, index: usize, count: usize) {
        if count >= HUGE_SLICES
            && self.huge_apart.load(Ordering::Relaxed)
            && options::get(Opt::AllowThp) < 2
        {
            let from = index.max(self.huge_end.load(Ordering::Relaxed));
            self.advise_inside(from, index + count, false);
        }
    }

    /// Takes the advice back when most of the slices that it covers are free. Called after memory went back.
    pub(super) fn reconsider_huge(&self) {
        let end = self.huge_end.load(Ordering::Relaxed);
        if end == 0 || self.used_slices() * 2 >= end || options::get(Opt::AllowThp) >= 2 {
            return;
        }
        self.huge_end.store(0, Ordering::Relaxed);
        // SAFETY: the range is the arena's; what backs it changes no contents.
        let _ = unsafe { os::advise_huge(self.base(), end * SLICE_SIZE, false) };
    }

    /// Whether huge pages may back the arena: it lies on whole ones that are the engine's, and options allow it.
    fn may_be_huge(&self) -> bool {
        let traits = self.traits();
        !traits.external && !traits.pinned && options::get(Opt::AllowThp) == 1
    }
}
