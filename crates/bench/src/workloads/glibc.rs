//! The two benchmarks of `malloc` in glibc, as its documentation describes them.

use super::Load;
use super::sizes::log_uniform;
use crate::block::Block;

const COUNTS: [usize; 4] = [25, 100, 400, 1_600];
const SIZES: [usize; 6] = [8, 16, 64, 128, 512, 1_024];
/// Blocks for each of those.
const SIMPLE_BLOCKS: usize = 2_500_000;

const WORKING_SET: usize = 1_024;
const THREAD_BLOCKS: usize = 12_000_000;

pub(super) fn simple(load: Load) {
    let most = COUNTS[COUNTS.len() - 1];
    let mut blocks = Vec::with_capacity(most);
    for count in COUNTS {
        for size in SIZES {
            for _ in 0..load.turns(SIMPLE_BLOCKS / count) {
                blocks.extend((0..count).map(|_| Block::new(size)));
                blocks.clear();
            }
        }
    }
}

pub(super) fn thread(load: Load) {
    load.in_parallel(|_, mut rng| {
        let mut blocks: Vec<Option<Block>> = (0..WORKING_SET).map(|_| None).collect();
        for _ in 0..load.share(THREAD_BLOCKS) {
            let slot = &mut blocks[rng.below(WORKING_SET)];
            drop(slot.take());
            *slot = Some(Block::new(log_uniform(&mut rng, 2, 15)));
        }
    });
}
