//! A function and its argument that change together, and the mark of who is inside a function.

use crate::sync::plain::{AtomicPtr, AtomicUsize, Ordering};
use core::ffi::c_void;
use core::hint;
use core::ptr::null_mut;

/// A registered function and its argument.
///
/// There is no lock: the pair is read where errors are reported, and that can be anywhere. The version is odd while
/// the pair changes, and a reader takes a pair only if the version was even and the same before and after.
pub(crate) struct Hook {
    version: AtomicUsize,
    function: AtomicPtr<()>,
    arg: AtomicPtr<c_void>,
}

/// How often a reader or a writer looks again while another one changes the pair, which takes two stores. The bound
/// matters only in the child of a fork, where that other one may be gone.
const TRIES: usize = 1 << 16;

impl Hook {
    pub(crate) const fn new() -> Self {
        let (function, arg) = (AtomicPtr::new(null_mut()), AtomicPtr::new(null_mut()));
        Self { version: AtomicUsize::new(0), function, arg }
    }

    /// Replaces the pair.
    pub(crate) fn set(&self, function: Option<*mut ()>, arg: *mut c_void) {
        let claim = || {
            let version = self.version.load(Ordering::Relaxed) & !1;
            self.version
                .compare_exchange(version, version + 1, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
        };
        for _ in 0..TRIES {
            if claim() {
                break;
            }
            hint::spin_loop();
        }
        self.function.store(function.unwrap_or(null_mut()), Ordering::Release);
        self.arg.store(arg, Ordering::Release);
        self.version
            .store((self.version.load(Ordering::Relaxed) | 1).wrapping_add(1), Ordering::Release);
    }

    /// Whether a function is registered, by one load.
    pub(crate) fn is_set(&self) -> bool {
        !self.function.load(Ordering::Relaxed).is_null()
    }

    /// The pair, or `None` when no function is registered.
    pub(crate) fn get(&self) -> Option<(*mut (), *mut c_void)> {
        for _ in 0..TRIES {
            let version = self.version.load(Ordering::Acquire);
            let pair = (self.function.load(Ordering::Acquire), self.arg.load(Ordering::Acquire));
            if version & 1 == 0 && self.version.load(Ordering::Relaxed) == version {
                return (!pair.0.is_null()).then_some(pair);
            }
            hint::spin_loop();
        }
        None
    }

    /// Forgets a pair that another thread was changing when the process forked.
    pub(crate) fn repair(&self) {
        if self.version.load(Ordering::Relaxed) & 1 == 1 {
            self.set(None, null_mut());
        }
    }
}

/// Threads that can be inside at the same time and be known to be.
const PLACES: usize = 8;

/// The threads that are inside a function, by their ids. A thread-local flag would do the same, but the first use of
/// one may allocate, and this is used where an allocation fails.
pub(super) struct Inside {
    threads: [AtomicUsize; PLACES],
}

/// What came of the wish to enter.
pub(super) enum Enter<'a> {
    /// The thread is inside until this is dropped.
    Inside(Place<'a>),
    /// The thread is inside already.
    Recursive,
    /// So many threads are inside that no place is left.
    Full,
}

/// A thread's place among those that are inside.
pub(super) struct Place<'a>(&'a AtomicUsize);

impl Inside {
    const NOBODY: usize = 0;

    pub(super) const fn new() -> Self {
        Self { threads: [const { AtomicUsize::new(Self::NOBODY) }; PLACES] }
    }

    /// Only the thread itself writes its id, and takes it away: no order with other threads is needed.
    pub(super) fn enter(&self, thread: usize) -> Enter<'_> {
        if self.threads.iter().any(|place| place.load(Ordering::Relaxed) == thread) {
            return Enter::Recursive;
        }
        let free = |place: &&AtomicUsize| {
            place
                .compare_exchange(Self::NOBODY, thread, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        };
        match self.threads.iter().find(free) {
            Some(place) => Enter::Inside(Place(place)),
            None => Enter::Full,
        }
    }

    /// Frees the places of all threads but this one.
    pub(super) fn repair(&self, thread: usize) {
        for place in &self.threads {
            if place.load(Ordering::Relaxed) != thread {
                place.store(Self::NOBODY, Ordering::Relaxed);
            }
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.store(Inside::NOBODY, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use core::ptr::without_provenance_mut;
    use std::thread;

    #[test]
    fn a_pair_is_never_mixed() {
        let hook = Hook::new();
        assert!(hook.get().is_none());
        thread::scope(|scope| {
            scope.spawn(|| {
                for value in 1..20_000 {
                    hook.set(Some(without_provenance_mut(value)), without_provenance_mut(value));
                }
            });
            for _ in 0..20_000 {
                if let Some((function, arg)) = hook.get() {
                    assert_eq!(function.addr(), arg.addr());
                }
            }
        });
        hook.set(None, without_provenance_mut(3));
        assert!(hook.get().is_none());
    }

    #[test]
    fn a_change_that_never_ends_is_the_default_and_can_be_repaired() {
        let hook = Hook::new();
        hook.set(Some(without_provenance_mut(5)), null_mut());
        hook.version.fetch_add(1, Ordering::Relaxed);
        assert!(hook.get().is_none());
        hook.repair();
        hook.set(Some(without_provenance_mut(7)), null_mut());
        assert_eq!(hook.get().map(|pair| pair.0.addr()), Some(7));
    }

    #[test]
    fn a_thread_enters_once() {
        let inside = Inside::new();
        let place = inside.enter(100);
        assert!(matches!(place, Enter::Inside(_)));
        assert!(matches!(inside.enter(100), Enter::Recursive));
        assert!(matches!(inside.enter(200), Enter::Inside(_)));
        drop(place);
        assert!(matches!(inside.enter(100), Enter::Inside(_)));
    }

    #[test]
    fn places_are_few_and_a_fork_frees_those_of_others() {
        let inside = Inside::new();
        let places: std::vec::Vec<_> = (1..=PLACES).map(|thread| inside.enter(thread)).collect();
        assert!(matches!(inside.enter(99), Enter::Full));
        inside.repair(3);
        assert!(matches!(inside.enter(3), Enter::Recursive));
        assert!(matches!(inside.enter(99), Enter::Inside(_)));
        drop(places);
    }
}
