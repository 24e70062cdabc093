//! From any address to the record of the page it lies in, or to nothing. A lookup never faults.
//!
//! Where the reservation is granted the map is flat: one pointer for each slice of the user address space,
//! reserved without commit, so that only the parts that describe arenas ever become memory. Under a limit
//! on address space, under strict overcommit, and where the option `max_vabits` says so it has two levels
//! with a static root, and leaves on demand.
//! [`lookup_fast`] serves the flat form only; in the other form, and before the map exists, it finds
//! nothing and its caller comes back through [`lookup`].
//!
//! # Invariants
//! P4: a page stays in the map from before its first block is seen until after its last is returned.
//! `FLAT_ENTRIES` is nonzero only after `FLAT` points at that many entries, and neither changes after, until
//! the map is released. `LIVE` has the flat form from before the first page is made, until then; without it one
//! entry stands for all slices.
#![allow(unsafe_code)]

use core::ptr::{NonNull, null_mut};

use crate::config::{SLICE_SHIFT, VALGRIND};
use crate::margins;
use crate::options::{self, Opt};
use crate::os;
use crate::ptr::Record;
use crate::sync::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

type Entry = AtomicPtr<Record>;

/// Stands in `FLAT` for the decision against the flat form. Never followed.
const TWO_LEVELS: *mut Entry = NonNull::dangling().as_ptr();

/// log2 of the entries in a leaf of the two-level form: a leaf describes 4 GiB.
const LEAF_SHIFT: u32 = 16;
const LEAF_ENTRIES: usize = 1 << LEAF_SHIFT;

/// Bits of user addresses that the two-level root covers.
const ROOT_ADDRESS_BITS: u32 = if cfg!(target_arch = "x86_64") { 47 } else { 48 };
const ROOT_ENTRIES: usize = 1 << (ROOT_ADDRESS_BITS - SLICE_SHIFT - LEAF_SHIFT);

static FLAT_ENTRIES: AtomicUsize = AtomicUsize::new(0);
/// Null until the form is decided, then the flat map or [`TWO_LEVELS`].
static FLAT: AtomicPtr<Entry> = AtomicPtr::new(null_mut());
static ROOT: [AtomicPtr<Entry>; ROOT_ENTRIES] =
    [const { AtomicPtr::new(null_mut()) }; ROOT_ENTRIES];
/// The map has been released: an address that it does not know may be that of a block that ended then.
static RELEASED: AtomicBool = AtomicBool::new(false);

/// What [`lookup_live`] looks in: the flat form, or one entry that stands for all slices.
static LIVE: AtomicPtr<Entry> = AtomicPtr::new((&raw const NOBODY_ENTRY).cast_mut());

/// What makes an address the number of its entry in `LIVE`, in the high half of a product: a power of two, or 0.
static LIVE_FACTOR: AtomicUsize = AtomicUsize::new(0);

/// The record of a page that no thread owns.
static NOBODY: Record = Record::ZERO;
static NOBODY_ENTRY: Entry = AtomicPtr::new((&raw const NOBODY).cast_mut());

/// Decides which form the map has: the flat one if the system grants it. Called before the first page is
/// made, by any number of threads at once.
pub fn init() {
    let entries = 1_usize << (os::address_bits() - SLICE_SHIFT);
    let bytes = entries * size_of::<Entry>();
    // A process that lives under a limit needs its address space for itself, and valgrind looks through all of it for
    // pointers.
    let granted =
        os::address_space_limit().is_none() && os::overcommits() && is_flat_wanted() && !VALGRIND;
    let base = if granted { reserve(bytes) } else { None };
    let form = base.map_or(TWO_LEVELS, |base| base.cast::<Entry>().as_ptr());
    let decided = FLAT.compare_exchange(null_mut(), form, Ordering::AcqRel, Ordering::Acquire);
    if let Some(base) = base {
        // SAFETY: the range was just reserved, and is given back only if nobody was told of it.
        unsafe {
            match decided {
                Ok(_) => {
                    os::exclude_from_dump(base, bytes);
                    // A little of it is used, here and there.
                    let _ = os::advise_huge(base, bytes, false);
                }
                Err(_) => _ = margins::release(base, bytes, os::page_size()),
            }
        }
    }
    let form = decided.err().unwrap_or(form);
    if form != TWO_LEVELS {
        FLAT_ENTRIES.store(entries, Ordering::Release);
        LIVE.store(form, Ordering::Release);
        LIVE_FACTOR.store(1 << (usize::BITS - SLICE_SHIFT), Ordering::Release);
    }
}

