//! What `operator new` does when memory is exhausted ([new.delete.single] in the C++ standard):
//! call the new-handler and try again; without a handler throw `std::bad_alloc`.
//!
//! The C++ runtime is found through weak symbols ([`runtime`]), null when the program has none. A
//! plain C program therefore loads the library without libstdc++; there a failing `mi_new` aborts.
//!
//! Invariant: no Rust frame stands between the caller of `new` and the code that may throw.
//! The two functions that call into C++ are naked, carry their own unwind tables, and are called
//! in tail position. The Rust functions that they call never unwind.
#![allow(unsafe_code)]

use crate::mi::heap::HeapPtr;
use core::ffi::c_void;
use core::ptr;
use rimalloc_core::options::{self, Opt};
use rimalloc_core::source::Plain;
use rimalloc_core::{aligned, alloc, os, realloc, report};

// The mangled names and the unwind tables are those of the Itanium C++ ABI on ELF. `x86_64` and
// `aarch64` define the same functions.
#[cfg_attr(target_arch = "aarch64", path = "new_handler/aarch64.rs")]
#[cfg_attr(target_arch = "x86_64", path = "new_handler/x86_64.rs")]
mod imp;
mod runtime;

#[cfg(feature = "override")]
pub(crate) use runtime::symbol;

// The bits of `new_failed`'s `mode`.

/// Without a handler the result is null.
const NOTHROW: u32 = 1;
/// The handler is called once; when it returns, the result is null.
const ONCE: u32 = 2;
/// A block that is to be resized is given.
const REALLOC: u32 = 4;
/// A heap to allocate from is given, in place of a block.
const HEAP: u32 = 8;

/// Memory of `size` bytes; on exhaustion whatever the handler and `bad_alloc` make of it.
///
/// All that is not the fast path of `malloc` happens in a function of its own: that one keeps the size for the
/// handler, in a register that the fast path would have to save.
#[inline(always)]
pub(crate) fn new(size: usize) -> *mut c_void {
    let p = alloc::malloc_fast(size);
    if p.is_null() { new_slow(size) } else { p.cast() }
}

#[cold]
#[inline(never)]
fn new_slow(size: usize) -> *mut c_void {
    let p = alloc::malloc_slow(size);
    if p.is_null() {
        // SAFETY: no block is passed.
        return unsafe { imp::new_failed(size, 0, 0, ptr::null_mut()) };
    }
    p.cast()
}

/// [`new`] for `operator new (std::nothrow)`: exceptions of the handler end in null.
#[inline(always)]
pub(crate) fn new_nothrow(size: usize) -> *mut c_void {
    let p = alloc::malloc_fast(size);
    if p.is_null() { new_nothrow_slow(size) } else { p.cast() }
}

#[cold]
#[inline(never)]
fn new_nothrow_slow(size: usize) -> *mut c_void {
    let p = alloc::malloc_slow(size);
    if p.is_null() { imp::new_failed_nothrow(size, 0) } else { p.cast() }
}

/// [`new`] at a multiple of `align`; an invalid alignment counts as exhaustion.
#[inline(always)]
pub(crate) fn new_aligned(size: usize, align: usize) -> *mut c_void {
    let p = aligned::malloc_aligned(Plain, size, align);
    if p.is_null() {
        // SAFETY: no block is passed.
        return unsafe { imp::new_failed(size, align, 0, ptr::null_mut()) };
    }
    p.cast()
}

/// [`new_nothrow`] at a multiple of `align`.
#[inline(always)]
pub(crate) fn new_aligned_nothrow(size: usize, align: usize) -> *mut c_void {
    let p = aligned::malloc_aligned(Plain, size, align);
    if p.is_null() { imp::new_failed_nothrow(size, align) } else { p.cast() }
}

/// [`new`] of `count * size` bytes. No handler can help a product that overflows: it is called
/// once, and when it returns the result is null.
#[inline]
pub(crate) fn new_n(count: usize, size: usize) -> *mut c_void {
    match count.checked_mul(size) {
        Some(total) => new(total),
        None => too_many(count, size),
    }
}

