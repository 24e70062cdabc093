//! Allocation that also reports the size of the block, with what an aligned pointer inside it leaves in
//! front; it is written only on success, and the pointer to it may be null.
#![allow(unsafe_code)]

use core::ffi::c_void;
use rimalloc_core::source::Plain;
use rimalloc_core::{aligned, alloc, free, realloc};

/// Stores the size of `p`'s block, unless `p` is nobody's or the place for it is null.
///
/// # Safety
/// `block_size` is null or valid for a write.
unsafe fn report(p: *mut u8, block_size: *mut usize) -> *mut c_void {
    let size = free::block_size(p);
    if size != 0 && !block_size.is_null() {
        // SAFETY: not null, hence valid by the caller's promise.
        unsafe { block_size.write(size) };
    }
    p.cast()
}

/// [`super::mi_malloc`] with the block size.
///
/// # Safety
/// `block_size` is null or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_umalloc(size: usize, block_size: *mut usize) -> *mut c_void {
    // SAFETY: null or valid for a write by the caller's promise.
    unsafe { report(alloc::malloc(Plain, size), block_size) }
}

/// [`super::mi_calloc`] with the block size.
///
/// # Safety
/// `block_size` is null or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_ucalloc(
    count: usize,
    size: usize,
    block_size: *mut usize,
) -> *mut c_void {
    // SAFETY: null or valid for a write by the caller's promise.
    unsafe { report(alloc::calloc(Plain, count, size), block_size) }
}

/// [`super::mi_malloc_small`] with the block size.
///
/// # Safety
/// `block_size` is null or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_umalloc_small(size: usize, block_size: *mut usize) -> *mut c_void {
    // SAFETY: null or valid for a write by the caller's promise.
    unsafe { report(alloc::malloc_small(Plain, size), block_size) }
}

/// [`super::mi_zalloc_small`] with the block size.
///
/// # Safety
/// `block_size` is null or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_uzalloc_small(size: usize, block_size: *mut usize) -> *mut c_void {
    // SAFETY: null or valid for a write by the caller's promise.
    unsafe { report(alloc::zalloc_small(Plain, size), block_size) }
}

/// [`super::aligned::mi_malloc_aligned`] with the block size.
///
/// # Safety
/// `block_size` is null or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_umalloc_aligned(
    size: usize,
    alignment: usize,
    block_size: *mut usize,
) -> *mut c_void {
    // SAFETY: null or valid for a write by the caller's promise.
    unsafe { report(aligned::malloc_aligned(Plain, size, alignment), block_size) }
}

/// [`super::aligned::mi_zalloc_aligned`] with the block size.
///
/// # Safety
/// `block_size` is null or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_uzalloc_aligned(
    size: usize,
    alignment: usize,
    block_size: *mut usize,
) -> *mut c_void {
    // SAFETY: null or valid for a write by the caller's promise.
    unsafe { report(aligned::zalloc_aligned(Plain, size, alignment), block_size) }
}

/// [`super::mi_realloc`] with the block sizes before, 0 for a null `p`, and after.
///
/// # Safety
/// `p` is null or a live block; the sizes are null or valid for writes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_urealloc(
    p: *mut c_void,
    newsize: usize,
    block_size_pre: *mut usize,
    block_size_post: *mut usize,
) -> *mut c_void {
    // SAFETY: as the caller promises; the size before is read while `p` is alive.
    unsafe {
        crate::string::store(block_size_pre, free::block_size(p.cast()));
        report(realloc::realloc(Plain, p.cast(), newsize), block_size_post)
    }
}

/// [`super::mi_free`] with the block size, not written for a null `p` or one that is not ours.
///
/// # Safety
/// `p` is null, a live block, or not ours; `block_size` is null or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_ufree(p: *mut c_void, block_size: *mut usize) {
    // SAFETY: as the caller promises; the size is read while `p` is alive.
    unsafe { free::free(report(p.cast(), block_size).cast()) }
}
