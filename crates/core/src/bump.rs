//! Places that nobody frees one by one: cut one after another from chunks, which are blocks of a heap and end with it.
//!
//! A place costs no lookup, no list and no padding beyond its alignment. Only the thread that made the [`Bump`] cuts;
//! to other threads the heap gives blocks. So it does for what is large beside a chunk, and always in hardened builds,
//! whose checks are those of blocks.
#![allow(unsafe_code)]

use core::cell::Cell;
use core::ptr::without_provenance_mut;

use crate::aligned;
use crate::config::HARDENED;
use crate::heap::Heap;
use crate::os;

/// Bytes of the first chunks.
const CHUNK_MIN: usize = 8 << 10;

/// Bytes of later ones.
const CHUNK_MAX: usize = 32 << 10;

/// Places of more bytes, alignment included, are blocks of their own. So at most this much of a chunk stays unused.
const PLACE_MAX: usize = CHUNK_MIN / 4;

/// The chunk of which places are being cut.
///
/// # Invariants
/// The cells are touched only by the thread `owner`. `[at, end)` is the rest of a live block of the heap that
/// [`alloc`](Self::alloc) is called with, of which nobody has had a byte, or empty.
#[derive(Debug)]
pub struct Bump {
    owner: usize,
    at: Cell<*mut u8>,
    end: Cell<*mut u8>,
    /// Bytes of the chunks so far.
    total: Cell<usize>,
}

// SAFETY: the cells are touched only by the thread `owner`. A thread that gets the id of one that has ended is started by
// the system after that end, and so after all that the old one wrote.
unsafe impl Sync for Bump {}
// SAFETY: as above; what it points at is freed by its heap.
unsafe impl Send for Bump {}

impl Bump {
    /// No chunk yet; the calling thread is the one that cuts.
    #[must_use]
    pub fn new() -> Self {
        // Not null, which would be a place without size.
        let nothing = || Cell::new(without_provenance_mut(1));
        Self { owner: os::thread_id(), at: nothing(), end: nothing(), total: Cell::new(0) }
    }

    /// A place of `size` bytes at a multiple of `align`, a power of two; uninitialised. Null when memory ran out. It is
    /// valid until the heap ends with its blocks, and cannot be freed before. One without size may be where another one
    /// begins. Any thread may call.
    ///
    /// # Safety
    /// All calls are with the same heap, which lives. `size`, rounded up to `align`, is at most `PTRDIFF_MAX`.
    #[inline]
    pub unsafe fn alloc(&self, heap: &'static Heap, size: usize, align: usize) -> *mut u8 {
        if !HARDENED && os::is_thread(self.owner) {
            let at = self.at.get();
            let skip = at.addr().wrapping_neg() & (align - 1);
            let room = self.end.get().addr() - at.addr();
            // The sum does not overflow: the caller's promise.
            if skip + size <= room {
                let place = at.wrapping_add(skip);
                self.at.set(place.wrapping_add(size));
                return place;
            }
        }
        self.alloc_slow(heap, size, align)
    }

    #[cold]
    #[inline(never)]
    fn alloc_slow(&self, heap: &'static Heap, size: usize, align: usize) -> *mut u8 {
        let is_small = size <= PLACE_MAX && align <= PLACE_MAX - size;
        if HARDENED || !is_small || !os::is_thread(self.owner) {
            return aligned::malloc_aligned(heap, size, align);
        }
        let chunk = if self.total.get() < 2 * CHUNK_MIN { CHUNK_MIN } else { CHUNK_MAX };
        let start = aligned::malloc_aligned(heap, chunk, align);
        if start.is_null() {
            return start;
        }
        self.total.set(self.total.get() + chunk);
        self.at.set(start.wrapping_add(size));
        self.end.set(start.wrapping_add(chunk));
        start
    }
}

impl Default for Bump {
    fn default() -> Self {
        Self::new()
    }
}
