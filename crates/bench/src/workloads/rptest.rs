//! rptest, after the description of rpmalloc's benchmark: each thread allocates and frees blocks of
//! random sizes in loops, and hands a part of them to the next thread.

use std::sync::Mutex;

use super::Load;
use crate::block::Block;

const LEAST: usize = 8;
const MOST: usize = 16_000;
/// Blocks that a thread has at one time.
const LIVE: usize = 1_000;
/// Replaced in one turn.
const REPLACED: usize = LIVE / 2;
const BLOCKS: usize = 6_000_000;

pub(super) fn run(load: Load) {
    let parcels: Vec<Mutex<Vec<Block>>> = (0..load.threads).map(|_| Mutex::default()).collect();
    load.in_parallel(|number, mut rng| {
        let mut live: Vec<Block> = Vec::with_capacity(LIVE);
        for _ in 0..load.share(BLOCKS / REPLACED) {
            while live.len() < LIVE {
                // The smaller of two draws: small blocks are more frequent, as in the original.
                let size = rng.between(LEAST, MOST).min(rng.between(LEAST, MOST));
                live.push(Block::new(size));
            }
            let mut parcel = Vec::with_capacity(REPLACED / 2);
            for turn in 0..REPLACED {
                let block = live.swap_remove(rng.below(live.len()));
                if turn % 2 == 0 {
                    parcel.push(block);
                } else {
                    drop(block);
                }
            }
            let next = &parcels[(number + 1) % load.threads];
            let stale = core::mem::replace(&mut *next.lock().expect("no thread died"), parcel);
            let mine = core::mem::take(&mut *parcels[number].lock().expect("no thread died"));
            drop((stale, mine));
        }
    });
}
