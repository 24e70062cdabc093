//! Guarded blocks: a few of all blocks lie alone, between OS pages that nobody can touch, and stay out of reach for a
//! while after they were freed. What runs over their ends, or comes back to them too late, is a fault of the program at
//! the place of its mistake.
//!
//! ```text
//! | guard ... | the block's OS pages            [ block ] | guard ... |
//! ^ slices    ^ start of the page             ends here ^            ^
//! ```
//!
//! A guarded block is a page of one block that no theap owns, known by an address inside it. Who it goes to is decided
//! by the [sampler](crate::theap::sampler) of the theap that allocates it.
#![allow(unsafe_code)]

use core::ptr::NonNull;

use crate::abandon;
use crate::arena::Span;
use crate::config::{BLOCK_ALIGN, MEDIUM_BLOCK_MAX, PADDING, SLICE_SIZE};
use crate::guards::{self, Held, Record, State};
use crate::heap::{Heap, SubProcess};
use crate::options::{self, Opt};
use crate::os;
use crate::page::PageRef;
use crate::ptr;
use crate::report;
use crate::size_class::{self, HUGE_BIN, padded};
use crate::stats::Event;
use crate::sync::{AtomicBool, Ordering};
use crate::theap::Theap;
use crate::theap::sampler::Sampler;
use crate::units::{align_up, slices_for};

/// A guarded block that was just made.
pub struct Made {
    /// Its page.
    pub page: PageRef,
    /// The first byte of its OS pages.
    pub start: NonNull<u8>,
    /// Bytes from there to what the program gets.
    pub shift: usize,
    /// All of it reads as zeros.
    pub zero: bool,
}

/// How the slices of a guarded block are used.
struct Layout {
    /// Bytes before its OS pages.
    lead: usize,
    /// Bytes of its OS pages.
    body: usize,
    /// Bytes of them before the block.
    shift: usize,
}

impl Layout {
    /// For `size` bytes at a multiple of `align`, a power of two of at most a slice.
    fn of(size: usize, align: usize, random: usize) -> Option<Self> {
        let page = os::page_size();
        let full = size.max(1).checked_add(PADDING)?;
        // What shares its page is aligned as its size is: aligned allocation counts on that.
        let natural = if full <= MEDIUM_BLOCK_MAX { full & full.wrapping_neg() } else { 1 };
        let align = align.max(natural).min(SLICE_SIZE);
        let least = if full <= 8 { 8 } else { BLOCK_ALIGN };
        let precise = options::is_enabled(Opt::GuardedPrecise) && align < least;
        let place = if precise { full } else { align_up(full, align.max(least))? };
        let body = align_up(place, page)?;
        let is_before = match options::get(Opt::GuardedBefore) {
            ..=0 => false,
            1 => true,
            _ => random & 1 == 1,
        };
        let shift = if is_before { 0 } else { body - place };
        Some(Self { lead: page.max(align), body, shift })
    }

    fn slices(&self) -> Option<usize> {
        let bytes = self.lead.checked_add(self.body)?.checked_add(os::page_size())?;
        Some(slices_for(bytes))
    }
}

/// The size of block that a request would get, which is what bounds are compared with.
fn rounded(size: usize) -> usize {
    match size_class::bin_of(padded(size)) {
        HUGE_BIN => size,
        bin => size_class::block_size(bin),
    }
}

/// Takes a guarded block for a request, if the sampler of the theap says so. Counts the request if it is one for a page
/// of its own.
pub fn take_if_due(theap: &Theap, size: usize, align: usize) -> Option<Made> {
    let sampler = &theap.sampler;
    if align > SLICE_SIZE || !sampler.suits(rounded(size)) {
        return None;
    }
    if !sampler.is_due() {
        if size_class::bin_of(padded(size)) == HUGE_BIN {
            sampler.count(1);
        }
        return None;
    }
    let made = theap.living_heap().and_then(|heap| make(heap, size, align, sampler));
    sampler.restart(made.is_some());
    if made.is_some() {
        theap.events.count(Event::Guard, 1);
    }
    made
}

/// Whether the next request of a theap, for a block of this size, is to be met by a guarded one.
pub fn is_due(theap: &Theap, size: usize) -> bool {
    theap.sampler.suits(rounded(size)) && theap.sampler.is_due()
}

/// Has faults at guarded blocks reported, once, if that is wanted.
fn watch_faults() {
    static WATCHED: AtomicBool = AtomicBool::new(false);
    if !WATCHED.swap(true, Ordering::Relaxed) && options::is_enabled(Opt::GuardedReport) {
        os::on_fault(|addr, code| {
            if let Some(record) = guards::find(addr) {
                let freed = record.state() == State::Freed;
                report::guard_touched(addr, code, record.block(), record.size(), freed);
            }
        });
    }
}

/// Makes a guarded block. `None` when memory ran out, or when there are too many.
fn make(heap: &'static Heap, size: usize, align: usize, sampler: &Sampler) -> Option<Made> {
    watch_faults();
    let record = Record::take().or_else(|| {
        give_back(guards::release_oldest()?);
        Record::take()
    })?;
    let layout = Layout::of(size, align, sampler.below(2));
    let made = layout.and_then(|layout| {
        let (span, is_fenced) = take_slices(heap, layout.slices()?, sampler.rate())?;
        make_in(heap, span, is_fenced, size, &layout, record)
    });
    if made.is_none() {
        record.give();
    }
    made
}

