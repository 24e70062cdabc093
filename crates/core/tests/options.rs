//! What options change: each test fails when its option is not read.
#![cfg(target_os = "linux")]
#![allow(unsafe_code)]

mod common;
mod process;

use common::{reserved, resident};
use process::alone;
use rimalloc_core::alloc::malloc;
use rimalloc_core::collect::reduce;
use rimalloc_core::free::free;
use rimalloc_core::size_class::bin_of;
use rimalloc_core::source::Plain;
use rimalloc_core::theap::{self, Theap};
use std::thread;

const MIB: usize = 1 << 20;

/// What a test's process has to find, where that depends on the options it was given.
const EXPECTED: &str = "RIMALLOC_TEST_EXPECTED";

/// The size of the blocks that most tests use: few share a page, also in builds that put something behind a block.
const SIZE: usize = 8000;

/// A block on its way to another thread.
#[derive(Clone, Copy)]
struct Parcel(*mut u8);

// SAFETY: the block has one owner, and any thread may free it.
unsafe impl Send for Parcel {}

impl Parcel {
    fn new(size: usize) -> Self {
        let p = malloc(Plain, size);
        assert!(!p.is_null(), "no block of {size} bytes");
        // SAFETY: the block is new and holds `size` bytes.
        unsafe { p.write_bytes(1, size) };
        Self(p)
    }

    fn many(count: usize, size: usize) -> Vec<Self> {
        (0..count).map(|_| Self::new(size)).collect()
    }

    fn end(self) {
        // SAFETY: each parcel is ended once.
        unsafe { free(self.0) };
    }
}

/// Runs `body` once for each set of options, in a process of its own, and hands it what goes with the set.
fn each<const N: usize>(
    name: &str,
    sets: [(&[(&str, &str)], usize); N],
    body: impl Fn(usize) + Copy,
) {
    if let Ok(expected) = std::env::var(EXPECTED) {
        return alone(name, &[], || body(expected.parse().expect("a number")));
    }
    for (variables, expected) in sets {
        let expected = expected.to_string();
        alone(name, &[variables, &[(EXPECTED, &expected)]].concat(), || {});
    }
}

/// How many blocks of `SIZE` bytes share a page.
fn blocks_of_a_page() -> usize {
    let ask = || {
        Parcel::new(SIZE).end();
        let page = theap::current_or_none().and_then(|theap| theap.queue(bin_of(SIZE)).first());
        page.expect("the only page of a bin is kept").reserved()
    };
    // On a thread of its own: the page ends with it.
    thread::spawn(ask).join().expect("no panic")
}

/// As many blocks as fill `count` pages, page by page.
fn fill_pages(count: usize) -> Vec<Vec<Parcel>> {
    let blocks = blocks_of_a_page();
    (0..count).map(|_| Parcel::many(blocks, SIZE)).collect()
}

/// Pages for blocks of `size` bytes that the calling thread owns.
fn owned_pages(size: usize) -> usize {
    theap::current_or_none().map_or(0, |theap| theap.queue(bin_of(size)).count())
}

fn owned_bytes() -> usize {
    theap::current_or_none().map_or(0, Theap::owned_bytes)
}

/// Makes the calling thread need fresh lists of blocks often.
fn be_busy() {
    Parcel::many(100_000, 16).into_iter().for_each(Parcel::end);
}

#[test]
fn a_thread_takes_back_full_pages_that_it_frees_into_as_far_as_options_let_it() {
    const NAME: &str = "a_thread_takes_back_full_pages_that_it_frees_into_as_far_as_options_let_it";
    let sets: [(&[(&str, &str)], usize); 6] = [
        (&[], 10),
        (&[("MIMALLOC_PAGE_RECLAIM_ON_FREE", "0")], 10),
        (&[("MIMALLOC_PAGE_RECLAIM_ON_FREE", "-1")], 1),
        (&[("MIMALLOC_PAGE_MAX_RECLAIM", "3")], 3),
        (&[("MIMALLOC_PAGE_MAX_RECLAIM", "0")], 1),
        (
            &[("MIMALLOC_PAGE_RECLAIM_ON_FREE", "-1"), ("MIMALLOC_ABANDONED_RECLAIM_ON_FREE", "1")],
            10,
        ),
    ];
    each(NAME, sets, |expected| {
        let pages = fill_pages(10);
        // All pages but the last one or two are abandoned: the search for them goes on until there is one.
        let last = Parcel::new(SIZE);
        assert!(owned_pages(SIZE) <= 2);
        let owned_first = owned_pages(SIZE);
        pages.iter().for_each(|page| page[0].end());
        let owned = owned_pages(SIZE);
        assert!(
            (expected..=expected.max(owned_first) + 1).contains(&owned),
            "{owned} pages are owned"
        );
        last.end();
    });
}

