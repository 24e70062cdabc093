//! Looking at heaps: which blocks are live, and which heap an address belongs to.
//!
//! A page is looked at while the visiting thread holds it, where that is possible: a page of its own leaves its queue
//! meanwhile, an abandoned one is claimed. What the visitor frees is then listed remotely, and the page stays until
//! it is let go. Pages of other threads can't be held: their lists are read as they are, see
//! [`free_blocks`](crate::page::free_blocks).
#![allow(unsafe_code)]

use core::ptr::NonNull;

use crate::abandon;
use crate::heap::{Heap, SubProcess};
use crate::os;
use crate::page::free_blocks::FreeBlocks;
use crate::page::{FLAGS, PageRef};
use crate::snapshot::Snapshot;
use crate::subprocs;
use crate::sync::Ordering;
use crate::theap::{self, Theap};

/// A page as visitors see it. Sizes are in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    /// The first block.
    pub start: *mut u8,
    /// What all blocks that fit cover.
    pub reserved: usize,
    /// What the blocks that have ever been handed out cover.
    pub committed: usize,
    /// Live blocks.
    pub used: usize,
    /// What a program may use of a block at most.
    pub block_size: usize,
    /// A block, with its padding.
    pub full_block_size: usize,
    /// The tag of the heap.
    pub tag: i32,
}

/// Called with an area and no block, then with each live block in it. False ends the visit.
pub type Visitor<'a> = dyn FnMut(&'static Heap, &Area, Option<NonNull<u8>>) -> bool + 'a;

/// Which pages of a heap are visited.
#[derive(Clone, Copy)]
enum Which<'a> {
    All,
    Abandoned,
    Of(&'a Theap),
}

/// Visits the areas of a heap, of all threads, and the blocks in them if `blocks`. False when the visitor ended it,
/// or memory for the list of pages ran out. Other threads that use the heap meanwhile make the result inexact.
pub fn heap(heap: &'static Heap, blocks: bool, visitor: &mut Visitor<'_>) -> bool {
    visit(heap, Which::All, blocks, visitor)
}

/// As [`heap`], of pages without a thread only: those that threads left when they ended, and full ones.
pub fn abandoned(heap: &'static Heap, blocks: bool, visitor: &mut Visitor<'_>) -> bool {
    visit(heap, Which::Abandoned, blocks, visitor)
}

/// As [`heap`], of the pages that a theap of the calling thread owns.
pub fn theap(theap: &Theap, blocks: bool, visitor: &mut Visitor<'_>) -> bool {
    theap.living_heap().is_none_or(|heap| visit(heap, Which::Of(theap), blocks, visitor))
}

/// As [`abandoned`], for all heaps of a sub-process that have the tag, if one is given.
pub fn abandoned_of(
    subproc: &'static SubProcess,
    tag: Option<i32>,
    blocks: bool,
    visitor: &mut Visitor<'_>,
) -> bool {
    subprocs::visit_heaps(subproc, |heap| {
        tag.is_some_and(|tag| tag != heap.tag()) || abandoned(heap, blocks, visitor)
    })
}

fn visit(heap: &'static Heap, which: Which<'_>, blocks: bool, visitor: &mut Visitor<'_>) -> bool {
    let Some(pages) = Snapshot::take(|add| heap.for_each_page(add)) else {
        return false;
    };
    // A page that ended since the list was made is in the map no more, or is another's.
    let still = |page: PageRef| {
        PageRef::of_addr(page.start().addr()) == Some(page) && heap.is(Heap::of(&page))
    };
    pages
        .things()
        .iter()
        .all(|&page| !still(page) || !which.has(page) || visit_page(heap, page, blocks, visitor))
}

impl Which<'_> {
    fn has(self, page: PageRef) -> bool {
        match self {
            Self::All => true,
            Self::Abandoned => page.owner.load(Ordering::Relaxed) & !FLAGS == 0,
            Self::Of(theap) => {
                page.owner.load(Ordering::Relaxed) & !FLAGS == theap.tid()
                    && core::ptr::eq(page.theap.get().cast(), theap)
            }
        }
    }
}

fn visit_page(heap: &'static Heap, page: PageRef, blocks: bool, visitor: &mut Visitor<'_>) -> bool {
    let _held = Held::take(page);
    show(heap, page, blocks, visitor)
}

