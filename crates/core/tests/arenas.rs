//! Arenas as programs use them: reserved beforehand, or made of memory that the program has.
#![cfg(target_os = "linux")]
#![allow(unsafe_code)]

mod common;
mod process;

use common::{guard_mappings, whole};
use core::ptr::{null_mut, without_provenance_mut};
use process::alone;
use rimalloc_core::alloc::{malloc, zalloc};
use rimalloc_core::arena::{Arena, SliceState, Traits};
use rimalloc_core::arenas::{self, Show};
use rimalloc_core::collect::collect;
use rimalloc_core::config::GUARD_SLICES;
use rimalloc_core::free::{block_size, free};
use rimalloc_core::heap::{Heap, MAIN_SUBPROC, Settings};
use rimalloc_core::options::{self, Opt};
use rimalloc_core::report::codes;
use rimalloc_core::source::Plain;
use rimalloc_core::{heaps, os, subprocs};
use std::thread;

const MIB: usize = 1 << 20;
const SLICE: usize = 1 << 16;

fn end(p: *mut u8) {
    // SAFETY: callers pass a live block or null, and drop it.
    unsafe { free(p) };
}

/// The arena of a number.
fn arena(id: i32) -> &'static Arena {
    Arena::with_id(id, |arena| arena).expect("an arena of this number")
}

/// A number of slices in each state but the header.
fn count(arena: &Arena, state: SliceState) -> usize {
    (0..arena.slice_count()).filter(|index| arena.slice_state(*index) == state).count()
}

/// Memory of the test's own, zero.
fn region(size: usize) -> *mut u8 {
    os::reserve(size, SLICE, true).expect("address space").as_ptr()
}

fn bound_to(id: i32) -> &'static Heap {
    let settings = Settings { arena: Some(arena(id)), ..Settings::of(&MAIN_SUBPROC) };
    heaps::create(settings).expect("memory for a heap")
}

/// Allocates until there is no more: the blocks.
fn fill(make: impl Fn() -> *mut u8) -> Vec<*mut u8> {
    core::iter::repeat_with(make).take_while(|p| !p.is_null()).collect()
}

#[test]
fn reserved_sizes_are_rounded_up_and_impossible_ones_refused() {
    for (asked, expected) in [
        (1, 32 * MIB),
        (32 * MIB, 32 * MIB),
        (32 * MIB + 1, 32 * MIB + SLICE),
        (100_000_000, 100_000_000_usize.next_multiple_of(SLICE)),
    ] {
        let reserved = arenas::reserve(asked, false, false, true);
        assert_eq!(reserved.error, 0);
        let (start, size) = arenas::area(reserved.id);
        assert_eq!((start.addr() % SLICE, size), (0, expected));
        let contains =
            |offset: usize| arenas::contains(reserved.id, start.addr().wrapping_add(offset));
        assert!(contains(0) && contains(size - 1) && !contains(size) && !contains(usize::MAX));
    }
    for impossible in [0, usize::MAX, usize::MAX - SLICE, 1 << 62, 1 << 48] {
        for commit in [false, true] {
            let reserved = arenas::reserve(impossible, commit, true, false);
            assert_eq!((reserved.error, reserved.id), (codes::ENOMEM, 0), "{impossible}");
        }
    }
    for unknown in [0, -1, i32::MIN, i32::MAX, 10_000] {
        assert_eq!(arenas::area(unknown), (null_mut(), 0));
        assert!(!arenas::contains(unknown, 0) && !arenas::contains(unknown, usize::MAX));
    }
}

#[test]
fn an_enormous_reservation_costs_no_memory() {
    alone("an_enormous_reservation_costs_no_memory", &[], || {
        let reserved = arenas::reserve(8 << 40, false, false, true);
        // Where the system counts what might be used, it may refuse.
        if reserved.error == 0 {
            let p = malloc(bound_to(reserved.id), 100);
            assert!(arenas::contains(reserved.id, p.addr()));
            assert!(os::process_info().current_rss < 64 * MIB);
        }
    });
}

