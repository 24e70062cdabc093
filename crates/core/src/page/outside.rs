//! The pages whose slices are a mapping of their own, as a list: arenas know their pages by a bitmap.
#![allow(unsafe_code)]

use core::cell::Cell;
use core::ptr::null_mut;

use crate::os;
use crate::page::{Page, PageRef};

struct Outside {
    lock: os::Lock,
    first: Cell<*mut Page>,
}

// SAFETY: `first` and the links it leads to are touched only by the holder of `lock`.
unsafe impl Sync for Outside {}

static OUTSIDE: Outside = Outside { lock: os::Lock::new(), first: Cell::new(null_mut()) };

/// The page behind a link of the list.
fn page(link: *mut Page) -> Option<PageRef> {
    // SAFETY: pages leave the list before their record dies, so a link is null or a live page.
    unsafe { PageRef::from_link(link) }
}

/// Adds a fresh page.
pub(crate) fn add(new: PageRef) {
    let _guard = OUTSIDE.lock.lock();
    new.outside_prev.set(null_mut());
    new.outside_next.set(OUTSIDE.first.get());
    if let Some(first) = page(OUTSIDE.first.get()) {
        first.outside_prev.set(new.as_ptr());
    }
    OUTSIDE.first.set(new.as_ptr());
}

/// Removes a page that ends.
pub(crate) fn remove(old: PageRef) {
    let _guard = OUTSIDE.lock.lock();
    match page(old.outside_prev.get()) {
        Some(prev) => prev.outside_next.set(old.outside_next.get()),
        None => OUTSIDE.first.set(old.outside_next.get()),
    }
    if let Some(next) = page(old.outside_next.get()) {
        next.outside_prev.set(old.outside_prev.get());
    }
}

/// Calls `f` with every page outside arenas. `f` neither makes nor ends such pages.
pub(crate) fn for_each(mut f: impl FnMut(PageRef)) {
    let _guard = OUTSIDE.lock.lock();
    let mut at = page(OUTSIDE.first.get());
    while let Some(found) = at {
        at = page(found.outside_next.get());
        f(found);
    }
}

/// Takes the lock, so that no other thread is inside it when the process forks.
pub(crate) fn lock_for_fork() {
    OUTSIDE.lock.acquire();
}

/// Releases what [`lock_for_fork`] took.
///
/// # Safety
/// The calling thread, or the one it was forked from, holds the lock.
pub(crate) unsafe fn unlock_after_fork() {
    // SAFETY: the caller's promise.
    unsafe { OUTSIDE.lock.release() };
}
