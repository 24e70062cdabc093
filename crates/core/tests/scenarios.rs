//! Beginnings and ends of threads, late destructors, and memory that goes back to the system.
#![cfg(unix)]
#![allow(unsafe_code)]

mod common;
mod process;

use common::resident;
use core::ffi::c_void;
use core::ptr::{null, null_mut, without_provenance, without_provenance_mut};
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;
use core::time::Duration;
use process::alone;
use rimalloc_core::aligned::malloc_aligned_at;
use rimalloc_core::alloc::{malloc, zalloc};
use rimalloc_core::collect::collect;
use rimalloc_core::free::{free, is_in_heap_region, usable_size};
use rimalloc_core::realloc::realloc;
use rimalloc_core::source::Plain;
use rimalloc_core::thread::thread_done;
use std::sync::{Barrier, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

const MIB: usize = 1 << 20;

/// A block on its way to another thread.
struct Parcel(*mut u8);

// SAFETY: the block has one owner, and any thread may free it.
unsafe impl Send for Parcel {}

fn end(p: *mut u8) {
    // SAFETY: callers pass a live block or null, and drop it.
    unsafe { free(p) };
}

/// A new block with every byte of it written.
fn filled(size: usize, byte: u8) -> *mut u8 {
    let p = malloc(Plain, size);
    assert!(!p.is_null(), "no block of {size} bytes");
    // SAFETY: the block is new and holds `size` bytes.
    unsafe { p.write_bytes(byte, size) };
    p
}

/// Whether the first `size` bytes of a live block are all `byte`.
fn holds(p: *const u8, size: usize, byte: u8) -> bool {
    // SAFETY: callers pass a live block of `size` bytes.
    unsafe { core::slice::from_raw_parts(p, size) }.iter().all(|found| *found == byte)
}

#[test]
fn nothing_is_freed_before_anything_is_allocated() {
    alone("nothing_is_freed_before_anything_is_allocated", &[], || {
        let foreign = without_provenance_mut(4096);
        // SAFETY: null and foreign addresses are ignored.
        unsafe {
            free(null_mut());
            assert_eq!(usable_size(null()), 0);
            free(foreign);
            assert!(realloc(Plain, foreign, 10).is_null());
        }
        assert!(!is_in_heap_region(without_provenance(8)));
        collect(true);
        thread_done();
        end(filled(1, 1));
    });
}

#[test]
fn threads_that_race_for_the_first_block_all_get_theirs() {
    alone("threads_that_race_for_the_first_block_all_get_theirs", &[], || {
        let start = Barrier::new(64);
        thread::scope(|scope| {
            for mark in 0..64 {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    let sizes = (1..2000).step_by(57);
                    let blocks: Vec<_> = sizes.map(|size| (filled(size, mark), size)).collect();
                    for (p, size) in blocks {
                        assert!(holds(p, size, mark), "{size} bytes");
                        end(p);
                    }
                });
            }
        });
    });
}

/// The key whose destructor is under test, and the blocks that destructors leave behind.
static KEY: AtomicU32 = AtomicU32::new(0);
static LEFT: Mutex<Vec<Parcel>> = Mutex::new(Vec::new());

/// Times that the system runs destructors anew for values that destructors have set.
const ROUNDS: usize = 4;

fn left() -> std::sync::MutexGuard<'static, Vec<Parcel>> {
    LEFT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has the destructor run `rounds` times at the end of this thread.
fn arm(rounds: usize) {
    // SAFETY: the key exists, and its values are numbers.
    unsafe { libc::pthread_setspecific(KEY.load(Relaxed), without_provenance(rounds)) };
}

fn work_late() {
    for size in (1..5000).step_by(311) {
        let p = zalloc(Plain, size);
        assert!(!p.is_null() && holds(p, size, 0), "{size}");
        // SAFETY: the block is live, holds what is written, and is replaced by the result.
        let p = unsafe {
            p.write_bytes(0xff, size);
            realloc(Plain, p, 2 * size)
        };
        assert!(!p.is_null() && holds(p, size, 0xff), "{size}");
        let q = malloc_aligned_at(Plain, 50, 64, 8);
        assert!((q.addr() + 8).is_multiple_of(64));
        end(p);
        end(q);
    }
    left().push(Parcel(filled(48, 3)));
}

