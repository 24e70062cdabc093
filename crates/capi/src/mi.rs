//! The `mi_` functions.
//!
//! Here: plain allocation. The submodules hold the rest by subject. Every function forwards to
//! the engine; contracts are those of mimalloc 2.x, whose numbers [`process::mi_version`] gives.
//!
//! Rules for all of them: a size of zero gives a block of its own; a zeroing function clears the
//! whole usable block; failure is null with errno `ENOMEM`, an argument that can never succeed
//! is null; a block may be freed by any thread.
#![allow(unsafe_code)]

pub mod aligned;
pub mod arenas;
pub mod block;
pub mod cxx;
pub mod heap;
pub mod heap_alloc;
pub mod options;
pub mod posix;
pub mod process;
pub mod process_info;
pub mod report;
pub mod stats;
pub mod strings;
pub mod subproc;
pub mod theap;
pub mod visit;
pub mod zeroed;

use core::ffi::c_void;
use rimalloc_core::source::Plain;
use rimalloc_core::{alloc, free, realloc};

/// Allocates `size` bytes, uninitialised.
#[unsafe(no_mangle)]
pub extern "C" fn mi_malloc(size: usize) -> *mut c_void {
    alloc::malloc(Plain, size).cast()
}

/// Allocates `count * size` bytes, zeroed; null when the product overflows.
#[unsafe(no_mangle)]
pub extern "C" fn mi_calloc(count: usize, size: usize) -> *mut c_void {
    alloc::calloc(Plain, count, size).cast()
}

/// Allocates `count * size` bytes, uninitialised; null when the product overflows.
#[unsafe(no_mangle)]
pub extern "C" fn mi_mallocn(count: usize, size: usize) -> *mut c_void {
    alloc::mallocn(Plain, count, size).cast()
}

/// Allocates `size` bytes, zeroed.
#[unsafe(no_mangle)]
pub extern "C" fn mi_zalloc(size: usize) -> *mut c_void {
    alloc::zalloc(Plain, size).cast()
}

/// Allocates `size` bytes, at most `MI_SMALL_SIZE_MAX` (1024), uninitialised.
#[unsafe(no_mangle)]
pub extern "C" fn mi_malloc_small(size: usize) -> *mut c_void {
    alloc::malloc_small(Plain, size).cast()
}

/// Allocates `size` bytes, at most `MI_SMALL_SIZE_MAX` (1024), zeroed.
#[unsafe(no_mangle)]
pub extern "C" fn mi_zalloc_small(size: usize) -> *mut c_void {
    alloc::zalloc_small(Plain, size).cast()
}

/// Frees a block, or the aligned pointer into one.
///
/// # Safety
/// `p` is null, a live block, or not ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_free(p: *mut c_void) {
    // SAFETY: null, live or foreign by the caller's promise.
    unsafe { free::free(p.cast()) }
}

/// Frees a block of one of the `_small` functions.
///
/// # Safety
/// `p` is null, a live block, or not ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_free_small(p: *mut c_void) {
    // SAFETY: null, live or foreign by the caller's promise.
    unsafe { free::free(p.cast()) }
}

/// Resizes a block, in place where it fits and stays at least half full. On failure null, and `p`
/// stays alive.
///
/// # Safety
/// `p` is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_realloc(p: *mut c_void, newsize: usize) -> *mut c_void {
    // SAFETY: null or a live block by the caller's promise.
    unsafe { realloc::realloc(Plain, p.cast(), newsize).cast() }
}

/// Resizes a block to `count * size` bytes; null when the product overflows.
///
/// # Safety
/// `p` is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_reallocn(p: *mut c_void, count: usize, size: usize) -> *mut c_void {
    // SAFETY: null or a live block by the caller's promise.
    unsafe { realloc::reallocn(Plain, p.cast(), count, size).cast() }
}

/// Resizes a block and frees it on failure.
///
/// # Safety
/// `p` is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_reallocf(p: *mut c_void, newsize: usize) -> *mut c_void {
    // SAFETY: null or a live block by the caller's promise.
    unsafe { realloc::reallocf(Plain, p.cast(), newsize).cast() }
}

/// `p` when `newsize` bytes fit into its block as it is, else null.
///
/// # Safety
/// `p` is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_expand(p: *mut c_void, newsize: usize) -> *mut c_void {
    // SAFETY: null or a live block by the caller's promise.
    unsafe { realloc::expand(p.cast(), newsize).cast() }
}

/// The bytes usable at `p`; 0 for null and for pointers that are not ours.
///
/// # Safety
/// `p` is null, a live block, or not ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_usable_size(p: *const c_void) -> usize {
    // SAFETY: null, live or foreign by the caller's promise.
    unsafe { free::usable_size(p.cast()) }
}

/// The usable size that a request of `size` bytes gets.
#[unsafe(no_mangle)]
pub extern "C" fn mi_good_size(size: usize) -> usize {
    alloc::good_size(size)
}
