//! The malloc family under its libc names: C11, C23, POSIX, BSD and glibc's own.
//!
//! Contracts are those of malloc(3), posix_memalign(3), reallocarray(3), strdup(3) and
//! malloc_usable_size(3). A size of zero gives a block of its own. `free` of a pointer that is
//! not ours does nothing: a program may hold blocks that glibc gave out before we were loaded.
#![allow(unsafe_code)]

use crate::{posix, program, string};
use core::ffi::{c_char, c_int, c_void};
use rimalloc_core::source::Plain;
use rimalloc_core::{aligned, alloc, free as release, realloc as resize};

/// malloc(3).
#[unsafe(no_mangle)]
pub extern "C" fn malloc(size: usize) -> *mut c_void {
    alloc::malloc(Plain, size).cast()
}

/// calloc(3).
#[unsafe(no_mangle)]
pub extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    alloc::calloc(Plain, count, size).cast()
}

/// realloc(3); a size of zero gives a minimal block, not null.
///
/// # Safety
/// `p` is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn realloc(p: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: null or a live block by the caller's promise.
    unsafe { resize::realloc(Plain, p.cast(), size).cast() }
}

/// free(3).
///
/// # Safety
/// `p` is null, a live block, or not ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(p: *mut c_void) {
    // SAFETY: null, live or foreign by the caller's promise.
    unsafe { release::free(p.cast()) }
}

/// cfree(3), the historical name of `free`.
///
/// # Safety
/// `p` is null, a live block, or not ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cfree(p: *mut c_void) {
    // SAFETY: null, live or foreign by the caller's promise.
    unsafe { release::free(p.cast()) }
}

/// Frees what `valloc` gave; the name some systems have for it.
///
/// # Safety
/// `p` is null, a live block, or not ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vfree(p: *mut c_void) {
    // SAFETY: null, live or foreign by the caller's promise.
    unsafe { release::free(p.cast()) }
}

/// `free_sized` of C23.
///
/// # Safety
/// `p` is null or a live block allocated with `size`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free_sized(p: *mut c_void, size: usize) {
    // SAFETY: null or a live block of that size by the caller's promise.
    unsafe { release::free_size(p.cast(), size) }
}

/// `free_aligned_sized` of C23.
///
/// # Safety
/// `p` is null or a live block allocated with `align` and `size`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free_aligned_sized(p: *mut c_void, align: usize, size: usize) {
    // SAFETY: null or a live block of that size and alignment by the caller's promise.
    unsafe { release::free_size_aligned(p.cast(), size, align) }
}

/// posix_memalign(3).
///
/// # Safety
/// `out` is null or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_memalign(out: *mut *mut c_void, align: usize, size: usize) -> c_int {
    // SAFETY: null or valid for a write by the caller's promise.
    unsafe { posix::posix_memalign(out, align, size) }
}

/// aligned_alloc(3); the size need not be a multiple of the alignment.
#[unsafe(no_mangle)]
pub extern "C" fn aligned_alloc(align: usize, size: usize) -> *mut c_void {
    aligned::malloc_aligned(Plain, size, align).cast()
}

/// memalign(3).
#[unsafe(no_mangle)]
pub extern "C" fn memalign(align: usize, size: usize) -> *mut c_void {
    aligned::malloc_aligned(Plain, size, align).cast()
}

/// valloc(3).
#[unsafe(no_mangle)]
pub extern "C" fn valloc(size: usize) -> *mut c_void {
    posix::valloc(size)
}

/// pvalloc(3).
#[unsafe(no_mangle)]
pub extern "C" fn pvalloc(size: usize) -> *mut c_void {
    posix::pvalloc(size)
}

/// `_aligned_malloc` of the Microsoft C library: size first.
#[unsafe(no_mangle)]
pub extern "C" fn _aligned_malloc(size: usize, align: usize) -> *mut c_void {
    aligned::malloc_aligned(Plain, size, align).cast()
}

/// reallocarray(3): a product that overflows is `ENOMEM`.
///
/// # Safety
/// `p` is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reallocarray(p: *mut c_void, count: usize, size: usize) -> *mut c_void {
    // SAFETY: null or a live block by the caller's promise.
    unsafe { program::reallocarray(p, count, size) }
}

