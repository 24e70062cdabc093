//! sh6bench and sh8bench, after what `MicroQuill` says of its two: blocks of many small sizes, of which
//! some are freed in the order they came and others in the reverse; with threads, some by another one.

use std::collections::VecDeque;
use std::sync::Mutex;

use testkit::Rng;

use super::sizes::pareto;
use super::{Load, random};
use crate::block::Block;

const BATCH: usize = 300;
/// Blocks that stay for a while, in all threads together.
const KEPT: usize = 60_000;
const BLOCKS: usize = 32_000_000;
/// Of a batch in threads, so many are given to somebody else.
const GIVEN: usize = BATCH / 10;

/// From 8 bytes to 1000, mostly small.
fn size(rng: &mut Rng) -> usize {
    pareto(rng, 8, 7).min(1_000)
}

struct Mix {
    rng: Rng,
    kept: VecDeque<Block>,
    most: usize,
}

impl Mix {
    fn new(rng: Rng, most: usize) -> Self {
        Self { rng, kept: VecDeque::with_capacity(most + BATCH), most }
    }

    fn batch(&mut self) -> Vec<Block> {
        let mut batch = Vec::with_capacity(BATCH);
        batch.extend((0..BATCH).map(|_| Block::new(size(&mut self.rng))));
        batch
    }

    /// Frees a third of the batch, newest first, and of what is kept the oldest.
    fn settle(&mut self, mut batch: Vec<Block>) {
        for _ in 0..BATCH / 3 {
            drop(batch.pop());
        }
        self.kept.extend(batch);
        while self.kept.len() > self.most {
            drop(self.kept.pop_front());
        }
    }

    /// Half from the new end, the rest from the old one.
    fn end(mut self) {
        for _ in 0..self.kept.len() / 2 {
            drop(self.kept.pop_back());
        }
        while let Some(block) = self.kept.pop_front() {
            drop(block);
        }
    }
}

pub(super) fn sh6(load: Load) {
    let mut mix = Mix::new(random(0), KEPT);
    for _ in 0..load.turns(BLOCKS / BATCH) {
        let batch = mix.batch();
        mix.settle(batch);
    }
    mix.end();
}

pub(super) fn sh8(load: Load) {
    let given: Vec<Mutex<Vec<Block>>> = (0..load.threads).map(|_| Mutex::default()).collect();
    load.in_parallel(|number, rng| {
        let mut mix = Mix::new(rng, KEPT / load.threads);
        let next = &given[(number + 1) % load.threads];
        for _ in 0..load.share(BLOCKS / BATCH) {
            let mut batch = mix.batch();
            let gift = batch.drain(..GIVEN).collect();
            let stale = core::mem::replace(&mut *next.lock().expect("no thread died"), gift);
            let mine = core::mem::take(&mut *given[number].lock().expect("no thread died"));
            // What nobody fetched goes back to its giver, what was fetched is somebody else's.
            drop((stale, mine));
            mix.settle(batch);
        }
        mix.end();
    });
}
