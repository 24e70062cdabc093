//! The libc names with the `mi_` prefix: POSIX, BSD, glibc, macOS and Microsoft.
#![allow(unsafe_code)]

use crate::{errno, posix};
use core::ffi::{c_int, c_void};
use libc::{ENOMEM, EOVERFLOW};
use rimalloc_core::source::Plain;
use rimalloc_core::{aligned, alloc, free, realloc};

/// cfree(3): frees a block, ignores a pointer that is not ours.
///
/// # Safety
/// `p` is null, a live block, or not ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_cfree(p: *mut c_void) {
    // SAFETY: null, live or foreign by the caller's promise.
    unsafe { free::free(p.cast()) }
}

/// `_expand` of the Microsoft C library: [`super::mi_expand`] with errno `ENOMEM` on failure.
///
/// # Safety
/// `p` is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi__expand(p: *mut c_void, newsize: usize) -> *mut c_void {
    // SAFETY: null or a live block by the caller's promise.
    let q = unsafe { realloc::expand(p.cast(), newsize) };
    if q.is_null() { errno::fail(ENOMEM) } else { q.cast() }
}

/// malloc_size(3) of macOS.
///
/// # Safety
/// `p` is null, a live block, or not ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_malloc_size(p: *const c_void) -> usize {
    // SAFETY: null, live or foreign by the caller's promise.
    unsafe { free::usable_size(p.cast()) }
}

/// malloc_usable_size(3).
///
/// # Safety
/// `p` is null, a live block, or not ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_malloc_usable_size(p: *const c_void) -> usize {
    // SAFETY: null, live or foreign by the caller's promise.
    unsafe { free::usable_size(p.cast()) }
}

/// malloc_good_size(3) of macOS.
#[unsafe(no_mangle)]
pub extern "C" fn mi_malloc_good_size(size: usize) -> usize {
    alloc::good_size(size)
}

/// posix_memalign(3).
///
/// # Safety
/// `p` is null or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_posix_memalign(
    p: *mut *mut c_void,
    alignment: usize,
    size: usize,
) -> c_int {
    // SAFETY: null or valid for a write by the caller's promise.
    unsafe { posix::posix_memalign(p, alignment, size) }
}

/// memalign(3).
#[unsafe(no_mangle)]
pub extern "C" fn mi_memalign(alignment: usize, size: usize) -> *mut c_void {
    aligned::malloc_aligned(Plain, size, alignment).cast()
}

/// aligned_alloc(3); the size need not be a multiple of the alignment.
#[unsafe(no_mangle)]
pub extern "C" fn mi_aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
    aligned::malloc_aligned(Plain, size, alignment).cast()
}

/// valloc(3).
#[unsafe(no_mangle)]
pub extern "C" fn mi_valloc(size: usize) -> *mut c_void {
    posix::valloc(size)
}

/// pvalloc(3).
#[unsafe(no_mangle)]
pub extern "C" fn mi_pvalloc(size: usize) -> *mut c_void {
    posix::pvalloc(size)
}

/// reallocarray(3), with errno `EOVERFLOW` when the product overflows.
///
/// # Safety
/// `p` is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_reallocarray(p: *mut c_void, count: usize, size: usize) -> *mut c_void {
    // SAFETY: null or a live block by the caller's promise.
    unsafe { posix::reallocarray(p, count, size, EOVERFLOW) }
}

/// reallocarr(3) of NetBSD; the error is the result and in errno.
///
/// # Safety
/// `p` is null or points to a pointer that is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_reallocarr(p: *mut c_void, count: usize, size: usize) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { posix::reallocarr(p, count, size) }
}

/// `_aligned_recalloc` of the Microsoft C library.
///
/// # Safety
/// `p` is null or a live block that was allocated zeroed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_aligned_recalloc(
    p: *mut c_void,
    newcount: usize,
    size: usize,
    alignment: usize,
) -> *mut c_void {
    // SAFETY: null or a live zeroed block by the caller's promise.
    unsafe { realloc::recalloc_aligned(Plain, p.cast(), newcount, size, alignment).cast() }
}

/// `_aligned_offset_recalloc` of the Microsoft C library.
///
/// # Safety
/// `p` is null or a live block that was allocated zeroed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_aligned_offset_recalloc(
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

/// Frees a block whose size the caller knows.
///
/// # Safety
/// `p` is null or a live block allocated with `size`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_free_size(p: *mut c_void, size: usize) {
    // SAFETY: null or a live block of that size by the caller's promise.
    unsafe { free::free_size(p.cast(), size) }
}

/// Frees a block whose size and alignment the caller knows.
///
/// # Safety
/// `p` is null or a live block allocated with `size` and `alignment`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_free_size_aligned(p: *mut c_void, size: usize, alignment: usize) {
    // SAFETY: null or a live block of that kind by the caller's promise.
    unsafe { free::free_size_aligned(p.cast(), size, alignment) }
}

/// Frees a block whose alignment the caller knows.
///
/// # Safety
/// `p` is null or a live block allocated with `alignment`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_free_aligned(p: *mut c_void, alignment: usize) {
    // SAFETY: null or a live block of that alignment by the caller's promise.
    unsafe { free::free_aligned(p.cast(), alignment) }
}
