//! Copies of C strings.
#![allow(unsafe_code)]

use crate::errno;
use crate::posix::malloc_checked;
use core::ffi::{c_char, c_int};
use core::ptr;
use libc::{EINVAL, ENOMEM, wchar_t};
use rimalloc_core::source::Plain;
use rimalloc_core::{alloc, free};

/// Where the memory for a copy comes from; `None` is a size that does not fit.
pub(crate) trait Take: Fn(Option<usize>) -> *mut u8 {}

impl<F: Fn(Option<usize>) -> *mut u8> Take for F {}

/// strdup(3); null for null.
///
/// # Safety
/// `s` is null or a NUL-terminated string.
pub(crate) unsafe fn duplicate(s: *const c_char, take: impl Take) -> *mut c_char {
    if s.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: a NUL-terminated string by the caller's promise; copied up to its terminator.
    unsafe { copy(s, libc::strlen(s), take) }
}

/// strndup(3); null for null.
///
/// # Safety
/// `s` is null, or readable up to its terminator or for `max` bytes, whichever is less.
pub(crate) unsafe fn duplicate_max(s: *const c_char, max: usize, take: impl Take) -> *mut c_char {
    if s.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: strnlen(3) reads no more than the caller promised; that many bytes are copied.
    unsafe { copy(s, libc::strnlen(s, max), take) }
}

/// wcsdup(3); null for null.
///
/// # Safety
/// `s` is null or a wide string with a terminator.
pub(crate) unsafe fn duplicate_wide(s: *const wchar_t) -> *mut wchar_t {
    if s.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: terminated, by the caller's promise.
    let units = unsafe { libc::wcslen(s) } + 1;
    let block = malloc_checked(units.checked_mul(size_of::<wchar_t>())).cast::<wchar_t>();
    if !block.is_null() {
        // SAFETY: `s` has `units` elements, the new block has room for them and is disjoint.
        unsafe { ptr::copy_nonoverlapping(s, block, units) };
    }
    block
}

/// realpath(3), with the result in memory that `take` gives when `resolved` is null.
///
/// # Safety
/// `path` is null or a NUL-terminated string; `resolved` is null or has room for `PATH_MAX` bytes.
pub(crate) unsafe fn real_path(
    path: *const c_char,
    resolved: *mut c_char,
    take: impl Take,
) -> *mut c_char {
    if !resolved.is_null() {
        // SAFETY: the caller's promise is realpath's.
        return unsafe { libc::realpath(path, resolved) };
    }
    let room = alloc::malloc(Plain, PATH_MAX);
    if room.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: `room` has PATH_MAX bytes; the result is null or NUL-terminated; `room` is ours.
    unsafe {
        let found = duplicate(libc::realpath(path, room.cast()), take);
        free::free(room);
        found
    }
}

/// `_dupenv_s`: a copy of an environment variable's value; `*size` counts its terminator.
///
/// # Safety
/// `buf` and `size` are null or valid for writes, `name` is null or a NUL-terminated string.
pub(crate) unsafe fn duplicate_env(
    buf: *mut *mut c_char,
    size: *mut usize,
    name: *const c_char,
) -> c_int {
    // SAFETY: null or valid for a write by the caller's promise.
    unsafe { store(size, 0) };
    if buf.is_null() || name.is_null() {
        return EINVAL;
    }
    // SAFETY: `buf` is valid for writes and `name` terminated, by the caller's promise; getenv(3)
    // gives null or a terminated string, read before anything can change the environment.
    unsafe {
        *buf = ptr::null_mut();
        let value = libc::getenv(name);
        if value.is_null() {
            return 0;
        }
        *buf = duplicate(value, malloc_checked);
        if (*buf).is_null() {
            return errno::fail_code(ENOMEM);
        }
        store(size, libc::strlen(*buf) + 1);
    }
    0
}

/// POSIX limits.h: the size of the buffer that realpath(3) asks for.
const PATH_MAX: usize = 4096;

/// # Safety
/// `out` is null or valid for a write.
pub(crate) unsafe fn store<T>(out: *mut T, value: T) {
    if !out.is_null() {
        // SAFETY: not null, hence valid by the caller's promise.
        unsafe { out.write(value) };
    }
}

/// # Safety
/// `s` has `len` readable bytes.
unsafe fn copy(s: *const c_char, len: usize, take: impl Take) -> *mut c_char {
    let block = take(len.checked_add(1)).cast::<c_char>();
    if !block.is_null() {
        // SAFETY: `s` has `len` bytes by the caller's promise; the block has `len + 1` and is new.
        unsafe {
            ptr::copy_nonoverlapping(s, block, len);
            *block.add(len) = 0;
        }
    }
    block
}
