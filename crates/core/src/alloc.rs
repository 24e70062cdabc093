//! Allocation: the fast path, and what it falls back on.
//!
//! The fast path is one compare of the size, the thread slot, the direct table, and a pop. Everything else
//! is reached when the pop finds nothing, because [`refill`] decides what it can find.
//!
//! Every function here returns null when memory runs out, when a size exceeds `PTRDIFF_MAX` or when a
//! product overflows; `errno` is `ENOMEM` then, and untouched otherwise. Blocks of size 0 are distinct and
//! can be freed. Blocks are aligned to 16 bytes, those of up to 8 bytes to 8. Any thread may call.
#![allow(unsafe_code)]

use core::ptr::{NonNull, null_mut};

use crate::config::{
    MEDIUM_BLOCK_MAX, PADDED, PADDING, REQUEST_MAX, SLICE_SIZE, SMALL_SIZE_MAX, WORD_SIZE,
};
use crate::deferred;
use crate::guarded::{self, Made};
use crate::os;
use crate::page::{Page, PageRef};
use crate::ptr::Block;
use crate::refill;
use crate::report::{self, codes};
use crate::size_class::{self, HUGE_BIN, padded};
use crate::source::{Plain, Source};
use crate::theap::Theap;
use crate::thread;
use crate::tools;
use crate::units;

/// Which bytes of a block are known to be zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Zeros {
    None,
    AllButLink,
    All,
}

/// A block on its way to the user.
#[derive(Clone, Copy)]
struct Taken {
    page: PageRef,
    block: NonNull<u8>,
    zeros: Zeros,
    /// Bytes of the block before what the user gets.
    shift: usize,
}

impl Taken {
    /// The block after a pop from `page`.
    fn popped(page: PageRef, block: NonNull<u8>) -> Self {
        let zeros = if page.popped_is_zero() { Zeros::AllButLink } else { Zeros::None };
        Self { page, block, zeros, shift: 0 }
    }

    /// A guarded block.
    fn guarded(made: Made) -> Self {
        let zeros = if made.zero { Zeros::All } else { Zeros::None };
        Self { page: made.page, block: made.start, zeros, shift: made.shift }
    }

    /// The block as it is, for a request of `size` bytes.
    #[inline(always)]
    fn raw(self, size: usize) -> *mut u8 {
        self.shifted(raw(self.page, self.block, self.shift + size), size, false)
    }

    /// What the user gets of a block that was handed out at `block`.
    #[inline(always)]
    fn shifted(self, block: *mut u8, size: usize, zeroed: bool) -> *mut u8 {
        let p = block.wrapping_add(self.shift);
        if PADDED && self.shift != 0 {
            // SAFETY: the block was taken for as much.
            unsafe { self.page.fit(p, size, zeroed) };
        }
        p
    }

    /// The block with every usable byte zero, for a request of `size` bytes.
    fn cleared(self, size: usize) -> *mut u8 {
        let room = self.page.room();
        let dirty = match self.zeros {
            Zeros::None => room,
            Zeros::AllButLink => WORD_SIZE,
            Zeros::All => 0,
        };
        // SAFETY: the block was just taken; it has room for a word at least, and for the request.
        unsafe {
            tools::unlock(self.block.as_ptr(), room);
            self.block.write_bytes(0, dirty);
            self.shifted(self.page.hand_out(self.block, self.shift + size, true), size, true)
        }
    }
}

/// A block of `page` that was just taken, as it is, for a request of `size` bytes.
#[inline(always)]
fn raw(page: PageRef, block: NonNull<u8>, size: usize) -> *mut u8 {
    // SAFETY: the caller has taken the block for the request, so it has room for it.
    unsafe { page.hand_out(block, size, false) }
}

/// Allocates `size` bytes, uninitialised.
///
/// Source: `malloc(3)`, C17 7.22.3.4.
#[cfg_attr(feature = "inline-fast-path", inline(always))]
pub fn malloc(source: impl Source, size: usize) -> *mut u8 {
    match source.cached() {
        Some(theap) => malloc_with(source, size, theap),
        None => malloc_uncached(source, size),
    }
}

#[inline(always)]
fn malloc_with(source: impl Source, size: usize, theap: *const Theap) -> *mut u8 {
    match pop_small(theap, size) {
        Some((page, block)) => raw(page, block.cast(), size),
        None => malloc_generic(source, size, theap),
    }
}

/// [`malloc`] that also says how many bytes of the block may be used: at least `size`.
#[cfg_attr(feature = "inline-fast-path", inline(always))]
pub fn malloc_whole(source: impl Source, size: usize) -> Option<NonNull<[u8]>> {
    match source.cached().and_then(|theap| pop_small(theap, size)) {
        Some((page, block)) => {
            raw(page, block.cast(), size);
            Some(whole(block.cast(), if PADDED { size } else { page.block_size() }))
        }
        None => malloc_whole_slow(source, size),
    }
}

