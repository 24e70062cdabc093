//! Memory for the engine's own objects: theaps, heaps, records of pages outside arenas.
//!
//! Objects are cut from regions that are never returned, and recycled through one list for each power of
//! two. The regions of the process are mappings of their own; those of an arena are slices of it. All of it
//! happens under one lock: making a thread or a heap is rare.
#![allow(unsafe_code)]

use core::cell::Cell;
use core::ptr::{NonNull, null_mut};

use crate::arena::{Arena, Span, id};
use crate::config::SLICE_SIZE;
use crate::os;
use crate::ptr::Block;
use crate::stats::STATS;

/// log2 of the smallest object.
const CLASS_SHIFT_MIN: u32 = 7;
const CLASSES: usize = 10;
const REGION_SIZE: usize = 256 << 10;

/// Largest object in bytes.
pub(crate) const OBJECT_MAX: usize = 1 << (CLASS_SHIFT_MIN as usize + CLASSES - 1);

// An arena's region is one slice.
const _: () = assert!(OBJECT_MAX <= SLICE_SIZE);

/// Objects and the memory they are cut from.
pub(super) struct Meta {
    lock: os::Lock,
    lists: [Cell<*mut Block>; CLASSES],
    rest: Cell<*mut u8>,
    rest_size: Cell<usize>,
    rest_is_zero: Cell<bool>,
}

// SAFETY: the cells are touched only by the holder of `lock`.
unsafe impl Sync for Meta {}

static META: Meta = Meta::new();

fn class_of(size: usize) -> usize {
    (size.next_power_of_two().trailing_zeros().max(CLASS_SHIFT_MIN) - CLASS_SHIFT_MIN) as usize
}

fn class_size(class: usize) -> usize {
    1 << (class + CLASS_SHIFT_MIN as usize)
}

/// Memory to cut objects from.
struct Region {
    start: NonNull<u8>,
    size: usize,
    zero: bool,
    /// The slices it consists of, if it is not a mapping of its own.
    span: Option<Span>,
}

impl Region {
    fn new(arena: Option<&'static Arena>) -> Option<Self> {
        if let Some(arena) = arena {
            let span = arena.take(1, SLICE_SIZE)?;
            let (start, zero) = (span.start, span.zero);
            return Some(Self { start, size: SLICE_SIZE, zero, span: Some(span) });
        }
        let start = os::reserve(REGION_SIZE, os::page_size(), true).ok()?;
        STATS.mmap_calls.bump();
        Some(Self { start, size: REGION_SIZE, zero: true, span: None })
    }

    /// Gives back a region that nothing was cut from.
    fn give(self) {
        // SAFETY: nobody knows the region.
        unsafe {
            match self.span {
                Some(span) => span.give(),
                None => _ = os::release(self.start, self.size),
            }
        }
    }
}

impl Meta {
    pub(super) const fn new() -> Self {
        Self {
            lock: os::Lock::new(),
            lists: [const { Cell::new(null_mut()) }; CLASSES],
            rest: Cell::new(null_mut()),
            rest_size: Cell::new(0),
            rest_is_zero: Cell::new(false),
        }
    }

    /// Takes zeroed memory for an object of `size` bytes, in a region of `arena` if that is given.
    pub(super) fn take(&self, size: usize, arena: Option<&'static Arena>) -> Option<NonNull<u8>> {
        debug_assert!(size <= OBJECT_MAX);
        let class = class_of(size);
        if let Some(object) = self.take_kept(class, None) {
            return Some(object);
        }
        // Without the lock: getting memory may call a function of the program's.
        let mut fresh = Some(Region::new(arena)?);
        let object = self.take_kept(class, Some(&mut fresh));
        if let Some(unused) = fresh {
            unused.give();
        }
        object
    }

    /// Takes an object from the list of its class or from what is left of the region. Where neither has one,
    /// `fresh` becomes the region.
    fn take_kept(&self, class: usize, fresh: Option<&mut Option<Region>>) -> Option<NonNull<u8>> {
        let _guard = self.lock.lock();
        let size = class_size(class);
        let head = self.lists[class].get();
        if let Some(object) = NonNull::new(head) {
            // SAFETY: the lists hold free objects, under the lock that this thread holds.
            self.lists[class].set(unsafe { Block::next(head) });
            let object = object.cast::<u8>();
            // SAFETY: the object is free memory of its class's size.
            unsafe { object.write_bytes(0, size) };
            return Some(object);
        }
        self.cut(size).or_else(|| {
            let region = fresh?.take()?;
            self.rest.set(region.start.as_ptr());
            self.rest_size.set(region.size);
            self.rest_is_zero.set(region.zero);
            self.cut(size)
        })
    }

    /// Cuts an object from the rest of the region. The caller holds the lock.
    fn cut(&self, size: usize) -> Option<NonNull<u8>> {
        let align = size.min(4096);
        let padding = self.rest.get().addr().wrapping_neg() & (align - 1);
        if self.rest_size.get() < size + padding {
            return None;
        }
        // SAFETY: padding and object lie in the rest of the region.
        let (object, rest) =
            unsafe { (self.rest.get().add(padding), self.rest.get().add(padding + size)) };
        self.rest.set(rest);
        self.rest_size.set(self.rest_size.get() - size - padding);
        if !self.rest_is_zero.get() {
            // SAFETY: the object was just cut.
            unsafe { object.write_bytes(0, size) };
        }
        NonNull::new(object)
    }

    /// Gives back an object taken with the same `size`.
    ///
    /// # Safety
    /// The object came from `take` of these with this size and nothing refers to it any more.
    pub(super) unsafe fn give(&self, object: NonNull<u8>, size: usize) {
        let class = class_of(size);
        let _guard = self.lock.lock();
        // SAFETY: the object is the caller's to give, and large and aligned enough for a link.
        let block = unsafe { Block::place(object.as_ptr(), self.lists[class].get()) };
        self.lists[class].set(block);
    }

    /// Takes the lock, so that no other thread is inside it when the process forks.
    pub(super) fn lock_for_fork(&self) {
        self.lock.acquire();
    }

    /// Releases what [`lock_for_fork`](Self::lock_for_fork) took.
    ///
    /// # Safety
    /// The calling thread, or the one it was forked from, holds the lock.
    pub(super) unsafe fn unlock_after_fork(&self) {
        // SAFETY: the caller's promise.
        unsafe { self.lock.release() };
    }
}

/// Takes zeroed memory for an object of `size` bytes, aligned to the next power of two (at most 4096).
/// `None` when memory ran out. `size` is at most [`OBJECT_MAX`].
pub(crate) fn take(size: usize) -> Option<NonNull<u8>> {
    META.take(size, None)
}

/// Gives back an object taken with the same `size`.
///
/// # Safety
/// The object came from [`take`] with this size and nothing refers to it any more.
pub(crate) unsafe fn give(object: NonNull<u8>, size: usize) {
    // SAFETY: the caller's promise.
    unsafe { META.give(object, size) };
}

/// Takes the locks of what no set of arenas owns, the process's objects and the numbers of arenas, so that
/// no other thread is inside them when the process forks.
pub(crate) fn lock_for_fork() {
    META.lock_for_fork();
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
        META.unlock_after_fork();
    }
}
