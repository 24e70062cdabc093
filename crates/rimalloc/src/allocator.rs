//! The `Allocator` traits, of which there are three while the language has none.
#![allow(unsafe_code)]

use core::alloc::Layout;
use core::ptr::NonNull;

use rimalloc_core::source::{Plain, Source};
use rimalloc_core::{aligned, free, realloc};

use crate::block;
use crate::{Heap, Rimalloc, Scope};

/// A block for `layout` with all its usable bytes, zeros if `zero`.
#[inline(always)]
fn allocate_whole(source: impl Source, layout: Layout, zero: bool) -> Option<NonNull<[u8]>> {
    aligned::whole(source, layout.size(), layout.align(), zero)
}

/// [`block::resize`] to another layout, with all usable bytes; with `zero`, bytes beyond the old layout's are zero.
///
/// # Safety
/// `block` is a live block with the layout `old`. It ends if there is a result.
#[inline(always)]
unsafe fn resize_whole(
    source: impl Source,
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
    zero: bool,
) -> Option<NonNull<[u8]>> {
    let (block, size, align) = (block.as_ptr(), new.size(), new.align());
    let resized = if zero {
        // SAFETY: the caller's promise; the engine zeroes what it adds to the bytes that were usable.
        unsafe {
            let usable = free::usable_size(block);
            block.add(old.size()).write_bytes(0, usable - old.size());
            realloc::rezalloc_aligned(source, block, size, align)
        }
    } else {
        // SAFETY: the caller's promise.
        unsafe { block::resize(source, block, size, align) }
    };
    // SAFETY: null, or a block that was just taken.
    let usable = unsafe { free::usable_size(resized) };
    NonNull::new(resized).map(|start| NonNull::slice_from_raw_parts(start, usable))
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
                allocate_whole(source_of(self), layout, false).ok_or($($module)::+::AllocError)
            }

            #[inline(never)]
            fn allocate_zeroed(
                &self,
                layout: Layout,
            ) -> Result<NonNull<[u8]>, $($module)::+::AllocError> {
                allocate_whole(source_of(self), layout, true).ok_or($($module)::+::AllocError)
            }

            #[cfg_attr(feature = "inline-fast-path", inline)]
            #[cfg_attr(not(feature = "inline-fast-path"), inline(never))]
            unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
                // SAFETY: the caller gives back a block of this allocator with a layout that fits it.
                unsafe { block::release(ptr.as_ptr(), layout.size(), layout.align()) }
            }

            #[inline(never)]
            unsafe fn grow(
                &self,
                ptr: NonNull<u8>,
                old_layout: Layout,
                new_layout: Layout,
            ) -> Result<NonNull<[u8]>, $($module)::+::AllocError> {
                // SAFETY: the caller hands over a block of this allocator with a layout that fits it.
                unsafe { resize_whole(source_of(self), ptr, old_layout, new_layout, false) }
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
                unsafe { resize_whole(source_of(self), ptr, old_layout, new_layout, true) }
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
                unsafe { resize_whole(source_of(self), ptr, old_layout, new_layout, false) }
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
