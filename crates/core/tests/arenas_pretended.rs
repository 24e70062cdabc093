//! Arenas on machines that the test machine is not: with huge OS pages, with NUMA nodes, without overcommitment, and
//! with a clock that a test turns.
#![cfg(all(target_os = "linux", feature = "fake-os"))]
#![allow(unsafe_code)]

mod process;

use process::alone;
use rimalloc_core::alloc::{malloc, zalloc};
use rimalloc_core::arena::{Arena, SliceState, Traits};
use rimalloc_core::arenas::{self, Reserved};
use rimalloc_core::collect::collect;
use rimalloc_core::free::free;
use rimalloc_core::heap::{Heap, MAIN_SUBPROC, Settings};
use rimalloc_core::heaps;
use rimalloc_core::options::{self, Opt};
use rimalloc_core::os::fake::{self, Call, machine};
use rimalloc_core::os::{self, LargePage};
use rimalloc_core::realloc::realloc;
use rimalloc_core::report::codes;
use rimalloc_core::source::Plain;
use rimalloc_core::thread::process_init;
use std::fs::File;
use std::os::fd::FromRawFd;
use std::os::unix::fs::FileExt;

const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;
const SLICE: usize = 1 << 16;

/// Real time adds to pretended time: a unit that it is nothing against.
const LONG_MS: u64 = 1 << 40;

fn end(p: *mut u8) {
    // SAFETY: callers pass a live block or null, and drop it.
    unsafe { free(p) };
}

fn arena(id: i32) -> &'static Arena {
    Arena::with_id(id, |arena| arena).expect("an arena of this number")
}

fn bound_to(id: i32) -> &'static Heap {
    let settings = Settings { arena: Some(arena(id)), ..Settings::of(&MAIN_SUBPROC) };
    heaps::create(settings).expect("memory for a heap")
}

fn count(arena: &Arena, state: SliceState) -> usize {
    (0..arena.slice_count()).filter(|index| arena.slice_state(*index) == state).count()
}

/// A machine with so many huge and large OS pages.
fn stock(huge: usize, large: usize) {
    machine::set_large_pages(LargePage::Huge, Some(huge));
    machine::set_large_pages(LargePage::Large, Some(large));
}

/// The result of a reservation, and the size of its arena in pages.
fn outcome(reserved: Reserved) -> (i32, usize, usize) {
    (reserved.error, reserved.pages, arenas::area(reserved.id).1 / GIB)
}

/// Whether a line of the list of mappings is about a gibibyte or more that cannot be touched.
fn is_large_and_inaccessible(line: &str) -> bool {
    let (range, rest) = line.split_once(' ').expect("a range and more");
    let (first, end) = range.split_once('-').expect("two addresses");
    let [first, end] = [first, end].map(|at| usize::from_str_radix(at, 16).expect("hexadecimal"));
    end - first >= GIB && rest.starts_with("---")
}

#[test]
fn huge_pages_are_reserved_as_far_as_there_are_any() {
    alone("huge_pages_are_reserved_as_far_as_there_are_any", &[], || {
        stock(3, 0);
        assert_eq!(outcome(arenas::reserve_huge(2, -1, 0, false)), (0, 2, 2));
        let partial = arenas::reserve_huge(5, -1, 0, false);
        assert_eq!(outcome(partial), (codes::ENOMEM, 1, 1));
        assert_eq!(outcome(arenas::reserve_huge(1, -1, 0, false)), (codes::ENOMEM, 0, 0));
        let traits = arena(partial.id).traits();
        assert!(traits.pinned && traits.accessible && !traits.external && traits.node.is_none());
        let p = malloc(Plain, 100 * MIB);
        assert!(arenas::contains(1, p.addr()), "they are used before other memory");
        end(p);
        stock(1, 512 * 2 + 511);
        assert_eq!(outcome(arenas::reserve_huge(4, -1, 0, true)), (codes::ENOMEM, 3, 3));
        assert_eq!(outcome(arenas::reserve_huge(0, -1, 0, true)), (0, 0, 0));
        let maps = std::fs::read_to_string("/proc/self/maps").expect("Linux");
        assert!(!maps.lines().any(is_large_and_inaccessible), "what was not used stays:\n{maps}");
    });
}

