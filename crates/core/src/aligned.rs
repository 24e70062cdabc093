//! Aligned allocation.
//!
//! Pages start on a slice and every bin's blocks are multiples of the powers of two that divide their size,
//! so a request rounded up to a multiple of its alignment is aligned without padding, up to a slice. Beyond
//! that a block gets a page of its own at the alignment. Only an offset needs padding: such a block is
//! known by an address inside it, and its page is marked for that.
//!
//! Alignments are powers of two; any other gives null and `EINVAL`. Sizes need not be multiples of them.
//! The `_at` forms align `p + offset`. All else is as for [`alloc`].
#![allow(unsafe_code)]

use core::ptr::{NonNull, null_mut};

use crate::alloc::{self, bad_alignment, fail, overflow};
use crate::config::{BLOCK_ALIGN, MEDIUM_BLOCK_MAX, PADDED, PADDING, SLICE_SIZE};
use crate::page::PageRef;
use crate::source::Source;
use crate::theap;
use crate::units::align_up;

/// Allocates `size` bytes at a multiple of `align`, uninitialised.
pub fn malloc_aligned(source: impl Source, size: usize, align: usize) -> *mut u8 {
    aligned::<false>(source, size, align)
}

/// Allocates `size` bytes at a multiple of `align`, all usable bytes zero.
pub fn zalloc_aligned(source: impl Source, size: usize, align: usize) -> *mut u8 {
    aligned::<true>(source, size, align)
}

/// [`malloc_aligned`], or [`zalloc_aligned`] if `zero`, that also says how many bytes of the block may be used: at
/// least `size`.
#[inline]
pub fn whole(source: impl Source, size: usize, align: usize, zero: bool) -> Option<NonNull<[u8]>> {
    match (is_natural(size, align), zero) {
        (true, false) => alloc::malloc_whole(source, size),
        (true, true) => alloc::zalloc_whole(source, size),
        (false, true) => alloc::measured(aligned::<true>(source, size, align)),
        (false, false) => alloc::measured(aligned::<false>(source, size, align)),
    }
}

/// Whether any block of `size` bytes is aligned to `align`, a power of two: blocks of up to 8 bytes are aligned to 8,
/// all others to 16.
#[inline]
pub const fn is_natural(size: usize, align: usize) -> bool {
    align <= 8 || (align <= BLOCK_ALIGN && size > 8)
}

/// Allocates `size` bytes so that `p + offset` is a multiple of `align`, uninitialised.
pub fn malloc_aligned_at(source: impl Source, size: usize, align: usize, offset: usize) -> *mut u8 {
    aligned_at::<false>(source, size, align, offset)
}

/// Allocates `size` bytes so that `p + offset` is a multiple of `align`, all usable bytes zero.
pub fn zalloc_aligned_at(source: impl Source, size: usize, align: usize, offset: usize) -> *mut u8 {
    aligned_at::<true>(source, size, align, offset)
}

/// Allocates an array of zeros at a multiple of `align`.
pub fn calloc_aligned(source: impl Source, count: usize, size: usize, align: usize) -> *mut u8 {
    calloc_aligned_at(source, count, size, align, 0)
}

/// Allocates an array of zeros so that `p + offset` is a multiple of `align`.
pub fn calloc_aligned_at(
    source: impl Source,
    count: usize,
    size: usize,
    align: usize,
    offset: usize,
) -> *mut u8 {
    match count.checked_mul(size) {
        Some(total) => aligned_at::<true>(source, total, align, offset),
        None => overflow(count, size),
    }
}

#[inline]
fn plain<const ZERO: bool>(source: impl Source, size: usize) -> *mut u8 {
    if ZERO { alloc::zalloc(source, size) } else { alloc::malloc(source, size) }
}

/// The two kinds are told apart at compile time: each is a tail call then.
fn aligned<const ZERO: bool>(source: impl Source, size: usize, align: usize) -> *mut u8 {
    if !align.is_power_of_two() {
        return bad_alignment(size, align);
    }
    if is_natural(size, align) {
        return plain::<ZERO>(source, size);
    }
    match align_up(size.max(1).saturating_add(PADDING), align) {
        Some(rounded) if align <= SLICE_SIZE && rounded <= MEDIUM_BLOCK_MAX => {
            fit(plain::<ZERO>(source, rounded - PADDING), size, ZERO)
        }
        Some(_) => alloc::malloc_single(source, size, align, ZERO),
        None => fail(size),
    }
}

fn aligned_at<const ZERO: bool>(
    source: impl Source,
    size: usize,
    align: usize,
    offset: usize,
) -> *mut u8 {
    if !align.is_power_of_two() {
        return bad_alignment(size, align);
    }
    if offset & (align - 1) == 0 {
        return aligned::<ZERO>(source, size, align);
    }
    // An offset that is not a multiple of the alignment: the block is large enough for any shift.
    let Some(padded) = size.checked_add(align - 1) else { return fail(size) };
    // Threads without a theap share one, and only its lock protects the marks on its pages: their block gets
    // a page that nobody else allocates from.
    let block = if theap::is_exited() {
        alloc::malloc_single(source, padded, SLICE_SIZE, ZERO)
    } else {
        plain::<ZERO>(source, padded)
    };
    if block.is_null() {
        return null_mut();
    }
    let shift = block.addr().wrapping_add(offset).wrapping_neg() & (align - 1);
    if shift != 0
        && let Some(page) = PageRef::of_addr(block.addr())
    {
        mark_interior(page, block.wrapping_add(shift));
    }
    fit(block.wrapping_add(shift), size, ZERO)
}

/// A block that was just taken, or null: the program may use no more than it asked for from `p` on. If `zeroed`, all of
/// that reads as zeros.
pub(crate) fn fit(p: *mut u8, size: usize, zeroed: bool) -> *mut u8 {
    if PADDED && let Some(page) = PageRef::of_addr(p.addr()) {
        // SAFETY: the block was taken for at least as much.
        unsafe { page.fit(p, size, zeroed) };
    }
    p
}

/// Notes on the page of a block just taken that the block is known by `p`, an address inside it.
fn mark_interior(page: PageRef, p: *mut u8) {
    // Only this thread can know the block. Its page is this thread's, or has no other block.
    page.set_interior();
    if let Some(record) = page.record() {
        record.set_block(p);
    }
}
