//! Giving the memory of free slices back to the system: late, in runs, by whoever passes.
//!
//! A slice that is given back is marked in `purge`. A pass moves those marks to `aged`, and purges what an
//! earlier pass has aged: free memory waits at least one delay and at most two, and memory that is reused
//! in between is never purged. State is kept with the arena, so any thread's pass serves all threads.
//!
//! Options can ask for larger units than slices: then a slice stays aged until all of its unit is free.
#![allow(unsafe_code)]

use crate::arena::{Arena, Arenas};
use crate::bitmap::{WORD_BITS, runs, whole_groups};
use crate::config::{ARENA_ALIGN, SLICE_SIZE};
use crate::options::{self, Opt};
use crate::os;
use crate::sync::{Ordering, fence};
use crate::units::slices_for;

/// Most milliseconds to wait for another thread's purge.
const PURGE_WAIT_MS: u64 = 200;

/// Milliseconds that free slices keep their memory; `None` when they keep it for good.
fn delay_ms() -> Option<u64> {
    let delay = options::get(Opt::PurgeDelay);
    u64::try_from(delay.saturating_mul(options::get(Opt::ArenaPurgeMult))).ok()
}

/// Slices that go back together or not at all: a power of two, at most a word of bits.
fn unit_slices() -> usize {
    let least = if options::get(Opt::AllowThp) >= 2 { ARENA_ALIGN } else { SLICE_SIZE };
    let size = options::get_size(Opt::MinimalPurgeSize).clamp(least, WORD_BITS * SLICE_SIZE);
    slices_for(size).next_power_of_two()
}

impl Arena {
    /// Gives back a run of slices, whose memory is purged after the delay.
    pub(super) fn give(&self, index: usize, count: usize) {
        let delay = self.delay_ms();
        let at_once = delay == Some(0)
            && unit_slices() == 1
            && self.purge_at_once(|| self.purge_run(index, count));
        self.release(index, count);
        if let Some(delay) = delay.filter(|_| !at_once) {
            self.mark(index, count, delay);
        }
    }

    /// Calls `f`, which purges, while nobody looks at memory that must stay. False, and `f` was not called, when
    /// somebody does for long.
    fn purge_at_once(&self, f: impl FnOnce()) -> bool {
        self.owner().without_purges(|alone| {
            if alone {
                f();
            }
            alone
        })
    }

    /// Gives back a claimed run that could not be committed. What is committed of it may have been waiting
    /// for a purge, which passes it by while it is claimed: it waits anew.
    pub(super) fn give_unused(&self, index: usize, count: usize) {
        self.owner().stats.arena_rollback_count.bump();
        let delay = self.delay_ms();
        let each_committed = |f: &dyn Fn(usize, usize)| {
            self.committed().for_each_run(index, count, true, |index, count| {
                f(index, count);
                true
            })
        };
        let purge = || _ = each_committed(&|index, count| self.purge_run(index, count));
        let at_once = delay == Some(0) && self.purge_at_once(purge);
        self.release(index, count);
        if let Some(delay) = delay.filter(|_| !at_once) {
            // Others may have taken slices of the run by now: a mark that is wrong is passed by as well.
            each_committed(&|index, count| self.mark(index, count, delay));
        }
    }

    /// Milliseconds that free slices of the arena keep their memory; `None` when they keep it for good.
    fn delay_ms(&self) -> Option<u64> {
        if self.traits().pinned { None } else { delay_ms() }
    }

    /// Schedules the purge of a run that was just released: a pass that finds a marked slice claimed takes
    /// it for reused.
    fn mark(&self, index: usize, count: usize, delay: u64) {
        self.map(|chunk| &chunk.purge).set(index, count);
        self.owner().schedule(delay);
    }

    /// Takes a claimed run off the purge schedule.
    pub(super) fn unschedule(&self, index: usize, count: usize) {
        for map in [self.map(|chunk| &chunk.purge), self.map(|chunk| &chunk.aged)] {
            if !map.all_clear(index, count) {
                map.clear(index, count);
            }
        }
    }

