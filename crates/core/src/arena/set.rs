//! The arenas of one sub-process, and the spans that are taken from them or beside them.
#![allow(unsafe_code)]

use core::ptr::null_mut;

use crate::arena::{Arena, Span, id, node};
use crate::config::{
    ARENA_ALIGN, ARENA_COUNT_MAX, ARENA_SIZE_MAX, ARENA_SIZE_MIN, PAGE_SLICES_MAX, RECORD_SIZE,
    SLICE_SIZE,
};
use crate::options::{self, Opt};
use crate::os;
use crate::report;
use crate::stats::Stats;
use crate::sync::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use crate::tools;
use crate::units::{align_down, align_up};

use super::reserve::Wish;

/// The arenas of one sub-process.
///
/// # Invariants
/// Entries of `list` below `count` are live arenas and never change, until all of them end together. `grow`
/// is held to add one.
pub struct Arenas {
    count: AtomicUsize,
    list: [AtomicPtr<Arena>; ARENA_COUNT_MAX],
    /// Some arena is not like any other: it was asked for by the program, or lies on a NUMA node.
    varied: AtomicBool,
    grow: os::Lock,
    pub(super) purging: os::Lock,
    /// The thread that holds `purging`, or 0.
    pub(super) purger: AtomicUsize,
    /// When the next purge is due, in milliseconds of `os::clock_coarse_ms`; 0 when nothing is scheduled.
    pub(super) purge_due: AtomicU64,
    /// What is counted of the sub-process as a whole.
    pub stats: Stats,
}

impl Arenas {
    /// A set without arenas.
    pub(crate) const fn new() -> Self {
        Self {
            count: AtomicUsize::new(0),
            list: [const { AtomicPtr::new(null_mut()) }; ARENA_COUNT_MAX],
            varied: AtomicBool::new(false),
            grow: os::Lock::new(),
            purging: os::Lock::new(),
            purger: AtomicUsize::new(0),
            purge_due: AtomicU64::new(0),
            stats: Stats::new(),
        }
    }

    /// The arenas there are now, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &'static Arena> {
        let count = self.count.load(Ordering::Acquire);
        self.list[..count].iter().filter_map(|slot| {
            // SAFETY: by the invariant of the type the entry is null or a live arena.
            unsafe { slot.load(Ordering::Acquire).as_ref() }
        })
    }

    /// Takes `count` slices at a multiple of `align` bytes: from any arena that is not exclusive, else from a
    /// new arena, else as a mapping of their own. `None` when memory ran out. Rather from an arena on the
    /// given NUMA node than from one on another; without `node`, on the thread's.
    pub fn take(&'static self, count: usize, align: usize, node: Option<usize>) -> Option<Span> {
        if suits_arenas(count, align) {
            loop {
                let seen = self.count.load(Ordering::Acquire);
                if let Some(span) = self.search(count, align, node) {
                    return Some(span);
                }
                if !self.grow(count, align, seen) {
                    break;
                }
            }
        }
        self.take_mapping(count, align)
    }

    /// Takes `count` slices at a multiple of `align` bytes as a mapping of their own. `None` when memory ran out.
    pub fn take_mapping(&self, count: usize, align: usize) -> Option<Span> {
        if options::is_enabled(Opt::DisallowOsAlloc) {
            return None;
        }
        let size = count.checked_mul(SLICE_SIZE)?;
        let start = os::reserve(size, align.max(SLICE_SIZE), true).ok()?;
        self.stats.mmap_calls.bump();
        self.stats.reserved.increase(size);
        self.stats.committed.increase(size);
        Some(Span { start, slices: count, arena: None, index: 0, zero: true })
    }

    /// Gives slices back that were taken from here. Their memory goes back to the system after the purge delay,
    /// or at once when they are a mapping of their own.
    ///
    /// # Safety
    /// The caller has claimed the span and nothing refers to its memory any more.
    pub unsafe fn give(&self, span: Span) {
        if let Some(arena) = span.arena {
            arena.give(span.index, span.slices);
            return;
        }
        let size = span.slices * SLICE_SIZE;
        tools::unlock(span.start.as_ptr(), size);
        // SAFETY: the span is a mapping of its own that nothing refers to.
        if unsafe { os::release(span.start, size) }.is_ok() {
            self.stats.reserved.decrease(size);
            self.stats.committed.decrease(size);
        }
    }

    /// Looks for free slices in the arenas there are: nearer ones first, and of equally near ones those that
    /// the program has reserved, which may have better memory.
    fn search(&self, count: usize, align: usize, node: Option<usize>) -> Option<Span> {
        let open = || self.iter().filter(|arena| !arena.traits().exclusive);
        if !self.varied.load(Ordering::Relaxed) {
            return open().find_map(|arena| arena.take(count, align));
        }
        let here = node.unwrap_or_else(node::of_thread);
        let orders = [(true, false), (true, true), (false, false), (false, true)];
        orders.into_iter().find_map(|(near, on_demand)| {
            let fits = |arena: &&'static Arena| {
                let traits = arena.traits();
                traits.node.is_none_or(|node| node == here) == near && traits.on_demand == on_demand
            };
            open().filter(fits).find_map(|arena| arena.take(count, align))
        })
    }

    /// Adds an arena that can hold `count` slices at `align`, unless others have added one since the caller
    /// counted `seen`. False when that is not wanted or not possible.
    fn grow(&'static self, count: usize, align: usize, seen: usize) -> bool {
        let guard = self.grow.lock();
        if self.count.load(Ordering::Acquire) != seen {
            return true;
        }
        if seen == ARENA_COUNT_MAX {
            return false;
        }
        let Some(least) = least_arena_size(count, align) else { return false };
        let mut size = wanted_arena_size(seen);
        // A block that fills most of an arena would leave it useless for others: it gets its own mapping.
        if size == 0 || least > size / 2 || options::is_enabled(Opt::DisallowOsAlloc) {
            return false;
        }
        loop {
            if let Some(arena) = Wish::on_demand(size).make(self)
                && self.add_locked(arena)
            {
                // Without the lock: a registered output function may allocate.
                drop(guard);
                report::verbose(format_args!("reserved {} KiB memory", arena.size() >> 10));
                return true;
            }
            if size / 2 < least.max(ARENA_SIZE_MIN) {
                return false;
            }
            size /= 2;
        }
    }

    /// Adds a fresh arena, which others can use from then on. False, and the arena is gone, when the set is
    /// full or some of the memory is another arena's.
    pub(super) fn add(&self, arena: &'static Arena) -> bool {
        let _guard = self.grow.lock();
        self.add_locked(arena)
    }

    /// As [`add`](Self::add). The caller holds `grow`.
    fn add_locked(&self, arena: &'static Arena) -> bool {
        let count = self.count.load(Ordering::Relaxed);
        let slot = self.list.get(count).filter(|_| id::give(arena));
        let Some(slot) = slot else {
            // SAFETY: nobody has seen the arena.
            unsafe { arena.release_range() };
            return false;
        };
        arena.count_in();
        let traits = arena.traits();
        if !traits.exclusive && (!traits.on_demand || traits.node.is_some()) {
            self.varied.store(true, Ordering::Relaxed);
        }
        slot.store(core::ptr::from_ref(arena).cast_mut(), Ordering::Release);
        self.count.store(count + 1, Ordering::Release);
        true
    }

    /// Ends all arenas of the set, which is as new then. Memory that belongs to the program is left to it.
    ///
    /// # Safety
    /// Nobody uses an arena of the set or memory of one, now or later, and no thread takes memory from the
    /// set or gives some back meanwhile.
    pub unsafe fn release_all(&self) {
        let _purging = self.purging.lock();
        let _grow = self.grow.lock();
        let count = self.count.swap(0, Ordering::AcqRel);
        for slot in &self.list[..count] {
            // SAFETY: by the invariant of the type the entry is a live arena, and the caller's promise.
            if let Some(arena) = unsafe { slot.swap(null_mut(), Ordering::AcqRel).as_ref() } {
                // SAFETY: the caller's promise; no list leads to the arena any more.
                unsafe { arena.dissolve() };
            }
        }
        self.purge_due.store(0, Ordering::Relaxed);
        self.varied.store(false, Ordering::Relaxed);
    }

    /// Takes the locks, so that no other thread is inside them when the process forks.
    pub fn lock_for_fork(&self) {
        self.purging.acquire();
        self.grow.acquire();
    }

    /// Releases what [`lock_for_fork`](Self::lock_for_fork) took, in the parent and in the child.
    ///
    /// # Safety
    /// The calling thread, or the one it was forked from, holds the locks.
    pub unsafe fn unlock_after_fork(&self) {
        // SAFETY: the caller's promise.
        unsafe {
            self.grow.release();
            self.purging.release();
        }
    }
}

