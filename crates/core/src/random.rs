//! Random numbers for keys, shuffles and places: a ChaCha stream seeded by the system.
//!
//! Owns the stream of the process, which hands out words under a lock. Never on a fast path.
#![allow(unsafe_code)]

use core::cell::UnsafeCell;

use crate::sync::plain::{AtomicBool, Ordering};
use crate::{os, report};

const WORDS: usize = 16;
const KEY_WORDS: usize = 8;
const NONCE_WORDS: usize = 3;

/// Rounds of the stream: fewer than its standard of 20, and more than any known attack reaches.
const ROUNDS: usize = 8;

type Block = [u32; WORDS];

/// A stream of random numbers.
///
/// # Invariants
///
/// R1 words of `output` before `used` were given out and are given to nobody else.
#[derive(Clone)]
struct Random {
    input: Block,
    output: Block,
    used: usize,
    seeded: bool,
}

/// The stream of the process.
struct Shared {
    lock: os::Lock,
    stream: UnsafeCell<Random>,
}

// SAFETY: the stream is touched only by the holder of `lock`.
unsafe impl Sync for Shared {}

static SHARED: Shared =
    Shared { lock: os::Lock::new(), stream: UnsafeCell::new(Random::unseeded()) };

/// The system had no entropy to give.
static WEAK: AtomicBool = AtomicBool::new(false);
static WARNED: AtomicBool = AtomicBool::new(false);

/// Random words that nobody else gets. Any thread.
pub fn words<const N: usize>() -> [usize; N] {
    let words = {
        let _guard = SHARED.lock.lock();
        // SAFETY: the lock is held, and the stream calls nothing that could come back here.
        let stream = unsafe { &mut *SHARED.stream.get() };
        core::array::from_fn(|_| stream.next_usize())
    };
    // Without the lock: a registered output function may allocate.
    if WEAK.load(Ordering::Relaxed) && !WARNED.swap(true, Ordering::Relaxed) {
        report::warning(format_args!("unable to use secure randomness"));
    }
    words
}

/// A number below `bound`, each with the same chance but for one part in 2^32; 0 if there is none.
pub fn below(bound: usize) -> usize {
    let [word] = words();
    let product = (word as u128) * (bound as u128);
    // Below `bound`, which is a word.
    #[expect(clippy::cast_possible_truncation)]
    let scaled = (product >> usize::BITS) as usize;
    scaled
}

/// Takes the lock, so that no other thread is inside it when the process forks.
pub fn lock_for_fork() {
    SHARED.lock.acquire();
}

/// Releases what [`lock_for_fork`] took. In the child the stream starts anew, so that the two don't draw the same.
///
/// # Safety
/// The calling thread, or the one it was forked from, holds the lock.
pub unsafe fn unlock_after_fork(in_child: bool) {
    // SAFETY: the caller's promise; nobody else is inside the lock.
    unsafe {
        if in_child {
            *SHARED.stream.get() = Random::unseeded();
        }
        SHARED.lock.release();
    }
}

impl Random {
    /// A stream that seeds itself from the system when the first number is taken from it, so that a static can hold
    /// it and nobody pays for a stream that is not used.
    const fn unseeded() -> Self {
        Self { input: [0; WORDS], output: [0; WORDS], used: WORDS, seeded: false }
    }

