//! Which blocks of a page are on one of its lists, found without changing the page.
//!
//! The page may be another thread's, and its lists may be changing: then the result is near, and exact when that
//! thread is at rest. Every link is checked before it is followed: it leads to a block of the page that was not met
//! before, so a walk ends, and reads memory of the page only.
#![allow(unsafe_code)]

use crate::config::BLOCKS_MAX;
use crate::page::PageRef;
use crate::ptr::Block;

const BITS: usize = usize::BITS as usize;

/// Blocks of a page that are on its lists.
pub struct FreeBlocks {
    bits: [usize; BLOCKS_MAX / BITS],
    count: usize,
}

impl FreeBlocks {
    /// The blocks on the lists of a page that stays in use meanwhile.
    pub fn of(page: PageRef) -> Self {
        let mut free = Self { bits: [0; BLOCKS_MAX / BITS], count: 0 };
        for list in [page.free.get(), page.local_free.get(), page.remote.look().list] {
            free.add(page, list);
        }
        free
    }

    fn add(&mut self, page: PageRef, mut at: *mut Block) {
        let (start, size) = (page.start().addr(), page.block_size());
        while !at.is_null() {
            let offset = at.addr().wrapping_sub(start);
            let index = offset / size;
            let is_block = offset.is_multiple_of(size) && index < page.capacity.get() as usize;
            if !is_block || self.has(index) {
                return;
            }
            self.bits[index / BITS] |= 1 << (index % BITS);
            self.count += 1;
            // SAFETY: a block of a page that is in use can be read, whoever owns it.
            at = unsafe { page.links().peek(at) };
        }
    }

    /// Whether the block with an index is on a list.
    pub fn has(&self, index: usize) -> bool {
        self.bits[index / BITS] & (1 << (index % BITS)) != 0
    }

    /// How many blocks are on lists.
    pub fn count(&self) -> usize {
        self.count
    }
}
