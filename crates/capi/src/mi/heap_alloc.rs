//! Allocation from a heap that the caller names: what the functions without `heap_` do, in that heap. A null heap is
//! the main one of the calling thread's sub-process. Blocks of other heaps move to the heap when they are reallocated.
#![allow(unsafe_code)]

use super::heap::HeapPtr;
use crate::new_handler;
use crate::posix::malloc_checked_from;
use crate::string;
use core::ffi::{c_char, c_void};
use rimalloc_core::{aligned, alloc, realloc};

/// Functions that allocate from a heap: each forwards to the engine's function of that name.
macro_rules! allocate_from_heap {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident),*) = $function:path;)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// `heap` is null or a live heap.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(heap: HeapPtr, $($arg: usize),*) -> *mut c_void {
            // SAFETY: null or a live heap by the caller's promise.
            $function(unsafe { heap.get() }, $($arg),*).cast()
        }
    )*};
}

/// As `allocate_from_heap`, with a block to be resized.
macro_rules! reallocate_in_heap {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident),*) = $function:path;)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// `heap` is null or a live heap, `p` null or a live block.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            heap: HeapPtr,
            p: *mut c_void,
            $($arg: usize),*
        ) -> *mut c_void {
            // SAFETY: both by the caller's promise.
            unsafe { $function(heap.get(), p.cast(), $($arg),*).cast() }
        }
    )*};
}

allocate_from_heap! {
    /// Allocates `size` bytes, uninitialised.
    fn mi_heap_malloc(size) = alloc::malloc;
    /// Allocates `size` bytes, zeroed.
    fn mi_heap_zalloc(size) = alloc::zalloc;
    /// Allocates `count * size` bytes, zeroed; null when the product overflows.
    fn mi_heap_calloc(count, size) = alloc::calloc;
    /// Allocates `count * size` bytes, uninitialised; null when the product overflows.
    fn mi_heap_mallocn(count, size) = alloc::mallocn;
    /// Allocates `size` bytes, at most `MI_SMALL_SIZE_MAX`, uninitialised.
    fn mi_heap_malloc_small(size) = alloc::malloc_small;
    /// Allocates `size` bytes, at most `MI_SMALL_SIZE_MAX`, zeroed.
    fn mi_heap_zalloc_small(size) = alloc::zalloc_small;
    /// Allocates `size` bytes at a multiple of `alignment`.
    fn mi_heap_malloc_aligned(size, alignment) = aligned::malloc_aligned;
    /// Allocates `size` bytes, aligned at `offset`.
    fn mi_heap_malloc_aligned_at(size, alignment, offset) = aligned::malloc_aligned_at;
    /// Allocates `size` zeroed bytes at a multiple of `alignment`.
    fn mi_heap_zalloc_aligned(size, alignment) = aligned::zalloc_aligned;
    /// Allocates `size` zeroed bytes, aligned at `offset`.
    fn mi_heap_zalloc_aligned_at(size, alignment, offset) = aligned::zalloc_aligned_at;
    /// Allocates `count * size` zeroed bytes at a multiple of `alignment`.
    fn mi_heap_calloc_aligned(count, size, alignment) = aligned::calloc_aligned;
    /// Allocates `count * size` zeroed bytes, aligned at `offset`.
    fn mi_heap_calloc_aligned_at(count, size, alignment, offset) = aligned::calloc_aligned_at;
}

