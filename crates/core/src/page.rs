//! Pages: runs of slices cut into blocks of one size, and the records that describe them.
//!
//! # Lists of a page
//! `free` is the list handed to the fast path of `malloc`; `local_free` collects what the owner frees; the
//! [`RemoteList`] what others free. Blocks are counted when lists are handed over, so that taking a block
//! costs no count:
//!
//! ```text
//! used = capacity - length(local_free)       live blocks, plus the handed list, plus what is listed remotely
//! ```
//!
//! # Invariants
//! P2: non-atomic fields are touched only by the holder of the page: its owner, or the claimant of an
//! abandoned one. P3: `used` never under-counts live blocks, at any instruction: the parent of a fork may
//! be stopped anywhere. P4: the page is in the page map while a block of it is live.
#![allow(unsafe_code)]

mod chain;
pub mod check;
mod extend;
pub mod free_blocks;
pub mod guard;
pub mod list;
pub mod look;
mod padding;
mod secrets;
pub mod track;
pub mod watch;

use core::cell::Cell;
use core::ops::Deref;
use core::ptr::{NonNull, null_mut};

use crate::arena::{Arena, Span, meta};
use crate::config::{
    ENCODED_LINKS, PADDED, PADDING, RECORD_SIZE, SECRET_WORDS, SLICE_SIZE, TRACKED, WORD_SIZE,
};
use crate::guards;
use crate::os;
use crate::page_map;
use crate::ptr::{Block, Record};
use crate::remote::{Found, Pushed, RemoteList};
use crate::report::{self, invariant};
use crate::size_class::{self, HUGE_BIN};
use crate::sync::{AtomicPtr, AtomicU8, AtomicUsize, Ordering};
use crate::units::{align_up, slices_for, to_u32};

use secrets::Secrets;

/// Bits of an owner word that are not part of the thread id.
pub const FLAGS: usize = 7;

/// Flag in the owner word: blocks may have been handed out by an address inside them.
pub const INTERIOR: usize = 1;

/// Flag in the owner word: blocks are looked at when they are freed, see [`watch`].
pub const WATCHED: usize = 2;

/// Flag in the owner word: the page is that of one guarded block, see [`guards`].
pub const GUARDED: usize = 4;

/// Every block on `free` reads as zeros beyond its link.
const FREE_ZERO: u8 = 1;
/// The part of the page beyond `capacity` reads as zeros.
const FRESH_ZERO: u8 = 2;
/// The page has been passed by once for having nothing to give.
const SPENT: u8 = 4;
/// `free` came in address order and reaches to the end of what is linked: its length is a matter of addresses.
const ORDERED: u8 = 8;

/// The record of a page: the owner's line first, what is shared or rare on the last.
#[repr(C, align(128))]
pub struct Page {
    /// Blocks handed to the fast path.
    pub free: Cell<*mut Block>,
    /// Blocks that the owner has freed.
    pub local_free: Cell<*mut Block>,
    /// Thread id of the owner, 0 when abandoned, with [`FLAGS`] in its low bits.
    pub owner: AtomicUsize,
    /// Blocks not on `local_free`.
    pub used: Cell<u32>,
    /// Blocks that have been linked into a list so far; the rest of the page is untouched.
    pub capacity: Cell<u32>,
    /// Blocks that fit.
    reserved: Cell<u32>,
    bin: AtomicU8,
    /// What is known to read as zeros: [`FREE_ZERO`], [`FRESH_ZERO`]; and [`SPENT`], [`ORDERED`].
    zeros: Cell<u8>,
    /// The page was left with free blocks: its bit in the map of abandoned pages is set, or about to be.
    pub published: Cell<bool>,
    /// Sweeps until an empty page is given back; 0 when it is not retired.
    pub retire: Cell<u8>,
    block_size: AtomicUsize,
    /// The first block, [`hidden`].
    start: AtomicPtr<u8>,
    /// The theap that owns the page, or owned it last: a hint for who should have it back. Of a guarded block, which no
    /// theap ever owns, its record.
    pub theap: Cell<*const ()>,