#[test]
fn without_the_system_reserved_memory_is_all_there_is() {
    const NAME: &str = "without_the_system_reserved_memory_is_all_there_is";
    alone(NAME, &[("MIMALLOC_DISALLOW_OS_ALLOC", "1")], || {
        assert!(malloc(Plain, 1).is_null());
        let reserved = arenas::reserve(64 * MIB, true, false, false);
        assert_eq!(reserved.error, 0);
        for size in [40, 3000, 60_000, 100_000, 7 * MIB] {
            let blocks = fill(|| zalloc(Plain, size));
            assert!(blocks.len() * size > 40 * MIB, "{} blocks of {size}", blocks.len());
            assert!(blocks.iter().all(|p| arenas::contains(reserved.id, p.addr())));
            blocks.into_iter().for_each(end);
            collect(true);
        }
        let largest = malloc(Plain, 60 * MIB);
        assert!(arenas::contains(reserved.id, largest.addr()), "what is given back is one piece");
        end(largest);
    });
}

#[test]
fn an_exclusive_arena_serves_its_heaps_and_they_use_nothing_else() {
    let reserved = arenas::reserve(32 * MIB, false, false, true);
    let heap = bound_to(reserved.id);
    for size in [30, 5000, 200_000] {
        let blocks = fill(|| malloc(heap, size));
        assert!(blocks.iter().map(|p| block_size(*p)).sum::<usize>() > 24 * MIB);
        assert!(blocks.iter().all(|p| arenas::contains(reserved.id, p.addr())));
        let plain = malloc(Plain, size);
        assert!(!plain.is_null() && !arenas::contains(reserved.id, plain.addr()));
        end(plain);
        blocks.into_iter().for_each(end);
        thread::scope(|scope| {
            let id = reserved.id;
            scope.spawn(move || {
                let p = malloc(heap, size);
                assert!(arenas::contains(id, p.addr()), "{size}");
                end(p);
            });
        });
        collect(true);
    }
    assert!(malloc(heap, 33 * MIB).is_null());
}

#[test]
fn heaps_of_several_threads_share_an_arena() {
    let reserved = arenas::reserve(64 * MIB, false, false, true);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let heap = bound_to(reserved.id);
                let blocks: Vec<_> = (1..3000).map(|size| malloc(heap, size)).collect();
                assert!(blocks.iter().all(|p| arenas::contains(reserved.id, p.addr())));
                // SAFETY: nobody uses the heap or a block of it any more.
                unsafe { heaps::destroy(heap) };
            });
        }
    });
}

#[test]
fn memory_of_the_program_is_used_from_slice_to_slice() {
    let base = region(8 * MIB);
    let traits = Traits { accessible: true, zero: true, exclusive: true, ..Traits::default() };
    let start = base.wrapping_add(5000);
    // SAFETY: the region is the test's and lives on.
    let id = unsafe { arenas::manage(start, 8 * MIB - 5000 - 70_000, traits) }.expect("room");
    let (first, size) = arenas::area(id);
    assert_eq!((first.addr(), size), (base.addr() + SLICE, 8 * MIB - 3 * SLICE));
    let heap = bound_to(id);
    let blocks = fill(|| zalloc(heap, 10_000));
    assert!(blocks.len() > 500);
    for p in blocks {
        assert!(arenas::contains(id, p.addr()));
        // SAFETY: the block is live and holds so many bytes.
        assert!(unsafe { core::slice::from_raw_parts(p, 10_000) }.iter().all(|&byte| byte == 0));
    }
}

