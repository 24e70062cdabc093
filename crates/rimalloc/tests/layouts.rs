//! Layouts at the edges of what there can be, by every way to allocate.
#![allow(unsafe_code)]

use core::alloc::{GlobalAlloc, Layout};
use std::io::Error;

use rimalloc::{Heap, Rimalloc};

const GIB: usize = 1 << 30;

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("a valid layout")
}

/// Runs `f` with each kind of allocator.
fn with_each(f: impl Fn(&dyn GlobalAlloc)) {
    f(&Rimalloc);
    f(&Heap::new().expect("memory for a heap"));
    f(&Heap::main());
}

/// Fills a block to its layout's size with `value`.
fn fill(block: *mut u8, size: usize, value: u8) {
    // SAFETY: a live block of `size` bytes.
    unsafe { block.write_bytes(value, size) }
}

fn holds(block: *const u8, size: usize, value: u8) -> bool {
    // SAFETY: a live block of `size` bytes.
    unsafe { core::slice::from_raw_parts(block, size) }.iter().all(|&byte| byte == value)
}

#[test]
fn layouts_of_size_zero_give_blocks_of_their_own() {
    with_each(|allocator| {
        for align in [1, 8, 16, 64, 4096, 1 << 20] {
            let layout = layout(0, align);
            // SAFETY: this crate documents what a size of 0 gives.
            unsafe {
                let (one, other) = (allocator.alloc(layout), allocator.alloc_zeroed(layout));
                assert!(!one.is_null() && !other.is_null() && one != other);
                assert!(one.addr().is_multiple_of(align) && other.addr().is_multiple_of(align));
                let grown = allocator.realloc(one, layout, 100);
                fill(grown, 100, 7);
                let shrunk = allocator.realloc(
                    grown,
                    Layout::from_size_align(100, align).expect("valid"),
                    0,
                );
                assert!(!shrunk.is_null());
                allocator.dealloc(shrunk, layout);
                allocator.dealloc(other, layout);
            }
        }
    });
}

#[test]
fn sizes_that_no_system_has_are_refused() {
    let most = isize::MAX.unsigned_abs();
    with_each(|allocator| {
        for (size, align) in
            [(most, 1), (most - 15, 16), (most - 4095, 4096), (most - GIB, GIB), (most / 2, 8)]
        {
            let huge = layout(size, align);
            // SAFETY: the sizes are not 0; the block is live and has its layout.
            unsafe {
                assert!(allocator.alloc(huge).is_null(), "{huge:?}");
                assert_eq!(Error::last_os_error().raw_os_error(), Some(12), "ENOMEM");
                assert!(allocator.alloc_zeroed(huge).is_null(), "{huge:?}");
                let small = layout(100, align);
                let block = allocator.alloc(small);
                fill(block, 100, 0x5a);
                assert!(allocator.realloc(block, small, size).is_null(), "{huge:?}");
                assert!(holds(block, 100, 0x5a), "what cannot grow stays as it is");
                allocator.dealloc(block, small);
            }
        }
    });
}

#[test]
fn alignments_up_to_a_gibibyte_are_honoured() {
    with_each(|allocator| {
        for shift in 0..=30 {
            let align = 1 << shift;
            for size in [1, 8, 9, 24, 100, 5000, 70_000, 3 << 20] {
                let (small, large) = (layout(size, align), layout(size * 2, align));
                // SAFETY: the sizes are not 0; blocks are live and have their layouts.
                unsafe {
                    let block = allocator.alloc_zeroed(small);
                    assert!(!block.is_null() && block.addr().is_multiple_of(align), "{small:?}");
                    assert!(holds(block, size, 0), "{small:?}");
                    fill(block, size, 0x5a);
                    let grown = allocator.realloc(block, small, size * 2);
                    assert!(!grown.is_null() && grown.addr().is_multiple_of(align), "{large:?}");
                    assert!(holds(grown, size, 0x5a), "{large:?}");
                    let shrunk = allocator.realloc(grown, large, 1);
                    assert!(!shrunk.is_null() && shrunk.addr().is_multiple_of(align), "{large:?}");
                    assert!(holds(shrunk, 1, 0x5a));
                    allocator.dealloc(shrunk, layout(1, align));
                }
            }
        }
    });
}

#[test]
fn collections_report_that_memory_ran_out() {
    let mut bytes: Vec<u8> = vec![1, 2, 3];
    let most = isize::MAX.unsigned_abs();
    assert!(bytes.try_reserve(most - 3).is_err());
    assert!(bytes.try_reserve_exact(most / 2).is_err());
    let mut map = std::collections::HashMap::from([(1, 2)]);
    assert!(map.try_reserve(most / 64).is_err());
    let mut text = String::from("kept");
    assert!(text.try_reserve(most - 4).is_err());
    assert_eq!((&bytes[..], map[&1], &text[..]), (&[1, 2, 3][..], 2, "kept"));
}

#[global_allocator]
static GLOBAL: Rimalloc = Rimalloc;
