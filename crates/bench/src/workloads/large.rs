//! Large blocks, and blocks that become large.

use super::{Load, random};
use crate::block::Block;

const LIVE: usize = 20;
const LEAST: usize = 5_000_000;
const MOST: usize = 25_000_000;
const BLOCKS: usize = 150;

const BUFFERS: usize = 16;
const FIRST: usize = 16;
const LAST: usize = 2 << 20;
const GROWTH_ROUNDS: usize = 12;

/// After mimalloc's malloc-large: the cost is that of fresh memory, each OS page of which is written.
pub(super) fn run(load: Load) {
    let mut rng = random(0);
    let mut blocks: Vec<Option<Block>> = (0..LIVE).map(|_| None).collect();
    for _ in 0..load.turns(BLOCKS) {
        let slot = &mut blocks[rng.below(LIVE)];
        drop(slot.take());
        let mut block = Block::new(rng.between(LEAST, MOST));
        block.touch();
        *slot = Some(block);
    }
}

/// Buffers grow by an eighth and a little, as those of texts and messages do, all of them by turns, so
/// that none can simply grow into the memory behind it.
pub(super) fn growth(load: Load) {
    for _ in 0..load.turns(GROWTH_ROUNDS) {
        let mut buffers: Vec<Block> = (0..BUFFERS).map(|_| Block::new(FIRST)).collect();
        let mut size = FIRST;
        while size < LAST {
            size += size / 8 + 8;
            for buffer in &mut buffers {
                buffer.resize(size);
                buffer.touch();
            }
        }
    }
}
