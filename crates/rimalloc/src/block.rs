//! Blocks as Rust asks for them: by layout.
//!
//! Owns: the choice between the engine's plain and aligned entry points. Called by: every type here that
//! allocates. Without the feature `inline-fast-path` nothing of the engine is inlined into other crates: these functions
//! are the boundary, once for each kind of source.
#![allow(unsafe_code)]

use rimalloc_core::source::Source;
use rimalloc_core::{aligned, alloc, free, realloc};

/// A block of at least `size` bytes at a multiple of `align`, or null.
#[inline(always)]
pub(crate) fn allocate(source: impl Source, size: usize, align: usize) -> *mut u8 {
    if aligned::is_natural(size, align) {
        alloc::malloc(source, size)
    } else {
        allocate_aligned(source, size, align)
    }
}

/// Apart from [`allocate`], whose ordinary case then needs no stack frame.
#[inline(never)]
fn allocate_aligned(source: impl Source, size: usize, align: usize) -> *mut u8 {
    aligned::malloc_aligned(source, size, align)
}

/// As [`allocate`]; all usable bytes are zero.
#[inline(always)]
pub(crate) fn allocate_zeroed(source: impl Source, size: usize, align: usize) -> *mut u8 {
    if aligned::is_natural(size, align) {
        alloc::zalloc(source, size)
    } else {
        allocate_aligned_zeroed(source, size, align)
    }
}

/// See [`allocate_aligned`].
#[inline(never)]
fn allocate_aligned_zeroed(source: impl Source, size: usize, align: usize) -> *mut u8 {
    aligned::zalloc_aligned(source, size, align)
}

/// Changes the size of a block, which may move; null, and the block stays as it is, when memory ran out.
///
/// # Safety
/// `block` is a live block that was allocated at `align`. It ends if the result is not null.
#[inline(always)]
pub(crate) unsafe fn resize(
    source: impl Source,
    block: *mut u8,
    size: usize,
    align: usize,
) -> *mut u8 {
    // The test looks at the new size: a block of 24 bytes that shrinks to 8 may move to a bin that is aligned to 8 only.
    if aligned::is_natural(size, align) {
        // SAFETY: the caller's promise.
        unsafe { realloc::realloc(source, block, size) }
    } else {
        // SAFETY: the caller's promise.
        unsafe { realloc::realloc_aligned(source, block, size, align) }
    }
}

/// Gives a block back.
///
/// # Safety
/// `block` is a live block of this size and alignment, which nobody uses any more.
#[inline(always)]
pub(crate) unsafe fn release(block: *mut u8, size: usize, align: usize) {
    // SAFETY: the caller's promise.
    unsafe { free::free_live(block, size, align) }
}