unsafe extern "C" fn destroy(rounds: *mut c_void) {
    work_late();
    arm(rounds.addr() - 1);
}

unsafe extern "C" fn destroy_and_end(rounds: *mut c_void) {
    work_late();
    thread_done();
    work_late();
    arm(rounds.addr() - 1);
}

/// Ends many threads whose last acts are those of `destructor`, and frees what these leave behind.
fn end_threads(destructor: unsafe extern "C" fn(*mut c_void)) {
    // The engine's own key comes first, so its destructor has run when this one's does.
    end(filled(10, 1));
    let mut key = 0;
    // SAFETY: fills `key`; the destructor has the type that is asked for.
    assert_eq!(unsafe { libc::pthread_key_create(&raw mut key, Some(destructor)) }, 0);
    KEY.store(key, Relaxed);
    let mut early = 0;
    for wave in 0..200 {
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    end(filled(100, 1));
                    arm(ROUNDS);
                });
            }
        });
        // A scope waits for what its threads do, not for their destructors.
        let deadline = Instant::now() + Duration::from_secs(30);
        let least = 8 * ROUNDS;
        while left().len() < least && Instant::now() < deadline {
            thread::yield_now();
        }
        for Parcel(p) in left().drain(..) {
            assert!(holds(p, 48, 3), "{p:?}");
            end(p);
        }
        if wave < 40 {
            early = early.max(resident());
        }
    }
    let late = resident();
    assert!(late < early + 16 * MIB, "from {} to {} KiB", early >> 10, late >> 10);
}

#[test]
fn destructors_that_run_after_the_end_of_a_thread_can_allocate() {
    alone("destructors_that_run_after_the_end_of_a_thread_can_allocate", &[], || {
        end_threads(destroy);
    });
}

#[test]
fn threads_that_say_they_are_done_when_they_are_leave_nothing() {
    alone("threads_that_say_they_are_done_when_they_are_leave_nothing", &[], || {
        end_threads(destroy_and_end);
    });
}

/// Fills and frees 64 MiB in small blocks; the resident size in between.
fn fill_and_free() -> usize {
    let blocks: Vec<_> = (0..64 * MIB / 1000).map(|_| filled(1000, 1)).collect();
    let full = resident();
    blocks.into_iter().for_each(end);
    full
}

/// Whether nearly all of the 64 MiB have gone back.
fn is_returned(full: usize) -> bool {
    resident() + 50 * MIB < full
}

/// Whether zeroed blocks are zero in memory that has been in use.
fn assert_reuse_is_clean() {
    for size in [8, 100, 1000, 5000, 70_000, MIB, 9 * MIB] {
        let p = zalloc(Plain, size);
        assert!(!p.is_null() && holds(p, size, 0), "{size}");
        // SAFETY: the block is live and holds `size` bytes.
        unsafe { p.write_bytes(0xdd, size) };
        end(p);
        let again = zalloc(Plain, size);
        assert!(!again.is_null() && holds(again, size, 0), "{size} again");
        end(again);
    }
}

#[test]
fn collected_memory_goes_back_at_once() {
    alone("collected_memory_goes_back_at_once", &[], || {
        let full = fill_and_free();
        collect(true);
        assert!(is_returned(full), "{} of {} MiB stay", resident() / MIB, full / MIB);
        assert_reuse_is_clean();
    });
}

