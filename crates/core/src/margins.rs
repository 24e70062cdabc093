//! Address space for metadata and arenas: in hardened builds at a random place, between margins that nobody can touch.
//!
//! What runs out of one mapping, upwards or downwards, does not reach the next one, whatever that is.
#![allow(unsafe_code)]

use core::ptr::NonNull;

use crate::config::{ARENA_SIZE_MAX, GUARDED_METADATA, RANDOM_PLACEMENT};
use crate::os::{self, OsResult};
use crate::ptr;
use crate::random;
use crate::sync::plain::{AtomicUsize, Ordering};
use crate::units::align_up;

/// Where the process has its places: at random between 1 and 64 TiB, where nobody else asks for any. Not where
/// addresses are shorter.
const REGION_MIN: usize = 1 << 40;
const REGION_END: usize = 1 << 46;

/// Places, each with room for the largest arena: few enough for what the page map touches for each to be little.
const PLACES: usize = 64;
const PLACE_SIZE: usize = 2 * ARENA_SIZE_MAX;

/// How often a place is drawn for a range. Most are empty.
const DRAWS: u32 = 8;

const _: () = assert!(PLACES * PLACE_SIZE < REGION_END - REGION_MIN);

/// Where the places of the process begin; 0 until they are chosen.
static REGION: AtomicUsize = AtomicUsize::new(0);

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
    let start = match reserve_at_random(whole, align) {
        Some(start) => start,
        None => os::reserve(whole, align, false)?,
    };
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

/// Reserves a range at a place that chance has chosen and where nothing is yet. `None` where addresses are not left to
/// chance, or chance has found no such place.
fn reserve_at_random(size: usize, align: usize) -> Option<NonNull<u8>> {
    for _ in 0..DRAWS {
        let place = random_place(size, align)?;
        let start = os::reserve_near(place, size, align, false).ok()?;
        if start.addr().get() == place {
            return Some(start);
        }
        // SAFETY: just reserved, and nobody knows it.
        unsafe { os::release(start, size) }.ok()?;
    }
    None
}

/// Where a range of `size` bytes at `align` is to be, if that is left to chance.
fn random_place(size: usize, align: usize) -> Option<usize> {
    if !RANDOM_PLACEMENT || REGION_END >> os::address_bits() != 0 {
        return None;
    }
    let region = match REGION.load(Ordering::Relaxed) {
        0 => {
            let starts = REGION_END - REGION_MIN - PLACES * PLACE_SIZE;
            let drawn = REGION_MIN + random::below(starts);
            // Who was first has chosen for all.
            let chosen = REGION.compare_exchange(0, drawn, Ordering::Relaxed, Ordering::Relaxed);
            chosen.err().unwrap_or(drawn)
        }
        region => region,
    };
    let offset = random::below((PLACE_SIZE / size).max(1)) * size;
    align_up(region + random::below(PLACES) * PLACE_SIZE + offset, align)
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
            let region = REGION_MIN..REGION_END;
            assert!(bases.iter().all(|base| region.contains(&base.addr().get())), "{bases:?}");
            let gap = |pair: &[NonNull<u8>]| pair[0].addr().get().abs_diff(pair[1].addr().get());
            assert!(bases.windows(2).any(|pair| gap(pair) > 1 << 30), "places are far apart");
        }
        for base in bases {
            // SAFETY: reserved above, and nobody uses it any more.
            assert!(unsafe { release(base, size, align) }.is_ok());
        }
    }
}
