//! How arenas come about: on demand, on request, out of memory of the program's, and of huge OS pages.
#![allow(unsafe_code)]

use core::fmt;
use core::ptr::NonNull;

use crate::arena::{Arena, Arenas, Traits, id, node};
use crate::config::{ARENA_ALIGN, ARENA_SIZE_MIN, SLICE_SIZE};
use crate::margins;
use crate::options::{self, Opt};
use crate::os::{self, LargePage};
use crate::ptr;
use crate::report::{self, codes};
use crate::stats::Counter;
use crate::units::{align_down, align_up};

/// What the memory of a new arena shall be like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish {
    /// Bytes, rounded up to slices and to the size of the smallest arena.
    pub size: usize,
    /// All of it is accessible, and charged where the system keeps accounts; if not, memory is committed
    /// when it is taken.
    pub commit: bool,
    /// In large OS pages (2 MiB), if the option `allow_large_os_pages` allows them too and the system has
    /// them. Such memory is always committed, and pinned.
    pub large: bool,
    /// Only heaps bound to the arena may allocate from it.
    pub exclusive: bool,
    pub(crate) on_demand: bool,
    pub(crate) node: Option<usize>,
}

impl Wish {
    /// What an arena is like that the engine makes because it has no room.
    pub(super) fn on_demand(size: usize) -> Self {
        let commit = match options::get(Opt::ArenaEagerCommit) {
            0 => false,
            1 => true,
            _ => os::overcommits(),
        };
        let is_local = options::is_enabled(Opt::ArenaIsNumaLocal);
        let node = is_local.then(node::of_thread);
        Self { size, commit, large: true, exclusive: false, on_demand: true, node }
    }

    /// Reserves memory and makes an arena of it that nobody knows yet.
    pub(super) fn make(self, owner: &'static Arenas) -> Option<&'static Arena> {
        let size = align_up(self.size.max(ARENA_SIZE_MIN), SLICE_SIZE)?;
        let wants_large = self.large && options::is_enabled(Opt::AllowLargeOsPages);
        let large = if wants_large { reserve_large(size) } else { None };
        let (base, size, pinned) = match large {
            Some((base, size)) => (base, size, true),
            None => (margins::reserve(size, ARENA_ALIGN, self.commit).ok()?, size, false),
        };
        owner.stats.mmap_calls.bump();
        let traits = Traits {
            accessible: pinned || self.commit,
            pinned,
            zero: true,
            exclusive: self.exclusive,
            on_demand: self.on_demand,
            node: self.node,
            ..Traits::default()
        };
        // SAFETY: the range was just reserved, and stays so until its owner ends it.
        let arena = unsafe { Arena::create(base, size, traits, owner) };
        if arena.is_none() {
            // SAFETY: nothing refers to the range.
            unsafe { release_range(base, size, pinned) };
        }
        arena
    }
}

/// Gives back the range of an arena that the engine has reserved, of huge or large OS pages if it is pinned.
///
/// # Safety
/// Nobody uses the arena or memory of it, now or later.
pub(super) unsafe fn release_range(base: NonNull<u8>, size: usize, pinned: bool) {
    // SAFETY: the caller's promise.
    let _ = unsafe {
        if pinned { os::release(base, size) } else { margins::release(base, size, ARENA_ALIGN) }
    };
}

/// Reserves at least `size` bytes in large OS pages.
fn reserve_large(size: usize) -> Option<(NonNull<u8>, usize)> {
    let whole = align_up(size, LargePage::Large.size())?;
    os::reserve_large(None, whole, LargePage::Large).ok().map(|base| (base, whole))
}

/// What came of an attempt to reserve huge OS pages.
#[derive(Clone, Copy)]
pub struct Huge {
    /// How many pages were reserved. They stay reserved even when it is fewer than were asked for.
    pub pages: usize,
    /// The arena they are in, unless they are spread over several.
    pub arena: Option<&'static Arena>,
    /// 0 when all pages were reserved, else why not: [`codes::ENOMEM`] or [`codes::ETIMEDOUT`].
    pub error: i32,
}

impl Huge {
    const fn refused(error: i32) -> Self {
        Self { pages: 0, arena: None, error }
    }
}

/// Why a range of the program's cannot become an arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It wraps around, or lies where the system has no memory.
    NoSuchAddresses,
    /// Another arena has some of it.
    Managed,
    /// Its whole slices hold no more than an arena's header.
    TooSmall,
    /// Its first part cannot be committed.
    NotCommitted,
    /// There is no place for another arena.
    TooMany,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSuchAddresses => "there are no such addresses",
            Self::Managed => "some of it is managed already",
            Self::TooSmall => "it is too small",
            Self::NotCommitted => "it cannot be committed",
            Self::TooMany => "there are too many arenas",
        })
    }
}

