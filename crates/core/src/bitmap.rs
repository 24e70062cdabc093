//! Lock-free bitmaps over the slices of an arena: claiming, releasing and finding runs of bits.
//!
//! A [`Bitmap`] is a view: the words live in the arena's header, eight to a chunk, one chunk a fixed stride
//! after the other, so that the bits of several maps for the same slices share their OS page.
//!
//! # Protocol
//! A run of bits is claimed word by word from its low end with compare-and-swap; each word goes from
//! "all clear in the mask" to "all set" in one step. When a later word refuses, the words already taken are
//! cleared again, so a claim either owns the whole run or nothing. Two claims that overlap may both give
//! up; neither can own a bit of the other. Claiming acquires and releasing releases: what was written to a
//! slice before it was given back is ordered before whatever its next owner does.
#![allow(unsafe_code)]

use core::ptr::NonNull;

use crate::sync::{AtomicUsize, Ordering};

/// Bits in a word of a bitmap.
pub const WORD_BITS: usize = usize::BITS as usize;

/// Words of one chunk.
pub const CHUNK_WORDS: usize = crate::config::CHUNK_SLICES / WORD_BITS;

/// A view of the words of one bitmap.
///
/// # Invariants
/// `first` points at word 0; word `i` stands `i / CHUNK_WORDS * stride + i % CHUNK_WORDS` words after it and
/// is a live atomic for every bit below `bits`.
#[derive(Clone, Copy)]
pub struct Bitmap {
    first: NonNull<AtomicUsize>,
    stride: usize,
    bits: usize,
}

/// The mask of `count` bits from `bit` on, both within one word.
#[inline]
const fn mask(bit: usize, count: usize) -> usize {
    if count == WORD_BITS { usize::MAX } else { ((1 << count) - 1) << bit }
}

impl Bitmap {
    /// A view of `bits` bits whose chunks stand `stride` words apart.
    ///
    /// # Safety
    /// The invariants of the type hold for as long as the view is used.
    pub const unsafe fn new(first: NonNull<AtomicUsize>, stride: usize, bits: usize) -> Self {
        Self { first, stride, bits }
    }

    /// Bits in the map.
    pub fn bits(self) -> usize {
        self.bits
    }

    #[inline]
    fn word(&self, index: usize) -> &AtomicUsize {
        debug_assert!(index * WORD_BITS < self.bits);
        // SAFETY: by the invariant of the type the word is live.
        unsafe { self.first.add(index / CHUNK_WORDS * self.stride + index % CHUNK_WORDS).as_ref() }
    }

    /// Calls `f` with each word index and mask that the run covers, until `f` returns false.
    #[inline]
    fn each_word(start: usize, count: usize, mut f: impl FnMut(usize, usize) -> bool) -> bool {
        let (mut at, end) = (start, start + count);
        while at < end {
            let bit = at % WORD_BITS;
            let here = (WORD_BITS - bit).min(end - at);
            if !f(at / WORD_BITS, mask(bit, here)) {
                return false;
            }
            at += here;
        }
        true
    }

    /// Sets all bits of the run if all of them are clear, else changes nothing.
    pub fn try_claim(&self, start: usize, count: usize) -> bool {
        let mut taken = 0;
        let complete = Self::each_word(start, count, |index, mask| {
            let claimed = self.claim_word(index, mask);
            if claimed {
                taken += mask.count_ones() as usize;
            }
            claimed
        });
        if !complete {
            self.release(start, taken);
        }
        complete
    }

    fn claim_word(&self, index: usize, mask: usize) -> bool {
        let word = self.word(index);
        let mut old = word.load(Ordering::Relaxed);
        loop {
            if old & mask != 0 {
                return false;
            }
            match word.compare_exchange_weak(old, old | mask, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => old = now,
            }
        }
    }

    /// Clears all bits of a run that the caller has claimed.
    pub fn release(&self, start: usize, count: usize) {
        self.clear(start, count);
    }

    /// Sets all bits of the run; returns how many of them were clear.
    pub fn set(&self, start: usize, count: usize) -> usize {
        let mut changed = 0;
        Self::each_word(start, count, |index, mask| {
            let old = self.word(index).fetch_or(mask, Ordering::AcqRel);
            changed += (mask & !old).count_ones() as usize;
            true
        });
        changed
    }