#[test]
fn huge_pages_stop_at_a_time_limit() {
    alone("huge_pages_stop_at_a_time_limit", &[], || {
        stock(1000, 0);
        machine::set_grant_ms(LONG_MS);
        let limited = |pages, limit: u64| {
            outcome(arenas::reserve_huge(pages, -1, usize::try_from(limit).expect("64 bits"), true))
        };
        // The limit passes: what is expected is at most half more.
        assert_eq!(limited(5, LONG_MS * 4), (codes::ETIMEDOUT, 4, 4));
        // It would take more than half more.
        assert_eq!(limited(100, LONG_MS * 10), (codes::ETIMEDOUT, 1, 1));
        // It takes longer only when all is done.
        assert_eq!(limited(2, LONG_MS * 3 / 2), (0, 2, 2));
        assert_eq!(limited(3, 0), (0, 3, 3), "no limit");
        stock(2, 0);
        assert_eq!(limited(3, LONG_MS * 100), (codes::ENOMEM, 2, 2));
    });
}

#[test]
fn huge_pages_are_spread_evenly_over_nodes() {
    alone("huge_pages_are_spread_evenly_over_nodes", &[], || {
        machine::set_nodes(Some(4));
        stock(100, 0);
        let preferred = || [0, 1, 2, 3].map(|node| machine::preferred(node) / GIB);
        let all = arenas::reserve_huge_interleaved(6, 0, 0);
        assert_eq!((all.error, all.id, all.pages), (0, 0, 6));
        assert_eq!(preferred(), [2, 2, 1, 1]);
        assert_eq!(arenas::reserve_huge_interleaved(3, 2, 0).pages, 3);
        assert_eq!(preferred(), [4, 3, 1, 1]);
        // More nodes than there are wrap around, and more than pages get none.
        assert_eq!(arenas::reserve_huge_interleaved(6, 6, 0).pages, 6);
        assert_eq!(arenas::reserve_huge_interleaved(1, usize::MAX, 0).pages, 1);
        assert_eq!(preferred(), [7, 5, 2, 2]);
        stock(1, 0);
        let stopped = arenas::reserve_huge_interleaved(4, 0, 0);
        assert_eq!((stopped.error, stopped.pages), (codes::ENOMEM, 1));
        machine::set_grant_ms(LONG_MS);
        stock(100, 0);
        let share = usize::try_from(LONG_MS * 2).expect("64 bits");
        let late = arenas::reserve_huge_interleaved(40, 4, share * 4);
        assert_eq!((late.error, late.pages), (codes::ETIMEDOUT, 1));
        assert_eq!(arenas::reserve_huge_within(2, 0.0).pages, 2, "no limit");
        assert_eq!(arenas::reserve_huge_within(8, 1.0).error, codes::ETIMEDOUT);
    });
}

#[test]
fn nodes_wrap_around_and_negative_ones_are_none() {
    alone(
        "nodes_wrap_around_and_negative_ones_are_none",
        &[("MIMALLOC_USE_NUMA_NODES", "3")],
        || {
            stock(10, 0);
            machine::set_nodes(Some(8));
            for (node, expected) in [(0, Some(0)), (2, Some(2)), (3, Some(0)), (i32::MAX, Some(1))]
            {
                let reserved = arenas::reserve_huge(1, node, 0, true);
                assert_eq!(arena(reserved.id).traits().node, expected);
            }
            for none in [-1, i32::MIN] {
                let before: usize = (0..8).map(machine::preferred).sum();
                let reserved = arenas::reserve_huge(1, none, 0, true);
                assert_eq!(arena(reserved.id).traits().node, None);
                assert_eq!((0..8).map(machine::preferred).sum::<usize>(), before);
            }
            machine::set_node(Some(7));
            assert_eq!((arenas::node::count(), arenas::node::of_thread()), (3, 1));
        },
    );
}

