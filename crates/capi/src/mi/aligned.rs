//! Allocation at a multiple of an alignment, or of a shifted one.
//!
//! The alignment is a power of two, else the result is null. `_at` functions give a `p` with
//! `(p + offset) % alignment == 0`. The size need not be a multiple of the alignment.
#![allow(unsafe_code)]

use core::ffi::c_void;
use rimalloc_core::source::Plain;
use rimalloc_core::{aligned, realloc};

/// Allocates `size` bytes at a multiple of `alignment`.
#[unsafe(no_mangle)]
pub extern "C" fn mi_malloc_aligned(size: usize, alignment: usize) -> *mut c_void {
    aligned::malloc_aligned(Plain, size, alignment).cast()
}

/// Allocates `size` bytes, aligned at `offset`.
#[unsafe(no_mangle)]
pub extern "C" fn mi_malloc_aligned_at(
    size: usize,
    alignment: usize,
    offset: usize,
) -> *mut c_void {
    aligned::malloc_aligned_at(Plain, size, alignment, offset).cast()
}

/// Allocates `size` zeroed bytes at a multiple of `alignment`.
#[unsafe(no_mangle)]
pub extern "C" fn mi_zalloc_aligned(size: usize, alignment: usize) -> *mut c_void {
    aligned::zalloc_aligned(Plain, size, alignment).cast()
}

/// Allocates `size` zeroed bytes, aligned at `offset`.
#[unsafe(no_mangle)]
pub extern "C" fn mi_zalloc_aligned_at(
    size: usize,
    alignment: usize,
    offset: usize,
) -> *mut c_void {
    aligned::zalloc_aligned_at(Plain, size, alignment, offset).cast()
}

/// Allocates `count * size` zeroed bytes at a multiple of `alignment`.
#[unsafe(no_mangle)]
pub extern "C" fn mi_calloc_aligned(count: usize, size: usize, alignment: usize) -> *mut c_void {
    aligned::calloc_aligned(Plain, count, size, alignment).cast()
}

/// Allocates `count * size` zeroed bytes, aligned at `offset`.
#[unsafe(no_mangle)]
pub extern "C" fn mi_calloc_aligned_at(
    count: usize,
    size: usize,
    alignment: usize,
    offset: usize,
) -> *mut c_void {
    aligned::calloc_aligned_at(Plain, count, size, alignment, offset).cast()
}

/// Resizes a block and keeps or makes it aligned.
///
/// # Safety
/// `p` is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_realloc_aligned(
    p: *mut c_void,
    newsize: usize,
    alignment: usize,
) -> *mut c_void {
    // SAFETY: null or a live block by the caller's promise.
    unsafe { realloc::realloc_aligned(Plain, p.cast(), newsize, alignment).cast() }
}

/// Resizes a block and keeps or makes it aligned at `offset`.
///
/// # Safety
/// `p` is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_realloc_aligned_at(
    p: *mut c_void,
    newsize: usize,
    alignment: usize,
    offset: usize,
) -> *mut c_void {
    // SAFETY: null or a live block by the caller's promise.
    unsafe { realloc::realloc_aligned_at(Plain, p.cast(), newsize, alignment, offset).cast() }
}
