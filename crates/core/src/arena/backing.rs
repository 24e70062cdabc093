//! What makes the memory of an arena usable and takes it back: the system, or a function of the program's.
//!
//! | memory | commit | decommit |
//! |---|---|---|
//! | the engine's | the system, unless all of it is accessible | the system |
//! | the program's | the same | the system, but the mapping stays the program's |
//! | the program's, with a committer | the committer | the committer, also where others are only reset |
//! | pinned | as above, once | never |
//!
//! A slice is committed once, and again only after it was decommitted: a committer may count on that, save
//! in the child of a fork, which commits whatever it takes.
#![allow(unsafe_code)]

use core::ffi::c_void;
use core::ptr::NonNull;

use crate::arena::{Arena, Traits};
use crate::config::SLICE_SIZE;
use crate::options::{self, Opt};
use crate::os::{self, OsResult};
use crate::sync::Ordering;

/// A function of the program's that commits memory (its first argument is true) or takes it back. The others
/// are the range, whether the range reads as zeros now, which it says when it commits, and what was given
/// along with the function. Its answer: whether the memory was committed, or whether it has to be committed
/// before it is used again. It is called inside allocation and free, by any thread, and must not call them.
pub type CommitFn = unsafe extern "C" fn(bool, *mut c_void, usize, *mut bool, *mut c_void) -> bool;

/// A [`CommitFn`] and its last argument.
#[derive(Clone, Copy, Debug)]
pub struct Committer {
    /// The function.
    pub function: CommitFn,
    /// What it is given.
    pub arg: *mut c_void,
}

impl Committer {
    /// Calls the function, which may leave anything in `errno`. Its answer, and whether the memory is zero.
    ///
    /// # Safety
    /// The range belongs to the arena whose committer this is, and nobody uses it.
    unsafe fn call(self, commit: bool, start: NonNull<u8>, size: usize) -> (bool, bool) {
        let (errno, mut zero) = (os::errno(), false);
        let place = start.as_ptr().cast();
        // SAFETY: who gave the function promised that it can be called like this for its memory.
        let answer = unsafe { (self.function)(commit, place, size, &raw mut zero, self.arg) };
        os::set_errno(errno);
        (answer, zero)
    }
}

impl Traits {
    /// Whether all of the memory is paid for from the start: it counts as committed then, and otherwise from
    /// when it is first taken.
    pub(super) fn is_charged(&self) -> bool {
        self.accessible && (self.pinned || self.external || !os::overcommits())
    }

    /// Makes the header at the start of a range usable; whether it reads as zeros. `None` when refused.
    ///
    /// # Safety
    /// The range has these traits and nobody uses it.
    pub(super) unsafe fn commit_header(&self, base: NonNull<u8>, size: usize) -> Option<bool> {
        if self.accessible {
            return Some(self.zero);
        }
        if let Some(committer) = self.committer {
            // SAFETY: the caller's promise.
            let (committed, zero) = unsafe { committer.call(true, base, size) };
            return committed.then_some(zero);
        }
        // SAFETY: the caller's promise.
        unsafe { os::commit(base, size) }.ok().map(|()| self.zero)
    }
}

impl Arena {
    /// Makes a claimed run usable. False when that is refused; what was committed until then stays so.
    pub(super) fn commit_run(&self, index: usize, count: usize) -> bool {
        if self.doubted.load(Ordering::Relaxed) {
            return self.commit(index, count);
        }
        self.committed().for_each_run(index, count, false, |index, count| self.commit(index, count))
    }

    fn commit(&self, index: usize, count: usize) -> bool {
        if self.inaccessible.load(Ordering::Relaxed) {
            let (start, size) = (self.slice(index), count * SLICE_SIZE);
            if let Some(committer) = self.traits.committer {
                // SAFETY: the run is claimed, so nobody else uses it (P5).
                let (committed, zero) = unsafe { committer.call(true, start, size) };
                if !committed {
                    return false;
                }
                if zero {
                    self.dirty().clear(index, count);
                } else {
                    self.dirty().set(index, count);
                }
            // SAFETY: as above.
            } else if unsafe { os::commit(start, size) }.is_err() {
                return false;
            }
        }
        self.owner().stats.committed.increase(self.committed().set(index, count) * SLICE_SIZE);
        self.owner().stats.commit_calls.bump();
        true
    }

    /// Returns the memory of a claimed run, whose contents nobody needs, to where it came from.
    pub(super) fn purge_run(&self, index: usize, count: usize) {
        let (start, size) = (self.slice(index), count * SLICE_SIZE);
        self.owner().stats.purge_calls.bump();
        if let Some(committer) = self.traits.committer {
            // SAFETY: the run is claimed and free: its contents are nobody's.
            let (inaccessible, _) = unsafe { committer.call(false, start, size) };
            if inaccessible {
                self.note_decommitted(index, count, true);
            }
        } else if options::get(Opt::PurgeDecommits) == 0 {
            // SAFETY: as above.
            let _ = unsafe { os::reset(start, size) };
            self.owner().stats.reset_calls.bump();
            self.owner().stats.reset.increase(size);
        } else if self.traits.external {
            // What the program's own memory reads as now depends on what it maps: it stays dirty.
            // SAFETY: as above.
            if unsafe { os::discard(start, size) }.is_ok() {
                self.note_decommitted(index, count, false);
            }
        // SAFETY: as above.
        } else if let Ok(inaccessible) = unsafe { self.decommit(start, size) } {
            self.dirty().clear(index, count);
            self.note_decommitted(index, count, inaccessible);
            self.note_purged(index, count);
        }
    }

    /// As [`os::decommit`], and with the access gone where the system has refused to grant it: what is accessible may
    /// count against a limit, and others are to have it.
    ///
    /// # Safety
    /// As for [`os::decommit`].
    unsafe fn decommit(&self, start: NonNull<u8>, size: usize) -> OsResult<bool> {
        let was_refused = self.traits.accessible && self.inaccessible.load(Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe {
            if was_refused {
                os::uncommit(start, size).map(|()| true)
            } else {
                os::decommit(start, size)
            }
        }
    }

    /// Ends the claim on a run of which a part is inaccessible and stays so: with all of it inaccessible, and committed
    /// again before it is used. Where that is refused too, the run is lost.
    pub(crate) fn give_inaccessible(&self, index: usize, count: usize) {
        // SAFETY: the run is claimed, and its contents are nobody's.
        if unsafe { os::uncommit(self.slice(index), count * SLICE_SIZE) }.is_ok() {
            self.dirty().clear(index, count);
            self.note_decommitted(index, count, true);
            self.release(index, count);
        }
    }

    fn note_decommitted(&self, index: usize, count: usize, inaccessible: bool) {
        if inaccessible {
            self.inaccessible.store(true, Ordering::Relaxed);
        }
        self.owner().stats.committed.decrease(self.committed().clear(index, count) * SLICE_SIZE);
        self.owner().stats.purged.increase(count * SLICE_SIZE);
    }
}
