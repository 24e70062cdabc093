//! Arenas as the layers above don't see them: memory that is committed by a function, numbers, ends.
#![allow(unsafe_code)]

extern crate std;

use super::set::wanted_arena_size;
use super::*;
use crate::config::{ARENA_COUNT_MAX, ARENA_SIZE_MIN};
use crate::options::{self, Opt};
use core::ffi::c_void;
use std::boxed::Box;
use std::os::unix::fs::FileExt;
use std::string::String;
use std::sync::{Mutex, OnceLock};
use std::vec::Vec;

/// A set of a test's own, which lives on.
fn set() -> &'static Arenas {
    Box::leak(Box::new(Arenas::new()))
}

fn wish(size: usize, exclusive: bool) -> Wish {
    Wish { size, commit: true, exclusive, ..Wish::default() }
}

/// Memory of a program's, and what a committer was asked to do with it.
struct Program {
    base: NonNull<u8>,
    size: usize,
    calls: Mutex<Vec<(bool, usize, usize)>>,
    /// Commits from this number on are refused.
    refuse_from: AtomicUsize,
    /// What the function says about commits, and about decommits.
    says: (AtomicBool, AtomicBool),
    /// A purge of these runs while a commit is refused.
    purged: OnceLock<&'static Arenas>,
}

// SAFETY: the memory is reached through the arena alone.
unsafe impl Sync for Program {}

impl Program {
    const SIZE: usize = 4 << 20;

    fn new(zero: bool, recommit: bool) -> &'static Self {
        let base = os::reserve(Self::SIZE, SLICE_SIZE, true).expect("address space");
        Box::leak(Box::new(Self {
            base,
            size: Self::SIZE,
            calls: Mutex::default(),
            refuse_from: AtomicUsize::new(usize::MAX),
            says: (AtomicBool::new(zero), AtomicBool::new(recommit)),
            purged: OnceLock::new(),
        }))
    }

    fn arena(&'static self, accessible: bool) -> &'static Arena {
        let arg = core::ptr::from_ref(self).cast_mut().cast();
        let committer = Some(Committer { function: commit, arg });
        let traits = Traits { accessible, exclusive: true, committer, ..Traits::default() };
        // SAFETY: the memory is the test's, and lives on.
        unsafe { set().adopt(self.base, self.size, traits) }.expect("room for more than a header")
    }

    /// Which runs of slices the function was called with since it was last asked.
    fn calls(&self) -> Vec<(bool, usize, usize)> {
        core::mem::take(&mut self.calls.lock().expect("no test panics with it"))
    }
}

unsafe extern "C" fn commit(
    commit: bool,
    start: *mut c_void,
    size: usize,
    zero: *mut bool,
    arg: *mut c_void,
) -> bool {
    os::set_errno(99);
    // SAFETY: the argument is a program, which lives on.
    let program = unsafe { &*arg.cast::<Program>() };
    let index = (start.addr() - program.base.addr().get()) / SLICE_SIZE;
    let mut calls = program.calls.lock().expect("no test panics with it");
    calls.push((commit, index, size / SLICE_SIZE));
    if !commit {
        return program.says.1.load(Ordering::Relaxed);
    }
    // SAFETY: a place for the answer.
    unsafe { zero.write(program.says.0.load(Ordering::Relaxed)) };
    let granted = calls.len() <= program.refuse_from.load(Ordering::Relaxed);
    drop(calls);
    if let (false, Some(arenas)) = (granted, program.purged.get()) {
        arenas.purge(true);
    }
    granted
}

fn states(arena: &Arena, first: usize, count: usize) -> Vec<SliceState> {
    (first..first + count).map(|index| arena.slice_state(index)).collect()
}