#[cold]
#[inline(never)]
fn too_many(count: usize, size: usize) -> *mut c_void {
    report::too_many(count, size);
    // SAFETY: no block is passed.
    unsafe { imp::new_failed(usize::MAX, 0, ONCE, ptr::null_mut()) }
}

/// `realloc` with the failure of [`new`], which leaves `p` as it is.
///
/// # Safety
/// `p` is null or a live block.
#[inline]
pub(crate) unsafe fn new_realloc(p: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: null or a live block by the caller's promise.
    let q = unsafe { realloc::realloc(Plain, p.cast(), size) };
    if q.is_null() {
        // SAFETY: the failed realloc left `p` alive.
        return unsafe { imp::new_failed(size, 0, REALLOC, p) };
    }
    q.cast()
}

/// [`new_realloc`] to `count * size` bytes; a product that overflows is treated as in [`new_n`].
///
/// # Safety
/// `p` is null or a live block.
#[inline]
pub(crate) unsafe fn new_reallocn(p: *mut c_void, count: usize, size: usize) -> *mut c_void {
    match count.checked_mul(size) {
        // SAFETY: null or a live block by the caller's promise.
        Some(total) => unsafe { new_realloc(p, total) },
        None => too_many(count, size),
    }
}

/// [`new`] in a heap; with `nothrow`, without a handler the result is null.
///
/// # Safety
/// `heap` is null or a live heap.
#[inline]
pub(crate) unsafe fn new_in_heap(heap: HeapPtr, size: usize, nothrow: bool) -> *mut c_void {
    // SAFETY: null or a live heap by the caller's promise.
    let p = alloc::malloc(unsafe { heap.get() }, size);
    if p.is_null() {
        let mode = if nothrow { HEAP | NOTHROW } else { HEAP };
        // SAFETY: a heap is passed, as the mode says.
        return unsafe { imp::new_failed(size, 0, mode, heap.as_ptr()) };
    }
    p.cast()
}

/// [`new_in_heap`] of `count * size` bytes; a product that overflows is treated as in [`new_n`].
///
/// # Safety
/// `heap` is null or a live heap.
#[inline]
pub(crate) unsafe fn new_n_in_heap(heap: HeapPtr, count: usize, size: usize) -> *mut c_void {
    match count.checked_mul(size) {
        // SAFETY: null or a live heap by the caller's promise.
        Some(total) => unsafe { new_in_heap(heap, total, false) },
        // SAFETY: no block is passed.
        None => unsafe { imp::new_failed(usize::MAX, 0, ONCE, ptr::null_mut()) },
    }
}

/// One more attempt, after the handler had its turn. An `align` of zero stands for none.
///
/// # Safety
/// `p` is null, or a live block or heap as `mode` says.
unsafe extern "C" fn retry(size: usize, align: usize, mode: u32, p: *mut c_void) -> *mut c_void {
    if mode & REALLOC != 0 {
        // SAFETY: null or a live block by the caller's promise.
        return unsafe { realloc::realloc(Plain, p.cast(), size).cast() };
    }
    if mode & HEAP != 0 {
        // SAFETY: null or a live heap by the caller's promise.
        return alloc::malloc(unsafe { HeapPtr::from_ptr(p).get() }, size).cast();
    }
    if align == 0 {
        alloc::malloc(Plain, size).cast()
    } else {
        aligned::malloc_aligned(Plain, size, align).cast()
    }
}

/// The end of a throwing `new` in a program without a C++ runtime. It says why, whether errors are
/// shown or not: an abort without a word would be a riddle.
extern "C" fn out_of_memory() -> ! {
    if !options::is_enabled(Opt::ShowErrors) && !options::is_enabled(Opt::Verbose) {
        report::message(format_args!("mimalloc: error: out of memory in 'new'"));
    }
    report::out_of_memory_in_new();
    os::abort()
}
