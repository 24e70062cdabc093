//! What large blocks keep, lose and give back when they are resized.
#![cfg(unix)]
#![allow(unsafe_code)]

mod common;
mod process;

use common::resident;
use process::alone;
use rimalloc_core::aligned::{malloc_aligned, zalloc_aligned};
use rimalloc_core::alloc::{malloc, zalloc};
use rimalloc_core::collect::collect;
use rimalloc_core::free::{free, is_in_heap_region, usable_size};
use rimalloc_core::realloc::{realloc, rezalloc};
use rimalloc_core::source::Plain;

const MIB: usize = 1 << 20;

/// A new block with every byte of it written.
fn filled(size: usize, byte: u8) -> *mut u8 {
    let p = malloc(Plain, size);
    assert!(!p.is_null(), "no block of {size} bytes");
    // SAFETY: the block is new and holds `size` bytes.
    unsafe { p.write_bytes(byte, size) };
    p
}

fn end(p: *mut u8) {
    // SAFETY: callers pass a live block or null, and drop it.
    unsafe { free(p) };
}

/// Bytes that the block can hold.
fn usable(p: *const u8) -> usize {
    // SAFETY: callers pass a live block.
    unsafe { usable_size(p) }
}

/// The byte at `offset` of a live block that holds more.
fn byte(p: *const u8, offset: usize) -> u8 {
    // SAFETY: callers pass a live block and an offset inside it.
    unsafe { p.add(offset).read() }
}

/// Asserts that the bytes of a live block from `from` on are zero.
fn assert_zero_from(p: *const u8, from: usize, what: &str) {
    // SAFETY: the block is live and nobody writes to it.
    let bytes = unsafe { core::slice::from_raw_parts(p, usable(p)) };
    let first = bytes[from..].iter().position(|byte| *byte != 0);
    assert_eq!(first, None, "{what}: the first dirty byte, counted from {from}");
}

#[test]
fn a_large_zeroed_block_grows_by_zeros_where_dirty_memory_is_reused() {
    alone("a_large_zeroed_block_grows_by_zeros_where_dirty_memory_is_reused", &[], || {
        for (size, grown) in [(MIB, 8 * MIB), (600 << 10, 700 << 10), (2 * MIB, 40 * MIB)] {
            let dirty = filled(64 * MIB, 0xee);
            let p = zalloc(Plain, size);
            assert!(!p.is_null());
            // What follows the block is taken, so that it has to move.
            let neighbour = filled(100_000, 1);
            end(dirty);
            let old = usable(p);
            // SAFETY: the block is live and replaced by the result.
            let moved = unsafe {
                p.write_bytes(7, size);
                rezalloc(Plain, p, grown)
            };
            assert!(!moved.is_null());
            assert_eq!((byte(moved, 0), byte(moved, size - 1)), (7, 7));
            assert_zero_from(moved, old, &format!("{size} to {grown}"));
            end(moved);
            end(neighbour);
        }
    });
}

#[test]
fn a_large_zeroed_block_that_shrank_grows_by_zeros() {
    alone("a_large_zeroed_block_that_shrank_grows_by_zeros", &[], || {
        for aligned_to in [4096, 4 * MIB] {
            let p = zalloc_aligned(Plain, 32 * MIB, aligned_to);
            assert!(!p.is_null());
            // SAFETY: the block is live, holds what is written, and is replaced by each result.
            let p = unsafe {
                p.write_bytes(9, 32 * MIB);
                let p = rezalloc(Plain, p, MIB);
                assert!(!p.is_null());
                let kept = usable(p);
                let p = rezalloc(Plain, p, 16 * MIB);
                assert!(!p.is_null());
                assert_eq!(byte(p, MIB - 1), 9);
                assert_zero_from(p, kept, "back to half");
                p
            };
            end(p);
        }
    });
}

#[test]
fn a_block_with_a_mapping_of_its_own_gives_back_what_it_shrinks_by() {
    alone("a_block_with_a_mapping_of_its_own_gives_back_what_it_shrinks_by", &[], || {
        let before = resident();
        for _ in 0..20 {
            // An alignment beyond that of an arena makes a mapping of its own.
            let p = malloc_aligned(Plain, 64 * MIB, 4 * MIB);
            assert!(!p.is_null());
            // SAFETY: the block is live, holds what is written, and is replaced by the result.
            let shrunk = unsafe {
                p.write_bytes(1, 64 * MIB);
                realloc(Plain, p, MIB)
            };
            assert!(!shrunk.is_null());
            assert_eq!((byte(shrunk, 0), byte(shrunk, MIB - 1)), (1, 1));
            end(shrunk);
            assert!(!is_in_heap_region(p.wrapping_add(32 * MIB)), "{p:?} is still known");
        }
        let after = resident();
        assert!(after < before + 160 * MIB, "from {} to {} MiB", before / MIB, after / MIB);
    });
}

#[test]
fn a_block_of_an_arena_gives_back_what_it_shrinks_by() {
    alone("a_block_of_an_arena_gives_back_what_it_shrinks_by", &[], || {
        let p = filled(128 * MIB, 3);
        let full = resident();
        // SAFETY: the block is live and replaced by the result.
        let shrunk = unsafe { realloc(Plain, p, 2 * MIB) };
        assert_eq!((byte(shrunk, 0), byte(shrunk, 2 * MIB - 1)), (3, 3));
        collect(true);
        let after = resident();
        assert!(after + 100 * MIB < full, "from {} to {} MiB", full / MIB, after / MIB);
        end(shrunk);
    });
}

/// A number that tells the OS pages of a block apart.
fn stamp(offset: usize) -> u8 {
    (offset / 4096 * 31 % 251).to_le_bytes()[0]
}

#[test]
fn a_block_that_doubles_to_a_quarter_of_a_gibibyte_keeps_its_contents() {
    for plugged in [false, true] {
        let mut size = 16;
        let mut p = filled(size, stamp(0));
        let mut plugs = Vec::new();
        while size < 256 * MIB {
            if plugged {
                plugs.push(filled(70_000, 1));
            }
            // SAFETY: the block is live, replaced by the result, which holds twice as much.
            p = unsafe { realloc(Plain, p, 2 * size) };
            assert!(!p.is_null(), "{size}");
            for offset in (0..size).step_by(4096) {
                assert_eq!(byte(p, offset), stamp(offset), "{offset} of {size}");
            }
            size *= 2;
            for offset in (size / 2..size).step_by(4096) {
                // SAFETY: the offset lies in the block.
                unsafe { p.add(offset).write(stamp(offset)) };
            }
        }
        end(p);
        plugs.into_iter().for_each(end);
    }
    collect(true);
}

#[test]
fn blocks_keep_their_contents_between_all_kinds_of_sizes() {
    let sizes = [1, 8, 9, 100, 1024, 1025, 8192, 8193, 65_536, 65_537, 500_000, 600_000, 3 * MIB];
    for from in sizes {
        for to in sizes {
            let p = filled(from, 0x5a);
            // SAFETY: the block is live and replaced by the result.
            let moved = unsafe { realloc(Plain, p, to) };
            assert!(!moved.is_null() && usable(moved) >= to, "{from} to {to}");
            for offset in 0..from.min(to) {
                assert_eq!(byte(moved, offset), 0x5a, "{from} to {to}, at {offset}");
            }
            end(moved);
        }
    }
}
