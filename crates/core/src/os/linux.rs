//! Linux, with glibc or musl.
//!
//! Files and standard error go through syscall(2), because libc's `read` and `write` are points of thread
//! cancellation and an allocator must not be one. glibc and musl give `errno` and the auxiliary vector
//! without a lock; everything else is a bare system call or the vDSO.
#![allow(unsafe_code)]

mod fault;
mod memory;
mod process;
mod thread;

use core::ffi::c_int;

use super::{OsError, OsResult};

pub(super) use fault::{code_at, on_fault};
pub(super) use libc::{EEXIST, EINVAL, ENOMEM};
pub(super) use memory::{
    ADDRESS_BITS, address_space_limit, advise_huge, disable_huge_pages, discard, exclude_from_dump,
    is_readable, mark, move_pages, numa_node, numa_node_count, overcommits, page_size, populate,
    prefer_node, protect, release, remap, reserve, reserve_large, reserve_near, reset, uncharge,
};
pub(super) use process::{
    abort, clock_coarse_ms, clock_ms, entropy, env, env_each, keep_stderr, process_id,
    process_info, secure_execution, write_stderr,
};
pub(super) use thread::{
    arm_thread_exit, is_thread, on_fork, on_thread_exit, thread_id, wait, wake, yield_thread,
};

#[inline]
pub(super) fn errno() -> i32 {
    // SAFETY: libc gives every thread a valid place for its error number.
    unsafe { *libc::__errno_location() }
}

#[inline]
pub(super) fn set_errno(code: i32) {
    // SAFETY: as in `errno`; nobody else refers to this thread's place.
    unsafe { *libc::__errno_location() = code }
}

/// Puts `errno` back when dropped (O1).
struct KeepErrno(c_int);

impl KeepErrno {
    fn new() -> Self {
        Self(errno())
    }
}

impl Drop for KeepErrno {
    fn drop(&mut self) {
        set_errno(self.0);
    }
}

/// Makes a system call that answers 0 or sets `errno`, which is kept (O1).
fn call(system: impl FnOnce() -> c_int) -> OsResult<()> {
    let _keep = KeepErrno::new();
    if system() == 0 { Ok(()) } else { Err(OsError(errno())) }
}