#[test]
fn a_committer_commits_every_slice_once_until_it_took_it_back() {
    let program = Program::new(true, true);
    let arena = program.arena(false);
    assert_eq!(program.calls(), [(true, 0, 1)], "the header");
    os::set_errno(7);
    let first = arena.take(2, SLICE_SIZE).expect("room");
    assert!(first.zero && os::errno() == 7);
    assert_eq!(program.calls(), [(true, 1, 2)]);
    let second = arena.take(3, SLICE_SIZE).expect("room");
    assert_eq!(program.calls(), [(true, 3, 3)]);
    // SAFETY: nothing refers to the slices.
    unsafe { arena.owner().give(first) };
    let again = arena.take(1, SLICE_SIZE).expect("room");
    assert!(program.calls().is_empty() && !again.zero, "it is committed and may have been written");
    // SAFETY: as above.
    unsafe {
        arena.owner().give(again);
        arena.owner().give(second);
    }
    arena.owner().purge(true);
    assert_eq!(program.calls(), [(false, 1, 5)]);
    assert_eq!(states(arena, 1, 6), [SliceState::Reserved; 6]);
    assert!(arena.take(6, SLICE_SIZE).expect("room").zero);
    assert_eq!(program.calls(), [(true, 1, 6)]);
}

#[test]
fn what_a_committer_does_not_call_zero_is_not() {
    let program = Program::new(false, true);
    let arena = program.arena(false);
    assert!(!arena.take(1, SLICE_SIZE).expect("room").zero);
}

#[test]
fn memory_that_stays_usable_is_not_committed_again() {
    let program = Program::new(true, false);
    let arena = program.arena(true);
    assert!(program.calls().is_empty(), "all of it is committed");
    let span = arena.take(2, SLICE_SIZE).expect("room");
    // SAFETY: nothing refers to the slices.
    unsafe { arena.owner().give(span) };
    arena.owner().purge(true);
    assert_eq!(program.calls(), [(false, 1, 2)]);
    assert!(!arena.take(2, SLICE_SIZE).expect("room").zero);
    assert!(program.calls().is_empty());
}

#[test]
fn a_refused_commit_leaves_no_bit_behind() {
    let program = Program::new(true, true);
    let arena = program.arena(false);
    program.calls();
    program.refuse_from.store(0, Ordering::Relaxed);
    let free = arena.free.load(Ordering::Relaxed);
    for count in [1, 5, free] {
        assert!(arena.take(count, SLICE_SIZE).is_none());
        assert_eq!(arena.free.load(Ordering::Relaxed), free);
        assert_eq!(states(arena, 1, free), std::vec![SliceState::Reserved; free]);
    }
    program.refuse_from.store(usize::MAX, Ordering::Relaxed);
    let all = arena.take(free, SLICE_SIZE).expect("all of it is free");
    assert!(all.zero);
    assert!(arena.take(1, SLICE_SIZE).is_none());
}

#[test]
fn what_was_committed_before_a_refusal_is_purged_later() {
    let program = Program::new(true, true);
    let arena = program.arena(false);
    let spans = [1, 1, 1].map(|count| arena.take(count, SLICE_SIZE).expect("room"));
    // SAFETY: nothing refers to the slice.
    unsafe { arena.owner().give(spans[1]) };
    // Of slices 4 to 9, the first three are committed.
    let part = arena.take(3, SLICE_SIZE).expect("room");
    assert_eq!(part.index, 4);
    // SAFETY: as above.
    unsafe { arena.owner().give(part) };
    program.calls();
    program.refuse_from.store(0, Ordering::Relaxed);
    assert!(program.purged.set(arena.owner()).is_ok());
    assert!(arena.take(6, SLICE_SIZE).is_none());
    assert_eq!(program.calls(), [(true, 7, 3), (false, 2, 1)], "others are claimed");
    use SliceState::{Reserved, ToBePurged, Used};
    let expected = [Used, Reserved, Used, ToBePurged, ToBePurged, ToBePurged, Reserved];
    assert_eq!(states(arena, 1, 7), expected);
    arena.owner().purge(true);
    assert_eq!(program.calls(), [(false, 4, 3)]);
}

