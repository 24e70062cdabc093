//! The bins in which block and page counts are reported: those of the C interface, four to a doubling.
//!
//! The engine's own bins are finer. A block is reported in the smallest bin that holds its size, and a block with a
//! page of its own in [`HUGE`], whatever its size.

/// Bins in a report.
pub const COUNT: usize = 74;

/// The bin of blocks with a page of their own.
pub const HUGE: usize = COUNT - 1;

/// Bins up to this one are a word apart.
const LINEAR: usize = 8;

/// Bytes of the blocks of a bin: the largest that is reported there. 0 when there is no such bin.
///
/// The last bin has no largest block; its size is that of the interface, one word above 512 KiB.
pub const fn block_size(bin: usize) -> usize {
    const WORD: usize = 8;
    match bin {
        0 => WORD,
        1..=LINEAR => WORD * bin,
        HUGE => (512 << 10) + WORD,
        _ if bin < HUGE => (5 + (bin - LINEAR - 1) % 4) << (4 + (bin - LINEAR - 1) / 4),
        _ => 0,
    }
}

/// The bin in which blocks of `size` bytes are reported that share their page. Bin 0 holds none.
pub const fn bin_of(size: usize) -> usize {
    let mut bin = 1;
    while bin < HUGE && block_size(bin) < size {
        bin += 1;
    }
    bin
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_interface() {
        let expected =
            [8, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
        for (bin, size) in expected.into_iter().enumerate() {
            assert_eq!(block_size(bin), size, "bin {bin}");
        }
        assert_eq!(block_size(60), 524_288);
        assert_eq!(block_size(HUGE), 524_296);
        assert_eq!([block_size(74), block_size(usize::MAX)], [0, 0]);
    }

    #[test]
    fn a_block_is_reported_in_the_smallest_bin_that_holds_it() {
        for size in 1..=512 << 10 {
            let bin = bin_of(size);
            assert!(block_size(bin) >= size, "{size}");
            assert!(bin == 1 || block_size(bin - 1) < size, "{size}");
        }
        assert_eq!(bin_of(0), 1);
        assert_eq!(bin_of(usize::MAX), HUGE);
    }
}
