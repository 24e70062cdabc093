//! A leak check for a test: code that runs with a heap as its thread's default one must leave nothing there.

use core::ops::ControlFlow;

use rimalloc::{Heap, Rimalloc};

#[global_allocator]
static GLOBAL: Rimalloc = Rimalloc;

/// Runs `f` and says which blocks it has left: their sizes in bytes.
fn leaks_of(f: impl FnOnce()) -> Vec<usize> {
    let heap = Heap::new().expect("memory for a heap");
    heap.with_default(f);
    let mut sizes = Vec::new();
    let visit = heap.visit_blocks(|_area, block| {
        sizes.push(block.len());
        ControlFlow::<()>::Continue(())
    });
    assert!(visit.is_ok(), "memory for a list");
    sizes
}

fn main() {
    let careful = leaks_of(|| {
        let words: Vec<String> = (0..100).map(|n| n.to_string()).collect();
        assert_eq!(words.concat().len(), 190);
    });
    assert_eq!(careful, Vec::<usize>::new());

    let careless = leaks_of(|| {
        let kept = Box::new([0_u8; 1000]);
        core::mem::forget(kept);
    });
    assert_eq!(careless, [rimalloc::good_size(1000)]);
    println!("leaks found: {careless:?} bytes");
}
