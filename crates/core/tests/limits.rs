//! Memory that runs out because the process may not have more.
#![cfg(target_os = "linux")]
#![allow(unsafe_code)]

mod process;

use core::ptr::null_mut;
use process::alone;
use rimalloc_core::aligned::malloc_aligned;
use rimalloc_core::alloc::{malloc, zalloc};
use rimalloc_core::collect::collect;
use rimalloc_core::free::{free, free_live};
use rimalloc_core::source::Plain;
use std::io::Error;

const MIB: usize = 1 << 20;

/// Which limit the process is to live under, and how many bytes it grants.
const BYTES: &str = "RIMALLOC_TEST_LIMIT";

fn end(p: *mut u8, size: usize) {
    // Some blocks as ones that are certain to be blocks.
    if p.is_null() || p.addr() & 512 == 0 {
        // SAFETY: callers pass a live block or null, and drop it.
        unsafe { free(p) };
    } else {
        // SAFETY: callers pass a live block, and drop it.
        unsafe { free_live(p, size, 1) };
    }
}

/// Allocates until that is refused, frees everything, and says how many bytes it had.
fn fill(size: usize) -> usize {
    let mut newest = null_mut::<u8>();
    let mut bytes = 0;
    loop {
        let p = malloc(Plain, size);
        if p.is_null() {
            break;
        }
        // SAFETY: the block is new, aligned to a word, and holds a pointer and one more byte at its end.
        unsafe {
            p.cast::<*mut u8>().write(newest);
            p.add(size - 1).write(1);
        }
        newest = p;
        bytes += size;
    }
    assert_eq!(Error::last_os_error().raw_os_error(), Some(libc::ENOMEM), "{size}");
    while !newest.is_null() {
        // SAFETY: each block holds the address of the one before it, which is live.
        let before = unsafe { newest.cast::<*mut u8>().read() };
        end(newest, size);
        newest = before;
    }
    bytes
}

/// Runs out of memory in several ways and recovers each time.
fn exhaust_and_recover(kind: libc::__rlimit_resource_t) {
    let bytes: usize =
        std::env::var(BYTES).ok().and_then(|text| text.parse().ok()).expect("a number of bytes");
    let limit = libc::rlimit { rlim_cur: bytes as u64, rlim_max: bytes as u64 };
    // SAFETY: the call reads the structure and changes no memory.
    assert_eq!(unsafe { libc::setrlimit(kind, &raw const limit) }, 0);
    for size in [500, 5000, 100_000, 3 * MIB] {
        let first = fill(size);
        assert!(first > bytes / 2, "{} of {} MiB in blocks of {size}", first / MIB, bytes / MIB);
        for _ in 0..2 {
            collect(true);
            let again = fill(size);
            assert!(again >= first / 10 * 9, "{again} after {first} bytes in blocks of {size}");
        }
    }
}

#[test]
fn a_limited_address_space_can_be_used_up_again_and_again() {
    for bytes in [256 * MIB, 1024 * MIB] {
        alone(
            "a_limited_address_space_can_be_used_up_again_and_again",
            &[(BYTES, &bytes.to_string())],
            || exhaust_and_recover(libc::RLIMIT_AS),
        );
    }
}

#[test]
fn limited_data_can_be_used_up_again_and_again() {
    let bytes = 256 * MIB;
    alone("limited_data_can_be_used_up_again_and_again", &[(BYTES, &bytes.to_string())], || {
        exhaust_and_recover(libc::RLIMIT_DATA)
    });
}

#[test]
fn without_memory_of_the_system_everything_is_refused() {
    const NAME: &str = "without_memory_of_the_system_everything_is_refused";
    alone(NAME, &[("MIMALLOC_DISALLOW_OS_ALLOC", "1")], || {
        for size in [0, 1, 100, 100_000, 10 * MIB] {
            for make in [malloc, zalloc, |_: Plain, size| malloc_aligned(Plain, size, 4 * MIB)] {
                assert!(make(Plain, size).is_null(), "{size}");
                assert_eq!(Error::last_os_error().raw_os_error(), Some(libc::ENOMEM), "{size}");
            }
        }
        end(null_mut(), 0);
    });
}

#[test]
fn arenas_of_any_size_or_none_serve_all_sizes() {
    let settings = [
        ("MIMALLOC_DISALLOW_ARENA_ALLOC", "1"),
        ("MIMALLOC_ARENA_RESERVE", "0"),
        ("MIMALLOC_ARENA_RESERVE", "1"),
        ("MIMALLOC_ARENA_RESERVE", "40M"),
        ("MIMALLOC_ARENA_RESERVE", "-3"),
        ("MIMALLOC_ARENA_RESERVE", "99999999999999"),
    ];
    for setting in settings {
        alone("arenas_of_any_size_or_none_serve_all_sizes", &[setting], || {
            let sizes = [1, 100, 1000, 10_000, 100_000, MIB, 50 * MIB];
            for _ in 0..3 {
                let blocks: Vec<_> = sizes
                    .iter()
                    .cycle()
                    .take(100)
                    .map(|size| (zalloc(Plain, *size), *size))
                    .collect();
                for (p, size) in blocks {
                    assert!(!p.is_null(), "{size}");
                    // SAFETY: the block is live and holds `size` bytes.
                    unsafe {
                        assert_eq!((p.read(), p.add(size - 1).read()), (0, 0), "{size}");
                        p.write(1);
                        p.add(size - 1).write(1);
                    }
                    end(p, size);
                }
                collect(true);
            }
        });
    }
}
