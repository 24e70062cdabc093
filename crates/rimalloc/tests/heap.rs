//! Heaps: whose blocks there are, how long they live, and what ends with them.
#![allow(unsafe_code)]

use core::alloc::{GlobalAlloc, Layout};
use core::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe};
use std::collections::BTreeMap;
use std::panic;
use std::sync::mpsc;
use std::thread;

use rimalloc::{Arena, Heap, Rimalloc, Scope, SubProcess};

#[global_allocator]
static GLOBAL: Rimalloc = Rimalloc;

/// Any thread may have what a program handles, also one that a panic has passed through.
const fn is_for_all_threads<T: Send + Sync + UnwindSafe + RefUnwindSafe>() {}
const _: () = {
    is_for_all_threads::<Heap>();
    is_for_all_threads::<Scope>();
    is_for_all_threads::<Arena>();
    is_for_all_threads::<SubProcess>();
};

fn new() -> Heap {
    Heap::new().expect("memory for a heap")
}

fn blocks(heap: &Heap) -> usize {
    heap.usage().expect("memory for a list").blocks
}

#[test]
fn blocks_belong_to_the_heap_that_made_them() {
    let (one, other) = (new(), new());
    let layout = Layout::new::<[u64; 10]>();
    // SAFETY: the layout's size is not 0; the block is live until it is freed, and has that layout.
    unsafe {
        let block = one.alloc(layout);
        assert!(one.contains(block) && !other.contains(block) && !Heap::main().contains(block));
        assert!(rimalloc::contains(block));
        assert_eq!((blocks(&one), blocks(&other)), (1, 0));
        // Whoever frees it need not know.
        GLOBAL.dealloc(block, layout);
    }
    assert_eq!(blocks(&one), 0);
    assert!(one == one.clone() && one != other && Heap::main() == Heap::main());
}

#[test]
fn blocks_outlive_their_heap() {
    let layout = Layout::array::<u8>(300).expect("a valid layout");
    let kept: Vec<*mut u8> = {
        let heap = new();
        // SAFETY: the layout's size is not 0; the new blocks are written within it.
        (0..100_u8)
            .map(|n| unsafe {
                let block = heap.alloc(layout);
                block.write_bytes(n, layout.size());
                block
            })
            .collect()
    };
    for (n, block) in (0..).zip(kept) {
        // SAFETY: live blocks of the layout, which end here.
        unsafe {
            let bytes = core::slice::from_raw_parts(block, layout.size());
            assert!(bytes.iter().all(|&byte| byte == n));
            assert!(Heap::main().contains(block), "the main heap has it now");
            GLOBAL.dealloc(block, layout);
        }
    }
}

#[test]
fn the_heap_ends_with_its_last_handle() {
    let heap = new();
    let handles: Vec<Heap> = (0..10).map(|_| heap.clone()).collect();
    let layout = Layout::new::<u64>();
    // SAFETY: the layout's size is not 0; blocks are live until they are freed, and have that layout.
    let block = unsafe { heap.alloc(layout) };
    drop(heap);
    for handle in handles {
        assert!(handle.contains(block), "it goes on while there is a handle");
        drop(handle);
    }
    assert!(Heap::main().contains(block));
    // SAFETY: as above.
    unsafe { GLOBAL.dealloc(block, layout) };
}

#[test]
fn threads_share_a_heap_and_outlive_the_handle_it_came_from() {
    let (send, receive) = mpsc::channel::<(usize, usize)>();
    let threads: Vec<_> = {
        let heap = new();
        (0..4)
            .map(|_| {
                let (heap, send) = (heap.clone(), send.clone());
                thread::spawn(move || {
                    for n in 1..2000 {
                        let layout = Layout::array::<u8>(n).expect("a valid layout");
                        // SAFETY: the size is not 0; the block is new and has that size.
                        let block = unsafe {
                            let block = heap.alloc(layout);
                            block.write_bytes(layout.size().to_le_bytes()[0], n);
                            block
                        };
                        send.send((block.expose_provenance(), n)).expect("the receiver lives");
                    }
                })
            })
            .collect()
    };
    drop(send);
    for (address, size) in receive {
        let block: *mut u8 = core::ptr::with_exposed_provenance_mut(address);
        // SAFETY: a live block of this size, which ends here.
        unsafe {
            let bytes = core::slice::from_raw_parts(block, size);
            assert!(bytes.iter().all(|&byte| byte == size.to_le_bytes()[0]));
            GLOBAL.dealloc(block, Layout::array::<u8>(size).expect("a valid layout"));
        }
    }
    for thread in threads {
        thread.join().expect("no panic");
    }
}

#[test]
fn a_thousand_heaps_come_and_go() {
    let layout = Layout::new::<[u64; 4]>();
    for round in 0..20 {
        let heaps: Vec<Heap> =
            (0..50).map(|tag| Heap::builder().tag(tag).build().expect("memory")).collect();
        for (tag, heap) in (0..).zip(&heaps) {
            assert_eq!(heap.tag(), tag);
            for _ in 0..round {
                // SAFETY: the layout's size is not 0; the blocks are lost on purpose.
                assert!(!unsafe { heap.alloc(layout) }.is_null());
            }
            assert_eq!(blocks(heap), round);
        }
    }
}

#[test]
fn a_default_heap_takes_what_the_global_allocator_is_asked_for() {
    let heap = new();
    let map: BTreeMap<u32, String> =
        heap.with_default(|| (0..1000).map(|n| (n, format!("number {n}"))).collect());
    let full = blocks(&heap);
    assert!(full > 1000);
    let outside: Vec<u64> = (0..100).collect();
    assert!(!heap.contains(outside.as_ptr().cast()));
    assert_eq!(map[&77], "number 77");
    drop(map);
    assert_eq!(blocks(&heap), 0);
}

#[test]
fn default_heaps_nest_and_end_with_a_panic() {
    let (outer, inner) = (new(), new());
    let here = || {
        let probe = Box::new(0_u64);
        let place = core::ptr::from_ref(&*probe).cast::<u8>();
        (outer.contains(place), inner.contains(place))
    };
    outer.with_default(|| {
        assert_eq!(here(), (true, false));
        let caught = panic::catch_unwind(AssertUnwindSafe(|| {
            inner.with_default(|| {
                assert_eq!(here(), (false, true));
                panic::resume_unwind(Box::new("as asked for"));
            });
        }));
        assert_eq!(here(), (true, false));
        drop(caught);
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(here(), (false, false), "other threads are as ever"));
        });
    });
    assert_eq!(here(), (false, false));
}

#[test]
fn memory_of_a_heap_goes_back() {
    let heap = new();
    let layout = Layout::array::<u8>(1 << 20).expect("a valid layout");
    // SAFETY: the size is not 0; blocks are live until they are freed, and have that layout.
    unsafe {
        let all: Vec<_> = (0..20).map(|_| heap.alloc_zeroed(layout)).collect();
        assert!(heap.usage().expect("memory for a list").bytes >= 20 << 20);
        for block in all {
            heap.dealloc(block, layout);
            assert!(!heap.contains(block));
        }
    }
    heap.collect(true);
    assert_eq!(heap.usage().expect("memory for a list"), rimalloc::Usage::default());
}
