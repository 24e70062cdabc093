//! Arenas: memory reserved or provided by the program, and what is refused.
#![allow(unsafe_code)]

use core::alloc::{GlobalAlloc, Layout};
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::time::Duration;
use std::alloc::System;

use rimalloc::{Arena, ArenaError, Heap, Memory, SubProcess};

const SLICE: usize = 64 << 10;
const MIB: usize = 1 << 20;

/// Memory of another allocator that nobody wants back.
fn memory(size: usize, align: usize) -> &'static mut [MaybeUninit<u8>] {
    let layout = Layout::from_size_align(size, align).expect("a valid layout");
    // SAFETY: the size is not 0, and the block is never freed.
    unsafe {
        let block = NonNull::new(System.alloc(layout)).expect("memory of the system");
        NonNull::slice_from_raw_parts(block.cast(), size).as_mut()
    }
}

fn bound_to(arena: Arena) -> Heap {
    Heap::builder().arena(arena).build().expect("memory for a heap")
}

/// Allocates blocks of a size until that is refused.
fn fill(heap: &Heap, size: usize) -> Vec<*mut u8> {
    let layout = Layout::from_size_align(size, 8).expect("a valid layout");
    // SAFETY: the size is not 0; new blocks are written within it.
    let next = || unsafe {
        let block = heap.alloc(layout);
        if block.is_null() {
            return None;
        }
        block.write_bytes(0xa5, size);
        Some(block)
    };
    core::iter::from_fn(next).collect()
}

fn free_all(blocks: Vec<*mut u8>, size: usize) {
    let layout = Layout::from_size_align(size, 8).expect("a valid layout");
    for block in blocks {
        // SAFETY: blocks of the layout, which end here.
        unsafe { rimalloc::Rimalloc.dealloc(block, layout) };
    }
}

#[test]
fn a_bound_heap_takes_all_its_memory_from_its_arena() {
    let arena = Arena::builder().exclusive(true).reserve(32 * MIB).expect("address space");
    let other = bound_to(arena);
    let heap = bound_to(arena);
    for size in [100, 5000, 190_000] {
        let blocks = fill(&heap, size);
        let bytes = blocks.len() * rimalloc::good_size(size);
        assert!(bytes > 29 * MIB && bytes <= 32 * MIB, "{bytes} in blocks of {size}");
        assert!(blocks.iter().all(|&block| arena.contains(block)));
        // Less than a block of the largest size may be left.
        assert!(fill(&other, 200_000).is_empty(), "there is nothing left");
        free_all(blocks, size);
        heap.collect(true);
    }
}

#[test]
fn an_exclusive_arena_serves_nobody_else() {
    let arena = Arena::builder().exclusive(true).reserve(32 * MIB).expect("address space");
    let heap = Heap::new().expect("memory for a heap");
    for size in [16, 1000, 100_000] {
        let layout = Layout::from_size_align(size, 8).expect("a valid layout");
        // SAFETY: the size is not 0; the block ends here.
        unsafe {
            let block = heap.alloc(layout);
            assert!(!arena.contains(block));
            heap.dealloc(block, layout);
        }
    }
}

#[test]
fn memory_of_the_program_is_used_as_far_as_it_is_whole_slices() {
    let memory = memory(2 * MIB, 4096);
    let range = memory.as_ptr_range();
    let arena = Arena::builder().exclusive(true).adopt(memory).expect("room");
    let used = arena.range();
    assert!(used.start >= range.start.cast() && used.end <= range.end.cast());
    assert!(used.start.addr().is_multiple_of(SLICE) && used.end.addr().is_multiple_of(SLICE));
    assert!(used.end.addr() - used.start.addr() >= 2 * MIB - 2 * SLICE);
    let blocks = fill(&bound_to(arena), 1000);
    assert!(blocks.len() * 1000 > MIB);
    assert!(blocks.iter().all(|&block| used.contains(&block.cast_const())));
    free_all(blocks, 1000);
}

#[test]
fn memory_that_cannot_be_an_arena_is_refused() {
    assert_eq!(Arena::adopt(&mut []), Err(ArenaError::TooSmall));
    assert_eq!(Arena::adopt(memory(100, 1)), Err(ArenaError::TooSmall));
    assert_eq!(Arena::adopt(memory(SLICE, SLICE)), Err(ArenaError::TooSmall));
    // Two slices that don't start on one are one.
    let misaligned = &mut memory(4 * SLICE, SLICE)[1..2 * SLICE];
    assert_eq!(Arena::adopt(misaligned), Err(ArenaError::TooSmall));

    let twice = memory(MIB, SLICE);
    let start = NonNull::from(&mut *twice).cast::<u8>();
    Arena::builder().exclusive(true).adopt(twice).expect("room");
    let kind = Memory { accessible: true, pinned: true, zero: false };
    // SAFETY: what is refused is not touched.
    let again = unsafe { Arena::builder().adopt_raw(start, MIB, kind) };
    assert_eq!(again, Err(ArenaError::AlreadyManaged));

    // SAFETY: as above.
    let beyond = unsafe {
        let start = NonNull::new(core::ptr::without_provenance_mut(1 << 60)).expect("not null");
        Arena::builder().adopt_raw(start, MIB, kind)
    };
    assert_eq!(beyond, Err(ArenaError::NoSuchAddresses));

    assert_eq!(Arena::reserve(0), Err(ArenaError::OutOfMemory));
    assert_eq!(Arena::reserve(isize::MAX.unsigned_abs()), Err(ArenaError::OutOfMemory));
    let huge = Arena::builder().reserve_huge_pages(0, None);
    assert_eq!(huge, Err(ArenaError::OutOfMemory));
    let more_than_there_are = 1 << 30;
    let huge = Arena::builder().reserve_huge_pages(more_than_there_are, Some(Duration::ZERO));
    assert!(huge.is_err());
    assert_eq!(ArenaError::TooSmall.to_string(), "the memory is too small for an arena");
}

#[test]
fn arenas_are_told_apart_and_belong_to_a_sub_process() {
    let one = Arena::builder().exclusive(true).committed(true).reserve(1).expect("address space");
    let other = Arena::builder().exclusive(true).reserve(1).expect("address space");
    let size = one.range().end.addr() - one.range().start.addr();
    assert!(size == 32 * MIB && one != other && one.id() != other.id());
    assert!(one.contains(one.range().start) && !one.contains(one.range().end));
    assert_eq!(one.subprocess(), SubProcess::main());
    let tenant = SubProcess::new().expect("memory for a sub-process");
    std::thread::spawn(move || {
        assert!(tenant.join());
        let arena = Arena::reserve(1).expect("address space");
        assert_eq!(arena.subprocess(), tenant);
        // What is bound to it is there too, whoever makes it.
        std::thread::spawn(move || {
            let blocks = fill(&bound_to(arena), MIB);
            assert!(blocks.len() > 20);
            free_all(blocks, MIB);
        })
        .join()
        .expect("no panic");
    })
    .join()
    .expect("no panic");
}