    secrets: Secrets,

    /// Blocks that other threads have freed, and whether anyone holds the page.
    pub remote: RemoteList,
    /// The heap that the page's blocks belong to.
    pub heap: AtomicPtr<()>,
    /// Neighbours in the owner's queue of the bin.
    pub next: Cell<Option<PageRef>>,
    /// See `next`.
    pub prev: Cell<Option<PageRef>>,
    arena: Cell<Option<&'static Arena>>,
    slice_index: Cell<u32>,
    slices: Cell<u32>,
    /// Neighbours in the heap's list of pages.
    list_next: Cell<Option<PageRef>>,
    list_prev: Cell<Option<PageRef>>,
}

const _: () = assert!(size_of::<Page>() == RECORD_SIZE);
const _: () = assert!(core::mem::offset_of!(Page, remote) == 64 + SECRET_WORDS * WORD_SIZE);

// SAFETY: by P2 the cells have one holder at a time, and the hold passes with acquire and release.
unsafe impl Sync for Page {}

/// The start of a page as its record has it, and back. The first block of a page is not in use because its record says
/// where it is: in builds for memory checkers, which look for pointers to blocks, no record has one.
#[inline(always)]
fn hidden(start: *mut u8) -> *mut u8 {
    if TRACKED { start.map_addr(|addr| !addr) } else { start }
}

/// The page that a theap without a page of some bin points at: it never has a free block.
pub static EMPTY_PAGE: Page = Page {
    free: Cell::new(null_mut()),
    local_free: Cell::new(null_mut()),
    owner: AtomicUsize::new(0),
    used: Cell::new(0),
    capacity: Cell::new(0),
    reserved: Cell::new(0),
    bin: AtomicU8::new(0),
    zeros: Cell::new(0),
    published: Cell::new(false),
    retire: Cell::new(0),
    block_size: AtomicUsize::new(0),
    start: AtomicPtr::new(null_mut()),
    theap: Cell::new(core::ptr::null()),
    secrets: Secrets::new(),
    remote: RemoteList::new_owned(),
    heap: AtomicPtr::new(null_mut()),
    next: Cell::new(None),
    prev: Cell::new(None),
    arena: Cell::new(None),
    slice_index: Cell::new(0),
    slices: Cell::new(0),
    list_next: Cell::new(None),
    list_prev: Cell::new(None),
};

/// A page whose record is known to be live.
///
/// # Invariants
/// Points at a record in an arena's header, which stays readable while the sub-process lives, or at one of
/// a page outside arenas that has a live block or an owner.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PageRef(NonNull<Page>);

impl Deref for PageRef {
    type Target = Page;

    #[inline(always)]
    fn deref(&self) -> &Page {
        // SAFETY: by the invariant of the type.
        unsafe { self.0.as_ref() }
    }
}

impl PageRef {
    /// The page that a record describes.
    #[inline(always)]
    pub fn from_record(record: NonNull<Record>) -> Self {
        Self(record.cast())
    }

    /// The page at `place`.
    ///
    /// # Safety
    /// The invariant of the type holds for `place`.
    #[inline(always)]
    pub const unsafe fn new_unchecked(place: *mut Page) -> Self {
        // SAFETY: a record is not at address 0.
        Self(unsafe { NonNull::new_unchecked(place) })
    }

    /// Where the record is.
    #[inline(always)]
    pub fn as_ptr(self) -> *mut Page {
        self.0.as_ptr()
    }

    /// The page as it stands in the page map.
    pub fn as_record(self) -> NonNull<Record> {
        self.0.cast()
    }

    /// The page that `addr` lies in, if any.
    pub fn of_addr(addr: usize) -> Option<Self> {
        page_map::lookup(addr).map(Self::from_record)
    }

    /// As [`of_addr`](Self::of_addr), where the flat form of the map knows it.
    #[inline(always)]
    pub fn of_addr_fast(addr: usize) -> Option<Self> {
        page_map::lookup_fast(addr).map(Self::from_record)
    }

