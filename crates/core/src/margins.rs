//! Address space for metadata and arenas: in hardened builds at a random place, between margins that nobody can touch.
//!
//! What runs out of one mapping, upwards or downwards, does not reach the next one, whatever that is.
#![allow(unsafe_code)]

use core::ptr::NonNull;

use crate::config::{GUARDED_METADATA, RANDOM_PLACEMENT};
use crate::os::{self, OsResult};
use crate::{ptr, random};

/// Where memory is placed: between 1 and 64 TiB, where nobody else asks for any. Not where addresses are shorter.
const PLACE_MIN: u64 = 1 << 40;
const PLACE_END: u64 = 1 << 46;

/// Bytes of each margin of a range at `align`.
fn margin(align: usize) -> usize {
    if GUARDED_METADATA { align.max(os::page_size()) } else { 0 }
}

/// As [`os::reserve`], with margins.
pub fn reserve(size: usize, align: usize, commit: bool) -> OsResult<NonNull<u8>> {
    let margin = margin(align);
    if margin == 0 {
        return os::reserve(size, align, commit);
    }
    let whole = size.checked_add(2 * margin).ok_or(os::OsError::OUT_OF_MEMORY)?;
    let start = match random_place(align) {
        Some(place) => os::reserve_near(place, whole, align, false),
        None => os::reserve(whole, align, false),
    }?;
    // SAFETY: the base is inside what was just reserved, and nobody knows it.
    unsafe {
        let base = ptr::offset(start, margin);
        match if commit { os::commit(base, size) } else { Ok(()) } {
            Ok(()) => Ok(base),
            Err(error) => {
                let _ = os::release(start, whole);
                Err(error)
            }
        }
    }
}

/// Gives back what [`reserve`] gave for the same size and alignment.
///
/// # Safety
/// As for [`os::release`].
pub unsafe fn release(base: NonNull<u8>, size: usize, align: usize) -> OsResult<()> {
    let margin = margin(align);
    // SAFETY: the margins are part of what was reserved; the caller's promise.
    unsafe { os::release(base.sub(margin), size + 2 * margin) }
}

/// Where a range at `align` is to be, if that is left to chance.
fn random_place(align: usize) -> Option<usize> {
    if !RANDOM_PLACEMENT || PLACE_END >> os::address_bits() != 0 {
        return None;
    }
    let places = usize::try_from((PLACE_END - PLACE_MIN) / align as u64).ok()?;
    Some(usize::try_from(PLACE_MIN).ok()? + random::below(places) * align)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    #[test]
    fn ranges_are_aligned_writable_and_can_be_given_back() {
        let (size, align) = (1 << 20, 2 << 20);
        let bases: Vec<_> = (0..20)
            .map(|_| {
                let base = reserve(size, align, true).expect("address space");
                assert!(base.addr().get().is_multiple_of(align));
                // SAFETY: just reserved, accessible.
                unsafe { base.write_bytes(1, size) };
                base
            })
            .collect();
        if RANDOM_PLACEMENT {
            let gap = |pair: &[NonNull<u8>]| pair[0].addr().get().abs_diff(pair[1].addr().get());
            assert!(bases.windows(2).any(|pair| gap(pair) > 1 << 40), "places are far apart");
        }
        for base in bases {
            // SAFETY: reserved above, and nobody uses it any more.
            assert!(unsafe { release(base, size, align) }.is_ok());
        }
    }
}
