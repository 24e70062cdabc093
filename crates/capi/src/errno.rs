//! The calling thread's `errno`.
//!
//! The engine reports exhaustion (`ENOMEM`) itself, on its slow path; the faces report what only
//! they know: arguments that no amount of memory would satisfy.
#![allow(unsafe_code)]

use core::ffi::c_int;
use core::ptr;

pub(crate) fn get() -> c_int {
    // SAFETY: errno(3): the location is valid for the life of the calling thread.
    unsafe { *libc::__errno_location() }
}

pub(crate) fn set(code: c_int) {
    // SAFETY: errno(3): the location is valid for the life of the calling thread.
    unsafe { *libc::__errno_location() = code }
}

/// Sets errno and returns null, in one expression for the failure branches.
#[cold]
pub(crate) fn fail<T>(code: c_int) -> *mut T {
    set(code);
    ptr::null_mut()
}

/// Sets errno and returns the code.
#[cold]
pub(crate) fn fail_code(code: c_int) -> c_int {
    set(code);
    code
}