#[test]
fn a_thread_adopts_pages_of_others_that_it_frees_into_as_far_as_options_let_it() {
    const NAME: &str =
        "a_thread_adopts_pages_of_others_that_it_frees_into_as_far_as_options_let_it";
    let sets: [(&[(&str, &str)], usize); 7] = [
        (&[], 4),
        (&[("MIMALLOC_PAGE_RECLAIM_ON_FREE", "0")], 1),
        (&[("MIMALLOC_PAGE_RECLAIM_ON_FREE", "-1")], 1),
        (&[("MIMALLOC_PAGE_CROSS_THREAD_MAX_RECLAIM", "2")], 2),
        (&[("MIMALLOC_PAGE_CROSS_THREAD_MAX_RECLAIM", "0")], 1),
        (&[("MIMALLOC_PAGE_CROSS_THREAD_MAX_RECLAIM", "-1")], 11),
        (&[("MIMALLOC_ABANDONED_RECLAIM_ON_FREE", "1")], 11),
    ];
    each(NAME, sets, |expected| {
        let own = Parcel::new(SIZE);
        let pages = thread::spawn(|| fill_pages(10)).join().expect("no panic");
        pages.iter().for_each(|page| page[0].end());
        assert_eq!(owned_pages(SIZE), expected);
        own.end();
    });
}

#[test]
fn a_thread_that_only_frees_adopts_nothing_unless_that_is_asked_for() {
    const NAME: &str = "a_thread_that_only_frees_adopts_nothing_unless_that_is_asked_for";
    let sets: [(&[(&str, &str)], usize); 2] =
        [(&[], 0), (&[("MIMALLOC_ABANDONED_RECLAIM_ON_FREE", "1")], 10)];
    each(NAME, sets, |expected| {
        let other = Parcel::new(2 * SIZE);
        let pages = thread::spawn(|| fill_pages(10)).join().expect("no panic");
        pages.iter().for_each(|page| page[0].end());
        assert_eq!(owned_pages(SIZE), expected);
        other.end();
    });
}

#[test]
fn a_thread_keeps_as_many_full_pages_as_it_is_told_to() {
    const NAME: &str = "a_thread_keeps_as_many_full_pages_as_it_is_told_to";
    let sets: [(&[(&str, &str)], usize); 4] = [
        (&[], 0),
        (&[("MIMALLOC_PAGE_FULL_RETAIN", "1")], 1),
        (&[("MIMALLOC_PAGE_FULL_RETAIN", "5")], 5),
        (&[("MIMALLOC_PAGE_FULL_RETAIN", "-1")], 50),
    ];
    each(NAME, sets, |expected| {
        let pages = fill_pages(50);
        let last = Parcel::new(SIZE);
        // One page has a free block, and one may have been passed by only once.
        let owned = owned_pages(SIZE);
        assert!((expected + 1..=expected + 2).contains(&owned), "{owned} pages are owned");
        // What is freed into pages that were kept is found again.
        pages.into_iter().flatten().for_each(Parcel::end);
        last.end();
        fill_pages(50).into_iter().flatten().for_each(Parcel::end);
    });
}

/// Makes the calling thread own pages that cover more than 40 MiB.
fn own_much() -> Vec<Parcel> {
    let blocks = Parcel::many(41 << 10, 1000);
    let (ended, kept): (Vec<_>, Vec<_>) = blocks.chunks(2).map(|pair| (pair[0], pair[1])).unzip();
    ended.into_iter().for_each(Parcel::end);
    assert!(owned_bytes() >= 40 * MIB);
    kept
}

