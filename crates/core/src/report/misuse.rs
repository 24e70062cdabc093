//! Reports of what the program does wrong: one block of text on what it is about, who found it, and what follows.
#![allow(unsafe_code)]

use core::fmt::{self, Write};
use core::ptr::null_mut;

use super::{ERROR_FUNCTION, ERROR_PREFIX, ERRORS, Line, Policy, emit_line, is_shown, start, tell};
use crate::options::Opt;
use crate::os;
use crate::sync::plain::{AtomicPtr, Ordering};
use crate::trace::Frames;

/// Bytes of a report at most: three stacks, with long names.
const REPORT_MAX: usize = 6 << 10;

/// Writes what is known of an address.
pub type Describe = fn(usize, &mut dyn Write) -> fmt::Result;

/// A [`Describe`], or null.
static DESCRIBE: AtomicPtr<()> = AtomicPtr::new(null_mut());

/// Says who knows blocks.
pub fn set_describe(describe: Describe) {
    DESCRIBE.store(describe as *mut (), Ordering::Release);
}

/// As [`error`](super::error), of a mistake that has to do with an address: with all that is known of it where mistakes
/// are looked for.
#[cold]
#[inline(never)]
pub(super) fn misuse(code: i32, addr: usize, args: fmt::Arguments<'_>) {
    let policy = Policy::current();
    if policy == Policy::Build {
        return super::error(code, args);
    }
    let aborts = ERROR_FUNCTION.get().is_none() && policy.aborts(code);
    if aborts || is_shown(true, Opt::MaxErrors, &ERRORS) {
        let follows = if aborts { "the process aborts" } else { "the program goes on" };
        print(addr, &Frames::here(), args, follows);
    }
    tell(code);
    if aborts {
        os::abort();
    }
}

/// Reports an access by the instruction at `code` that the system refuses, and by which the process is about to end.
#[cold]
#[inline(never)]
pub(super) fn fault(addr: usize, code: usize, args: fmt::Arguments<'_>) {
    print(addr, &Frames::at(code), args, "the process ends by the access");
}

/// In a frame of its own, so that the stack is near when it is looked at.
#[inline(never)]
fn print(addr: usize, found: &Frames, args: fmt::Arguments<'_>, follows: &str) {
    let mut text = Line::<REPORT_MAX>::new();
    start(&mut text, ERROR_PREFIX, true);
    // A text takes everything, as far as there is room.
    _ = text.write_fmt(args);
    _ = text.write_str("\n");
    let describe = DESCRIBE.load(Ordering::Acquire);
    if !describe.is_null() {
        // SAFETY: the word holds what `set_describe` put there.
        let describe = unsafe { core::mem::transmute::<*mut (), Describe>(describe) };
        _ = describe(addr, &mut text);
    }
    _ = writeln!(text, "  found in thread {:#x}", os::thread_id());
    _ = found.write(&mut text);
    _ = writeln!(text, "  {follows}");
    text.end();
    emit_line(&text);
}