#[test]
fn pinned_memory_is_never_given_back() {
    let program = Program::new(true, true);
    let committer =
        Some(Committer { function: commit, arg: core::ptr::from_ref(program).cast_mut().cast() });
    let traits = Traits { pinned: true, committer, ..Traits::default() };
    // SAFETY: the memory is the test's, and lives on.
    let arena = unsafe { set().adopt(program.base, program.size, traits) }.expect("room");
    let span = arena.take(2, SLICE_SIZE).expect("room");
    assert_eq!(program.calls(), [(true, 0, 1), (true, 1, 2)]);
    // SAFETY: nothing refers to the slices.
    unsafe { arena.owner().give(span) };
    arena.owner().purge(true);
    assert!(program.calls().is_empty());
    assert_eq!(states(arena, 1, 2), [SliceState::Committed; 2]);
}

#[test]
fn numbers_are_unique_over_all_sets_and_never_given_twice() {
    let sets = [set(), set()];
    let mut seen = Vec::new();
    for round in 0..6 {
        let arena = sets[round % 2].reserve(wish(1, false)).expect("address space");
        assert!(arena.id() > 0 && !seen.contains(&arena.id()));
        seen.push(arena.id());
        let found = Arena::with_id(arena.id(), |found| core::ptr::eq(found, arena));
        assert_eq!(found, Some(true));
    }
    for unknown in [0, -1, i32::MIN, i32::MAX] {
        assert_eq!(Arena::with_id(unknown, |_| ()), None);
    }
    // SAFETY: nobody uses the set.
    unsafe { sets[0].release_all() };
    for (round, id) in seen.iter().enumerate() {
        assert_eq!(Arena::with_id(*id, |_| ()).is_some(), round % 2 == 1);
    }
    let again = sets[0].reserve(wish(1, false)).expect("address space");
    assert!(!seen.contains(&again.id()));
}

/// The byte at an address, if anything is mapped there.
fn read(addr: usize) -> Option<u8> {
    let memory = std::fs::File::open("/proc/self/mem").expect("Linux");
    let mut byte = [0];
    memory.read_exact_at(&mut byte, addr as u64).is_ok().then_some(byte[0])
}

#[test]
fn the_end_of_a_set_leaves_nothing_but_memory_of_the_program() {
    let set = set();
    let ours = set.reserve(wish(64 << 20, false)).expect("address space");
    let program = os::reserve(Program::SIZE, SLICE_SIZE, true).expect("address space");
    let traits = Traits { accessible: true, zero: true, ..Traits::default() };
    // SAFETY: the memory is the test's, and lives on.
    let theirs = unsafe { set.adopt(program, Program::SIZE, traits) }.expect("room");
    page_map::init();
    let spans: Vec<_> = [(ours, 3), (ours, 70), (theirs, 2)]
        .into_iter()
        .map(|(arena, count)| {
            let span = arena.take(count, SLICE_SIZE).expect("room");
            assert!(page_map::set(span.start, count, arena.record(span.index)));
            // SAFETY: the slices are the test's.
            unsafe { span.start.write(77) };
            span
        })
        .collect();
    let addr = |span: &Span| span.start.addr().get();
    assert_eq!(page_map::lookup(addr(&spans[0])), Some(ours.record(spans[0].index)));
    // SAFETY: nobody uses the set or its memory.
    unsafe { set.release_all() };
    // Another test may have something there by now.
    assert!(read(addr(&spans[0])) != Some(77) && read(addr(&spans[1])) != Some(77));
    assert_eq!(read(addr(&spans[2])), Some(77));
    for span in spans {
        for slice in 0..span.slices {
            assert_eq!(page_map::lookup(span.start.addr().get() + slice * SLICE_SIZE), None);
        }
    }
    assert_eq!(set.iter().count(), 0);
    // SAFETY: the memory is the test's again.
    unsafe { program.write_bytes(1, Program::SIZE) };
    // SAFETY: as above.
    assert!(unsafe { set.adopt(program, Program::SIZE, traits) }.is_ok(), "it can be used anew");
}

