//! Arithmetic on sizes that every layer shares.

use crate::config::SLICE_SIZE;

/// Rounds `value` up to a multiple of `align`, a power of two. `None` when the result does not fit.
#[inline]
pub const fn align_up(value: usize, align: usize) -> Option<usize> {
    debug_assert!(align.is_power_of_two());
    match value.checked_add(align - 1) {
        Some(sum) => Some(sum & !(align - 1)),
        None => None,
    }
}

/// Rounds `value` down to a multiple of `align`, a power of two.
#[inline]
pub const fn align_down(value: usize, align: usize) -> usize {
    debug_assert!(align.is_power_of_two());
    value & !(align - 1)
}

/// Whether `value` is a multiple of `align`, a power of two.
#[inline]
pub const fn is_aligned(value: usize, align: usize) -> bool {
    value & (align - 1) == 0
}

/// Slices that hold `bytes` bytes.
#[inline]
pub const fn slices_for(bytes: usize) -> usize {
    bytes.div_ceil(SLICE_SIZE)
}

/// Narrows a count that an invariant keeps below 2³².
#[inline]
pub fn to_u32(value: usize) -> u32 {
    debug_assert!(u32::try_from(value).is_ok());
    #[expect(clippy::cast_possible_truncation, reason = "checked above in builds that check")]
    {
        value as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_up_reports_overflow() {
        assert_eq!(align_up(0, 16), Some(0));
        assert_eq!(align_up(17, 16), Some(32));
        assert_eq!(align_up(usize::MAX - 3, 16), None);
    }

    #[test]
    fn slices_cover_their_bytes() {
        assert_eq!(slices_for(1), 1);
        assert_eq!(slices_for(SLICE_SIZE), 1);
        assert_eq!(slices_for(SLICE_SIZE + 1), 2);
    }
}
