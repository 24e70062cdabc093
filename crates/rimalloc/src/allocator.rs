//! The `Allocator` traits, of which there are three while the language has none.
#![allow(unsafe_code)]

use core::alloc::Layout;
use core::ptr::{NonNull, without_provenance_mut};

use rimalloc_core::source::{Plain, Source};
use rimalloc_core::{aligned, free, realloc};

use crate::block;
use crate::{Heap, Rimalloc, Scope};

/// A block for `layout` with all its usable bytes, zeros if `zero`.
///
/// A layout of size 0 gets no block: collections drop what has no size without giving it back.
#[inline(always)]
fn allocate(source: impl Source, layout: Layout, zero: bool) -> Option<NonNull<[u8]>> {
    if layout.size() == 0 {
        nothing(layout)
    } else {
        aligned::whole(source, layout.size(), layout.align(), zero)
    }
}

/// What stands for a block of size 0.
fn nothing(layout: Layout) -> Option<NonNull<[u8]>> {
    let place = NonNull::new(without_provenance_mut(layout.align()))?;
    Some(NonNull::slice_from_raw_parts(place, 0))
}

/// Changes the layout of a block, which may move; the result has all usable bytes. With `zero`, those beyond the old
/// layout's are zero.
///
/// # Safety
/// `block` is a live block with the layout `old`. It ends if there is a result.
#[inline(always)]
unsafe fn resize(
    source: impl Source,
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
    zero: bool,
) -> Option<NonNull<[u8]>> {
    if old.size() == 0 {
        return allocate(source, new, zero);
    }
    if new.size() == 0 {
        // SAFETY: the caller's promise.
        unsafe { release(block, old) };
        return nothing(new);
    }
    let block = block.as_ptr();
    let resized = if zero {
        // SAFETY: the caller's promise; the engine zeroes what it adds to the bytes that were usable.
        unsafe {
            let usable = free::usable_size(block);
            block.add(old.size()).write_bytes(0, usable - old.size());
            realloc::rezalloc_aligned(source, block, new.size(), new.align())
        }
    } else {
        // SAFETY: the caller's promise.
        unsafe { block::resize(source, block, new.size(), new.align()) }
    };
    // SAFETY: null, or a block that was just taken.
    let usable = unsafe { free::usable_size(resized) };
    NonNull::new(resized).map(|start| NonNull::slice_from_raw_parts(start, usable))
}

/// Gives a block back.
///
/// # Safety
/// `block` is a live block with this layout, which nobody uses any more.
#[inline(always)]
unsafe fn release(block: NonNull<u8>, layout: Layout) {
    if layout.size() != 0 {
        // SAFETY: the caller's promise.
        unsafe { block::release(block.as_ptr(), layout.size(), layout.align()) }
    }
}

/// Implements one of the traits for all allocators.
macro_rules! implement {
    ($($module:tt)::+) => {
        implement!($($module)::+, Rimalloc, |_allocator| Plain);
        implement!($($module)::+, Heap, |heap| heap.engine);
        implement!($($module)::+, &Scope, |scope| scope.engine);
    };
    ($($module:tt)::+, $type:ty, |$this:ident| $source:expr) => {
        const _: () = {
        #[inline(always)]
        fn source_of($this: &$type) -> impl Source {
            $source
        }

        // SAFETY: a block fits its layout and is nobody else's until it is given back, or, in a scope, until nothing
        // borrows that any more; all copies of an allocator take back each other's blocks.
        unsafe impl $($module)::+::Allocator for $type {
            #[cfg_attr(feature = "inline-fast-path", inline)]
            #[cfg_attr(not(feature = "inline-fast-path"), inline(never))]
            fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, $($module)::+::AllocError> {
                allocate(source_of(self), layout, false).ok_or($($module)::+::AllocError)
            }

            #[inline(never)]
            fn allocate_zeroed(
                &self,
                layout: Layout,
            ) -> Result<NonNull<[u8]>, $($module)::+::AllocError> {
                allocate(source_of(self), layout, true).ok_or($($module)::+::AllocError)
            }

            #[cfg_attr(feature = "inline-fast-path", inline)]
            #[cfg_attr(not(feature = "inline-fast-path"), inline(never))]
            unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
                // SAFETY: the caller gives back a block of this allocator with a layout that fits it.
                unsafe { release(ptr, layout) }
            }

            #[inline(never)]
            unsafe fn grow(
                &self,
                ptr: NonNull<u8>,
                old_layout: Layout,
                new_layout: Layout,
            ) -> Result<NonNull<[u8]>, $($module)::+::AllocError> {
                // SAFETY: the caller hands over a block of this allocator with a layout that fits it.
                unsafe { resize(source_of(self), ptr, old_layout, new_layout, false) }
                    .ok_or($($module)::+::AllocError)
            }

            #[inline(never)]
            unsafe fn grow_zeroed(
                &self,
                ptr: NonNull<u8>,
                old_layout: Layout,
                new_layout: Layout,
            ) -> Result<NonNull<[u8]>, $($module)::+::AllocError> {
                // SAFETY: the caller hands over a block of this allocator with a layout that fits it.
                unsafe { resize(source_of(self), ptr, old_layout, new_layout, true) }
                    .ok_or($($module)::+::AllocError)
            }

            #[inline(never)]
            unsafe fn shrink(
                &self,
                ptr: NonNull<u8>,
                old_layout: Layout,
                new_layout: Layout,
            ) -> Result<NonNull<[u8]>, $($module)::+::AllocError> {
                // SAFETY: the caller hands over a block of this allocator with a layout that fits it.
                unsafe { resize(source_of(self), ptr, old_layout, new_layout, false) }
                    .ok_or($($module)::+::AllocError)
            }
        }
        };
    };
}

#[cfg(feature = "allocator-api2")]
implement!(allocator_api2::alloc);
#[cfg(feature = "allocator-api2-04")]
implement!(allocator_api2_04::alloc);
#[cfg(feature = "nightly")]
implement!(core::alloc);
