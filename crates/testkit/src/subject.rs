//! The allocator under test, as the kit sees it.
#![allow(unsafe_code)]

use core::ptr::null_mut;

/// An allocator that operations can be applied to.
///
/// The six functions without a body are enough. The bodies of the others derive them from these six, so an allocator
/// with its own entry point for something overrides it to have that entry point tested.
///
/// # Safety
/// A pointer returned by `malloc`, `realloc` or `malloc_aligned` is null or points to memory that holds as many bytes
/// as `usable_size` says for it and stays readable and writable until it is freed. The kit finds blocks that overlap
/// or lack alignment, but it has to be able to touch them.
pub unsafe trait Subject: Sync {
    /// How reports call the allocator.
    fn name(&self) -> &'static str;

    /// A block of `size` bytes.
    fn malloc(&self, size: usize) -> *mut u8;

    /// A block of `size` bytes at a multiple of `align`.
    fn malloc_aligned(&self, size: usize, align: usize) -> *mut u8;

    /// Resizes a block, moving it if need be.
    ///
    /// # Safety
    /// `p` is null or a live block of this allocator; if the result is not null, `p` is not used again.
    unsafe fn realloc(&self, p: *mut u8, size: usize) -> *mut u8;

    /// Ends a block.
    ///
    /// # Safety
    /// `p` is null or a live block of this allocator, and is not used again.
    unsafe fn free(&self, p: *mut u8);

    /// Bytes that the owner of a block may use.
    ///
    /// # Safety
    /// `p` is null or a live block of this allocator.
    unsafe fn usable_size(&self, p: *const u8) -> usize;

    /// The usable size that a block of `size` bytes would have.
    fn good_size(&self, size: usize) -> usize {
        size
    }

    /// Gives memory back.
    fn collect(&self, _force: bool) {}

    /// A block of `size` bytes, all zero.
    fn zalloc(&self, size: usize) -> *mut u8 {
        zeroed(self, self.malloc(size))
    }

    /// A block of `count * size` bytes, all zero.
    fn calloc(&self, count: usize, size: usize) -> *mut u8 {
        count.checked_mul(size).map_or(null_mut(), |total| self.zalloc(total))
    }

    /// A block of `count * size` bytes.
    fn mallocn(&self, count: usize, size: usize) -> *mut u8 {
        count.checked_mul(size).map_or(null_mut(), |total| self.malloc(total))
    }

    /// A block of at most [`SMALL_MAX`](crate::SMALL_MAX) bytes.
    fn malloc_small(&self, size: usize) -> *mut u8 {
        self.malloc(size)
    }

    /// A block of at most [`SMALL_MAX`](crate::SMALL_MAX) bytes, all zero.
    fn zalloc_small(&self, size: usize) -> *mut u8 {
        self.zalloc(size)
    }

    /// A block whose address plus `offset` is a multiple of `align`.
    fn malloc_aligned_at(&self, size: usize, align: usize, offset: usize) -> *mut u8 {
        if align.is_power_of_two() && offset.is_multiple_of(align) {
            self.malloc_aligned(size, align)
        } else {
            null_mut()
        }
    }

    /// [`malloc_aligned`](Self::malloc_aligned), all zero.
    fn zalloc_aligned(&self, size: usize, align: usize) -> *mut u8 {
        zeroed(self, self.malloc_aligned(size, align))
    }

    /// [`malloc_aligned_at`](Self::malloc_aligned_at), all zero.
    fn zalloc_aligned_at(&self, size: usize, align: usize, offset: usize) -> *mut u8 {
        zeroed(self, self.malloc_aligned_at(size, align, offset))
    }

    /// [`zalloc_aligned`](Self::zalloc_aligned) of `count * size` bytes.
    fn calloc_aligned(&self, count: usize, size: usize, align: usize) -> *mut u8 {
        count.checked_mul(size).map_or(null_mut(), |total| self.zalloc_aligned(total, align))
    }

    /// [`zalloc_aligned_at`](Self::zalloc_aligned_at) of `count * size` bytes.
    fn calloc_aligned_at(&self, count: usize, size: usize, align: usize, offset: usize) -> *mut u8 {
        count
            .checked_mul(size)
            .map_or(null_mut(), |total| self.zalloc_aligned_at(total, align, offset))
    }

    /// [`realloc`](Self::realloc) to `count * size` bytes.
    ///
    /// # Safety
    /// As [`realloc`](Self::realloc).
    unsafe fn reallocn(&self, p: *mut u8, count: usize, size: usize) -> *mut u8 {
        // SAFETY: same contract.
        count.checked_mul(size).map_or(null_mut(), |total| unsafe { self.realloc(p, total) })
    }

    /// [`realloc`](Self::realloc) that frees the block when it fails.
    ///
    /// # Safety
    /// As [`realloc`](Self::realloc), and `p` is not used again in any case.
    unsafe fn reallocf(&self, p: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: same contract.
        let resized = unsafe { self.realloc(p, size) };
        if resized.is_null() {
            // SAFETY: a failed `realloc` leaves `p` alive.
            unsafe { self.free(p) };
        }
        resized
    }

    /// Resizes a block where it is, or returns null.
    ///
    /// # Safety
    /// `p` is null or a live block of this allocator.
    unsafe fn expand(&self, p: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: same contract.
        let fits = !p.is_null() && size <= unsafe { self.usable_size(p) };
        if fits { p } else { null_mut() }
    }

    /// [`realloc`](Self::realloc) that zeroes what it adds.
    ///
    /// # Safety
    /// As [`realloc`](Self::realloc), and `p` was zeroed when it was allocated.
    unsafe fn rezalloc(&self, p: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: same contract.
        let kept = unsafe { self.usable_size(p) }.min(size);
        // SAFETY: same contract.
        zeroed_from(self, unsafe { self.realloc(p, size) }, kept)
    }

