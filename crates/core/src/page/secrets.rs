//! Words of a page that no program knows: how its links are written, and what its padding holds.
//!
//! They are drawn when the page is made and, but for the seed of the order of blocks, do not change while it lives.
//! Builds without use for them have none.

use core::cell::Cell;

use crate::config::{ENCODED_LINKS, SECRET_WORDS};
use crate::links::{LINK_WORDS, Links};
use crate::random;

/// Where the words are, by what they are for. Those of the links come first.
const FACTOR: usize = 1;
const LAST: usize = 3;
const CANARY: usize = 4;
const SEED: usize = 5;

const _: () = assert!(LAST + 1 > LINK_WORDS);

/// The words of one page. All but the seed are written before a block of the page is seen, and may be read by any
/// thread that knows one.
#[repr(C)]
pub(super) struct Secrets {
    words: [Cell<usize>; SECRET_WORDS],
}

impl Secrets {
    pub(super) const fn new() -> Self {
        Self { words: [const { Cell::new(0) }; SECRET_WORDS] }
    }

    /// Draws the words of a page whose last block starts `last` bytes behind its first.
    pub(super) fn draw(&self, last: usize) {
        if SECRET_WORDS == 0 {
            return;
        }
        let [mask, factor, canary, seed] = random::words();
        for (index, word) in Links::words(mask, factor).into_iter().enumerate() {
            self.set(index, word);
        }
        self.set(LAST, last);
        self.set(CANARY, canary);
        self.set(SEED, seed);
    }

    #[inline(always)]
    fn get(&self, index: usize) -> usize {
        self.words.get(index).map_or(0, Cell::get)
    }

    fn set(&self, index: usize, word: usize) {
        if let Some(place) = self.words.get(index) {
            place.set(word);
        }
    }

    /// How the page's links are written.
    #[inline(always)]
    pub(super) fn links(&self) -> Links {
        Links::from_words(core::array::from_fn(|index| self.get(index)))
    }

    /// What canaries are made with: a word, and an odd factor.
    #[inline(always)]
    pub(super) fn canary(&self) -> (usize, usize) {
        (self.get(CANARY), self.get(FACTOR))
    }

    /// Random bits, good enough to shuffle with by who knows neither the seed nor the bits. Only for the holder of the
    /// page.
    pub(super) fn draw_bits(&self) -> u32 {
        let state = (self.get(SEED) as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a word of state has what a word can hold"
        )]
        self.set(SEED, state as usize);
        let mixed = (state ^ (state >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        (mixed >> 32) as u32
    }

    /// Whether `offset` may be that of a block, counted from the first one.
    #[inline(always)]
    pub(super) fn reaches(&self, offset: usize) -> bool {
        !ENCODED_LINKS || offset <= self.get(LAST)
    }
}
