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

use crate::config::{BLOCK_ALIGN, MARKED_FREE, SLICE_SIZE, WORD_SIZE};
use crate::page::free_blocks::FreeBlocks;
use crate::page::{ORDERED, Page, PageRef, WATCHED};
use crate::ptr::{Block, peek};
use crate::size_class;
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

/// Bytes of the smallest block that has room for a mark.
const MARKED_SIZE_MIN: usize = 2 * WORD_SIZE;

/// The word behind the link of a block that has room for a mark.
#[inline(always)]
fn mark_word(block: *mut Block) -> *mut usize {
    block.cast::<usize>().wrapping_add(1)
}

/// Whether a mark is behind what may be a block's link.
///
/// # Safety
/// The word there can be read.
#[inline(always)]
unsafe fn has_mark(block: *mut Block) -> bool {
    // SAFETY: the caller's promise; whoever has the block may be writing to it.
    unsafe { mark_word(block).read_volatile() == block.addr() ^ MARK }
}

impl PageRef {
    /// What stands at `p`, an address in the page. What is free is known for certain in watched pages only.
    pub fn standing(self, p: *mut u8) -> Standing {
        let (offset, size) = (p.addr().saturating_sub(self.start().addr()), self.block_size());
        let index = size_class::block_index(self.bin(), offset);
        if index * size != offset && !self.has_interior() {
            return Standing::Inside;
        }
        if index >= peek(&self.capacity) as usize {
            return Standing::Unused;
        }
        let block = self.start().wrapping_add(index * size).cast();
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

    /// Whether `p`, an address in the page, is certain to be that of a live block by what can be told at once. Where it
    /// is not, [`standing`](PageRef::standing) tells what it is.
    #[inline]
    pub fn is_plainly_live(&self, p: *mut u8) -> bool {
        let (offset, size) = (p.addr().wrapping_sub(self.start().addr()), self.block_size());
        let index = size_class::block_index(self.bin(), offset);
        // Beyond the page the product is another.
        size >= MARKED_SIZE_MIN
            && index.wrapping_mul(size) == offset
            && index < peek(&self.capacity) as usize
            // SAFETY: the word is the block's, which can be read.
            && !unsafe { has_mark(p.cast()) }
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
        (self.block_size() >= MARKED_SIZE_MIN).then(|| mark_word(block))
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

    /// As [`mark`](Self::mark), for one that [is plainly live](Self::is_plainly_live).
    ///
    /// # Safety
    /// As for `mark`.
    #[inline]
    pub unsafe fn mark_live(&self, block: *mut Block) {
        // SAFETY: such a block has room for a mark, and the word is its.
        unsafe { mark_word(block).write(block.addr() ^ MARK) };
    }

    /// Whether a block may be free by what it holds.
    fn looks_free(&self, block: *mut Block) -> bool {
        match self.mark_place(block) {
            // SAFETY: the word is the block's, which can be read.
            Some(_) => unsafe { has_mark(block) },
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

    /// Takes a block with a mark off the owner's list, if that has one whose link leads to another free block or ends
    /// the list. What is not as ordinary is left to [`pop_watched`](Self::pop_watched).
    #[inline]
    pub fn pop_local(&self) -> Option<NonNull<Block>> {
        let block = NonNull::new(self.local_free.get())?;
        // SAFETY: the list is the caller's (P1).
        let next = unsafe { self.links().next(block.as_ptr()) };
        if self.block_size() < MARKED_SIZE_MIN
            || (!next.is_null() && !self.leads_on(block.as_ptr(), next))
        {
            return None;
        }
        // Counted before it is taken (P3).
        self.used.set(self.used.get() + 1);
        self.local_free.set(next);
        // SAFETY: the block was just taken, and the word is its.
        unsafe { mark_word(block.as_ptr()).write(0) };
        Some(block)
    }

    /// Whether a block of the page is at `next`, which is any address that the link of `block` holds.
    #[inline]
    fn leads_on(&self, block: *mut Block, next: *mut Block) -> bool {
        // Next to each other in a slice they can both be read, and a mark tells a free block from any other place.
        let is_near = (block.addr() ^ next.addr()) < SLICE_SIZE;
        let is_marked = is_near
            && next.addr().is_multiple_of(BLOCK_ALIGN)
            // SAFETY: an aligned word of the slice that `block` lies in.
            && unsafe { has_mark(next) };
        is_marked || self.has_linked(next)
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

#[cfg(all(test, not(loom)))]
mod tests {
    extern crate std;
    use super::*;
    use crate::arena::Arenas;
    use crate::config::HARDENED;
    use crate::page_map;
    use core::ptr::without_provenance_mut;
    use std::boxed::Box;
    use std::vec::Vec;

    /// A page with blocks of `size` bytes, held by the test, of which some are linked and on the owner's list.
    fn page(size: usize) -> PageRef {
        page_map::init();
        let bin = size_class::bin_of(size);
        let arenas = Box::leak(Box::new(Arenas::new()));
        let span = arenas.take(size_class::page_slices(bin), SLICE_SIZE, None).expect("memory");
        // SAFETY: the span was just taken.
        let page = unsafe { PageRef::create(span, bin, size, null_mut()) }.expect("memory");
        assert!(page.extend() > 0);
        let _ = page.take_back();
        page
    }

    fn watched(size: usize) -> PageRef {
        let page = page(size);
        page.watch();
        assert_eq!(page.is_watched(), !MARKED_FREE);
        page
    }

    /// Takes a block as a theap does that watches.
    fn take(page: PageRef) -> *mut u8 {
        let taken = page.pop_local().or_else(|| {
            assert_ne!(page.hand_over(), 0);
            let taken = page.pop_watched();
            let _ = page.take_back();
            taken
        });
        taken.expect("the page has a free block").cast().as_ptr()
    }

    fn give(page: PageRef, p: *mut u8) {
        // SAFETY: callers pass a live block.
        unsafe {
            page.mark(p.cast());
            page.push_local(p.cast());
        }
    }

    /// The first is that of the smallest blocks which the build has.
    const SIZES: [usize; 6] =
        [size_class::block_size(size_class::bin_of(1)), 16, 48, 1024, 12 << 10, 64 << 10];

    #[test]
    fn what_stands_at_a_place_is_known() {
        for size in SIZES {
            let page = watched(size);
            let p = take(page);
            assert_eq!(page.standing(p), Standing::Live, "{size}");
            assert_eq!(page.is_plainly_live(p), size >= MARKED_SIZE_MIN);
            for inside in [1, size / 2, size - 1] {
                assert_eq!(page.standing(p.wrapping_add(inside)), Standing::Inside, "{size}");
                assert!(!page.is_plainly_live(p.wrapping_add(inside)));
            }
            let unused = page.start().wrapping_add(page.linked_bytes());
            assert_eq!(page.standing(unused), Standing::Unused, "{size}");
            assert!(!page.is_plainly_live(unused) && !page.is_plainly_live(null_mut()));
            give(page, p);
            if page.is_watched() {
                assert_eq!(page.standing(p), Standing::Free, "{size}");
                assert!(!page.is_plainly_live(p));
            }
        }
    }

    #[test]
    fn what_was_free_before_is_known_to_be() {
        for size in SIZES {
            let page = page(size);
            let p = page.local_free.get();
            page.watch();
            let blocks = (page.linked_bytes() / size).min(4);
            for index in 0..blocks {
                let block = page.start().wrapping_add(index * size);
                assert!(MARKED_FREE || page.standing(block) == Standing::Free, "{size} {index}");
            }
            assert_eq!(take(page), p.cast());
        }
    }

    /// A program may write to its block what looks like a mark.
    #[test]
    fn a_mark_in_a_live_block_is_no_proof() {
        let page = watched(48);
        let p = take(page);
        // SAFETY: the block is the test's.
        unsafe { page.mark(p.cast()) };
        assert!(!page.is_plainly_live(p));
        assert_eq!(page.standing(p), Standing::Live);
    }

    #[test]
    fn blocks_are_taken_without_their_mark_and_counted() {
        for size in SIZES {
            let page = watched(size);
            let count = (page.linked_bytes() / size).min(5);
            let mut taken = Vec::new();
            for _ in 0..count {
                let p = take(page);
                assert!(!taken.contains(&p) && page.standing(p) == Standing::Live, "{size}");
                taken.push(p);
            }
            assert_eq!((page.used.get() as usize, page.check()), (count, Ok(())));
            taken.into_iter().for_each(|p| give(page, p));
            assert_eq!((page.used.get(), page.check()), (0, Ok(())));
        }
    }

    #[test]
    fn a_link_that_leads_astray_is_not_followed() {
        if HARDENED {
            // Such builds end the process, or write links otherwise.
            return;
        }
        let page = watched(48);
        let first = page.local_free.get();
        // SAFETY: the list is the test's.
        let second = unsafe { page.links().next(first) };
        let far = without_provenance_mut::<Block>(0x5555_0000_1230);
        for astray in [far, second.wrapping_byte_add(8), second.wrapping_byte_add(16), second] {
            // SAFETY: as above.
            unsafe { page.links().set_next(first, astray) };
            if astray == second {
                break;
            }
            assert!(page.pop_local().is_none(), "{astray:p}");
            assert_eq!(page.local_free.get(), first, "the list stays as it is");
        }
        let used = page.used.get();
        assert_eq!(page.pop_local(), NonNull::new(first));
        assert_eq!((page.local_free.get(), page.used.get()), (second, used + 1));
        // SAFETY: as above.
        unsafe { page.links().set_next(second, far) };
        assert_ne!(page.hand_over(), 0);
        assert_eq!(page.pop_watched(), NonNull::new(second));
        assert!(page.free.get().is_null(), "what is behind is lost, and nothing else");
    }

    #[test]
    fn a_list_is_cut_where_it_is_to_end() {
        for keep in [0, 1, 2, 7, 1000] {
            let page = page(64);
            let length = page.hand_over();
            let order = |list: *mut Block| {
                let (mut blocks, mut at) = (Vec::new(), list);
                while !at.is_null() {
                    blocks.push(at);
                    // SAFETY: the list is the test's.
                    at = unsafe { page.links().next(at) };
                }
                blocks
            };
            let before = order(page.free.get());
            assert_eq!(before.len(), length as usize);
            let cut = page.keep_handed(keep, length);
            assert_eq!(cut, length.saturating_sub(keep));
            let (handed, local) = (order(page.free.get()), order(page.local_free.get()));
            assert_eq!(handed, before[..(length - cut) as usize]);
            assert_eq!(local, before[(length - cut) as usize..]);
            assert_eq!(page.check(), Ok(()));
        }
    }
}
