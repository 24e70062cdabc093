//! What concerns the process or a thread as a whole, and single blocks.
#![allow(unsafe_code)]

use rimalloc_core::{alloc, collect as engine, exit, free};

/// Gives free memory of the calling thread back: takes in what other threads have freed of its blocks, and gives up pages
/// without live blocks. With `force` the memory of everything that is free in the thread's sub-process also returns to
/// the system at once, instead of after [`purge_delay`](crate::options::purge_delay).
///
/// Calls the function of [`hooks::on_deferred_free`](crate::hooks::on_deferred_free) first.
pub fn collect(force: bool) {
    engine::collect(force);
}

/// [`collect`] with `force`, after which the calling thread gives up pages with live blocks too, until it owns at most
/// `bytes`: other threads can allocate from them. For threads that are going to rest.
pub fn collect_to(bytes: usize) {
    engine::reduce(bytes);
}

/// Bytes that a block of `size` bytes has: at least `size`, and at most `max(15, size / 6)` more. A collection that
/// asks for so many wastes nothing. A size that cannot be allocated is returned as it is.
///
/// ```
/// assert_eq!(rimalloc::good_size(100), 112);
/// ```
#[must_use]
pub fn good_size(size: usize) -> usize {
    alloc::good_size(size)
}

/// How many bytes of the block at `ptr` may be used: at least as many as were asked for. 0 for null. Any thread may ask.
///
/// # Safety
///
/// `ptr` is null or a live block of this allocator, whichever heap it belongs to.
#[must_use]
pub unsafe fn usable_size(ptr: *const u8) -> usize {
    // SAFETY: the caller's promise.
    unsafe { free::usable_size(ptr) }
}

/// Whether `ptr` lies in a page of this allocator. Any address may be asked about, by any thread; the answer holds as
/// long as a block is known to be there.
#[must_use]
pub fn contains(ptr: *const u8) -> bool {
    free::is_in_heap_region(ptr)
}

extern "C" fn finish() {
    // The start code and destructors of other libraries may still use blocks: live ones stay.
    // SAFETY: no block ends.
    unsafe { exit::at_exit(exit::Users::System) };
}

/// Prints statistics when the process ends, if an option asks for them. ELF gABI, "Initialization and Termination
/// Functions": the start code calls what this section points at.
#[used]
#[unsafe(link_section = ".fini_array")]
static FINISH: extern "C" fn() = finish;