/// A page while it is looked at. It is let go also when the visitor unwinds.
enum Held {
    /// Held by another thread: looked at from outside.
    Not,
    /// Abandoned, and claimed.
    Claimed(PageRef),
    /// The calling thread's, and taken from its queue, where it was the first if so.
    Owned(PageRef, &'static Theap, bool),
}

impl Held {
    fn take(page: PageRef) -> Self {
        let owner = page.owner.load(Ordering::Relaxed) & !FLAGS;
        if owner == 0 {
            // Refused while a thread frees into it.
            return if page.claim() { Self::Claimed(page) } else { Self::Not };
        }
        match theap::owner_of(page).filter(|_| owner == os::thread_id()) {
            Some(theap) => {
                let first = theap.queue(page.bin()).first() == Some(page);
                theap.disown(page);
                Self::Owned(page, theap, first)
            }
            None => Self::Not,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        match *self {
            Self::Not => {}
            Self::Claimed(page) => _ = abandon::settle(page, None),
            Self::Owned(page, theap, first) => theap.take_up(page, first),
        }
    }
}

fn show(heap: &'static Heap, page: PageRef, blocks: bool, visitor: &mut Visitor<'_>) -> bool {
    if let Some(block) = guarded_block(page) {
        return show_guarded(heap, page, block, blocks, visitor);
    }
    let free = FreeBlocks::of(page);
    let (size, capacity) = (page.block_size(), page.capacity.get() as usize);
    let used = capacity - free.count();
    if used == 0 {
        return true;
    }
    let start = page.start();
    let (reserved, committed) = (page.reserved() * size, capacity * size);
    let (block_size, tag) = (page.room(), heap.tag());
    let area = Area { start, reserved, committed, used, block_size, full_block_size: size, tag };
    if !visitor(heap, &area, None) {
        return false;
    }
    !blocks
        || (0..capacity)
            .filter(|&index| !free.has(index))
            .all(|index| visitor(heap, &area, NonNull::new(start.wrapping_add(index * size))))
}

/// The guarded block of a page, as the program knows it, if the page is that of one.
fn guarded_block(page: PageRef) -> Option<*mut u8> {
    page.record().map(|record| page.start().with_addr(record.block()))
}

/// [`show`] for a guarded block, whose area is itself.
fn show_guarded(
    heap: &'static Heap,
    page: PageRef,
    block: *mut u8,
    blocks: bool,
    visitor: &mut Visitor<'_>,
) -> bool {
    let size = page.usable_from(block);
    let area = Area {
        start: block,
        reserved: size,
        committed: size,
        used: 1,
        block_size: size,
        full_block_size: size,
        tag: heap.tag(),
    };
    visitor(heap, &area, None) && (!blocks || visitor(heap, &area, NonNull::new(block)))
}

/// The heap that an address belongs to, if it lies in a live page. Safe for any address.
pub fn heap_of(p: *const u8) -> Option<&'static Heap> {
    PageRef::of_addr(p.addr()).map(|page| Heap::of(&page))
}

/// Whether `p` lies in a page of `heap`. Safe for any address.
pub fn contains(heap: &Heap, p: *const u8) -> bool {
    heap_of(p).is_some_and(|owner| owner.is(heap))
}

/// Whether moving the blocks of the page of `p` elsewhere is likely to free it: the calling thread owns it, does not
/// allocate from it at the moment, and at most `percent` of its blocks are live though all have been handed out and
/// not all are live now. With `heap`, also whether it is that heap's.
pub fn is_under_utilized(heap: Option<&Heap>, p: *const u8, percent: usize) -> bool {
    let Some(page) = PageRef::of_addr(p.addr()) else { return false };
    if heap.is_some_and(|heap| !heap.is(Heap::of(&page))) {
        return false;
    }
    if percent >= 100 {
        return true;
    }
    let mine = page.owner.load(Ordering::Relaxed) & !FLAGS == os::thread_id();
    let Some(theap) = theap::owner_of(page).filter(|_| mine) else { return false };
    if theap.queue(page.bin()).first() == Some(page) {
        return false;
    }
    theap.take_back(page);
    let (used, capacity) = (page.used.get() as usize, page.capacity.get() as usize);
    capacity == page.reserved() && used < capacity && 100 * used <= percent * capacity
}