    /// A stream seeded by the system. Where that has no entropy to give, the seed comes from what differs between
    /// processes and moments, and that is noted.
    fn from_system() -> Self {
        let mut seed = [0; (KEY_WORDS + NONCE_WORDS) * size_of::<u32>()];
        if !os::entropy(&mut seed) {
            WEAK.store(true, Ordering::Relaxed);
        }
        let mut words = [0; KEY_WORDS + NONCE_WORDS];
        for (word, bytes) in words.iter_mut().zip(seed.as_chunks::<4>().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        Self::from_words(words)
    }

    fn from_words(words: [u32; KEY_WORDS + NONCE_WORDS]) -> Self {
        let (key, nonce) = words.split_at(KEY_WORDS);
        let mut input = [0; WORDS];
        // "expand 32-byte k" as four words.
        input[..4].copy_from_slice(&[0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574]);
        input[4..12].copy_from_slice(key);
        input[13..].copy_from_slice(nonce);
        Self { input, output: [0; WORDS], used: WORDS, seeded: true }
    }

    /// The next 32 bits.
    fn next_u32(&mut self) -> u32 {
        if self.used == WORDS {
            self.refill();
        }
        let word = self.output[self.used];
        // A number that was given out can be a key: it stays nowhere else.
        self.output[self.used] = 0;
        self.used += 1;
        word
    }

    /// The next 64 bits.
    fn next_u64(&mut self) -> u64 {
        let low = u64::from(self.next_u32());
        low | u64::from(self.next_u32()) << 32
    }

    /// The next word.
    fn next_usize(&mut self) -> usize {
        // Every bit is as random as the others: the narrower systems take the low ones.
        #[expect(clippy::cast_possible_truncation)]
        let word = self.next_u64() as usize;
        word
    }

    #[cold]
    fn refill(&mut self) {
        if !self.seeded {
            *self = Self::from_system();
        }
        self.output = block(&self.input, ROUNDS);
        self.used = 0;
        self.count();
    }

    /// The block counter is one word; when it starts anew, the nonce moves on.
    fn count(&mut self) {
        for word in &mut self.input[12..] {
            *word = word.wrapping_add(1);
            if *word != 0 {
                return;
            }
        }
    }
}

/// The ChaCha function: `rounds` rounds over the input, in pairs of columns and diagonals, and the input added.
fn block(input: &Block, rounds: usize) -> Block {
    const QUARTERS: [[usize; 4]; 8] = [
        [0, 4, 8, 12],
        [1, 5, 9, 13],
        [2, 6, 10, 14],
        [3, 7, 11, 15],
        [0, 5, 10, 15],
        [1, 6, 11, 12],
        [2, 7, 8, 13],
        [3, 4, 9, 14],
    ];
    let mut state = *input;
    for _ in 0..rounds / 2 {
        for quarter in QUARTERS {
            quarter_round(&mut state, quarter);
        }
    }
    for (word, input) in state.iter_mut().zip(input) {
        *word = word.wrapping_add(*input);
    }
    state
}

#[inline(always)]
fn quarter_round(state: &mut Block, [a, b, c, d]: [usize; 4]) {
    let mut step = |to: usize, from: usize, turned: usize, bits: u32| {
        state[to] = state[to].wrapping_add(state[from]);
        state[turned] = (state[turned] ^ state[to]).rotate_left(bits);
    };
    step(a, b, d, 16);
    step(c, d, b, 12);
    step(a, b, d, 8);
    step(c, d, b, 7);
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn twenty_rounds_give_the_published_block() {
        // RFC 8439, section 2.3.2: key 00 01 … 1f, nonce 00 00 00 09 00 00 00 4a 00 00 00 00, counter 1.
        let mut words = [0; KEY_WORDS + NONCE_WORDS];
        for (index, word) in (0u8..).zip(&mut words[..KEY_WORDS]) {
            *word = u32::from_le_bytes([4 * index, 4 * index + 1, 4 * index + 2, 4 * index + 3]);
        }
        words[8] = 0x0900_0000;
        words[9] = 0x4a00_0000;
        let mut input = Random::from_words(words).input;
        input[12] = 1;
        let expected = [
            0xe4e7_f110,
            0x1559_3bd1,
            0x1fdd_0f50,
            0xc471_20a3,
            0xc7f4_d1c7,
            0x0368_c033,
            0x9aaa_2204,
            0x4e6c_d4c3,
            0x4664_82d2,
            0x09aa_9f07,
            0x05d7_c214,
            0xa202_8bd9,
            0xd19c_12b5,
            0xb94e_16de,
            0xe883_d0cb,
            0x4e3c_50a2,
        ];
        assert_eq!(block(&input, 20), expected);
    }

    #[test]
    fn eight_rounds_give_the_published_stream() {
        // The ChaCha test vectors, case 1: 8 rounds, all-zero key and nonce, first block.
        let expected = [
            0x3e, 0x00, 0xef, 0x2f, 0x89, 0x5f, 0x40, 0xd6, 0x7f, 0x5b, 0xb8, 0xe8, 0x1f, 0x09,
            0xa5, 0xa1,
        ];
        let mut random = Random::from_words([0; KEY_WORDS + NONCE_WORDS]);
        for bytes in expected.chunks(8) {
            assert_eq!(random.next_u64().to_le_bytes(), bytes);
        }
    }

    #[test]
    fn the_counter_carries_into_the_nonce() {
        let mut random = Random::from_words([0; KEY_WORDS + NONCE_WORDS]);
        random.input[12] = u32::MAX;
        random.next_u32();
        assert_eq!(random.input[12..], [0, 1, 0, 0]);
    }

    #[test]
    fn streams_do_not_repeat_and_are_not_alike() {
        let mut streams = [Random::from_system(), Random::unseeded(), Random::from_system()];
        let mut seen = HashSet::new();
        for random in &mut streams {
            for _ in 0..1000 {
                assert!(seen.insert(random.next_u64()));
            }
        }
        for _ in 0..1000 {
            let [one, two] = words();
            assert!(seen.insert(one as u64) && seen.insert(two as u64));
        }
    }

    #[test]
    fn what_was_given_out_is_forgotten() {
        let mut random = Random::from_system();
        let taken = [random.next_u32(), random.next_u32()];
        assert!(taken.iter().all(|word| !random.output.contains(word)));
    }

    #[test]
    fn numbers_below_a_bound_are_spread_evenly() {
        assert_eq!(below(0), 0);
        assert_eq!(below(1), 0);
        let mut counts = [0u32; 10];
        for _ in 0..100_000 {
            counts[below(10)] += 1;
        }
        assert!(counts.iter().all(|count| (9_000..11_000).contains(count)), "{counts:?}");
        assert!((0..1000).all(|_| below(usize::MAX) < usize::MAX));
    }

    #[test]
    fn after_a_fork_the_child_draws_other_numbers() {
        let parent = {
            let _guard = SHARED.lock.lock();
            // SAFETY: the lock is held.
            unsafe { (*SHARED.stream.get()).clone() }
        };
        lock_for_fork();
        // SAFETY: taken above.
        unsafe { unlock_after_fork(true) };
        words::<1>();
        let _guard = SHARED.lock.lock();
        // SAFETY: the lock is held.
        let child = unsafe { &*SHARED.stream.get() };
        assert_ne!(parent.input[4..12], child.input[4..12], "keys");
    }
}
