//! Visiting: what is live is seen, once, whoever owns the page, and visitors may free what they see.
#![allow(unsafe_code)]

use core::panic::AssertUnwindSafe;
use core::ptr::NonNull;
use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::thread;

use rimalloc_core::heap::{Heap, MAIN_SUBPROC, Settings};
use rimalloc_core::visit::{self, Area};
use rimalloc_core::{alloc, collect, free, heaps, subprocs};

fn ordinary() -> &'static Heap {
    heaps::create(Settings { tag: 7, ..Settings::of(&MAIN_SUBPROC) }).expect("memory for a heap")
}

fn sizes() -> impl Iterator<Item = usize> {
    (0..1500).map(|i| 1 + (i * 37) % 2000).chain([9000, 60_000, 70_000, 700_000, 3 << 20])
}

/// The live blocks of a heap by their addresses, each seen once and in an area that was announced.
fn seen(heap: &'static Heap) -> BTreeSet<usize> {
    let mut blocks = BTreeSet::new();
    let (mut left, mut areas) = (0, 0);
    let whole = visit::heap(heap, true, &mut |of, area, block| {
        assert!(of.is(heap) && area.tag == heap.tag());
        match block {
            None => {
                assert_eq!(left, 0, "an area says how many blocks follow");
                left = area.used;
                areas += 1;
                assert!(area.used * area.full_block_size <= area.committed);
                assert!(area.committed <= area.reserved);
            }
            Some(block) => {
                left -= 1;
                let offset = block.addr().get() - area.start.addr();
                assert!(offset.is_multiple_of(area.full_block_size) && offset < area.committed);
                assert!(blocks.insert(block.addr().get()), "a block is seen once");
            }
        }
        true
    });
    assert!(whole && left == 0 && (areas > 0 || blocks.is_empty()));
    blocks
}

fn fill(heap: &'static Heap) -> Vec<usize> {
    sizes().map(|size| alloc::malloc(heap, size).expose_provenance()).collect()
}

fn end(address: usize) {
    // SAFETY: a live block that ends here.
    unsafe { free::free(core::ptr::with_exposed_provenance_mut(address)) };
}

#[test]
fn live_blocks_of_all_threads_are_seen_and_no_others() {
    let heap = ordinary();
    assert!(seen(heap).is_empty());
    let mut live: Vec<usize> = fill(heap);
    thread::scope(|scope| {
        // Ended when the heap is visited.
        let ended: Vec<_> = (0..3).map(|_| scope.spawn(|| fill(heap))).collect();
        live.extend(ended.into_iter().flat_map(|thread| thread.join().expect("no panic")));
        // At rest meanwhile.
        let (give, take) = std::sync::mpsc::channel();
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let resting = scope.spawn(move || {
            give.send(fill(heap)).expect("the test waits");
            wait.recv().expect_err("the test has finished");
        });
        live.extend(take.recv().expect("blocks"));
        // Freed by their own thread, by this one, locally and remotely.
        let mut kept = BTreeSet::new();
        for (i, address) in live.drain(..).enumerate() {
            if i % 3 == 0 { end(address) } else { _ = kept.insert(address) }
        }
        assert_eq!(seen(heap), kept);
        drop(done);
        for address in kept {
            end(address);
        }
        // It may be passing the blocks from one list to another.
        resting.join().expect("no panic");
        assert!(seen(heap).is_empty());
    });
    // SAFETY: nobody uses the heap any more.
    unsafe { heaps::destroy(heap) };
}

#[test]
fn a_visitor_may_free_every_block_it_is_shown() {
    for threads in [false, true] {
        let heap = ordinary();
        if threads {
            thread::scope(|scope| _ = scope.spawn(|| fill(heap)));
        } else {
            fill(heap);
        }
        let mut freed = 0;
        let whole = visit::heap(heap, true, &mut |_, _, block| {
            if let Some(block) = block {
                freed += 1;
                // SAFETY: a live block that nobody uses any more.
                unsafe { free::free(block.as_ptr()) };
            }
            true
        });
        assert!(whole);
        assert_eq!(freed, sizes().count());
        assert!(seen(heap).is_empty());
        // Memory that was freed serves again.
        let again = fill(heap);
        assert_eq!(seen(heap), again.into_iter().collect());
        // SAFETY: nobody uses the heap or a block of it any more.
        unsafe { heaps::destroy(heap) };
    }
}

#[test]
fn a_visitor_may_stop_and_allocate() {
    let heap = ordinary();
    fill(heap);
    let mut calls = 0;
    let whole = visit::heap(heap, true, &mut |_, _, block: Option<NonNull<u8>>| {
        calls += 1;
        for size in [16, 100, 5000, 200_000] {
            assert!(!alloc::malloc(heap, size).is_null());
        }
        block.is_none() || calls < 50
    });
    assert!(!whole);
    assert_eq!(calls, 50);
    // SAFETY: nobody uses the heap or a block of it any more.
    unsafe { heaps::destroy(heap) };
}

#[test]
fn pages_are_let_go_when_a_visitor_unwinds() {
    let heap = ordinary();
    let left = thread::scope(|scope| scope.spawn(|| fill(heap)).join().expect("no panic"));
    let own = fill(heap);
    for stop in [1, 20, 60, 300] {
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let mut calls = 0;
            visit::heap(heap, true, &mut |_, _, _| {
                calls += 1;
                assert!(calls != stop, "as asked for");
                true
            })
        }));
        assert!(unwound.is_err());
    }
    assert_eq!(seen(heap).len(), left.len() + own.len());
    left.into_iter().chain(own).for_each(end);
    collect::collect_heap(heap, true);
    let mut pages = 0;
    heap.for_each_page(&mut |_| pages += 1);
    assert_eq!(pages, 0);
    // SAFETY: nobody uses the heap or a block of it any more.
    unsafe { heaps::destroy(heap) };
}

#[test]
fn abandoned_blocks_are_found_by_tag() {
    let heap = ordinary();
    let left = thread::scope(|scope| scope.spawn(|| fill(heap)).join().expect("no panic"));
    let count = |tag| {
        let mut blocks = 0;
        let mut visitor = |of: &'static Heap, _: &Area, block: Option<NonNull<u8>>| {
            blocks += usize::from(of.is(heap) && block.is_some());
            true
        };
        assert!(visit::abandoned_of(&MAIN_SUBPROC, tag, true, &mut visitor));
        blocks
    };
    assert_eq!(count(Some(7)), left.len());
    assert_eq!(count(None), left.len());
    assert_eq!(count(Some(8)), 0);
    // SAFETY: nobody uses the heap or a block of it any more.
    unsafe { heaps::destroy(heap) };
}

#[test]
fn heaps_of_a_sub_process_are_shown_and_may_be_ended_meanwhile() {
    let subproc = subprocs::create().expect("memory for a sub-process");
    let made: Vec<_> =
        (0..5).map(|_| heaps::create(Settings::of(subproc)).expect("memory for a heap")).collect();
    let mut met = 0;
    let whole = subprocs::visit_heaps(subproc, |heap| {
        met += 1;
        if made.iter().any(|made| made.is(heap)) {
            assert!(!alloc::malloc(heap, 10).is_null());
            // SAFETY: nobody uses the heap or its block any more.
            unsafe { heaps::destroy(heap) };
        }
        true
    });
    assert!(whole);
    assert_eq!(met, 6, "the main heap and five");
    // SAFETY: nobody uses the sub-process any more.
    unsafe { subprocs::end(subproc) };
}