#[test]
fn memory_is_managed_once_at_a_time() {
    let set = set();
    let base = os::reserve(8 << 20, SLICE_SIZE, true).expect("address space");
    let traits = Traits { accessible: true, zero: true, ..Traits::default() };
    let adopt = |offset: usize, size: usize| {
        // SAFETY: the memory is the test's and lives on; overlaps are what is refused.
        unsafe { set.adopt(base.add(offset), size, traits) }
    };
    let arena = adopt(2 << 20, 2 << 20).expect("room");
    assert_eq!(
        (arena.base(), arena.size()),
        (
            // SAFETY: inside the range.
            unsafe { base.add(2 << 20) },
            2 << 20
        )
    );
    for (offset, size) in [(2 << 20, 2 << 20), (1 << 20, 2 << 20), (3 << 20, 4 << 20), (0, 8 << 20)]
    {
        assert_eq!(adopt(offset, size).err(), Some(Unfit::Managed), "{offset} {size}");
    }
    assert!(adopt(0, 2 << 20).is_ok() && adopt(4 << 20, 4 << 20).is_ok());
}

#[test]
fn odd_ranges_are_managed_as_far_as_they_are_whole_slices() {
    let base = os::reserve(4 << 20, SLICE_SIZE, true).expect("address space");
    let traits = Traits { accessible: true, zero: true, ..Traits::default() };
    let adopt = |offset: usize, size: usize| {
        // SAFETY: the memory is the test's and lives on.
        unsafe { set().adopt(base.add(offset), size, traits) }
    };
    let least = (1..).map(|slices| slices * SLICE_SIZE).find(|size| Arena::fits(*size));
    let least = least.expect("some size has room");
    for (offset, size) in [(0, 0), (0, least - 1), (1, least), (4096, least + SLICE_SIZE - 4097)] {
        assert_eq!(adopt(offset, size).err(), Some(Unfit::TooSmall), "{offset} {size}");
    }
    let arena = adopt(1, least + SLICE_SIZE).expect("just enough");
    assert_eq!(arena.base().addr().get(), base.addr().get() + SLICE_SIZE);
    assert_eq!(arena.size(), least);
    assert!(arena.take(1, SLICE_SIZE).is_some() && arena.take(1, SLICE_SIZE).is_none());
}

#[test]
fn ranges_that_cannot_be_are_refused() {
    let traits = Traits { accessible: true, ..Traits::default() };
    let beyond = core::ptr::without_provenance_mut::<u8>(1 << os::address_bits());
    let beyond = NonNull::new(beyond).expect("not null");
    for size in [SLICE_SIZE * 10, usize::MAX, usize::MAX - (1 << os::address_bits()) + 1] {
        // SAFETY: nothing of the range is touched.
        let refused = unsafe { set().adopt(beyond, size, traits) };
        assert_eq!(refused.err(), Some(Unfit::NoSuchAddresses));
    }
}

#[test]
fn every_arena_that_is_made_on_demand_has_room_for_more_than_its_header() {
    for seen in 0..=ARENA_COUNT_MAX {
        let size = wanted_arena_size(seen);
        let (_, _, header) = header_layout(size / SLICE_SIZE).expect("no overflow");
        assert!(size >= ARENA_SIZE_MIN && header <= size / 200, "{header} of {size}");
    }
    for shift in 25..=47 {
        let (_, _, header) = header_layout((1 << shift) / SLICE_SIZE).expect("no overflow");
        assert!(header <= (1 << shift) / 200);
    }
}

#[test]
fn a_set_takes_no_more_arenas_than_it_has_places_for() {
    let set = set();
    let made = (0..ARENA_COUNT_MAX + 20).filter(|_| set.reserve(wish(1, false)).is_ok()).count();
    assert_eq!((made, set.iter().count()), (ARENA_COUNT_MAX, ARENA_COUNT_MAX));
    assert_eq!(set.reserve(wish(1, false)).err(), Some(crate::report::codes::ENOMEM));
    let slices = set.iter().map(|arena| arena.free.load(Ordering::Relaxed)).sum::<usize>();
    let taken = (0..slices + 5).filter_map(|_| set.take(1, SLICE_SIZE, None)).collect::<Vec<_>>();
    assert_eq!(taken.len(), slices + 5, "what does not fit is a mapping of its own");
    assert_eq!(taken.iter().filter(|span| span.arena.is_none()).count(), 5);
    // SAFETY: nobody uses the spans or the set.
    unsafe {
        taken.into_iter().filter(|span| span.arena.is_none()).for_each(|span| set.give(span));
        set.release_all();
    }
}

