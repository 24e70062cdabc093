//! Sizes as programs ask for them.

use testkit::Rng;

/// From `1 << low` to below `1 << high`: each doubling as likely as the next, within one all sizes.
pub(super) fn log_uniform(rng: &mut Rng, low: u32, high: u32) -> usize {
    let octave = 1 << rng.between(low as usize, high as usize - 1);
    octave + rng.below(octave)
}

/// From `least` on, each doubling half as likely as the one before, at most `doublings` of them.
pub(super) fn pareto(rng: &mut Rng, least: usize, doublings: u32) -> usize {
    let octave = least << rng.bits().trailing_zeros().min(doublings - 1);
    octave + rng.below(octave)
}

#[cfg(test)]
mod tests {
    use super::{log_uniform, pareto};
    use testkit::Rng;

    #[test]
    fn sizes_stay_in_range_and_favour_small_ones() {
        let mut rng = Rng::new(3);
        let mut small = 0;
        for _ in 0..10_000 {
            assert!((4..32 << 10).contains(&log_uniform(&mut rng, 2, 15)));
            let size = pareto(&mut rng, 16, 10);
            assert!((16..16 << 10).contains(&size));
            small += usize::from(size < 32);
        }
        assert!((4500..5500).contains(&small), "{small} of 10000 in the first doubling");
    }
}