/// In tail position of [`malloc_whole`], which then needs no stack frame.
#[cold]
#[inline(never)]
fn malloc_whole_slow(source: impl Source, size: usize) -> Option<NonNull<[u8]>> {
    measured(malloc(source, size))
}

/// [`zalloc`] that also says how many bytes of the block may be used, which are all zero: at least `size`.
pub fn zalloc_whole(source: impl Source, size: usize) -> Option<NonNull<[u8]>> {
    measured(zalloc(source, size))
}

/// A block that was just taken, with all its bytes.
pub(crate) fn measured(block: *mut u8) -> Option<NonNull<[u8]>> {
    let page = PageRef::of_addr(block.addr())?;
    NonNull::new(block).map(|start| whole(start, page.usable_from(block)))
}

#[inline(always)]
fn whole(start: NonNull<u8>, size: usize) -> NonNull<[u8]> {
    NonNull::slice_from_raw_parts(start, size)
}

/// The fast path of plain [`malloc`] alone: null when it has nothing, and [`malloc_slow`] has to be asked. For
/// callers that fail in a way of their own.
#[inline(always)]
pub fn malloc_fast(size: usize) -> *mut u8 {
    pop_small(Plain.theap(), size).map_or(null_mut(), |(page, block)| raw(page, block.cast(), size))
}

/// Plain [`malloc`] without its fast path.
pub fn malloc_slow(size: usize) -> *mut u8 {
    malloc_generic(Plain, size, Plain.theap())
}

/// Takes a block from the list that the page of a small size has handed out, if it has any.
#[inline(always)]
fn pop_small(theap: *const Theap, size: usize) -> Option<(PageRef, NonNull<Block>)> {
    if size > SMALL_SIZE_MAX - PADDING {
        return None;
    }
    // SAFETY: `theap` is the thread's own or a sentinel, as a source gives it; the size is in the table.
    let page = unsafe { Theap::direct_page(theap, size.div_ceil(WORD_SIZE) + PADDING / WORD_SIZE) };
    page.pop().map(|block| (page, block))
}

/// Allocates `size` bytes, all usable bytes zero.
#[cfg_attr(feature = "inline-fast-path", inline(always))]
pub fn zalloc(source: impl Source, size: usize) -> *mut u8 {
    match source.cached() {
        Some(theap) => zalloc_with(source, size, theap),
        None => zalloc_uncached(source, size),
    }
}

#[inline(always)]
fn zalloc_with(source: impl Source, size: usize, theap: *const Theap) -> *mut u8 {
    match pop_small(theap, size) {
        Some((page, block)) => Taken::popped(page, block.cast()).cleared(size),
        None => zalloc_generic(source, size, theap),
    }
}

/// Allocates an array of `count` elements of `size` bytes, all usable bytes zero.
///
/// Source: `calloc(3)`. A product that overflows is reported with `EOVERFLOW`.
#[cfg_attr(feature = "inline-fast-path", inline(always))]
pub fn calloc(source: impl Source, count: usize, size: usize) -> *mut u8 {
    match count.checked_mul(size) {
        Some(total) => zalloc(source, total),
        None => overflow(count, size),
    }
}

/// Allocates an array of `count` elements of `size` bytes, uninitialised.
pub fn mallocn(source: impl Source, count: usize, size: usize) -> *mut u8 {
    match count.checked_mul(size) {
        Some(total) => malloc(source, total),
        None => overflow(count, size),
    }
}

/// Allocates `size` bytes, uninitialised; meant for sizes up to [`SMALL_SIZE_MAX`], right for any.
#[cfg_attr(feature = "inline-fast-path", inline(always))]
pub fn malloc_small(source: impl Source, size: usize) -> *mut u8 {
    malloc(source, size)
}

/// Allocates `size` bytes, all usable bytes zero; meant for sizes up to [`SMALL_SIZE_MAX`], right for any.
#[cfg_attr(feature = "inline-fast-path", inline(always))]
pub fn zalloc_small(source: impl Source, size: usize) -> *mut u8 {
    zalloc(source, size)
}

/// Bytes usable in a block allocated with `size`: never less, and at most `max(15, size / 6)` more. A size
/// that cannot be allocated is returned as it is. In padded builds the bytes of the block, of which the program may
/// use what it asked for.
pub fn good_size(size: usize) -> usize {
    if size <= MEDIUM_BLOCK_MAX - PADDING {
        size_class::block_size(size_class::bin_of(padded(size)))
    } else if size <= REQUEST_MAX {
        Page::huge_block_size(size).unwrap_or(size)
    } else {
        size
    }
}

