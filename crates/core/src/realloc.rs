//! Reallocation: in place where the block fits, by moving OS pages where it is large and that saves touching
//! memory, else by copying.
//!
//! A block stays where it is when the new size is between half of what it holds and all of it. On failure
//! the result is null, `errno` is `ENOMEM` and the old block is untouched; null as the old block makes each
//! function an allocation, and size 0 gives a small block whose first byte is 0, never null. Old blocks outside the allocator's
//! memory are reported, and the result is null. Any thread may call.
//!
//! The zeroing forms need a block whose usable bytes were zeroed when it was made: all usable bytes beyond
//! the old usable size are zero then.
#![allow(unsafe_code)]

use core::ptr::null_mut;

use crate::aligned;
use crate::alloc::{self, bad_alignment, overflow};
use crate::arena::Span;
use crate::config::{
    BLOCK_ALIGN, GUARDED_PAGES, MEDIUM_BLOCK_MAX, PADDED, REQUEST_MAX, SLICE_SIZE, TRACKED,
    WORD_SIZE,
};
use crate::free::{free, is_in_heap_region, is_live, report_unknown, usable_size};
use crate::heap::Heap;
use crate::os;
use crate::page::{Page, PageRef};
use crate::page_map;
use crate::ptr;
use crate::refill;
use crate::size_class::{self, HUGE_BIN};
use crate::source::Source;
use crate::tools;
use crate::units::slices_for;

/// Bytes from which moving OS pages is cheaper than copying them.
const MOVE_MIN: usize = 512 << 10;

/// Changes the size of a block to `size` bytes, moving it if need be.
///
/// Source: `realloc(3)`.
///
/// # Safety
/// `p` is null, an address outside the allocator's memory, or a live block, which ends if the result is not
/// null.
pub unsafe fn realloc(source: impl Source, p: *mut u8, size: usize) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe { resize(source, p, size, 1, 0, false) }
}

/// [`realloc`] to `count * size` bytes; null when the product overflows.
///
/// # Safety
/// As for [`realloc`].
pub unsafe fn reallocn(source: impl Source, p: *mut u8, count: usize, size: usize) -> *mut u8 {
    match count.checked_mul(size) {
        // SAFETY: the caller's promise.
        Some(total) => unsafe { realloc(source, p, total) },
        None => overflow(count, size),
    }
}

/// [`realloc`] that frees the old block when it fails.
///
/// # Safety
/// As for [`realloc`], but the block always ends.
pub unsafe fn reallocf(source: impl Source, p: *mut u8, size: usize) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe {
        let moved = realloc(source, p, size);
        // What is not ours has been reported once.
        if moved.is_null() && is_in_heap_region(p) {
            free(p);
        }
        moved
    }
}

/// `p` if `size` bytes fit its block as it is, else null. The block is never moved or grown. In padded builds the block
/// holds what was asked for, and this is null for any other size.
///
/// # Safety
/// As for [`usable_size`].
pub unsafe fn expand(p: *mut u8, size: usize) -> *mut u8 {
    if p.is_null() {
        return null_mut();
    }
    // SAFETY: the caller's promise.
    let usable = unsafe { usable_size(p) };
    if size == usable || (size < usable && !PADDED) { p } else { null_mut() }
}

/// [`realloc`] of a zeroed block that zeroes what it adds.
///
/// # Safety
/// As for [`realloc`].
pub unsafe fn rezalloc(source: impl Source, p: *mut u8, size: usize) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe { resize(source, p, size, 1, 0, true) }
}

/// [`rezalloc`] to `count * size` bytes; null when the product overflows.
///
/// # Safety
/// As for [`realloc`].
pub unsafe fn recalloc(source: impl Source, p: *mut u8, count: usize, size: usize) -> *mut u8 {
    match count.checked_mul(size) {
        // SAFETY: the caller's promise.
        Some(total) => unsafe { rezalloc(source, p, total) },
        None => overflow(count, size),
    }
}