    /// Clears all bits of the run; returns how many of them were set.
    pub fn clear(&self, start: usize, count: usize) -> usize {
        let mut changed = 0;
        Self::each_word(start, count, |index, mask| {
            let old = self.word(index).fetch_and(!mask, Ordering::AcqRel);
            changed += (mask & old).count_ones() as usize;
            true
        });
        changed
    }

    /// Whether every bit of the run is set.
    pub fn all_set(&self, start: usize, count: usize) -> bool {
        Self::each_word(start, count, |index, mask| {
            self.word(index).load(Ordering::Acquire) & mask == mask
        })
    }

    /// Whether every bit of the run is clear.
    pub fn all_clear(&self, start: usize, count: usize) -> bool {
        Self::each_word(start, count, |index, mask| {
            self.word(index).load(Ordering::Acquire) & mask == 0
        })
    }

    /// The first bit at or after `from` and below `end` whose state is `set`, else `end`.
    fn next(&self, from: usize, end: usize, set: bool) -> usize {
        let mut at = from;
        while at < end {
            let word = self.word(at / WORD_BITS).load(Ordering::Relaxed);
            let wanted = (if set { word } else { !word }) >> (at % WORD_BITS);
            if wanted != 0 {
                return (at + wanted.trailing_zeros() as usize).min(end);
            }
            at = (at / WORD_BITS + 1) * WORD_BITS;
        }
        end
    }

    /// Claims the first free run of `count` bits at or after `from` whose start, counted from `origin`
    /// bits before bit 0, is a multiple of `align` (a power of two).
    pub fn find_and_claim(
        &self,
        from: usize,
        count: usize,
        align: usize,
        origin: usize,
    ) -> Option<usize> {
        let mut at = from;
        loop {
            at = self.next(at, self.bits, false);
            at = crate::units::align_up(at + origin, align)? - origin;
            if count > self.bits || at > self.bits - count {
                return None;
            }
            let obstacle = self.next(at, at + count, true);
            if obstacle < at + count {
                at = obstacle + 1;
            } else if self.try_claim(at, count) {
                return Some(at);
            }
        }
    }

    /// Calls `f` with each set bit at or after `from` until it returns false; false when it did.
    pub fn for_each_set(&self, from: usize, mut f: impl FnMut(usize) -> bool) -> bool {
        let mut at = self.next(from, self.bits, true);
        while at < self.bits {
            if !f(at) {
                return false;
            }
            at = self.next(at + 1, self.bits, true);
        }
        true
    }

    /// Calls `f` with start and length of each run of bits among the `count` from `start` on whose state is
    /// `set`, until it returns false; false when it did.
    pub fn for_each_run(
        &self,
        start: usize,
        count: usize,
        set: bool,
        mut f: impl FnMut(usize, usize) -> bool,
    ) -> bool {
        let end = start + count;
        let mut at = self.next(start, end, set);
        while at < end {
            let after = self.next(at, end, !set);
            if !f(at, after - at) {
                return false;
            }
            at = self.next(after, end, set);
        }
        true
    }

    /// How many bits of the run are set.
    pub fn count_set(&self, start: usize, count: usize) -> usize {
        let mut found = 0;
        Self::each_word(start, count, |index, mask| {
            found += (self.word(index).load(Ordering::Relaxed) & mask).count_ones() as usize;
            true
        });
        found
    }

    /// Takes all bits of word `index` away at once and returns them.
    pub fn take_word(&self, index: usize) -> usize {
        let word = self.word(index);
        if word.load(Ordering::Relaxed) == 0 { 0 } else { word.swap(0, Ordering::AcqRel) }
    }

    /// Sets in word `index` those bits of `wanted` that are clear, and returns the bits it set.
    pub fn claim_clear_bits(&self, index: usize, wanted: usize) -> usize {
        wanted & !self.word(index).fetch_or(wanted, Ordering::AcqRel)
    }

    /// Sets bits of word `index`; returns its state before.
    pub fn or_word(&self, index: usize, bits: usize) -> usize {
        self.word(index).fetch_or(bits, Ordering::AcqRel)
    }

    /// Clears bits of word `index`; returns its state before.
    pub fn clear_word(&self, index: usize, bits: usize) -> usize {
        self.word(index).fetch_and(!bits, Ordering::AcqRel)
    }

    /// The bits of word `index` that are clear.
    pub fn clear_bits(&self, index: usize) -> usize {
        !self.word(index).load(Ordering::Relaxed)
    }

    /// Words in the map.
    pub fn words(self) -> usize {
        self.bits.div_ceil(WORD_BITS)
    }
}

