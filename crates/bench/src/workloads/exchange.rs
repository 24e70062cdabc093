//! Threads that allocate for others to free.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use testkit::Rng;

use super::sizes::log_uniform;
use super::{Load, random};
use crate::block::Block;

const BATCH: usize = 120;
/// Batches that may be on their way to one thread.
const UNDERWAY: usize = 16;
const XMALLOC_BLOCKS: usize = 12_000_000;
const FREE_ONLY_BLOCKS: usize = 6_000_000;
/// Blocks that the freeing threads hold together.
const HELD: usize = 200_000;

/// So many threads that free, each with a queue that all allocating threads fill by turns.
fn exchange(
    allocating: usize,
    freeing: usize,
    blocks: usize,
    size: fn(&mut Rng) -> usize,
    consume: impl Fn(usize, Receiver<Vec<Block>>) + Sync,
) {
    let (senders, receivers): (Vec<SyncSender<_>>, Vec<_>) =
        (0..freeing).map(|_| sync_channel(UNDERWAY)).unzip();
    thread::scope(|scope| {
        for (number, receiver) in receivers.into_iter().enumerate() {
            let consume = &consume;
            scope.spawn(move || consume(number, receiver));
        }
        for number in 0..allocating {
            let senders = senders.clone();
            scope.spawn(move || {
                let mut rng = random(number);
                for turn in 0..(blocks / allocating / BATCH).max(1) {
                    let mut batch = Vec::with_capacity(BATCH);
                    batch.extend((0..BATCH).map(|_| Block::new(size(&mut rng))));
                    let target = &senders[(number + turn) % freeing];
                    target.send(batch).expect("consumers outlive producers");
                }
            });
        }
        // The consumers end when no thread can send any more.
        drop(senders);
    });
}

/// After Lever and Boreham (2000): an extreme server, with half of the threads at each end.
pub(super) fn xmalloc(load: Load) {
    let half = load.threads / 2;
    let size = |rng: &mut Rng| log_uniform(rng, 3, 10);
    exchange(half, half, load.turns(XMALLOC_BLOCKS), size, |_, batches| {
        for batch in batches {
            drop(batch);
        }
    });
}

pub(super) fn free_only(load: Load) {
    let freeing = load.threads - 1;
    let most = HELD / freeing;
    let size = |rng: &mut Rng| log_uniform(rng, 4, 9);
    exchange(1, freeing, load.turns(FREE_ONLY_BLOCKS), size, |number, batches| {
        let mut rng = random(number + 1);
        let mut held: Vec<Block> = Vec::with_capacity(most + BATCH);
        for batch in batches {
            held.extend(batch);
            while held.len() > most {
                drop(held.swap_remove(rng.below(held.len())));
            }
        }
    });
}