    /// As [`of_addr`](Self::of_addr), of an address in a live block; a page that no thread owns where the flat form of
    /// the map does not know it.
    ///
    /// # Safety
    /// `addr` lies in a live block.
    #[inline(always)]
    pub unsafe fn of_live_fast(addr: usize) -> Self {
        // SAFETY: the caller's promise.
        Self::from_record(unsafe { page_map::lookup_live(addr) })
    }

    /// Makes a page of a claimed span, held by the caller and without an owner. `None`, and the span stays the
    /// caller's, when memory for its metadata ran out.
    ///
    /// # Safety
    /// The caller has claimed `span` and nothing else refers to it.
    pub unsafe fn create(span: Span, bin: usize, block_size: usize, heap: *mut ()) -> Option<Self> {
        let record = match span.arena {
            Some(arena) => arena.record(span.index),
            None => meta::take(RECORD_SIZE)?.cast(),
        };
        let page = Self::from_record(record);
        let room = span.slices * SLICE_SIZE - guard::size();
        let reserved = if bin == HUGE_BIN { 1 } else { room / block_size };
        page.free.set(null_mut());
        page.local_free.set(null_mut());
        page.owner.store(0, Ordering::Relaxed);
        page.used.set(0);
        page.capacity.set(0);
        page.reserved.set(to_u32(reserved));
        page.bin.store(size_class::bin_byte(bin), Ordering::Relaxed);
        page.zeros.set(if span.zero { FRESH_ZERO } else { 0 });
        page.retire.set(0);
        page.block_size.store(block_size, Ordering::Relaxed);
        page.start.store(hidden(span.start.as_ptr()), Ordering::Relaxed);
        page.theap.set(core::ptr::null());
        page.heap.store(heap, Ordering::Relaxed);
        page.next.set(None);
        page.prev.set(None);
        page.arena.set(span.arena);
        page.slice_index.set(to_u32(span.index));
        page.slices.set(to_u32(span.slices));
        page.published.set(false);
        page.secrets.draw((reserved - 1) * block_size);
        page.remote.reset();
        if !page_map::set(span.start, span.slices, record) {
            // SAFETY: the page has no block yet.
            unsafe { page.dispose() };
            return None;
        }
        if let Some(arena) = span.arena {
            arena.pages().set(span.index, 1);
        }
        guard::raise(&span);
        track::tell_span(&span);
        Some(page)
    }

    /// Ends a page without live blocks; its slices are the caller's then.
    ///
    /// # Safety
    /// The caller holds the page, no queue and no list links it, and no block of it is live.
    #[must_use = "the slices are to be given back"]
    pub unsafe fn release(self) -> Span {
        invariant!(self.all_blocks_are_local());
        // SAFETY: the caller's promise.
        unsafe { self.destroy() }
    }

    /// Ends a page whatever blocks are live, which end with it; its slices are the caller's then.
    ///
    /// # Safety
    /// The caller holds the page, no queue and no list links it, and nobody uses a block of it any more.
    #[must_use = "the slices are to be given back"]
    pub unsafe fn destroy(self) -> Span {
        let span = self.span();
        page_map::clear(span.start, span.slices);
        if let Some(arena) = span.arena {
            arena.pages().clear(span.index, 1);
            arena.note_linked(self.linked_bytes(), 0);
        }
        // SAFETY: the caller's promise; the page has left the map.
        unsafe { self.dispose() };
        span
    }

    /// Ends the record, and gives it back where it is not part of an arena.
    ///
    /// # Safety
    /// As for [`release`](Self::release), and the page is not in the map.
    unsafe fn dispose(self) {
        // The owner word of a dead record matches no thread; its remote list stays held, so no claim on it
        // can succeed.
        self.owner.store(0, Ordering::Relaxed);
        if TRACKED {
            // A dead record leads to no block.
            self.local_free.set(null_mut());
        }
        if self.arena.get().is_none() {
            // SAFETY: the record came from `meta::take` and nothing refers to it any more.
            unsafe { meta::give(self.0.cast(), RECORD_SIZE) };
        }
    }
}