/// The bits of a word that lie in groups of which all bits are set. A group is `size` bits from a multiple of that on,
/// a power of two and at most a word.
pub fn whole_groups(word: usize, size: usize) -> usize {
    let (mut groups, mut width) = (word, 1);
    while width < size {
        groups &= groups >> width;
        width *= 2;
    }
    // Now each first bit of a whole group is set, and others that do not count.
    groups &= usize::MAX / (usize::MAX >> (WORD_BITS - size));
    while width > 1 {
        width /= 2;
        groups |= groups << width;
    }
    groups
}

/// The runs of set bits of one word, as (first bit, length), lowest first.
pub fn runs(mut word: usize) -> impl Iterator<Item = (usize, usize)> {
    core::iter::from_fn(move || {
        if word == 0 {
            return None;
        }
        let first = word.trailing_zeros() as usize;
        let count = (word >> first).trailing_ones() as usize;
        word &= !mask(first, count);
        Some((first, count))
    })
}

#[cfg(all(test, not(loom)))]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    /// Words for `bits` bits with a gap between chunks, so that a wrong stride shows.
    fn words(bits: usize, stride: usize) -> Vec<AtomicUsize> {
        let chunks = bits.div_ceil(CHUNK_WORDS * WORD_BITS);
        (0..chunks * stride).map(|_| AtomicUsize::new(0)).collect()
    }

    fn view(words: &[AtomicUsize], stride: usize, bits: usize) -> Bitmap {
        // SAFETY: the words outlive the view in each test and cover all its bits.
        unsafe { Bitmap::new(NonNull::from(&words[0]), stride, bits) }
    }

    #[test]
    fn groups_are_whole_or_nothing() {
        let mut word = 0x9e37_79b9_7f4a_7c15_usize;
        for round in 0..2000 {
            word = word.rotate_left(7).wrapping_mul(0x2545_f491_4f6c_dd1d_usize);
            // From sparse to dense.
            let bits =
                (0..round % 8).fold(word, |bits, shift| bits | word.rotate_left(shift * 9 + 1));
            for size in (0..=WORD_BITS.ilog2()).map(|shift| 1 << shift) {
                let group = usize::MAX >> (WORD_BITS - size);
                let expected = (0..WORD_BITS)
                    .step_by(size)
                    .map(|at| group << at)
                    .filter(|mask| bits & mask == *mask)
                    .sum::<usize>();
                assert_eq!(whole_groups(bits, size), expected, "{bits:#x} in groups of {size}");
            }
        }
        for size in [1, 8, WORD_BITS] {
            assert_eq!((whole_groups(0, size), whole_groups(usize::MAX, size)), (0, usize::MAX));
        }
    }

    #[test]
    fn runs_are_claimed_and_released_as_a_vector_of_bools_would() {
        const BITS: usize = 1500;
        let words = words(BITS, 24);
        let map = view(&words, 24, BITS);
        let mut model = std::vec![false; BITS];
        let mut held: Vec<(usize, usize)> = Vec::new();
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        for round in 0..20_000 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            let draw = usize::try_from(seed >> 33).unwrap_or(0);
            if round % 3 == 2 && !held.is_empty() {
                let (start, count) = held.swap_remove(draw % held.len());
                assert!(map.all_set(start, count));
                map.release(start, count);
                model[start..start + count].fill(false);
            } else {
                let count = if draw % 7 == 0 { 1 + draw % 600 } else { 1 + draw % 9 };
                let align = 1 << (draw % 4);
                let expected = (0..=BITS - count)
                    .find(|&at| (at + 3) % align == 0 && !model[at..at + count].contains(&true));
                let got = map.find_and_claim(0, count, align, 3);
                assert_eq!(got, expected, "count {count} align {align}");
                if let Some(start) = got {
                    model[start..start + count].fill(true);
                    held.push((start, count));
                }
            }
        }
    }

    #[test]
    fn a_refused_claim_leaves_no_bit_behind() {
        let words = words(256, CHUNK_WORDS);
        let map = view(&words, CHUNK_WORDS, 256);
        assert!(map.try_claim(200, 1));
        assert!(!map.try_claim(10, 200));
        assert!(map.all_clear(0, 200));
        assert!(map.all_clear(201, 55));
    }

    #[test]
    fn setting_and_clearing_count_what_changed() {
        let words = words(512, CHUNK_WORDS);
        let map = view(&words, CHUNK_WORDS, 512);
        assert_eq!(map.set(60, 10), 10);
        assert_eq!(map.set(50, 100), 90);
        assert_eq!(map.clear(0, 64), 14);
        assert!(!map.all_clear(64, 1));
        let mut seen = 0;
        map.for_each_set(0, |bit| {
            assert!((64..150).contains(&bit));
            seen += 1;
            true
        });
        assert_eq!(seen, 86);
    }

    #[test]
    fn runs_of_either_state_cover_what_they_are_asked_about() {
        let words = words(1100, 24);
        let map = view(&words, 24, 1100);
        for (start, count) in [(3, 1), (60, 10), (500, 90), (1090, 10)] {
            map.set(start, count);
        }
        let runs = |start, count, set| {
            let mut found = Vec::new();
            assert!(map.for_each_run(start, count, set, |at, length| {
                found.push((at, length));
                true
            }));
            found
        };
        assert_eq!(runs(0, 1100, true), [(3, 1), (60, 10), (500, 90), (1090, 10)]);
        assert_eq!(runs(0, 1100, false), [(0, 3), (4, 56), (70, 430), (590, 500)]);
        assert_eq!(runs(65, 450, true), [(65, 5), (500, 15)]);
        assert_eq!(runs(61, 5, false), []);
        assert_eq!(runs(7, 0, false), []);
        assert!(!map.for_each_run(0, 1100, true, |at, _| at < 60));
        assert_eq!((map.count_set(0, 1100), map.count_set(65, 450)), (111, 20));
    }

    #[test]
    fn runs_of_a_word_cover_its_bits() {
        assert_eq!(runs(0).count(), 0);
        assert_eq!(runs(usize::MAX).collect::<Vec<_>>(), [(0, 64)]);
        assert_eq!(runs(0b1110_0101).collect::<Vec<_>>(), [(0, 1), (2, 1), (5, 3)]);
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    extern crate std;
    use super::*;
    use loom::sync::Arc;
    use std::vec::Vec;

    fn words() -> Arc<Vec<AtomicUsize>> {
        Arc::new((0..CHUNK_WORDS).map(|_| AtomicUsize::new(0)).collect())
    }

    fn view(words: &Arc<Vec<AtomicUsize>>) -> Bitmap {
        // SAFETY: each thread of the model keeps its own reference to the words while it uses the view.
        unsafe { Bitmap::new(NonNull::from(&words[0]), CHUNK_WORDS, 2 * WORD_BITS) }
    }

    /// Two runs across the same word boundary: at most one claimant owns the overlap, and a refusal
    /// leaves nothing set.
    #[test]
    fn overlapping_claims_exclude_each_other() {
        loom::model(|| {
            let shared = words();
            let theirs = shared.clone();
            let other = loom::thread::spawn(move || view(&theirs).try_claim(60, 8));
            let mine = view(&shared).try_claim(62, 8);
            let other = other.join().unwrap();
            assert!(!(mine && other));
            let map = view(&shared);
            if mine {
                map.release(62, 8);
            }
            if other {
                map.release(60, 8);
            }
            assert!(map.all_clear(0, 128));
        });
    }

    /// A run that reaches into a word where another claim comes first: a refusal gives back what it took.
    #[test]
    fn a_refused_claim_leaves_no_bit_behind() {
        loom::model(|| {
            let shared = words();
            let theirs = shared.clone();
            let other = loom::thread::spawn(move || view(&theirs).try_claim(66, 2));
            let mine = view(&shared).try_claim(60, 8);
            other.join().unwrap();
            let map = view(&shared);
            if mine {
                map.release(60, 8);
            } else {
                assert!(map.all_clear(60, 6), "a refused claim keeps bits");
            }
        });
    }

    /// What the last owner wrote to a slice is visible to the next one.
    #[test]
    fn release_is_ordered_before_the_next_claim() {
        loom::model(|| {
            let shared = words();
            let data = Arc::new(loom::cell::UnsafeCell::new(0));
            assert!(view(&shared).try_claim(3, 1));
            let (theirs, their_data) = (shared.clone(), data.clone());
            let other = loom::thread::spawn(move || {
                if view(&theirs).find_and_claim(0, 4, 1, 0) == Some(0) {
                    // SAFETY: the claim covers bit 3, so the first owner has released it.
                    their_data.with(|value| assert_eq!(unsafe { *value }, 7));
                }
            });
            // SAFETY: bit 3 is still claimed by this thread.
            data.with_mut(|value| unsafe { *value = 7 });
            view(&shared).release(3, 1);
            other.join().unwrap();
        });
    }
}