reallocate_in_heap! {
    /// Resizes a block, in place where it fits, stays at least half full and is the heap's.
    fn mi_heap_realloc(newsize) = realloc::realloc;
    /// Resizes a block to `count * size` bytes; null when the product overflows.
    fn mi_heap_reallocn(count, size) = realloc::reallocn;
    /// Resizes a block and frees it on failure.
    fn mi_heap_reallocf(newsize) = realloc::reallocf;
    /// Resizes a zeroed block and zeroes what it adds.
    fn mi_heap_rezalloc(newsize) = realloc::rezalloc;
    /// Resizes a zeroed block to `newcount * size` bytes and zeroes what it adds.
    fn mi_heap_recalloc(newcount, size) = realloc::recalloc;
    /// Resizes a block and keeps or makes it aligned.
    fn mi_heap_realloc_aligned(newsize, alignment) = realloc::realloc_aligned;
    /// Resizes a block and keeps or makes it aligned at `offset`.
    fn mi_heap_realloc_aligned_at(newsize, alignment, offset) = realloc::realloc_aligned_at;
    /// Resizes a zeroed block, zeroes what it adds, and keeps or makes it aligned.
    fn mi_heap_rezalloc_aligned(newsize, alignment) = realloc::rezalloc_aligned;
    /// Resizes a zeroed block, zeroes what it adds, and keeps or makes it aligned at `offset`.
    fn mi_heap_rezalloc_aligned_at(newsize, alignment, offset) = realloc::rezalloc_aligned_at;
    /// Resizes a zeroed block to `newcount * size` bytes, zeroes what it adds, and keeps or makes it aligned.
    fn mi_heap_recalloc_aligned(newcount, size, alignment) = realloc::recalloc_aligned;
    /// Resizes a zeroed block to `newcount * size` bytes, zeroes what it adds, and keeps or makes it aligned at
    /// `offset`.
    fn mi_heap_recalloc_aligned_at(newcount, size, alignment, offset) = realloc::recalloc_aligned_at;
}

/// strdup(3) into the heap; null for null.
///
/// # Safety
/// `heap` is null or a live heap, `s` null or a NUL-terminated string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_heap_strdup(heap: HeapPtr, s: *const c_char) -> *mut c_char {
    // SAFETY: both by the caller's promise.
    unsafe { string::duplicate(s, |size| malloc_checked_from(heap.get(), size)) }
}

/// strndup(3) into the heap; null for null.
///
/// # Safety
/// `heap` is null or a live heap; `s` is null, or readable up to its terminator or for `n` bytes, whichever is less.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_heap_strndup(heap: HeapPtr, s: *const c_char, n: usize) -> *mut c_char {
    // SAFETY: both by the caller's promise.
    unsafe { string::duplicate_max(s, n, |size| malloc_checked_from(heap.get(), size)) }
}

/// realpath(3), with a block of the heap when `resolved_name` is null.
///
/// # Safety
/// `heap` is null or a live heap, `fname` null or a NUL-terminated string, `resolved_name` null or `PATH_MAX` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_heap_realpath(
    heap: HeapPtr,
    fname: *const c_char,
    resolved_name: *mut c_char,
) -> *mut c_char {
    let take = |size| {
        // SAFETY: null or a live heap by the caller's promise.
        malloc_checked_from(unsafe { heap.get() }, size)
    };
    // SAFETY: as the caller promises.
    unsafe { string::real_path(fname, resolved_name, take) }
}

/// `new` in the heap.
///
/// # Safety
/// `heap` is null or a live heap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_heap_alloc_new(heap: HeapPtr, size: usize) -> *mut c_void {
    // SAFETY: as the caller promises.
    unsafe { new_handler::new_in_heap(heap, size, false) }
}

/// `new` of `count * size` bytes in the heap. On overflow the handler is called once, then the result is null.
///
/// # Safety
/// `heap` is null or a live heap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_heap_alloc_new_n(
    heap: HeapPtr,
    count: usize,
    size: usize,
) -> *mut c_void {
    // SAFETY: as the caller promises.
    unsafe { new_handler::new_n_in_heap(heap, count, size) }
}

/// The handler's part of [`mi_heap_alloc_new`], or of its nothrow form.
///
/// # Safety
/// `heap` is null or a live heap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_heap_try_new(heap: HeapPtr, size: usize, nothrow: bool) -> *mut c_void {
    // SAFETY: as the caller promises.
    unsafe { new_handler::new_in_heap(heap, size, nothrow) }
}
