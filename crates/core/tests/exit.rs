//! The end of the process: who is served until then, and what goes back where that is asked for.
#![cfg(target_os = "linux")]
#![allow(unsafe_code)]

mod common;
mod process;

use common::{RULES, Rimalloc, reserved, resident};
use core::ffi::{c_char, c_void};
use core::ptr::null_mut;
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering::Relaxed;
use process::alone;
use rimalloc_core::alloc::{malloc, zalloc};
use rimalloc_core::arena::Arena;
use rimalloc_core::exit::{Users, at_exit, process_done};
use rimalloc_core::free::{free, is_in_heap_region, usable_size};
use rimalloc_core::heap::{Heap, MAIN_SUBPROC, Settings};
use rimalloc_core::source::Plain;
use rimalloc_core::{arenas, heaps, realloc, report, subprocs};
use std::sync::mpsc;
use std::thread;
use testkit::{Limits, Mix, Op, Rng, Shadow};

const MIB: usize = 1 << 20;
const DESTROY: (&str, &str) = ("MIMALLOC_DESTROY_ON_EXIT", "1");
const SIZES: [usize; 8] = [1, 100, 1000, 10_000, 60_000, 300_000, 3 * MIB, 700 * MIB];

/// A block on its way to another thread.
struct Parcel(*mut u8);

// SAFETY: the block has one owner, and any thread may free it.
unsafe impl Send for Parcel {}

fn written(p: *mut u8, size: usize) -> Parcel {
    assert!(!p.is_null(), "no block of {size} bytes");
    // SAFETY: the block is new and holds `size` bytes. Of large ones only a part becomes memory.
    unsafe { p.write_bytes(1, size.min(5 * MIB)) };
    Parcel(p)
}

fn blocks_of(heap: &'static Heap) -> Vec<Parcel> {
    SIZES.into_iter().map(|size| written(malloc(heap, size), size)).collect()
}

fn blocks() -> Vec<Parcel> {
    SIZES.into_iter().map(|size| written(malloc(Plain, size), size)).collect()
}

/// Frees a block that holds what was written to it.
fn end_intact(block: Parcel) {
    // SAFETY: the block is live and ends here.
    unsafe {
        assert_eq!(block.0.read(), 1);
        free(block.0);
    }
}

fn done(users: Users) {
    // SAFETY: the tests use no block afterwards that may have ended.
    unsafe { process_done(users) };
}

unsafe extern "C" fn allocate_late(place: *mut c_void) {
    // SAFETY: the place that the thread was given.
    unsafe { place.cast::<Vec<Parcel>>().write(blocks()) };
}

/// Blocks of a thread that allocates after the library has seen its end.
fn late_blocks() -> Vec<Parcel> {
    let mut late = Vec::new();
    let mut key = 0;
    // SAFETY: fills `key`; the destructor has the type that is asked for. It runs after that of the engine's key,
    // which was made before.
    assert_eq!(unsafe { libc::pthread_key_create(&raw mut key, Some(allocate_late)) }, 0);
    let place = (&raw mut late).expose_provenance();
    let work = move || {
        let _ = written(malloc(Plain, 10), 10);
        let place = core::ptr::with_exposed_provenance::<c_void>(place);
        // SAFETY: the key exists.
        assert_eq!(unsafe { libc::pthread_setspecific(key, place) }, 0);
    };
    thread::spawn(work).join().expect("no panic");
    assert_eq!(late.len(), SIZES.len());
    late
}

