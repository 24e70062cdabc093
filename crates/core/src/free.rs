//! Free, and what can be asked about a block.
//!
//! The fast path is a bounded load from the page map, one compare of the owner word with the thread's id,
//! and a push. An address that is no page's is reported and ignored, whatever it is; null is ignored.
//! `errno` is never changed. Any thread may call.
#![allow(unsafe_code)]

use crate::abandon;
use crate::alloc::good_size;
use crate::config::{BLOCK_ALIGN, CHECKED, CHECKED_SIZES, MEDIUM_BLOCK_MAX, PADDED, SLICE_SIZE};
use crate::guarded;
use crate::guards;
use crate::os;
use crate::page::watch::Standing;
use crate::page::{FLAGS, GUARDED, INTERIOR, PageRef, WATCHED};
use crate::page_map;
use crate::ptr::Block;
use crate::report;
use crate::sync::Ordering;
use crate::theap::{self, Theap};
use crate::thread;
use crate::tools;
use crate::units::align_up;

/// What the caller says of a block that it frees: what it was allocated or last reallocated with.
#[derive(Clone, Copy)]
enum Claim {
    Nothing,
    Size(usize),
    Align(usize),
    Layout(usize, usize),
}

impl Claim {
    #[inline(always)]
    fn size(self) -> Option<usize> {
        match self {
            Self::Size(size) | Self::Layout(size, _) => Some(size),
            Self::Nothing | Self::Align(_) => None,
        }
    }

    #[inline(always)]
    fn align(self) -> Option<usize> {
        match self {
            Self::Align(align) | Self::Layout(_, align) => Some(align),
            Self::Nothing | Self::Size(_) => None,
        }
    }

    /// Whether a block can start at `p`, in builds that look at what is claimed.
    #[inline(always)]
    fn allows(self, p: *mut u8) -> bool {
        !CHECKED_SIZES || self.align().is_none_or(|align| can_be_at(p, align))
    }
}

/// Frees a block.
///
/// Source: `free(3)`.
///
/// # Safety
/// `p` is null, an address outside the allocator's memory, or a live block of it, which nobody uses any
/// more.
#[cfg_attr(feature = "inline-fast-path", inline(always))]
pub unsafe fn free(p: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { release(p, Claim::Nothing) }
}

/// Frees a block, of which the caller may claim something. Where the fast path ends, each of its arguments is still
/// in its place: to hand the page over instead of an argument would cost every free an instruction.
///
/// # Safety
/// As for [`free`].
#[inline(always)]
unsafe fn release(p: *mut u8, claim: Claim) {
    let Some(page) = PageRef::of_addr_fast(p.addr()) else {
        // SAFETY: the caller's promise.
        return unsafe {
            match claim {
                Claim::Nothing => free_unknown(p),
                Claim::Size(size) => free_of(p, size),
                Claim::Align(align) => free_at(p, align),
                Claim::Layout(size, align) => free_as(p, size, align),
            }
        };
    };
    let is_whole = page.is_whole(p.cast(), claim.size()) && claim.allows(p);
    if os::is_thread(page.owner.load(Ordering::Relaxed)) && is_whole {
        // SAFETY: this thread owns the page, no flag is set, and the block is the caller's.
        unsafe {
            page.mark_free(p.cast());
            if page.push_local(p.cast()) {
                emptied(page);
            }
        }
        return;
    }
    // SAFETY: the caller's promise; the block is one of this page.
    unsafe {
        match claim {
            Claim::Nothing => free_generic(p, page),
            Claim::Size(size) => free_sized(p, size, page),
            Claim::Align(align) => free_at(p, align),
            Claim::Layout(size, align) => free_as(p, size, align),
        }
    }
}

/// Frees a block of which the caller knows the size it asked for. Builds that check and watched pages report a size that
/// the block cannot have; then the block is freed.
///
/// # Safety
/// As for [`free`]; `size` is what the block was allocated or last reallocated with.
#[cfg_attr(feature = "inline-fast-path", inline(always))]
pub unsafe fn free_size(p: *mut u8, size: usize) {
    // SAFETY: the caller's promise.
    unsafe { release(p, Claim::Size(size)) }
}

