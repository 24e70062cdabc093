//! Sub-processes share no memory, and end without a trace.
#![allow(unsafe_code)]

mod process;

use std::sync::mpsc;
use std::thread;

use rimalloc_core::heap::{MAIN_SUBPROC, Settings, SubProcess};
use rimalloc_core::source::Plain;
use rimalloc_core::thread as engine;
use rimalloc_core::{alloc, collect, free, heaps, os, subprocs, visit};

use process::alone;

/// A block on its way between threads.
struct Sent(*mut u8);
// SAFETY: each block is used by one thread at a time.
unsafe impl Send for Sent {}

fn blocks() -> Vec<Sent> {
    (0..2000).map(|i| Sent(alloc::malloc(Plain, 1 + i * 53 % 9000))).collect()
}

fn end(blocks: Vec<Sent>) {
    for block in blocks {
        // SAFETY: the block is live and ends here.
        unsafe { free::free(block.0) };
    }
}

fn joined<R: Send>(subproc: &'static SubProcess, f: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            assert!(engine::join(subproc));
            f()
        });
        thread.join().expect("no panic")
    })
}

fn in_arenas_of(subproc: &SubProcess, p: *const u8) -> bool {
    subproc
        .arenas
        .iter()
        .any(|arena| p.addr().wrapping_sub(arena.base().addr().get()) < arena.size())
}

#[test]
fn threads_of_a_sub_process_allocate_there_and_nowhere_else() {
    let subproc = subprocs::create().expect("memory for a sub-process");
    end(blocks());
    let theirs = joined(subproc, || {
        let heap = heaps::create(Settings::of(engine::subproc())).expect("memory for a heap");
        let p = alloc::malloc(heap, 100);
        assert!(in_arenas_of(subproc, p) && visit::contains(heap, p));
        // SAFETY: nobody uses the heap or its block any more.
        unsafe { heaps::destroy(heap) };
        blocks()
    });
    assert!(theirs.iter().all(|block| in_arenas_of(subproc, block.0)));
    let ours = blocks();
    assert!(
        ours.iter().all(|block| !in_arenas_of(subproc, block.0)),
        "nothing is reclaimed across"
    );
    // Another thread of the sub-process takes what the first has left.
    let arenas = subproc.arenas.iter().count();
    end(joined(subproc, blocks));
    assert_eq!(subproc.arenas.iter().count(), arenas);
    end(theirs);
    end(ours);
    // SAFETY: nobody uses the sub-process any more.
    unsafe { subprocs::end(subproc) };
}

#[test]
fn a_thread_joins_one_sub_process_only() {
    let (one, two) = (subprocs::create().expect("memory"), subprocs::create().expect("memory"));
    thread::scope(|scope| {
        scope.spawn(|| {
            let before = blocks();
            assert!(engine::join(one) && engine::join(one) && !engine::join(two));
            assert!(!engine::join(&MAIN_SUBPROC));
            assert!(engine::subproc().is(one) && heaps::main().is(one.main_heap()));
            end(before);
            end(blocks());
        });
    });
    for subproc in [one, two] {
        // SAFETY: nobody uses the sub-process any more.
        unsafe { subprocs::end(subproc) };
    }
}

#[test]
fn a_sub_process_with_threads_is_not_ended() {
    let subproc = subprocs::create().expect("memory for a sub-process");
    let (done, wait) = mpsc::channel::<()>();
    let (ready, begin) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            assert!(engine::join(subproc));
            let mine = blocks();
            ready.send(()).expect("the test waits");
            wait.recv().expect_err("the test goes on");
            end(mine);
        });
        begin.recv().expect("the thread has joined");
        // SAFETY: refused.
        unsafe { subprocs::end(subproc) };
        drop(done);
    });
    // SAFETY: nobody uses the sub-process any more.
    unsafe { subprocs::end(subproc) };
}

#[test]
fn ended_sub_processes_give_everything_back() {
    alone("ended_sub_processes_give_everything_back", &[], || {
        let ours = blocks();
        let mut before = 0;
        for round in 0..400 {
            let subproc = subprocs::create().expect("memory for a sub-process");
            joined(subproc, || {
                let heap = heaps::create(Settings::of(subproc)).expect("memory for a heap");
                for i in 0..300 {
                    assert!(!alloc::malloc(heap, 1 + i * 11).is_null());
                }
                // Left live, with a block that has a mapping or a page of its own.
                assert!(!alloc::malloc(Plain, 3 << 20).is_null());
                blocks();
            });
            // SAFETY: nobody uses the sub-process or a block of it any more.
            unsafe { subprocs::end(subproc) };
            if round == 50 {
                before = os::process_info().peak_rss;
            }
        }
        let grown = os::process_info().peak_rss - before;
        assert!(grown < 2 << 20, "{grown} bytes more after 350 sub-processes");
        end(ours);
        collect::collect(true);
    });
}
