//! How long single calls take, by histogram.

use core::time::Duration;
use std::time::Instant;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::block::Block;

/// Where a histogram ends; what takes longer counts as this.
const LONGEST: u64 = 1_000_000_000;

/// Who calls `malloc` and `free`: plainly, or with a clock.
pub(super) trait Caller: Send {
    fn malloc(&mut self, size: usize) -> Block;
    fn free(&mut self, block: Block);
}

/// Just calls.
pub(super) struct Plain;

impl Caller for Plain {
    fn malloc(&mut self, size: usize) -> Block {
        Block::new(size)
    }

    fn free(&mut self, block: Block) {
        drop(block);
    }
}

/// Takes the time of each call. What it takes to look at the clock is in it, and so is the stamp.
pub(super) struct Clocked {
    malloc: Histogram<u64>,
    free: Histogram<u64>,
    pair: Histogram<u64>,
    last: Duration,
}

impl Clocked {
    pub(super) fn new() -> Self {
        let empty = || Histogram::new_with_max(LONGEST, 2).expect("two digits up to a second");
        Self { malloc: empty(), free: empty(), pair: empty(), last: Duration::ZERO }
    }

    /// Takes in what another one has seen.
    pub(super) fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.malloc, &other.malloc),
            (&mut self.free, &other.free),
            (&mut self.pair, &other.pair),
        ];
        for (mine, theirs) in pairs {
            mine.add(theirs).expect("the same range");
        }
    }

    pub(super) fn latencies(&self) -> Latencies {
        Latencies {
            malloc: Percentiles::of(&self.malloc),
            free: Percentiles::of(&self.free),
            pair: Percentiles::of(&self.pair),
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Caller for Clocked {
    fn malloc(&mut self, size: usize) -> Block {
        let start = Instant::now();
        let block = Block::new(size);
        let time = start.elapsed();
        self.malloc.saturating_record(nanoseconds(time));
        self.pair.saturating_record(nanoseconds(time + self.last));
        block
    }

    fn free(&mut self, block: Block) {
        let start = Instant::now();
        drop(block);
        self.last = start.elapsed();
        self.free.saturating_record(nanoseconds(self.last));
    }
}

/// Nanoseconds that all but so many of the calls took at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Half of the calls.
    pub p50: u64,
    /// All but one in a hundred.
    pub p99: u64,
    /// All but one in ten thousand.
    pub p9999: u64,
}

impl Percentiles {
    fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile);
        Self { p50: at(0.5), p99: at(0.99), p9999: at(0.9999) }
    }
}

/// What a workload with a clock has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latencies {
    /// Of `malloc`.
    pub malloc: Percentiles,
    /// Of `free`.
    pub free: Percentiles,
    /// Of a `free` and the `malloc` after it together.
    pub pair: Percentiles,
}