/// Everything that can hold memory: this thread, some that have ended, heaps and sub-processes.
fn populate() -> (Vec<Parcel>, [&'static Heap; 2]) {
    let mut all = blocks();
    all.extend(thread::spawn(blocks).join().expect("no panic"));
    all.extend(late_blocks());
    let heap = heaps::create(Settings::of(rimalloc_core::thread::subproc())).expect("memory");
    all.extend(blocks_of(heap));
    let subproc = subprocs::create().expect("memory");
    let other = heaps::create(Settings::of(subproc)).expect("memory");
    all.extend(blocks_of(other));
    (all, [heap, other])
}

fn serves_on(heaps: &[&'static Heap]) {
    let mut new = blocks();
    new.extend(thread::spawn(blocks).join().expect("no panic"));
    new.extend(late_blocks());
    heaps.iter().for_each(|heap| new.extend(blocks_of(heap)));
    for block in new {
        assert!(is_in_heap_region(block.0));
        // SAFETY: the block is live and ends here.
        unsafe { free(block.0) };
    }
    let mut rng = Rng::new(3);
    let mut shadow = Shadow::new(&Rimalloc, RULES, Limits::ALONE, 9);
    let ops: Vec<_> = (0..2000).map(|_| Op::draw(&mut rng, Mix::FULL)).collect();
    ops.iter().try_for_each(|op| shadow.apply(op)).expect("no violation");
    shadow.finish().expect("no violation");
}

fn blocks_survive_the_end(users: Users) {
    let (all, heaps) = populate();
    done(users);
    all.into_iter().for_each(end_intact);
    serves_on(&heaps);
}

extern "C" fn count_errors(_code: i32, count: *mut c_void) {
    // SAFETY: registered with a counter that lives as long as the process.
    unsafe { &*count.cast::<AtomicUsize>() }.fetch_add(1, Relaxed);
}

#[test]
fn all_memory_goes_back_and_the_library_serves_on() {
    alone("all_memory_goes_back_and_the_library_serves_on", &[DESTROY], || {
        static ERRORS: AtomicUsize = AtomicUsize::new(0);
        // SAFETY: the function may be called by any thread.
        unsafe {
            report::register_error(Some(count_errors), (&raw const ERRORS).cast_mut().cast())
        };
        let before = (resident(), reserved());
        let (all, heaps) = populate();
        assert!(resident() > before.0 + 30 * MIB && reserved() > before.1 + 2000 * MIB);
        done(Users::Program);
        let after = (resident(), reserved());
        assert!(after.0 < before.0 + 2 * MIB, "{before:?} became {after:?}");
        // A thread that has ended leaves a stack behind, in the cache of the C library.
        assert!(after.1 < before.1 + 80 * MIB, "{before:?} became {after:?}");
        for block in &all {
            assert!(!is_in_heap_region(block.0));
            // SAFETY: what is no block any more is ignored.
            unsafe {
                free(block.0);
                assert_eq!(usable_size(block.0), 0);
                assert!(realloc::realloc(Plain, block.0, 10).is_null());
            }
        }
        assert_eq!(ERRORS.load(Relaxed), 0, "blocks that have ended are no errors");
        serves_on(&heaps);
        done(Users::Program);
        let kept = malloc(Plain, 10);
        done(Users::Program);
        assert!(is_in_heap_region(kept), "there is one end");
    });
}

#[test]
fn a_heap_stays_bound_to_its_arena() {
    alone("a_heap_stays_bound_to_its_arena", &[DESTROY], || {
        let reserved = arenas::reserve(64 * MIB, false, false, true);
        let arena = Arena::with_id(reserved.id, |arena| arena).expect("the arena was just made");
        let settings = Settings { arena: Some(arena), ..Settings::of(&MAIN_SUBPROC) };
        let heap = heaps::create(settings).expect("memory");
        let before = resident();
        let fill = || (0..15).map(|_| written(malloc(heap, 3 * MIB), 3 * MIB)).collect::<Vec<_>>();
        let blocks = fill();
        assert!(resident() > before + 40 * MIB);
        done(Users::Program);
        assert!(resident() < before + 2 * MIB && !is_in_heap_region(blocks[0].0));
        let blocks = fill();
        assert!(blocks.iter().all(|block| arena.contains(block.0.addr())));
        blocks.into_iter().for_each(end_intact);
    });
}

#[test]
fn blocks_stay_when_nobody_asks_for_their_end() {
    let name = "blocks_stay_when_nobody_asks_for_their_end";
    alone(name, &[], || blocks_survive_the_end(Users::Program));
}

#[test]
fn blocks_stay_where_the_system_has_some_too() {
    let name = "blocks_stay_where_the_system_has_some_too";
    alone(name, &[DESTROY], || blocks_survive_the_end(Users::System));
}

#[test]
fn blocks_stay_while_other_threads_may_use_them() {
    alone("blocks_stay_while_other_threads_may_use_them", &[DESTROY], || {
        let (to_main, from_thread) = mpsc::channel();
        let (to_thread, from_main) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            let blocks = blocks();
            to_main.send(()).expect("main waits");
            from_main.recv().expect("main sends");
            blocks.into_iter().for_each(end_intact);
        });
        from_thread.recv().expect("the thread sends");
        let (all, heaps) = populate();
        done(Users::Program);
        to_thread.send(()).expect("the thread waits");
        thread.join().expect("no panic");
        assert!(all.iter().all(|block| is_in_heap_region(block.0)));
        serves_on(&heaps);
    });
}

