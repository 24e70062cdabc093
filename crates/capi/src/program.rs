//! The `malloc` of the program, where that is not ours.
//!
//! A program that defines `malloc` itself, as many do that are built with an allocator, keeps it
//! under a preloaded library, and rarely defines all of the family. glibc's own functions get
//! memory by calling whatever `malloc` the process has; ours that replace such a function do the
//! same, or their blocks would end in a `free` that does not know them.
#![allow(unsafe_code)]

use crate::{errno, new_handler, posix, stdlib};
use core::ffi::c_void;
use core::mem::transmute;
use core::ptr::{self, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering};
use libc::ENOMEM;
use rimalloc_core::report;

type Malloc = unsafe extern "C" fn(usize) -> *mut c_void;
type Realloc = unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void;

/// Null while the process's function is ours.
static MALLOC: AtomicPtr<c_void> = AtomicPtr::new(null_mut());
static REALLOC: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

/// Looks whose functions the process uses. For the load hook: the loader is not to be asked inside
/// of an allocation.
pub(crate) fn look() {
    // Where this name does not lead to us nobody calls the functions below.
    if !ptr::addr_eq(new_handler::symbol(c"strdup"), stdlib::strdup as *const ()) {
        return;
    }
    let (malloc, realloc) = (new_handler::symbol(c"malloc"), new_handler::symbol(c"realloc"));
    if !ptr::addr_eq(malloc, stdlib::malloc as *const ())
        && !ptr::addr_eq(realloc, stdlib::realloc as *const ())
    {
        MALLOC.store(malloc, Ordering::Relaxed);
        REALLOC.store(realloc, Ordering::Relaxed);
        report::verbose(format_args!("the program has a malloc of its own, and keeps it"));
    }
}

/// `malloc` of the process; `None` is a size that does not fit.
pub(crate) fn malloc_checked(size: Option<usize>) -> *mut u8 {
    let malloc = MALLOC.load(Ordering::Relaxed);
    match size {
        Some(size) if !malloc.is_null() => {
            // SAFETY: the loader gave it for the name, whose type is this.
            let malloc = unsafe { transmute::<*mut c_void, Malloc>(malloc) };
            // SAFETY: any size may be asked for.
            unsafe { malloc(size).cast() }
        }
        size => posix::malloc_checked(size),
    }
}

/// `reallocarray` with `realloc` of the process.
///
/// # Safety
/// `p` is null or a live block of the process's `malloc`.
pub(crate) unsafe fn reallocarray(p: *mut c_void, count: usize, size: usize) -> *mut c_void {
    let realloc = REALLOC.load(Ordering::Relaxed);
    if realloc.is_null() {
        // SAFETY: the process's `malloc` is ours; the rest is the caller's promise.
        return unsafe { posix::reallocarray(p, count, size, ENOMEM) };
    }
    // SAFETY: the loader gave it for the name, whose type is this.
    let realloc = unsafe { transmute::<*mut c_void, Realloc>(realloc) };
    match count.checked_mul(size) {
        // SAFETY: the caller's promise is realloc's.
        Some(total) => unsafe { realloc(p, total) },
        None => errno::fail(ENOMEM),
    }
}
