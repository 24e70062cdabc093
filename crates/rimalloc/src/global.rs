//! The global allocator: `GlobalAlloc` over the engine's entry points.
#![allow(unsafe_code)]

mod config;

use core::alloc::{GlobalAlloc, Layout};

use rimalloc_core::source::Plain;

use crate::{block, process};

pub use config::{Config, Configured};

/// The allocator, as a value to hang `#[global_allocator]` on. It has no state of its own: all values of this type are
/// the same allocator, and serve from the calling thread's default heap, which is the main heap unless
/// [`Heap::with_default`](crate::Heap::with_default) says otherwise.
///
/// ```
/// #[global_allocator]
/// static GLOBAL: rimalloc::Rimalloc = rimalloc::Rimalloc;
/// # fn main() {}
/// ```
///
/// - **Sizes**: any up to `isize::MAX` bytes. A block has at most `max(15, size / 6)` bytes more than its layout asks
///   for; the size of one is what [`good_size`](crate::good_size) says. A layout of size 0 gives a block of its own.
/// - **Alignment**: any power of two. What comes out is aligned to 16 bytes in any case, or to 8 when it has up to 8
///   bytes.
/// - **Errors**: null when the system has no memory, which collections report from `try_reserve` and `std` aborts on
///   elsewhere. Nothing panics or unwinds.
/// - **Threads**: any thread may free or resize a block of any other.
/// - **Checks**: builds with debug assertions report a block that is freed with a layout that is not its own, to
///   standard error if the option [`show_errors`](crate::options::show_errors) is on and to the function that
///   [`hooks::on_error`](crate::hooks::on_error) takes; then they free it. An address that is no block's is reported
///   and ignored. Other builds trust the caller, as the contract of `GlobalAlloc` lets them, unless the option
///   [`check`](crate::options::check) or [`Heap::set_check`](crate::Heap::set_check) asks them to look.
///
/// With the feature `allocator-api2` and its likes it is also an `Allocator`, for collections that shall live here in a
/// program whose global allocator is another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rimalloc;

impl Rimalloc {
    /// A global allocator whose options are decided in the program's source. See [`Config`].
    ///
    /// ```
    /// use core::time::Duration;
    /// use rimalloc::{Config, Configured, Rimalloc, options};
    ///
    /// #[global_allocator]
    /// static GLOBAL: Configured = Rimalloc::with(Config {
    ///     options: &[options::purge_delay().to(Some(Duration::from_millis(200)))],
    ///     environment: false,
    /// });
    /// # fn main() {
    /// #     let _first = Box::new(1);
    /// #     assert_eq!(options::purge_delay().get(), Some(Duration::from_millis(200)));
    /// # }
    /// ```
    #[must_use]
    pub const fn with(config: Config) -> Configured {
        Configured::new(config)
    }

    /// The version of this crate, as in its manifest.
    #[must_use]
    pub const fn version() -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// How many bytes of the block at `ptr` may be used: at least as many as were asked for. 0 for null.
    ///
    /// # Safety
    ///
    /// `ptr` is null or was returned by this allocator and has not been given back since.
    #[must_use]
    pub unsafe fn usable_size(&self, ptr: *const u8) -> usize {
        // SAFETY: the caller promises a live block of this allocator, or null.
        unsafe { process::usable_size(ptr) }
    }
}

// SAFETY: the engine returns null or a block of at least the asked size and alignment that no one else holds until it
// is given back, never unwinds, and takes blocks back from any thread.
unsafe impl GlobalAlloc for Rimalloc {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        allocate(layout.size(), layout.align())
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        allocate_zeroed(layout.size(), layout.align())
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller gives back a block of this allocator together with its layout.
        unsafe { release(ptr, layout.size(), layout.align()) }
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller hands over a live block of this allocator with its layout.
        unsafe { resize(ptr, layout.align(), new_size) }
    }
}

#[cfg_attr(feature = "inline-fast-path", inline(always))]
#[cfg_attr(not(feature = "inline-fast-path"), inline(never))]
fn allocate(size: usize, align: usize) -> *mut u8 {
    block::allocate(Plain, size, align)
}

#[cfg_attr(feature = "inline-fast-path", inline(always))]
#[cfg_attr(not(feature = "inline-fast-path"), inline(never))]
fn allocate_zeroed(size: usize, align: usize) -> *mut u8 {
    block::allocate_zeroed(Plain, size, align)
}

/// # Safety
/// As for `GlobalAlloc::dealloc`.
#[cfg_attr(feature = "inline-fast-path", inline(always))]
#[cfg_attr(not(feature = "inline-fast-path"), inline(never))]
unsafe fn release(block: *mut u8, size: usize, align: usize) {
    // SAFETY: the caller's promise.
    unsafe { block::release(block, size, align) }
}

/// # Safety
/// As for `GlobalAlloc::realloc`.
#[inline(never)]
unsafe fn resize(block: *mut u8, align: usize, size: usize) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe { block::resize(Plain, block, size, align) }
}
