//! A global allocator that brings its options along.
#![allow(unsafe_code)]

use core::alloc::{GlobalAlloc, Layout};
use core::sync::atomic::{AtomicBool, Ordering};

use rimalloc_core::heap::Heap;
use rimalloc_core::page::Page;
use rimalloc_core::source::{Plain, Source};
use rimalloc_core::theap::Theap;

use crate::block;
use crate::options::{self, Choice};

/// Options that are part of a program. For [`Rimalloc::with`](crate::Rimalloc::with).
///
/// They take effect with the first block that the program asks for, which in a program with `std` is before `main`.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// What the program decides. These are defaults: what the environment says, where it counts, and what
    /// [`Setting::set`](options::Setting::set) says later, goes before them.
    pub options: &'static [Choice],
    /// Whether `MIMALLOC_*` and `RIMALLOC_*` variables count.
    pub environment: bool,
}

impl Config {
    /// Nothing is decided by the program, and the environment counts: as with [`Rimalloc`](crate::Rimalloc) itself.
    pub const DEFAULT: Self = Self { options: &[], environment: true };
}

impl Default for Config {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A global allocator with a [`Config`]. Made by [`Rimalloc::with`](crate::Rimalloc::with).
///
/// Its blocks are those of [`Rimalloc`](crate::Rimalloc), and all that is said there holds here. What it costs to apply
/// the options is paid once; no allocation after that does more than one of `Rimalloc`.
#[derive(Debug)]
pub struct Configured {
    config: Config,
    is_applied: AtomicBool,
}

impl Configured {
    pub(super) const fn new(config: Config) -> Self {
        Self { config, is_applied: AtomicBool::new(false) }
    }

    /// Threads that come first at the same time all do this, with the same result.
    fn apply(&self) {
        if self.is_applied.load(Ordering::Acquire) {
            return;
        }
        if !self.config.environment {
            options::ignore_environment();
        }
        for choice in self.config.options {
            choice.apply_as_default();
        }
        self.is_applied.store(true, Ordering::Release);
    }
}

/// As [`Plain`], and applies the options before a thread gets its theap: the one moment that no fast path sees.
#[derive(Clone, Copy)]
struct Configuring<'a>(&'a Configured);

impl Source for Configuring<'_> {
    #[inline(always)]
    fn cached(self) -> Option<*const Theap> {
        Plain.cached()
    }

    fn ensure(self) -> Option<&'static Theap> {
        self.0.apply();
        Plain.ensure()
    }

    fn heap(self) -> &'static Heap {
        Plain.heap()
    }

    #[inline(always)]
    fn keeps(self, page: &Page) -> bool {
        Plain.keeps(page)
    }
}

// SAFETY: as for `Rimalloc`: the source differs from the plain one only in what it does before the first block.
unsafe impl GlobalAlloc for Configured {
    #[cfg_attr(feature = "inline-fast-path", inline)]
    #[cfg_attr(not(feature = "inline-fast-path"), inline(never))]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        block::allocate(Configuring(self), layout.size(), layout.align())
    }

    #[cfg_attr(feature = "inline-fast-path", inline)]
    #[cfg_attr(not(feature = "inline-fast-path"), inline(never))]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        block::allocate_zeroed(Configuring(self), layout.size(), layout.align())
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller gives back a block of this allocator together with its layout.
        unsafe { super::release(ptr, layout.size(), layout.align()) }
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // There is a block, so the options were applied.
        // SAFETY: the caller hands over a live block of this allocator with its layout.
        unsafe { super::resize(ptr, layout.align(), new_size) }
    }
}
