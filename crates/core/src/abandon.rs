//! Pages without an owner: giving them up, finding them again, and freeing into them.
//!
//! A page is abandoned when it is full (nothing can be allocated from it, so nobody needs to own it) and
//! when its thread ends. Whoever frees the first block into a full one, or the last one into any, becomes its claimant and
//! settles it: gives it back when it is empty, adopts it, or leaves it where allocation finds it. Other blocks are listed.
//!
//! How pages are left and found is [`abandoned`]'s matter; what they are is read by whoever
//! holds them.
#![allow(unsafe_code)]

use crate::abandoned::{self, AbandonedMap};
use crate::config::{RECLAIM_TRIES, SEGMENT_SIZE, SLICE_SIZE};
use crate::heap::Heap;
use crate::options::{self, Opt};
use crate::os;
use crate::page::{FLAGS, PageRef};
use crate::ptr::peek;
use crate::size_class::HUGE_BIN;
use crate::stats::Event;
use crate::sync::Ordering;
use crate::theap::Theap;

/// Leaves a held page without an owner, and says where it can be found if it has free blocks. False, and
/// the page is still held, when blocks were freed into it meanwhile.
fn leave(page: PageRef) -> bool {
    // Read while the page is held: afterwards it may be anybody's.
    let place = if page.has_free() { map_of(page) } else { None };
    page.published.set(place.is_some());
    // Where options may have frees adopt pages, each free has to ask.
    let open = !options::may_be_set(Opt::AbandonedReclaimOnFree)
        && !options::may_be_set(Opt::PageReclaimOnFree);
    abandoned::leave(&page.remote, page.used.get(), place, open)
}

/// The map in which a page of an arena is found when it is abandoned, and its index there.
fn map_of(page: PageRef) -> Option<(AbandonedMap<'static>, usize)> {
    let (heap, (arena, index)) = (Heap::of(&page), page.place()?);
    Some((heap.subproc().abandoned(arena, heap.abandoned_map(page.bin())), index))
}

/// Takes a held page off the map of its bin.
fn withdraw(page: PageRef) {
    if page.published.replace(false)
        && let Some((map, index)) = map_of(page)
    {
        map.withdraw(index);
    }
}

/// Gives a page that the caller has claimed back to `theap`, if that abandoned it when it was full: what
/// mostly happens when a block of an abandoned page is freed. The page has a live block. False also where options
/// may forbid it: [`settle`] looks at them.
#[inline]
pub fn take_back(theap: &Theap, page: PageRef) -> bool {
    let taken = was_of(theap, page)
        && theap.heap().is(Heap::of(&page))
        && !options::may_be_set(Opt::PageReclaimOnFree)
        && !options::may_be_set(Opt::PageMaxReclaim);
    if taken {
        if page.published.get() {
            withdraw(page);
        }
        theap.events.count(Event::ReclaimOnFree, 1);
        theap.own(page, false);
    }
    taken
}

/// Whether `theap` was the last to own the page: certain for its holder, for others as it looked a moment ago.
#[inline]
pub fn was_of(theap: *const Theap, page: PageRef) -> bool {
    core::ptr::eq(peek(&page.theap).cast::<Theap>(), theap)
}

/// Whether options let a theap adopt a page that was its own.
fn may_take_back(theap: &Theap, page: PageRef) -> bool {
    options::get(Opt::PageReclaimOnFree) >= 0 && has_room(theap, page, Opt::PageMaxReclaim)
}

/// Whether a theap owns fewer pages like `page` than an option says; negative is no limit.
fn has_room(theap: &Theap, page: PageRef, limit: Opt) -> bool {
    usize::try_from(options::get(limit))
        .map_or(true, |limit| theap.queue(page.bin()).count() < limit)
}

/// Passes a page from a heap that is deleted to the main heap. The page was just taken off the old heap's
/// list, under that list's lock.
pub fn pass_to(heap: &'static Heap, page: PageRef) {
    // Held by somebody else, the page is published, if at all, for its new heap.
    let held = page.claim();
    if held {
        withdraw(page);
    }
    heap.adopt_page(page);
    if held {
        settle(page, None);
    }
}

/// Decides what becomes of an abandoned page that the caller has claimed: it is given back when no block
/// is live, adopted by `theap` when that serves it, else left again. Whether it was left.
pub fn settle(page: PageRef, theap: Option<&Theap>) -> bool {
    loop {
        let blocks = page.take_back();
        if blocks != 0 {
            Heap::count_taken_back(page, blocks);
        }
        page.take_remote();
        if page.used.get() == 0 {
            withdraw(page);
            // SAFETY: the caller's claim makes it the holder; abandoned pages are in no queue.
            unsafe { Heap::release_page(page) };
            return false;
        }
        if let Some(theap) = theap.filter(|theap| wants(theap, page)) {
            withdraw(page);
            theap.events.count(Event::ReclaimOnFree, 1);
            theap.own(page, false);
            return false;
        }
        if leave(page) {
            return true;
        }
    }
}

