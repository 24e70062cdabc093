//! Statistics: as a table, as a structure, as JSON.
//!
//! What names no heap and no sub-process is about the calling thread's sub-process, with all its heaps.
//!
//! A structure is filled only if the program has put its size and version into it, as `mi_stats_t_decl` of the
//! header does. JSON goes to the buffer that the program gives, cut where that ends and always terminated; without
//! one, to a block of its own, which the program frees.
#![allow(unsafe_code)]

use super::heap::HeapPtr;
use super::report::{print, sink};
use super::subproc::SubprocPtr;
use core::ffi::{c_char, c_void};
use core::fmt::{self, Write};
use core::ptr::null_mut;
use core::slice;
use rimalloc_core::heap::{Heap, SubProcess};
use rimalloc_core::report::{OutputFn, Sink};
use rimalloc_core::stats::{self, Cut, Figures, bins};
use rimalloc_core::{alloc, census, heaps, subprocs, thread};

/// The structure of the header.
#[allow(non_camel_case_types)]
pub type mi_stats_t = Figures;

/// Prints the statistics. The argument dates from early versions and is ignored.
#[unsafe(no_mangle)]
pub extern "C" fn mi_stats_print(_out: *mut c_void) {
    print(&mut Sink::standard(), |out| stats::print(out, &own(), &census::usage()));
}

/// Prints the statistics to a function, or like [`mi_stats_print`] without one.
///
/// # Safety
/// `out` is null or can be called with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_stats_print_out(out: Option<OutputFn>, arg: *mut c_void) {
    // SAFETY: as the caller promises.
    let mut sink = unsafe { sink(out, arg) };
    print(&mut sink, |out| stats::print(out, &own(), &census::usage()));
}

/// Prints the statistics of the calling thread: blocks that it has allocated, and what lives in pages it owns.
///
/// # Safety
/// `out` is null or can be called with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_thread_stats_print_out(out: Option<OutputFn>, arg: *mut c_void) {
    // SAFETY: as the caller promises.
    print(&mut unsafe { sink(out, arg) }, |out| stats::print_part(out, &census::of_thread()));
}

/// Starts the statistics of the process anew; what is in use stays counted, as if it had just been made.
#[unsafe(no_mangle)]
pub extern "C" fn mi_stats_reset() {
    census::reset();
}

/// Adds the calling thread's statistics to those of the process, and starts its own anew.
#[unsafe(no_mangle)]
pub extern "C" fn mi_stats_merge() {
    census::merge();
}

/// Fills `stats`; false when that is null or of another size or version.
///
/// # Safety
/// `stats` is null or points at a structure that begins with its size and version.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_stats_get(stats: *mut mi_stats_t) -> bool {
    // SAFETY: as the caller promises.
    unsafe { fill(stats, own) }
}

/// The statistics as JSON, in `buf` or in a block of its own; null when there is no memory for one.
///
/// # Safety
/// `buf` is null or takes `buf_size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_stats_get_json(buf_size: usize, buf: *mut c_char) -> *mut c_char {
    // SAFETY: as the caller promises.
    unsafe { json(&own(), buf_size, buf) }
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
        if Figures::is_expected_at(stats) { json(&*stats, buf_size, buf) } else { null_mut() }
    }
}

/// Bytes of the blocks that are counted in a bin, 0 to 73; 0 for others.
#[unsafe(no_mangle)]
pub extern "C" fn mi_stats_get_bin_size(bin: usize) -> usize {
    bins::block_size(bin)
}

/// [`mi_stats_get`] of a heap, or of the thread's main one.
///
/// # Safety
/// `heap` is null or a live heap; `stats` as for [`mi_stats_get`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_heap_stats_get(heap: HeapPtr, stats: *mut mi_stats_t) -> bool {
    // SAFETY: as the caller promises.
    unsafe { fill(stats, || census::of_heap(heap.get_or_main())) }
}

/// [`mi_stats_get_json`] of a heap, or of the thread's main one.
///
/// # Safety
/// `heap` is null or a live heap; `buf` is null or takes `buf_size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_heap_stats_get_json(
    heap: HeapPtr,
    buf_size: usize,
    buf: *mut c_char,
) -> *mut c_char {
    // SAFETY: as the caller promises.
    unsafe { json(&census::of_heap(heap.get_or_main()), buf_size, buf) }
}

