//! Text: options, and the functions that a program registers for output and errors.
#![allow(unsafe_code)]

use core::ffi::c_void;
use core::fmt;
use core::ptr;
use libc::FILE;
use rimalloc_core::deferred::{self, DeferredFn};
use rimalloc_core::report::{self, ErrorFn, OutputFn, Sink};

/// Prints all options and their values.
#[unsafe(no_mangle)]
pub extern "C" fn mi_options_print() {
    print(&mut Sink::standard(), report::options_print);
}

/// Prints all options and their values to a function, or like [`mi_options_print`] without one.
///
/// # Safety
/// `out` is null or can be called with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_options_print_out(out: Option<OutputFn>, arg: *mut c_void) {
    // SAFETY: as the caller promises.
    print(&mut unsafe { sink(out, arg) }, report::options_print);
}

/// Makes a function the receiver of all text, or standard error again. The first one receives what
/// was printed before.
///
/// # Safety
/// `out` is null or can be called with `arg` by any thread, also shortly after its replacement.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_register_output(out: Option<OutputFn>, arg: *mut c_void) {
    // SAFETY: as the caller promises.
    unsafe { report::register_output(function(out), arg) }
}

/// Makes a function the one that is told of errors, or the default one again.
///
/// # Safety
/// `fun` is null or can be called with `arg` by any thread, also shortly after its replacement.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_register_error(fun: Option<ErrorFn>, arg: *mut c_void) {
    // SAFETY: as the caller promises.
    unsafe { report::register_error(fun, arg) }
}

/// Makes a function the one that is asked to free memory every so many allocations, or none. See
/// [`deferred`](rimalloc_core::deferred).
///
/// # Safety
/// `deferred_free` is null or can be called with `arg` by any thread, also shortly after its replacement.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_register_deferred_free(
    deferred_free: Option<DeferredFn>,
    arg: *mut c_void,
) {
    // SAFETY: as the caller promises.
    unsafe { deferred::register(deferred_free, arg) }
}

/// Prints a table.
pub(super) fn print(
    out: &mut dyn fmt::Write,
    table: impl FnOnce(&mut dyn fmt::Write) -> fmt::Result,
) {
    // A sink takes everything.
    _ = table(out);
}

/// What takes a table that a program wants at `out`.
///
/// # Safety
/// `out` is null or can be called with `arg` as long as the sink lives.
pub(super) unsafe fn sink(out: Option<OutputFn>, arg: *mut c_void) -> Sink {
    match function(out) {
        // SAFETY: as the caller promises.
        Some(out) => unsafe { Sink::function(out, arg) },
        None => Sink::standard(),
    }
}

unsafe extern "C" {
    static stdout: *mut FILE;
    static stderr: *mut FILE;
}

/// Programs pass `stdout` or `stderr`, cast to the function's type, for the default output.
fn function(out: Option<OutputFn>) -> Option<OutputFn> {
    // SAFETY: stdio(3): the C library sets both before any code of the program runs.
    let streams = unsafe { [stdout, stderr] };
    out.filter(|&out| !streams.iter().any(|&stream| ptr::addr_eq(out as *const (), stream)))
}
