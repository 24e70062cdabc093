//! The C face of rimalloc: the `mi_` functions, the malloc family and C++'s `operator new`.
//!
//! Owns: the exported names (`exports.txt` lists them all), the error codes that only the C
//! contracts know, the call into C++'s out-of-memory protocol, the load and unload hooks.
//! Calls: `rimalloc_core`, which allocates, sets `ENOMEM` and keeps errno around `free`.
//!
//! Invariants:
//! * No function here calls an exported name. A program may define `malloc` itself, and LLVM
//!   knows the names of the C library: a call to `malloc` is open to rewriting, one to the
//!   engine is not.
//! * The library works before its constructor and after its destructor have run.
//! * Nothing here panics, unwinds or takes a lock of the C library, but for functions whose contract
//!   it is (`mi_realpath`, `mi_dupenv_s`, `malloc_info`) and a `new` that fails ([`new_handler`]).
#![no_std]

mod errno;
mod init;
mod new_handler;
mod posix;
mod string;

pub mod mi;

#[cfg(feature = "override")]
pub mod cxx;
#[cfg(feature = "override")]
pub mod glibc;
#[cfg(feature = "override")]
mod program;
#[cfg(feature = "override")]
pub mod stdlib;

/// Who has blocks of this library's.
const USERS: rimalloc_core::exit::Users = if cfg!(feature = "override") {
    rimalloc_core::exit::Users::System
} else {
    rimalloc_core::exit::Users::Program
};

// Test and bench profiles always unwind; std then brings the panic handler.
#[cfg(panic = "abort")]
mod rt;
#[cfg(panic = "unwind")]
extern crate std;
