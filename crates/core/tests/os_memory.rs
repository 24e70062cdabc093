//! Much memory, memory that is committed in pieces, and memory that goes back while it is in use.
#![cfg(target_os = "linux")]
#![allow(unsafe_code)]

mod common;
mod process;

use common::{RULES, Rimalloc, guard_mappings, resident};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use process::alone;
use rimalloc_core::alloc::{malloc, zalloc};
use rimalloc_core::collect::collect;
use rimalloc_core::free::free;
use rimalloc_core::source::Plain;
use std::fs;
use std::thread;
use std::time::Instant;
use testkit::threads::{Plan, exchange};
use testkit::{Limits, Mix};

const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;

fn end(p: *mut u8) {
    // SAFETY: callers pass a live block or null, and drop it.
    unsafe { free(p) };
}

/// A block whose first and last bytes are written: few of its OS pages are in memory.
fn touched(size: usize) -> *mut u8 {
    let p = malloc(Plain, size);
    assert!(!p.is_null(), "no block of {size} bytes");
    // SAFETY: the block is new and holds `size` bytes.
    unsafe {
        p.write(1);
        p.add(size - 1).write(1);
    }
    p
}

/// Ranges that the process has mapped. The system allows 65 530.
fn mappings() -> usize {
    fs::read_to_string("/proc/self/maps").expect("the list of mappings").lines().count()
}

/// Address space of the process in bytes.
fn address_space() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").expect("sizes of the process");
    let pages: usize = statm.split(' ').next().and_then(|text| text.parse().ok()).expect("a size");
    // SAFETY: the call takes a number and touches no memory of ours.
    pages * usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).expect("a page size")
}

fn limit_address_space(bytes: usize) {
    let limit = libc::rlimit { rlim_cur: bytes as u64, rlim_max: bytes as u64 };
    // SAFETY: the call reads the structure and changes no memory.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }, 0);
}

#[test]
fn many_gibibytes_of_live_blocks_lie_in_few_mappings() {
    alone("many_gibibytes_of_live_blocks_lie_in_few_mappings", &[], || {
        let before = mappings();
        for (size, count) in [(MIB, 12 << 10), (GIB, 180)] {
            let blocks: Vec<_> = (0..count).map(|_| touched(size)).collect();
            let now = mappings();
            let guards = guard_mappings(count);
            assert!(
                now < before + guards + 160,
                "{now} mappings for {count} blocks of {} MiB",
                size / MIB
            );
            blocks.into_iter().for_each(end);
        }
    });
}

#[test]
fn purged_holes_split_no_mappings() {
    const NAME: &str = "purged_holes_split_no_mappings";
    alone(NAME, &[("MIMALLOC_PURGE_DELAY", "0")], || {
        let before = mappings();
        let blocks: Vec<_> = (0..20_000).map(|_| touched(100 << 10)).collect();
        blocks.iter().step_by(2).for_each(|p| end(*p));
        collect(true);
        let now = mappings();
        assert!(now < before + guard_mappings(20_000) + 200, "{now} mappings after {before}");
        blocks.into_iter().skip(1).step_by(2).for_each(end);
    });
}

#[test]
fn blocks_of_a_gibibyte_can_be_used_up_again_and_again() {
    alone("blocks_of_a_gibibyte_can_be_used_up_again_and_again", &[], || {
        limit_address_space(16 * GIB);
        let fill = || {
            let blocks: Vec<_> = core::iter::repeat_with(|| malloc(Plain, GIB))
                .take_while(|p| !p.is_null())
                .collect();
            let count = blocks.len();
            blocks.into_iter().for_each(end);
            count
        };
        let first = fill();
        assert!(first >= 10, "{first} of 16 GiB");
        for _ in 0..5 {
            collect(true);
            assert_eq!(fill(), first);
        }
    });
}

