//! Hooks that the dynamic loader, or the C start code of a static program, runs.
//!
//! The engine starts by itself at the first allocation, which in C++ programs comes before any
//! constructor of ours; the hook makes a program that never allocates show its options, and does
//! what is better not done inside of an allocation.
#![allow(unsafe_code)]

use rimalloc_core::{exit, report, thread};

extern "C" fn start() {
    thread::process_init();
    report::keep_stderr();
    #[cfg(feature = "override")]
    crate::program::look();
}

extern "C" fn finish() {
    // SAFETY: a program that asks for the end of its blocks is done with them when the library is unloaded.
    unsafe { exit::at_exit(crate::USERS) };
}

// ELF gABI, "Initialization and Termination Functions": the loader calls each pointer of these
// sections; a pointer to a function is what they hold. argc, argv and envp are passed in registers
// and ignored.

#[used]
#[unsafe(link_section = ".init_array")]
static START: extern "C" fn() = start;

#[used]
#[unsafe(link_section = ".fini_array")]
static FINISH: extern "C" fn() = finish;
