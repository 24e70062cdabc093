//! A look at everything that a page's record says, for builds and tests that check.
#![allow(unsafe_code)]

use crate::config::{MARKED_FREE, SLICE_SIZE};
use crate::page::free_blocks::FreeBlocks;
use crate::page::padding::Padding;
use crate::page::{Page, PageRef, guard};
use crate::page_map;
use crate::ptr::Block;
use crate::size_class::{self, HUGE_BIN};
use crate::units::is_aligned;

/// What is wrong, in a few words, if anything is.
pub type Checked = Result<(), &'static str>;

/// What is wrong unless `holds`.
pub fn ensure(holds: bool, what: &'static str) -> Checked {
    if holds { Ok(()) } else { Err(what) }
}

impl PageRef {
    /// Whether record, lists and padding of the page agree. Only for the holder of the page; other threads may free
    /// blocks of it meanwhile.
    pub fn check(self) -> Checked {
        self.check_layout()?;
        let local = self.check_list(self.local_free.get())?;
        let handed = self.check_list(self.free.get())?;
        let used = self.used.get() as usize;
        let capacity = self.capacity.get() as usize;
        ensure(used + local == capacity, "`used` does not count what is not on the local list")?;
        let remote = self.check_list(self.remote.look().list)?;
        ensure(handed + remote <= used, "lists are longer than what they can hold")?;
        // Blocks that come in meanwhile make the list longer, and none leaves it.
        let listed = FreeBlocks::of(self);
        ensure(listed.count() >= local + handed + remote, "a block is on two lists")?;
        self.check_padding(&listed)
    }

    fn check_layout(self) -> Checked {
        let (size, bin) = (self.block_size(), self.bin());
        let (slices, reserved) = (self.slice_count(), self.reserved());
        // A guarded block lies somewhere in its slices.
        let first = self.span().start.addr().get();
        ensure(is_aligned(first, SLICE_SIZE), "the page does not start on a slice")?;
        ensure(bin == HUGE_BIN || size_class::block_size(bin) == size, "size and bin disagree")?;
        ensure(
            reserved >= 1 && reserved * size + guard::size() <= slices * SLICE_SIZE,
            "blocks do not fit",
        )?;
        ensure(self.capacity.get() as usize <= reserved, "more blocks are linked than fit")?;
        let known = |slice| page_map::lookup(first + slice * SLICE_SIZE);
        ensure(
            (0..slices).all(|slice| known(slice) == Some(self.as_record())),
            "the page map does not know the page",
        )
    }

    /// The length of a list from `at` on, whose blocks nobody takes off meanwhile.
    fn check_list(self, mut at: *mut Block) -> Result<usize, &'static str> {
        let capacity = self.capacity.get() as usize;
        let mut count = 0;
        while !at.is_null() {
            ensure(self.has_linked(at), "a list leads out of the page")?;
            count += 1;
            ensure(count <= capacity, "a list leads in circles")?;
            // SAFETY: the block is one of this page, and by P1 stays on its list.
            at = unsafe { self.links().peek(at) };
        }
        Ok(count)
    }

    /// Whether free blocks say that they are, and live ones do not.
    fn check_padding(self, listed: &FreeBlocks) -> Checked {
        if !MARKED_FREE {
            return Ok(());
        }
        (0..self.capacity.get() as usize).try_for_each(|index| {
            let block = self.start().wrapping_add(index * self.block_size());
            // SAFETY: the block is one of this page.
            let is_live = matches!(unsafe { self.padding(block) }, Padding::Live(_));
            // A block that nobody has had yet says nothing.
            ensure(!(listed.has(index) && is_live), "a free block is marked live")
        })
    }
}

impl Page {
    /// Whether `block` is one of the page's blocks that have been linked.
    pub(super) fn has_linked(&self, block: *mut Block) -> bool {
        let (offset, size) = (block.addr().wrapping_sub(self.start().addr()), self.block_size());
        let linked = self.capacity.get() as usize * size;
        offset < linked && size_class::block_index(self.bin(), offset) * size == offset
    }
}
