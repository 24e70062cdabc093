//! How many blocks of a page are live, found by somebody who does not hold it.
//!
//! Nothing stops the owner meanwhile. Its words are read one by one, each as it is at that moment; links are followed
//! only after they were checked, and only while the memory they lead to can be read, which the caller sees to. So the
//! numbers are exact when nobody uses the page, near when somebody does, and never larger than the page.
#![allow(unsafe_code)]

use crate::page::{FLAGS, ORDERED, PageRef};
use crate::ptr::{Block, peek};
use crate::sync::Ordering;

/// Blocks of a page that shares them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Look {
    /// Blocks that are still on the list which the fast path was given.
    pub left: u32,
    /// Live blocks.
    pub live: u32,
    /// Whether some thread owns the page.
    pub owned: bool,
}

impl Look {
    /// Looks at a page.
    ///
    /// # Safety
    /// An address of the page's slices can be read if `readable` says so of it.
    pub unsafe fn at(page: PageRef, readable: impl Fn(usize) -> bool) -> Self {
        let used = peek(&page.used).min(peek(&page.capacity));
        // SAFETY: the caller's promise.
        let left = unsafe { left(page, &readable) };
        let seen = page.remote.look();
        let live = if seen.held {
            used.saturating_sub(left).saturating_sub(seen.count)
        } else {
            seen.count.min(used)
        };
        let owned = page.owner.load(Ordering::Relaxed) & !FLAGS != 0;
        Self { left, live, owned }
    }
}

/// Blocks that are still on the list which the fast path of a page was given.
///
/// # Safety
/// As for [`Look::at`].
pub unsafe fn left(page: PageRef, readable: impl Fn(usize) -> bool) -> u32 {
    let first = peek(&page.free);
    let (size, capacity) = (page.block_size(), peek(&page.capacity));
    if first.is_null() || size == 0 {
        return 0;
    }
    if peek(&page.zeros) & ORDERED == 0 {
        // SAFETY: the caller's promise.
        return unsafe { length(page, first, readable) };
    }
    let index = first.addr().wrapping_sub(page.start().addr()) / size;
    capacity.saturating_sub(u32::try_from(index).unwrap_or(u32::MAX))
}

/// Blocks on the list that begins with `at`, as far as it leads to blocks of the page.
///
/// # Safety
/// As for [`Look::at`].
unsafe fn length(page: PageRef, mut at: *mut Block, readable: impl Fn(usize) -> bool) -> u32 {
    let (start, size, capacity) = (page.start().addr(), page.block_size(), peek(&page.capacity));
    let mut count = 0;
    while !at.is_null() && size != 0 && count < capacity {
        let offset = at.addr().wrapping_sub(start);
        let is_block = offset.is_multiple_of(size) && offset / size < capacity as usize;
        if !is_block || !readable(at.addr()) {
            break;
        }
        count += 1;
        // SAFETY: readable, and aligned: pages and blocks are to a word.
        at = unsafe { page.links().peek(at) };
    }
    count
}