/// Makes a guarded block in slices that [`take_slices`] gave, which go back if that fails.
fn make_in(
    heap: &'static Heap,
    span: Span,
    is_fenced: bool,
    size: usize,
    layout: &Layout,
    record: &'static Record,
) -> Option<Made> {
    // SAFETY: the span is the caller's, and nothing refers to it.
    let page = unsafe {
        raise(&span, layout, is_fenced)
            .then(|| heap.try_page(span, HUGE_BIN, layout.body))
            .flatten()
    };
    let Some(page) = page else {
        // SAFETY: the slices were taken from there, and nobody knows them.
        unsafe { heap.subproc().take_back_guarded(span) };
        return None;
    };
    let (_, zero) = page.take_single();
    record.set_span(&span);
    page.set_guarded(record, layout.lead);
    let start = NonNull::new(page.start())?;
    // SAFETY: the shift is less than what the block's OS pages have.
    let block = unsafe { ptr::offset(start, layout.shift) };
    record.describe(block, size, heap.ordinal());
    page.disown();
    Some(Made { page, start, shift: layout.shift, zero })
}

/// Slices for a guarded block, in memory that may be fenced, and whether all of it is: slices of a block that has been
/// held back for long enough, or others.
fn take_slices(heap: &'static Heap, count: usize, rate: usize) -> Option<(Span, bool)> {
    if let Some(held) = guards::release_spare(rate) {
        let is_own = held.owner == core::ptr::from_ref(heap.subproc()).cast();
        if is_own && held.span.slices == count && heap.may_use(&held.span) {
            return Some((held.span, true));
        }
        give_back(held);
    }
    let span = fresh_slices(heap, count, rate)?;
    let can_be = span.arena.is_none_or(|arena| {
        let traits = arena.traits();
        !traits.pinned && !traits.external
    });
    if can_be {
        return Some((span, false));
    }
    // SAFETY: the slices were taken from there, and nobody knows them.
    unsafe { heap.subproc().arenas.give(span) };
    None
}

/// Slices that hold no guarded block. Those of a sample lie apart from an arena, if they may: a fence takes memory away
/// that ordinary blocks have just touched, and huge pages from around it.
fn fresh_slices(heap: &'static Heap, count: usize, rate: usize) -> Option<Span> {
    let is_apart = guards::is_sample(rate) && heap.arena().is_none();
    let apart = is_apart.then(|| heap.subproc().arenas.take_mapping(count, SLICE_SIZE));
    apart.flatten().or_else(|| heap.take_slices(count, SLICE_SIZE))
}

/// Fences all of a span but the block's OS pages, or opens those if all of it is fenced. Whether that was possible.
///
/// # Safety
/// The span is the caller's, and the layout is one for it.
unsafe fn raise(span: &Span, layout: &Layout, is_fenced: bool) -> bool {
    let behind = layout.lead + layout.body;
    // SAFETY: the caller's promise.
    unsafe {
        let body = ptr::offset(span.start, layout.lead);
        if is_fenced {
            return os::unfence(body, layout.body).is_ok();
        }
        os::fence(span.start, layout.lead).is_ok()
            && os::fence(ptr::offset(span.start, behind), span.slices * SLICE_SIZE - behind).is_ok()
    }
}

/// Frees what may be a guarded block, by an address in its page; anything else is reported.
///
/// # Safety
/// As for [`free`](crate::free::free); `page` is a guarded one that `p` lies in.
pub unsafe fn free(p: *mut u8, page: PageRef) {
    let Some(record) = page.record() else { return };
    if p.addr() != record.block() {
        report::unaligned_pointer("mi_free", p.addr());
        return;
    }
    let block = page.block_at(p.addr());
    if !page.may_be_freed(block) {
        return;
    }
    if !record.end() {
        report::double_free(p.addr(), record.size());
        return;
    }
    if !page.claim() {
        // Somebody looks at the page, and will see that it is empty.
        // SAFETY: the block was live, and is the caller's.
        if unsafe { page.push_remote(block) } {
            abandon::settle(page, None);
        }
        return;
    }
    let (start, size) = (page.start(), page.block_size());
    // SAFETY: the claim makes this thread the holder; the block has ended, and nobody else can end it.
    let (subproc, span) = unsafe { Heap::end_guarded(page) };
    if let Some(start) = NonNull::new(start) {
        // SAFETY: the block's OS pages are the caller's, and nobody needs them. What cannot be made inaccessible stays as
        // it is.
        let _ = unsafe { os::fence(start, size) };
    }
    if let Some(oldest) = record.hold(span, core::ptr::from_ref(subproc).cast()) {
        give_back(oldest);
    }
}

/// Gives the slices of a block that was held back to whoever they were taken from.
fn give_back(held: Held) {
    // SAFETY: the owner is a sub-process, whose memory stays one's; the slices are its, and nobody knows them.
    unsafe { (*held.owner.cast::<SubProcess>()).take_back_guarded(held.span) };
}

/// Gives back all that is held back of a sub-process, before it ends or when memory runs out.
pub fn give_all_back(subproc: &SubProcess) {
    while let Some(held) = guards::release_of(core::ptr::from_ref(subproc).cast()) {
        give_back(held);
    }
}
