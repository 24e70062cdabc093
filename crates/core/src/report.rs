//! Messages: errors and warnings, what is verbose, and the functions that a program registers for them.
//!
//! Owns the registered functions and the count of what was printed. Called by everybody below. Nothing here
//! allocates: a message is formatted into a line on the stack and cut where that ends, and a line goes out in one
//! piece. Whoever registers a function may allocate in it: what such an allocation has to say is dropped.
//!
//! Messages carry the prefix `mimalloc`, which programs and scripts of the C interface look for.
#![allow(unsafe_code)]

mod buffer;
mod faults;
pub(crate) mod hook;
mod invariants;
mod misuse;
mod output;
mod settings;

pub use buffer::{Line, MESSAGE_MAX};
pub use faults::{
    bad_alignment, buffer_overflow, corrupted_free_list, corrupted_remote_list, double_free,
    guard_touched, invalid_pointer, out_of_memory, out_of_memory_in_new, too_large, too_many,
    unaligned_pointer, wrong_layout,
};
pub use invariants::broken;
pub(crate) use invariants::invariant;
pub use misuse::{Describe, set_describe};
pub use output::{OutputFn, Sink, register_output};
pub use settings::{option_warnings, options_print};

use crate::config::SECURE;
use crate::options::{self, Opt};
use crate::os;
use crate::sync::plain::{AtomicUsize, Ordering};
use core::ffi::c_void;
use core::fmt::{self, Write};
use hook::Hook;

/// The codes that go to the error function. They are those of Linux on every system, so that programs can compare.
pub mod codes {
    /// A double free.
    pub const EAGAIN: i32 = 11;
    /// Out of memory.
    pub const ENOMEM: i32 = 12;
    /// A corrupted block or free list.
    pub const EFAULT: i32 = 14;
    /// An invalid pointer or argument.
    pub const EINVAL: i32 = 22;
    /// A request that is too large.
    pub const EOVERFLOW: i32 = 75;
    /// A time limit has passed.
    pub const ETIMEDOUT: i32 = 110;
}

/// A function that is told of errors: a code, and what was registered along with it.
pub type ErrorFn = unsafe extern "C" fn(i32, *mut c_void);

const ERROR_PREFIX: &str = "mimalloc: error: ";
const WARNING_PREFIX: &str = "mimalloc: warning: ";
const VERBOSE_PREFIX: &str = "mimalloc: ";

static ERROR_FUNCTION: Hook = Hook::new();
static ERRORS: AtomicUsize = AtomicUsize::new(0);
static WARNINGS: AtomicUsize = AtomicUsize::new(0);
static MAIN_THREAD: AtomicUsize = AtomicUsize::new(0);

/// Notes that the calling thread is the main thread, whose messages don't name it.
pub fn set_main_thread() {
    MAIN_THREAD.store(os::thread_id(), Ordering::Relaxed);
}

/// To be called in the child of a fork: the one thread there is becomes the main thread, and what the others left
/// half done is repaired.
pub fn after_fork_in_child() {
    set_main_thread();
    ERROR_FUNCTION.repair();
    output::repair_after_fork(os::thread_id());
}

/// Makes `function` the one that is told of errors, or the default one again.
///
/// # Safety
///
/// `function` can be called with `arg` by any thread, and for some time after another function replaces it.
pub unsafe fn register_error(function: Option<ErrorFn>, arg: *mut c_void) {
    ERROR_FUNCTION.set(function.map(|function| function as *mut ()), arg);
}

/// Makes sure that what the end of the process has to say can be said, if options ask for that: by then many programs
/// have closed stderr. To be called once, when the environment can be read.
pub fn keep_stderr() {
    if options::is_enabled(Opt::ShowStats) || options::is_enabled(Opt::Verbose) {
        os::keep_stderr();
    }
}

/// Prints an error, if errors are shown or the process ends by it, and then tells the error function. The default one
/// ends the process where the policy says so.
#[cold]
#[inline(never)]
pub fn error(code: i32, args: fmt::Arguments<'_>) {
    let aborts = ERROR_FUNCTION.get().is_none() && Policy::current().aborts(code);
    let asked_for = is_misuse(code) && Policy::current() != Policy::Build;
    if aborts || is_shown(asked_for, Opt::MaxErrors, &ERRORS) {
        print(ERROR_PREFIX, true, args);
    }
    tell(code);
    if aborts {
        os::abort();
    }
}

/// What follows a misuse that is found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Policy {
    /// What the build does by itself: the process ends when a secure build finds memory corrupted.
    Build,
    Warn,
    Abort,
}

impl Policy {
    fn current() -> Self {
        match options::get(Opt::Check) {
            ..=0 => Self::Build,
            1 => Self::Warn,
            _ => Self::Abort,
        }
    }

    fn aborts(self, code: i32) -> bool {
        match self {
            Self::Build => SECURE > 0 && code == codes::EFAULT,
            Self::Warn => false,
            Self::Abort => is_misuse(code),
        }
    }
}

/// Whether an error is the program's mistake, and not a lack of memory.
fn is_misuse(code: i32) -> bool {
    [codes::EAGAIN, codes::EFAULT, codes::EINVAL].contains(&code)
}

