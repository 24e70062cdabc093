//! The one word of thread-local storage, reached without a call.
//!
//! Owns: a hidden symbol in `.tdata`, accessed in the initial-exec model: the general model of a shared
//! library calls `__tls_get_addr`, which is slow and may allocate. Called by: the module that invokes
//! [`thread_slot`], once in the crate.
//!
//! Invariant S1: the word of a new thread holds the address of the static named by that invocation, so a
//! reader needs no null test; `store` only ever puts pointers to the same type there.

#![allow(unsafe_code)]

/// Defines the thread slot of the process in the invoking module: `thread_slot!(Type, STATIC)`.
///
/// Gives `slot_get() -> *const Type` and `slot_set(*const Type)`, private to that module. `STATIC` is what
/// every thread starts with; it is shared by all of them. The module allows `unsafe_code`.
macro_rules! thread_slot {
    ($target:ty, $initial:path) => {
        #[cfg(not(miri))]
        core::arch::global_asm!(
            ".pushsection .tdata.rimalloc,\"awT\",@progbits",
            ".p2align 3",
            concat!(".globl ", $crate::os::slot::symbol!()),
            concat!(".hidden ", $crate::os::slot::symbol!()),
            concat!(".type ", $crate::os::slot::symbol!(), ", @object"),
            concat!(".size ", $crate::os::slot::symbol!(), ", 8"),
            concat!($crate::os::slot::symbol!(), ":"),
            ".quad {initial}",
            ".popsection",
            initial = sym $initial,
        );

        #[cfg(miri)]
        mod interpreted_slot {
            extern crate std;
            use super::*;

            $crate::sync::thread_local! {
                pub(super) static SLOT: core::cell::Cell<*const $target> =
                    core::cell::Cell::new((&raw const $initial).cast());
            }
        }

        /// What this thread's slot holds: the initial static, or what the thread set last.
        #[inline(always)]
        fn slot_get() -> *const $target {
            #[cfg(not(miri))]
            return $crate::os::slot::load().cast();
            #[cfg(miri)]
            return interpreted_slot::SLOT.with(core::cell::Cell::get);
        }

        /// Sets this thread's slot.
        #[inline(always)]
        fn slot_set(value: *const $target) {
            #[cfg(not(miri))]
            $crate::os::slot::store(value.cast());
            #[cfg(miri)]
            interpreted_slot::SLOT.with(|slot| slot.set(value));
        }
    };
}
pub(crate) use thread_slot;

/// The symbol's name. It carries the version, so that two versions of the crate can meet in one program.
#[cfg(not(miri))]
macro_rules! symbol {
    () => {
        concat!(
            "__rimalloc_slot_",
            env!("CARGO_PKG_VERSION_MAJOR"),
            "_",
            env!("CARGO_PKG_VERSION_MINOR"),
            "_",
            env!("CARGO_PKG_VERSION_PATCH")
        )
    };
}
#[cfg(not(miri))]
pub(crate) use symbol;

#[cfg(not(miri))]
pub(crate) use native::{load, store};

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod native {
    use core::arch::asm;

    /// Distance of the slot from the thread pointer: the loader fixes it, so one read may serve many uses.
    #[inline(always)]
    fn offset() -> usize {
        let offset;
        // SAFETY: reads a constant of the loader's; the form is the one linkers relax to an immediate.
        unsafe {
            asm!(
                concat!("mov {offset}, qword ptr [rip + ", super::symbol!(), "@GOTTPOFF]"),
                offset = out(reg) offset,
                options(nostack, preserves_flags, pure, nomem),
            );
        }
        offset
    }

    /// The word of this thread.
    #[inline(always)]
    pub(crate) fn load() -> *const u8 {
        let value;
        // SAFETY: fs points at the thread's control block, and `offset` leads to eight bytes of its own.
        // Readonly and not nomem: the read must come after a `store` that precedes it.
        unsafe {
            asm!(
                "mov {value}, qword ptr fs:[{offset}]",
                offset = in(reg) offset(),
                value = out(reg) value,
                options(nostack, preserves_flags, pure, readonly),
            );
        }
        value
    }

    /// Sets the word of this thread.
    #[inline(always)]
    pub(crate) fn store(value: *const u8) {
        // SAFETY: as in `load`; the word belongs to this thread alone.
        unsafe {
            asm!(
                "mov qword ptr fs:[{offset}], {value}",
                offset = in(reg) offset(),
                value = in(reg) value,
                options(nostack, preserves_flags),
            );
        }
    }
}

#[cfg(all(target_arch = "aarch64", not(miri)))]
mod native {
    use core::arch::asm;

    /// Distance of the slot from the thread pointer: the loader fixes it, so one read may serve many uses.
    #[inline(always)]
    fn offset() -> usize {
        let offset;
        // SAFETY: reads a constant of the loader's; the form is the one linkers relax to an immediate.
        unsafe {
            asm!(
                concat!("adrp {offset}, :gottprel:", super::symbol!()),
                concat!("ldr {offset}, [{offset}, :gottprel_lo12:", super::symbol!(), "]"),
                offset = out(reg) offset,
                options(nostack, preserves_flags, pure, nomem),
            );
        }
        offset
    }

    /// The word of this thread.
    #[inline(always)]
    pub(crate) fn load() -> *const u8 {
        let value;
        // SAFETY: the thread id is the thread pointer, and `offset` leads to eight bytes of its own.
        // Readonly and not nomem: the read must come after a `store` that precedes it.
        unsafe {
            asm!(
                "ldr {value}, [{thread}, {offset}]",
                thread = in(reg) crate::os::thread_id(),
                offset = in(reg) offset(),
                value = out(reg) value,
                options(nostack, preserves_flags, pure, readonly),
            );
        }
        value
    }

    /// Sets the word of this thread.
    #[inline(always)]
    pub(crate) fn store(value: *const u8) {
        // SAFETY: as in `load`; the word belongs to this thread alone.
        unsafe {
            asm!(
                "str {value}, [{thread}, {offset}]",
                thread = in(reg) crate::os::thread_id(),
                offset = in(reg) offset(),
                value = in(reg) value,
                options(nostack, preserves_flags),
            );
        }
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", miri)))]
compile_error!("rimalloc has no thread slot for this architecture");
