//! The numbers of arenas: from 1 up, unique in the process, never given twice.
//!
//! Arenas that have a number are a list through their headers, the newest first. Looking one up takes the
//! lock, so that an arena does not end while it is looked at: that programs ask is rare.
#![allow(unsafe_code)]

use core::cell::Cell;
use core::ptr::null;

use crate::arena::Arena;
use crate::os;

struct Ids {
    lock: os::Lock,
    newest: Cell<*const Arena>,
    last: Cell<i32>,
}

// SAFETY: the cells are touched only by the holder of `lock`.
unsafe impl Sync for Ids {}

static IDS: Ids = Ids { lock: os::Lock::new(), newest: Cell::new(null()), last: Cell::new(0) };

/// The arenas that have a number, newest first. The caller holds the lock.
fn all() -> impl Iterator<Item = &'static Arena> {
    // SAFETY: an arena is taken off the list, under the lock, before it ends.
    let first = unsafe { IDS.newest.get().as_ref() };
    // SAFETY: as above.
    core::iter::successors(first, |arena| unsafe { arena.older.get().as_ref() })
}

/// Whether no arena has memory between two addresses.
pub(super) fn is_free(first: usize, end: usize) -> bool {
    let _guard = IDS.lock.lock();
    is_free_locked(first, end)
}

fn is_free_locked(first: usize, end: usize) -> bool {
    all().all(|arena| {
        let base = arena.base().addr().get();
        end <= base || base + arena.size() <= first
    })
}

/// Gives an arena that nobody knows yet its number. False when another one has some of the same memory.
pub(super) fn give(arena: &'static Arena) -> bool {
    let base = arena.base().addr().get();
    let _guard = IDS.lock.lock();
    if !is_free_locked(base, base + arena.size()) {
        return false;
    }
    if let Some(next) = IDS.last.get().checked_add(1) {
        arena.id.set(next);
        IDS.last.set(next);
    }
    arena.older.set(IDS.newest.replace(arena));
    true
}

/// Makes an arena unknown.
pub(super) fn withdraw(arena: &Arena) {
    let _guard = IDS.lock.lock();
    let older = arena.older.get();
    match all().find(|newer| core::ptr::eq(newer.older.get(), arena)) {
        Some(newer) => newer.older.set(older),
        None => IDS.newest.set(older),
    }
}

/// Calls `f` with the arena of this number while it can't end. `f` asks about no other arena.
pub(super) fn with<R>(id: i32, f: impl FnOnce(&'static Arena) -> R) -> Option<R> {
    let _guard = IDS.lock.lock();
    all().find(|arena| arena.id.get() == id && id > 0).map(f)
}

/// Takes the lock, so that no other thread is inside it when the process forks.
pub(super) fn lock_for_fork() {
    IDS.lock.acquire();
}

/// Releases what [`lock_for_fork`] took.
///
/// # Safety
/// The calling thread, or the one it was forked from, holds the lock.
pub(super) unsafe fn unlock_after_fork() {
    // SAFETY: the caller's promise.
    unsafe { IDS.lock.release() };
}