impl Arenas {
    /// Reserves memory as a new arena. A size of 0, and memory or place in the set that runs out, is
    /// [`codes::ENOMEM`].
    pub fn reserve(&'static self, wish: Wish) -> Result<&'static Arena, i32> {
        let arena = if wish.size == 0 { None } else { wish.make(self) };
        match arena {
            Some(arena) if self.add(arena) => {
                report::verbose(format_args!("reserved {} KiB memory", arena.size() >> 10));
                Ok(arena)
            }
            _ => Err(codes::ENOMEM),
        }
    }

    /// Makes a range of the program's an arena, as far as it consists of whole slices. When it cannot be one,
    /// there is a warning too. `traits.external` is taken for true.
    ///
    /// # Safety
    /// `[base, base + size)` is mapped memory that nobody else uses, with the given traits, for as long as
    /// the set is used; its committer can be called by any thread.
    pub unsafe fn adopt(
        &'static self,
        base: NonNull<u8>,
        size: usize,
        traits: Traits,
    ) -> Result<&'static Arena, Unfit> {
        let addr = base.addr().get();
        let traits = Traits { external: true, on_demand: false, ..traits };
        // SAFETY: the caller's promise.
        unsafe { self.make_of(base, size, traits) }.inspect_err(|why| {
            report::warning(format_args!(
                "the memory at {addr:#x} of {} KiB cannot be managed: {why}",
                size >> 10
            ));
        })
    }

    /// # Safety
    /// As for [`adopt`](Self::adopt).
    unsafe fn make_of(
        &'static self,
        base: NonNull<u8>,
        size: usize,
        traits: Traits,
    ) -> Result<&'static Arena, Unfit> {
        let addr = base.addr().get();
        let end = addr.checked_add(size).filter(|end| *end >> os::address_bits() == 0);
        let end = end.ok_or(Unfit::NoSuchAddresses)?;
        if !id::is_free(addr, end) {
            return Err(Unfit::Managed);
        }
        let skipped = addr.wrapping_neg() & (SLICE_SIZE - 1);
        let usable = align_down(size.saturating_sub(skipped), SLICE_SIZE);
        if !Arena::fits(usable) {
            return Err(Unfit::TooSmall);
        }
        // SAFETY: the sum is inside the range, which is larger.
        let first = unsafe { ptr::offset(base, skipped) };
        // SAFETY: the caller's promise.
        let arena = unsafe { Arena::create(first, usable, traits, self) };
        let arena = arena.ok_or(Unfit::NotCommitted)?;
        if self.add(arena) { Ok(arena) } else { Err(Unfit::TooMany) }
    }

    /// Reserves `pages` huge OS pages (1 GiB), rather on the given NUMA node, as one arena. It stops when
    /// `timeout_ms` have passed (0 is no limit), or earlier when it is to be expected that all of it takes
    /// more than one and a half times as long. A page for which the system has no huge OS page is made of
    /// large ones. What was reserved until then stays reserved.
    pub fn reserve_huge(
        &'static self,
        pages: usize,
        node: Option<usize>,
        timeout_ms: u64,
        exclusive: bool,
    ) -> Huge {
        if pages == 0 {
            return Huge::refused(0);
        }
        let node = node.map(|node| node % node::count());
        let size = pages.checked_mul(HUGE_SIZE);
        let range = size.and_then(|size| os::reserve(size, HUGE_SIZE, false).ok());
        let (got, error) = match range {
            Some(base) => fill_with_huge(base, pages, node, timeout_ms, &self.stats.mmap_calls),
            None => (0, codes::ENOMEM),
        };
        if error != 0 {
            let why = if error == codes::ETIMEDOUT { "time is up" } else { "there are no more" };
            report::warning(format_args!("reserved {got} of {pages} huge OS pages (1 GiB): {why}"));
        }
        let Some(base) = range.filter(|_| got != 0) else { return Huge::refused(error) };
        let traits = Traits {
            accessible: true,
            pinned: true,
            zero: true,
            exclusive,
            node,
            ..Traits::default()
        };
        // SAFETY: the range was just reserved and stays so until its owner ends it. It has room.
        let arena = unsafe { Arena::create(base, got * HUGE_SIZE, traits, self) };
        match arena.filter(|arena| self.add(arena)) {
            Some(arena) => {
                report::verbose(format_args!("reserved {got} huge OS pages (1 GiB)"));
                Huge { pages: got, arena: Some(arena), error }
            }
            None => Huge::refused(codes::ENOMEM),
        }
    }

    /// Reserves `pages` huge OS pages (1 GiB) evenly spread over `nodes` NUMA nodes, 0 for all there are. Of
    /// `timeout_ms` each node has its share and 50 ms more. Stops at the first node that has too few.
    pub fn reserve_huge_interleaved(
        &'static self,
        pages: usize,
        nodes: usize,
        timeout_ms: u64,
    ) -> Huge {
        let nodes = if nodes == 0 { node::count() } else { nodes };
        let share = (timeout_ms / nodes as u64).saturating_add(50);
        let limit = if timeout_ms == 0 { 0 } else { share };
        let mut sum = Huge::refused(0);
        for node in 0..nodes.min(pages) {
            let share = pages / nodes + usize::from(node < pages % nodes);
            let got = self.reserve_huge(share, Some(node), limit, false);
            sum = Huge { pages: sum.pages + got.pages, ..got };
            if sum.error != 0 {
                break;
            }
        }
        sum
    }
}