/// Frees a block of which the caller knows size and alignment, which are looked at as by [`free_size`].
///
/// # Safety
/// As for [`free_size`]; `align` is what the block was allocated with.
#[cfg_attr(feature = "inline-fast-path", inline(always))]
pub unsafe fn free_size_aligned(p: *mut u8, size: usize, align: usize) {
    // SAFETY: the caller's promise.
    unsafe { release(p, Claim::Layout(size, align)) }
}

/// Frees a block that is certain to be one: less work than [`free`], which takes any address. For callers to whom their
/// language promises it. Builds that check and watched pages report what is no block of `size` bytes at `align`; then
/// the block is freed.
///
/// # Safety
/// `p` is a live block, which nobody uses any more, allocated or last reallocated with `size` and `align`.
#[cfg_attr(feature = "inline-fast-path", inline(always))]
pub unsafe fn free_live(p: *mut u8, size: usize, align: usize) {
    if PADDED {
        // SAFETY: the caller's promise.
        return unsafe { release(p, Claim::Layout(size, align)) };
    }
    if CHECKED && !has_layout(p, size, align) {
        // SAFETY: the caller's promise; what is no block is told from blocks here.
        return unsafe { free(p) };
    }
    // SAFETY: the caller's promise.
    let page = unsafe { PageRef::of_live_fast(p.addr()) };
    if os::is_thread(page.owner.load(Ordering::Relaxed)) {
        // SAFETY: this thread owns the page, no flag is set, and the block is the caller's.
        if unsafe { page.push_local(p.cast()) } {
            emptied_at(p);
        }
        return;
    }
    // SAFETY: the caller's promise. The page may be one that stands for all.
    unsafe { free_as(p, size, align) }
}

/// Frees a block of which the caller knows the alignment, which is looked at as by [`free_size`].
///
/// # Safety
/// As for [`free`]; `align` is what the block was allocated with.
#[cfg_attr(feature = "inline-fast-path", inline(always))]
pub unsafe fn free_aligned(p: *mut u8, align: usize) {
    // SAFETY: the caller's promise.
    unsafe { release(p, Claim::Align(align)) }
}

/// Bytes usable at `p`, at least as many as were asked for. 0 for null and for addresses outside the
/// allocator's memory.
///
/// Source: `malloc_usable_size(3)`.
///
/// # Safety
/// `p` is null, an address outside the allocator's memory, or a live block.
pub unsafe fn usable_size(p: *const u8) -> usize {
    match PageRef::of_addr(p.addr()) {
        Some(page) if !PADDED || page.is_live(p.cast_mut()) => {
            if page.is_watched() && !is_live(p.cast_mut(), page, "mi_usable_size") {
                return 0;
            }
            page.usable_from(p.cast_mut())
        }
        _ => {
            if !p.is_null() {
                report_unknown("mi_usable_size", p.addr());
            }
            0
        }
    }
}

/// Bytes of the block that `p` lies in, also of those before an aligned `p` inside it. 0 for null and for
/// addresses outside the allocator's memory. One lookup; safe for any address.
pub fn block_size(p: *const u8) -> usize {
    PageRef::of_addr(p.addr()).map_or(0, |page| page.block_size())
}

/// Whether `p` can be a block of `size` bytes at `align`; reports one that cannot.
#[inline(never)]
fn has_layout(p: *mut u8, size: usize, align: usize) -> bool {
    let page = PageRef::of_addr(p.addr());
    page.is_some_and(|page| compare(p, page, Claim::Layout(size, align)))
}

/// Whether a block that was allocated at `align` can start at `p`.
fn can_be_at(p: *mut u8, align: usize) -> bool {
    align.is_power_of_two() && p.addr().is_multiple_of(align)
}

/// Whether a block of `size` bytes at `align`, a power of two, can have so many usable ones.
fn can_have(usable: usize, size: usize, align: usize) -> bool {
    // Reallocation gives a block room to grow, and leaves it where it is down to half of what it holds.
    let least = if align > SLICE_SIZE { MEDIUM_BLOCK_MAX + 1 } else { 1 };
    let roomy = size.saturating_add((size / 6).max(15));
    let most = align_up(roomy, align).map_or(size, |it| it.max(least));
    usable / 2 <= size || usable <= good_size(most)
}

