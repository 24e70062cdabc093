//! Resizing of zeroed blocks: what lies past the old size is zero in the new block.
//!
//! Only for blocks that came zeroed, from `mi_zalloc`, `mi_calloc` or the functions here.
#![allow(unsafe_code)]

use core::ffi::c_void;
use rimalloc_core::realloc;
use rimalloc_core::source::Plain;

/// Resizes a zeroed block.
///
/// # Safety
/// `p` is null or a live block that was allocated zeroed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_rezalloc(p: *mut c_void, newsize: usize) -> *mut c_void {
    // SAFETY: null or a live zeroed block by the caller's promise.
    unsafe { realloc::rezalloc(Plain, p.cast(), newsize).cast() }
}

/// Resizes a zeroed block to `newcount * size` bytes; null when the product overflows.
///
/// # Safety
/// `p` is null or a live block that was allocated zeroed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_recalloc(p: *mut c_void, newcount: usize, size: usize) -> *mut c_void {
    // SAFETY: null or a live zeroed block by the caller's promise.
    unsafe { realloc::recalloc(Plain, p.cast(), newcount, size).cast() }
}

/// Resizes a zeroed block and keeps or makes it aligned.
///
/// # Safety
/// `p` is null or a live block that was allocated zeroed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_rezalloc_aligned(
    p: *mut c_void,
    newsize: usize,
    alignment: usize,
) -> *mut c_void {
    // SAFETY: null or a live zeroed block by the caller's promise.
    unsafe { realloc::rezalloc_aligned(Plain, p.cast(), newsize, alignment).cast() }
}

/// Resizes a zeroed block and keeps or makes it aligned at `offset`.
///
/// # Safety
/// `p` is null or a live block that was allocated zeroed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_rezalloc_aligned_at(
    p: *mut c_void,
    newsize: usize,
    alignment: usize,
    offset: usize,
) -> *mut c_void {
    // SAFETY: null or a live zeroed block by the caller's promise.
    unsafe { realloc::rezalloc_aligned_at(Plain, p.cast(), newsize, alignment, offset).cast() }
}

/// Resizes a zeroed block to `newcount * size` bytes and keeps or makes it aligned.
///
/// # Safety
/// `p` is null or a live block that was allocated zeroed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_recalloc_aligned(
    p: *mut c_void,
    newcount: usize,
    size: usize,
    alignment: usize,
) -> *mut c_void {
    // SAFETY: null or a live zeroed block by the caller's promise.
    unsafe { realloc::recalloc_aligned(Plain, p.cast(), newcount, size, alignment).cast() }
}

/// Resizes a zeroed block to `newcount * size` bytes and keeps or makes it aligned at `offset`.
///
/// # Safety
/// `p` is null or a live block that was allocated zeroed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_recalloc_aligned_at(
    p: *mut c_void,
    newcount: usize,
    size: usize,
    alignment: usize,
    offset: usize,
) -> *mut c_void {
    // SAFETY: null or a live zeroed block by the caller's promise.
    unsafe {
        realloc::recalloc_aligned_at(Plain, p.cast(), newcount, size, alignment, offset).cast()
    }
}