const HUGE_SIZE: usize = LargePage::Huge.size();

/// Puts huge OS pages in place of a reserved range, one after the other, and counts the calls: how many, and
/// why no more. The rest of the range is released.
fn fill_with_huge(
    base: NonNull<u8>,
    pages: usize,
    node: Option<usize>,
    timeout_ms: u64,
    calls: &Counter,
) -> (usize, i32) {
    let start = os::clock_ms();
    let (mut done, mut of_large, mut error) = (0, 0, 0);
    let mut rest = base;
    while done < pages && error == 0 {
        let at = rest;
        // SAFETY: the page is inside the range, whose rest is reserved and which nobody knows.
        let hole = unsafe {
            rest = ptr::offset(at, HUGE_SIZE);
            os::release(at, HUGE_SIZE)
        };
        let Some(kind) = hole.ok().and_then(|()| place_huge(at)) else {
            // The place of the page is not the engine's any more.
            error = codes::ENOMEM;
            break;
        };
        if let Some(node) = node {
            // Where there is no such node memory comes from another one.
            // SAFETY: just reserved.
            let _ = unsafe { os::prefer_node(at, HUGE_SIZE, node) };
        }
        calls.bump();
        done += 1;
        of_large += usize::from(kind == LargePage::Large);
        if done < pages && is_late(os::clock_ms() - start, done, pages, timeout_ms) {
            error = codes::ETIMEDOUT;
        }
    }
    if of_large != 0 {
        let what = "of the huge OS pages (1 GiB) are made of large ones (2 MiB)";
        report::warning(format_args!("{of_large} {what}"));
    }
    let end = base.as_ptr().wrapping_add(pages * HUGE_SIZE);
    let left = end.addr() - rest.addr().get();
    if left != 0 {
        // SAFETY: the rest of the range is reserved and nobody knows it.
        let _ = unsafe { os::release(rest, left) };
    }
    (done, error)
}

/// Reserves a huge OS page at an address where nothing is, or as many large ones.
fn place_huge(at: NonNull<u8>) -> Option<LargePage> {
    [LargePage::Huge, LargePage::Large]
        .into_iter()
        .find(|&kind| os::reserve_large(Some(at), HUGE_SIZE, kind).is_ok())
}

/// Whether a limit has passed, or is going to be by more than half of it, when `done` of `pages` pages took
/// `spent_ms`.
fn is_late(spent_ms: u64, done: usize, pages: usize, limit_ms: u64) -> bool {
    let expected = u128::from(spent_ms) * pages as u128 / done as u128;
    limit_ms != 0 && (spent_ms >= limit_ms || expected > u128::from(limit_ms) * 3 / 2)
}

/// Most huge OS pages that the environment can ask for.
const OPTION_PAGES_MAX: i64 = 128 << 10;

/// Reserves what the options ask for at the start of the process.
pub fn reserve_by_options(arenas: &'static Arenas) {
    let pages = options::get_clamp(Opt::ReserveHugeOsPages, 0, OPTION_PAGES_MAX).unsigned_abs();
    if let (Ok(count @ 1..), limit) = (usize::try_from(pages), pages * 500) {
        match usize::try_from(options::get(Opt::ReserveHugeOsPagesAt)) {
            Ok(node) => arenas.reserve_huge(count, Some(node), limit, false),
            Err(_) => arenas.reserve_huge_interleaved(count, 0, limit),
        };
    }
    let size = options::get_size(Opt::ReserveOsMemory);
    if size != 0 {
        let wish = Wish { size, commit: true, large: true, ..Wish::default() };
        if arenas.reserve(wish).is_err() {
            report::warning(format_args!("unable to reserve {} KiB memory", size >> 10));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_counts_what_is_to_be_expected() {
        assert!(!is_late(0, 1, 100, 10));
        assert!(!is_late(1000, 1, 2, 0), "0 is no limit");
        assert!(is_late(10, 9, 10, 10), "the limit has passed");
        assert!(!is_late(3, 1, 5, 10), "15 of 10 ms");
        assert!(is_late(4, 1, 4, 10), "16 of 10 ms");
        assert!(!is_late(u64::MAX / 2, 1, 2, u64::MAX));
        assert!(is_late(u64::MAX - 1, 1, usize::MAX, u64::MAX));
    }
}
