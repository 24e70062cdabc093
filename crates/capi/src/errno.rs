//! The calling thread's `errno`, errno(3).
//!
//! The engine reports exhaustion (`ENOMEM`) and invalid alignments (`EINVAL`) itself; the faces
//! report what only their own contracts forbid.

use core::ffi::c_int;
use core::ptr;

pub(crate) use rimalloc_core::os::{errno as get, set_errno as set};

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