#[test]
fn memory_that_cannot_be_managed_is_refused() {
    let traits = Traits { accessible: true, ..Traits::default() };
    let base = region(4 * MIB);
    // SAFETY: where the memory exists it is the test's; elsewhere nothing is touched.
    unsafe {
        assert_eq!(arenas::manage(null_mut(), 64 * MIB, traits), None);
        assert_eq!(arenas::manage(base, 0, traits), None);
        assert_eq!(arenas::manage(base, SLICE, traits), None);
        assert_eq!(arenas::manage(base.wrapping_add(1), 2 * SLICE, traits), None);
        assert_eq!(arenas::manage(base, usize::MAX, traits), None);
        assert_eq!(arenas::manage(without_provenance_mut(usize::MAX - 99), 64 * MIB, traits), None);
        assert!(arenas::manage(base, 4 * MIB, traits).is_some());
        assert_eq!(arenas::manage(base, 4 * MIB, traits), None, "it is managed already");
        assert_eq!(arenas::manage(base.wrapping_add(MIB), MIB, traits), None);
    }
}

/// How many of the OS pages of a range are in memory.
fn resident(base: *mut u8, size: usize) -> usize {
    let mut pages = vec![0_u8; size / os::page_size()];
    // SAFETY: the range is mapped, and there is a byte for every OS page of it.
    assert_eq!(unsafe { libc::mincore(base.cast(), size, pages.as_mut_ptr()) }, 0);
    pages.iter().filter(|page| **page & 1 != 0).count()
}

#[test]
fn free_memory_of_the_program_is_given_back_unless_it_is_pinned() {
    for pinned in [false, true] {
        let base = region(8 * MIB);
        let traits = Traits { accessible: true, pinned, exclusive: true, ..Traits::default() };
        // SAFETY: the region is the test's and lives on.
        let id = unsafe { arenas::manage(base, 8 * MIB, traits) }.expect("room");
        let heap = bound_to(id);
        let p = malloc(heap, 4 * MIB);
        // SAFETY: the block is live and holds so many bytes.
        unsafe { p.write_bytes(1, 4 * MIB) };
        end(p);
        collect(true);
        let left = resident(p, 4 * MIB);
        let all = 4 * MIB / os::page_size();
        assert_eq!(left, if pinned { all } else { 0 }, "pinned: {pinned}");
        let again = zalloc(heap, 4 * MIB);
        assert_eq!(again, p);
        // SAFETY: as above.
        assert!(unsafe { core::slice::from_raw_parts(p, 4 * MIB) }.iter().all(|&byte| byte == 0));
    }
}

#[test]
fn uncommitted_memory_of_the_program_is_made_accessible() {
    let base = os::reserve(8 * MIB, SLICE, false).expect("address space").as_ptr();
    let traits = Traits { zero: true, exclusive: true, ..Traits::default() };
    // SAFETY: the region is the test's and lives on.
    let id = unsafe { arenas::manage(base, 8 * MIB, traits) }.expect("room");
    let heap = bound_to(id);
    for _ in 0..2 {
        let p = zalloc(heap, 3 * MIB);
        // SAFETY: the block is live and holds so many bytes.
        unsafe {
            assert!(core::slice::from_raw_parts(p, 3 * MIB).iter().all(|&byte| byte == 0));
            p.write_bytes(1, 3 * MIB);
        }
        end(p);
        collect(true);
    }
}

#[test]
fn what_the_options_ask_for_is_reserved_at_the_start() {
    const NAME: &str = "what_the_options_ask_for_is_reserved_at_the_start";
    alone(NAME, &[("MIMALLOC_RESERVE_OS_MEMORY", "100M")], || {
        let p = malloc(Plain, 50 * MIB);
        assert!(arenas::contains(1, p.addr()) && arenas::area(1).1 == 100 * MIB);
    });
}

#[test]
fn what_the_options_ask_for_in_vain_is_done_without() {
    const NAME: &str = "what_the_options_ask_for_in_vain_is_done_without";
    alone(NAME, &[("MIMALLOC_RESERVE_OS_MEMORY", "9999999T")], || {
        assert!(!malloc(Plain, 50 * MIB).is_null());
        assert!(arenas::area(1).1 <= 16 << 30);
    });
}

/// Mappings of the process.
fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps").expect("Linux").lines().count()
}

