//! Functions of the program that the allocator calls: with its messages, with errors, and when it is a good moment to
//! free something.
//!
//! A function is anything that is `Fn` and `Sync` and lives as long as the program: a closure that captures nothing, a
//! function, or a `static` of a type of yours.
//!
//! ```
//! use std::sync::atomic::{AtomicUsize, Ordering};
//! use rimalloc::hooks;
//!
//! static ERRORS: AtomicUsize = AtomicUsize::new(0);
//! hooks::on_error(&|_error| _ = ERRORS.fetch_add(1, Ordering::Relaxed));
//!
//! let impossible = core::alloc::Layout::from_size_align(isize::MAX as usize - 100, 1)?;
//! let block = unsafe { core::alloc::GlobalAlloc::alloc(&rimalloc::Rimalloc, impossible) };
//! assert!(block.is_null() && ERRORS.load(Ordering::Relaxed) == 1);
//! hooks::clear_error();
//! # Ok::<(), core::alloc::LayoutError>(())
//! ```
//!
//! - **Threads**: any thread can call any of the functions at any time, several at once. One that was replaced can
//!   still be called for a moment, by a thread that had begun to.
//! - **Allocation**: the functions may allocate and free. What such an allocation has to say is dropped rather than told
//!   to the function that is inside; the deferred-free function is not called inside of itself.
//! - **Panics**: the functions are called from inside of allocations, which do not unwind: a panic that leaves one ends
//!   the process.
#![allow(unsafe_code)]

use core::ffi::{CStr, c_char, c_int, c_ulonglong, c_void};
use core::fmt;
use core::ptr::null_mut;

use rimalloc_core::report::{self, codes};
use rimalloc_core::{deferred, thread};

/// What the allocator could not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The system has no memory for a request.
    OutOfMemory,
    /// A request is larger than any object may be, or its alignment is impossible.
    TooLarge,
    /// An address that is no block's was given back or asked about, or a block with a layout that is not its own.
    InvalidPointer,
    /// A block was given back twice.
    DoubleFree,
    /// A block or a list of free blocks was overwritten.
    Corruption,
    /// Another error, by its `errno` of Linux.
    Other(i32),
}

impl From<c_int> for Error {
    fn from(code: c_int) -> Self {
        match code {
            codes::ENOMEM => Self::OutOfMemory,
            codes::EOVERFLOW => Self::TooLarge,
            codes::EINVAL => Self::InvalidPointer,
            codes::EAGAIN => Self::DoubleFree,
            codes::EFAULT => Self::Corruption,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfMemory => f.write_str("out of memory"),
            Self::TooLarge => f.write_str("the request is too large"),
            Self::InvalidPointer => f.write_str("invalid pointer or layout"),
            Self::DoubleFree => f.write_str("a block was freed twice"),
            Self::Corruption => f.write_str("memory of the allocator is corrupted"),
            Self::Other(code) => write!(f, "error {code}"),
        }
    }
}

impl core::error::Error for Error {}

/// Makes `function` the receiver of all messages, in place of standard error: errors, warnings and statistics, a line or
/// more at a time, each at most about 1 KiB long. It receives first what was printed before.
///
/// What is printed at all is decided by the [options](crate::options): errors only if
/// [`show_errors`](crate::options::show_errors) is on.
pub fn on_message<F: Fn(&str) + Sync>(function: &'static F) {
    thread::process_init();
    // SAFETY: any thread may call the function, and it lives for ever; the argument is what the caller of it expects.
    unsafe { report::register_output(Some(call_message::<F>), as_argument(function)) };
}

/// Sends messages to standard error again.
pub fn clear_message() {
    // SAFETY: there is no function.
    unsafe { report::register_output(None, null_mut()) };
}

/// Makes `function` the one that is told of errors, also of those that are not printed.
///
/// It is called in the thread that made the error, inside of the allocation or free, after the message.
pub fn on_error<F: Fn(Error) + Sync>(function: &'static F) {
    // SAFETY: any thread may call the function, and it lives for ever; the argument is what the caller of it expects.
    unsafe { report::register_error(Some(call_error::<F>), as_argument(function)) };
}

/// Tells nobody of errors again.
pub fn clear_error() {
    // SAFETY: there is no function.
    unsafe { report::register_error(None, null_mut()) };
}

/// Makes `function` the one that is called when it is a good moment to free something: on the slow path of allocation,
/// once in a while, at every [`collect`](crate::collect), and when memory runs out.
///
/// It is told whether all that can be freed should be, and the number of its calls in this thread: the heartbeat, which
/// follows from what the thread allocates and frees.
pub fn on_deferred_free<F: Fn(bool, u64) + Sync>(function: &'static F) {
    // SAFETY: any thread may call the function, and it lives for ever; the argument is what the caller of it expects.
    unsafe { deferred::register(Some(call_deferred::<F>), as_argument(function)) };
}

/// Calls nobody for deferred freeing again.
pub fn clear_deferred_free() {
    // SAFETY: there is no function.
    unsafe { deferred::register(None, null_mut()) };
}

fn as_argument<F>(function: &'static F) -> *mut c_void {
    core::ptr::from_ref(function).cast_mut().cast()
}

/// # Safety
/// `text` is a string of C; `function` is a `&'static F`.
unsafe extern "C" fn call_message<F: Fn(&str)>(text: *const c_char, function: *mut c_void) {
    // SAFETY: the caller's promise.
    let (text, function) = unsafe { (CStr::from_ptr(text).to_bytes(), &*function.cast::<F>()) };
    // A text may be cut inside of a character.
    for chunk in text.utf8_chunks() {
        function(chunk.valid());
    }
}

/// # Safety
/// `function` is a `&'static F`.
unsafe extern "C" fn call_error<F: Fn(Error)>(code: c_int, function: *mut c_void) {
    // SAFETY: the caller's promise.
    let function = unsafe { &*function.cast::<F>() };
    function(code.into());
}

/// # Safety
/// `function` is a `&'static F`.
unsafe extern "C" fn call_deferred<F: Fn(bool, u64)>(
    force: bool,
    heartbeat: c_ulonglong,
    function: *mut c_void,
) {
    // SAFETY: the caller's promise.
    let function = unsafe { &*function.cast::<F>() };
    function(force, heartbeat);
}