#[test]
fn memory_that_the_program_reserved_is_used_before_that_of_the_system() {
    let set = set();
    let on_demand = set.take(1, SLICE_SIZE, None).and_then(|span| span.arena).expect("an arena");
    assert!(on_demand.traits().on_demand);
    let reserved = set.reserve(wish(ARENA_SIZE_MIN, false)).expect("address space");
    let exclusive = set.reserve(wish(ARENA_SIZE_MIN, true)).expect("address space");
    let free = reserved.free.load(Ordering::Relaxed);
    for round in 0..free + 10 {
        let arena = set.take(1, SLICE_SIZE, None).and_then(|span| span.arena).expect("room");
        let expected = if round < free { reserved } else { on_demand };
        assert!(core::ptr::eq(arena, expected), "{round}");
    }
    assert!(exclusive.take(1, SLICE_SIZE).is_some());
}

#[test]
fn nearer_memory_is_used_first() {
    let set = set();
    let on_node = |node| {
        let wish = Wish { node: Some(node), ..wish(ARENA_SIZE_MIN, false) };
        set.reserve(wish).expect("address space")
    };
    let arenas = [on_node(5), on_node(6)];
    let free = arenas.map(|arena| arena.free.load(Ordering::Relaxed));
    let taken_near = |node, count| {
        let taken = (0..count).map(|_| set.take(1, SLICE_SIZE, Some(node)));
        let taken: Vec<_> = taken.map(|span| span.and_then(|span| span.arena)).collect();
        let from = |arena: &Arena| {
            taken.iter().filter(|taken| taken.is_some_and(|it| core::ptr::eq(it, arena))).count()
        };
        [from(arenas[0]), from(arenas[1])]
    };
    assert_eq!(taken_near(6, 100), [0, 100]);
    assert_eq!(taken_near(5, 100), [100, 0]);
    assert_eq!(
        taken_near(6, free[1] + 20 - 100),
        [20, free[1] - 100],
        "what is far is better than none"
    );
}

#[test]
fn nodes_are_named_within_their_number() {
    let count = node::count();
    assert_eq!(node::named(-1), None);
    assert_eq!(node::named(i32::MIN), None);
    assert_eq!(node::named(0), Some(0));
    assert!(node::named(i32::MAX).is_some_and(|node| node < count));
    assert!(node::of_thread() < count);
    assert_eq!(options::get(Opt::UseNumaNodes), 0);
}

#[test]
fn a_forced_purge_is_not_outrun_by_a_pass_that_runs_already() {
    let arena = set().reserve(wish(ARENA_SIZE_MIN, true)).expect("address space");
    let done = AtomicBool::new(false);
    let complaints = Mutex::new(String::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                arena.owner().purge(false);
            }
        });
        for _ in 0..3000 {
            let span = arena.take(7, SLICE_SIZE).expect("room");
            // SAFETY: nothing refers to the slices.
            unsafe { arena.owner().give(span) };
            arena.owner().purge(true);
            let after = states(arena, span.index, 7);
            if after != [SliceState::Reserved; 7] {
                *complaints.lock().expect("no panic") = std::format!("{after:?}");
                break;
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    let complaints = complaints.into_inner().expect("no panic");
    assert!(complaints.is_empty(), "{complaints}");
}

#[test]
fn whoever_keeps_others_from_purging_does_not_wait_for_itself() {
    let arenas = set();
    let twice = arenas.without_purges(|alone| {
        arenas.purge(true);
        (alone, arenas.without_purges(|alone| alone))
    });
    assert_eq!(twice, (true, true));
    let other = || arenas.without_purges(|alone| alone);
    let refused = arenas.without_purges(|_| {
        std::thread::scope(|scope| scope.spawn(other).join().expect("no panic"))
    });
    assert!(!refused, "it does not wait for ever");
    arenas.purge(true);
    assert_eq!(arenas.purger.load(Ordering::Relaxed), 0);
}