#[test]
fn threads_use_memory_of_their_node_first() {
    alone("threads_use_memory_of_their_node_first", &[], || {
        machine::set_nodes(Some(2));
        stock(10, 0);
        let on_node = [0, 1].map(|node| arenas::reserve_huge(1, node, 0, false).id);
        for node in [1, 0, 1] {
            machine::set_node(Some(node));
            let p = malloc(Plain, 5 * MIB);
            assert!(arenas::contains(on_node[node], p.addr()), "node {node}");
            let rest = malloc(Plain, 900 * MIB);
            let more = malloc(Plain, 200 * MIB);
            assert!(arenas::contains(on_node[1 - node], more.addr()), "far before new");
            [p, rest, more].into_iter().for_each(end);
        }
        let heap = heaps::create(Settings::of(&MAIN_SUBPROC)).expect("memory for a heap");
        for node in [1, 0, 3] {
            heap.set_numa_node(Some(node));
            let p = malloc(heap, 3 * MIB);
            assert!(arenas::contains(on_node[node % 2], p.addr()), "wherever the thread runs");
            end(p);
        }
        options::set(Opt::ArenaIsNumaLocal, 1);
        machine::set_node(Some(1));
        let beyond = [malloc(Plain, 900 * MIB), malloc(Plain, 900 * MIB), malloc(Plain, 200 * MIB)];
        let new = MAIN_SUBPROC.arenas.iter().last().expect("an arena");
        assert!(
            new.traits().on_demand
                && new.traits().node == Some(1)
                && new.contains(beyond[2].addr())
        );
    });
}

#[test]
fn large_pages_are_used_where_caller_and_option_allow_them() {
    alone("large_pages_are_used_where_caller_and_option_allow_them", &[], || {
        stock(0, 1000);
        let is_pinned = |allow| {
            let reserved = arenas::reserve(33 * MIB, false, allow, true);
            assert_eq!(reserved.error, 0);
            let (traits, size) = (arena(reserved.id).traits(), arenas::area(reserved.id).1);
            assert_eq!(
                (traits.pinned, size),
                (traits.accessible, 33 * MIB + usize::from(traits.pinned) * MIB)
            );
            traits.pinned
        };
        assert_eq!([is_pinned(false), is_pinned(true)], [false, false]);
        options::set(Opt::AllowLargeOsPages, 1);
        assert_eq!([is_pinned(false), is_pinned(true)], [false, true]);
        let p = malloc(Plain, 100);
        let on_demand = MAIN_SUBPROC.arenas.iter().find(|arena| arena.contains(p.addr()));
        assert!(on_demand.is_some_and(|arena| arena.traits().pinned && arena.traits().on_demand));
        stock(0, 16);
        assert!(!is_pinned(true), "too few are none");
    });
}

#[test]
fn pinned_memory_is_never_given_back_to_the_system() {
    alone(
        "pinned_memory_is_never_given_back_to_the_system",
        &[("MIMALLOC_PURGE_DELAY", "0")],
        || {
            stock(1, 0);
            let heap = bound_to(arenas::reserve_huge(1, -1, 0, true).id);
            fake::only(&[Call::Decommit, Call::Reset, Call::Protect, Call::Commit]);
            let before = fake::calls();
            for decommits in [1, 0] {
                options::set(Opt::PurgeDecommits, decommits);
                for size in [100, 10_000, 100_000, 50 * MIB] {
                    let p = malloc(heap, size);
                    assert!(!p.is_null());
                    end(p);
                    collect(true);
                }
            }
            assert_eq!(fake::calls(), before);
            end(malloc(Plain, 100_000));
            assert!(fake::calls() > before, "other memory is");
        },
    );
}

