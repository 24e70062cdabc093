//! First-class heaps: any thread allocates from any of them, and they end with or without their blocks.
#![allow(unsafe_code)]

mod common;
mod process;

use core::ptr::NonNull;
use std::thread;

use rimalloc_core::arena::Traits;
use rimalloc_core::heap::{Heap, MAIN_SUBPROC, Settings};
use rimalloc_core::source::Plain;
use rimalloc_core::{alloc, collect, free, heaps, os, realloc, visit};

use process::alone;

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

fn sizes() -> impl Iterator<Item = usize> + Clone {
    (0..400).map(|i| 1 + (i * 37) % 2000).chain([9000, 60_000, 70_000, 700_000])
}

fn blocks_from(heap: &'static Heap) -> Vec<Sent> {
    sizes().map(|size| fill(alloc::malloc(heap, size), size)).collect()
}

#[test]
fn threads_share_a_heap_and_blocks_outlive_its_deletion() {
    for _ in 0..20 {
        let heap = heaps::create(Settings::of(&MAIN_SUBPROC)).expect("memory for a heap");
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
fn heaps_end_while_threads_of_other_heaps_search_for_pages() {
    /// Makes a page of each size, and a search for an abandoned one before.
    fn a_block_of_each(heap: &'static Heap) {
        let mut size = 16;
        while size < 60_000 {
            let _block = fill(alloc::malloc(heap, size), size);
            size = size * 9 / 8 + 8;
        }
    }
    let round = |is_left: bool| {
        let heap = heaps::create(Settings::of(&MAIN_SUBPROC)).expect("memory for a heap");
        if is_left {
            // What ended threads leave is what the searches find.
            thread::scope(|scope| {
                scope.spawn(|| a_block_of_each(heap)).join().expect("no panic");
            });
        } else {
            a_block_of_each(heap);
        }
        // SAFETY: nobody uses the heap or its blocks any more.
        unsafe { heaps::destroy(heap) };
    };
    thread::scope(|scope| {
        for is_left in [true, false, true, false] {
            scope.spawn(move || (0..1500).for_each(|_| round(is_left)));
        }
    });
}

#[test]
fn destroying_a_heap_gives_its_memory_back() {
    alone("destroying_a_heap_gives_its_memory_back", &[], || {
        let mut after_warm_up = 0;
        for round in 0..300 {
            let heap = heaps::create(Settings::of(&MAIN_SUBPROC)).expect("memory for a heap");
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
    let all: Vec<_> = (0..500)
        .map(|_| heaps::create(Settings::of(&MAIN_SUBPROC)).expect("memory for a heap"))
        .collect();
    let blocks: Vec<_> = all.iter().map(|&heap| fill(alloc::malloc(heap, 100), 100)).collect();
    for (heap, block) in all.iter().zip(&blocks).step_by(2) {
        check(block);
        // SAFETY: nobody uses the heap or its block any more.
        unsafe { heaps::destroy(heap) };
    }
    for (heap, block) in all.iter().zip(&blocks).skip(1).step_by(2) {
        check(block);
        check(&fill(alloc::zalloc(*heap, 100), 100));
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
        let heap = heaps::create(Settings::of(&MAIN_SUBPROC)).expect("memory for a heap");
        for size in sizes() {
            let p = alloc::zalloc(heap, size);
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

/// Memory of the test's own, handed to the engine for good.
fn region(size: usize) -> NonNull<u8> {
    let base = rimalloc_core::os::reserve(size, 1 << 16, true).expect("address space");
    // Dirt, so that a wrong claim that it reads as zeros shows.
    // SAFETY: the range was just reserved, accessible.
    unsafe { base.write_bytes(0xab, size) };
    base
}

#[test]
fn a_heap_bound_to_external_memory_takes_all_its_blocks_from_there() {
    const SIZE: usize = 8 << 20;
    let base = region(SIZE);
    let traits = Traits { accessible: true, pinned: true, exclusive: true, ..Traits::default() };
    // SAFETY: the region is the test's, nobody else uses it, and it is never released.
    let arena = unsafe { MAIN_SUBPROC.arenas.adopt(base, SIZE, traits) }.expect("an arena");
    let heap = heaps::create(Settings { arena: Some(arena), ..Settings::of(&MAIN_SUBPROC) })
        .expect("memory for a heap");
    let range = base.as_ptr().addr()..base.as_ptr().addr() + SIZE;
    let mut blocks = Vec::new();
    for size in sizes().cycle() {
        let p = alloc::zalloc(heap, size);
        if p.is_null() {
            break;
        }
        assert!(range.contains(&p.addr()));
        // SAFETY: a fresh block of `size` bytes.
        assert!(unsafe { core::slice::from_raw_parts(p, size) }.iter().all(|&byte| byte == 0));
        blocks.push(fill(p, size));
    }
    assert!(blocks.iter().map(|block| block.1).sum::<usize>() > SIZE / 2, "most of it is used");
    assert!(
        !range.contains(&alloc::malloc(Plain, 100).addr()),
        "only its heaps use an exclusive arena"
    );
    blocks.iter().for_each(check);
    // SAFETY: nobody uses the heap or its blocks any more.
    unsafe { heaps::destroy(heap) };
    collect::collect(true);
    let again = heaps::create(Settings { arena: Some(arena), ..Settings::of(&MAIN_SUBPROC) })
        .expect("memory for a heap");
    check(&fill(alloc::malloc(again, SIZE / 2), SIZE / 2));
    // SAFETY: as above.
    unsafe { heaps::destroy(again) };
}

#[test]
fn memory_too_small_for_an_arena_is_refused() {
    let base = region(1 << 16);
    let traits = Traits { accessible: true, ..Traits::default() };
    // SAFETY: the region is the test's, nobody else uses it, and it is never released.
    assert!(unsafe { MAIN_SUBPROC.arenas.adopt(base, 1 << 16, traits) }.is_err());
}

/// Blocks of the default heap, told by whom they belong to.
fn plain_belongs_to(heap: &Heap) -> bool {
    let p = alloc::malloc(Plain, 48);
    let belongs = visit::contains(heap, p);
    // SAFETY: the block is live and ends here.
    unsafe { free::free(p) };
    belongs
}

fn ordinary() -> &'static Heap {
    heaps::create(Settings::of(&MAIN_SUBPROC)).expect("memory for a heap")
}

#[test]
fn the_default_heap_is_the_threads_own_choice_and_ends_with_the_heap() {
    for end in [heaps::delete, heaps::destroy] {
        let heap = ordinary();
        assert!(heaps::set_default(heap).is_some_and(|before| before.is_main()));
        assert!(plain_belongs_to(heap) && heaps::default().is(heap));
        thread::scope(|scope| {
            scope.spawn(|| assert!(plain_belongs_to(heaps::main())));
        });
        // SAFETY: nobody uses the heap any more.
        unsafe { end(heap) };
        assert!(heaps::default().is_main() && plain_belongs_to(heaps::main()));
    }
}

#[test]
fn a_default_heap_that_another_thread_destroys_gives_way_to_the_main_heap() {
    let heap = ordinary();
    heaps::set_default(heap);
    thread::scope(|scope| {
        // SAFETY: nobody uses the heap's blocks any more.
        scope.spawn(|| unsafe { heaps::destroy(heap) });
    });
    assert!(plain_belongs_to(heaps::main()));
}

#[test]
fn heaps_made_and_deleted_in_turn_leave_nothing_behind() {
    alone("heaps_made_and_deleted_in_turn_leave_nothing_behind", &[], || {
        let mut before = 0;
        for round in 0..30_000 {
            let heap = ordinary();
            let p = alloc::malloc(heap, 100);
            // Half of them with a live block, which the main heap takes over.
            if round % 2 == 0 {
                // SAFETY: the block is live and ends here.
                unsafe { free::free(p) };
            }
            // SAFETY: nobody allocates from the heap any more.
            unsafe { heaps::delete(heap) };
            if round % 2 == 1 {
                assert!(visit::contains(heaps::main(), p));
                // SAFETY: as above.
                unsafe { free::free(p) };
            }
            if round == 5_000 {
                before = os::process_info().peak_rss;
            }
        }
        let grown = os::process_info().peak_rss - before;
        assert!(grown < 1 << 20, "{grown} bytes more after 25 000 heaps");
    });
}

#[test]
fn more_heaps_than_the_cache_holds_are_told_apart_by_all_threads() {
    const HEAPS: usize = 3000;
    let all: Vec<_> = (0..HEAPS).map(|_| ordinary()).collect();
    thread::scope(|scope| {
        for offset in 0..3 {
            let all = &all;
            scope.spawn(move || {
                for turn in 0..2 * HEAPS {
                    let heap = all[(turn * 7 + offset) % HEAPS];
                    let p = alloc::malloc(heap, 24);
                    assert!(visit::contains(heap, p));
                }
            });
        }
    });
    for heap in all {
        // SAFETY: nobody uses the heap or a block of it any more.
        unsafe { heaps::destroy(heap) };
    }
}

#[test]
fn reallocation_moves_a_block_into_the_heap_that_is_named() {
    let (here, there) = (ordinary(), ordinary());
    for size in [40, 9000, 100_000, 3 << 20] {
        let block = fill(alloc::malloc(here, size), size);
        // SAFETY: the block is live and replaced by the result.
        let moved = unsafe { realloc::realloc(there, block.0, size) };
        assert!(visit::contains(there, moved) && moved != block.0, "{size}");
        check(&Sent(moved, size));
        // SAFETY: as above.
        let kept = unsafe { realloc::realloc(Plain, moved, size) };
        assert_eq!(kept, moved, "plain reallocation leaves a block where it is");
    }
    for heap in [here, there] {
        // SAFETY: nobody uses the heap or a block of it any more.
        unsafe { heaps::destroy(heap) };
    }
}

#[test]
fn a_heap_ends_while_threads_that_used_it_end_or_collect() {
    for round in 0..400 {
        let heap = ordinary();
        thread::scope(|scope| {
            let (ready, wait) = std::sync::mpsc::channel();
            for collects in [false, true] {
                let ready = ready.clone();
                scope.spawn(move || {
                    for size in sizes() {
                        assert!(!alloc::malloc(heap, size).is_null());
                    }
                    ready.send(()).expect("the test waits");
                    if collects {
                        collect::collect(false);
                    }
                });
            }
            for _ in 0..2 {
                wait.recv().expect("both threads have allocated");
            }
            // SAFETY: nobody uses the heap or a block of it any more.
            unsafe { if round % 2 == 0 { heaps::destroy(heap) } else { heaps::delete(heap) } };
        });
    }
}