#[test]
fn six_gibibytes_of_live_blocks_lie_in_arenas() {
    alone("six_gibibytes_of_live_blocks_lie_in_arenas", &[], || {
        let before = mappings();
        let blocks: Vec<_> = (0..300).map(|_| malloc(Plain, whole(20 * MIB))).collect();
        assert!(blocks.iter().all(|p| !p.is_null()));
        let inside = |p: &&*mut u8| MAIN_SUBPROC.arenas.iter().any(|it| it.contains(p.addr()));
        assert_eq!(blocks.iter().filter(inside).count(), blocks.len());
        let now = mappings();
        assert!(now < before + guard_mappings(300) + 80, "{now} mappings after {before}");
        blocks.into_iter().for_each(end);
    });
}

#[test]
fn blocks_above_the_largest_object_of_arenas_are_mappings_of_their_own() {
    const NAME: &str = "blocks_above_the_largest_object_of_arenas_are_mappings_of_their_own";
    alone(NAME, &[("MIMALLOC_ARENA_MAX_OBJECT_SIZE", "4M")], || {
        let inside = |size| {
            let p = malloc(Plain, size);
            let inside = MAIN_SUBPROC.arenas.iter().any(|arena| arena.contains(p.addr()));
            end(p);
            inside
        };
        let most = whole(4 * MIB);
        assert!(inside(100) && inside(most) && !inside(most + 1));
        options::set(Opt::ArenaMaxObjectSize, 0);
        assert!(inside(10_000) && !inside(most), "pages of many blocks are no objects");
        options::set(Opt::DisallowOsAlloc, 1);
        assert!(inside(most), "rather than not at all");
    });
}

#[test]
fn arenas_are_committed_when_the_option_says_so() {
    for eager in ["0", "1", "2"] {
        alone(
            "arenas_are_committed_when_the_option_says_so",
            &[("MIMALLOC_ARENA_EAGER_COMMIT", eager), ("MIMALLOC_PURGE_DELAY", "0")],
            || {
                for size in [100, 100_000, 5 * MIB, 100] {
                    let p = zalloc(Plain, size);
                    // SAFETY: the block is live and holds so many bytes.
                    unsafe {
                        assert!(core::slice::from_raw_parts(p, size).iter().all(|it| *it == 0));
                        p.write_bytes(1, size);
                    }
                    end(p);
                    collect(true);
                }
                let first = MAIN_SUBPROC.arenas.iter().next().expect("an arena");
                let expected = match options::get(Opt::ArenaEagerCommit) {
                    0 => false,
                    1 => true,
                    _ => os::overcommits(),
                };
                assert_eq!(first.traits().accessible, expected);
            },
        );
    }
}

