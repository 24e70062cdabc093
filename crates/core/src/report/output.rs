//! Where text goes: the registered function or stderr, and a function given for one table.
#![allow(unsafe_code)]

use super::buffer::Line;
use super::hook::{Enter, Hook, Inside};
use crate::os;
use crate::sync::plain::{AtomicPtr, AtomicU8, AtomicUsize, Ordering};
use core::ffi::{CStr, c_char, c_void};
use core::fmt;
use core::ptr::{NonNull, null_mut};

/// A function that takes text: a string of C, and what was registered along with it.
pub type OutputFn = unsafe extern "C" fn(*const c_char, *mut c_void);

static REGISTERED: Hook = Hook::new();
static INSIDE: Inside = Inside::new();
static EARLY: Early = Early::new();

/// Makes `function` the receiver of all text, or stderr again. The first one that is registered receives what was
/// printed so far, as far as it was kept.
///
/// # Safety
///
/// `function` can be called with `arg` by any thread, and for some time after another function replaces it.
pub unsafe fn register_output(function: Option<OutputFn>, arg: *mut c_void) {
    REGISTERED.set(function.map(|function| function as *mut ()), arg);
    if function.is_some() {
        EARLY.deliver(&mut Sink::standard());
    }
}

/// Repairs what other threads, gone in the child of a fork, left half done.
pub(super) fn repair_after_fork(thread: usize) {
    REGISTERED.repair();
    INSIDE.repair(thread);
}

/// Hands text to the registered function, or to stderr.
pub(super) fn emit(text: &CStr) {
    let Some((function, arg)) = REGISTERED.get() else {
        EARLY.keep(text.to_bytes());
        os::write_stderr(text.to_bytes());
        return;
    };
    // SAFETY: the hook holds nothing but what `register_output` put there, which is an `OutputFn`.
    let function = unsafe { core::mem::transmute::<*mut (), OutputFn>(function) };
    match INSIDE.enter(os::thread_id()) {
        Enter::Inside(_place) => {
            // SAFETY: who registered the function promised that any thread can call it with this argument.
            unsafe { function(text.as_ptr(), arg) }
        }
        // The function allocates, and that allocation has something to say: telling the function would not end.
        Enter::Recursive => {}
        Enter::Full => os::write_stderr(text.to_bytes()),
    }
}

/// Bytes of early text that are kept.
const EARLY_MAX: usize = 16 << 10;

/// What was printed before any function was registered. The bytes are atomics because threads print at the same time;
/// each writes only the range that it claimed. Most programs print nothing, so memory for them is reserved late.
struct Early {
    used: AtomicUsize,
    /// Null, or as many bytes as are kept, which are never released.
    bytes: AtomicPtr<AtomicU8>,
}

impl Early {
    /// Marks the buffer as delivered. Far from overflow, whatever threads still add to it.
    const CLOSED: usize = usize::MAX / 2;

    const fn new() -> Self {
        Self { used: AtomicUsize::new(0), bytes: AtomicPtr::new(null_mut()) }
    }

    /// The bytes, unless there are none yet.
    fn bytes(&self) -> Option<&[AtomicU8]> {
        let first = NonNull::new(self.bytes.load(Ordering::Acquire))?;
        // SAFETY: the pointer is stored once, to this many bytes that are never released; zeros are atomics.
        Some(unsafe { core::slice::from_raw_parts(first.as_ptr(), EARLY_MAX) })
    }

    /// Reserves memory for the bytes. Without it nothing is kept.
    fn make_bytes(&self) {
        if self.bytes.load(Ordering::Acquire).is_null()
            && let Ok(base) =
                os::reserve(EARLY_MAX.next_multiple_of(os::page_size()), os::page_size(), true)
        {
            let ours = base.cast::<AtomicU8>().as_ptr();
            if self
                .bytes
                .compare_exchange(null_mut(), ours, Ordering::AcqRel, Ordering::Acquire)
                .is_err()
            {
                // SAFETY: another thread was faster, and nobody has seen this range.
                _ = unsafe { os::release(base, EARLY_MAX.next_multiple_of(os::page_size())) };
            }
        }
    }

    fn keep(&self, text: &[u8]) {
        if self.used.load(Ordering::Relaxed) >= EARLY_MAX {
            return;
        }
        self.make_bytes();
        let start = self.used.fetch_add(text.len(), Ordering::Relaxed);
        let Some(place) = self.bytes().and_then(|bytes| bytes.get(start..)) else { return };
        for (kept, &byte) in place.iter().zip(text) {
            kept.store(byte, Ordering::Relaxed);
        }
    }

