//! The global allocator: `GlobalAlloc` over the engine's entry points.
//!
//! Owns: the choice between the plain and the aligned entry points. Called by: Rust's `alloc`.
#![allow(unsafe_code)]

use core::alloc::{GlobalAlloc, Layout};

use rimalloc_core::source::Plain;
use rimalloc_core::{aligned, alloc, free, realloc};

/// The allocator, as a value to hang `#[global_allocator]` on. It has no state of its own: all
/// values of this type are the same allocator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rimalloc;

impl Rimalloc {
    /// The version of this crate, as in its manifest.
    #[must_use]
    pub const fn version() -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// How many bytes of the block at `ptr` may be used: at least as many as were asked for.
    ///
    /// # Safety
    ///
    /// `ptr` is null or was returned by this allocator and has not been given back since.
    #[must_use]
    pub unsafe fn usable_size(&self, ptr: *const u8) -> usize {
        // SAFETY: the caller promises a live block of this allocator, or null.
        unsafe { free::usable_size(ptr) }
    }
}

/// Whether any block of `size` bytes is aligned to `align` anyway: blocks of more than 8 bytes are
/// aligned to 16, smaller ones to 8.
const fn naturally_aligned(size: usize, align: usize) -> bool {
    align <= 8 || (align <= 16 && size > 8)
}

// SAFETY: the engine returns null or a block of at least the asked size and alignment that no one
// else holds until it is given back, never unwinds, and takes blocks back from any thread.
unsafe impl GlobalAlloc for Rimalloc {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if naturally_aligned(layout.size(), layout.align()) {
            alloc::malloc(Plain, layout.size())
        } else {
            aligned::malloc_aligned(Plain, layout.size(), layout.align())
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if naturally_aligned(layout.size(), layout.align()) {
            alloc::zalloc(Plain, layout.size())
        } else {
            aligned::zalloc_aligned(Plain, layout.size(), layout.align())
        }
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller gives back a block of this allocator together with its layout.
        unsafe { free::free_size_aligned(ptr, layout.size(), layout.align()) }
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // The test looks at the new size: a block of 24 bytes that shrinks to 8 may move to a
        // bin that is aligned to 8 only.
        if naturally_aligned(new_size, layout.align()) {
            // SAFETY: the caller hands over a live block of this allocator.
            unsafe { realloc::realloc(Plain, ptr, new_size) }
        } else {
            // SAFETY: the caller hands over a live block of this allocator.
            unsafe { realloc::realloc_aligned(Plain, ptr, new_size, layout.align()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::naturally_aligned;

    #[test]
    fn small_blocks_have_no_alignment_beyond_eight() {
        assert!(naturally_aligned(1, 1));
        assert!(naturally_aligned(8, 8));
        assert!(!naturally_aligned(8, 16));
        assert!(naturally_aligned(9, 16));
        assert!(!naturally_aligned(4096, 32));
    }
}
