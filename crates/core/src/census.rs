//! Counting what there is, for whoever asks.
//!
//! Allocation and free keep no count of blocks: each list that a theap's fast path is given is counted as a whole, and
//! what is still on it is counted now.
//!
//! ```text
//! allocated = handed to fast paths - still on their lists            of each bin
//! live      = used - still on the page's list - listed remotely      of each page
//! ```
//!
//! # Protocol
//! Whoever counts holds `HEAPS`: no heap and no theap ends, and no arena. It holds off purges of the sub-process, and
//! asks the page map about each address right before it is read: what lies in a page of an arena was committed then,
//! and stays so. A page outside arenas, or of a heap other than the main one, is looked at under the lock of its
//! heap's list, which has to be taken to end it. Locks are taken in the order of a fork: `HEAPS`, purges, lists.
//!
//! Threads are not stopped: they may take, free and hand over blocks meanwhile. The numbers are exact when none of
//! them does, else near; they are never negative.
#![allow(unsafe_code)]

use crate::arena::meta;
use crate::heap::{HEAPS, Heap, MAIN_SUBPROC, SubProcess, for_each_heap, for_each_subproc};
use crate::page::PageRef;
use crate::page::look::Look;
use crate::size_class::{self, HUGE_BIN};
use crate::stats::heap_counts::{HUGE_SLOT, SLOTS, page_size, reported_bin, slot_of};
use crate::stats::{Figures, Usage, bins};
use crate::theap::{self, Theap};

/// The statistics of the process: of all sub-processes and their heaps.
pub fn of_process() -> Figures {
    let _guard = HEAPS.lock();
    let mut figures = Figures::new();
    for_each_subproc(|subproc| add_subproc(subproc, &mut figures));
    figures
}

/// The statistics of a sub-process and its heaps.
pub fn of_subproc(subproc: &'static SubProcess) -> Figures {
    let _guard = HEAPS.lock();
    let mut figures = Figures::new();
    add_subproc(subproc, &mut figures);
    figures
}

/// What the process uses now.
pub fn usage() -> Usage {
    let mut figures = Figures::new();
    {
        let _guard = HEAPS.lock();
        for_each_subproc(|subproc| {
            let mut part = Figures::new();
            read_stats(subproc, &mut part);
            figures.merge(&part);
        });
    }
    Usage::now(figures.committed)
}

/// The statistics of a sub-process without those of its heaps, save what they have passed on to it.
pub fn of_subproc_alone(subproc: &'static SubProcess) -> Figures {
    let _guard = HEAPS.lock();
    let mut figures = Figures::new();
    add_ended(subproc, &mut figures);
    read_stats(subproc, &mut figures);
    figures.settle();
    figures
}

/// The statistics of a heap, in which what is not a heap's is zero.
pub fn of_heap(heap: &'static Heap) -> Figures {
    let _guard = HEAPS.lock();
    heap.subproc().arenas.without_purges(|alone| count_heap(heap, alone))
}

/// The statistics of the calling thread: blocks that share a page which it has allocated, those that live in pages it
/// owns, and these pages. What it owns has no history: peaks are what there is now.
pub fn of_thread() -> Figures {
    let mut figures = Figures::new();
    if let Some(theap) = theap::current_or_none() {
        let mut add = |theap: &Theap| {
            add_theap(theap, &mut figures);
            theap.for_each_page(|page| {
                add_page(page, true, &mut figures);
                let pages = &mut figures.page_bins[reported_bin(slot_of(page.bin()))];
                pages.current += 1;
            });
        };
        add(theap.root());
        theap.root().for_each_other(add);
    }
    sum_up(&mut figures);
    figures.settle();
    figures
}

/// Starts all statistics of the process anew. What is in use stays counted as that.
pub fn reset() {
    merge();
    let _guard = HEAPS.lock();
    for_each_subproc(|subproc| {
        for_each_heap(subproc, |heap| {
            let figures = subproc.arenas.without_purges(|alone| count_heap(heap, alone));
            heap.counts.take_ended(&figures);
        });
        let mut figures = Figures::new();
        add_ended(subproc, &mut figures);
        subproc.ended.take_ended(&figures);
        subproc.stats().reset();
    });
    let (calls, bytes) = &meta::OWN;
    calls.reset();
    bytes.reset();
}

/// Adds what the calling thread has counted to its heaps, and starts its own count anew.
pub fn merge() {
    let Some(theap) = theap::current_or_none() else { return };
    let _guard = HEAPS.lock();
    let pass_on = |theap: &Theap| {
        if let Some(heap) = theap.living_heap() {
            theap.pass_counts_to(&heap.counts);
        }
    };
    pass_on(theap.root());
    theap.root().for_each_other(pass_on);
}

/// Passes what a heap has counted on to its sub-process, and starts its count anew. What it has stays its own.
pub fn merge_heap(heap: &'static Heap) {
    let _guard = HEAPS.lock();
    let subproc = heap.subproc();
    let figures = subproc.arenas.without_purges(|alone| count_heap(heap, alone));
    heap.counts.take_ended(&figures);
    subproc.ended.add_ended(&figures);
}