/// Whether `p` lies in a page of the allocator. One lookup; safe for any address.
pub fn is_in_heap_region(p: *const u8) -> bool {
    PageRef::of_addr(p.addr()).is_some()
}

#[cold]
#[inline(never)]
fn emptied(page: PageRef) {
    if let Some(theap) = theap::owner_of(page) {
        theap.emptied(page);
    }
}

/// As [`emptied`], for the page of an address: a caller that has the page in another register needs no move.
#[cold]
#[inline(never)]
fn emptied_at(p: *mut u8) {
    if let Some(page) = PageRef::of_addr(p.addr()) {
        emptied(page);
    }
}

/// Frees what the flat form of the page map does not know, or what is not plainly the calling thread's.
///
/// # Safety
/// As for [`free`].
#[cold]
#[inline(never)]
unsafe fn free_unknown(p: *mut u8) {
    match PageRef::of_addr(p.addr()) {
        // SAFETY: the caller's promise.
        Some(page) => unsafe { free_generic(p, page) },
        None if p.is_null() => {}
        None => {
            tools::on_bad_free(p);
            report_unknown("mi_free", p.addr());
        }
    }
}

/// Reports an address that is no page's, unless it may be that of a block that ended with all others.
pub(crate) fn report_unknown(function: &str, addr: usize) {
    if page_map::was_released() {
        return;
    }
    match guards::find(addr).filter(|record| record.block() == addr && function == "mi_free") {
        Some(record) => report::double_free(addr, record.size()),
        None => report::invalid_pointer(function, addr),
    }
}

/// [`free_generic`] for a caller who claims to know the size, which may be wrong.
///
/// # Safety
/// As for [`free_generic`].
#[cold]
#[inline(never)]
unsafe fn free_sized(p: *mut u8, size: usize, page: PageRef) {
    look_at(p, page, Claim::Size(size));
    // SAFETY: the caller's promise.
    unsafe { free_generic(p, page) }
}

/// Frees what may be no block, after a look at what the caller claims of it. Its callers take each number in a place of
/// its own.
///
/// # Safety
/// As for [`free`].
#[inline(always)]
unsafe fn free_claimed(p: *mut u8, claim: Claim) {
    // SAFETY: the caller's promise.
    unsafe {
        match PageRef::of_addr(p.addr()) {
            Some(page) => {
                look_at(p, page, claim);
                free_generic(p, page);
            }
            None => free_unknown(p),
        }
    }
}

/// [`free_unknown`] for a caller who claims to know the size.
///
/// # Safety
/// As for [`free`].
#[cold]
#[inline(never)]
unsafe fn free_of(p: *mut u8, size: usize) {
    // SAFETY: the caller's promise.
    unsafe { free_claimed(p, Claim::Size(size)) }
}

/// Frees what is not plainly the calling thread's, for a caller who claims to know size and alignment.
///
/// # Safety
/// As for [`free`].
#[cold]
#[inline(never)]
unsafe fn free_as(p: *mut u8, size: usize, align: usize) {
    // SAFETY: the caller's promise.
    unsafe { free_claimed(p, Claim::Layout(size, align)) }
}

/// As [`free_as`], for a caller who claims to know the alignment.
///
/// # Safety
/// As for [`free`].
#[cold]
#[inline(never)]
unsafe fn free_at(p: *mut u8, align: usize) {
    // SAFETY: the caller's promise.
    unsafe { free_claimed(p, Claim::Align(align)) }
}

/// Looks at what the caller claims of a block that it frees, where that is looked at, and reports what cannot be. What
/// is no live block is none of its business.
#[inline]
fn look_at(p: *mut u8, page: PageRef, claim: Claim) {
    if CHECKED_SIZES {
        look_exactly(p, page, claim);
    } else if page.owner.load(Ordering::Relaxed) & (WATCHED | GUARDED) != 0 {
        look_roughly(p, page, claim);
    }
}