/// In tail position of [`malloc`], which then needs no stack frame.
#[cold]
#[inline(never)]
fn malloc_uncached(source: impl Source, size: usize) -> *mut u8 {
    malloc_with(source, size, source.lookup())
}

#[cold]
#[inline(never)]
fn malloc_generic(source: impl Source, size: usize, theap: *const Theap) -> *mut u8 {
    match pop_medium(theap, size) {
        Some((page, block)) => raw(page, block.cast(), size),
        None => malloc_refilled(source, size, theap),
    }
}

/// Apart from [`malloc_generic`], whose ordinary case then needs no stack frame.
#[cold]
#[inline(never)]
fn malloc_refilled(source: impl Source, size: usize, theap: *const Theap) -> *mut u8 {
    // SAFETY: `theap` is the thread's own or a sentinel.
    if unsafe { Theap::watches(theap) } {
        malloc_watched(source, size, theap)
    } else {
        malloc_shared(source, size, theap)
    }
}

/// For a theap that watches its blocks, which come from the list of what the thread has freed.
#[inline(never)]
fn malloc_watched(source: impl Source, size: usize, theap: *const Theap) -> *mut u8 {
    match pop_watched(theap, size) {
        Some((page, block)) => raw(page, block.cast(), size),
        None => malloc_shared(source, size, theap),
    }
}

#[inline(never)]
fn malloc_shared(source: impl Source, size: usize, theap: *const Theap) -> *mut u8 {
    match take_shared(size, theap) {
        Some((page, block)) => raw(page, block.cast(), size),
        None => malloc_rare(source, size, theap),
    }
}

/// Apart from [`malloc_shared`], whose ordinary case then needs few registers.
#[cold]
#[inline(never)]
fn malloc_rare(source: impl Source, size: usize, theap: *const Theap) -> *mut u8 {
    match take(source, theap, size, 1) {
        Some(taken) => taken.raw(size),
        None => fail(size),
    }
}

/// In tail position of [`zalloc`], which then needs no stack frame.
#[cold]
#[inline(never)]
fn zalloc_uncached(source: impl Source, size: usize) -> *mut u8 {
    zalloc_with(source, size, source.lookup())
}

#[cold]
#[inline(never)]
fn zalloc_generic(source: impl Source, size: usize, theap: *const Theap) -> *mut u8 {
    // SAFETY: `theap` is the thread's own or a sentinel.
    if unsafe { Theap::watches(theap) }
        && let Some((page, block)) = pop_watched(theap, size)
    {
        return Taken::popped(page, block.cast()).cleared(size);
    }
    match pop_medium(theap, size).or_else(|| take_shared(size, theap)) {
        Some((page, block)) => Taken::popped(page, block.cast()).cleared(size),
        None => zalloc_rare(source, size, theap),
    }
}

#[cold]
#[inline(never)]
fn zalloc_rare(source: impl Source, size: usize, theap: *const Theap) -> *mut u8 {
    match take(source, theap, size, 1) {
        Some(taken) => taken.cleared(size),
        None => fail(size),
    }
}

/// Takes a block from the list that the page of a size beyond the direct table has handed out, if it has any.
#[inline(always)]
fn pop_medium(theap: *const Theap, size: usize) -> Option<(PageRef, NonNull<Block>)> {
    const LEAST: usize = SMALL_SIZE_MAX - PADDING + 1;
    if size.wrapping_sub(LEAST) > MEDIUM_BLOCK_MAX - PADDING - LEAST || Theap::is_sentinel(theap) {
        return None;
    }
    // SAFETY: not a sentinel, so it is the calling thread's own.
    let page = unsafe { &*theap }.queue(size_class::bin_of(padded(size))).first()?;
    page.pop().map(|block| (page, block))
}

/// A block of a theap that watches its blocks, when nothing else is due and the first page has one.
#[inline(always)]
fn pop_watched(theap: *const Theap, size: usize) -> Option<(PageRef, NonNull<Block>)> {
    // SAFETY: only a thread's own theap watches anything.
    let theap = unsafe { &*theap };
    if size > SMALL_SIZE_MAX - PADDING {
        return if size > MEDIUM_BLOCK_MAX - PADDING {
            None
        } else {
            refill::take_watched(theap, theap.queue(size_class::bin_of(padded(size))).first()?)
        };
    }
    // SAFETY: the size is in the table.
    let page = unsafe { Theap::direct_page(theap, size.div_ceil(WORD_SIZE) + PADDING / WORD_SIZE) };
    refill::take_watched(theap, page)
}

