//! Threads that come and go: what they leave behind is reused, so memory stays flat.
#![cfg(unix)]
#![allow(unsafe_code)]

mod common;

use common::{RULES, Rimalloc, resident};
use rimalloc_core::source::Plain;
use rimalloc_core::{alloc, free};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use testkit::{Block, FreeEntry, Limits, Mix, Op, Rng, Shadow, scaled};

/// Growth, in bytes, that fragmentation and caches are allowed. It is far below one OS page a thread.
const GROWTH: usize = 16 << 20;

/// Resident memory is that of the process, so the tests take turns.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The largest resident size after the warm-up, against that at its end.
struct Gauge {
    warm: usize,
    peak: usize,
}

impl Gauge {
    fn new() -> Self {
        Self { warm: 0, peak: 0 }
    }

    fn sample(&mut self, warmed_up: bool) {
        let now = resident();
        if !warmed_up {
            self.warm = self.warm.max(now);
        }
        self.peak = self.peak.max(now);
    }

    fn assert_flat(&self) {
        let Self { warm, peak } = *self;
        assert!(
            peak <= warm + GROWTH,
            "resident size went from {} to {} KiB",
            warm >> 10,
            peak >> 10
        );
    }
}

const MIX: Mix = Mix { largest: 32 << 10, largest_align: 4096, impossible: false };

/// What one thread does: it frees what others left, works, and ends with blocks alive.
fn live_and_leave(inherited: Vec<Block>, seed: u64) -> Vec<Block> {
    for block in inherited {
        block
            .verify_and_free(&Rimalloc, FreeEntry::Free)
            .unwrap_or_else(|violation| panic!("{violation}"));
    }
    let mut shadow = Shadow::new(&Rimalloc, RULES, Limits::SHARED, !seed);
    let mut rng = Rng::new(seed);
    for _ in 0..40 {
        shadow.apply(&Op::draw(&mut rng, MIX)).unwrap_or_else(|violation| panic!("{violation}"));
    }
    core::iter::from_fn(|| shadow.take(0)).collect()
}

#[test]
fn ten_thousand_threads_leave_blocks_behind_in_flat_memory() {
    const WAVE: usize = 8;
    let _turn = turn();
    let waves = scaled(10_000 / WAVE);
    let mut gauge = Gauge::new();
    let mut left: VecDeque<Vec<Block>> = VecDeque::new();
    for wave in 0..waves {
        let threads: Vec<_> = (0..WAVE)
            .map(|i| {
                // Ended threads' blocks are freed by other threads in one half of the waves, by this one in the other.
                let late = left.len() > 8 * WAVE;
                let inherited = if late && wave % 2 == 0 { left.pop_front() } else { None };
                let seed = (wave * WAVE + i) as u64;
                thread::spawn(move || live_and_leave(inherited.unwrap_or_default(), seed))
            })
            .collect();
        left.extend(
            threads.into_iter().map(|thread| thread.join().expect("the thread found a violation")),
        );
        while left.len() > 10 * WAVE {
            for block in left.pop_front().unwrap_or_default() {
                block
                    .verify_and_free(&Rimalloc, FreeEntry::Free)
                    .expect("an abandoned block stays intact");
            }
        }
        if wave % 25 == 0 {
            gauge.sample(wave < waves / 5);
        }
    }
    for block in left.into_iter().flatten() {
        block.verify_and_free(&Rimalloc, FreeEntry::Free).expect("an abandoned block stays intact");
    }
    gauge.assert_flat();
}

/// A block on its way to the thread that frees it.
struct Parcel(*mut u8);

// SAFETY: the block has one owner, and any thread may free it.
unsafe impl Send for Parcel {}

#[test]
fn a_thread_that_only_frees_keeps_memory_flat() {
    let _turn = turn();
    let blocks = scaled(1_000_000);
    let (sender, receiver) = mpsc::sync_channel::<Parcel>(1000);
    let consumer = thread::spawn(move || {
        for parcel in receiver {
            // SAFETY: the parcel is the only reference to its live block.
            unsafe { free::free(parcel.0) };
        }
    });
    let mut rng = Rng::new(7);
    let mut gauge = Gauge::new();
    for i in 0..blocks {
        let size = rng.between(1, 2000);
        let p = alloc::malloc(Plain, size);
        assert!(!p.is_null(), "no block of {size} bytes");
        // SAFETY: the block is new and holds `size` bytes.
        unsafe { p.write_bytes(1, size) };
        sender.send(Parcel(p)).expect("the consumer lives as long as the sender");
        if i % 10_000 == 0 {
            gauge.sample(i < blocks / 5);
        }
    }
    drop(sender);
    consumer.join().expect("freeing does not panic");
    gauge.assert_flat();
}

#[test]
fn threads_that_end_at_once_give_their_memory_back() {
    // Without blocks left behind the pages of a thread serve the next one.
    let _turn = turn();
    let mut gauge = Gauge::new();
    let threads = scaled(2000);
    for i in 0..threads {
        let worker = thread::spawn(|| {
            let sizes = [16, 100, 1000, 10_000, 100_000, 1 << 20];
            let blocks = sizes.map(|size| (alloc::zalloc(Plain, size), size));
            for (p, size) in blocks {
                assert!(!p.is_null(), "no block of {size} bytes");
                // SAFETY: the block is live and holds `size` bytes; it ends here.
                unsafe {
                    p.write_bytes(1, size);
                    free::free(p);
                }
            }
        });
        worker.join().expect("the worker got its blocks");
        if i % 20 == 0 {
            gauge.sample(i < threads / 5);
        }
    }
    gauge.assert_flat();
}
