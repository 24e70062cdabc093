//! The engine as the kit sees it, and what several tests measure with.
#![allow(unsafe_code)]
#![allow(dead_code, reason = "each test binary uses a part")]

use rimalloc_core::config::{GUARDED_PAGES, PADDED, PADDING};
use rimalloc_core::page::guard;
use rimalloc_core::source::Plain;
use rimalloc_core::{aligned, alloc, collect, free, realloc};
use testkit::{Rules, Subject};

/// What blocks are held to. Padding takes room that blocks of a power of two need to be aligned to their size, and is
/// part of the good size of a block; a padded block is not made another size without moving or marking it. A guarded
/// block has no more room than was asked for, save for its alignment.
pub(crate) const RULES: Rules = if PADDED {
    Rules { natural_align: 1, good_size: false, expand: false, ..Rules::STRICT }
} else {
    Rules { good_size: !GUARDED, ..Rules::STRICT }
};

/// The tests are built to be run with guarded blocks.
const GUARDED: bool = option_env!("RIMALLOC_TEST_GUARDED").is_some();

/// The engine under test. The test binary itself allocates from the system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rimalloc;

// SAFETY: the engine's blocks hold `usable_size` bytes until they are freed.
unsafe impl Subject for Rimalloc {
    fn name(&self) -> &'static str {
        "rimalloc"
    }

    fn malloc(&self, size: usize) -> *mut u8 {
        alloc::malloc(Plain, size)
    }

    fn zalloc(&self, size: usize) -> *mut u8 {
        alloc::zalloc(Plain, size)
    }

    fn calloc(&self, count: usize, size: usize) -> *mut u8 {
        alloc::calloc(Plain, count, size)
    }

    fn mallocn(&self, count: usize, size: usize) -> *mut u8 {
        alloc::mallocn(Plain, count, size)
    }

    fn malloc_small(&self, size: usize) -> *mut u8 {
        alloc::malloc_small(Plain, size)
    }

    fn zalloc_small(&self, size: usize) -> *mut u8 {
        alloc::zalloc_small(Plain, size)
    }

    fn good_size(&self, size: usize) -> usize {
        alloc::good_size(size)
    }

    fn collect(&self, force: bool) {
        collect::collect(force);
    }

    fn malloc_aligned(&self, size: usize, align: usize) -> *mut u8 {
        aligned::malloc_aligned(Plain, size, align)
    }

    fn malloc_aligned_at(&self, size: usize, align: usize, offset: usize) -> *mut u8 {
        aligned::malloc_aligned_at(Plain, size, align, offset)
    }

    fn zalloc_aligned(&self, size: usize, align: usize) -> *mut u8 {
        aligned::zalloc_aligned(Plain, size, align)
    }

    fn zalloc_aligned_at(&self, size: usize, align: usize, offset: usize) -> *mut u8 {
        aligned::zalloc_aligned_at(Plain, size, align, offset)
    }

    fn calloc_aligned(&self, count: usize, size: usize, align: usize) -> *mut u8 {
        aligned::calloc_aligned(Plain, count, size, align)
    }

    fn calloc_aligned_at(&self, count: usize, size: usize, align: usize, offset: usize) -> *mut u8 {
        aligned::calloc_aligned_at(Plain, count, size, align, offset)
    }

    unsafe fn realloc(&self, p: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: same contract.
        unsafe { realloc::realloc(Plain, p, size) }
    }

    unsafe fn reallocn(&self, p: *mut u8, count: usize, size: usize) -> *mut u8 {
        // SAFETY: same contract.
        unsafe { realloc::reallocn(Plain, p, count, size) }
    }

    unsafe fn reallocf(&self, p: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: same contract.
        unsafe { realloc::reallocf(Plain, p, size) }
    }

    unsafe fn expand(&self, p: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: same contract.
        unsafe { realloc::expand(p, size) }
    }

    unsafe fn rezalloc(&self, p: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: same contract.
        unsafe { realloc::rezalloc(Plain, p, size) }
    }

    unsafe fn recalloc(&self, p: *mut u8, count: usize, size: usize) -> *mut u8 {
        // SAFETY: same contract.
        unsafe { realloc::recalloc(Plain, p, count, size) }
    }

    unsafe fn realloc_aligned(&self, p: *mut u8, size: usize, align: usize) -> *mut u8 {
        // SAFETY: same contract.
        unsafe { realloc::realloc_aligned(Plain, p, size, align) }
    }

    unsafe fn realloc_aligned_at(
        &self,
        p: *mut u8,
        size: usize,
        align: usize,
        offset: usize,
    ) -> *mut u8 {
        // SAFETY: same contract.
        unsafe { realloc::realloc_aligned_at(Plain, p, size, align, offset) }
    }

    unsafe fn rezalloc_aligned(&self, p: *mut u8, size: usize, align: usize) -> *mut u8 {
        // SAFETY: same contract.
        unsafe { realloc::rezalloc_aligned(Plain, p, size, align) }
    }

    unsafe fn rezalloc_aligned_at(
        &self,
        p: *mut u8,
        size: usize,
        align: usize,
        offset: usize,
    ) -> *mut u8 {
        // SAFETY: same contract.
        unsafe { realloc::rezalloc_aligned_at(Plain, p, size, align, offset) }
    }

    unsafe fn recalloc_aligned(
        &self,
        p: *mut u8,
        count: usize,
        size: usize,
        align: usize,
    ) -> *mut u8 {
        // SAFETY: same contract.
        unsafe { realloc::recalloc_aligned(Plain, p, count, size, align) }
    }

    unsafe fn recalloc_aligned_at(
        &self,
        p: *mut u8,
        count: usize,
        size: usize,
        align: usize,
        offset: usize,
    ) -> *mut u8 {
        // SAFETY: same contract.
        unsafe { realloc::recalloc_aligned_at(Plain, p, count, size, align, offset) }
    }

    unsafe fn free(&self, p: *mut u8) {
        // SAFETY: same contract.
        unsafe { free::free(p) };
    }

    unsafe fn free_size(&self, p: *mut u8, size: usize) {
        // SAFETY: same contract.
        unsafe { free::free_size(p, size) };
    }

    unsafe fn free_size_aligned(&self, p: *mut u8, size: usize, align: usize) {
        if p.is_null() || !p.addr().is_multiple_of(align) {
            // SAFETY: same contract.
            unsafe { free::free_size_aligned(p, size, align) };
        } else {
            // SAFETY: same contract, and not null.
            unsafe { free::free_live(p, size, align) };
        }
    }

    unsafe fn free_aligned(&self, p: *mut u8, align: usize) {
        // SAFETY: same contract.
        unsafe { free::free_aligned(p, align) };
    }

    unsafe fn usable_size(&self, p: *const u8) -> usize {
        // SAFETY: same contract.
        unsafe { free::usable_size(p) }
    }
}

/// Bytes of this process that are in memory, 0 where the system does not say.
pub(crate) fn resident() -> usize {
    statm(1)
}

/// Bytes of address space that this process has reserved, 0 where the system does not say.
pub(crate) fn reserved() -> usize {
    statm(0)
}

fn statm(field: usize) -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: usize = statm.split(' ').nth(field).and_then(|text| text.parse().ok()).unwrap_or(0);
    pages * rimalloc_core::os::page_size()
}

/// The largest request whose block has a page of its own of `size` bytes, a number of slices: less than the page where
/// something stands behind the block.
pub(crate) fn whole(size: usize) -> usize {
    size - guard::size() - PADDING
}

/// Mappings that as many pages add at most where each has a guard: that, and what is between two.
pub(crate) fn guard_mappings(pages: usize) -> usize {
    if GUARDED_PAGES { 2 * pages } else { 0 }
}