    /// [`rezalloc`](Self::rezalloc) to `count * size` bytes.
    ///
    /// # Safety
    /// As [`rezalloc`](Self::rezalloc).
    unsafe fn recalloc(&self, p: *mut u8, count: usize, size: usize) -> *mut u8 {
        // SAFETY: same contract.
        count.checked_mul(size).map_or(null_mut(), |total| unsafe { self.rezalloc(p, total) })
    }

    /// [`realloc`](Self::realloc) to a multiple of `align`.
    ///
    /// # Safety
    /// As [`realloc`](Self::realloc).
    unsafe fn realloc_aligned(&self, p: *mut u8, size: usize, align: usize) -> *mut u8 {
        // SAFETY: same contract.
        unsafe { self.realloc_aligned_at(p, size, align, 0) }
    }

    /// [`realloc`](Self::realloc) to an address that plus `offset` is a multiple of `align`.
    ///
    /// # Safety
    /// As [`realloc`](Self::realloc).
    unsafe fn realloc_aligned_at(
        &self,
        p: *mut u8,
        size: usize,
        align: usize,
        offset: usize,
    ) -> *mut u8 {
        let moved = self.malloc_aligned_at(size, align, offset);
        // SAFETY: `p` is live, `moved` is new.
        unsafe { move_block(self, p, moved, size) }
    }

    /// [`realloc_aligned`](Self::realloc_aligned) that zeroes what it adds.
    ///
    /// # Safety
    /// As [`rezalloc`](Self::rezalloc).
    unsafe fn rezalloc_aligned(&self, p: *mut u8, size: usize, align: usize) -> *mut u8 {
        // SAFETY: same contract.
        unsafe { self.rezalloc_aligned_at(p, size, align, 0) }
    }

    /// [`realloc_aligned_at`](Self::realloc_aligned_at) that zeroes what it adds.
    ///
    /// # Safety
    /// As [`rezalloc`](Self::rezalloc).
    unsafe fn rezalloc_aligned_at(
        &self,
        p: *mut u8,
        size: usize,
        align: usize,
        offset: usize,
    ) -> *mut u8 {
        let moved = self.zalloc_aligned_at(size, align, offset);
        // SAFETY: `p` is live, `moved` is new.
        unsafe { move_block(self, p, moved, size) }
    }

    /// [`rezalloc_aligned`](Self::rezalloc_aligned) to `count * size` bytes.
    ///
    /// # Safety
    /// As [`rezalloc`](Self::rezalloc).
    unsafe fn recalloc_aligned(
        &self,
        p: *mut u8,
        count: usize,
        size: usize,
        align: usize,
    ) -> *mut u8 {
        // SAFETY: same contract.
        count
            .checked_mul(size)
            .map_or(null_mut(), |total| unsafe { self.rezalloc_aligned(p, total, align) })
    }

    /// [`rezalloc_aligned_at`](Self::rezalloc_aligned_at) to `count * size` bytes.
    ///
    /// # Safety
    /// As [`rezalloc`](Self::rezalloc).
    unsafe fn recalloc_aligned_at(
        &self,
        p: *mut u8,
        count: usize,
        size: usize,
        align: usize,
        offset: usize,
    ) -> *mut u8 {
        let Some(total) = count.checked_mul(size) else { return null_mut() };
        // SAFETY: same contract.
        unsafe { self.rezalloc_aligned_at(p, total, align, offset) }
    }

    /// [`free`](Self::free) by one who knows the size of the request.
    ///
    /// # Safety
    /// As [`free`](Self::free), and the block was last requested with `size` bytes.
    unsafe fn free_size(&self, p: *mut u8, _size: usize) {
        // SAFETY: same contract.
        unsafe { self.free(p) };
    }

    /// [`free`](Self::free) by one who knows size and alignment of the request.
    ///
    /// # Safety
    /// As [`free_size`](Self::free_size), and the block is aligned to `align`.
    unsafe fn free_size_aligned(&self, p: *mut u8, _size: usize, _align: usize) {
        // SAFETY: same contract.
        unsafe { self.free(p) };
    }

    /// [`free`](Self::free) by one who knows the alignment of the request.
    ///
    /// # Safety
    /// As [`free`](Self::free), and the block is aligned to `align`.
    unsafe fn free_aligned(&self, p: *mut u8, _align: usize) {
        // SAFETY: same contract.
        unsafe { self.free(p) };
    }
}

fn zeroed<S: Subject + ?Sized>(subject: &S, p: *mut u8) -> *mut u8 {
    zeroed_from(subject, p, 0)
}

fn zeroed_from<S: Subject + ?Sized>(subject: &S, p: *mut u8, kept: usize) -> *mut u8 {
    if !p.is_null() {
        // SAFETY: by the contract of `Subject` the new block at `p` has `usable_size` writable bytes.
        unsafe {
            let usable = subject.usable_size(p);
            p.add(kept.min(usable)).write_bytes(0, usable.saturating_sub(kept));
        }
    }
    p
}

/// Copies what fits of `p` to `moved` and frees `p`, unless `moved` is null.
///
/// # Safety
/// `p` is null or live, `moved` is null or a new block of at least `size` bytes.
unsafe fn move_block<S: Subject + ?Sized>(
    subject: &S,
    p: *mut u8,
    moved: *mut u8,
    size: usize,
) -> *mut u8 {
    if !moved.is_null() && !p.is_null() {
        // SAFETY: both blocks hold `kept` bytes and are distinct; `p` is not used by the caller again.
        unsafe {
            let kept = subject.usable_size(p).min(size);
            moved.copy_from_nonoverlapping(p, kept);
            subject.free(p);
        }
    }
    moved
}