/// [`realloc`] to a multiple of `align`. An alignment of at most a word is that of any block.
///
/// # Safety
/// As for [`realloc`].
pub unsafe fn realloc_aligned(
    source: impl Source,
    p: *mut u8,
    size: usize,
    align: usize,
) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe { resize(source, p, size, align, 0, false) }
}

/// [`realloc`] so that `p + offset` is a multiple of `align`.
///
/// # Safety
/// As for [`realloc`].
pub unsafe fn realloc_aligned_at(
    source: impl Source,
    p: *mut u8,
    size: usize,
    align: usize,
    offset: usize,
) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe { resize(source, p, size, align, offset, false) }
}

/// [`rezalloc`] to a multiple of `align`.
///
/// # Safety
/// As for [`realloc`].
pub unsafe fn rezalloc_aligned(
    source: impl Source,
    p: *mut u8,
    size: usize,
    align: usize,
) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe { resize(source, p, size, align, 0, true) }
}

/// [`rezalloc`] so that `p + offset` is a multiple of `align`.
///
/// # Safety
/// As for [`realloc`].
pub unsafe fn rezalloc_aligned_at(
    source: impl Source,
    p: *mut u8,
    size: usize,
    align: usize,
    offset: usize,
) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe { resize(source, p, size, align, offset, true) }
}

/// [`rezalloc_aligned`] to `count * size` bytes; null when the product overflows.
///
/// # Safety
/// As for [`realloc`].
pub unsafe fn recalloc_aligned(
    source: impl Source,
    p: *mut u8,
    count: usize,
    size: usize,
    align: usize,
) -> *mut u8 {
    // SAFETY: the caller's promise.
    unsafe { recalloc_aligned_at(source, p, count, size, align, 0) }
}

/// [`rezalloc_aligned_at`] to `count * size` bytes; null when the product overflows.
///
/// # Safety
/// As for [`realloc`].
pub unsafe fn recalloc_aligned_at(
    source: impl Source,
    p: *mut u8,
    count: usize,
    size: usize,
    align: usize,
    offset: usize,
) -> *mut u8 {
    match count.checked_mul(size) {
        // SAFETY: the caller's promise.
        Some(total) => unsafe { resize(source, p, total, align, offset, true) },
        None => overflow(count, size),
    }
}

fn allocate(source: impl Source, size: usize, align: usize, offset: usize, zero: bool) -> *mut u8 {
    match (align <= WORD_SIZE && offset == 0, zero) {
        (true, false) => alloc::malloc(source, size),
        (true, true) => alloc::zalloc(source, size),
        (false, false) => aligned::malloc_aligned_at(source, size, align, offset),
        (false, true) => aligned::zalloc_aligned_at(source, size, align, offset),
    }
}