#[test]
fn exit_handlers_are_served_before_and_after_the_end() {
    static KEPT: AtomicUsize = AtomicUsize::new(0);
    extern "C" fn finish() {
        // SAFETY: nobody uses a block afterwards but to free it.
        unsafe { at_exit(Users::Program) };
    }
    extern "C" fn handle() {
        let kept = core::ptr::with_exposed_provenance_mut::<u8>(KEPT.load(Relaxed));
        // SAFETY: a live block before the end, ignored afterwards.
        unsafe { free(kept) };
        serves_on(&[]);
        KEPT.store(zalloc(Plain, 1000).expose_provenance(), Relaxed);
    }
    alone("exit_handlers_are_served_before_and_after_the_end", &[DESTROY], || {
        handle();
        // They run in the opposite order; one that panics ends the process with a signal.
        for handler in [handle, handle, finish, handle, handle] {
            // SAFETY: the function can be called once.
            assert_eq!(unsafe { libc::atexit(handler) }, 0);
        }
    });
}

extern "C" fn see_block(_text: *const c_char, seen: *mut c_void) {
    // SAFETY: registered with what lives as long as the process.
    let (block, seen) = unsafe { &*seen.cast::<(AtomicUsize, AtomicUsize)>() };
    let block = core::ptr::with_exposed_provenance::<u8>(block.load(Relaxed));
    assert!(is_in_heap_region(block), "statistics are read before the memory goes back");
    seen.fetch_add(1, Relaxed);
}

#[test]
fn statistics_come_before_the_end_of_all_blocks() {
    let variables = [DESTROY, ("MIMALLOC_SHOW_STATS", "1")];
    alone("statistics_come_before_the_end_of_all_blocks", &variables, || {
        static SEEN: (AtomicUsize, AtomicUsize) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let block = malloc(Plain, 1000);
        SEEN.0.store(block.expose_provenance(), Relaxed);
        // SAFETY: the function may be called by any thread.
        unsafe { report::register_output(Some(see_block), (&raw const SEEN).cast_mut().cast()) };
        done(Users::Program);
        // SAFETY: as above.
        unsafe { report::register_output(None, null_mut()) };
        assert_ne!(SEEN.1.load(Relaxed), 0, "statistics were printed");
        assert!(!is_in_heap_region(block));
    });
}

#[test]
fn a_program_can_reserve_the_end_to_itself() {
    alone("a_program_can_reserve_the_end_to_itself", &[("MIMALLOC_DESTROY_ON_EXIT", "2")], || {
        let (all, _) = populate();
        // SAFETY: nothing ends here.
        unsafe { at_exit(Users::Program) };
        assert!(all.iter().all(|block| is_in_heap_region(block.0)));
        done(Users::Program);
        assert!(!all.iter().any(|block| is_in_heap_region(block.0)));
    });
}
