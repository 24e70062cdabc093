//! Size classes: which bin serves a request, and how large its blocks are.
//!
//! Up to 128 bytes bins are 16 bytes apart (with one of 8 bytes below), above there are eight to each
//! doubling, so a block exceeds its request by at most `max(15, size / 6)` bytes. Every bin above the
//! first is a multiple of [`BLOCK_ALIGN`](crate::config::BLOCK_ALIGN), and a multiple `k * a` of a power
//! of two `a` is served by a bin whose blocks are multiples of `a`: pages start on a slice, so such blocks
//! are aligned to `a` without any padding.

use crate::config::{
    DIRECT_ENTRIES, MEDIUM_BLOCK_MAX, PADDED, PADDING, PAGE_BLOCKS, PAGE_SLICES_MAX, SLICE_SIZE,
    SMALL_SIZE_MAX, TRACKED, WORD_SIZE,
};
use crate::units::slices_for;

/// Bins whose pages hold many blocks.
pub const BIN_COUNT: usize = 81;

/// The bin of pages that hold a single block larger than [`MEDIUM_BLOCK_MAX`].
pub const HUGE_BIN: usize = BIN_COUNT;

/// Bins below this one are 16 bytes apart.
const LINEAR_BINS: usize = 9;

const BLOCK_SIZES: [u32; BIN_COUNT] = {
    let mut sizes = [0; BIN_COUNT];
    let mut bin = 0;
    while bin < BIN_COUNT {
        sizes[bin] = compute_block_size(bin);
        bin += 1;
    }
    sizes
};

#[expect(
    clippy::cast_possible_truncation,
    reason = "evaluated at compile time, bounded by the assert below"
)]
const fn compute_block_size(bin: usize) -> u32 {
    if bin == 0 {
        8
    } else if bin < LINEAR_BINS {
        16 * bin as u32
    } else {
        let shift = 4 + (bin - LINEAR_BINS) / 8;
        ((9 + (bin - LINEAR_BINS) % 8) << shift) as u32
    }
}

const _: () = assert!(BLOCK_SIZES[BIN_COUNT - 1] as usize == MEDIUM_BLOCK_MAX);

/// The smallest bin in use: a padded block holds a word at least besides its padding.
const FIRST_BIN: usize = if TRACKED {
    2
} else if PADDED {
    1
} else {
    0
};

const _: () = assert!(BLOCK_SIZES[FIRST_BIN] as usize >= PADDING + WORD_SIZE);

/// Bytes of a block that serves a request of `size` bytes, which is at most `PTRDIFF_MAX`.
#[inline(always)]
pub const fn padded(size: usize) -> usize {
    size + PADDING
}

/// The bin of blocks that hold `size` bytes, [`HUGE_BIN`] above [`MEDIUM_BLOCK_MAX`].
#[inline]
pub const fn bin_of(size: usize) -> usize {
    if size <= 8 {
        FIRST_BIN
    } else if size <= 128 {
        max((size + 15) >> 4, FIRST_BIN)
    } else if size <= MEDIUM_BLOCK_MAX {
        let last = size - 1;
        let exponent = last.ilog2() as usize;
        LINEAR_BINS + (exponent - 7) * 8 + ((last >> (exponent - 3)) & 7)
    } else {
        HUGE_BIN
    }
}