/// Memory for entries.
fn reserve(bytes: usize) -> Option<NonNull<u8>> {
    margins::reserve(bytes, os::page_size(), true).ok()
}

fn is_flat_wanted() -> bool {
    let bits = options::get(Opt::MaxVabits);
    bits <= 0 || bits >= i64::from(os::address_bits())
}

/// The record of the page at `addr`, if the flat form knows one. Two compares and two loads.
#[inline(always)]
pub fn lookup_fast(addr: usize) -> Option<NonNull<Record>> {
    let index = addr >> SLICE_SHIFT;
    if !is_in_flat(index) {
        return None;
    }
    // SAFETY: the index is below `FLAT_ENTRIES`, so `FLAT` points at the entry (invariant of the module).
    let entry = unsafe { &*FLAT.load(Ordering::Relaxed).add(index) };
    NonNull::new(entry.load(Ordering::Relaxed))
}

/// The record of the page at `addr`; in the two-level form, of a page that no thread owns. Three loads and no
/// test.
///
/// # Safety
/// `addr` lies in a live block.
#[inline(always)]
pub unsafe fn lookup_live(addr: usize) -> NonNull<Record> {
    // A block is known to this thread only after the map had its form: it sees both words as they are then, or
    // both as they are without a flat form.
    // SAFETY: the entry is one of the flat form, and set while the block lives (P4), or the one that stands for all.
    unsafe {
        let entry = LIVE.load(Ordering::Relaxed).add(live_index(addr));
        NonNull::new_unchecked((*entry).load(Ordering::Relaxed))
    }
}

/// The number of the entry in `LIVE`. A product, because it needs no test for a factor of 0, and one instruction less
/// than a shift and a mask.
#[cfg(all(target_arch = "x86_64", not(any(miri, all(test, loom)))))]
#[inline(always)]
fn live_index(addr: usize) -> usize {
    let index;
    // SAFETY: reads a word that may be read.
    unsafe {
        core::arch::asm!(
            // Or else a Rust dylib would have to reach it through its table of addresses.
            ".hidden {factor}",
            "mul qword ptr [rip + {factor}]",
            factor = sym LIVE_FACTOR,
            inout("rax") addr => _,
            lateout("rdx") index,
            options(pure, nostack, readonly),
        );
    }
    index
}

/// The number of the entry in `LIVE`.
#[cfg(not(all(target_arch = "x86_64", not(any(miri, all(test, loom))))))]
#[inline(always)]
fn live_index(addr: usize) -> usize {
    let product = addr as u128 * LIVE_FACTOR.load(Ordering::Relaxed) as u128;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the high half of a product of two words is a word"
    )]
    {
        (product >> usize::BITS) as usize
    }
}

/// Whether the flat form has an entry `index`.
#[cfg(all(target_arch = "x86_64", not(any(miri, all(test, loom)))))]
#[inline(always)]
fn is_in_flat(index: usize) -> bool {
    // One compare with memory, which the compiler does not make of a load of an atomic.
    // SAFETY: reads a word that may be read; on this processor every load acquires.
    unsafe {
        core::arch::asm!(
            // As above.
            ".hidden {limit}",
            "cmp {index}, qword ptr [rip + {limit}]",
            "jae {beyond}",
            index = in(reg) index,
            limit = sym FLAT_ENTRIES,
            beyond = label { return false },
            options(nostack, readonly),
        );
    }
    true
}