/// Takes and gives back blocks of several GiB, each a mapping of its own.
fn map_and_unmap() {
    let turn = || end(touched(4 * GIB + MIB));
    (0..20).for_each(|_| turn());
    let (space, memory) = (address_space(), resident());
    (0..300).for_each(|_| turn());
    assert!(address_space() < space + 64 * MIB, "{} after {space}", address_space());
    // Less than an OS page of the page map for each turn.
    assert!(resident() < memory + MIB / 2, "{} after {memory}", resident());
}

#[test]
fn mappings_that_are_given_back_leave_nothing_behind() {
    const NAME: &str = "mappings_that_are_given_back_leave_nothing_behind";
    let outside_arenas = ("MIMALLOC_DISALLOW_ARENA_ALLOC", "1");
    for limit in ["0", "12"] {
        alone(NAME, &[outside_arenas, ("RIMALLOC_TEST_LIMIT", limit)], || {
            if std::env::var("RIMALLOC_TEST_LIMIT").as_deref() == Ok("12") {
                limit_address_space(12 * GIB);
            }
            map_and_unmap();
        });
    }
}

#[test]
fn due_memory_goes_back_without_force() {
    const NAME: &str = "due_memory_goes_back_without_force";
    alone(NAME, &[("MIMALLOC_PURGE_DELAY", "1")], || {
        let mut newest = null_mut::<u8>();
        for _ in 0..640 {
            let p = zalloc(Plain, 100 << 10);
            assert!(!p.is_null());
            // SAFETY: the block is new, aligned to a word, and holds 100 KiB.
            unsafe {
                p.write_bytes(1, 100 << 10);
                p.cast::<*mut u8>().write(newest);
            }
            newest = p;
        }
        let full = resident();
        while !newest.is_null() {
            // SAFETY: each block holds the address of the one before it, which is live.
            let before = unsafe { newest.cast::<*mut u8>().read() };
            end(newest);
            newest = before;
        }
        // Nobody allocates, so only these calls can give anything back.
        let patience = Instant::now() + Duration::from_secs(60);
        while resident() + 50 * MIB > full && Instant::now() < patience {
            thread::sleep(Duration::from_millis(5));
            collect(false);
        }
        assert!(resident() + 50 * MIB < full, "{} of {} MiB stay", resident() / MIB, full / MIB);
    });
}

const PLAN: Plan = Plan {
    threads: 4,
    generations: 1,
    ops: 4_000,
    slots: 64,
    seed: 11,
    mix: Mix::FULL,
    rules: RULES,
    limits: Limits { blocks: 64, bytes: 32 << 20 },
};

fn run(plan: Plan) {
    exchange(&Rimalloc, plan).unwrap_or_else(|violation| panic!("{violation}"));
}

#[test]
fn memory_is_committed_before_it_is_handed_out() {
    for eager in ["0", "1", "2"] {
        for decommits in ["0", "1"] {
            let settings = [
                ("MIMALLOC_ARENA_EAGER_COMMIT", eager),
                ("MIMALLOC_PURGE_DECOMMITS", decommits),
                ("MIMALLOC_PURGE_DELAY", "0"),
                ("MIMALLOC_ARENA_RESERVE", "64M"),
            ];
            alone("memory_is_committed_before_it_is_handed_out", &settings, || {
                run(PLAN);
                run(Plan { mix: Mix::MODEST, ops: 10_000, seed: 12, ..PLAN });
            });
        }
    }
}

#[test]
fn forced_purges_race_with_due_ones_and_with_allocation() {
    const NAME: &str = "forced_purges_race_with_due_ones_and_with_allocation";
    alone(NAME, &[("MIMALLOC_PURGE_DELAY", "1")], || {
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            for force in [true, false, true] {
                let done = &done;
                scope.spawn(move || {
                    while !done.load(Ordering::Relaxed) {
                        collect(force);
                        thread::yield_now();
                    }
                });
            }
            let exchange = thread::spawn(|| {
                run(Plan { seed: 13, ..PLAN });
                run(Plan { mix: Mix::MODEST, ops: 10_000, seed: 14, ..PLAN });
            });
            let outcome = exchange.join();
            done.store(true, Ordering::Relaxed);
            assert!(outcome.is_ok(), "a thread found a violation");
        });
    });
}