const fn max(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

const fn min(a: usize, b: usize) -> usize {
    if a < b { a } else { b }
}

/// Bytes of a block of `bin`, which must be below [`BIN_COUNT`].
#[inline]
pub const fn block_size(bin: usize) -> usize {
    BLOCK_SIZES[bin] as usize
}

/// Slices of a page of `bin`, which must be below [`BIN_COUNT`]: a power of two. With few blocks a page is often full
/// and the next one is touched; with many its run of slices is rarely found among those that were used before.
#[inline]
pub const fn page_slices(bin: usize) -> usize {
    min(slices_for(PAGE_BLOCKS * block_size(bin)), PAGE_SLICES_MAX).next_power_of_two()
}

/// What [`block_index`] multiplies with, by bin: a block size's inverse as a binary fraction, rounded up, and 0 for
/// [`HUGE_BIN`], whose pages have one block.
const INVERSES: [u64; BIN_COUNT + 1] = {
    let mut inverses = [0; BIN_COUNT + 1];
    let mut bin = 0;
    while bin < BIN_COUNT {
        inverses[bin] = (1_u64 << INVERSE_BITS).div_ceil(BLOCK_SIZES[bin] as u64);
        bin += 1;
    }
    inverses
};

/// Bits of those fractions: enough that what rounding adds stays below a block's part of one.
const INVERSE_BITS: u32 = 40;

const _: () = assert!(
    (PAGE_SLICES_MAX * SLICE_SIZE) as u64 * MEDIUM_BLOCK_MAX as u64 <= 1 << INVERSE_BITS,
    "an index is exact"
);

/// The number of the block that lies `offset` bytes behind the start of a page of `bin`, quicker than a division. Of an
/// offset beyond the page some number, which may be that of a block.
#[inline]
pub fn block_index(bin: usize, offset: usize) -> usize {
    let product = (offset as u64).wrapping_mul(INVERSES[bin]);
    // A word of 32 bits holds any index.
    (product >> INVERSE_BITS) as usize
}

/// What to ask for when a block grows to `size` bytes: it is likely to grow again, and has room for that within the
/// bound on what a block may exceed its request by. A power of two stays one: such blocks are aligned to their size.
pub fn with_room(size: usize) -> usize {
    if size > MEDIUM_BLOCK_MAX {
        return size.saturating_add(size / 8);
    }
    let next = bin_of(padded(size)) + 1;
    let has_room = next < BIN_COUNT && block_size(next) - PADDING <= size + size / 6;
    if has_room && !size.is_power_of_two() { block_size(next) - PADDING } else { size }
}

/// First entry of the direct table that each bin serves, and one past the last; empty for large bins.
const DIRECT_WORDS: [(u8, u8); BIN_COUNT] = {
    let mut words = [(0, 0); BIN_COUNT];
    let (mut bin, mut first) = (FIRST_BIN, 0);
    while bin < BIN_COUNT && BLOCK_SIZES[bin] as usize <= SMALL_SIZE_MAX {
        let end = BLOCK_SIZES[bin] as usize / WORD_SIZE + 1;
        words[bin] = (low_byte(first), low_byte(end));
        first = end;
        bin += 1;
    }
    words
};

const _: () = assert!(DIRECT_ENTRIES <= u8::MAX as usize);

const fn low_byte(value: usize) -> u8 {
    value.to_le_bytes()[0]
}

/// The range of direct-table entries (word counts) that `bin` serves, empty when the bin is not small.
#[inline]
pub fn direct_words(bin: usize) -> core::ops::Range<usize> {
    let (first, end) = DIRECT_WORDS[bin];
    usize::from(first)..usize::from(end)
}

/// A bin as it is stored in a page record.
#[inline]
pub const fn bin_byte(bin: usize) -> u8 {
    low_byte(bin)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn every_request_fits_its_bin_within_the_promised_waste() {
        for size in 0..=MEDIUM_BLOCK_MAX {
            let bin = bin_of(size);
            let block = block_size(bin);
            assert!(block >= size);
            assert!(block - size.max(1) <= (size / 6).max(15), "size {size} block {block}");
            assert!(bin == FIRST_BIN || block_size(bin - 1) < size, "{size} fits a smaller bin");
        }
        assert_eq!(bin_of(MEDIUM_BLOCK_MAX + 1), HUGE_BIN);
        assert_eq!(bin_of(usize::MAX), HUGE_BIN);
    }

    #[test]
    fn room_to_grow_is_within_the_promised_waste() {
        for size in (0..=MEDIUM_BLOCK_MAX).chain([MEDIUM_BLOCK_MAX + 1, 1 << 20, 5 << 30]) {
            let roomy = with_room(size);
            let is_shared = roomy <= MEDIUM_BLOCK_MAX - PADDING;
            let block = if is_shared { block_size(bin_of(padded(roomy))) } else { roomy };
            let block = block - if is_shared { PADDING } else { 0 };
            assert!(roomy >= size && block - size.max(1) <= (size / 6).max(15), "{size} {block}");
        }
        assert_eq!(with_room(usize::MAX), usize::MAX);
    }

    #[test]
    fn multiples_of_a_power_of_two_are_served_aligned() {
        let mut align = 16;
        while align <= MEDIUM_BLOCK_MAX {
            for k in 1..=MEDIUM_BLOCK_MAX / align {
                assert_eq!(block_size(bin_of(k * align)) % align, 0, "{k} * {align}");
            }
            align *= 2;
        }
    }

    #[test]
    fn indexes_are_those_of_a_division() {
        for bin in 0..BIN_COUNT {
            let (size, end) = (block_size(bin), page_slices(bin) * SLICE_SIZE);
            for index in 0..=end / size {
                for offset in [index * size, index * size + size / 2, index * size + size - 1] {
                    assert_eq!(block_index(bin, offset), offset / size, "{bin} {offset}");
                }
            }
        }
        assert_eq!(block_index(HUGE_BIN, 1 << 40), 0);
    }

    #[test]
    fn direct_entries_agree_with_bins() {
        for bin in 0..BIN_COUNT {
            for words in direct_words(bin) {
                assert_eq!(bin_of(words * 8), bin);
            }
        }
        assert_eq!(
            (0..BIN_COUNT).map(|bin| direct_words(bin).len()).sum::<usize>(),
            SMALL_SIZE_MAX / 8 + 1
        );
    }
}
