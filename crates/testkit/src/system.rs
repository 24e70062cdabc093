//! The C library's allocator: the control that shows that the kit itself is sound.
#![allow(unsafe_code)]

use crate::Subject;
use core::ptr::null_mut;

#[allow(unsafe_code)]
mod libc {
    use core::ffi::{c_int, c_void};

    unsafe extern "C" {
        pub(super) safe fn malloc(size: usize) -> *mut c_void;
        pub(super) safe fn calloc(count: usize, size: usize) -> *mut c_void;
        pub(super) fn realloc(p: *mut c_void, size: usize) -> *mut c_void;
        pub(super) fn free(p: *mut c_void);
        pub(super) fn malloc_usable_size(p: *mut c_void) -> usize;
        pub(super) fn posix_memalign(out: *mut *mut c_void, align: usize, size: usize) -> c_int;
    }
}

/// The malloc family of the C library, to be checked with [`Rules::LIBC`](crate::Rules::LIBC).
#[derive(Clone, Copy, Debug)]
pub struct System;

// SAFETY: the C library's blocks have `malloc_usable_size` usable bytes until they are freed.
unsafe impl Subject for System {
    fn name(&self) -> &'static str {
        "system"
    }

    fn malloc(&self, size: usize) -> *mut u8 {
        libc::malloc(size).cast()
    }

    fn calloc(&self, count: usize, size: usize) -> *mut u8 {
        libc::calloc(count, size).cast()
    }

    fn malloc_aligned(&self, size: usize, align: usize) -> *mut u8 {
        let mut p = null_mut();
        if !align.is_power_of_two() {
            return null_mut();
        }
        // SAFETY: `p` takes the result; the alignment is a power of two and holds a pointer.
        match unsafe { libc::posix_memalign(&raw mut p, align.max(size_of::<usize>()), size) } {
            0 => p.cast(),
            _ => null_mut(),
        }
    }

    unsafe fn realloc(&self, p: *mut u8, size: usize) -> *mut u8 {
        // A size of 0 would free the block and return null.
        // SAFETY: same contract.
        unsafe { libc::realloc(p.cast(), size.max(1)) }.cast()
    }

    unsafe fn free(&self, p: *mut u8) {
        // SAFETY: same contract.
        unsafe { libc::free(p.cast()) };
    }

    unsafe fn usable_size(&self, p: *const u8) -> usize {
        // SAFETY: the C library reads the size of the block, whatever its signature says.
        unsafe { libc::malloc_usable_size(p.cast_mut().cast()) }
    }
}
