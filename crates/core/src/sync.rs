//! Words shared between threads: the one place that names `core::sync::atomic` and loom.
//!
//! In unit tests built with `--cfg loom` the names below are loom's, so that the shipped types are the
//! modelled ones; in every other build they are `core`'s. Loom's constructors are not `const`: words of
//! `static`s that are not part of a model come from [`plain`] instead.

#![allow(unsafe_code)]

use core::ops::{Deref, DerefMut};

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

/// Keeps a word that one side writes often away from the words of the other side.
///
/// 128 bytes, because x86_64 fetches cache lines in pairs and some aarch64 parts have lines of 128.
#[repr(align(128))]
pub struct CachePadded<T>(T);

impl<T> CachePadded<T> {
    /// Puts `value` on cache lines of its own.
    #[inline(always)]
    pub const fn new(value: T) -> Self {
        Self(value)
    }
}

impl<T> Deref for CachePadded<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for CachePadded<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// What a caller of [`Once::begin`] has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// This caller does the work and then calls [`Once::finish`].
    First,
    /// The work is done, and what it wrote is visible.
    Done,
    /// The work is under way: in this very thread further up the stack (`reentrant`), which must go on
    /// without waiting, or in another one, whose end may be awaited.
    Running {
        /// The caller itself is the one that runs.
        reentrant: bool,
    },
}

/// Work that a process does once, begun by whoever comes first.
///
/// # Invariants
/// The word is `NEW`, then the id of the thread that runs, then `DONE`, and never goes back.
pub struct Once(plain::AtomicUsize);

const NEW: usize = 0;
const DONE: usize = 1;

impl Once {
    /// Work that has not begun.
    #[inline]
    pub const fn new() -> Self {
        Self(plain::AtomicUsize::new(NEW))
    }

    /// Asks for the work to be done. `caller` names the calling thread and is neither 0 nor 1.
    #[inline]
    pub fn begin(&self, caller: usize) -> Begin {
        debug_assert!(caller > DONE);
        if self.is_done() {
            return Begin::Done;
        }
        match self.0.compare_exchange(NEW, caller, Ordering::Acquire, Ordering::Acquire) {
            Ok(_) => Begin::First,
            Err(DONE) => Begin::Done,
            Err(runner) => Begin::Running { reentrant: runner == caller },
        }
    }

    /// Publishes the work. Called by the thread that [`Begin::First`] was given to, once.
    #[inline]
    pub fn finish(&self) {
        debug_assert!(self.0.load(Ordering::Relaxed) > DONE);
        self.0.store(DONE, Ordering::Release);
    }

    /// True when the work is done, and what it wrote is visible.
    #[inline(always)]
    pub fn is_done(&self) -> bool {
        self.0.load(Ordering::Acquire) == DONE
    }
}

impl Default for Once {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn once_tells_reentry_from_another_thread() {
        let once = Once::new();
        assert_eq!(once.begin(8), Begin::First);
        assert_eq!(once.begin(8), Begin::Running { reentrant: true });
        assert_eq!(once.begin(16), Begin::Running { reentrant: false });
        assert!(!once.is_done());
        once.finish();
        assert_eq!(once.begin(8), Begin::Done);
        assert_eq!(once.begin(16), Begin::Done);
    }

    #[test]
    fn padded_words_do_not_share_lines() {
        let pair = [CachePadded::new(1u8), CachePadded::new(2u8)];
        let distance = (&raw const *pair[1]).addr() - (&raw const *pair[0]).addr();
        assert_eq!(distance, 128);
    }

    #[test]
    fn link_cell_is_the_bare_word() {
        const _: () = assert!(size_of::<LinkCell<usize>>() == size_of::<usize>());
        let cell = LinkCell::new(3);
        cell.set(cell.get() + 1);
        assert_eq!(cell.get(), 4);
    }
}
