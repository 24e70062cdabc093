//! cache-scratch and cache-thrash, after "Hoard: a scalable memory allocator for multithreaded
//! applications" (Berger and others, 2000): does the allocator put blocks of different threads into one
//! cache line, and does it keep doing so with lines that a program has spread over threads?

use std::sync::Mutex;

use super::Load;
use crate::block::Block;

const SIZE: usize = 8;
const BLOCKS: usize = 4_000;
const WRITES: usize = 600_000_000;

fn work(load: Load) {
    let blocks = load.share(BLOCKS);
    for _ in 0..blocks {
        let mut block = Block::new(SIZE);
        block.hammer(load.share(WRITES) / blocks);
    }
}

/// Passive: each thread frees a block that lies beside those of the others, and may get it again.
pub(super) fn scratch(load: Load) {
    let start: Vec<_> = (0..load.threads).map(|_| Mutex::new(Some(Block::new(SIZE)))).collect();
    load.in_parallel(|number, _| {
        drop(start[number].lock().expect("no thread died").take());
        work(load);
    });
}

/// Active.
pub(super) fn thrash(load: Load) {
    load.in_parallel(|_, _| work(load));
}
