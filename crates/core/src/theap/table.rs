//! The theaps of one thread other than its root, by the numbers of their heaps.
//!
//! Two levels, so that a thread that uses few heaps touches little memory: a directory that grows with the
//! highest number, of leaves that stay where they are. The first use of a heap by a thread adds its theap, which
//! stays until the thread ends; the next heap with the same number takes it over.

#![allow(unsafe_code)]

use core::cell::Cell;
use core::ptr::{NonNull, null_mut};

use super::Theap;
use crate::arena::meta;

const LEAF_ENTRIES: usize = 64;
const DIRECTORY_MIN: usize = 16;

/// Heaps with higher numbers are refused: no directory has room for their leaf.
pub const NUMBER_END: usize = meta::OBJECT_MAX / size_of::<*const Leaf>() * LEAF_ENTRIES;

type Leaf = [Cell<*const Theap>; LEAF_ENTRIES];

/// Theaps by number.
///
/// # Invariants
/// `directory` holds `len` entries, each null or a leaf, or is null when `len` is 0; only the thread of the
/// theaps touches them.
pub(super) struct TheapTable {
    directory: Cell<*mut *mut Leaf>,
    len: Cell<usize>,
}

impl TheapTable {
    pub(super) const fn new() -> Self {
        Self { directory: Cell::new(null_mut()), len: Cell::new(0) }
    }

    /// Whether no theap was ever entered.
    pub(super) fn is_empty(&self) -> bool {
        self.len.get() == 0
    }

    fn leaf(&self, index: usize) -> Option<&Leaf> {
        if index >= self.len.get() {
            return None;
        }
        // SAFETY: by the invariant of the type.
        unsafe { (*self.directory.get().add(index)).as_ref() }
    }

    /// The theap with a number, if the thread has one.
    pub(super) fn get(&self, number: usize) -> Option<&'static Theap> {
        let entry = self.leaf(number / LEAF_ENTRIES)?[number % LEAF_ENTRIES].get();
        // SAFETY: entries are null or theaps of the thread, which end with the table.
        unsafe { entry.as_ref() }
    }

    /// Enters the theap of a number that has none. False when memory ran out.
    pub(super) fn set(&self, number: usize, theap: &'static Theap) -> bool {
        let index = number / LEAF_ENTRIES;
        if index >= self.len.get() && !self.grow(index + 1) {
            return false;
        }
        if self.leaf(index).is_none() {
            let Some(leaf) = meta::take(size_of::<Leaf>()) else { return false };
            // SAFETY: `index < len`; zeroed memory is a leaf of null entries.
            unsafe { *self.directory.get().add(index) = leaf.as_ptr().cast() };
        }
        self.leaf(index).is_some_and(|leaf| {
            leaf[number % LEAF_ENTRIES].set(theap);
            true
        })
    }

    /// Makes the directory hold at least `least` entries. False when memory ran out.
    fn grow(&self, least: usize) -> bool {
        let len = least.next_power_of_two().max(DIRECTORY_MIN);
        let bytes = len * size_of::<*mut Leaf>();
        let taken = if bytes <= meta::OBJECT_MAX { meta::take(bytes) } else { None };
        let Some(fresh) = taken else { return false };
        let fresh: *mut *mut Leaf = fresh.as_ptr().cast();
        // SAFETY: the fresh directory is larger than the old one, which nobody refers to any more.
        unsafe {
            if !self.directory.get().is_null() {
                fresh.copy_from_nonoverlapping(self.directory.get(), self.len.get());
            }
            self.free_directory();
        }
        self.directory.set(fresh);
        self.len.set(len);
        true
    }

    /// # Safety
    /// The directory is not used any more.
    unsafe fn free_directory(&self) {
        if let Some(directory) = NonNull::new(self.directory.get()) {
            // SAFETY: it came from `meta::take` with this size; the caller's promise.
            unsafe { meta::give(directory.cast(), self.len.get() * size_of::<*mut Leaf>()) };
        }
    }

    /// Calls `f` with every theap.
    pub(super) fn for_each(&self, mut f: impl FnMut(&'static Theap)) {
        for index in 0..self.len.get() {
            for entry in self.leaf(index).into_iter().flatten() {
                // SAFETY: entries are null or theaps of the thread, which end with the table.
                if let Some(theap) = unsafe { entry.get().as_ref() } {
                    f(theap);
                }
            }
        }
    }

    /// Makes the table empty, and gives its memory back. What becomes of the theaps is the caller's matter.
    pub(super) fn clear(&self) {
        for index in 0..self.len.get() {
            if let Some(leaf) = self.leaf(index) {
                // SAFETY: the leaf came from `meta::take` with this size, and the directory ends.
                unsafe { meta::give(NonNull::from(leaf).cast(), size_of::<Leaf>()) };
            }
        }
        // SAFETY: forgotten below.
        unsafe { self.free_directory() };
        self.directory.set(null_mut());
        self.len.set(0);
    }
}