/// All forms of reallocation.
///
/// # Safety
/// As for [`realloc`].
unsafe fn resize(
    source: impl Source,
    p: *mut u8,
    size: usize,
    align: usize,
    offset: usize,
    zero: bool,
) -> *mut u8 {
    let align = if align <= WORD_SIZE { 1 } else { align };
    if !align.is_power_of_two() {
        return bad_alignment(size, align);
    }
    if p.is_null() {
        return allocate(source, size, align, offset, zero);
    }
    let page = PageRef::of_addr(p.addr()).filter(|page| !PADDED || page.is_live(p));
    let Some(page) = page else {
        tools::on_bad_free(p);
        report_unknown("mi_realloc", p.addr());
        return null_mut();
    };
    if page.is_watched() && !is_live(p, page, "mi_realloc") {
        return null_mut();
    }
    let (old, room) = (page.usable_from(p), page.room_from(p));
    let stays_aligned = p.addr().wrapping_add(offset) & (align - 1) == 0;
    // Memory checkers find who goes on using an old address only if there is a new one.
    let stays = !TRACKED && stays_aligned && source.keeps(&page);
    if size <= room && size >= room / 2 && size > 0 && stays && padding_can_tell(room - size) {
        if PADDED {
            page.check_overflow(p);
            // SAFETY: the block is the caller's, and has room for `size` bytes from `p` on.
            unsafe { set_size(page, p, old, size, zero) };
        }
        return p;
    }
    if page.bin() == HUGE_BIN
        && stays
        && size > MEDIUM_BLOCK_MAX
        && p == page.start()
        && !page.is_guarded()
    {
        // SAFETY: the block is the caller's, and it is the only one of its page.
        if unsafe { resize_in_place(page, size, zero) } {
            return p;
        }
        if align <= SLICE_SIZE && offset == 0 && old >= MOVE_MIN && size > old {
            // SAFETY: as above.
            let moved = unsafe { move_single(page, size, zero) };
            if !moved.is_null() {
                return moved;
            }
        }
    }
    // SAFETY: the caller's promise; `old` bytes are usable at `p`.
    unsafe { copy(source, p, old, size, align, offset, zero) }
}

/// Whether the padding of a block can tell that it is so much larger than the program asked for.
fn padding_can_tell(slack: usize) -> bool {
    !PADDED || u32::try_from(slack).is_ok()
}

/// What to ask for when a large block grows to `size` bytes.
fn with_room(size: usize) -> usize {
    let roomy = size_class::with_room(size);
    if padding_can_tell(roomy - size) { roomy } else { size }
}

/// Changes what the program may use of a block that stays where it is, from `p` on, from `old` to `size` bytes. With
/// `zero`, what is added reads as zeros.
///
/// # Safety
/// The block is the caller's, and has room for as much.
unsafe fn set_size(page: PageRef, p: *mut u8, old: usize, size: usize, zero: bool) {
    // SAFETY: the caller's promise.
    unsafe {
        if zero && size > old {
            p.add(old).write_bytes(0, size - old);
        }
        page.fit(p, size, false);
    }
}

/// Reallocates by copying.
///
/// # Safety
/// As for [`realloc`]; `p` is a live block with `old` usable bytes.
unsafe fn copy(
    source: impl Source,
    p: *mut u8,
    old: usize,
    size: usize,
    align: usize,
    offset: usize,
    zero: bool,
) -> *mut u8 {
    let mut fresh = null_mut();
    // With room to grow again, if that can be had. Blocks above a word are aligned to `BLOCK_ALIGN`.
    if size > old.max(WORD_SIZE) && size <= MEDIUM_BLOCK_MAX && align <= BLOCK_ALIGN && offset == 0
    {
        fresh =
            aligned::fit(alloc::try_malloc(source, size_class::with_room(size), zero), size, zero);
    }
    // Where blocks are padded, one for 0 bytes holds none.
    let least = if PADDED { size.max(1) } else { size };
    // Only what the old block does not cover needs to be zeroed, unless fresh memory is zero anyway.
    if fresh.is_null() {
        fresh = allocate(source, least, align, offset, zero && size > old);
    }
    if fresh.is_null() {
        return null_mut();
    }
    let kept = old.min(size);
    // SAFETY: both blocks are live and distinct, and hold at least `kept` bytes and one.
    unsafe {
        if size == 0 {
            // What is left of a string is an empty one.
            fresh.write(0);
        }
        fresh.copy_from_nonoverlapping(p, kept);
        if zero && size <= old {
            fresh.add(kept).write_bytes(0, usable_size(fresh) - kept);
        }
        free(p);
    }
    fresh
}

