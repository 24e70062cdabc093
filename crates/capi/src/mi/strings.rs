//! Copies of strings, paths and environment variables, freed with `mi_free`.
#![allow(unsafe_code)]

use crate::posix::malloc_checked;
use crate::string;
use core::ffi::{c_char, c_int, c_uchar};
use core::ptr;
use libc::{EINVAL, wchar_t};

/// strdup(3); null for null.
///
/// # Safety
/// `s` is null or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_strdup(s: *const c_char) -> *mut c_char {
    // SAFETY: as the caller promises.
    unsafe { string::duplicate(s, malloc_checked) }
}

/// strndup(3); null for null.
///
/// # Safety
/// `s` is null, or readable up to its terminator or for `n` bytes, whichever is less.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_strndup(s: *const c_char, n: usize) -> *mut c_char {
    // SAFETY: as the caller promises.
    unsafe { string::duplicate_max(s, n, malloc_checked) }
}

/// `_mbsdup` of the Microsoft C library.
///
/// # Safety
/// `s` is null or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_mbsdup(s: *const c_uchar) -> *mut c_uchar {
    // SAFETY: as the caller promises.
    unsafe { string::duplicate(s.cast(), malloc_checked).cast() }
}

/// wcsdup(3); null for null.
///
/// # Safety
/// `s` is null or a wide string with a terminator.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_wcsdup(s: *const wchar_t) -> *mut wchar_t {
    // SAFETY: as the caller promises.
    unsafe { string::duplicate_wide(s) }
}

/// realpath(3), with a block of ours when `resolved_name` is null.
///
/// # Safety
/// `fname` is null or a NUL-terminated string, `resolved_name` null or `PATH_MAX` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_realpath(
    fname: *const c_char,
    resolved_name: *mut c_char,
) -> *mut c_char {
    // SAFETY: as the caller promises.
    unsafe { string::real_path(fname, resolved_name, malloc_checked) }
}

/// `_dupenv_s` of the Microsoft C library: 0, `EINVAL` or `ENOMEM`; a variable that is not set
/// gives a null `*buf` and 0.
///
/// # Safety
/// `buf` and `size` are null or valid for writes, `name` null or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_dupenv_s(
    buf: *mut *mut c_char,
    size: *mut usize,
    name: *const c_char,
) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { string::duplicate_env(buf, size, name) }
}

/// `_wdupenv_s`: the environment has no wide form outside Windows, so `EINVAL` and a null `*buf`.
///
/// # Safety
/// `buf` and `size` are null or valid for writes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_wdupenv_s(
    buf: *mut *mut wchar_t,
    size: *mut usize,
    _name: *const wchar_t,
) -> c_int {
    // SAFETY: null or valid for writes by the caller's promise.
    unsafe {
        string::store(buf, ptr::null_mut());
        string::store(size, 0);
    }
    EINVAL
}