/// The ordinary case of the slow path: a block that shares its page, for a thread that has a theap.
#[inline]
fn take_shared(size: usize, theap: *const Theap) -> Option<(PageRef, NonNull<Block>)> {
    if size > MEDIUM_BLOCK_MAX - PADDING || Theap::is_sentinel(theap) {
        return None;
    }
    // SAFETY: not a sentinel, so it is the calling thread's own.
    refill::take_block(unsafe { &*theap }, size_class::bin_of(padded(size)))
}

/// Allocates `size` bytes, zeroed if asked. Null when there are none: the caller asks for less, and so it is no failure
/// yet that would be reported.
pub(crate) fn try_malloc(source: impl Source, size: usize, zero: bool) -> *mut u8 {
    let theap = source.theap();
    let taken = match pop_small(theap, size) {
        Some((page, block)) => Some(Taken::popped(page, block.cast())),
        // A guarded block is for what the caller needs, to the byte.
        None if is_guarded_due(theap, size) => None,
        None => take(source, theap, size, 1),
    };
    match taken {
        Some(taken) if zero => taken.cleared(size),
        Some(taken) => taken.raw(size),
        None => null_mut(),
    }
}

/// Whether the next block of a theap, or of a sentinel, is to be a guarded one.
fn is_guarded_due(theap: *const Theap, size: usize) -> bool {
    // SAFETY: not a sentinel, so it is the calling thread's own.
    !Theap::is_sentinel(theap) && guarded::is_due(unsafe { &*theap }, size)
}

/// Allocates a block of its own page, of `size` bytes at a multiple of `align` (a power of two of at least a
/// slice), zeroed if asked.
pub(crate) fn malloc_single(source: impl Source, size: usize, align: usize, zero: bool) -> *mut u8 {
    match take(source, source.theap(), size.max(MEDIUM_BLOCK_MAX + 1), align) {
        Some(taken) if zero => taken.cleared(size),
        Some(taken) => taken.raw(size),
        None => fail(size),
    }
}

/// Takes a block from a source that gave `theap`, whatever state that is in.
fn take(source: impl Source, theap: *const Theap, size: usize, align: usize) -> Option<Taken> {
    if size > REQUEST_MAX {
        return None;
    }
    if !Theap::is_sentinel(theap) {
        // SAFETY: not a sentinel, so it is the calling thread's own.
        let theap = unsafe { &*theap };
        if theap.living_heap().is_some() {
            return take_or_collect(theap, size, align);
        }
    }
    match source.ensure() {
        Some(theap) => take_or_collect(theap, size, align),
        None => thread::with_late_theap(source.heap(), |theap| take_or_collect(theap, size, align)),
    }
}

/// Takes a block; when memory runs out, gives back everything that is free and tries once more.
fn take_or_collect(theap: &Theap, size: usize, align: usize) -> Option<Taken> {
    let heap = theap.living_heap()?;
    take_from(theap, size, align).or_else(|| {
        deferred::call(theap, true);
        theap.collect();
        guarded::give_all_back(heap.subproc());
        heap.subproc().arenas.purge(true);
        take_from(theap, size, align)
    })
}

fn take_from(theap: &Theap, size: usize, align: usize) -> Option<Taken> {
    if let Some(made) = guarded::take_if_due(theap, size, align) {
        return Some(Taken::guarded(made));
    }
    let bin = size_class::bin_of(padded(size));
    if bin == HUGE_BIN {
        let (page, block, zero) = refill::take_single(theap, size, align)?;
        let zeros = if zero { Zeros::All } else { Zeros::None };
        return Some(Taken { page, block, zeros, shift: 0 });
    }
    refill::take_block(theap, bin).map(|(page, block)| Taken::popped(page, block.cast()))
}

/// Reports that a request of `size` bytes cannot be met.
#[cold]
pub(crate) fn fail(size: usize) -> *mut u8 {
    if size > REQUEST_MAX {
        report::too_large(size);
    } else {
        report::out_of_memory(size);
    }
    os::set_errno(codes::ENOMEM);
    null_mut()
}

/// Reports that `count * size` is not a size.
#[cold]
pub(crate) fn overflow(count: usize, size: usize) -> *mut u8 {
    report::too_many(count, size);
    os::set_errno(codes::ENOMEM);
    null_mut()
}

/// Reports that `align` is no alignment.
#[cold]
pub(crate) fn bad_alignment(size: usize, align: usize) -> *mut u8 {
    report::bad_alignment(size, align);
    os::set_errno(codes::EINVAL);
    null_mut()
}

const _: () = assert!(units::is_aligned(MEDIUM_BLOCK_MAX, SLICE_SIZE));
