//! Memory for the engine's own objects: theaps, heaps, records of pages outside arenas.
//!
//! Objects are cut from regions that are never returned, and recycled through one list for each power of
//! two. All of it happens under one lock: making a thread or a heap is rare.
#![allow(unsafe_code)]

use core::cell::Cell;
use core::ptr::{NonNull, null_mut};

use crate::arena::id;
use crate::links::Links;
use crate::margins;
use crate::os;
use crate::ptr::Block;
use crate::stats::{Count, Counter};

/// log2 of the smallest object.
const CLASS_SHIFT_MIN: u32 = 7;
const CLASSES: usize = 10;
const REGION_SIZE: usize = 256 << 10;

/// Largest object in bytes.
pub(crate) const OBJECT_MAX: usize = 1 << (CLASS_SHIFT_MIN as usize + CLASSES - 1);

/// What the engine's own objects take from the system: calls, and bytes.
pub(crate) static OWN: (Counter, Count) = (Counter::new(), Count::new());

struct Meta {
    lock: os::Lock,
    lists: [Cell<*mut Block>; CLASSES],
    rest: Cell<*mut u8>,
    rest_size: Cell<usize>,
}

// SAFETY: the cells are touched only by the holder of `lock`.
unsafe impl Sync for Meta {}

static META: Meta = Meta {
    lock: os::Lock::new(),
    lists: [const { Cell::new(null_mut()) }; CLASSES],
    rest: Cell::new(null_mut()),
    rest_size: Cell::new(0),
};

fn class_of(size: usize) -> usize {
    (size.next_power_of_two().trailing_zeros().max(CLASS_SHIFT_MIN) - CLASS_SHIFT_MIN) as usize
}

fn class_size(class: usize) -> usize {
    1 << (class + CLASS_SHIFT_MIN as usize)
}

/// Takes zeroed memory for an object of `size` bytes, aligned to the next power of two (at most 4096).
/// `None` when memory ran out. `size` is at most [`OBJECT_MAX`].
pub(crate) fn take(size: usize) -> Option<NonNull<u8>> {
    debug_assert!(size <= OBJECT_MAX);
    let class = class_of(size);
    let _guard = META.lock.lock();
    let head = META.lists[class].get();
    if let Some(object) = NonNull::new(head) {
        // SAFETY: the lists hold free objects, under the lock that this thread holds.
        META.lists[class].set(unsafe { Links::plain().next(head) });
        let object = object.cast::<u8>();
        // SAFETY: the object is free memory of its class's size.
        unsafe { object.write_bytes(0, class_size(class)) };
        return Some(object);
    }
    cut(class_size(class))
}

/// Cuts fresh memory from the current region. The caller holds the lock.
fn cut(size: usize) -> Option<NonNull<u8>> {
    let align = size.min(4096);
    let padding = META.rest.get().addr().wrapping_neg() & (align - 1);
    if META.rest_size.get() < size + padding {
        let region = margins::reserve(REGION_SIZE, os::page_size(), true).ok()?;
        OWN.0.bump();
        OWN.1.increase(REGION_SIZE);
        META.rest.set(region.as_ptr());
        META.rest_size.set(REGION_SIZE);
        return cut(size);
    }
    // SAFETY: padding and object lie in the rest of the region.
    let (object, rest) =
        unsafe { (META.rest.get().add(padding), META.rest.get().add(padding + size)) };
    META.rest.set(rest);
    META.rest_size.set(META.rest_size.get() - size - padding);
    NonNull::new(object)
}

/// Gives back an object taken with the same `size`.
///
/// # Safety
/// The object came from [`take`] with this size and nothing refers to it any more.
pub(crate) unsafe fn give(object: NonNull<u8>, size: usize) {
    let class = class_of(size);
    let _guard = META.lock.lock();
    // SAFETY: the object is the caller's to give, and large and aligned enough for a link.
    let block = unsafe { Links::plain().place(object.as_ptr(), META.lists[class].get()) };
    META.lists[class].set(block);
}

/// Takes the locks of what no set of arenas owns, these objects and the numbers of arenas, so that no other
/// thread is inside them when the process forks.
pub(crate) fn lock_for_fork() {
    META.lock.acquire();
    id::lock_for_fork();
}

/// Releases what [`lock_for_fork`] took.
///
/// # Safety
/// The calling thread, or the one it was forked from, holds the locks.
pub(crate) unsafe fn unlock_after_fork() {
    // SAFETY: the caller's promise.
    unsafe {
        id::unlock_after_fork();
        META.lock.release();
    }
}
