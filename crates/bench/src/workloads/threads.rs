//! Threads that live for a moment.

use super::sizes::pareto;
use super::{Load, random};
use crate::block::Block;

const THREADS: usize = 12_000;
const BLOCKS: usize = 300;
/// One in so many blocks outlives its thread.
const LEFT: usize = 5;

/// Groups of threads start, allocate, leave some blocks to whoever started them, and end.
pub(super) fn churn(load: Load) {
    let mut old: Vec<Vec<Block>> = Vec::new();
    for group in 0..load.share(THREADS) {
        let threads: Vec<_> = (0..load.threads)
            .map(|number| {
                std::thread::spawn(move || {
                    let mut rng = random(group * load.threads + number);
                    let mut blocks: Vec<Block> =
                        (0..BLOCKS).map(|_| Block::new(pareto(&mut rng, 16, 8))).collect();
                    blocks.truncate(BLOCKS / LEFT);
                    blocks
                })
            })
            .collect();
        let left = threads.into_iter().map(|thread| thread.join().expect("no thread died"));
        // What the group before left is freed after this one has started.
        old = left.collect();
    }
    assert_eq!(old.len(), load.threads);
}
