//! Larson: the server of "Memory allocation for long-running server applications" (Larson, Krishnan,
//! 1998). Each thread replaces random ones of its blocks, then hands them to a new thread and ends, so
//! that blocks are freed by others than those that allocated them.

use std::sync::mpsc::{Sender, channel};

use testkit::Rng;

use super::latency::{Caller, Clocked, Latencies, Plain};
use super::{Load, random};
use crate::block::Block;

const BLOCKS: usize = 5_000;
const LEAST: usize = 8;
const MOST: usize = 1_000;
/// Replacements of one thread before it ends.
const GENERATION: usize = 100_000;
const REPLACEMENTS: usize = 20_000_000;
/// A clock makes a replacement three times as long.
const TIMED_REPLACEMENTS: usize = 8_000_000;

/// A line of threads, one after the other.
struct Lane<C> {
    blocks: Vec<Block>,
    rng: Rng,
    caller: C,
    turns: usize,
    done: Sender<C>,
}

impl<C: Caller + 'static> Lane<C> {
    /// One thread's work; the next thread is started by the one that ends.
    fn live(mut self) {
        for _ in 0..self.turns.min(GENERATION) {
            let at = self.rng.below(BLOCKS);
            let size = self.rng.between(LEAST, MOST);
            // The old block goes first, as in a server that is done with a request.
            let last = self.blocks.len() - 1;
            self.blocks.swap(at, last);
            if let Some(old) = self.blocks.pop() {
                self.caller.free(old);
            }
            self.blocks.push(self.caller.malloc(size));
        }
        self.turns = self.turns.saturating_sub(GENERATION);
        if self.turns == 0 {
            drop(self.blocks);
            self.done.send(self.caller).expect("somebody waits for it");
        } else {
            std::thread::spawn(move || self.live());
        }
    }
}

fn serve<C: Caller + 'static>(load: Load, turns: usize, caller: impl Fn() -> C) -> Vec<C> {
    let (done, all) = channel();
    for number in 0..load.threads {
        let mut rng = random(number);
        let blocks = (0..BLOCKS).map(|_| Block::new(rng.between(LEAST, MOST))).collect();
        let lane =
            Lane { blocks, rng, caller: caller(), turns: load.share(turns), done: done.clone() };
        std::thread::spawn(move || lane.live());
    }
    all.iter().take(load.threads).collect()
}

pub(super) fn run(load: Load) {
    let lanes = serve(load, REPLACEMENTS, || Plain).len();
    assert_eq!(lanes, load.threads);
}

pub(super) fn run_timed(load: Load) -> Option<Latencies> {
    let mut all = Clocked::new();
    for lane in serve(load, TIMED_REPLACEMENTS, Clocked::new) {
        all.add(&lane);
    }
    Some(all.latencies())
}