#[test]
fn the_options_reserve_huge_pages_at_the_start() {
    let settings = [("7", "-1", [2, 2, 2, 1]), ("3", "2", [0, 0, 3, 0]), ("1", "5", [0, 1, 0, 0])];
    for (pages, node, expected) in settings {
        let expected: Vec<String> = expected.iter().map(usize::to_string).collect();
        let variables = [
            ("MIMALLOC_RESERVE_HUGE_OS_PAGES", pages),
            ("MIMALLOC_RESERVE_HUGE_OS_PAGES_AT", node),
            ("RIMALLOC_TEST_EXPECTED", &expected.join(" ")),
        ];
        alone("the_options_reserve_huge_pages_at_the_start", &variables, || {
            stock(100, 0);
            machine::set_nodes(Some(4));
            process_init();
            let found = [0, 1, 2, 3].map(|node| (machine::preferred(node) / GIB).to_string());
            assert_eq!(std::env::var("RIMALLOC_TEST_EXPECTED"), Ok(found.join(" ")));
        });
    }
}

#[test]
fn a_scheduled_purge_is_not_forgotten() {
    // Only the pretended clock gets that far.
    let delay = (LONG_MS / 10).to_string();
    alone("a_scheduled_purge_is_not_forgotten", &[("MIMALLOC_PURGE_DELAY", &delay)], || {
        let reserved = arenas::reserve(64 * MIB, false, false, true);
        let (arena, heap) = (arena(reserved.id), bound_to(reserved.id));
        end(malloc(heap, 10 * SLICE));
        for _ in 0..5 {
            collect(false);
            assert_eq!(count(arena, SliceState::ToBePurged), 10);
        }
        // The first pass ages what waits, the second one purges it.
        for (passed, left) in [(1, 10), (2, 0)] {
            machine::advance_clock(LONG_MS + 1);
            collect(false);
            assert_eq!(count(arena, SliceState::ToBePurged), left, "after {passed} delays");
        }
        assert_eq!(count(arena, SliceState::Committed), 0);
        end(malloc(heap, 10 * SLICE));
        collect(true);
        assert_eq!(count(arena, SliceState::ToBePurged) + count(arena, SliceState::Committed), 0);
    });
}

/// Runs what is due: the first pass ages what waits, the second one purges it.
fn pass_twice() {
    for _ in 0..2 {
        machine::advance_clock(LONG_MS + 1);
        collect(false);
    }
}

fn purges_in_units(unit: usize) {
    const BLOCK: usize = 2;
    let reserved = arenas::reserve(64 * MIB, false, false, true);
    let (arena, heap) = (arena(reserved.id), bound_to(reserved.id));
    let kept = || count(arena, SliceState::ToBePurged) + count(arena, SliceState::Committed);
    let place = |p: &*mut u8| (p.addr() - arena.base().addr().get()) / SLICE;
    let blocks: Vec<_> = (0..100).map(|_| malloc(heap, BLOCK * SLICE)).collect();
    assert!(blocks.iter().all(|p| !p.is_null()));
    // Two blocks have a unit of four slices; of each unit one is free.
    let (first, second): (Vec<_>, Vec<_>) =
        blocks.iter().copied().partition(|p| place(p) % (2 * BLOCK) < BLOCK);
    let slices = first.len() * BLOCK;
    first.into_iter().for_each(end);
    pass_twice();
    let expected = if unit > BLOCK { slices } else { 0 };
    assert_eq!(kept(), expected, "only whole units go back");
    // All of the memory of a unit goes back at once, when it has become free and some time has passed.
    let (begin, last) = (place(&blocks[0]), place(&blocks[99]) + BLOCK);
    second.into_iter().for_each(end);
    pass_twice();
    // Next to the first block is the arena's header, beyond the last one nothing was ever used.
    let expected = begin.next_multiple_of(unit) - begin;
    assert_eq!(kept(), expected, "in units of {unit} slices, from {begin} to {last}");
    collect(true);
    assert_eq!(kept(), 0, "all memory goes back when that is asked for");
}

