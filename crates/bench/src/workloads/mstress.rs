//! mstress, after the stress test of mimalloc as its documentation describes it: a server's mix of
//! objects that live for a moment, for a thread's life and longer, with threads that come and go and
//! pass objects to each other.

use std::sync::Mutex;

use testkit::Rng;

use super::Load;
use crate::block::Block;

/// Rounds, each with new threads.
const ROUNDS: usize = 40;
const BLOCKS: usize = 9_000_000;
const TRANSFER: usize = 1_000;

/// Mostly words to cache lines, some kilobytes, rarely much more.
fn size(rng: &mut Rng) -> usize {
    match rng.below(1_000) {
        0 => rng.between(32 << 10, 256 << 10),
        1..=9 => rng.between(1 << 10, 32 << 10),
        10..=199 => rng.between(128, 1 << 10),
        _ => 8 * rng.between(1, 16),
    }
}

type Transfer = [Mutex<Option<Block>>];

fn pass_on(transfer: &Transfer, rng: &mut Rng, block: Option<Block>) -> Option<Block> {
    let mut slot = transfer[rng.below(TRANSFER)].lock().expect("no thread died");
    core::mem::replace(&mut *slot, block)
}

fn session(transfer: &Transfer, mut rng: Rng, blocks: usize) {
    let mut passing: Vec<Block> = Vec::new();
    let mut staying: Vec<Block> = Vec::new();
    for _ in 0..blocks {
        let block =
            if rng.one_in(20) { Block::zeroed(size(&mut rng)) } else { Block::new(size(&mut rng)) };
        if rng.one_in(20) {
            staying.push(block);
        } else {
            passing.push(block);
        }
        if !passing.is_empty() && rng.below(3) != 0 {
            drop(passing.swap_remove(rng.below(passing.len())));
        }
        if rng.one_in(4) && !passing.is_empty() {
            let mine = passing.swap_remove(rng.below(passing.len()));
            passing.extend(pass_on(transfer, &mut rng, Some(mine)));
        }
    }
}

pub(super) fn run(load: Load) {
    let transfer: Vec<Mutex<Option<Block>>> = (0..TRANSFER).map(|_| Mutex::new(None)).collect();
    let rounds = load.turns(ROUNDS);
    for round in 0..rounds {
        load.in_parallel(|number, _| {
            let rng = super::random(round * load.threads + number);
            session(&transfer, rng, load.share(BLOCKS) / rounds);
        });
        // Now and then nobody's blocks all go; else they outlive the threads that made them.
        if round % 10 == 9 {
            for slot in &transfer {
                drop(slot.lock().expect("no thread died").take());
            }
        }
    }
}