    /// Purges the aged slices in whole units (all scheduled ones when `force`) and ages the others. Whether any
    /// were aged now.
    fn purge_pass(&self, force: bool) -> bool {
        let (purge, aged) = (self.map(|chunk| &chunk.purge), self.map(|chunk| &chunk.aged));
        let unit = if force { 1 } else { unit_slices() };
        let mut left = false;
        for word in 0..purge.words() {
            let mut due = aged.take_word(word);
            let young = purge.take_word(word);
            if force {
                due |= young;
            } else if young != 0 {
                aged.or_word(word, young);
                left = true;
            }
            if due != 0 && unit > 1 {
                let free = self.claimed().clear_bits(word);
                let whole = whole_groups(free, unit);
                // Their marks wait for others to become free, and for a pass that those bring about.
                aged.or_word(word, due & free & !whole);
                due &= whole;
            }
            if due != 0 {
                self.purge_word(word, due);
            }
        }
        self.reconsider_huge();
        left
    }

    /// Purges those of the `due` slices of one word that are still free.
    fn purge_word(&self, word: usize, due: usize) {
        let claimed = self.claimed();
        let ours = claimed.claim_clear_bits(word, due);
        for (first, count) in runs(ours) {
            self.purge_run(word * WORD_BITS + first, count);
        }
        claimed.clear_word(word, ours);
    }
}

impl Arenas {
    /// Notes that slices wait for a purge, and runs one that is due.
    pub(super) fn schedule(&self, delay: u64) {
        // Either this thread sees what a pass has stored, or the pass sees the mark that was just set.
        fence(Ordering::SeqCst);
        let now = os::clock_coarse_ms();
        let due = self.purge_due.load(Ordering::Relaxed);
        if due == 0 {
            // When another thread schedules first, its time serves this one's slices too.
            let _ = self.purge_due.compare_exchange(
                0,
                now + delay,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
        } else if now >= due {
            self.purge(false);
        }
    }

    /// Runs a purge if one is due. A clock read when anything is scheduled, else one load.
    pub fn purge_if_due(&self) {
        let due = self.purge_due.load(Ordering::Relaxed);
        if due != 0 && os::clock_coarse_ms() >= due {
            self.purge(false);
        }
    }

    /// Calls `f` while no other thread returns memory to the system: what was committed in a page stays so. `f` is
    /// told whether that could be had: not when another thread goes on purging for long. It may be in a function of
    /// the program's, which may wait for something that the caller holds.
    pub fn without_purges<R>(&self, f: impl FnOnce(bool) -> R) -> R {
        if self.is_purging() {
            return f(true);
        }
        let Some(_guard) = self.wait_for_purges() else { return f(false) };
        self.as_purger(|| f(true))
    }

    fn wait_for_purges(&self) -> Option<os::Guard<'_>> {
        if let Some(guard) = self.purging.try_lock() {
            return Some(guard);
        }
        let start = os::clock_ms();
        loop {
            os::yield_thread();
            match self.purging.try_lock() {
                None if os::clock_ms() - start < PURGE_WAIT_MS => {}
                result => return result,
            }
        }
    }

    /// Returns memory of free slices to the system: what is due, or all of it when `force`.
    ///
    /// Does nothing when the calling thread is purging already: giving memory back may call a function of
    /// the program's, which may come back here.
    pub fn purge(&self, force: bool) {
        if self.is_purging() {
            return;
        }
        let guard = if force { Some(self.purging.lock()) } else { self.purging.try_lock() };
        if guard.is_some() {
            self.as_purger(|| self.purge_locked(force));
        }
    }

    /// Whether the calling thread holds `purging`.
    fn is_purging(&self) -> bool {
        self.purger.load(Ordering::Relaxed) == os::thread_id()
    }

    /// Calls `f`. The caller holds `purging`, and is known to hold it meanwhile.
    fn as_purger<R>(&self, f: impl FnOnce() -> R) -> R {
        self.purger.store(os::thread_id(), Ordering::Relaxed);
        let result = f();
        self.purger.store(0, Ordering::Relaxed);
        result
    }

    fn purge_locked(&self, force: bool) {
        // Cleared first: slices scheduled during the pass set it anew.
        self.purge_due.store(0, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.stats.arena_purges.bump();
        let mut left = false;
        for arena in self.iter() {
            left |= arena.purge_pass(force);
        }
        if let (true, Some(delay)) = (left, delay_ms()) {
            self.purge_due.store(os::clock_coarse_ms() + delay, Ordering::Relaxed);
        }
    }
}