/// Prints the statistics of a heap, or of the thread's main one, to a function, or like [`mi_stats_print`] without
/// one.
///
/// # Safety
/// `heap` is null or a live heap; `out` is null or can be called with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_heap_stats_print_out(
    heap: HeapPtr,
    out: Option<OutputFn>,
    arg: *mut c_void,
) {
    // SAFETY: as the caller promises.
    let (heap, mut sink) = unsafe { (heap.get_or_main(), sink(out, arg)) };
    print(&mut sink, |out| print_heap(out, heap));
}

/// Adds what a heap, or the thread's main one, has counted to its sub-process, and starts its count anew.
///
/// # Safety
/// `heap` is null or a live heap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_heap_stats_merge_to_subproc(heap: HeapPtr) {
    // SAFETY: as the caller promises.
    census::merge_heap(unsafe { heap.get_or_main() });
}

/// [`mi_stats_get`] of a sub-process and its heaps.
///
/// # Safety
/// `subproc` is null or a live sub-process; `stats` as for [`mi_stats_get`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_subproc_stats_get(subproc: SubprocPtr, stats: *mut mi_stats_t) -> bool {
    // SAFETY: as the caller promises.
    unsafe { fill(stats, || census::of_subproc(subproc.get_or_main())) }
}

/// [`mi_subproc_stats_get`] without what is counted by heaps that live.
///
/// # Safety
/// As for [`mi_subproc_stats_get`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_subproc_stats_get_exclusive(
    subproc: SubprocPtr,
    stats: *mut mi_stats_t,
) -> bool {
    // SAFETY: as the caller promises.
    unsafe { fill(stats, || census::of_subproc_alone(subproc.get_or_main())) }
}

/// [`mi_stats_get_json`] of a sub-process and its heaps.
///
/// # Safety
/// `subproc` is null or a live sub-process; `buf` is null or takes `buf_size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_subproc_stats_get_json(
    subproc: SubprocPtr,
    buf_size: usize,
    buf: *mut c_char,
) -> *mut c_char {
    // SAFETY: as the caller promises.
    unsafe { json(&census::of_subproc(subproc.get_or_main()), buf_size, buf) }
}

/// Prints the statistics of a sub-process and its heaps together to a function, or like [`mi_stats_print`] without
/// one.
///
/// # Safety
/// `subproc` is null or a live sub-process; `out` is null or can be called with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_subproc_stats_print_out(
    subproc: SubprocPtr,
    out: Option<OutputFn>,
    arg: *mut c_void,
) {
    // SAFETY: as the caller promises.
    let (subproc, mut sink) = unsafe { (subproc.get_or_main(), sink(out, arg)) };
    print(&mut sink, |out| print_subproc(out, subproc));
}

/// Prints the statistics of each heap of a sub-process, then [`mi_subproc_stats_print_out`].
///
/// # Safety
/// As for [`mi_subproc_stats_print_out`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_subproc_heap_stats_print_out(
    subproc: SubprocPtr,
    out: Option<OutputFn>,
    arg: *mut c_void,
) {
    // SAFETY: as the caller promises.
    let (subproc, mut sink) = unsafe { (subproc.get_or_main(), sink(out, arg)) };
    subprocs::visit_heaps(subproc, |heap| print_heap(&mut sink, heap).is_ok());
    print(&mut sink, |out| print_subproc(out, subproc));
}

fn print_heap(out: &mut dyn Write, heap: &'static Heap) -> fmt::Result {
    writeln!(out, "heap {}", heap.ordinal())?;
    stats::print_part(out, &census::of_heap(heap))
}

fn print_subproc(out: &mut dyn Write, subproc: &'static SubProcess) -> fmt::Result {
    writeln!(out, "subproc {}", subproc.main_heap().ordinal())?;
    stats::print(out, &census::of_subproc(subproc), &census::usage())
}

/// The statistics of the calling thread's sub-process.
fn own() -> Figures {
    census::of_subproc(thread::subproc())
}

/// # Safety
/// `place` is null or points at a structure that begins with its size and version.
unsafe fn fill(place: *mut mi_stats_t, census: impl FnOnce() -> Figures) -> bool {
    // SAFETY: as the caller promises.
    let expected = unsafe { Figures::is_expected_at(place) };
    if expected {
        // SAFETY: as above, and the size says that a whole structure is there.
        unsafe { place.write(census()) };
    }
    expected
}

/// # Safety
/// `buf` is null or takes `buf_size` bytes.
unsafe fn json(figures: &Figures, buf_size: usize, buf: *mut c_char) -> *mut c_char {
    let usage = census::usage();
    // Of a larger buffer no more is touched.
    let whole = Cut::measure(|out| stats::json(out, figures, &usage)) + 1;
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
    print(&mut Cut::new(bytes), |out| stats::json(out, figures, &usage));
    place.cast()
}
