//! First-class heaps: any thread allocates from any of them, and they end with or without their blocks.
#![allow(unsafe_code)]

mod common;
mod process;

use std::thread;

use rimalloc_core::heap::Heap;
use rimalloc_core::{alloc, collect, free, heaps};

/// A block of a heap, on its way between threads.
struct Sent(*mut u8, usize);
// SAFETY: each block is used by one thread at a time.
unsafe impl Send for Sent {}

fn fill(p: *mut u8, size: usize) -> Sent {
    assert!(!p.is_null());
    // SAFETY: a fresh block of `size` bytes.
    unsafe { p.write_bytes(size.to_le_bytes()[0], size) };
    Sent(p, size)
}

fn check(block: &Sent) {
    // SAFETY: the block is live and was filled.
    let bytes = unsafe { core::slice::from_raw_parts(block.0, block.1) };
    assert!(bytes.iter().all(|&byte| byte == block.1.to_le_bytes()[0]));
}

fn sizes() -> impl Iterator<Item = usize> {
    (0..400).map(|i| 1 + (i * 37) % 2000).chain([9000, 60_000, 70_000, 700_000])
}

fn blocks_from(heap: &'static Heap) -> Vec<Sent> {
    sizes().map(|size| fill(alloc::malloc_from(heap, size), size)).collect()
}

#[test]
fn threads_share_a_heap_and_blocks_outlive_its_deletion() {
    for _ in 0..20 {
        let heap = heaps::create(None).expect("memory for a heap");
        let blocks: Vec<Sent> = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(move || blocks_from(heap))).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
        });
        let own = blocks_from(heap);
        // SAFETY: nobody allocates from the heap any more.
        unsafe { heaps::delete(heap) };
        for block in blocks.into_iter().chain(own) {
            check(&block);
            // SAFETY: the block is live and ends here.
            unsafe { free::free(block.0) };
        }
    }
}

#[test]
fn destroying_a_heap_gives_its_memory_back() {
    process::alone("destroying_a_heap_gives_its_memory_back", &[], || {
        let mut after_warm_up = 0;
        for round in 0..300 {
            let heap = heaps::create(None).expect("memory for a heap");
            thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(move || blocks_from(heap).iter().for_each(check));
                }
            });
            let own = blocks_from(heap);
            own.iter().for_each(check);
            // SAFETY: nobody uses the heap or its blocks any more.
            unsafe { heaps::destroy(heap) };
            assert!(!free::is_in_heap_region(own[0].0));
            if round == 50 {
                collect::collect(true);
                after_warm_up = common::resident();
            }
        }
        collect::collect(true);
        assert!(common::resident() < after_warm_up + (16 << 20), "heaps leak");
    });
}

#[test]
fn a_thread_keeps_many_heaps_apart() {
    let all: Vec<_> = (0..500).map(|_| heaps::create(None).expect("memory for a heap")).collect();
    let blocks: Vec<_> = all.iter().map(|heap| fill(alloc::malloc_from(heap, 100), 100)).collect();
    for (heap, block) in all.iter().zip(&blocks).step_by(2) {
        check(block);
        // SAFETY: nobody uses the heap or its block any more.
        unsafe { heaps::destroy(heap) };
    }
    for (heap, block) in all.iter().zip(&blocks).skip(1).step_by(2) {
        check(block);
        check(&fill(alloc::zalloc_from(heap, 100), 100));
        // SAFETY: nobody uses the heap any more; its block ends here.
        unsafe {
            heaps::delete(heap);
            free::free(block.0);
        }
    }
}

#[test]
fn zeroed_blocks_of_reused_heaps_are_zero() {
    for _ in 0..50 {
        let heap = heaps::create(None).expect("memory for a heap");
        for size in sizes() {
            let p = alloc::zalloc_from(heap, size);
            // SAFETY: a fresh block of at least `size` bytes.
            unsafe {
                assert!(core::slice::from_raw_parts(p, size).iter().all(|&byte| byte == 0));
                p.write_bytes(0xff, free::usable_size(p));
            }
        }
        // SAFETY: nobody uses the heap or its blocks any more.
        unsafe { heaps::destroy(heap) };
    }
}
