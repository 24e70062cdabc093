//! Words shared between threads: the one place that names `core::sync::atomic` and loom.
//!
//! In unit tests built with `--cfg loom` the names below are loom's, so that the shipped types are the
//! modelled ones; in every other build they are `core`'s. Loom's constructors are not `const`: words of
//! `static`s that are not part of a model come from [`plain`] instead.

#![allow(unsafe_code)]

#[cfg(not(all(test, loom)))]
mod words {
    pub use core::hint::spin_loop;
    pub use core::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
}

#[cfg(all(test, loom))]
mod words {
    pub use loom::hint::spin_loop;
    pub use loom::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    };
}

pub use words::{
    AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence, spin_loop,
};

/// `core`'s atomics in every build: for process-wide `static` words that no loom model looks at.
pub mod plain {
    pub use core::sync::atomic::{
        AtomicBool, AtomicI32, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering,
        fence,
    };
}

/// True where loom schedules the threads: a real wait would stop all of them.
pub const MODELLED: bool = cfg!(all(test, loom));

/// Lets loom run another modelled thread. Does nothing outside of a model.
#[inline]
pub fn model_yield() {
    #[cfg(all(test, loom))]
    loom::thread::yield_now();
}

// Inline assembly and real thread-local storage exist neither for loom's threads nor under Miri.
#[cfg(all(test, loom))]
pub(crate) use loom::thread_local;
#[cfg(all(miri, not(all(test, loom))))]
mod interpreted {
    extern crate std;
    pub(crate) use std::thread_local;
}
#[cfg(all(miri, not(all(test, loom))))]
pub(crate) use interpreted::thread_local;

/// Declares functions that are `const` except under loom, whose constructors cannot be.
macro_rules! const_unless_loom {
    ($($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty $body:block)+) => { $(
        $(#[$meta])*
        #[cfg(not(all(test, loom)))]
        $vis const fn $name($($arg: $ty),*) -> $ret $body

        $(#[$meta])*
        #[cfg(all(test, loom))]
        $vis fn $name($($arg: $ty),*) -> $ret $body
    )+ };
}
pub(crate) use const_unless_loom;

/// A plain word with interior mutability, for fields that one thread at a time owns.
///
/// Not `Sync`: a type that shares it says in its own `unsafe impl Sync` which protocol hands it over.
/// Under loom an access that this protocol does not order is reported as a race.
#[cfg(not(all(test, loom)))]
#[repr(transparent)]
pub struct LinkCell<T: Copy>(core::cell::Cell<T>);

/// A plain word with interior mutability, watched by loom.
#[cfg(all(test, loom))]
pub struct LinkCell<T: Copy>(loom::cell::UnsafeCell<T>);

#[cfg(not(all(test, loom)))]
impl<T: Copy> LinkCell<T> {
    /// A cell that holds `value`.
    #[inline(always)]
    pub const fn new(value: T) -> Self {
        Self(core::cell::Cell::new(value))
    }

    /// The value last set.
    #[inline(always)]
    pub fn get(&self) -> T {
        self.0.get()
    }

    /// Replaces the value.
    #[inline(always)]
    pub fn set(&self, value: T) {
        self.0.set(value);
    }
}

#[cfg(all(test, loom))]
impl<T: Copy> LinkCell<T> {
    /// A cell that holds `value`.
    pub fn new(value: T) -> Self {
        Self(loom::cell::UnsafeCell::new(value))
    }

    /// The value last set.
    pub fn get(&self) -> T {
        // SAFETY: no reference into the cell outlives a call of `get` or `set`, and loom reports the race
        // if two threads are inside at once.
        self.0.with(|value| unsafe { *value })
    }

    /// Replaces the value.
    pub fn set(&self, value: T) {
        // SAFETY: as in `get`.
        self.0.with_mut(|place| unsafe { *place = value });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn link_cell_is_the_bare_word() {
        const _: () = assert!(size_of::<LinkCell<usize>>() == size_of::<usize>());
        let cell = LinkCell::new(3);
        cell.set(cell.get() + 1);
        assert_eq!(cell.get(), 4);
    }
}