impl Page {
    /// The slices of the page. Only for the holder.
    pub fn span(&self) -> Span {
        // Guarded blocks start behind the first byte of their slices.
        let start =
            self.record().map_or(self.start(), |record| self.start().with_addr(record.start()));
        // SAFETY: a live page has a start.
        let start = unsafe { NonNull::new_unchecked(start) };
        let (slices, index) = (self.slices.get() as usize, self.slice_index.get() as usize);
        Span { start, slices, arena: self.arena.get(), index, zero: false }
    }

    /// First byte of the first block.
    #[inline]
    pub fn start(&self) -> *mut u8 {
        hidden(self.start.load(Ordering::Relaxed))
    }

    /// Bytes of a block.
    #[inline]
    pub fn block_size(&self) -> usize {
        self.block_size.load(Ordering::Relaxed)
    }

    /// The bin of the page's blocks, [`HUGE_BIN`] for a page of one block.
    #[inline]
    pub fn bin(&self) -> usize {
        self.bin.load(Ordering::Relaxed) as usize
    }

    /// The arena of the page, and the number of its first slice there. Only for the holder.
    pub fn place(&self) -> Option<(&'static Arena, usize)> {
        self.arena.get().map(|arena| (arena, self.slice_index.get() as usize))
    }

    /// Whether the page's blocks may be known by addresses inside them.
    #[inline]
    pub fn has_interior(&self) -> bool {
        self.owner.load(Ordering::Relaxed) & INTERIOR != 0
    }

    /// Notes that a block has been handed out by an address inside it. Only for the holder.
    pub fn set_interior(&self) {
        self.owner.store(self.owner.load(Ordering::Relaxed) | INTERIOR, Ordering::Release);
    }

    /// Whether the page is that of a guarded block.
    #[inline]
    pub fn is_guarded(&self) -> bool {
        self.owner.load(Ordering::Relaxed) & GUARDED != 0
    }

    /// Makes the page that of a guarded block, which starts `lead` bytes behind the first of its slices. Only for the
    /// holder of a fresh page of one block.
    pub fn set_guarded(&self, record: &'static guards::Record, lead: usize) {
        self.start.store(hidden(self.start().wrapping_add(lead)), Ordering::Relaxed);
        self.theap.set(core::ptr::from_ref(record).cast());
        self.owner.store(GUARDED | INTERIOR, Ordering::Release);
    }

