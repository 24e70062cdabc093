//! Argument checks of the POSIX and BSD functions, shared by the `mi_` and the libc names.
#![allow(unsafe_code)]

use crate::errno;
use core::ffi::{c_int, c_void};
use libc::{EINVAL, ENOMEM, EOVERFLOW};
use rimalloc_core::source::{Plain, Source};
use rimalloc_core::{aligned, alloc, free, os, realloc, report};

/// posix_memalign(3): the code is the result; errno and, on failure, `*out` keep their values.
///
/// # Safety
/// `out` is null or valid for a write.
pub(crate) unsafe fn posix_memalign(out: *mut *mut c_void, align: usize, size: usize) -> c_int {
    if out.is_null() || !align.is_power_of_two() || align < size_of::<*mut c_void>() {
        return EINVAL;
    }
    let before = errno::get();
    let p = aligned::malloc_aligned(Plain, size, align);
    errno::set(before);
    if p.is_null() {
        return ENOMEM;
    }
    // SAFETY: not null, and valid for a write by the caller's promise.
    unsafe { *out = p.cast() };
    0
}

/// valloc(3).
pub(crate) fn valloc(size: usize) -> *mut c_void {
    aligned::malloc_aligned(Plain, size, os::page_size()).cast()
}

/// pvalloc(3): like valloc, with the size rounded up to whole OS pages.
pub(crate) fn pvalloc(size: usize) -> *mut c_void {
    // What cannot be rounded up cannot be had either.
    valloc(size.checked_next_multiple_of(os::page_size()).unwrap_or(size))
}

/// reallocarray(3); `overflow` is the errno of a product that does not fit.
///
/// # Safety
/// `p` is null or a live block, whose ownership moves to the result unless that is null.
pub(crate) unsafe fn reallocarray(
    p: *mut c_void,
    count: usize,
    size: usize,
    overflow: c_int,
) -> *mut c_void {
    match count.checked_mul(size) {
        // SAFETY: the caller's promise is realloc's.
        Some(total) => unsafe { realloc::realloc(Plain, p.cast(), total).cast() },
        None => {
            report::too_many(count, size);
            errno::fail(overflow)
        }
    }
}

/// reallocarr(3) of NetBSD: works on the pointer in place and returns the error, also in errno.
/// A count of zero frees and stores null; an element size of zero is `EINVAL`.
///
/// # Safety
/// `slot` is null or points to a pointer that is null or a live block.
pub(crate) unsafe fn reallocarr(slot: *mut c_void, count: usize, size: usize) -> c_int {
    let slot = slot.cast::<*mut u8>();
    if slot.is_null() || size == 0 {
        return errno::fail_code(EINVAL);
    }
    let Some(total) = count.checked_mul(size) else {
        report::too_many(count, size);
        return errno::fail_code(EOVERFLOW);
    };
    // SAFETY: `slot` is valid by the caller's promise. It has no alignment promise: callers pass
    // the address of any object pointer, cast to void*.
    let old = unsafe { slot.read_unaligned() };
    let new = if total == 0 {
        // SAFETY: null or a live block by the caller's promise; the slot is overwritten below.
        unsafe { free::free(old) };
        core::ptr::null_mut()
    } else {
        // SAFETY: null or a live block by the caller's promise.
        unsafe { realloc::realloc(Plain, old, total) }
    };
    if new.is_null() && total != 0 {
        return errno::fail_code(ENOMEM);
    }
    // SAFETY: as for the read above.
    unsafe { slot.write_unaligned(new) };
    0
}

/// A block of `size` bytes, or null when `size` is not given.
pub(crate) fn malloc_checked(size: Option<usize>) -> *mut u8 {
    malloc_checked_from(Plain, size)
}

/// [`malloc_checked`] from a source.
pub(crate) fn malloc_checked_from(source: impl Source, size: Option<usize>) -> *mut u8 {
    size.map_or_else(|| errno::fail(ENOMEM), |size| alloc::malloc(source, size))
}
