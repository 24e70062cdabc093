//! `operator new` for C and for the C++ headers: exhaustion calls the new-handler and throws
//! `std::bad_alloc`, or aborts where there is no C++ runtime.
#![allow(unsafe_code)]

use crate::new_handler;
use core::ffi::c_void;

/// `new`.
#[unsafe(no_mangle)]
pub extern "C" fn mi_new(size: usize) -> *mut c_void {
    new_handler::new(size)
}

/// Aligned `new`; an invalid alignment counts as exhaustion.
#[unsafe(no_mangle)]
pub extern "C" fn mi_new_aligned(size: usize, alignment: usize) -> *mut c_void {
    new_handler::new_aligned(size, alignment)
}

/// `new (std::nothrow)`.
#[unsafe(no_mangle)]
pub extern "C" fn mi_new_nothrow(size: usize) -> *mut c_void {
    new_handler::new_nothrow(size)
}

/// Aligned `new (std::nothrow)`; null for an invalid alignment.
#[unsafe(no_mangle)]
pub extern "C" fn mi_new_aligned_nothrow(size: usize, alignment: usize) -> *mut c_void {
    new_handler::new_aligned_nothrow(size, alignment)
}

/// `new` of `count * size` bytes. On overflow the handler is called once, then the result is null.
#[unsafe(no_mangle)]
pub extern "C" fn mi_new_n(count: usize, size: usize) -> *mut c_void {
    new_handler::new_n(count, size)
}

/// `realloc` that fails like `new`, with `p` still alive.
///
/// # Safety
/// `p` is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_new_realloc(p: *mut c_void, newsize: usize) -> *mut c_void {
    // SAFETY: null or a live block by the caller's promise.
    unsafe { new_handler::new_realloc(p, newsize) }
}

/// [`mi_new_realloc`] to `newcount * size` bytes; overflow as in [`mi_new_n`].
///
/// # Safety
/// `p` is null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_new_reallocn(
    p: *mut c_void,
    newcount: usize,
    size: usize,
) -> *mut c_void {
    // SAFETY: null or a live block by the caller's promise.
    unsafe { new_handler::new_reallocn(p, newcount, size) }
}