#[test]
fn memory_of_ended_threads_goes_back_when_another_frees_it() {
    alone("memory_of_ended_threads_goes_back_when_another_frees_it", &[], || {
        // One block of each page, so that no page is full and all are owned until the end.
        let sizes: Vec<_> = (1..64).map(|i| i * 1024).collect();
        let together = Barrier::new(48);
        let make = || {
            let blocks: Vec<_> = sizes.iter().map(|size| Parcel(filled(*size, 1))).collect();
            // Ids and stacks are not reused while all are alive.
            together.wait();
            blocks
        };
        let blocks: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..48).map(|_| scope.spawn(make)).collect();
            let joined = threads.into_iter().map(|thread| thread.join().expect("its blocks"));
            joined.flatten().collect()
        });
        let full = resident();
        blocks.into_iter().for_each(|Parcel(p)| end(p));
        collect(true);
        assert!(is_returned(full), "{} of {} MiB stay", resident() / MIB, full / MIB);
        assert_reuse_is_clean();
    });
}

#[test]
fn free_memory_goes_back_while_another_thread_allocates() {
    alone("free_memory_goes_back_while_another_thread_allocates", &[], || {
        let full = fill_and_free();
        let patience = Instant::now() + Duration::from_secs(60);
        let other = thread::spawn(move || {
            while !is_returned(full) && Instant::now() < patience {
                let blocks: Vec<_> = (0..500).map(|i| filled(10 * i, 1)).collect();
                blocks.into_iter().for_each(end);
                thread::sleep(Duration::from_millis(5));
            }
        });
        other.join().expect("the other thread gets its blocks");
        assert!(is_returned(full), "{} of {} MiB stay", resident() / MIB, full / MIB);
        assert_reuse_is_clean();
    });
}

#[test]
fn without_a_delay_free_memory_goes_back_by_itself() {
    const NAME: &str = "without_a_delay_free_memory_goes_back_by_itself";
    alone(NAME, &[("MIMALLOC_PURGE_DELAY", "0")], || {
        let full = fill_and_free();
        assert!(is_returned(full), "{} of {} MiB stay", resident() / MIB, full / MIB);
        assert_reuse_is_clean();
    });
}

#[test]
fn with_a_negative_delay_memory_is_kept_and_used_again() {
    const NAME: &str = "with_a_negative_delay_memory_is_kept_and_used_again";
    alone(NAME, &[("MIMALLOC_PURGE_DELAY", "-1")], || {
        let full = fill_and_free();
        collect(true);
        assert!(!is_returned(full), "{} of {} MiB stay", resident() / MIB, full / MIB);
        for _ in 0..5 {
            fill_and_free();
        }
        assert!(resident() < full + 8 * MIB, "from {} to {} MiB", full / MIB, resident() / MIB);
        assert_reuse_is_clean();
    });
}

#[test]
fn malformed_settings_change_nothing() {
    let malformed = [
        ("MIMALLOC_PURGE_DELAY", "-soon"),
        ("MIMALLOC_ARENA_RESERVE", "0Q"),
        ("MIMALLOC_DISALLOW_OS_ALLOC", "maybe"),
        ("MIMALLOC_DISALLOW_ARENA_ALLOC", "1 0"),
        ("MIMALLOC_GENERIC_COLLECT", "0x10"),
        ("MIMALLOC_ALLOW_THP", "\u{ff}"),
    ];
    alone("malformed_settings_change_nothing", &malformed, || {
        let full = fill_and_free();
        collect(true);
        assert!(is_returned(full), "{} of {} MiB stay", resident() / MIB, full / MIB);
        assert_reuse_is_clean();
    });
}

#[test]
fn cycles_of_allocation_and_free_touch_no_fresh_memory() {
    alone("cycles_of_allocation_and_free_touch_no_fresh_memory", &[], || {
        let cycle = || {
            for size in [16, 200, 3000, 20_000, 100_000, 2 * MIB] {
                let count = (4 * MIB / size).clamp(1, 1000);
                let blocks: Vec<_> = (0..count).map(|_| filled(size, 1)).collect();
                blocks.into_iter().for_each(end);
            }
        };
        (0..20).for_each(|_| cycle());
        let warm = resident();
        (0..500).for_each(|_| cycle());
        assert!(resident() < warm + 4 * MIB, "from {} to {} MiB", warm / MIB, resident() / MIB);
    });
}
