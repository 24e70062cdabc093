//! Leaving a page so that somebody finds it: the map of abandoned pages and the hold on a page together.
//!
//! # Protocol
//! A bit of the map is a hint that the page at its place is abandoned and has a free block; the hold on the
//! page, in its [`RemoteList`], is the truth.
//!
//! ```text
//! leave   disown the page, then set its bit
//! find    clear the bit; if it was set, claim the page
//! ```
//!
//! In the other order a page could get lost: set first, somebody clears the bit and fails to claim the page
//! because it is still held; it is disowned then, and no bit leads to it. In this order a bit can be stale:
//! the page was claimed by a free before its bit was set, and is owned again, or gone. Following a stale
//! bit fails to claim (an owned page, or a dead record: those stay held), or finds a page that is not what
//! the bit promised, which the finder leaves again. Every disown is followed by setting the bit, by the same
//! thread, so at rest every abandoned page with a free block has its bit set. A page that is left open can lose its
//! last live block before the bit is set: who gave that back holds it, takes the bit away, and the page ends; the bit
//! that is set then is a stale one.
#![allow(unsafe_code)]

use crate::bitmap::Bitmap;
use crate::remote::{Found, RemoteList};
use crate::sync::{AtomicUsize, Ordering};

/// The abandoned pages of one bin in one arena.
#[derive(Clone, Copy)]
pub struct AbandonedMap<'a> {
    bits: Bitmap,
    /// Bits set in all maps of the bin; lets searches pass by. Runs ahead or behind for a moment.
    count: &'a AtomicUsize,
}

impl<'a> AbandonedMap<'a> {
    /// The map with the given bits, which are counted in `count`.
    pub fn new(bits: Bitmap, count: &'a AtomicUsize) -> Self {
        Self { bits, count }
    }

    /// Says that the page at `index` can be found. Whether that was not known.
    pub fn publish(&self, index: usize) -> bool {
        let fresh = self.bits.set(index, 1) == 1;
        if fresh {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        fresh
    }

    /// Says that the page at `index` can't be found any more. Whether it could.
    pub fn withdraw(&self, index: usize) -> bool {
        let known = self.bits.clear(index, 1) == 1;
        if known {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
        known
    }

    /// Claims the page at `index`, whose hold is `remote`, if the map knows it and nobody holds it.
    pub fn find(&self, index: usize, remote: &RemoteList) -> Option<Found> {
        if self.withdraw(index) { remote.claim() } else { None }
    }

    /// Calls `f` with each index that the map knows, until it returns false.
    pub fn for_each(&self, f: impl FnMut(usize) -> bool) -> bool {
        self.bits.for_each_set(0, f)
    }
}

/// Ends the hold on a page with `live` live blocks; with `place`, its map and its index there, so that it can be found,
/// and if it is left `open` takes blocks without being claimed. False, and nothing changed, when blocks are listed.
pub fn leave(
    remote: &RemoteList,
    live: u32,
    place: Option<(AbandonedMap<'_>, usize)>,
    open: bool,
) -> bool {
    let left = remote.disown(live, open && place.is_some());
    if let (true, Some((map, index))) = (left, place) {
        map.publish(index);
    }
    left
}

#[cfg(all(test, loom))]
mod loom_tests {
    extern crate std;
    use super::*;
    use crate::bitmap::CHUNK_WORDS;
    use crate::links::Links;
    use crate::remote::Pushed;
    use crate::sync::LinkCell;
    use core::ptr::{NonNull, null_mut};
    use loom::sync::Arc;
    use std::boxed::Box;
    use std::vec::Vec;

    /// An abandoned page with one free block and two live blocks.
    struct World {
        remote: RemoteList,
        words: Vec<AtomicUsize>,
        count: AtomicUsize,
        open: bool,
        /// Touched by the holder only: loom reports two at once.
        live: LinkCell<u32>,
    }

    // SAFETY: `live` is touched only by the holder of `remote`; loom checks exactly that.
    unsafe impl Sync for World {}
    // SAFETY: as above.
    unsafe impl Send for World {}

    impl World {
        fn new(open: bool) -> Arc<Self> {
            let words = (0..CHUNK_WORDS).map(|_| AtomicUsize::new(0)).collect();
            let (count, live) = (AtomicUsize::new(0), LinkCell::new(2));
            Arc::new(Self { remote: RemoteList::new_owned(), words, count, open, live })
        }

        fn map(&self) -> AbandonedMap<'_> {
            // SAFETY: the words live as long as the world that the view borrows.
            let bits = unsafe { Bitmap::new(NonNull::from(&self.words[0]), CHUNK_WORDS, 64) };
            AbandonedMap::new(bits, &self.count)
        }

        fn leave(&self) {
            loop {
                self.live.set(self.live.get() - self.remote.take().1);
                let place = Some((self.map(), 5));
                if super::leave(&self.remote, self.live.get(), place, self.open) {
                    return;
                }
            }
        }

        /// A thread that frees a live block, settles the page if it has to and leaves it.
        fn free(&self) {
            let place = Box::into_raw(Box::new([0_usize; 16]));
            // SAFETY: the box is large enough for a block under loom and only this thread knows it.
            let block = unsafe { Links::plain().place(place.cast(), null_mut()) };
            // SAFETY: as above.
            if let Pushed::Claimed(found) = unsafe { self.remote.push(Links::plain(), block) } {
                self.live.set(found.live - 1);
                self.map().withdraw(5);
                self.leave();
            }
        }

        /// A thread that looks for a page to allocate from. Whether it took the page.
        fn allocate(&self) -> bool {
            let found = self.map().find(5, &self.remote);
            if let Some(found) = found {
                assert!(found.live <= self.live.get());
                self.live.set(found.live);
            }
            found.is_some()
        }
    }

    fn never_lost(open: bool) {
        loom::model(move || {
            let world = World::new(open);
            let (freer, finder) = (world.clone(), world.clone());
            let freer = loom::thread::spawn(move || freer.free());
            let finder = loom::thread::spawn(move || finder.allocate());
            world.leave();
            freer.join().unwrap();
            let found = finder.join().unwrap();
            assert!(found || world.allocate(), "nobody holds the page and no bit leads to it");
        });
    }

    /// The owner leaves the page while one thread frees into it and another looks for it: afterwards it is
    /// either held by the one who found it, or it can be found.
    #[test]
    fn an_abandoned_page_is_never_lost() {
        never_lost(false);
    }

    /// The same, when blocks come back without a claim.
    #[test]
    fn an_open_page_is_never_lost() {
        never_lost(true);
    }
}
