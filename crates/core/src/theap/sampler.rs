//! Which allocations of a theap get a guarded block: one of so many, at distances that are drawn by chance, so that a
//! program with a rhythm is not looked at in one place only.
//!
//! Blocks are counted when lists change hands. A list that reaches beyond the next block to be guarded is cut there;
//! whoever finds it used up comes to the slow path, where a guarded block is made instead.

use core::cell::Cell;

use crate::config::TRACKED;
use crate::guards::Choice;
use crate::heap::Heap;
use crate::options::{self, Opt};
use crate::random;

/// The sampling of one theap. Only for its thread.
pub struct Sampler {
    /// What was chosen for the theap alone.
    own: Cell<Choice>,
    /// One of how many; 0 for none.
    rate: Cell<usize>,
    seed: Cell<usize>,
    bounds: Cell<(usize, usize)>,
    /// Blocks until the next guarded one.
    left: Cell<usize>,
    state: Cell<u64>,
}

impl Sampler {
    pub(super) const fn new() -> Self {
        Self {
            own: Cell::new(Choice { rate: None, bounds: None }),
            rate: Cell::new(0),
            seed: Cell::new(0),
            bounds: Cell::new((0, usize::MAX)),
            left: Cell::new(0),
            state: Cell::new(0),
        }
    }

    /// Chooses for this theap alone, whatever is chosen for its heap.
    pub fn choose(&self, choice: Choice) {
        self.own.set(choice.or(self.own.get()));
    }

    /// Looks at what is chosen now. Whether any block is guarded.
    pub(super) fn update(&self, heap: Option<&Heap>) -> bool {
        let chosen = self.own.get().or(heap.map(|heap| heap.guarding.get()).unwrap_or_default());
        let of_options = || {
            let rate = options::get_size(Opt::GuardedSampleRate);
            (rate, options::get_size(Opt::GuardedSampleSeed))
        };
        // Tools guard all blocks by themselves.
        let none = if TRACKED { Some((0, 0)) } else { None };
        let (rate, seed) = none.or(chosen.rate).unwrap_or_else(of_options);
        let (min, max) = chosen.bounds.unwrap_or_else(|| {
            (options::get_size(Opt::GuardedMin), options::get_size(Opt::GuardedMax))
        });
        self.bounds.set((min, max.max(min)));
        if (rate, seed) != (self.rate.get(), self.seed.get()) {
            self.rate.set(rate);
            self.seed.set(seed);
            let [random] = if seed == 0 && rate > 1 { random::words() } else { [seed] };
            self.state.set(random as u64);
            // Anywhere on the way to the first one.
            self.left.set(self.below(rate));
        }
        rate != 0
    }

    /// A number below `bound`, each with about the same chance; 0 if there is none.
    pub fn below(&self, bound: usize) -> usize {
        let state = self.state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.state.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let product = u128::from(mixed ^ (mixed >> 31)) * (bound as u128);
        usize::try_from(product >> u64::BITS).unwrap_or(0)
    }

    /// Whether blocks of `size` bytes are among those that may be guarded.
    pub fn suits(&self, size: usize) -> bool {
        let (min, max) = self.bounds.get();
        self.rate.get() != 0 && (min..=max).contains(&size)
    }

    /// One of how many is guarded.
    pub fn rate(&self) -> usize {
        self.rate.get()
    }

    /// Whether the next block is to be a guarded one.
    pub fn is_due(&self) -> bool {
        self.left.get() == 0
    }

    /// Counts blocks on their way to the program, of which the last ones can be held back. How many may go.
    pub fn count(&self, blocks: usize) -> usize {
        let go = blocks.min(self.left.get());
        self.left.set(self.left.get() - go);
        go
    }

    /// Draws the distance to the next guarded block, after one that was due: on average the rate, this one counted.
    /// If it could not be made, the allocation is served otherwise.
    pub fn restart(&self, made: bool) {
        let distance = self.below(self.rate.get().saturating_mul(2).saturating_sub(1));
        self.left.set(if made { distance } else { distance.max(1) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampler(rate: usize, seed: usize) -> Sampler {
        let sampler = Sampler::new();
        sampler.choose(Choice { rate: Some((rate, seed)), bounds: Some((16, 1000)) });
        assert_eq!(sampler.update(None), rate != 0);
        sampler
    }

    /// How many of `total` allocations are guarded, when lists of `length` blocks are handed out.
    fn guarded(sampler: &Sampler, total: usize, length: usize) -> usize {
        let (mut guarded, mut served) = (0, 0);
        while served < total {
            if sampler.is_due() {
                sampler.restart(true);
                guarded += 1;
                served += 1;
            } else {
                served += sampler.count(length);
            }
        }
        guarded
    }

    #[test]
    fn one_of_so_many_is_guarded() {
        for rate in [1, 2, 10, 100, 1000] {
            for length in [1, 7, 64, 5000] {
                let found = guarded(&sampler(rate, 5), 1000 * rate, length);
                // A distance is anything from 1 to twice the rate: 1000 of them are near their mean.
                assert!(found.abs_diff(1000) < 80, "{rate} {length}: {found}");
            }
        }
        assert_eq!(guarded(&sampler(1, 0), 1000, 64), 1000);
    }

    #[test]
    fn a_seed_makes_it_repeatable_and_none_does_not() {
        let places = |seed| {
            let sampler = sampler(1 << 20, seed);
            let first = sampler.left.get();
            sampler.restart(true);
            (first, sampler.left.get())
        };
        assert_eq!(places(7), places(7));
        assert_ne!(places(7), places(8));
        assert_ne!(places(0), places(0));
    }

    #[test]
    fn sizes_are_bounded_and_choices_have_an_order() {
        let sampler = sampler(3, 1);
        assert_eq!(
            [15, 16, 1000, 1001].map(|size| sampler.suits(size)),
            [false, true, true, false]
        );
        sampler.choose(Choice { rate: None, bounds: Some((10, 5)) });
        assert!(sampler.update(None));
        assert_eq!([9, 10, 11].map(|size| sampler.suits(size)), [false, true, false]);
        sampler.choose(Choice { rate: Some((0, 0)), bounds: None });
        assert!(!sampler.update(None) && !sampler.suits(10));
    }

    #[test]
    fn what_cannot_be_guarded_is_served() {
        let sampler = sampler(1, 0);
        assert!(sampler.is_due() && sampler.count(10) == 0);
        sampler.restart(false);
        assert!(!sampler.is_due() && sampler.count(10) == 1 && sampler.is_due());
    }
}
