//! The end of the process: statistics, and where that is asked for the end of all blocks.
//!
//! Allocation and free go on working afterwards: exit handlers and destructors run before and after the library's.
#![allow(unsafe_code)]

use crate::census;
use crate::collect;
use crate::options::{self, Opt};
use crate::os;
use crate::report;
use crate::stats;
use crate::subprocs;
use crate::sync::{AtomicBool, Ordering};
use crate::thread;

/// Who has blocks of the library's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Users {
    /// The program, which knows what it does when it asks for the end of all blocks.
    Program,
    /// The C library and the loader too, which use some of theirs until the process is gone.
    System,
}

static ENDED: AtomicBool = AtomicBool::new(false);

/// What the library does when the process exits: [`process_done`], unless the program has reserved that to itself.
///
/// # Safety
/// As for [`process_done`].
pub unsafe fn at_exit(users: Users) {
    if options::get(Opt::DestroyOnExit) < 2 {
        // SAFETY: the caller's promise.
        unsafe { process_done(users) };
    }
}

/// Ends the library's part of the process: prints statistics where that is asked for; and with the option
/// `destroy_on_exit` ends all blocks and gives their memory back, if no other thread has allocated and is still there.
/// Blocks that ended may be freed again, which is ignored. Where the system has blocks too, live ones stay, and what is
/// free is given back. Once; later calls do nothing.
///
/// # Safety
/// When the option is set and `users` are the program alone, nobody uses a block any more but to free it.
pub unsafe fn process_done(users: Users) {
    if !thread::is_started() || ENDED.swap(true, Ordering::AcqRel) {
        return;
    }
    if options::is_enabled(Opt::ShowStats) || options::is_enabled(Opt::Verbose) {
        let _ =
            stats::print(&mut report::Sink::standard(), &census::of_process(), &census::usage());
    }
    if options::is_enabled(Opt::DestroyOnExit) {
        collect::collect(true);
        if users == Users::Program {
            thread::thread_done();
            // SAFETY: the caller's promise; this thread has given up its theaps.
            if !unsafe { subprocs::end_all_blocks() } {
                report::verbose(format_args!("blocks stay: there are threads that may use them"));
            }
        }
    }
    report::verbose(format_args!("process done: {:#x}", os::thread_id()));
}