/// Prints a warning, if errors are shown.
#[cold]
#[inline(never)]
pub fn warning(args: fmt::Arguments<'_>) {
    if is_shown(false, Opt::MaxWarnings, &WARNINGS) {
        print_warning(args);
    }
}

/// Prints a line if the program runs verbosely.
#[cold]
#[inline(never)]
pub fn verbose(args: fmt::Arguments<'_>) {
    if options::is_enabled(Opt::Verbose) {
        print(VERBOSE_PREFIX, false, args);
    }
}

/// Prints a line if the program runs very verbosely.
#[cold]
#[inline(never)]
pub fn trace(args: fmt::Arguments<'_>) {
    if options::get(Opt::Verbose) >= 2 {
        print(VERBOSE_PREFIX, true, args);
    }
}

/// Prints a line, always, and without a prefix.
#[cold]
#[inline(never)]
pub fn message(args: fmt::Arguments<'_>) {
    print("", false, args);
}

/// Prints a text as it is.
pub fn write(text: &str) {
    // A sink takes everything.
    _ = Sink::standard().write_str(text);
}

fn print_warning(args: fmt::Arguments<'_>) {
    print(WARNING_PREFIX, true, args);
}

/// Formats a line and sends it off. A newline is added; a formatter that fails leaves what it wrote before.
fn print(prefix: &str, name_thread: bool, args: fmt::Arguments<'_>) {
    let mut line: Line = Line::new();
    start(&mut line, prefix, name_thread);
    line.bound(MESSAGE_MAX);
    _ = line.write_fmt(args);
    line.end();
    emit_line(&line);
}

/// Writes what a message begins with.
fn start(out: &mut dyn fmt::Write, prefix: &str, name_thread: bool) {
    _ = out.write_str(prefix);
    let (thread, main) = (os::thread_id(), MAIN_THREAD.load(Ordering::Relaxed));
    if name_thread && main != 0 && thread != main {
        _ = write!(out, "thread {thread:#x}: ");
    }
}

fn emit_line<const SIZE: usize>(line: &Line<SIZE>) {
    output::emit(line.as_c_str());
}

/// Whether errors (or warnings) are shown, or this one was asked for, and not too many were; counts one more. Running
/// verbosely shows all.
fn is_shown(asked_for: bool, most: Opt, count: &AtomicUsize) -> bool {
    if options::is_enabled(Opt::Verbose) {
        return true;
    }
    if !options::is_enabled(Opt::ShowErrors) && !asked_for {
        return false;
    }
    match usize::try_from(options::get(most)) {
        Ok(most) => count.fetch_add(1, Ordering::Relaxed) < most,
        // A negative number is no limit.
        Err(_) => true,
    }
}

