//! The replaceable allocation functions of C++ ([new.delete] in the standard), by their
//! Itanium-mangled names.
//!
//! Forms: `new`/`delete`, plain and array, each nothrow, sized (C++14), aligned (C++17) and mixed.
//! The fast path is inlined; failure leaves by a tail call, so no frame of ours is on the stack
//! when an exception starts. `std::align_val_t` is passed like `size_t`, `std::nothrow_t const&`
//! like a pointer.
#![allow(unsafe_code, non_snake_case)]

use crate::new_handler;
use core::ffi::c_void;
use rimalloc_core::free;

/// `operator new(std::size_t)`.
#[unsafe(no_mangle)]
pub extern "C" fn _Znwm(size: usize) -> *mut c_void {
    new_handler::new(size)
}

/// `operator new(std::size_t, std::nothrow_t const&)`.
#[unsafe(no_mangle)]
pub extern "C" fn _ZnwmRKSt9nothrow_t(size: usize, _: *const c_void) -> *mut c_void {
    new_handler::new_nothrow(size)
}

/// `operator new(std::size_t, std::align_val_t)`.
#[unsafe(no_mangle)]
pub extern "C" fn _ZnwmSt11align_val_t(size: usize, align: usize) -> *mut c_void {
    new_handler::new_aligned(size, align)
}

/// `operator new(std::size_t, std::align_val_t, std::nothrow_t const&)`.
#[unsafe(no_mangle)]
pub extern "C" fn _ZnwmSt11align_val_tRKSt9nothrow_t(
    size: usize,
    align: usize,
    _: *const c_void,
) -> *mut c_void {
    new_handler::new_aligned_nothrow(size, align)
}

/// `operator new[](std::size_t)`.
#[unsafe(no_mangle)]
pub extern "C" fn _Znam(size: usize) -> *mut c_void {
    new_handler::new(size)
}

/// `operator new[](std::size_t, std::nothrow_t const&)`.
#[unsafe(no_mangle)]
pub extern "C" fn _ZnamRKSt9nothrow_t(size: usize, _: *const c_void) -> *mut c_void {
    new_handler::new_nothrow(size)
}

/// `operator new[](std::size_t, std::align_val_t)`.
#[unsafe(no_mangle)]
pub extern "C" fn _ZnamSt11align_val_t(size: usize, align: usize) -> *mut c_void {
    new_handler::new_aligned(size, align)
}

/// `operator new[](std::size_t, std::align_val_t, std::nothrow_t const&)`.
#[unsafe(no_mangle)]
pub extern "C" fn _ZnamSt11align_val_tRKSt9nothrow_t(
    size: usize,
    align: usize,
    _: *const c_void,
) -> *mut c_void {
    new_handler::new_aligned_nothrow(size, align)
}

/// `operator delete(void*)`.
///
/// # Safety
/// `p` is null, a live block, or not ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _ZdlPv(p: *mut c_void) {
    // SAFETY: null, live or foreign by the caller's promise.
    unsafe { free::free(p.cast()) }
}

/// `operator delete(void*, std::nothrow_t const&)`.
///
/// # Safety
/// `p` is null, a live block, or not ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _ZdlPvRKSt9nothrow_t(p: *mut c_void, _: *const c_void) {
    // SAFETY: null, live or foreign by the caller's promise.
    unsafe { free::free(p.cast()) }
}

/// `operator delete(void*, std::size_t)`.
///
/// # Safety
/// `p` is null or a live block allocated with `size`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _ZdlPvm(p: *mut c_void, size: usize) {
    // SAFETY: null or a live block of that size by the caller's promise.
    unsafe { free::free_size(p.cast(), size) }
}

/// `operator delete(void*, std::align_val_t)`.
///
/// # Safety
/// `p` is null or a live block allocated with `align`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _ZdlPvSt11align_val_t(p: *mut c_void, align: usize) {
    // SAFETY: null or a live block of that alignment by the caller's promise.
    unsafe { free::free_aligned(p.cast(), align) }
}

/// `operator delete(void*, std::align_val_t, std::nothrow_t const&)`.
///
/// # Safety
/// `p` is null or a live block allocated with `align`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _ZdlPvSt11align_val_tRKSt9nothrow_t(
    p: *mut c_void,
    align: usize,
    _: *const c_void,
) {
    // SAFETY: null or a live block of that alignment by the caller's promise.
    unsafe { free::free_aligned(p.cast(), align) }
}

/// `operator delete(void*, std::size_t, std::align_val_t)`.
///
/// # Safety
/// `p` is null or a live block allocated with `size` and `align`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _ZdlPvmSt11align_val_t(p: *mut c_void, size: usize, align: usize) {
    // SAFETY: null or a live block of that size and alignment by the caller's promise.
    unsafe { free::free_size_aligned(p.cast(), size, align) }
}

/// `operator delete[](void*)`.
///
/// # Safety
/// `p` is null, a live block, or not ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _ZdaPv(p: *mut c_void) {
    // SAFETY: null, live or foreign by the caller's promise.
    unsafe { free::free(p.cast()) }
}

/// `operator delete[](void*, std::nothrow_t const&)`.
///
/// # Safety
/// `p` is null, a live block, or not ours.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _ZdaPvRKSt9nothrow_t(p: *mut c_void, _: *const c_void) {
    // SAFETY: null, live or foreign by the caller's promise.
    unsafe { free::free(p.cast()) }
}

/// `operator delete[](void*, std::size_t)`.
///
/// # Safety
/// `p` is null or a live block allocated with `size`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _ZdaPvm(p: *mut c_void, size: usize) {
    // SAFETY: null or a live block of that size by the caller's promise.
    unsafe { free::free_size(p.cast(), size) }
}

/// `operator delete[](void*, std::align_val_t)`.
///
/// # Safety
/// `p` is null or a live block allocated with `align`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _ZdaPvSt11align_val_t(p: *mut c_void, align: usize) {
    // SAFETY: null or a live block of that alignment by the caller's promise.
    unsafe { free::free_aligned(p.cast(), align) }
}

/// `operator delete[](void*, std::align_val_t, std::nothrow_t const&)`.
///
/// # Safety
/// `p` is null or a live block allocated with `align`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _ZdaPvSt11align_val_tRKSt9nothrow_t(
    p: *mut c_void,
    align: usize,
    _: *const c_void,
) {
    // SAFETY: null or a live block of that alignment by the caller's promise.
    unsafe { free::free_aligned(p.cast(), align) }
}

/// `operator delete[](void*, std::size_t, std::align_val_t)`.
///
/// # Safety
/// `p` is null or a live block allocated with `size` and `align`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _ZdaPvmSt11align_val_t(p: *mut c_void, size: usize, align: usize) {
    // SAFETY: null or a live block of that size and alignment by the caller's promise.
    unsafe { free::free_size_aligned(p.cast(), size, align) }
}
