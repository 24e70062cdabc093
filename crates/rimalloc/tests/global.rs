//! A program whose every allocation goes through rimalloc: collections, strings, threads and
//! blocks that end their life on another thread than the one that made them.
#![allow(unsafe_code)]

use core::alloc::{GlobalAlloc, Layout};
use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc;
use std::thread;

use rimalloc::Rimalloc;

#[global_allocator]
static GLOBAL: Rimalloc = Rimalloc;

#[test]
fn a_vector_keeps_its_contents_while_it_grows() {
    let mut numbers = Vec::new();
    for n in 0..1_000_000_u64 {
        numbers.push(n);
    }
    assert_eq!(numbers.iter().sum::<u64>(), 499_999_500_000);
    numbers.truncate(10);
    numbers.shrink_to_fit();
    assert_eq!(numbers, (0..10).collect::<Vec<_>>());
}

#[test]
fn maps_of_strings_survive_churn() {
    let mut map: HashMap<String, String> = HashMap::new();
    for n in 0..20_000 {
        map.insert(format!("key {n}"), "v".repeat(n % 300));
        if n % 3 == 0 {
            map.remove(&format!("key {}", n / 2));
        }
    }
    let sorted: BTreeMap<_, _> = map.iter().collect();
    assert_eq!(sorted.len(), map.len());
    for (key, value) in &map {
        let n: usize = key["key ".len()..].parse().expect("keys end in a number");
        assert_eq!(value.len(), n % 300);
    }
}

#[test]
fn blocks_may_be_freed_by_another_thread() {
    let (sender, receiver) = mpsc::channel::<Vec<String>>();
    let makers: Vec<_> = (0..4)
        .map(|maker| {
            let sender = sender.clone();
            thread::spawn(move || {
                for batch in 0..200 {
                    let strings = (0..50).map(|n| format!("{maker}/{batch}/{n}")).collect();
                    sender.send(strings).expect("the receiver outlives the makers");
                }
            })
        })
        .collect();
    drop(sender);
    let received: usize = receiver.iter().map(|strings| strings.len()).sum();
    for maker in makers {
        maker.join().expect("makers do not panic");
    }
    assert_eq!(received, 4 * 200 * 50);
}

#[test]
fn blocks_outlive_their_thread() {
    let made: Vec<Box<[u8]>> = (0..64_u8)
        .map(|n| {
            thread::spawn(move || vec![n; 1000 + usize::from(n)].into_boxed_slice())
                .join()
                .expect("the thread returns its block")
        })
        .collect();
    for (n, block) in made.iter().enumerate() {
        assert_eq!(block.len(), 1000 + n);
        assert!(block.iter().all(|&byte| usize::from(byte) == n));
    }
}

#[test]
fn layouts_of_any_alignment_are_honoured() {
    for shift in 0..=16 {
        for size in [1, 7, 8, 9, 24, 100, 4096, 70_000] {
            let layout = Layout::from_size_align(size, 1 << shift).expect("a valid layout");
            // SAFETY: the layout's size is not zero.
            let block = unsafe { GLOBAL.alloc_zeroed(layout) };
            assert!(!block.is_null());
            assert!(block.addr().is_multiple_of(layout.align()), "{layout:?}");
            // SAFETY: the block is live and `size` bytes long.
            let bytes = unsafe { core::slice::from_raw_parts_mut(block, size) };
            assert!(bytes.iter().all(|&byte| byte == 0), "{layout:?}");
            bytes.fill(0x5a);
            // SAFETY: the block is live; the layout is its own.
            let grown = unsafe { GLOBAL.realloc(block, layout, size * 2) };
            assert!(!grown.is_null());
            assert!(grown.addr().is_multiple_of(layout.align()), "{layout:?}");
            // SAFETY: the block is live and at least `size` bytes long.
            let kept = unsafe { core::slice::from_raw_parts(grown, size) };
            assert!(kept.iter().all(|&byte| byte == 0x5a), "{layout:?}");
            // SAFETY: the block is live.
            assert!(unsafe { GLOBAL.usable_size(grown) } >= size * 2);
            let grown_layout = Layout::from_size_align(size * 2, 1 << shift).expect("valid");
            // SAFETY: the block is live, the layout is the one it was grown to.
            unsafe { GLOBAL.dealloc(grown, grown_layout) };
        }
    }
}

#[test]
fn the_version_is_the_manifest_s() {
    assert_eq!(Rimalloc::version(), env!("CARGO_PKG_VERSION"));
}