fn tell(code: i32) {
    if let Some((function, arg)) = ERROR_FUNCTION.get() {
        // SAFETY: the hook holds nothing but what `register_error` put there, which is an `ErrorFn`.
        let function = unsafe { core::mem::transmute::<*mut (), ErrorFn>(function) };
        // SAFETY: who registered the function promised that any thread can call it with this argument.
        unsafe { function(code, arg) };
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::format;
    use std::string::String;
    use std::sync::{Mutex, MutexGuard, PoisonError};
    use std::thread::{self, ThreadId};
    use std::vec::Vec;

    /// Registered functions belong to the process: tests that register one run one after the other.
    pub(super) fn serial() -> MutexGuard<'static, ()> {
        static SERIAL: Mutex<()> = Mutex::new(());
        SERIAL.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a registered function receives from one thread. Other tests, on other threads, may print meanwhile.
    pub(super) struct Collector<T> {
        thread: ThreadId,
        list: Mutex<Vec<T>>,
    }

    impl<T> Collector<T> {
        pub(super) fn new() -> Self {
            Self { thread: thread::current().id(), list: Mutex::new(Vec::new()) }
        }

        pub(super) fn arg(&self) -> *mut c_void {
            (&raw const *self).cast::<c_void>().cast_mut()
        }

        /// # Safety
        ///
        /// `arg` is that of a collector of the same type, which lives.
        pub(super) unsafe fn from_arg<'a>(arg: *mut c_void) -> &'a Self {
            // SAFETY: by contract.
            unsafe { &*arg.cast::<Self>() }
        }

        pub(super) fn put(&self, item: T) {
            if thread::current().id() == self.thread {
                self.list.lock().expect("no test panics with the list").push(item);
            }
        }

        pub(super) fn take(&self) -> Vec<T> {
            core::mem::take(&mut *self.list.lock().expect("no test panics with the list"))
        }
    }

    /// What `f` prints while errors are shown.
    pub(super) fn captured(f: impl FnOnce()) -> Vec<String> {
        let _serial = serial();
        let collector = Collector::<String>::new();
        options::set(Opt::ShowErrors, 1);
        options::set(Opt::MaxErrors, -1);
        options::set(Opt::MaxWarnings, -1);
        // SAFETY: the collector outlives the registration, which ends below.
        unsafe { register_output(Some(output::tests::collect), collector.arg()) };
        collector.take();
        f();
        // SAFETY: there is no function.
        unsafe { register_output(None, core::ptr::null_mut()) };
        options::set(Opt::ShowErrors, 0);
        collector.take()
    }

    unsafe extern "C" fn collect_code(code: i32, arg: *mut c_void) {
        // SAFETY: the tests pass a collector of codes that outlives the registration.
        unsafe { Collector::<i32>::from_arg(arg) }.put(code);
    }

    /// The codes that `f` reports. To be called within [`captured`].
    pub(super) fn codes_of(f: impl FnOnce()) -> Vec<i32> {
        let collector = Collector::<i32>::new();
        // SAFETY: the collector outlives the registration, which ends below.
        unsafe { register_error(Some(collect_code), collector.arg()) };
        f();
        // SAFETY: there is no function.
        unsafe { register_error(None, core::ptr::null_mut()) };
        collector.take()
    }

    #[test]
    fn a_message_is_one_piece_with_prefix_and_newline() {
        let lines = captured(|| {
            set_main_thread();
            error(codes::ENOMEM, format_args!("no {}", 1));
            warning(format_args!("careful\n"));
            message(format_args!("plain"));
            write("raw");
        });
        let expected =
            ["mimalloc: error: no 1\n", "mimalloc: warning: careful\n", "plain\n", "raw"];
        assert_eq!(lines, expected);
    }

    #[test]
    fn other_threads_are_named() {
        let lines = captured(|| {
            MAIN_THREAD.store(1, Ordering::Relaxed);
            warning(format_args!("here"));
            set_main_thread();
            warning(format_args!("there"));
        });
        let rest = lines[0].strip_prefix("mimalloc: warning: thread 0x").expect("a thread");
        let (id, text) = rest.split_once(": ").expect("a text");
        assert!(usize::from_str_radix(id, 16) == Ok(os::thread_id()) && text == "here\n");
        assert_eq!(lines[1], "mimalloc: warning: there\n");
    }

    #[test]
    fn long_messages_are_cut() {
        let text = "z".repeat(3000);
        let lines = captured(|| {
            set_main_thread();
            error(codes::EINVAL, format_args!("{text}"));
        });
        assert_eq!(lines[0].len(), ERROR_PREFIX.len() + MESSAGE_MAX + 1);
        assert!(lines[0].ends_with("z\n"));
    }

    #[test]
    fn what_is_hidden_is_told_all_the_same() {
        let lines = captured(|| {
            options::set(Opt::ShowErrors, 0);
            let told = codes_of(|| error(codes::EFAULT, format_args!("hidden")));
            assert_eq!(told, [codes::EFAULT]);
            warning(format_args!("hidden"));
            verbose(format_args!("hidden"));
            trace(format_args!("hidden"));
            // The default function returns.
            error(codes::EINVAL, format_args!("hidden"));
        });
        assert!(lines.is_empty());
    }

    #[test]
    fn misuse_is_shown_where_it_is_looked_for() {
        let lines = captured(|| {
            set_main_thread();
            options::set(Opt::ShowErrors, 0);
            options::set(Opt::Check, 1);
            error(codes::EAGAIN, format_args!("misuse"));
            error(codes::EFAULT, format_args!("more misuse"));
            error(codes::ENOMEM, format_args!("hidden"));
            options::set(Opt::Check, 0);
        });
        assert_eq!(lines, ["misuse", "more misuse"].map(|text| format!("{ERROR_PREFIX}{text}\n")));
    }

    #[test]
    fn the_process_ends_by_what_the_policy_says() {
        let ending = |policy: Policy| {
            [codes::EAGAIN, codes::EFAULT, codes::EINVAL, codes::ENOMEM, codes::EOVERFLOW]
                .map(|code| policy.aborts(code))
        };
        assert_eq!(ending(Policy::Build), [false, SECURE > 0, false, false, false]);
        assert_eq!(ending(Policy::Warn), [false; 5]);
        assert_eq!(ending(Policy::Abort), [true, true, true, false, false]);
    }

    #[test]
    fn showing_stops_after_a_number_unless_verbose() {
        captured(|| {
            let count = AtomicUsize::new(0);
            let shown = || is_shown(false, Opt::MaxErrors, &count);
            assert!((0..100).all(|_| shown()), "a negative number is no limit");
            options::set(Opt::MaxErrors, 2);
            assert_eq!([shown(), shown(), shown(), shown()], [true, true, false, false]);
            options::set(Opt::Verbose, 1);
            assert!(shown());
            options::set(Opt::Verbose, 0);
            assert!(!shown());
        });
    }

    #[test]
    fn levels_of_verbosity() {
        let lines = captured(|| {
            set_main_thread();
            for level in 0..=2 {
                options::set(Opt::Verbose, level);
                verbose(format_args!("verbose {level}"));
                trace(format_args!("trace {level}"));
            }
            options::set(Opt::Verbose, 0);
        });
        let expected = ["verbose 1", "verbose 2", "trace 2"];
        assert_eq!(lines, expected.map(|text| format!("mimalloc: {text}\n")));
    }
}
