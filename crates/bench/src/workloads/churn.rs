//! Long-lived heaps in which blocks are replaced, whole or in part.

use testkit::Rng;

use super::sizes::pareto;
use super::{Load, random};
use crate::block::Block;

/// Slots of alloc-test for all threads, and turns.
const SLOTS: usize = 1 << 18;
const TURNS: usize = 16_000_000;

const REPLACE_BLOCKS: usize = 1_000_000;
const REPLACEMENTS: usize = 8_000_000;

const PHASE_BYTES: usize = 64 << 20;
const PHASES: [usize; 6] = [48, 400, 24, 1_500, 100, 6_000];
/// One in so many blocks of a phase stays until the end.
const SURVIVORS: usize = 50;
const PHASE_ROUNDS: usize = 3;

/// Picks a slot so that some live long and many short: the lower of two draws.
fn slot(rng: &mut Rng, slots: usize) -> usize {
    rng.below(slots).min(rng.below(slots))
}

/// Pareto-distributed sizes and lifetimes; a slot is filled when it is empty and emptied when it is
/// full.
pub(super) fn alloc_test(load: Load) {
    load.in_parallel(|_, mut rng| {
        let slots = SLOTS / load.threads;
        let mut blocks: Vec<Option<Block>> = (0..slots).map(|_| None).collect();
        for _ in 0..load.share(TURNS) {
            let slot = &mut blocks[slot(&mut rng, slots)];
            *slot = match slot.take() {
                Some(_) => None,
                None => Some(Block::new(pareto(&mut rng, 8, 12))),
            };
        }
    });
}

pub(super) fn replace(load: Load) {
    let mut rng = random(0);
    let mut blocks: Vec<Block> = Vec::new();
    let count = load.turns(REPLACE_BLOCKS);
    blocks.extend((0..count).map(|_| Block::new(rng.between(75, 125))));
    for _ in 0..load.turns(REPLACEMENTS) {
        let fresh = Block::new(rng.between(75, 125));
        blocks[rng.below(count)] = fresh;
    }
}

/// Each phase needs about the same memory in blocks of another size; an allocator that gives emptied
/// memory from one size to the next needs it once.
pub(super) fn phases(load: Load) {
    let mut rng = random(0);
    let mut survivors = Vec::new();
    for _ in 0..PHASE_ROUNDS {
        for size in PHASES {
            let count = load.turns(PHASE_BYTES / size);
            let mut blocks: Vec<Block> = (0..count).map(|_| Block::new(size)).collect();
            survivors.extend((0..count / SURVIVORS / PHASE_ROUNDS).map(|_| {
                let at = rng.below(blocks.len());
                blocks.swap_remove(at)
            }));
        }
    }
}