/// The record of the page at `addr`, whatever form the map has and whatever `addr` is.
pub fn lookup(addr: usize) -> Option<NonNull<Record>> {
    entry(addr >> SLICE_SHIFT).and_then(|entry| NonNull::new(entry.load(Ordering::Acquire)))
}

/// The entry of slice number `index`, unless no leaf describes it.
fn entry(index: usize) -> Option<&'static Entry> {
    let flat_entries = FLAT_ENTRIES.load(Ordering::Acquire);
    let (base, offset) = if flat_entries != 0 {
        (FLAT.load(Ordering::Relaxed), (index < flat_entries).then_some(index)?)
    } else {
        (ROOT.get(index >> LEAF_SHIFT)?.load(Ordering::Acquire), index & (LEAF_ENTRIES - 1))
    };
    // SAFETY: `base` is null or points at entries that are never released, and `offset` is one of them.
    (!base.is_null()).then(|| unsafe { &*base.add(offset) })
}

/// Makes the `count` slices from `start` on resolve to `record`. False when memory for the map ran out; no
/// slice resolves to it then.
pub fn set(start: NonNull<u8>, count: usize, record: NonNull<Record>) -> bool {
    let first = start.addr().get() >> SLICE_SHIFT;
    for index in first..first + count {
        let Some(entry) = entry(index).or_else(|| add_leaf(index).and_then(|()| entry(index)))
        else {
            clear(start, index - first);
            return false;
        };
        entry.store(record.as_ptr(), Ordering::Release);
    }
    true
}

/// Makes the `count` slices from `start` on resolve to nothing.
pub fn clear(start: NonNull<u8>, count: usize) {
    let first = start.addr().get() >> SLICE_SHIFT;
    for index in first..first + count {
        if let Some(entry) = entry(index) {
            entry.store(null_mut(), Ordering::Release);
        }
    }
}

/// Adds the leaf that describes slice number `index`.
fn add_leaf(index: usize) -> Option<()> {
    let slot = ROOT.get(index >> LEAF_SHIFT)?;
    let bytes = LEAF_ENTRIES * size_of::<Entry>();
    let leaf = reserve(bytes)?;
    let ours = leaf.cast::<Entry>().as_ptr();
    if slot.compare_exchange(null_mut(), ours, Ordering::AcqRel, Ordering::Acquire).is_err() {
        // SAFETY: another thread installed its leaf first; nobody has seen ours.
        let _ = unsafe { margins::release(leaf, bytes, os::page_size()) };
    }
    Some(())
}

/// Gives the memory of the map back. It has two levels from then on.
///
/// # Safety
/// No page is in the map, and no other thread uses it.
pub unsafe fn release() {
    RELEASED.store(true, Ordering::Relaxed);
    LIVE_FACTOR.store(0, Ordering::Relaxed);
    LIVE.store((&raw const NOBODY_ENTRY).cast_mut(), Ordering::Release);
    let entries = FLAT_ENTRIES.swap(0, Ordering::AcqRel);
    // SAFETY: by the caller's promise nobody uses what is given back.
    unsafe {
        give_entries(&FLAT, TWO_LEVELS, entries);
        for slot in &ROOT {
            give_entries(slot, null_mut(), LEAF_ENTRIES);
        }
    }
}

/// Puts `instead` in place of the entries that `slot` leads to, if there are any, and gives their memory back.
///
/// # Safety
/// `slot` leads to that many entries or to none, and nobody uses them.
unsafe fn give_entries(slot: &AtomicPtr<Entry>, instead: *mut Entry, entries: usize) {
    let base = slot.swap(instead, Ordering::AcqRel);
    if let Some(base) = NonNull::new(base).filter(|_| base != TWO_LEVELS) {
        let bytes = entries * size_of::<Entry>();
        // SAFETY: the range was reserved for these entries, and by the caller's promise nobody uses it.
        let _ = unsafe { margins::release(base.cast(), bytes, os::page_size()) };
    }
}

/// Whether the map has been released, and an address that it does not know may be that of a block that ended then.
pub fn was_released() -> bool {
    RELEASED.load(Ordering::Relaxed)
}
