//! How a theap comes by a page with a free block, and how blocks too large for any bin are made.
//!
//! This is the only way memory gets into the fast path, and therefore the allocator's clock: chores, and
//! purges that are due, are run from here.
#![allow(unsafe_code)]

use core::ptr::NonNull;

use crate::abandon;
use crate::config::{RANDOM_ORDER, SLICE_SIZE};
use crate::deferred;
use crate::heap::Heap;
use crate::options::{self, Opt};
use crate::page::{Page, PageRef, guard};
use crate::page_queue::PageQueue;
use crate::ptr::{self, Block};
use crate::size_class::{self, HUGE_BIN};
use crate::stats::Event;
use crate::theap::Theap;
use crate::units::{slices_for, to_u32};

/// Pages of a queue that one search looks at before it extends a page or takes another.
const SEARCH_MAX: usize = 32;

/// Takes a block of `bin`, and says of which page it is: from what the first page still has, which is how
/// bins too large for the direct table are served, or after a refill.
#[inline(never)]
pub fn take_block(theap: &Theap, bin: usize) -> Option<(PageRef, NonNull<Block>)> {
    let queue = theap.queue(bin);
    if let Some(page) = queue.first()
        && let Some(block) = pop(page)
    {
        return Some((page, block));
    }
    // Before any page is chosen: chores may give pages back.
    if theap.tick() {
        return take_slowly(theap, bin);
    }
    let page = listed(theap, bin)?;
    pop(page).map(|block| (page, block))
}

/// Takes a block of `page`, the first one of its bin, for a theap that watches its blocks, when nothing else is due.
#[inline(always)]
pub fn take_watched(theap: &Theap, page: PageRef) -> Option<(PageRef, NonNull<Block>)> {
    // Where the order is random, freed blocks are not always taken first.
    if RANDOM_ORDER || !theap.tick_watched() {
        return None;
    }
    let block = page.pop_local()?;
    theap.queue(page.bin()).count_handed(1);
    Some((page, block))
}

/// A page of `bin` with a list handed to the fast path.
#[inline(always)]
fn listed(theap: &Theap, bin: usize) -> Option<PageRef> {
    let queue = theap.queue(bin);
    // The first page is in the direct table already: with a list it is ready to serve.
    match queue.first() {
        Some(page) if page.prefers_fresh() && extend(theap, bin, page) => Some(page),
        Some(page) if hand_over(queue, page) => Some(page),
        _ => refill(theap, bin),
    }
}

/// [`take_block`] when it is time for chores, or when the theap samples or watches blocks. `None` also when the next
/// block is to be a guarded one, which who knows the size takes.
#[cold]
#[inline(never)]
fn take_slowly(theap: &Theap, bin: usize) -> Option<(PageRef, NonNull<Block>)> {
    if theap.is_time_for_chores() {
        chores(theap, bin);
    }
    let samples = theap.sampler.suits(size_class::block_size(bin));
    if samples && theap.sampler.is_due() {
        return None;
    }
    let queue = theap.queue(bin);
    let before = queue.handed();
    let page = listed(theap, bin)?;
    // SAFETY: the theap is the calling thread's.
    let watches = unsafe { Theap::watches(theap) };
    let block = if watches { page.pop_watched() } else { pop(page) }?;
    let length = u32::try_from(queue.handed() - before).unwrap_or(0);
    let mut keep = if watches { 1 } else { length };
    if samples {
        keep = to_u32(theap.sampler.count(keep as usize));
    }
    if keep < length {
        cut(queue, page, keep, length);
    }
    Some((page, block))
}

/// Leaves `keep` blocks of a list of `length` to the fast path, the first one of each counted, which has been taken.
#[inline(never)]
fn cut(queue: &PageQueue, page: PageRef, keep: u32, length: u32) {
    queue.count_taken_back(page.keep_handed(keep.saturating_sub(1), length.saturating_sub(1)));
}

#[inline(always)]
fn pop(page: PageRef) -> Option<NonNull<Block>> {
    page.pop().or_else(|| page.pop_last())
}

/// Makes the first page of `bin`'s queue one with a list handed to the fast path.
#[inline(never)]
fn refill(theap: &Theap, bin: usize) -> Option<PageRef> {
    let found = if options::may_be_set(Opt::PageFullRetain) {
        search_keeping(theap, bin)
    } else {
        search(theap, bin, 0)
    };
    if let Some(page) = found {
        prefetch(theap, bin, page);
        return Some(page);
    }
    let page = abandon::reclaim(theap, bin).or_else(|| fresh(theap, bin))?;
    (hand_over(theap.queue(bin), page) || extend(theap, bin, page)).then_some(page)
}

/// Hands a list of freed blocks of a page in `queue` to the fast path. Whether there was any.
#[inline]
fn hand_over(queue: &PageQueue, page: PageRef) -> bool {
    let blocks = page.hand_over();
    queue.count_handed(blocks);
    blocks != 0
}

