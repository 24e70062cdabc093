//! Version, start and end of process and thread, collection.
#![allow(unsafe_code)]

use core::ffi::{c_int, c_void};
use rimalloc_core::{collect, config, exit, free, thread};

/// `MI_MALLOC_VERSION` of the interface: 2.4.1.
#[unsafe(no_mangle)]
pub extern "C" fn mi_version() -> c_int {
    config::INTERFACE_VERSION
}

/// Frees what this thread keeps for reuse; with `force` also returns free memory to the system.
#[unsafe(no_mangle)]
pub extern "C" fn mi_collect(force: bool) {
    collect::collect(force)
}

/// Frees what this thread keeps for reuse and returns free memory to the system, then gives up pages until the
/// thread owns at most `target_thread_owned` bytes; other threads can allocate from those.
#[unsafe(no_mangle)]
pub extern "C" fn mi_collect_reduce(target_thread_owned: usize) {
    collect::reduce(target_thread_owned)
}

/// Says that the thread is one of a pool. Pages without a free block are given up by any thread: nothing changes.
#[unsafe(no_mangle)]
pub extern "C" fn mi_thread_set_in_threadpool() {}

/// Starts the allocator; idempotent, and done by the loader or the first allocation.
#[unsafe(no_mangle)]
pub extern "C" fn mi_process_init() {
    thread::process_init()
}

/// Ends the allocator: the exit report, and all blocks with the option `destroy_on_exit`. Allocation goes on working.
#[unsafe(no_mangle)]
pub extern "C" fn mi_process_done() {
    // SAFETY: a program that asks for the end of its blocks is done with them when it calls this.
    unsafe { exit::process_done(crate::USERS) }
}

/// Makes the calling thread's heap; idempotent, and done by its first allocation.
#[unsafe(no_mangle)]
pub extern "C" fn mi_thread_init() {
    thread::thread_init()
}

/// Gives up the calling thread's heap; done by the system when the thread exits.
#[unsafe(no_mangle)]
pub extern "C" fn mi_thread_done() {
    thread::thread_done()
}

/// Whether `p` points into memory of ours; any value may be asked about.
#[unsafe(no_mangle)]
pub extern "C" fn mi_is_in_heap_region(p: *const c_void) -> bool {
    free::is_in_heap_region(p.cast())
}

/// Whether a Windows redirection module is active: never.
#[unsafe(no_mangle)]
pub extern "C" fn mi_is_redirected() -> bool {
    false
}
