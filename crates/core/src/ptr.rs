//! The two kinds of memory that pointers in the engine lead to: blocks and page records.
#![allow(unsafe_code)]

use core::cell::Cell;
use core::ptr::NonNull;

use crate::sync::LinkCell;

/// A free block: its first word links it to the next one of the list it is on, as [`Links`](crate::links) say.
///
/// # Invariants
/// P1: a block is in exactly one of: the user's hands, its page's local lists, its page's remote list, a
/// list handed to a theap's fast path. Only the holder of the block or of its list touches the link.
#[repr(C)]
pub struct Block {
    pub(crate) next: LinkCell<*mut Block>,
}

/// What a word holds that another thread may be changing: what it held before, or after.
pub fn peek<T: Copy>(word: &Cell<T>) -> T {
    const { assert!(size_of::<T>() <= size_of::<usize>(), "read in one piece") };
    // SAFETY: the word is initialised, aligned, and written in one piece.
    unsafe { word.as_ptr().read_volatile() }
}

/// Asks the processor to fetch the line at `ptr`, which need not be a valid address. A hint: on processors
/// that the library does not know how to ask, nothing.
#[inline(always)]
pub fn prefetch<T>(ptr: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a prefetch neither faults nor changes anything, whatever the address.
    unsafe {
        core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(ptr.cast());
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = ptr;
}

/// Opaque storage of a page record: memory that arenas lay out and that the page layer gives a meaning.
#[repr(C, align(128))]
pub struct Record {
    bytes: [u8; crate::config::RECORD_SIZE],
}

impl Record {
    /// A page that no thread owns.
    pub const ZERO: Self = Self { bytes: [0; crate::config::RECORD_SIZE] };
}

/// `ptr` moved by `bytes`.
///
/// # Safety
/// The result is in the same reserved range as `ptr`, or one past its end.
#[inline]
pub unsafe fn offset(ptr: NonNull<u8>, bytes: usize) -> NonNull<u8> {
    // SAFETY: the caller keeps the result inside the range.
    unsafe { ptr.add(bytes) }
}
