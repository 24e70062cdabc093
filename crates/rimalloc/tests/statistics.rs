//! Statistics of the process and its parts, and what gives memory back.
#![allow(unsafe_code)]

use core::alloc::{GlobalAlloc, Layout};
use core::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use rimalloc::{Heap, Rimalloc, Scope, StillInUse, SubProcess};

/// The process has one set of figures: tests that look at them run one after the other.
fn serial() -> MutexGuard<'static, ()> {
    static SERIAL: Mutex<()> = Mutex::new(());
    SERIAL.lock().unwrap_or_else(PoisonError::into_inner)
}

const LAYOUT: Layout = Layout::new::<[u8; 1_000]>();

/// Blocks of `LAYOUT`.
fn take(allocator: &dyn GlobalAlloc, number: usize) -> Vec<*mut u8> {
    // SAFETY: the size is not 0.
    (0..number).map(|_| unsafe { allocator.alloc(LAYOUT) }).collect()
}

fn give(blocks: Vec<*mut u8>) {
    for block in blocks {
        // SAFETY: a block of the layout, which ends here.
        unsafe { Rimalloc.dealloc(block, LAYOUT) };
    }
}

#[test]
fn parts_count_their_own_blocks() {
    let _serial = serial();
    let (heap, scope) = (Heap::new().expect("memory"), Scope::new().expect("memory"));
    let size = rimalloc::good_size(LAYOUT.size()) as u64;
    let blocks = take(&heap, 20); // in one page, which the thread owns
    scope.alloc([0_u8; 1_000]).expect("memory for a value");
    let (in_heap, in_scope) = (heap.stats(), scope.stats());
    assert_eq!(in_heap.malloc_normal.current, 20 * size);
    assert!(in_scope.malloc_normal.current >= size && in_scope.malloc_normal_count == 1);
    let bin = in_heap.bins.iter().find(|bin| bin.block_size as u64 == size).expect("its bin");
    assert_eq!((bin.blocks.current, bin.blocks.total), (20, 20));
    assert!(in_heap.process.is_none() && in_heap.reserved.current == 0);

    let (process, thread) = (rimalloc::stats(), rimalloc::thread_stats());
    assert!(process.malloc_normal.current >= thread.malloc_normal.current);
    assert!(thread.malloc_normal.current >= 21 * size);
    assert!(process.committed.current <= process.reserved.current);
    assert!(process.process.is_some_and(|usage| usage.peak_rss >= usage.current_rss));

    give(blocks);
    let after = heap.stats();
    assert_eq!((after.malloc_normal.current, after.malloc_normal.total), (0, 20 * size));
}

#[test]
fn figures_start_anew_but_for_what_is_in_use() {
    let _serial = serial();
    let kept = take(&Rimalloc, 50);
    give(take(&Rimalloc, 5_000));
    let before = rimalloc::stats();
    rimalloc::reset_stats();
    let after = rimalloc::stats();
    assert!(after.malloc_normal_count < before.malloc_normal_count);
    assert!(after.malloc_normal.current >= 50 * LAYOUT.size() as u64);
    give(kept);
}

#[test]
fn statistics_are_shown_as_a_table_and_as_json() {
    let heap = Heap::new().expect("memory for a heap");
    let blocks = take(&heap, 10);
    let (whole, part) = (rimalloc::stats().to_string(), heap.stats().to_string());
    assert!(whole.contains("heap stats:") && whole.contains("elapsed"), "{whole}");
    assert!(part.contains("binned:") && !part.contains("elapsed"), "{part}");
    let json = rimalloc::stats().json().to_string();
    assert!(
        json.starts_with('{') && json.trim_end().ends_with('}') && json.contains("\"reserved\"")
    );
    give(blocks);
}

#[test]
fn a_visit_ends_when_it_breaks() {
    let heap = Heap::new().expect("memory for a heap");
    let blocks = take(&heap, 100);
    let mut seen = 0;
    let end = heap.visit_blocks(|area, block| {
        assert!(block.len() == area.block_size && area.used <= 100 && heap.contains(area.start));
        seen += 1;
        if seen == 10 { ControlFlow::Break("enough") } else { ControlFlow::Continue(()) }
    });
    assert_eq!((end, seen), (Ok(ControlFlow::Break("enough")), 10));
    let mut areas = 0;
    let end: Result<ControlFlow<()>, _> = heap.visit_areas(|area| {
        areas += area.used;
        ControlFlow::Continue(())
    });
    assert_eq!((end, areas), (Ok(ControlFlow::Continue(())), 100));
    give(blocks);
}

#[test]
fn what_is_free_goes_back_when_a_thread_rests() {
    thread::spawn(|| {
        let blocks = take(&Rimalloc, 20_000);
        let owned = || rimalloc::thread_stats().pages.current;
        let most = owned();
        rimalloc::collect_to(0);
        assert!(owned() < most, "{} pages are still owned, of {most}", owned());
        give(blocks);
        rimalloc::collect(true);
    })
    .join()
    .expect("no panic");
}

#[test]
fn a_sub_process_is_joined_once_and_ends_when_its_threads_have() {
    let tenant = SubProcess::new().expect("memory for a sub-process");
    let other = SubProcess::new().expect("memory for a sub-process");
    let (to_main, joined) = std::sync::mpsc::channel();
    let (to_thread, asked) = std::sync::mpsc::channel::<()>();
    let thread = thread::spawn(move || {
        assert!(tenant.join() && !other.join(), "a thread joins one sub-process");
        let blocks = take(&Rimalloc, 100);
        to_main.send(()).expect("the main thread waits");
        asked.recv().expect("the main thread asks");
        assert!(tenant.stats().malloc_normal.current >= 100 * LAYOUT.size() as u64);
        give(blocks);
    });
    joined.recv().expect("the thread joins");
    // SAFETY: nothing ends while a thread is in it.
    assert_eq!(unsafe { tenant.end() }, Err(StillInUse));
    // SAFETY: the main sub-process does not end.
    assert_eq!(unsafe { SubProcess::main().end() }, Err(StillInUse));
    to_thread.send(()).expect("the thread waits");
    thread.join().expect("no panic");
    // SAFETY: nobody uses them or has a block of theirs any more.
    assert_eq!(unsafe { (tenant.end(), other.end()) }, (Ok(()), Ok(())));
    assert_eq!(StillInUse.to_string(), "the sub-process is the main one or has threads");
}