/// Adds a sub-process and its heaps. The caller holds `HEAPS`.
fn add_subproc(subproc: &'static SubProcess, figures: &mut Figures) {
    let mut sum = Figures::new();
    subproc.arenas.without_purges(|alone| {
        for_each_heap(subproc, |heap| sum.merge(&count_heap(heap, alone)));
    });
    add_ended(subproc, &mut sum);
    subproc.ended.note_peaks(&mut sum);
    read_stats(subproc, &mut sum);
    sum.settle();
    figures.merge(&sum);
}

/// Puts what is counted of a sub-process as a whole among the figures; in the main one, also what the engine's own
/// objects take.
fn read_stats(subproc: &SubProcess, figures: &mut Figures) {
    subproc.stats().read_into(figures);
    if subproc.is(&MAIN_SUBPROC) {
        let (calls, own) = (&meta::OWN.0, meta::OWN.1.get());
        figures.mmap_calls += calls.get();
        for sum in [&mut figures.reserved, &mut figures.committed] {
            // They are never given back: at its highest, the sum had all of them.
            sum.total += own.total;
            sum.peak += own.peak;
            sum.current += own.current;
        }
    }
}

/// Adds what heaps of a sub-process have left to it.
#[inline(never)]
fn add_ended(subproc: &SubProcess, figures: &mut Figures) {
    let mut ended = Figures::new();
    subproc.ended.add_to(&mut ended);
    sum_up(&mut ended);
    ended.settle();
    figures.merge(&ended);
}

/// The figures of a heap. The caller holds `HEAPS`, and says whether purges of the heap's sub-process are held off.
/// If they are not, no list is followed.
#[inline(never)]
fn count_heap(heap: &Heap, alone: bool) -> Figures {
    let mut figures = Figures::new();
    heap.counts.add_to(&mut figures);
    let mut next = heap.theaps.get().cast::<Theap>();
    // SAFETY: under the lock the list holds live theaps only.
    while let Some(theap) = unsafe { next.as_ref() } {
        next = theap.next.get();
        add_theap(theap, &mut figures);
    }
    heap.for_each_page(&mut |page| add_page(page, alone, &mut figures));
    sum_up(&mut figures);
    heap.counts.note_peaks(&mut figures);
    figures.settle();
    figures
}

/// Adds what a theap has counted.
#[inline(never)]
fn add_theap(theap: &Theap, figures: &mut Figures) {
    for bin in 0..size_class::BIN_COUNT {
        add_blocks(bin, theap.queue(bin).handed(), 0, figures);
    }
    theap.events.add_to(figures);
}

/// Adds allocated and live blocks of a bin.
fn add_blocks(bin: usize, allocated: i64, live: i64, figures: &mut Figures) {
    let size = i64::try_from(size_class::block_size(bin)).unwrap_or(0);
    let add = |sum: &mut i64, number: i64| *sum = sum.wrapping_add(number);
    let blocks = &mut figures.malloc_bins[slot_of(bin)];
    add(&mut blocks.total, allocated);
    add(&mut blocks.current, live);
    add(&mut figures.malloc_normal.total, allocated.wrapping_mul(size));
    add(&mut figures.malloc_normal.current, live.wrapping_mul(size));
}

/// Adds the blocks of a page that shares them; takes off what is still on its list. The page is the calling thread's,
/// or the caller keeps to the protocol of the module; if not `readable`, lists are not followed.
#[inline(never)]
fn add_page(page: PageRef, readable: bool, figures: &mut Figures) {
    let bin = page.bin();
    if bin == HUGE_BIN {
        return;
    }
    // SAFETY: what is in the page map is committed, and stays so by the protocol.
    let look = unsafe { Look::at(page, |addr| readable && PageRef::of_addr(addr) == Some(page)) };
    add_blocks(bin, -i64::from(look.left), look.live.into(), figures);
    figures.pages_abandoned.current += i64::from(!look.owned);
}

/// Completes the figures by what follows from others.
#[inline(never)]
fn sum_up(figures: &mut Figures) {
    figures.malloc_bins[bins::HUGE] = figures.page_bins[bins::HUGE];
    figures.settle();
    let (mut pages, mut bytes) = ((0, 0), (figures.malloc_huge.total, figures.malloc_huge.current));
    let mut blocks = 0;
    for slot in 0..SLOTS {
        let bin = reported_bin(slot);
        let counted = figures.page_bins[bin];
        let size = i64::try_from(page_size(slot)).unwrap_or(0);
        pages = (pages.0 + counted.total, pages.1 + counted.current);
        bytes = (bytes.0 + counted.total * size, bytes.1 + counted.current * size);
        blocks += if slot == HUGE_SLOT { 0 } else { figures.malloc_bins[bin].total };
    }
    (figures.pages.total, figures.pages.current) = pages;
    (figures.page_committed.total, figures.page_committed.current) = bytes;
    figures.malloc_huge_count = figures.page_bins[bins::HUGE].total;
    figures.malloc_normal_count = blocks;
}