/// [`look_at`] where each block knows what was asked for.
#[cold]
#[inline(never)]
fn look_exactly(p: *mut u8, page: PageRef, claim: Claim) {
    let Some(exact) = page.exact_size(p) else { return };
    let (size, align) = (claim.size().unwrap_or(exact), claim.align().unwrap_or(1));
    // One for 0 bytes may hold one.
    let differs = size != exact && size.max(exact) > 1;
    if differs || !is_aligned(p, page, align) {
        report::wrong_layout(p.addr(), exact, size, align);
    }
}

/// [`look_at`] where a block only has room, in a page with a flag.
#[cold]
#[inline(never)]
fn look_roughly(p: *mut u8, page: PageRef, claim: Claim) {
    let is_live = match page.record() {
        Some(record) => record.block() == p.addr(),
        None => page.standing(p) == Standing::Live,
    };
    if is_live {
        compare(p, page, claim);
    }
}

/// Whether a live block can be what is claimed of it; reports one that cannot.
fn compare(p: *mut u8, page: PageRef, claim: Claim) -> bool {
    let usable = page.usable_from(p);
    let (size, align) = (claim.size().unwrap_or(usable), claim.align().unwrap_or(1));
    // Who claims only the size may have allocated at any alignment that the block has.
    let most = claim.align().unwrap_or(p.addr() & p.addr().wrapping_neg());
    // How much more room a guarded block has is up to options.
    let fits = is_aligned(p, page, align)
        && size <= usable
        && (page.is_guarded() || can_have(usable, size, most));
    if !fits {
        report::wrong_layout(p.addr(), usable, size, align);
    }
    fits
}

/// Whether a block that was allocated at `align` can be known by `p`, an address in the page. A guarded one may end at
/// the byte, and then has no alignment but what was asked for.
fn is_aligned(p: *mut u8, page: PageRef, align: usize) -> bool {
    let is_natural = align.is_power_of_two() && align <= BLOCK_ALIGN;
    can_be_at(p, align) || (is_natural && page.is_guarded())
}

/// The block to free for `p` in a page with flags in its owner word. `None` when there is none: what is wrong was
/// reported, or the block was a guarded one.
///
/// # Safety
/// As for [`free_generic`].
#[cold]
#[inline(never)]
unsafe fn block_of(p: *mut u8, page: PageRef, word: usize) -> Option<*mut Block> {
    if word & GUARDED != 0 {
        // SAFETY: the caller's promise.
        unsafe { guarded::free(p, page) };
        return None;
    }
    if word & WATCHED != 0 && !is_live(p, page, "mi_free") {
        return None;
    }
    Some(if word & INTERIOR != 0 { page.block_at(p.addr()) } else { p.cast() })
}

/// Whether the program may know a live block of a watched page by `p`; reports what is wrong.
pub(crate) fn is_live(p: *mut u8, page: PageRef, function: &str) -> bool {
    match page.standing(p) {
        Standing::Live => return true,
        Standing::Free if function == "mi_free" => report::double_free(p.addr(), page.block_size()),
        Standing::Free | Standing::Unused => report::invalid_pointer(function, p.addr()),
        Standing::Inside => report::unaligned_pointer(function, p.addr()),
    }
    false
}

/// Frees a block whose page is not plainly the calling thread's, or that is not plainly a live one.
///
/// # Safety
/// As for [`free`]; `page` is the page that `p` lies in.
#[cold]
#[inline(never)]
unsafe fn free_generic(p: *mut u8, page: PageRef) {
    let word = page.owner.load(Ordering::Relaxed);
    if !PADDED && word & FLAGS != 0 {
        // SAFETY: the caller's promise.
        return unsafe { free_flagged(p, page) };
    }
    // SAFETY: the caller's promise; nothing is to be looked at first.
    if !PADDED && unsafe { give_listed(p, page, word) } {
        return;
    }
    // SAFETY: the caller's promise.
    unsafe { free_rare(p, page) }
}

