//! The deferred-free function: what a program registers to free memory when the allocator finds it a good moment.
//!
//! It is called on the slow path of allocation, every [`SWEEP_CALLS`](crate::config::SWEEP_CALLS) calls of that, at
//! every collection, and when memory runs out. The slow path is reached after a number of allocations that follows
//! from what the thread allocates and frees, so the calls are deterministic where that is. Each thread counts its
//! calls: the heartbeat. The function may allocate and free; its thread does not call it again meanwhile.
#![allow(unsafe_code)]

use core::ffi::{c_ulonglong, c_void};

use crate::report::hook::Hook;
use crate::theap::Theap;

/// A deferred-free function: whether all must be freed, the heartbeat, and the registered argument.
pub type DeferredFn = unsafe extern "C" fn(force: bool, heartbeat: c_ulonglong, arg: *mut c_void);

static REGISTERED: Hook = Hook::new();

/// Makes `function` the only deferred-free function; `None` ends that.
///
/// # Safety
/// Any thread can call the function with `arg`, also shortly after its replacement.
pub unsafe fn register(function: Option<DeferredFn>, arg: *mut c_void) {
    REGISTERED.set(function.map(|function| function as *mut ()), arg);
}

/// Calls the registered function, if there is one and the thread of `theap` is not inside it.
pub fn call(theap: &Theap, force: bool) {
    if REGISTERED.is_set() && !theap.is_late() {
        call_registered(theap.root(), force);
    }
}

#[cold]
fn call_registered(root: &Theap, force: bool) {
    let Some((function, arg)) = REGISTERED.get() else { return };
    // SAFETY: the hook holds nothing but what `register` put there, which is a `DeferredFn`.
    let function = unsafe { core::mem::transmute::<*mut (), DeferredFn>(function) };
    root.beat(|heartbeat| {
        // SAFETY: who registered the function promised that any thread can call it with this argument.
        unsafe { function(force, heartbeat, arg) };
    });
}

/// Ends a change of the registered function that another thread was making when the process forked.
pub fn after_fork_in_child() {
    REGISTERED.repair();
}
