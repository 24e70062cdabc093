//! What memory checkers are told about the blocks of a page, in builds for them.
//!
//! The last word of a block says by which address inside it the program knows it: checkers know blocks by what the
//! program was given.
#![allow(unsafe_code)]

use crate::arena::Span;
use crate::config::{SLICE_SIZE, TRACKED};
use crate::page::free_blocks::FreeBlocks;
use crate::page::padding::Padding;
use crate::page::{Page, PageRef};
use crate::ptr::Block;
use crate::tools;

impl PageRef {
    /// Says that the live blocks of the page end. Only for the holder.
    pub fn tell_end(self) {
        if !TRACKED {
            return;
        }
        let listed = FreeBlocks::of(self);
        for index in (0..self.capacity.get() as usize).filter(|&index| !listed.has(index)) {
            let block = self.start().wrapping_add(index * self.block_size());
            // SAFETY: the block is one of this page. Nobody may have had it yet: then it is not live.
            if let Padding::Live(_) = unsafe { self.padding(block) } {
                self.tell_free(block.cast());
            }
        }
    }
}

impl Page {
    /// Where the word is that says how far inside the block at `block` is what the program knows it by.
    fn lead_of(&self, block: *mut u8) -> *mut usize {
        block.wrapping_add(self.block_size() - size_of::<usize>()).cast()
    }

    /// Notes how far inside a block the address is that the program knows it by.
    ///
    /// # Safety
    /// The block is one of this page and the caller's.
    #[inline(always)]
    pub(super) unsafe fn set_lead(&self, block: *mut u8, lead: usize) {
        if TRACKED {
            // SAFETY: the padding is the block's.
            tools::quietly(|| unsafe { self.lead_of(block).write_unaligned(lead) });
        }
    }

    /// How far inside a block the address is that the program knows it by.
    fn lead(&self, block: *mut u8) -> usize {
        if !self.has_interior() {
            return 0;
        }
        // SAFETY: the padding lies in the block.
        let lead = tools::known(tools::quietly(|| unsafe { self.lead_of(block).read_unaligned() }));
        // What a program wrote over says nothing.
        if lead < self.block_size() { lead } else { 0 }
    }

    /// Bytes behind the first `size` of a block from `p` on, an address inside it.
    fn rest(&self, p: *mut u8, block: *mut u8, size: usize) -> usize {
        self.block_size() - (p.addr() - block.addr()) - size
    }

    /// Says that the program has a block of `size` bytes, all of them zero if so.
    #[inline(always)]
    pub(super) fn tell_taken(&self, block: *mut u8, size: usize, zeroed: bool) {
        if TRACKED {
            tools::on_malloc(block, size, self.rest(block, block, size), zeroed);
        }
    }

    /// Says that the program knows a live block by `p`, and may use `size` bytes from there on, which all read as zeros
    /// if so. The padding still says what it was.
    pub(super) fn tell_fit(&self, p: *mut u8, block: *mut u8, size: usize, zeroed: bool) {
        if !TRACKED {
            return;
        }
        let (before, rest) = (block.wrapping_add(self.lead(block)), self.rest(p, block, size));
        if before == p {
            tools::on_resize(p, self.size_from(p), size, rest);
        } else {
            tools::on_free(before, block, self.block_size());
            tools::on_malloc(p, size, rest, zeroed);
        }
    }

    /// Says that the program has freed a live block.
    #[inline(always)]
    pub(super) fn tell_free(&self, block: *mut Block) {
        if TRACKED {
            let block = block.cast::<u8>();
            tools::on_free(block.wrapping_add(self.lead(block)), block, self.block_size());
        }
    }

    /// Whether the program may free a live block by `p`, an address inside it. Always, where nobody is told of blocks.
    pub fn is_known_by(&self, block: *mut Block, p: *mut u8) -> bool {
        !TRACKED || p == block.cast::<u8>().wrapping_add(self.lead(block.cast()))
    }
}

/// Says that the program may not touch what becomes a page.
pub(super) fn tell_span(span: &Span) {
    if TRACKED {
        tools::lock(span.start.as_ptr(), span.slices * SLICE_SIZE);
    }
}