/// Whether slices like these are to come from an arena if possible.
fn suits_arenas(count: usize, align: usize) -> bool {
    if options::is_enabled(Opt::DisallowArenaAlloc) {
        return false;
    }
    // Where nothing else is allowed, arenas serve what they can.
    if options::is_enabled(Opt::DisallowOsAlloc) {
        return true;
    }
    let most = options::get_size(Opt::ArenaMaxObjectSize) / SLICE_SIZE;
    align <= ARENA_ALIGN && count <= most.max(PAGE_SLICES_MAX)
}

/// Bytes of the smallest arena in which `count` slices at `align` are sure to fit.
fn least_arena_size(count: usize, align: usize) -> Option<usize> {
    let payload = count.checked_mul(SLICE_SIZE)?.checked_add(align)?.checked_add(SLICE_SIZE)?;
    // The header takes a little over one record for each slice, its chunks included: two are enough for it.
    let header = payload / SLICE_SIZE * 2 * RECORD_SIZE;
    align_up(payload.checked_add(header)?.checked_add(SLICE_SIZE)?, ARENA_SIZE_MIN)
}

/// Bytes to reserve for the arena number `seen`: more with every eight, and little under a limit.
pub(super) fn wanted_arena_size(seen: usize) -> usize {
    let base = options::get_size(Opt::ArenaReserve);
    if base == 0 {
        return 0;
    }
    let grown = base.saturating_mul(1 << (seen / 8).min(16)).clamp(ARENA_SIZE_MIN, ARENA_SIZE_MAX);
    let allowed = os::address_space_limit()
        .map_or(grown, |limit| grown.min((limit / 16).max(ARENA_SIZE_MIN)));
    align_down(allowed, ARENA_SIZE_MIN)
}

impl Span {
    /// Whether the OS pages of the span can be moved to other addresses, and others take their place: they
    /// are ordinary ones of the engine's.
    pub fn is_movable(&self) -> bool {
        self.arena.is_none_or(|arena| {
            let traits = arena.traits();
            traits.accessible && !traits.external && !traits.pinned
        })
    }
}