    /// Empties the buffer into `sink`, once and for all.
    fn deliver(&self, sink: &mut Sink) {
        let used = self.used.swap(Self::CLOSED, Ordering::Relaxed);
        if used >= Self::CLOSED {
            return;
        }
        let kept = self.bytes().unwrap_or_default();
        for kept in &kept[..used.min(kept.len())] {
            // A byte that is claimed and not written yet would end the string of C.
            match kept.load(Ordering::Relaxed) {
                0 => {}
                byte => sink.put(&[byte]),
            }
        }
    }
}

/// A receiver of tables. It hands on whole lines, so that lines of several threads don't mix, and the rest when it is
/// dropped.
pub struct Sink {
    target: Target,
    line: Line,
}

#[derive(Clone, Copy)]
enum Target {
    /// The registered function, or stderr.
    Standard,
    /// This function.
    Function(OutputFn, *mut c_void),
}

impl Sink {
    /// The registered function, or stderr.
    pub const fn standard() -> Self {
        Self { target: Target::Standard, line: Line::new() }
    }

    /// A function given for one table.
    ///
    /// # Safety
    ///
    /// `function` can be called with `arg` as long as the sink lives.
    pub const unsafe fn function(function: OutputFn, arg: *mut c_void) -> Self {
        Self { target: Target::Function(function, arg), line: Line::new() }
    }

    fn put(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let line =
                bytes.iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |at| at + 1);
            let taken = self.line.push(&bytes[..line]);
            bytes = &bytes[taken..];
            if self.line.as_bytes().last() == Some(&b'\n') || taken < line {
                self.flush();
            }
        }
    }

    fn flush(&mut self) {
        if self.line.is_empty() {
            return;
        }
        match self.target {
            Target::Standard => emit(self.line.as_c_str()),
            // SAFETY: who made the sink promised that the function can be called with this argument.
            Target::Function(function, arg) => unsafe {
                function(self.line.as_c_str().as_ptr(), arg)
            },
        }
        self.line.clear();
    }
}

impl fmt::Write for Sink {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes());
        Ok(())
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.flush();
    }
}

#[cfg(test)]
pub(super) mod tests {
    extern crate std;
    use super::super::tests::{Collector, serial};
    use super::*;
    use core::fmt::Write;
    use std::string::String;

    /// Puts the texts of the collector's thread into it.
    pub(in super::super) unsafe extern "C" fn collect(text: *const c_char, arg: *mut c_void) {
        // SAFETY: a string of C.
        let text = unsafe { CStr::from_ptr(text) }.to_str().expect("UTF-8");
        // SAFETY: the tests pass a collector of strings that outlives the registration.
        unsafe { Collector::<String>::from_arg(arg) }.put(text.into());
    }

    unsafe extern "C" fn collect_and_print(text: *const c_char, arg: *mut c_void) {
        emit(c"again\n");
        // SAFETY: as for `collect`.
        unsafe { collect(text, arg) };
    }

    #[test]
    fn a_sink_hands_on_lines() {
        let collector = Collector::<String>::new();
        // SAFETY: the collector outlives the sink.
        let mut sink = unsafe { Sink::function(collect, collector.arg()) };
        write!(sink, "a {} c\nsecond", 2).expect("never fails");
        assert_eq!(collector.take(), ["a 2 c\n"]);
        drop(sink);
        assert_eq!(collector.take(), ["second"]);
    }

    #[test]
    fn a_sink_loses_nothing_of_long_lines() {
        let collector = Collector::<String>::new();
        // SAFETY: the collector outlives the sink.
        let mut sink = unsafe { Sink::function(collect, collector.arg()) };
        let long = "0123456789".repeat(1000);
        sink.write_str(&long).expect("never fails");
        drop(sink);
        assert_eq!(collector.take().concat(), long);
    }

    #[test]
    fn early_text_is_delivered_once() {
        let early = Early::new();
        early.keep(b"one\n");
        early.keep(b"two");
        let collector = Collector::<String>::new();
        for _ in 0..2 {
            // SAFETY: the collector outlives the sink.
            early.deliver(&mut unsafe { Sink::function(collect, collector.arg()) });
            early.keep(b"three");
        }
        assert_eq!(collector.take(), ["one\n", "two"]);
    }

    #[test]
    fn early_text_is_bounded() {
        let early = Early::new();
        for _ in 0..EARLY_MAX {
            early.keep(b"123");
        }
        assert!(early.used.load(Ordering::Relaxed) < EARLY_MAX + 3);
    }

    #[test]
    fn a_function_that_prints_does_not_recurse() {
        let _serial = serial();
        let collector = Collector::<String>::new();
        // SAFETY: the collector outlives the registration, which ends below.
        unsafe { register_output(Some(collect_and_print), collector.arg()) };
        collector.take();
        emit(c"first\n");
        emit(c"second\n");
        // SAFETY: there is no function.
        unsafe { register_output(None, core::ptr::null_mut()) };
        emit(c"to stderr\n");
        assert_eq!(collector.take(), ["first\n", "second\n"]);
    }
}