    /// The record of the page's guarded block, if it has one.
    pub fn record(&self) -> Option<&'static guards::Record> {
        // SAFETY: a guarded page holds the address of a record, none of which ever ends.
        self.is_guarded().then(|| unsafe { &*self.theap.get().cast() })
    }

    /// The block that `addr`, an address inside the page, belongs to.
    pub fn block_at(&self, addr: usize) -> *mut Block {
        let start = self.start();
        let offset = addr.saturating_sub(start.addr());
        let size = self.block_size();
        start.map_addr(|base| base + offset / size * size).cast()
    }

    /// Bytes that the program may use from `p` on, an address inside a live block.
    pub fn usable_from(&self, p: *mut u8) -> usize {
        if PADDED { self.size_from(p) } else { self.room_from(p) }
    }

    /// Bytes that a program could use from `p` on, an address inside a live block.
    pub fn room_from(&self, p: *mut u8) -> usize {
        if !self.has_interior() {
            return self.room();
        }
        self.block_at(p.addr()).addr() + self.room() - p.addr()
    }

    /// Whether a list or the untouched rest of the page can yield a block. Only for the holder.
    pub fn has_free(&self) -> bool {
        !self.free.get().is_null()
            || !self.local_free.get().is_null()
            || self.capacity.get() < self.reserved.get()
    }

    /// Whether the page was passed by since it last handed out a list.
    #[inline]
    pub fn is_spent(&self) -> bool {
        self.zeros.get() & SPENT != 0
    }

    /// Notes that the page was passed by.
    #[inline]
    pub fn set_spent(&self) {
        self.zeros.set(self.zeros.get() | SPENT);
    }

    /// Puts a block back on the owner's list; true when no block of the page is live any more.
    ///
    /// # Safety
    /// The caller holds the page, and `block` is a live block of it that it owns.
    #[inline(always)]
    pub unsafe fn push_local(&self, block: *mut Block) -> bool {
        // SAFETY: the block was the caller's and becomes the list's (P1).
        unsafe { self.links().set_next(block, self.local_free.get()) };
        self.local_free.set(block);
        // Counted after the push: stopped in between, the page counts one block too many (P3).
        let used = self.used.get().wrapping_sub(1);
        self.used.set(used);
        used == 0
    }

    /// Hands a list to the fast path: what the owner freed, else what others freed. How many blocks that are.
    #[must_use = "they are counted"]
    pub fn hand_over(&self) -> u32 {
        invariant!(self.free.get().is_null());
        if self.local_free.get().is_null() {
            self.take_remote();
        }
        let list = self.local_free.get();
        if list.is_null() {
            return 0;
        }
        let (capacity, used) = (self.capacity.get(), self.used.get());
        // Each list is emptied before another has its blocks: stopped in between, blocks are lost, never
        // handed out twice (P1).
        self.local_free.set(null_mut());
        self.used.set(capacity);
        self.zeros.set(self.zeros.get() & FRESH_ZERO);
        self.free.set(list);
        capacity - used
    }

    /// Moves what others have freed to the owner's list.
    pub fn take_remote(&self) {
        let (list, count) = self.remote.take();
        self.append_listed(list, count);
    }

    /// Makes the caller the holder of an abandoned page, with all blocks that were freed into it on the owner's list.
    /// False when somebody else holds it.
    pub fn claim(&self) -> bool {
        let found = self.remote.claim();
        if let Some(found) = found {
            self.take_in(found);
        }
        found.is_some()
    }

    /// Moves what a claimant has found to the owner's list.
    pub fn take_in(&self, found: Found) {
        self.append_listed(found.list, self.used.get().saturating_sub(found.live));
    }

    /// Ends the caller's hold on the page, which cannot be found. False, and nothing changed, when blocks are listed.
    pub fn disown(&self) -> bool {
        self.remote.disown(self.used.get(), false)
    }

    /// Gives a block to a page that the caller does not own. True when that made the caller the holder: the block is on
    /// the owner's list then.
    ///
    /// # Safety
    /// `block` is a live block of the page that the caller owns.
    #[inline]
    pub unsafe fn push_remote(&self, block: *mut Block) -> bool {
        // SAFETY: the caller's promise.
        let Pushed::Claimed(found) = (unsafe { self.remote.push(self.links(), block) }) else {
            return false;
        };
        self.take_in(found);
        // SAFETY: the caller's promise; the claim made it the holder. Whether the page is empty, it will see.
        unsafe { self.push_local(block) };
        true
    }

    /// Appends a list of `count` blocks, which `used` still counts, to the owner's list.
    fn append_listed(&self, list: *mut Block, count: u32) {
        if ENCODED_LINKS || !self.local_free.get().is_null() {
            // Looks at each link.
            self.append_local(list);
        } else if !list.is_null() {
            self.local_free.set(list);
            self.used.set(self.used.get().wrapping_sub(count));
        }
    }

    /// Moves the list handed to the fast path back to the owner's list, so that `used` counts live blocks
    /// and those listed remotely only. How many blocks that were.
    #[must_use = "they are counted"]
    pub fn take_back(&self) -> u32 {
        let list = self.free.replace(null_mut());
        self.append_local(list)
    }

    /// Appends `list`, whose blocks `used` still counts, to the owner's list, and says how long it is.
    fn append_local(&self, list: *mut Block) -> u32 {
        if list.is_null() {
            return 0;
        }
        let (mut last, mut count) = (list, 1);
        let watched = self.is_watched();
        loop {
            // SAFETY: the list is the caller's (P1), `last` is on it.
            let next = unsafe { if watched { self.after_watched(last) } else { self.after(last) } };
            if next.is_null() {
                break;
            }
            last = next;
            count += 1;
            if count > self.capacity.get() {
                // It leads in circles, and none of its blocks can be told from live ones.
                report::corrupted_remote_list();
                return 0;
            }
        }
        // SAFETY: as above.
        unsafe { self.links().set_next(last, self.local_free.get()) };
        self.local_free.set(list);
        self.used.set(self.used.get() - count);
        count
    }

    /// Changes how many blocks have been linked, and tells the arena.
    fn set_capacity(&self, capacity: u32) {
        let before = self.linked_bytes();
        self.capacity.set(capacity);
        if let Some(arena) = self.arena.get() {
            arena.note_linked(before, self.linked_bytes());
        }
    }

    /// Forgets what is known of free blocks: that they read as zeros behind their links. Only for the holder.
    fn forget_zeros(&self) {
        self.zeros.set(self.zeros.get() & !FREE_ZERO);
    }

    /// Forgets the order in which blocks were freed: the page will be linked anew, in address order and as
    /// far as needed. Only for the holder of a page without live blocks.
    pub fn rebuild(&self) {
        invariant!(self.used.get() == 0 && self.all_blocks_are_local());
        self.local_free.set(null_mut());
        self.set_capacity(0);
        self.zeros.set(0);
        self.owner.store(self.owner.load(Ordering::Relaxed) & !INTERIOR, Ordering::Relaxed);
    }

    /// Forgets all lists: every block of the page counts as live. Only for the holder.
    pub fn take_all_for_live(&self) {
        self.free.set(null_mut());
        self.local_free.set(null_mut());
        self.next.set(None);
        self.prev.set(None);
        self.retire.set(0);
        self.zeros.set(0);
        self.set_capacity(self.reserved.get());
        self.used.set(self.reserved.get());
    }

    /// Blocks that fit.
    pub fn reserved(&self) -> usize {
        self.reserved.get() as usize
    }

    /// Bytes that the page's linked blocks cover.
    pub fn linked_bytes(&self) -> usize {
        self.capacity.get() as usize * self.block_size()
    }

    /// Whether a block that was just popped reads as zeros beyond its link.
    #[inline]
    pub fn popped_is_zero(&self) -> bool {
        self.zeros.get() & FREE_ZERO != 0
    }

    /// Takes the only block of a fresh huge page, and whether it reads as zeros throughout.
    pub fn take_single(&self) -> (*mut u8, bool) {
        self.used.set(1);
        self.set_capacity(1);
        (self.start(), self.zeros.get() & FRESH_ZERO != 0)
    }

    /// Bytes of a huge block for a request of `size` bytes: whole OS pages.
    pub fn huge_block_size(size: usize) -> Option<usize> {
        align_up(size.checked_add(PADDING)?, os::page_size())
    }

    /// Slices that the page covers. Only for the holder.
    pub fn slice_count(&self) -> usize {
        self.slices.get() as usize
    }

    /// Changes the size of the only block of a huge page, whose last slices the caller has claimed or is
    /// about to give back. Only for the holder.
    pub fn resize_single(&self, block_size: usize) {
        if let Some(arena) = self.arena.get() {
            arena.note_linked(self.block_size(), block_size);
        }
        self.block_size.store(block_size, Ordering::Relaxed);
        self.slices.set(to_u32(slices_for(block_size + guard::size())));
    }

    /// Bytes that the page keeps for its blocks: its slices, or the whole OS pages of its only block.
    pub fn held_bytes(&self) -> usize {
        if self.bin() == HUGE_BIN { self.block_size() } else { self.slice_count() * SLICE_SIZE }
    }
}