/// Makes a page safe to use in the child of a fork that other threads did not take part in: nobody else can have
/// been changing pages of the thread `me`, and those of late theaps, save for their remote lists.
pub fn forget(page: PageRef, me: usize) {
    let word = page.owner.load(Ordering::Relaxed);
    let owner = word & !FLAGS;
    // The id of a late theap is its address.
    if owner == me || (owner != 0 && owner == page.theap.get().addr()) {
        page.remote.reset();
        return;
    }
    withdraw(page);
    page.owner.store(word & FLAGS, Ordering::Relaxed);
    Heap::of(&page).count_all_for_live(page);
    page.take_all_for_live();
    page.remote.reset();
    page.disown();
}

/// Whether a theap that frees into an abandoned page should own it: when the page was its own, or when it
/// allocates such blocks itself and does not hold many pages already. A thread that only frees leaves the
/// page to those who allocate.
fn wants(theap: &Theap, page: PageRef) -> bool {
    if page.bin() == HUGE_BIN || !theap.heap().is(Heap::of(&page)) {
        return false;
    }
    if options::is_enabled(Opt::AbandonedReclaimOnFree) {
        return true;
    }
    if was_of(theap, page) {
        return may_take_back(theap, page);
    }
    options::get(Opt::PageReclaimOnFree) > 0
        && theap.queue(page.bin()).count() != 0
        && has_room(theap, page, Opt::PageCrossThreadMaxReclaim)
}

/// Gives up the first page of `bin`, which is full. When blocks were freed into it meanwhile the theap keeps
/// it, at the end of its queue. The direct table is the caller's to update.
#[inline(always)]
pub fn abandon_full(theap: &Theap, bin: usize) {
    let Some(page) = theap.disown_first(bin) else { return };
    if page.disown() {
        theap.events.count(Event::AbandonFull, 1);
    } else {
        page.take_remote();
        theap.own_last(bin, page);
    }
}

/// Gives up all pages of a theap whose thread ends.
pub fn abandon_all(theap: &Theap) {
    theap.for_each_page(|page| give_up(theap, page));
}

/// Gives up a page that the theap owns.
pub fn give_up(theap: &Theap, page: PageRef) {
    theap.take_back(page);
    theap.disown(page);
    if settle(page, None) {
        theap.events.count(Event::Abandon, 1);
    }
}

/// Most bytes that the pages of a theap may cover by the options; `None` when that is not limited.
pub fn target() -> Option<usize> {
    let segments = options::get_size(Opt::TargetSegmentsPerThread);
    (segments != 0).then(|| segments.saturating_mul(SEGMENT_SIZE))
}

/// Gives up pages of a theap until those that it owns cover at most `target` bytes, and says how many they do.
pub fn abandon_beyond(theap: &Theap, target: usize) -> usize {
    let mut owned = 0;
    theap.for_each_page(|page| {
        let size = page.slice_count() * SLICE_SIZE;
        if owned + size > target {
            give_up(theap, page);
        } else {
            owned += size;
        }
    });
    owned
}

/// Finds an abandoned page of `bin` with a free block and makes it the first page of the theap's queue.
pub fn reclaim(theap: &Theap, bin: usize) -> Option<PageRef> {
    let heap = theap.living_heap()?;
    let number = heap.abandoned_map(bin);
    if !heap.subproc().has_abandoned(number) {
        return None;
    }
    let mut tries = RECLAIM_TRIES;
    for arena in heap.subproc().arenas.iter() {
        let map = heap.subproc().abandoned(arena, number);
        let mut found = None;
        map.for_each(|index| {
            tries -= 1;
            let page = PageRef::from_record(arena.record(index));
            if let Some(listed) = map.find(index, &page.remote) {
                page.take_in(listed);
                found = examine(theap, bin, page);
            }
            found.is_none() && tries > 0
        });
        if found.is_some() || tries == 0 {
            return found;
        }
    }
    None
}

/// Makes a page that was found the theap's, or leaves it again when it is not what was looked for: the hint
/// that led to it was stale, or meant for another heap.
fn examine(theap: &Theap, bin: usize, page: PageRef) -> Option<PageRef> {
    page.published.set(false);
    if page.bin() != bin || !theap.heap().is(Heap::of(&page)) || !page.has_free() {
        settle(page, None);
        return None;
    }
    theap.events.count(Event::ReclaimOnAlloc, 1);
    theap.own(page, true);
    Some(page)
}

/// Makes a page that ends with its heap unreachable: no map leads to it, and no claim on it succeeds.
pub fn condemn(page: PageRef) {
    if page.owner.load(Ordering::Relaxed) & !FLAGS == 0 {
        // Held, if at all, by a thread that looks for a page of another heap: it leaves this one, and neither takes a
        // lock nor ends the page before, which has a live block.
        while page.remote.claim().is_none() {
            os::yield_thread();
        }
    }
    // What the flags say is still needed to end the page.
    page.owner.store(page.owner.load(Ordering::Relaxed) & FLAGS, Ordering::Relaxed);
    page.remote.reset();
    withdraw(page);
}
