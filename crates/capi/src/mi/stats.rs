//! Statistics: as a table, as a structure, as JSON.
//!
//! A structure is filled only if the program has put its size and version into it, as `mi_stats_t_decl` of the
//! header does. JSON goes to the buffer that the program gives, cut where that ends and always terminated; without
//! one, to a block of its own, which the program frees.
#![allow(unsafe_code)]

use super::report::{print, sink};
use core::ffi::{c_char, c_void};
use core::ptr::null_mut;
use core::slice;
use rimalloc_core::report::{OutputFn, Sink};
use rimalloc_core::stats::{self, Cut, Snapshot, Usage, bins};
use rimalloc_core::{alloc, census, heaps};

/// The structure of the header.
#[allow(non_camel_case_types)]
pub type mi_stats_t = Snapshot;

/// Prints the statistics. The argument dates from early versions and is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn mi_stats_print(_out: *mut c_void) {
    print(&mut Sink::standard(), |out| stats::print(out, &census::of_process(), &Usage::now()));
}

/// Prints the statistics to a function, or like [`mi_stats_print`] without one.
///
/// # Safety
/// `out` is null or can be called with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_stats_print_out(out: Option<OutputFn>, arg: *mut c_void) {
    // SAFETY: as the caller promises.
    let mut sink = unsafe { sink(out, arg) };
    print(&mut sink, |out| stats::print(out, &census::of_process(), &Usage::now()));
}

/// Prints the statistics of the calling thread.
///
/// # Safety
/// `out` is null or can be called with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_thread_stats_print_out(out: Option<OutputFn>, arg: *mut c_void) {
    // SAFETY: as the caller promises.
    unsafe { mi_stats_print_out(out, arg) };
}

/// Starts the statistics anew; what is in use stays counted.
#[unsafe(no_mangle)]
pub extern "C" fn mi_stats_reset() {
    stats::STATS.reset();
}

/// Adds the calling thread's statistics to those of the process, and starts its own anew.
#[unsafe(no_mangle)]
pub extern "C" fn mi_stats_merge() {}

/// Fills `stats`; false when that is null or of another size or version.
///
/// # Safety
/// `stats` is null or points at a structure that begins with its size and version.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_stats_get(stats: *mut mi_stats_t) -> bool {
    // SAFETY: as the caller promises.
    unsafe { fill(stats, census::of_process) }
}

/// The statistics as JSON, in `buf` or in a block of its own; null when there is no memory for one.
///
/// # Safety
/// `buf` is null or takes `buf_size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_stats_get_json(buf_size: usize, buf: *mut c_char) -> *mut c_char {
    // SAFETY: as the caller promises.
    unsafe { json(&census::of_process(), buf_size, buf) }
}

/// A structure that was filled before, as JSON; null also when `stats` is null or of another size or version.
///
/// # Safety
/// `stats` is null or points at such a structure; `buf` is null or takes `buf_size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_stats_as_json(
    stats: *const mi_stats_t,
    buf_size: usize,
    buf: *mut c_char,
) -> *mut c_char {
    // SAFETY: as the caller promises.
    unsafe {
        if Snapshot::is_expected_at(stats) { json(&*stats, buf_size, buf) } else { null_mut() }
    }
}

/// Bytes of the blocks that are counted in a bin, 0 to 73; 0 for others.
#[unsafe(no_mangle)]
pub extern "C" fn mi_stats_get_bin_size(bin: usize) -> usize {
    bins::block_size(bin)
}

/// # Safety
/// `place` is null or points at a structure that begins with its size and version.
unsafe fn fill(place: *mut mi_stats_t, census: impl FnOnce() -> Snapshot) -> bool {
    // SAFETY: as the caller promises.
    let expected = unsafe { Snapshot::is_expected_at(place) };
    if expected {
        // SAFETY: as above, and the size says that a whole structure is there.
        unsafe { place.write(census()) };
    }
    expected
}

/// # Safety
/// `buf` is null or takes `buf_size` bytes.
unsafe fn json(snapshot: &Snapshot, buf_size: usize, buf: *mut c_char) -> *mut c_char {
    let usage = Usage::now();
    // Of a larger buffer no more is touched.
    let whole = Cut::measure(|out| stats::json(out, snapshot, &usage)) + 1;
    let given = !buf.is_null() && buf_size > 0;
    let place = if given { buf.cast() } else { alloc::malloc(heaps::main(), whole) };
    let size = if given { whole.min(buf_size) } else { whole };
    if place.is_null() {
        return null_mut();
    }
    // SAFETY: the caller's buffer or a fresh block of that size, which is initialised first.
    let bytes = unsafe {
        place.write_bytes(0, size);
        slice::from_raw_parts_mut(place, size)
    };
    print(&mut Cut::new(bytes), |out| stats::json(out, snapshot, &usage));
    place.cast()
}
