//! Fill patterns: bytes that a block can be recognised by.
//!
//! A pattern is a window into one table of random non-zero bytes, so that contents that are shifted, zeroed or taken
//! from another block all differ from it. Blocks above [`WHOLE_MAX`] are filled in stretches only, to keep a run with
//! many large blocks affordable; which bytes are filled depends on the length alone.
#![allow(unsafe_code)]

use crate::Rng;
use core::ops::Range;
use std::sync::OnceLock;

/// Bytes after which a pattern repeats: a prime, so that it never falls in step with a block size.
const PERIOD: usize = 32_749;

/// Largest block that is filled from end to end.
const WHOLE_MAX: usize = 128 << 10;

/// Distance between filled stretches of a larger block.
const STRIDE: usize = 256 << 10;

/// Bytes of a filled stretch inside a larger block.
const STRETCH: usize = 64;

/// Bytes filled at either end of a larger block.
const MARGIN: usize = 4 << 10;

/// Which window of the table a block carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(usize);

fn table() -> &'static [u8] {
    static TABLE: OnceLock<Vec<u8>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut rng = Rng::new(0x7461_626c_6521);
        let once: Vec<u8> = (0..PERIOD).map(|_| rng.bits().to_le_bytes()[0].max(1)).collect();
        once.repeat(2)
    })
}

/// The stretches of a block of `len` bytes that carry its pattern, in ascending order.
fn stretches(len: usize) -> impl Iterator<Item = Range<usize>> {
    let (head, inner) = if len <= WHOLE_MAX { (len, len) } else { (MARGIN, len - MARGIN) };
    let strides = (STRIDE..inner).step_by(STRIDE).map(move |at| at..(at + STRETCH).min(inner));
    core::iter::once(0..head).chain(strides).chain(core::iter::once(inner..len))
}

impl Pattern {
    /// The pattern of the `id`-th block.
    pub(crate) fn new(id: u64) -> Self {
        Self(Rng::new(id).below(PERIOD))
    }

    /// Pieces of `range`, with the table bytes that belong there.
    fn pieces(self, range: Range<usize>) -> impl Iterator<Item = (usize, &'static [u8])> {
        let mut at = range.start;
        core::iter::from_fn(move || {
            let piece = PERIOD.min(range.end - at);
            let first = (self.0 + at) % PERIOD;
            let start = at;
            at += piece;
            (piece > 0).then(|| (start, &table()[first..first + piece]))
        })
    }

    /// Fills the block of `len` bytes at `p`.
    ///
    /// # Safety
    /// The `len` bytes at `p` are writable and nobody else accesses them.
    pub(crate) unsafe fn fill(self, p: *mut u8, len: usize) {
        for (at, bytes) in stretches(len).flat_map(|range| self.pieces(range)) {
            // SAFETY: stretches end at `len`, up to which the caller allows writes.
            unsafe { p.add(at).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        }
    }

    /// The offset of a stretch below `upto` that lost its pattern, in a block that had `len` bytes when it was filled.
    ///
    /// # Safety
    /// The first `min(len, upto)` bytes at `p` are readable and nobody writes to them.
    pub(crate) unsafe fn find_damage(self, p: *const u8, len: usize, upto: usize) -> Option<usize> {
        let kept = stretches(len).map(|range| range.start.min(upto)..range.end.min(upto));
        kept.flat_map(|range| self.pieces(range)).find_map(|(at, expected)| {
            // SAFETY: `at + expected.len()` is at most `len` and `upto`.
            let found = unsafe { core::slice::from_raw_parts(p.add(at), expected.len()) };
            if found == expected {
                return None;
            }
            expected.iter().zip(found).position(|(want, have)| want != have).map(|i| at + i)
        })
    }
}

/// The offset of a byte in `range` of the block at `p` that is not zero.
///
/// # Safety
/// The bytes of `range` from `p` are readable and nobody writes to them.
pub(crate) unsafe fn find_dirt(p: *const u8, range: Range<usize>) -> Option<usize> {
    static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
    let mut at = range.start;
    while at < range.end {
        let piece = ZEROS.len().min(range.end - at);
        // SAFETY: `at + piece` is at most `range.end`.
        let found = unsafe { core::slice::from_raw_parts(p.add(at), piece) };
        if *found != ZEROS[..piece] {
            return found.iter().position(|byte| *byte != 0).map(|i| at + i);
        }
        at += piece;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(id: u64, len: usize) -> Vec<u8> {
        let mut block = vec![0; len];
        // SAFETY: the vector holds `len` bytes.
        unsafe { Pattern::new(id).fill(block.as_mut_ptr(), len) };
        block
    }

    fn damage(id: u64, block: &[u8], len: usize, upto: usize) -> Option<usize> {
        // SAFETY: callers pass `upto` or `len` within the block.
        unsafe { Pattern::new(id).find_damage(block.as_ptr(), len, upto) }
    }

    #[test]
    fn small_blocks_are_filled_whole_and_every_changed_byte_shows() {
        for len in [0, 1, 8, 100, PERIOD - 1, PERIOD, PERIOD + 1, WHOLE_MAX] {
            let mut block = filled(7, len);
            assert!(block.iter().all(|byte| *byte != 0));
            assert_eq!(damage(7, &block, len, len), None);
            if let Some(last) = block.last_mut() {
                *last ^= 1;
                assert_eq!(damage(7, &block, len, len), Some(len - 1));
                assert_eq!(damage(7, &block, len, len - 1), None);
            }
        }
    }

    #[test]
    fn large_blocks_show_damage_at_both_ends_and_in_each_stretch() {
        let len = 3 * STRIDE + 100;
        for at in [0, MARGIN - 1, STRIDE, 2 * STRIDE + STRETCH - 1, len - MARGIN, len - 1] {
            let mut block = filled(9, len);
            assert_eq!(damage(9, &block, len, len), None);
            block[at] ^= 0x80;
            assert_eq!(damage(9, &block, len, len), Some(at));
            assert_eq!(damage(9, &block, len, at), None);
        }
    }

    #[test]
    fn another_pattern_is_damage() {
        assert!(damage(2, &filled(1, 64), 64, 64).is_some());
    }

    #[test]
    fn dirt_is_found_anywhere() {
        for at in [0, 1, 65_535, 65_536, 199_999] {
            let mut block = vec![0; 200_000];
            block[at] = 1;
            // SAFETY: the range is the whole vector.
            assert_eq!(unsafe { find_dirt(block.as_ptr(), 0..block.len()) }, Some(at));
            // SAFETY: as above, from behind the dirt.
            assert_eq!(unsafe { find_dirt(block.as_ptr(), at + 1..block.len()) }, None);
        }
    }
}