/// reallocarr(3) of NetBSD.
///
/// # Safety
/// `slot` is null or points to a pointer that is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reallocarr(slot: *mut c_void, count: usize, size: usize) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { posix::reallocarr(slot, count, size) }
}

/// reallocf(3) of the BSDs: frees `p` when it fails.
///
/// # Safety
/// `p` is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reallocf(p: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: null or a live block by the caller's promise.
    unsafe { resize::reallocf(Plain, p.cast(), size).cast() }
}

/// malloc_usable_size(3).
///
/// # Safety
/// `p` is null, a live block, or not ours, which counts as size 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc_usable_size(p: *const c_void) -> usize {
    // SAFETY: null, live or foreign by the caller's promise.
    unsafe { release::usable_size(p.cast()) }
}

/// malloc_size(3) of macOS.
///
/// # Safety
/// `p` is null, a live block, or not ours, which counts as size 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc_size(p: *const c_void) -> usize {
    // SAFETY: null, live or foreign by the caller's promise.
    unsafe { release::usable_size(p.cast()) }
}

/// malloc_good_size(3) of macOS.
#[unsafe(no_mangle)]
pub extern "C" fn malloc_good_size(size: usize) -> usize {
    alloc::good_size(size)
}

/// strdup(3).
///
/// # Safety
/// `s` is null or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn strdup(s: *const c_char) -> *mut c_char {
    // SAFETY: as the caller promises.
    unsafe { string::duplicate(s, program::malloc_checked) }
}

/// strndup(3).
///
/// # Safety
/// `s` is null, or readable up to its terminator or for `max` bytes, whichever is less.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn strndup(s: *const c_char, max: usize) -> *mut c_char {
    // SAFETY: as the caller promises.
    unsafe { string::duplicate_max(s, max, program::malloc_checked) }
}

// glibc exports its functions under these names too, and libraries call them to get past an
// override. Blocks from one would reach the `free` of the other.

/// glibc's second name of `malloc`.
#[unsafe(no_mangle)]
pub extern "C" fn __libc_malloc(size: usize) -> *mut c_void {
    alloc::malloc(Plain, size).cast()
}

/// glibc's second name of `calloc`.
#[unsafe(no_mangle)]
pub extern "C" fn __libc_calloc(count: usize, size: usize) -> *mut c_void {
    alloc::calloc(Plain, count, size).cast()
}

/// glibc's second name of `realloc`.
///
/// # Safety
/// `p` is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __libc_realloc(p: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: null or a live block by the caller's promise.
    unsafe { resize::realloc(Plain, p.cast(), size).cast() }
}

/// glibc's second name of `free`.
///
/// # Safety
/// `p` is null, a live block, or not ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __libc_free(p: *mut c_void) {
    // SAFETY: null, live or foreign by the caller's promise.
    unsafe { release::free(p.cast()) }
}

/// glibc's second name of `cfree`.
///
/// # Safety
/// `p` is null, a live block, or not ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __libc_cfree(p: *mut c_void) {
    // SAFETY: null, live or foreign by the caller's promise.
    unsafe { release::free(p.cast()) }
}

/// glibc's second name of `memalign`.
#[unsafe(no_mangle)]
pub extern "C" fn __libc_memalign(align: usize, size: usize) -> *mut c_void {
    aligned::malloc_aligned(Plain, size, align).cast()
}

/// glibc's second name of `valloc`.
#[unsafe(no_mangle)]
pub extern "C" fn __libc_valloc(size: usize) -> *mut c_void {
    posix::valloc(size)
}

/// glibc's second name of `pvalloc`.
#[unsafe(no_mangle)]
pub extern "C" fn __libc_pvalloc(size: usize) -> *mut c_void {
    posix::pvalloc(size)
}

/// glibc's second name of `posix_memalign`.
///
/// # Safety
/// `out` is null or valid for a write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __posix_memalign(
    out: *mut *mut c_void,
    align: usize,
    size: usize,
) -> c_int {
    // SAFETY: null or valid for a write by the caller's promise.
    unsafe { posix::posix_memalign(out, align, size) }
}