#[test]
fn counts_of_memory_are_exact_and_come_back_to_where_they_were() {
    const NAME: &str = "counts_of_memory_are_exact_and_come_back_to_where_they_were";
    alone(NAME, &[("MIMALLOC_SHOW_STATS", "0")], || {
        let counts = || {
            [
                MAIN_SUBPROC.stats().reserved.get().current,
                MAIN_SUBPROC.stats().committed.get().current,
            ]
        };
        let bytes = |size: usize| i64::try_from(size).expect("small");
        let [reserved, committed] = counts();
        let made = arenas::reserve(64 * MIB, false, false, true);
        let arena = arena(made.id);
        // The guard behind the header is never committed.
        let header = count(arena, SliceState::Header) - GUARD_SLICES;
        let lazily = os::overcommits();
        assert!(lazily || header > 0);
        assert_eq!(counts(), [reserved + bytes(64 * MIB), committed + bytes(header * SLICE)]);
        let heap = bound_to(made.id);
        let blocks: Vec<_> = (0..20).map(|_| malloc(heap, whole(MIB))).collect();
        assert_eq!(counts()[1], committed + bytes(header * SLICE + 20 * MIB));
        for _ in 0..3 {
            collect(true);
        }
        assert_eq!(counts()[1], committed + bytes(header * SLICE + 20 * MIB));
        blocks.into_iter().for_each(end);
        collect(true);
        collect(true);
        assert_eq!(counts()[1], committed + bytes(header * SLICE));
        assert_eq!(count(arena, SliceState::Reserved), arena.slice_count() - header - GUARD_SLICES);

        let before = counts();
        let world = subprocs::create().expect("memory for a sub-process");
        let inside = thread::spawn(move || {
            assert!(rimalloc_core::thread::join(world));
            assert_eq!(arenas::reserve(32 * MIB, true, false, false).error, 0);
            assert!(!malloc(Plain, 40 * MIB).is_null() && !malloc(Plain, 40).is_null());
            world.stats().reserved.get().current
        });
        assert!(inside.join().expect("no panic") > bytes(64 * MIB));
        assert_eq!(counts(), before, "a sub-process has counts of its own");
        // SAFETY: its only thread has ended, and nobody uses its blocks.
        unsafe { subprocs::end(world) };
        assert_eq!(counts(), before, "nothing of a sub-process is left");

        let base = region(16 * MIB);
        let traits =
            Traits { accessible: true, pinned: true, exclusive: true, ..Traits::default() };
        // SAFETY: the region is the test's and lives on.
        let pinned = unsafe { arenas::manage(base, 16 * MIB, traits) }.expect("room");
        let after = counts();
        assert_eq!(after[1], committed + bytes(header * SLICE + 16 * MIB), "all of it is paid for");
        let p = malloc(bound_to(pinned), 8 * MIB);
        end(p);
        collect(true);
        assert_eq!(counts(), after);
    });
}

fn drawn(show: Show) -> String {
    let mut text = String::new();
    arenas::print(&mut text, show).expect("strings take everything");
    text
}

/// The first row of a drawing.
fn first_row(text: &str) -> String {
    let mut rows = text.lines().filter_map(|line| line.strip_prefix("       0 MiB  "));
    rows.next().expect("a first row").into()
}

/// An arena of 128 slices, and a page of every kind in it.
fn arena_to_be_drawn() -> i32 {
    let base = region(8 * MIB);
    let traits = Traits { accessible: true, exclusive: true, node: Some(0), ..Traits::default() };
    // SAFETY: the region is the test's and lives on.
    let id = unsafe { arenas::manage(base, 8 * MIB, traits) }.expect("room");
    let heap = bound_to(id);
    for size in [100, whole(3 * SLICE), 20_000] {
        assert!(!malloc(heap, size).is_null());
    }
    let freed = malloc(heap, whole(2 * SLICE));
    // Threads that have ended, one after the other: a page with free blocks and one without.
    for (size, count) in [(3000, 1), (4000, whole(SLICE) / 4000)] {
        let fill = move || (0..count).for_each(|_| assert!(!malloc(heap, size).is_null()));
        thread::spawn(fill).join().expect("no panic");
    }
    end(freed);
    id
}

#[test]
fn arenas_are_drawn_slice_by_slice() {
    // Nothing is purged while the test looks.
    alone("arenas_are_drawn_slice_by_slice", &[("MIMALLOC_PURGE_DELAY", "1000000")], || {
        assert!(drawn(Show::ALL).ends_with("total arenas: 0, pages: 0\n"));
        let id = arena_to_be_drawn();
        let all = drawn(Show::ALL);
        let place = arenas::area(id).0.addr();
        let head =
            format!("arena {id} at {place:#x}: 128 slices (8 MiB), exclusive, external, node 0\n");
        assert!(all.contains(&head), "{all}");
        assert!(all.contains("       4 MiB  ________"));
        assert!(all.contains("  pages: 5, slices in use: 15, to be purged: 2, free: 113\n"));
        let tail = "_".repeat(64 - 17);
        assert_eq!(first_row(&all), format!("iPs--P-------~~pf{tail}"));
        let part = |in_use, abandoned, purge| drawn(Show { in_use, abandoned, purge });
        let row = |in_use, abandoned, purge| first_row(&part(in_use, abandoned, purge));
        assert_eq!(row(true, false, false), format!("iPs--P-------__PP{tail}"));
        assert_eq!(row(false, true, false), format!("             __pf{tail}"));
        assert_eq!(row(false, false, true), format!("             ~~  {tail}"));
        let sums = part(false, false, false);
        assert!(sums.starts_with(&head) && sums.contains("to be purged: 2"), "{sums}");
        assert_eq!(sums.lines().count(), 3);
        assert_eq!(arenas::reserve(1 << 30, false, false, true).error, 0);
        let repeated = drawn(Show::ALL);
        assert!(repeated.contains("  *\n") && repeated.lines().count() < 20, "{repeated}");
    });
}

