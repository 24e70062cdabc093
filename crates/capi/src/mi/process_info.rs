//! What the process uses.
#![allow(unsafe_code)]

use super::report::{print, sink};
use core::ffi::c_void;
use rimalloc_core::report::{OutputFn, Sink};
use rimalloc_core::{census, stats};

/// Time in milliseconds and memory in bytes that the process has used: since the library started, in user mode, in
/// the kernel; resident now and at most; committed by the allocator now and at most; faults that needed input or
/// output. What is null is left out.
///
/// # Safety
/// Each pointer is null or can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_process_info(
    elapsed_msecs: *mut usize,
    user_msecs: *mut usize,
    system_msecs: *mut usize,
    current_rss: *mut usize,
    peak_rss: *mut usize,
    current_commit: *mut usize,
    peak_commit: *mut usize,
    page_faults: *mut usize,
) {
    let usage = census::usage();
    for (place, value) in [
        (elapsed_msecs, usage.elapsed_ms),
        (user_msecs, usage.user_ms),
        (system_msecs, usage.system_ms),
        (current_rss, usage.current_rss),
        (peak_rss, usage.peak_rss),
        (current_commit, usage.current_commit),
        (peak_commit, usage.peak_commit),
        (page_faults, usage.page_faults),
    ] {
        if !place.is_null() {
            // SAFETY: the caller's promise.
            unsafe { place.write(value) };
        }
    }
}

/// Prints what the process has used.
#[unsafe(no_mangle)]
pub extern "C" fn mi_process_info_print() {
    print(&mut Sink::standard(), |out| stats::print_usage(out, &census::usage()));
}

/// Prints what the process has used to a function, or like [`mi_process_info_print`] without one.
///
/// # Safety
/// `out` is null or can be called with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_process_info_print_out(out: Option<OutputFn>, arg: *mut c_void) {
    // SAFETY: as the caller promises.
    print(&mut unsafe { sink(out, arg) }, |out| stats::print_usage(out, &census::usage()));
}
