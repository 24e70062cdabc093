//! A lock of one word that parks its waiters with the system.
//!
//! Owns: mutual exclusion of the rare paths. Called by: whoever changes lists that many threads share, and
//! the fork handlers, which take every lock by hand.
//!
//! Invariant L1: the word is `FREE` when nobody holds the lock, `HELD` when somebody does and nobody
//! sleeps, `AWAITED` when somebody does and others may sleep. Whoever is about to sleep has put `AWAITED`
//! there, and whoever wakes takes the lock as `AWAITED`, since it cannot know whether it was the last.

#![allow(unsafe_code)]

use core::marker::PhantomData;

use crate::os;
use crate::sync::{AtomicU32, MODELLED, Ordering, const_unless_loom, spin_loop};

const FREE: u32 = 0;
const HELD: u32 = 1;
const AWAITED: u32 = 2;

// Sections under a lock are a few hundred instructions: spinning as long as one is cheaper than two system
// calls, and yielding lets a holder that was preempted finish. A model needs neither, only the states.
const SPINS: u32 = if MODELLED { 0 } else { 100 };
const YIELDS: u32 = if MODELLED { 0 } else { 4 };

/// Lets one thread at a time pass. Not re-entrant.
pub struct Lock {
    word: AtomicU32,
}

impl Lock {
    const_unless_loom! {
        /// A lock that nobody holds.
        pub fn new() -> Self {
            Self { word: AtomicU32::new(FREE) }
        }
    }

    /// Waits for the lock and holds it until the guard is dropped.
    #[inline]
    pub fn lock(&self) -> Guard<'_> {
        self.acquire();
        Guard { lock: self, this_thread: PhantomData }
    }

    /// Takes the lock if nobody holds it.
    #[inline]
    pub fn try_lock(&self) -> Option<Guard<'_>> {
        self.try_acquire().then(|| Guard { lock: self, this_thread: PhantomData })
    }

    /// Waits for the lock and holds it until [`Lock::release`]: for fork handlers, where no scope spans
    /// the section.
    #[inline]
    pub fn acquire(&self) {
        if !self.try_acquire() {
            self.acquire_slow();
        }
    }

    /// Gives up the lock. Also right in the child of a fork, which has no other thread that could sleep.
    ///
    /// # Safety
    /// This thread (or the one it was forked from) took the lock with [`Lock::acquire`] and holds it.
    #[inline]
    pub unsafe fn release(&self) {
        if self.word.swap(FREE, Ordering::Release) == AWAITED {
            os::wake_one(&self.word);
        }
    }

    #[inline]
    fn try_acquire(&self) -> bool {
        self.word.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[cold]
    #[inline(never)]
    fn acquire_slow(&self) {
        for round in 0..SPINS + YIELDS {
            match self.word.load(Ordering::Relaxed) {
                FREE if self.try_acquire() => return,
                // Others sleep already: the holder is slow, and spinning would only overtake them.
                AWAITED => break,
                _ if round < SPINS => spin_loop(),
                _ => os::yield_thread(),
            }
        }
        while self.word.swap(AWAITED, Ordering::Acquire) != FREE {
            os::wait(&self.word, AWAITED);
        }
    }
}

impl Default for Lock {
    fn default() -> Self {
        Self::new()
    }
}

/// Holds a [`Lock`] until dropped, by the thread that took it.
#[must_use = "the lock is given up when the guard is dropped"]
pub struct Guard<'a> {
    lock: &'a Lock,
    this_thread: PhantomData<*const ()>,
}

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: a guard exists only while its lock is held through it, and cannot change threads.
        unsafe { self.lock.release() }
    }
}

#[cfg(all(test, loom))]
mod models {
    extern crate std;
    use super::*;
    use crate::sync::LinkCell;
    use loom::sync::Arc;

    struct Counter {
        lock: Lock,
        count: LinkCell<u32>,
    }
    // SAFETY: `count` is touched only under `lock`.
    unsafe impl Sync for Counter {}
    // SAFETY: as for `Sync`.
    unsafe impl Send for Counter {}

    #[test]
    fn sections_do_not_overlap() {
        loom::model(|| {
            let shared = Arc::new(Counter { lock: Lock::new(), count: LinkCell::new(0) });
            let other = Arc::clone(&shared);
            let thread = loom::thread::spawn(move || {
                let _guard = other.lock.lock();
                other.count.set(other.count.get() + 1);
            });
            {
                let _guard = shared.lock.lock();
                shared.count.set(shared.count.get() + 1);
            }
            thread.join().expect("the modelled thread ends");
            let _guard = shared.lock.lock();
            assert_eq!(shared.count.get(), 2);
        });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    extern crate std;
    use super::*;
    use core::cell::Cell;

    struct Counter {
        lock: Lock,
        count: Cell<u32>,
    }
    // SAFETY: `count` is touched only under `lock`.
    unsafe impl Sync for Counter {}

    impl Counter {
        fn add_one(&self, pause: bool) {
            let _guard = self.lock.lock();
            let seen = self.count.get();
            if pause {
                os::yield_thread();
            }
            self.count.set(seen + 1);
        }
    }

    #[test]
    fn sections_do_not_overlap() {
        const THREADS: u32 = 4;
        const ROUNDS: u32 = 20_000;
        let shared = Counter { lock: Lock::new(), count: Cell::new(0) };
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| (0..ROUNDS).for_each(|round| shared.add_one(round % 1000 == 0)));
            }
        });
        assert_eq!(shared.count.get(), THREADS * ROUNDS);
        assert_eq!(shared.lock.word.load(Ordering::Relaxed), FREE);
    }

    #[test]
    fn a_sleeper_is_woken() {
        let lock = Lock::new();
        std::thread::scope(|scope| {
            let guard = lock.lock();
            let sleeper = scope.spawn(|| drop(lock.lock()));
            while lock.word.load(Ordering::Relaxed) != AWAITED {
                os::yield_thread();
            }
            drop(guard);
            sleeper.join().expect("the sleeper gets the lock");
        });
    }

    #[test]
    fn a_held_lock_is_not_taken_again() {
        let lock = Lock::new();
        let guard = lock.try_lock();
        assert!(guard.is_some());
        assert!(lock.try_lock().is_none());
        drop(guard);
        lock.acquire();
        assert!(lock.try_lock().is_none());
        // SAFETY: acquired two lines above.
        unsafe { lock.release() };
        assert!(lock.try_lock().is_some());
    }
}
