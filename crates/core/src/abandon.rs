//! Pages without an owner: giving them up, finding them again, and freeing into them.
//!
//! A page is abandoned when it is full (nothing can be allocated from it, so nobody needs to own it) and
//! when its thread ends. Whoever frees a block into an abandoned page becomes its claimant and settles it:
//! gives it back when it is empty, adopts it, or leaves it again where allocation finds it.
//!
//! # The maps
//! An abandoned page with free blocks has its bit set in the `abandoned` map of its bin. The bit is a hint:
//! it is set *after* the page was left (set before, an allocating thread could take the bit away while the
//! page is still held, and nobody would find the page again), so it can be stale. Whoever follows a bit
//! clears it, claims the page through its remote list, and only then reads what page it is. A record that
//! is no page refuses the claim: dead records stay held.
#![allow(unsafe_code)]

use crate::arena::Arena;
use crate::config::{ADOPT_PAGES_MAX, RECLAIM_TRIES};
use crate::heap::Heap;
use crate::page::PageRef;
use crate::size_class::HUGE_BIN;
use crate::stats::STATS;
use crate::theap::Theap;

/// Leaves a held page without an owner, and says where it can be found if it has free blocks. False, and
/// the page is still held, when blocks were freed into it meanwhile.
fn leave(page: PageRef) -> bool {
    // Read while the page is held: afterwards it may be anybody's.
    let place = if page.has_free() { page.place() } else { None };
    let (heap, bin) = (Heap::of(&page), page.bin());
    page.published.set(place.is_some());
    if !page.remote.disown() {
        return false;
    }
    if let Some((arena, index)) = place {
        publish(heap, heap.abandoned_map(bin), arena, index);
    }
    true
}

/// Says that an abandoned page with free blocks starts at a slice.
fn publish(heap: &Heap, map: usize, arena: &Arena, index: usize) {
    if arena.abandoned(map).set(index, 1) == 1 {
        heap.subproc.count_abandoned(map);
        STATS.pages_abandoned.increase(1);
    }
}

/// Clears the bit of a page in a map. Whether it was set.
fn unpublish(heap: &Heap, map: usize, arena: &Arena, index: usize) -> bool {
    let was_set = arena.abandoned(map).clear(index, 1) == 1;
    if was_set {
        heap.subproc.uncount_abandoned(map);
        STATS.pages_abandoned.decrease(1);
    }
    was_set
}

/// Takes a held page off the map of its bin.
fn withdraw(page: PageRef) {
    if page.published.replace(false)
        && let Some((arena, index)) = page.place()
    {
        let heap = Heap::of(&page);
        unpublish(heap, heap.abandoned_map(page.bin()), arena, index);
    }
}

/// Gives a page that the caller has claimed back to `theap`, if that abandoned it when it was full: what
/// mostly happens when a block of an abandoned page is freed. The page has a live block.
#[inline]
pub fn take_back(theap: &Theap, page: PageRef) -> bool {
    let was_ours =
        core::ptr::eq(page.theap.get().cast::<Theap>(), theap) && theap.heap().is(Heap::of(&page));
    if was_ours {
        withdraw(page);
        theap.own(page, false);
    }
    was_ours
}

/// Decides what becomes of an abandoned page that the caller has claimed: it is given back when no block
/// is live, adopted by `theap` when that serves it, else left again.
pub fn settle(page: PageRef, theap: Option<&Theap>) {
    loop {
        page.take_back();
        page.take_remote();
        if page.used.get() == 0 {
            withdraw(page);
            // SAFETY: the caller's claim makes it the holder; abandoned pages are in no queue.
            unsafe { page.release() };
            return;
        }
        if let Some(theap) = theap.filter(|theap| wants(theap, page)) {
            withdraw(page);
            STATS.pages_reclaim_on_free.bump();
            theap.own(page, false);
            return;
        }
        if leave(page) {
            return;
        }
    }
}

/// Leaves a page whose holder has vanished in a fork. Its blocks are looked at by whoever claims it next, so
/// that the child copies no more memory than it must.
pub fn orphan(page: PageRef) {
    while !leave(page) {
        page.take_remote();
    }
}

/// Whether a theap that frees into an abandoned page should own it: when the page was its own, or when it
/// allocates such blocks itself and does not hold many pages already. A thread that only frees leaves the
/// page to those who allocate.
fn wants(theap: &Theap, page: PageRef) -> bool {
    if page.bin() == HUGE_BIN || !theap.heap().is(Heap::of(&page)) {
        return false;
    }
    let owned = theap.queue(page.bin()).count();
    let was_ours = core::ptr::eq(page.theap.get().cast::<Theap>(), theap);
    was_ours || (1..ADOPT_PAGES_MAX).contains(&owned)
}

/// Gives up a full page of `theap`. When blocks were freed into it meanwhile the theap keeps it, at the end
/// of its queue.
pub fn abandon_full(theap: &Theap, page: PageRef) {
    theap.disown(page);
    if !page.remote.disown() {
        page.take_remote();
        theap.own(page, false);
    }
}

/// Gives up all pages of a theap whose thread ends.
pub fn abandon_all(theap: &Theap) {
    theap.for_each_page(|page| {
        theap.disown(page);
        settle(page, None);
    });
}

/// Finds an abandoned page of `bin` with a free block and makes it the first page of the theap's queue.
pub fn reclaim(theap: &Theap, bin: usize) -> Option<PageRef> {
    let heap = theap.heap();
    let map = heap.abandoned_map(bin);
    if !heap.subproc.has_abandoned(map) {
        return None;
    }
    let mut tries = RECLAIM_TRIES;
    for arena in heap.subproc.arenas.iter() {
        let mut found = None;
        arena.abandoned(map).for_each_set(0, |index| {
            tries -= 1;
            found = try_reclaim(theap, bin, arena, map, index);
            found.is_none() && tries > 0
        });
        if found.is_some() || tries == 0 {
            return found;
        }
    }
    None
}

/// Follows one bit of a map.
fn try_reclaim(
    theap: &Theap,
    bin: usize,
    arena: &'static Arena,
    map: usize,
    index: usize,
) -> Option<PageRef> {
    let heap = theap.heap();
    let page = PageRef::from_record(arena.record(index));
    if !unpublish(heap, map, arena, index) || !page.remote.claim() {
        return None;
    }
    if page.bin() != bin || !heap.is(Heap::of(&page)) {
        // The bit was stale, or stands for a page of another heap: back to where its allocators look.
        settle(page, None);
        return None;
    }
    page.take_back();
    if !page.has_free() {
        settle(page, None);
        return None;
    }
    page.published.set(false);
    STATS.pages_reclaim_on_alloc.bump();
    theap.own(page, true);
    Some(page)
}
