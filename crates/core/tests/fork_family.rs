//! What children and grandchildren can do with the blocks of their parents.
#![cfg(unix)]
#![allow(unsafe_code)]

mod common;
mod process;

use common::resident;
use core::ffi::{c_int, c_void};
use core::ptr::{null_mut, without_provenance_mut};
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicPtr, AtomicUsize};
use process::alone;
use rimalloc_core::alloc::{malloc, zalloc};
use rimalloc_core::collect::collect;
use rimalloc_core::free::{free, is_in_heap_region};
use rimalloc_core::page::PageRef;
use rimalloc_core::source::Plain;
use std::sync::mpsc;
use std::thread;

const MIB: usize = 1 << 20;

/// A block on its way to another thread.
struct Parcel(*mut u8);

// SAFETY: the block has one owner, and any thread may free it.
unsafe impl Send for Parcel {}

fn end(p: *mut u8) {
    // SAFETY: callers pass a live block or null, and drop it.
    unsafe { free(p) };
}

/// 64 MiB in small blocks.
fn make() -> Vec<Parcel> {
    let block = |_| {
        let p = malloc(Plain, 1000);
        assert!(!p.is_null());
        // SAFETY: the block is new and holds 1000 bytes.
        unsafe { p.write_bytes(1, 1000) };
        Parcel(p)
    };
    (0..64 * MIB / 1000).map(block).collect()
}

/// Frees all blocks, sees their memory go back, and allocates; the number of the step that failed, or 0.
fn free_all(blocks: &[Parcel]) -> c_int {
    let full = resident();
    for Parcel(p) in blocks {
        // SAFETY: the block is live and holds 1000 bytes.
        if unsafe { p.read() != 1 || p.add(999).read() != 1 } {
            return 2;
        }
        end(*p);
    }
    collect(true);
    if resident() + 50 * MIB > full {
        return 3;
    }
    for size in 1..2000 {
        let p = zalloc(Plain, size);
        if p.is_null() {
            return 4;
        }
        // SAFETY: the block is live and holds `size` bytes.
        unsafe {
            if core::slice::from_raw_parts(p, size).iter().any(|byte| *byte != 0) {
                return 5;
            }
            p.write_bytes(3, size);
        }
    }
    0
}

/// Runs `f` in a child and gives its answer, or 100 and more when it died of a signal.
fn in_child(f: impl FnOnce() -> c_int) -> c_int {
    // SAFETY: the other threads of the parent hold no lock of the C library: they sleep.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        let answer = f();
        // SAFETY: ends the child without running anything of the parent's.
        unsafe { libc::_exit(answer) };
    }
    assert!(pid > 0, "no child");
    let mut status = 0;
    // SAFETY: `status` outlives the call.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 100 + libc::WTERMSIG(status) }
}

/// Has a child, a grandchild, the child after it, and at last the parent free the same blocks.
fn free_in_each_generation(blocks: &[Parcel]) {
    assert_eq!(in_child(|| free_all(blocks)), 0, "in a child");
    let in_two = in_child(|| {
        let kept = zalloc(Plain, 50);
        let answer = in_child(|| free_all(blocks));
        end(kept);
        if answer == 0 { free_all(blocks) } else { 20 + answer }
    });
    assert_eq!(in_two, 0, "in a grandchild (20 and more) or after it");
    assert_eq!(free_all(blocks), 0, "in the parent");
}

#[test]
fn children_of_a_single_thread_free_what_it_made() {
    alone("children_of_a_single_thread_free_what_it_made", &[], || {
        free_in_each_generation(&make());
    });
}

#[test]
fn children_free_what_vanished_threads_made() {
    alone("children_free_what_vanished_threads_made", &[], || {
        let (sender, made) = mpsc::channel();
        let (done, wait) = mpsc::channel::<()>();
        let maker = thread::spawn(move || {
            sender.send(make()).expect("somebody takes the blocks");
            // Until the other end is dropped.
            let _ = wait.recv();
        });
        free_in_each_generation(&made.recv().expect("the blocks"));
        drop(done);
        maker.join().expect("the maker ends");
    });
}

/// The most blocks that a page of the size has in any build.
const PAGE_BLOCKS: usize = 64;
const PAGE_BLOCK: usize = 4096;

/// Blocks that fill a page to the last, and the id of the thread that owns it.
static OWNED: [AtomicPtr<u8>; PAGE_BLOCKS] = [const { AtomicPtr::new(null_mut()) }; PAGE_BLOCKS];
static OWNER: AtomicUsize = AtomicUsize::new(0);

/// Fills a page with owned blocks.
fn fill_page() {
    let page_of = |block: *mut u8| PageRef::of_addr(block.addr());
    for place in &OWNED {
        let block = malloc(Plain, PAGE_BLOCK);
        let first = OWNED[0].load(Relaxed);
        if !first.is_null() && page_of(block) != page_of(first) {
            return end(block);
        }
        place.store(block, Relaxed);
    }
    panic!("a page has more blocks");
}

/// Frees the owned blocks. Not null: 1 when it has another id than their owner had, 2 when their page stays.
extern "C" fn free_owned(_: *mut c_void) -> *mut c_void {
    if rimalloc_core::os::thread_id() != OWNER.load(Relaxed) {
        return without_provenance_mut(1);
    }
    let first = OWNED[0].load(Relaxed);
    OWNED.iter().for_each(|block| end(block.load(Relaxed)));
    collect(true);
    if is_in_heap_region(first) { without_provenance_mut(2) } else { null_mut() }
}

/// Runs [`free_owned`] in a new thread and gives its answer.
fn free_in_new_thread() -> c_int {
    // SAFETY: the handle is written by `pthread_create` before it is joined, and the thread uses nothing of
    // this one's stack.
    unsafe {
        let mut attributes: libc::pthread_attr_t = core::mem::zeroed();
        libc::pthread_attr_init(&raw mut attributes);
        // Small enough for the stack of the vanished thread, which the C library keeps for reuse.
        libc::pthread_attr_setstacksize(&raw mut attributes, MIB);
        let mut handle: libc::pthread_t = core::mem::zeroed();
        if libc::pthread_create(&raw mut handle, &raw const attributes, free_owned, null_mut()) != 0
        {
            return 10;
        }
        let mut answer = null_mut();
        libc::pthread_join(handle, &raw mut answer);
        c_int::try_from(answer.addr()).unwrap_or(11)
    }
}

/// The system gives the threads of a child the ids of those that the fork left behind: what those owned is
/// not theirs.
#[test]
fn a_thread_of_a_child_is_not_taken_for_the_vanished_one_whose_id_it_has() {
    alone("a_thread_of_a_child_is_not_taken_for_the_vanished_one_whose_id_it_has", &[], || {
        end(malloc(Plain, 1));
        let (ready, is_ready) = mpsc::channel();
        let (stop, stopped) = mpsc::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || {
                OWNER.store(rimalloc_core::os::thread_id(), Relaxed);
                fill_page();
                ready.send(()).expect("the test listens");
                let _ = stopped.recv();
                OWNED.iter().for_each(|block| end(block.load(Relaxed)));
            });
            is_ready.recv().expect("the thread is ready");
            match in_child(free_in_new_thread) {
                1 => println!("the child's thread got an id of its own"),
                answer => assert_eq!(answer, 0),
            }
            drop(stop);
        });
    });
}