#[test]
fn drawing_goes_on_while_threads_allocate() {
    alone("drawing_goes_on_while_threads_allocate", &[], || {
        let done = core::sync::atomic::AtomicBool::new(false);
        thread::scope(|scope| {
            for start in 0..2_usize {
                let done = &done;
                scope.spawn(move || {
                    for size in (start..).step_by(997) {
                        let blocks: Vec<_> =
                            (0..50).map(|it| malloc(Plain, (size + it * 3000) % 300_000)).collect();
                        blocks.into_iter().for_each(end);
                        if done.load(core::sync::atomic::Ordering::Relaxed) {
                            break;
                        }
                    }
                });
            }
            for _ in 0..200 {
                let text = drawn(Show::ALL);
                let rows = text.lines().filter_map(|line| line.split_once(" MiB  "));
                for (_, row) in rows {
                    assert!(row.chars().all(|letter| "Ppfs-ix~_.".contains(letter)), "{row}");
                }
            }
            done.store(true, core::sync::atomic::Ordering::Relaxed);
        });
    });
}

#[test]
fn huge_pages_that_the_system_lacks_are_refused() {
    let zero = arenas::reserve_huge(0, 0, 0, false);
    assert_eq!((zero.error, zero.id, zero.pages), (0, 0, 0));
    for pages in [usize::MAX, usize::MAX >> 30, 1 << 40] {
        let refused = arenas::reserve_huge(pages, -1, 1000, false);
        assert_eq!((refused.error, refused.id, refused.pages), (codes::ENOMEM, 0, 0));
        let spread = arenas::reserve_huge_interleaved(pages, usize::MAX, 1000);
        assert!(spread.error == codes::ENOMEM && spread.id == 0);
    }
    for seconds in [-1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(arenas::reserve_huge_within(0, seconds).error, 0);
    }
}

#[test]
fn arenas_stay_usable_in_the_child_of_a_fork() {
    alone("arenas_stay_usable_in_the_child_of_a_fork", &[], || {
        let reserved = arenas::reserve(64 * MIB, false, false, true);
        let heap = bound_to(reserved.id);
        assert!(!malloc(heap, 100).is_null());
        let done = core::sync::atomic::AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(core::sync::atomic::Ordering::Relaxed) {
                    // Nearly always inside the lock that guards the numbers.
                    let looked_at = Arena::with_id(reserved.id, |arena| {
                        (0..20_000).filter(|_| core::hint::black_box(arena.id()) != 0).count()
                    });
                    assert_eq!(looked_at, Some(20_000));
                }
            });
            for _ in 0..50 {
                // SAFETY: the child uses only what is under test, and ends at once.
                let child = unsafe { libc::fork() };
                if child == 0 {
                    let again = arenas::reserve(64 * MIB, false, false, true);
                    let good = arenas::contains(reserved.id, malloc(heap, 5000).addr())
                        && again.id > reserved.id
                        && arenas::area(again.id).1 == 64 * MIB;
                    // SAFETY: ends the child without its destructors.
                    unsafe { libc::_exit(i32::from(!good)) };
                }
                let mut status = 0;
                // SAFETY: waits for the child made above.
                assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
                assert_eq!(status, 0, "the child fails");
            }
            done.store(true, core::sync::atomic::Ordering::Relaxed);
        });
    });
}
