//! Scopes: all blocks end at once, in whatever way the scope ends.
#![allow(unsafe_code)]

use core::alloc::Layout;
use core::panic::AssertUnwindSafe;
use std::panic;
use std::thread;

use rimalloc::{Arena, Heap, Rimalloc, Scope};

#[global_allocator]
static GLOBAL: Rimalloc = Rimalloc;

fn new() -> Scope {
    Scope::new().expect("memory for a scope")
}

/// A scope in memory that nobody else takes when it is free again.
fn apart(arena: Arena) -> Scope {
    Heap::builder().arena(arena).build_scope().expect("memory for a scope")
}

fn arena() -> Arena {
    Arena::builder().exclusive(true).reserve(128 << 20).expect("address space")
}

/// Blocks of many sizes, and one of their addresses.
fn fill(scope: &Scope) -> *const u8 {
    let mut last = core::ptr::null_mut();
    for n in 0..1000_usize {
        let layout = Layout::array::<u8>(1 + n * 37 % 3000).expect("a valid layout");
        let block = scope.alloc_layout(layout).expect("memory for a block");
        // SAFETY: a new block of this size.
        unsafe { block.write_bytes(1, layout.size()) };
        last = block.as_ptr();
    }
    last
}

/// Whether a scope that was filled so many times has memory for that.
fn holds(scope: &Scope, times: usize) -> bool {
    let usage = scope.usage().expect("memory for a list");
    let filled: usize = (0..1000).map(|n| 1 + n * 37 % 3000).sum();
    usage.bytes >= times * filled && (1..=times * 1000).contains(&usage.blocks)
}

#[test]
fn dropping_a_scope_frees_all_blocks() {
    let scope = apart(arena());
    let block = fill(&scope);
    assert!(scope.contains(block) && holds(&scope, 1));
    drop(scope);
    assert!(!rimalloc::contains(block));
}

#[test]
fn a_panic_frees_all_blocks() {
    let mut block = core::ptr::null();
    let caught = panic::catch_unwind(AssertUnwindSafe(|| {
        let scope = apart(arena());
        block = fill(&scope);
        assert!(scope.contains(block));
        panic::resume_unwind(Box::new(()));
    }));
    assert!(caught.is_err() && !block.is_null() && !rimalloc::contains(block));
}

#[test]
fn threads_share_a_scope() {
    let arena = arena();
    for _ in 0..20 {
        let scope = apart(arena);
        let left = thread::scope(|threads| {
            let fills: Vec<_> = (0..4).map(|_| threads.spawn(|| fill(&scope).addr())).collect();
            fills.into_iter().map(|fill| fill.join().expect("no panic")).collect::<Vec<_>>()
        });
        assert!(holds(&scope, 4));
        fill(&scope);
        drop(scope);
        for address in left {
            assert!(!rimalloc::contains(core::ptr::without_provenance(address)));
        }
    }
}

#[test]
fn values_are_placed_and_not_dropped() {
    struct Loud;
    impl Drop for Loud {
        fn drop(&mut self) {
            panic!("a scope runs no destructors");
        }
    }
    let scope = new();
    scope.alloc(Loud).expect("memory for a value");
    let number = scope.alloc(7_u64).expect("memory for a value");
    let copy = scope.alloc_slice(&[1_u16, 2, 3]).expect("memory for a slice");
    let text = scope.alloc_str("grüße").expect("memory for a text");
    let nothing = scope.alloc_slice::<u64>(&[]).expect("memory for a slice");
    *number += 1;
    copy[0] = 9;
    text.make_ascii_uppercase();
    assert_eq!((*number, &copy[..], &text[..], nothing.len()), (8, &[9, 2, 3][..], "GRüßE", 0));
    #[repr(align(4096))]
    #[derive(Clone, Copy)]
    struct Page(#[expect(dead_code, reason = "its alignment matters")] u8);
    let page = scope.alloc(Page(1)).expect("memory for a value");
    assert!(core::ptr::from_ref(page).addr().is_multiple_of(4096));
}

/// Places of all kinds, each filled with a byte of its own, which all still hold when the last is there.
fn place(scope: &Scope, count: usize, mark: u8) {
    let mut places: Vec<&mut [u8]> = Vec::new();
    for n in 0..count {
        let size = [0, 1, 7, 24, 100, 700, 2000, 9000, 100_000][n * n % 9] + n % 5;
        let align = 1 << (n % 7 + usize::from(n % 50 == 0) * 8);
        let layout = Layout::from_size_align(size, align).expect("a valid layout");
        let start = scope.alloc_layout(layout).expect("memory for a place");
        assert!(start.addr().get().is_multiple_of(align), "{layout:?}");
        // SAFETY: a new place of this size.
        let place = unsafe {
            start.write_bytes(mark.wrapping_add(n.to_le_bytes()[0]), size);
            core::slice::from_raw_parts_mut(start.as_ptr(), size)
        };
        places.push(place);
    }
    for (n, place) in places.iter().enumerate() {
        assert!(place.iter().all(|&byte| byte == mark.wrapping_add(n.to_le_bytes()[0])));
    }
}

#[test]
fn places_do_not_overlap() {
    let scope = new();
    place(&scope, 3000, 3);
    thread::scope(|threads| {
        for mark in 0..4 {
            let scope = &scope;
            threads.spawn(move || place(scope, 1000, mark));
        }
        place(&scope, 1000, 9);
    });
}

#[test]
fn places_without_size_need_no_memory() {
    let scope = new();
    for align in [1, 8, 64] {
        let layout = Layout::from_size_align(0, align).expect("a valid layout");
        let place = scope.alloc_layout(layout).expect("a place of no size");
        assert!(place.addr().get().is_multiple_of(align));
    }
}

#[test]
fn another_thread_takes_a_scope_over() {
    let scope = new();
    place(&scope, 500, 1);
    let scope = thread::spawn(move || {
        place(&scope, 500, 2);
        scope
    });
    let scope = scope.join().expect("no panic");
    place(&scope, 500, 3);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let scope = new();
    let huge = Layout::array::<u8>(isize::MAX.unsigned_abs()).expect("a valid layout");
    assert_eq!(scope.alloc_layout(huge), Err(rimalloc::OutOfMemory));
    assert_eq!(rimalloc::OutOfMemory.to_string(), "out of memory");
    fill(&scope);
}

#[test]
fn many_scopes_live_at_the_same_time() {
    let mut scopes: Vec<Scope> = Vec::new();
    for n in 0..300 {
        let scope = Scope::new().expect("memory for a scope");
        fill(&scope);
        scopes.push(scope);
        if n % 3 == 0 {
            scopes.swap_remove(n / 7 % scopes.len());
        }
    }
}