/// Lists a block of a page that is not the calling thread's, and neither was before it was abandoned. Whether that was
/// done: not where somebody has to look at the page then.
///
/// # Safety
/// `p` is a live block of `page`, and the caller's; `word` is the owner of the page, without flags.
#[inline]
unsafe fn give_listed(p: *mut u8, page: PageRef, word: usize) -> bool {
    let theap = theap::current();
    // A thread may have its own abandoned page back.
    let is_ours = os::is_thread(word) || (word == 0 && abandon::was_of(theap, page));
    // SAFETY: the caller's promise.
    let is_listed = !is_ours && unsafe { page.remote.push_listed(page.links(), p.cast()) };
    if is_listed && Theap::is_sentinel(theap) {
        thread::note_guest();
    }
    is_listed
}

/// Frees a block whose page has flags in its owner word: what is plainly a live block of a watched page of the calling
/// thread here.
///
/// # Safety
/// As for [`free_generic`].
#[inline(never)]
unsafe fn free_flagged(p: *mut u8, page: PageRef) {
    let word = page.owner.load(Ordering::Relaxed);
    if word != os::thread_id() | WATCHED || !page.is_plainly_live(p) {
        // SAFETY: the caller's promise.
        return unsafe { free_elsewhere(p, page) };
    }
    // SAFETY: the block is live, and the caller's; this thread owns the page.
    unsafe {
        page.mark_live(p.cast());
        if page.push_local(p.cast()) {
            emptied(page);
        }
    }
}

/// Frees a block whose page has flags in its owner word: what is plainly a live block of a watched page that is not the
/// calling thread's here.
///
/// # Safety
/// As for [`free_generic`].
#[inline(never)]
unsafe fn free_elsewhere(p: *mut u8, page: PageRef) {
    let word = page.owner.load(Ordering::Relaxed);
    if word & FLAGS != WATCHED || !page.is_plainly_live(p) {
        // SAFETY: the caller's promise.
        return unsafe { free_rare(p, page) };
    }
    // SAFETY: the block is live, and the caller's.
    unsafe {
        page.mark_live(p.cast());
        if !give_listed(p, page, word & !FLAGS) {
            give(p.cast(), page, word & !FLAGS);
        }
    }
}

/// Apart from [`free_generic`], whose ordinary case then needs no stack frame.
///
/// # Safety
/// As for `free_generic`.
#[cold]
#[inline(never)]
unsafe fn free_rare(p: *mut u8, page: PageRef) {
    let word = page.owner.load(Ordering::Relaxed);
    let mut block = p.cast();
    if word & FLAGS != 0 {
        // SAFETY: the caller's promise.
        let Some(found) = (unsafe { block_of(p, page, word) }) else { return };
        block = found;
    }
    let is_known = page.is_known_by(block, p);
    if !is_known {
        report::unaligned_pointer("mi_free", p.addr());
    }
    if !is_known || !page.may_be_freed(block) {
        tools::on_bad_free(p);
        return;
    }
    // SAFETY: the block is live, and the caller's. What is behind its link can be padding, which was looked at.
    unsafe {
        if word & WATCHED != 0 {
            page.mark(block);
        }
        page.mark_free(block);
        give(block, page, word & !FLAGS);
    }
}

/// Puts a block on a list of its page, and deals with the page if that takes anybody.
///
/// # Safety
/// `block` is a live block of `page`, and the caller's; `owner` is the owner of the page, without flags.
unsafe fn give(block: *mut Block, page: PageRef, owner: usize) {
    if owner == os::thread_id() {
        // SAFETY: this thread owns the page and the block is the caller's.
        if unsafe { page.push_local(block) } {
            emptied(page);
        }
        return;
    }
    let theap = theap::current_or_none();
    let was_ours = owner == 0 && theap.is_some_and(|theap| abandon::was_of(theap, page));
    if was_ours && page.claim() {
        // SAFETY: the claim makes this thread the holder; the block is the caller's.
        let empty = unsafe { page.push_local(block) };
        if empty || !theap.is_some_and(|theap| abandon::take_back(theap, page)) {
            abandon::settle(page, theap);
        }
    // SAFETY: the block is the caller's.
    } else if unsafe { page.push_remote(block) } {
        abandon::settle(page, theap);
    }
    if theap.is_none() {
        thread::note_guest();
    }
}