#[test]
fn free_memory_goes_back_in_units_of_the_size_that_is_asked_for() {
    const NAME: &str = "free_memory_goes_back_in_units_of_the_size_that_is_asked_for";
    const UNIT: &str = "RIMALLOC_TEST_UNIT";
    let huge = ("MIMALLOC_ALLOW_THP", "2");
    let size = |size| ("MIMALLOC_MINIMAL_PURGE_SIZE", size);
    let cases: [(&[(&str, &str)], &str); 6] = [
        (&[], "1"),
        (&[size("5K")], "1"),
        (&[size("129K")], "4"),
        (&[size("1M")], "16"),
        (&[size("100M")], "64"),
        (&[huge], "32"),
    ];
    if let Ok(unit) = std::env::var(UNIT) {
        return alone(NAME, &[], || purges_in_units(unit.parse().expect("a number")));
    }
    for (variables, unit) in cases {
        for delay in ["0", "10000"] {
            let more = [(UNIT, unit), ("MIMALLOC_PURGE_DELAY", delay)];
            alone(NAME, &[variables, &more].concat(), || {});
        }
    }
}

#[test]
fn a_commit_that_fails_is_as_if_it_had_not_been_tried() {
    const NAME: &str = "a_commit_that_fails_is_as_if_it_had_not_been_tried";
    alone(NAME, &[("MIMALLOC_PURGE_DELAY", "1000000")], || {
        fake::set_overcommits(Some(false));
        let reserved = arenas::reserve(64 * MIB, false, false, true);
        let (arena, heap) = (arena(reserved.id), bound_to(reserved.id));
        end(zalloc(heap, 10 * SLICE));
        fake::only(&[Call::Commit]);
        let states = || -> Vec<_> {
            (0..arena.slice_count()).map(|index| arena.slice_state(index)).collect()
        };
        let before = (states(), MAIN_SUBPROC.stats().committed.get().current);
        for size in [11 * SLICE, 30 * MIB, 20 * SLICE] {
            fake::fail_from(1);
            assert!(malloc(heap, size).is_null());
            fake::never_fail();
            // The last try purges all that is free first.
            fake::only(&[Call::Commit]);
            let after = (states(), MAIN_SUBPROC.stats().committed.get().current);
            assert!(after.1 >= 0 && after.1 <= before.1);
            assert_eq!(count(arena, SliceState::Used), 0);
            assert_eq!(
                count(arena, SliceState::ToBePurged) + count(arena, SliceState::Committed),
                0
            );
        }
        for size in [1, 11 * SLICE, 30 * MIB] {
            let p = zalloc(heap, size);
            // SAFETY: the block is live and holds so many bytes.
            unsafe {
                assert!(core::slice::from_raw_parts(p, size).iter().all(|&byte| byte == 0));
                p.write_bytes(1, size);
            }
        }
    });
}

#[test]
fn each_failing_call_of_a_reservation_leaves_nothing_behind() {
    const NAME: &str = "each_failing_call_of_a_reservation_leaves_nothing_behind";
    alone(NAME, &[], || {
        stock(0, 100_000);
        for overcommits in [true, false] {
            fake::set_overcommits(Some(overcommits));
            for commit in [false, true] {
                for large in [0, 1] {
                    options::set(Opt::AllowLargeOsPages, large);
                    let before = (
                        MAIN_SUBPROC.stats().reserved.get().current,
                        MAIN_SUBPROC.stats().committed.get().current,
                    );
                    let arenas_before = MAIN_SUBPROC.arenas.iter().count();
                    fake::fail_from(1);
                    let refused = arenas::reserve(32 * MIB, commit, true, true);
                    assert_eq!((refused.error, refused.id), (codes::ENOMEM, 0));
                    if !commit && large == 0 {
                        // The header cannot be committed.
                        fake::only(&[Call::Commit]);
                        fake::fail_from(1);
                        assert_eq!(
                            arenas::reserve(32 * MIB, commit, true, true).error,
                            codes::ENOMEM
                        );
                    }
                    fake::never_fail();
                    assert_eq!(
                        (
                            MAIN_SUBPROC.stats().reserved.get().current,
                            MAIN_SUBPROC.stats().committed.get().current
                        ),
                        before
                    );
                    assert_eq!(MAIN_SUBPROC.arenas.iter().count(), arenas_before);
                    assert_eq!(arenas::reserve(32 * MIB, commit, true, true).error, 0);
                }
            }
        }
    });
}