#[test]
fn a_thread_abandons_what_is_beyond_its_target() {
    const NAME: &str = "a_thread_abandons_what_is_beyond_its_target";
    let sets: [(&[(&str, &str)], usize); 3] = [
        (&[], usize::MAX),
        (&[("MIMALLOC_TARGET_SEGMENTS_PER_THREAD", "2")], 64 * MIB),
        (&[("MIMALLOC_TARGET_SEGMENTS_PER_THREAD", "1")], 32 * MIB),
    ];
    each(NAME, sets, |expected| {
        let blocks = own_much();
        be_busy();
        let owned = owned_bytes();
        // Within the last few steps some may have been added.
        let range = expected.min(40 * MIB) - MIB..=expected.saturating_add(MIB);
        assert!(range.contains(&owned), "{owned} bytes are owned");
        blocks.into_iter().for_each(Parcel::end);
    });
}

#[test]
fn a_reduction_to_nothing_in_particular_goes_by_the_target() {
    const NAME: &str = "a_reduction_to_nothing_in_particular_goes_by_the_target";
    let sets: [(&[(&str, &str)], usize); 2] =
        [(&[], 0), (&[("MIMALLOC_TARGET_SEGMENTS_PER_THREAD", "1")], 32 * MIB)];
    each(NAME, sets, |expected| {
        let blocks = own_much();
        reduce(33 * MIB);
        assert_eq!(owned_bytes(), 33 * MIB);
        reduce(0);
        assert_eq!(owned_bytes(), expected);
        blocks.into_iter().for_each(Parcel::end);
    });
}

#[test]
fn the_end_of_a_thread_purges_when_that_is_asked_for() {
    const NAME: &str = "the_end_of_a_thread_purges_when_that_is_asked_for";
    let later = ("MIMALLOC_PURGE_DELAY", "100000");
    let sets: [(&[(&str, &str)], usize); 2] =
        [(&[later], 40 * MIB), (&[later, ("MIMALLOC_ABANDONED_PAGE_PURGE", "1")], 0)];
    each(NAME, sets, |expected| {
        let before = resident();
        let work = || Parcel::many(40 << 10, 1024).into_iter().for_each(Parcel::end);
        thread::spawn(work).join().expect("no panic");
        let more = resident().saturating_sub(before);
        assert!((expected..expected + 8 * MIB).contains(&more), "{more} bytes are left");
    });
}

#[test]
fn a_busy_thread_collects_as_often_as_it_is_told_to() {
    const NAME: &str = "a_busy_thread_collects_as_often_as_it_is_told_to";
    let all = ("MIMALLOC_PAGE_FULL_RETAIN", "-1");
    let sets: [(&[(&str, &str)], usize); 2] =
        [(&[all], 10), (&[all, ("MIMALLOC_GENERIC_COLLECT", "32")], 0)];
    each(NAME, sets, |expected| {
        let pages = fill_pages(10);
        let end = || pages.into_iter().flatten().for_each(Parcel::end);
        thread::spawn(end).join().expect("no panic");
        assert_eq!(owned_pages(SIZE), 10, "others have freed all blocks of pages that are owned");
        be_busy();
        assert_eq!(owned_pages(SIZE), expected);
    });
}

#[test]
fn the_page_map_takes_little_address_space_when_it_is_told_to() {
    const NAME: &str = "the_page_map_takes_little_address_space_when_it_is_told_to";
    let large = 8 << 30;
    let sets: [(&[(&str, &str)], usize); 5] = [
        (&[], large),
        (&[("MIMALLOC_MAX_VABITS", "46")], 0),
        (&[("MIMALLOC_MAX_VABITS", "1")], 0),
        (&[("MIMALLOC_MAX_VABITS", "-1")], large),
        (&[("MIMALLOC_MAX_VABITS", "99")], large),
    ];
    each(NAME, sets, |expected| {
        // Without free overcommit the map never takes much.
        let expected = if rimalloc_core::os::overcommits() { expected } else { 0 };
        let before = reserved();
        let blocks: Vec<_> = [1, 1000, 100_000, 50 * MIB].map(Parcel::new).into();
        let more = reserved() - before;
        assert_eq!(more >= large, expected != 0, "{more} bytes were reserved");
        blocks.into_iter().for_each(Parcel::end);
    });
}

#[test]
fn huge_pages_are_turned_off_for_the_process_when_that_is_asked_for() {
    const NAME: &str = "huge_pages_are_turned_off_for_the_process_when_that_is_asked_for";
    alone(NAME, &[("MIMALLOC_ALLOW_THP", "0")], || {
        Parcel::new(1).end();
        // SAFETY: the call reads a flag of the process.
        let off = unsafe { libc::prctl(libc::PR_GET_THP_DISABLE, 0, 0, 0, 0) };
        assert_eq!(off, 1);
    });
}