/// Changes the size of the only block of a page without moving it: gives its last slices back, or takes
/// those that follow. Whether that was possible. With `zero`, what is added reads as zeros.
///
/// # Safety
/// The caller owns the block, which is the only one of its page.
unsafe fn resize_in_place(page: PageRef, size: usize, zero: bool) -> bool {
    if GUARDED_PAGES {
        // The guard stands where the block ends.
        return false;
    }
    let wanted = if size > page.room() { with_room(size) } else { size };
    let Some(block_size) = (wanted <= REQUEST_MAX).then(|| Page::huge_block_size(wanted)).flatten()
    else {
        return false;
    };
    // A refusal means that somebody frees the block at the same time, which the caller has promised not to.
    if !page.claim() {
        return false;
    }
    let (p, old_size, span) = (page.start(), page.block_size(), page.span());
    page.check_overflow(p);
    let old = page.usable_from(p);
    let (have, want) = (span.slices, slices_for(block_size));
    let resized = if want <= have {
        if want < have {
            shrink(page, want);
        }
        true
    } else {
        grow(page, want - have)
    };
    if resized {
        Heap::resize_single(page, block_size);
        // SAFETY: the block is the caller's, and all of it lies in the page's slices.
        unsafe {
            if PADDED {
                set_size(page, p, old, size, zero);
            } else if zero && block_size > old_size {
                p.add(old_size).write_bytes(0, block_size - old_size);
            }
        }
    }
    page.disown();
    resized
}

/// Gives back the slices of a held huge page from number `want` on.
fn shrink(page: PageRef, want: usize) {
    let span = page.span();
    let slices = span.slices - want;
    // SAFETY: the slice is inside the page.
    let start = unsafe { ptr::offset(span.start, want * SLICE_SIZE) };
    page_map::clear(start, slices);
    let arenas = &Heap::of(&page).subproc().arenas;
    // SAFETY: the slices are the page's, and the block is about to end before them.
    unsafe { arenas.give(Span { start, slices, index: span.index + want, ..span }) };
}

/// Adds `more` slices to the end of a held huge page, if they are free.
fn grow(page: PageRef, more: usize) -> bool {
    let Some((arena, index)) = page.place() else { return false };
    let have = page.slice_count();
    let Some(span) = arena.take_at(index + have, more) else { return false };
    if page_map::set(span.start, more, page.as_record()) {
        return true;
    }
    // SAFETY: the slices were just taken and nothing refers to them.
    unsafe { Heap::of(&page).subproc().arenas.give(span) };
    false
}

/// Reallocates a large block in a larger run of slices; null when there is none. With `zero`, what is added reads as
/// zeros.
///
/// OS pages are moved only to where none are yet: that saves touching them, and what they leave behind has to be
/// touched anew when it is used again. Memory that has been touched already is copied to.
///
/// # Safety
/// The caller owns the block, which is the only one of its page, and which ends if the result is not null.
unsafe fn move_single(page: PageRef, size: usize, zero: bool) -> *mut u8 {
    if size > REQUEST_MAX {
        return null_mut();
    }
    let wanted = with_room(size).min(REQUEST_MAX);
    let Some((taken, fresh, is_zero)) = refill::single(Heap::of(&page), wanted, SLICE_SIZE) else {
        return null_mut();
    };
    let from = page.span();
    page.check_overflow(from.start.as_ptr());
    let (used, old) = (page.usable_from(from.start.as_ptr()), page.block_size());
    let can_move = from.is_movable() && taken.span().is_movable();
    // SAFETY: both ranges are whole OS pages of blocks that the caller owns, the fresh one larger.
    unsafe {
        if !(is_zero && can_move && os::move_pages(from.start, fresh, old).is_ok()) {
            fresh.copy_from_nonoverlapping(from.start, old);
        }
        if zero {
            let end = if is_zero { old } else { taken.room() };
            fresh.add(used).write_bytes(0, end - used);
        }
        taken.fit(fresh.as_ptr(), size, false);
        // The old block has ended: its contents, and its padding, are in the fresh one.
        page.fit(from.start.as_ptr(), 0, false);
        free(from.start.as_ptr());
    }
    fresh.as_ptr()
}