/// Fetches what the next pops and the next refill read: it was freed long ago, as a rule.
#[inline]
fn prefetch(theap: &Theap, bin: usize, page: PageRef) {
    // SAFETY: the list was just handed over, and it is this thread's.
    ptr::prefetch(unsafe { page.links().next(page.free.get()) });
    let queue = theap.queue(bin);
    if let Some(next) = queue.after(page) {
        ptr::prefetch(next.local_free.get());
        if let Some(second) = queue.after(next) {
            ptr::prefetch(second.as_ptr());
        }
    }
}

/// Looks for free blocks among the pages that the theap owns: freed ones in any page first, untouched ones
/// after. A page with nothing to give is passed by once, which gives frees the time to reach it; found so
/// again, it is abandoned when it is full, unless the theap owns at most `keep` pages of the bin.
#[inline(always)]
fn search(theap: &Theap, bin: usize, keep: usize) -> Option<PageRef> {
    let queue = theap.queue(bin);
    let (mut found, mut looks) = (None, 0);
    for _ in 0..SEARCH_MAX {
        let Some(page) = queue.first() else { break };
        looks += 1;
        if hand_over(queue, page) {
            found = Some(page);
            break;
        }
        if queue.count() > 1 && !page.is_spent() {
            page.set_spent();
            queue.rotate();
        } else if page.has_free() {
            // Nobody has freed a block since the page was passed by: an untouched one has to do.
            break;
        } else if keep != 0 && queue.count() <= keep {
            queue.rotate();
        } else {
            abandon::abandon_full(theap, bin);
        }
    }
    theap.events.count(Event::Search, 1);
    theap.events.count(Event::Look, looks);
    theap.update_direct(bin);
    let usable = |page: &PageRef| hand_over(queue, *page) || extend(theap, bin, *page);
    found.or_else(|| queue.first().filter(usable))
}

/// [`search`] as an option has it.
#[cold]
#[inline(never)]
fn search_keeping(theap: &Theap, bin: usize) -> Option<PageRef> {
    // A negative number keeps all.
    let keep = usize::try_from(options::get(Opt::PageFullRetain)).unwrap_or(usize::MAX);
    search(theap, bin, keep)
}

/// Hands untouched blocks of a page to the fast path. Whether there were any.
fn extend(theap: &Theap, bin: usize, page: PageRef) -> bool {
    let blocks = page.extend();
    if blocks != 0 {
        theap.queue(bin).count_handed(blocks);
        theap.events.count(Event::Extend, 1);
    }
    blocks != 0
}

/// Makes a fresh page of `bin` the first of its queue.
fn fresh(theap: &Theap, bin: usize) -> Option<PageRef> {
    let heap = theap.living_heap()?;
    let span = heap.take_slices(size_class::page_slices(bin), SLICE_SIZE)?;
    // SAFETY: the span was just claimed.
    let page = unsafe { heap.create_page(span, bin, size_class::block_size(bin)) }?;
    theap.own(page, true);
    Some(page)
}

/// What a theap does every so many slow-path calls, before it serves `bin`.
#[cold]
fn chores(theap: &Theap, bin: usize) {
    let Some(heap) = theap.living_heap() else { return };
    deferred::call(theap, false);
    theap.update_choices();
    theap.sweep_retired(bin);
    heap.subproc().arenas.purge_if_due();
    let interval = options::get(Opt::GenericCollect).clamp(1, 1_000_000).unsigned_abs();
    if theap.calls().is_multiple_of(interval.next_multiple_of(crate::config::SWEEP_CALLS)) {
        theap.collect();
    }
    if let Some(target) = abandon::target()
        && theap.owned_bytes() > target
    {
        abandon::abandon_beyond(theap, target);
    }
}

/// Takes a block with a page of its own for a theap; see [`single`].
pub fn take_single(
    theap: &Theap,
    size: usize,
    align: usize,
) -> Option<(PageRef, NonNull<u8>, bool)> {
    if theap.tick() && theap.is_time_for_chores() {
        chores(theap, HUGE_BIN);
    }
    single(theap.living_heap()?, size, align)
}

/// Makes a page of one block of at least `size` bytes at a multiple of `align`. The page has no owner: the
/// only event of its life is that its block is freed, by whoever. Gives page and block, and whether that reads as
/// zeros.
pub fn single(
    heap: &'static Heap,
    size: usize,
    align: usize,
) -> Option<(PageRef, NonNull<u8>, bool)> {
    heap.subproc().arenas.purge_if_due();
    let block_size = Page::huge_block_size(size)?;
    let slices = slices_for(block_size.checked_add(guard::size())?);
    let span = heap.take_slices(slices, align.max(SLICE_SIZE))?;
    // SAFETY: the span was just claimed.
    let page = unsafe { heap.create_page(span, HUGE_BIN, block_size) }?;
    let (block, zero) = page.take_single();
    page.disown();
    NonNull::new(block).map(|block| (page, block, zero))
}