#[test]
fn reallocation_moves_no_os_pages_into_memory_of_the_program() {
    alone("reallocation_moves_no_os_pages_into_memory_of_the_program", &[], || {
        // The second block is in the way of the first.
        let [p, _] = [2 * MIB, MIB].map(|size| malloc(Plain, size));
        // SAFETY: the block is live and holds so many bytes.
        unsafe { p.write_bytes(9, 2 * MIB) };
        let (file, base) = shared_file(64 * MIB);
        let traits = Traits { accessible: true, zero: true, ..Traits::default() };
        // SAFETY: the region is the test's and lives on.
        let id = unsafe { arenas::manage(base, 64 * MIB, traits) }.expect("room");
        // SAFETY: the block is live and ends here.
        let moved = unsafe { realloc(Plain, p, 20 * MIB) };
        assert!(arenas::contains(id, moved.addr()));
        let mut byte = [0];
        let offset = (moved.addr() - base.addr() + MIB) as u64;
        file.read_exact_at(&mut byte, offset).expect("the file is that long");
        assert_eq!(byte, [9], "the memory is not the file's any more");
    });
}

/// A file in memory, and a mapping of it.
fn shared_file(size: usize) -> (File, *mut u8) {
    // SAFETY: makes a descriptor, which the file owns from then on.
    let file = unsafe { File::from_raw_fd(libc::memfd_create(c"test".as_ptr(), 0)) };
    file.set_len(size as u64).expect("a file in memory");
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let base = os::reserve(size, SLICE, false).expect("address space");
    let descriptor = std::os::fd::AsRawFd::as_raw_fd(&file);
    let flags = libc::MAP_SHARED | libc::MAP_FIXED;
    // SAFETY: replaces the range that was just reserved.
    let mapped = unsafe { libc::mmap(base.as_ptr().cast(), size, access, flags, descriptor, 0) };
    assert_eq!(mapped, base.as_ptr().cast());
    (file, base.as_ptr())
}

#[test]
fn a_mapping_of_the_program_stays_what_it_is() {
    for overcommits in ["true", "false"] {
        let variables = [("RIMALLOC_TEST_OVERCOMMITS", overcommits), ("MIMALLOC_PURGE_DELAY", "0")];
        alone("a_mapping_of_the_program_stays_what_it_is", &variables, || {
            let overcommits = std::env::var("RIMALLOC_TEST_OVERCOMMITS").expect("set above");
            fake::set_overcommits(Some(overcommits == "true"));
            let (file, base) = shared_file(16 * MIB);
            let traits =
                Traits { accessible: true, zero: true, exclusive: true, ..Traits::default() };
            // SAFETY: the region is the test's and lives on.
            let id = unsafe { arenas::manage(base, 16 * MIB, traits) }.expect("room");
            let heap = bound_to(id);
            for round in 1..4_u8 {
                let p = zalloc(heap, 5 * MIB);
                // SAFETY: the block is live and holds so many bytes.
                unsafe {
                    assert!(core::slice::from_raw_parts(p, 5 * MIB).iter().all(|&byte| byte == 0));
                    p.write_bytes(round, 5 * MIB);
                }
                let mut byte = [0];
                let offset = (p.addr() - base.addr() + MIB) as u64;
                file.read_exact_at(&mut byte, offset).expect("the file is that long");
                assert_eq!(byte, [round], "the memory is not the file's any more");
                end(p);
                collect(true);
            }
        });
    }
}
