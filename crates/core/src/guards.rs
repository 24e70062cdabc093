//! Records of guarded blocks: where each is, and what is known of its allocation and its end.
//!
//! A guarded block lies alone in OS pages of its own, between some that nobody can touch. There are few of them, and
//! what is known of one stays known for a while after it was freed, so the records have a table of their own. It is
//! made when the first block is guarded, never moves and never ends: a handler of faults may look at it at any time.
//!
//! # Invariants
//! G1: links and spans of records are touched under the lock of the table only. G2: a record that is not free is
//! whole: its words are written before its state says what they describe.
#![allow(unsafe_code)]

use core::cell::Cell;
use core::ptr::{NonNull, null, null_mut};

use crate::arena::Span;
use crate::config::SLICE_SIZE;
use crate::os;
use crate::sync::plain::{AtomicPtr, AtomicUsize, Ordering};
use crate::trace::Trace;
use crate::units::align_up;

/// Most blocks that are guarded or held back at one time. Where the system has no marks for fences, each splits the
/// mappings of the process by two, of which it may have some 65 000.
pub const RECORDS_MAX: usize = 16 << 10;

/// Most freed blocks that are held back, and the bytes that they cover at most.
const HELD_MAX: usize = 1024;
const HELD_BYTES_MAX: usize = 256 << 20;

/// Freed blocks that are held back before one of them makes room for another, where one of so many is guarded, or fewer:
/// each stands for many that were freed, and slices that were used before take the system less time.
const HELD_OF_SAMPLE: usize = 64;
const SAMPLE_RATE_MIN: usize = 1000;

/// How many allocations there are to a guarded one, and where it starts; which sizes are guarded, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Choice {
    /// One of how many, and a seed. `None` leaves it to the heap, and that to the options.
    pub rate: Option<(usize, usize)>,
    /// Smallest and largest size.
    pub bounds: Option<(usize, usize)>,
}

impl Choice {
    /// What is chosen here, else what is chosen there.
    pub fn or(self, other: Self) -> Self {
        Self { rate: self.rate.or(other.rate), bounds: self.bounds.or(other.bounds) }
    }
}

/// A choice that any thread makes and others read.
#[derive(Default)]
pub struct SharedChoice {
    /// Which parts of it were made, as bits.
    made: AtomicUsize,
    words: [AtomicUsize; 4],
}

impl SharedChoice {
    const RATE: usize = 1;
    const BOUNDS: usize = 2;

    /// Nothing is chosen.
    pub const fn new() -> Self {
        Self { made: AtomicUsize::new(0), words: [const { AtomicUsize::new(0) }; 4] }
    }

    /// Adds what is chosen.
    pub fn set(&self, choice: Choice) {
        let [rate, seed, min, max] = &self.words;
        if let Some(chosen) = choice.rate {
            rate.store(chosen.0, Ordering::Relaxed);
            seed.store(chosen.1, Ordering::Relaxed);
            self.made.fetch_or(Self::RATE, Ordering::Release);
        }
        if let Some(chosen) = choice.bounds {
            min.store(chosen.0, Ordering::Relaxed);
            max.store(chosen.1, Ordering::Relaxed);
            self.made.fetch_or(Self::BOUNDS, Ordering::Release);
        }
    }

    /// What is chosen.
    pub fn get(&self) -> Choice {
        let made = self.made.load(Ordering::Acquire);
        let pair = |bit, first: usize| {
            let word = |index: usize| self.words[index].load(Ordering::Relaxed);
            (made & bit != 0).then(|| (word(first), word(first + 1)))
        };
        Choice { rate: pair(Self::RATE, 0), bounds: pair(Self::BOUNDS, 2) }
    }
}

/// What a record describes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Nothing.
    Free,
    /// A block that the program has.
    Live,
    /// A block that was freed. Nobody can touch its memory until others have been freed.
    Freed,
}

/// What is known of a guarded block.
pub struct Record {
    state: AtomicUsize,
    block: AtomicUsize,
    size: AtomicUsize,
    /// The slices around the block.
    start: AtomicUsize,
    end: AtomicUsize,
    heap: AtomicUsize,
    /// Who allocated it.
    pub allocated: Trace,
    /// Who freed it.
    pub freed: Trace,
    /// The next record of the list that this one is on (G1).
    next: Cell<*const Self>,
    /// What is held back, and whose memory that is (G1).
    held: Cell<Option<(Span, *const ())>>,
}

/// The table, its free records, and those of freed blocks in the order in which they were freed.
struct Table {
    lock: os::Lock,
    records: AtomicPtr<Record>,
    made: AtomicUsize,
    free: Cell<*const Record>,
    first: Cell<*const Record>,
    last: Cell<*const Record>,
    count: Cell<usize>,
    bytes: Cell<usize>,
}

// SAFETY: the cells are touched under the lock only (G1).
unsafe impl Sync for Table {}

static TABLE: Table = Table {
    lock: os::Lock::new(),
    records: AtomicPtr::new(null_mut()),
    made: AtomicUsize::new(0),
    free: Cell::new(null()),
    first: Cell::new(null()),
    last: Cell::new(null()),
    count: Cell::new(0),
    bytes: Cell::new(0),
};

/// A freed block whose memory is the caller's to give back.
pub struct Held {
    /// The slices.
    pub span: Span,
    /// Whose they are: what [`Record::hold`] was told.
    pub owner: *const (),
}

impl Record {
    /// A record that nobody else has. `None` when there are too many, or memory ran out.
    pub fn take() -> Option<&'static Self> {
        let _guard = TABLE.lock.lock();
        // SAFETY: the list holds records of the table.
        if let Some(free) = unsafe { TABLE.free.get().as_ref() } {
            TABLE.free.set(free.next.get());
            return Some(free);
        }
        let made = TABLE.made.load(Ordering::Relaxed);
        if made == RECORDS_MAX {
            return None;
        }
        if TABLE.records.load(Ordering::Relaxed).is_null() {
            let size = align_up(RECORDS_MAX * size_of::<Self>(), os::page_size())?;
            let table = os::reserve(size, os::page_size(), true).ok()?;
            TABLE.records.store(table.cast().as_ptr(), Ordering::Release);
        }
        TABLE.made.store(made + 1, Ordering::Release);
        all().get(made)
    }

    /// Gives a record back that describes nothing any more.
    pub fn give(&'static self) {
        let _guard = TABLE.lock.lock();
        self.give_locked();
    }

    fn give_locked(&'static self) {
        self.state.store(State::Free as usize, Ordering::Release);
        self.next.set(TABLE.free.replace(self));
    }

    /// Says in which slices the block will be.
    pub fn set_span(&self, span: &Span) {
        let start = span.start.addr().get();
        self.start.store(start, Ordering::Relaxed);
        self.end.store(start + span.slices * SLICE_SIZE, Ordering::Relaxed);
    }

    /// The first byte of the slices.
    pub fn start(&self) -> usize {
        self.start.load(Ordering::Relaxed)
    }

    /// Describes a block of `size` bytes that is about to be the program's.
    pub fn describe(&self, block: NonNull<u8>, size: usize, heap: usize) {
        self.block.store(block.addr().get(), Ordering::Relaxed);
        self.size.store(size, Ordering::Relaxed);
        self.heap.store(heap, Ordering::Relaxed);
        self.freed.clear();
        self.allocated.take();
        self.state.store(State::Live as usize, Ordering::Release);
    }

    /// Notes that the block is freed, and whether it was live: of threads that free it at the same time, one has done
    /// so.
    pub fn end(&self) -> bool {
        let (live, freed) = (State::Live as usize, State::Freed as usize);
        let was_live =
            self.state.compare_exchange(live, freed, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if was_live {
            self.freed.take();
        }
        was_live
    }

    /// Holds the slices of a freed block back, which are `owner`'s. The block that was held back longest, if there are
    /// too many now, is the caller's to give back.
    #[must_use = "it is to be given back"]
    pub fn hold(&'static self, span: Span, owner: *const ()) -> Option<Held> {
        let _guard = TABLE.lock.lock();
        self.held.set(Some((span, owner)));
        self.next.set(null());
        // SAFETY: the list holds records of the table.
        match unsafe { TABLE.last.replace(self).as_ref() } {
            Some(last) => last.next.set(self),
            None => TABLE.first.set(self),
        }
        TABLE.count.set(TABLE.count.get() + 1);
        TABLE.bytes.set(TABLE.bytes.get() + self.covered());
        let has_room = TABLE.count.get() <= HELD_MAX && TABLE.bytes.get() <= HELD_BYTES_MAX;
        (!has_room).then(release_first)?
    }

    fn covered(&self) -> usize {
        self.end.load(Ordering::Relaxed) - self.start.load(Ordering::Relaxed)
    }

    /// What the record describes.
    pub fn state(&self) -> State {
        match self.state.load(Ordering::Acquire) {
            live if live == State::Live as usize => State::Live,
            freed if freed == State::Freed as usize => State::Freed,
            _ => State::Free,
        }
    }

    /// The block as the program knows it.
    pub fn block(&self) -> usize {
        self.block.load(Ordering::Relaxed)
    }

    /// Notes that the program knows the block by an address inside it, before it knows it at all.
    pub fn set_block(&self, block: *mut u8) {
        self.block.store(block.addr(), Ordering::Relaxed);
    }

    /// What the program asked for, in bytes.
    pub fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    /// What the block's heap is called in print.
    pub fn heap(&self) -> usize {
        self.heap.load(Ordering::Relaxed)
    }
}

/// All records that were made so far.
fn all() -> &'static [Record] {
    let made = TABLE.made.load(Ordering::Acquire);
    let records = TABLE.records.load(Ordering::Acquire);
    if records.is_null() {
        return &[];
    }
    // SAFETY: the table is stored before the first record is counted; zeros are a free record.
    unsafe { core::slice::from_raw_parts(records, made) }
}

/// The record of the guarded block in whose slices `addr` lies. Takes no lock: for handlers of faults too.
pub fn find(addr: usize) -> Option<&'static Record> {
    all().iter().find(|record| {
        let around = record.start.load(Ordering::Relaxed)..record.end.load(Ordering::Relaxed);
        record.state() != State::Free && around.contains(&addr)
    })
}

/// Takes the block that was held back longest, so that others can be guarded.
pub fn release_oldest() -> Option<Held> {
    let _guard = TABLE.lock.lock();
    release_first()
}

/// Whether one guarded block of `rate` is a sample: few, in a program that is to be as fast as ever.
pub fn is_sample(rate: usize) -> bool {
    rate >= SAMPLE_RATE_MIN
}

/// Takes the block that was held back longest, where one of `rate` is guarded, if so many are held back that it may make
/// room for another.
pub fn release_spare(rate: usize) -> Option<Held> {
    let _guard = TABLE.lock.lock();
    let least = if is_sample(rate) { HELD_OF_SAMPLE } else { HELD_MAX };
    if TABLE.count.get() < least { None } else { release_first() }
}

/// Takes a block that is held back and is `owner`'s.
pub fn release_of(owner: *const ()) -> Option<Held> {
    let _guard = TABLE.lock.lock();
    let (mut before, mut at) = (None::<&Record>, TABLE.first.get());
    // SAFETY: the list holds records of the table.
    while let Some(record) = unsafe { at.as_ref() } {
        if record.held.get().is_some_and(|(_, whose)| whose == owner) {
            return release(before, record);
        }
        at = record.next.get();
        before = Some(record);
    }
    None
}

/// Takes the first held block. The caller holds the lock.
fn release_first() -> Option<Held> {
    // SAFETY: the list holds records of the table.
    release(None, unsafe { TABLE.first.get().as_ref() }?)
}

/// Takes a held block off its list, where `before` stands before it. The caller holds the lock.
fn release(before: Option<&Record>, record: &'static Record) -> Option<Held> {
    match before {
        Some(before) => before.next.set(record.next.get()),
        None => TABLE.first.set(record.next.get()),
    }
    if record.next.get().is_null() {
        TABLE.last.set(before.map_or(null(), core::ptr::from_ref));
    }
    TABLE.count.set(TABLE.count.get() - 1);
    TABLE.bytes.set(TABLE.bytes.get() - record.covered());
    record.give_locked();
    record.held.take().map(|(span, owner)| Held { span, owner })
}

/// Takes the lock, so that no other thread is inside it when the process forks.
pub(crate) fn lock_for_fork() {
    TABLE.lock.acquire();
}

/// Releases what [`lock_for_fork`] took.
///
/// # Safety
/// The calling thread, or the one it was forked from, holds the lock.
pub(crate) unsafe fn unlock_after_fork() {
    // SAFETY: the caller's promise.
    unsafe { TABLE.lock.release() };
}

// SAFETY: cells are touched under the lock only (G1).
unsafe impl Sync for Record {}

#[cfg(all(test, not(loom)))]
mod tests {
    extern crate std;
    use super::*;
    use std::sync::{Mutex, MutexGuard, PoisonError};
    use std::vec::Vec;

    static TURN: Mutex<()> = Mutex::new(());

    /// The table is one per process, and empty before and after each test.
    fn turn() -> MutexGuard<'static, ()> {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!((TABLE.count.get(), TABLE.bytes.get()), (0, 0));
        turn
    }

    /// Slices that are nobody's: they are never touched.
    fn span(number: usize, slices: usize) -> Span {
        let addr = (0x10_0000 + number) * SLICE_SIZE;
        let start = NonNull::without_provenance(addr.try_into().expect("not 0"));
        Span { start, slices, arena: None, index: number, zero: false }
    }

    /// The sub-process with this number, which is never looked at.
    fn owner(number: usize) -> *const () {
        core::ptr::without_provenance(number)
    }

    /// A block that was freed, and what holding it back gives.
    fn hold(number: usize, slices: usize, whose: usize) -> Option<Held> {
        let record = Record::take().expect("few are taken");
        let span = span(number, slices);
        record.set_span(&span);
        record.describe(span.start, 100, 0);
        assert!(record.end());
        record.hold(span, owner(whose))
    }

    fn number(held: Option<Held>) -> Option<usize> {
        held.map(|held| held.span.index)
    }

    #[test]
    fn a_record_tells_of_its_block_until_it_is_released() {
        let _turn = turn();
        let record = Record::take().expect("few are taken");
        let span = span(1, 2);
        let (start, end) = (span.start.addr().get(), span.start.addr().get() + 2 * SLICE_SIZE);
        record.set_span(&span);
        assert!(find(start).is_none(), "nothing is described yet");
        record.describe(span.start, 100, 7);
        let known = |addr| find(addr).is_some_and(|found| core::ptr::eq(found, record));
        assert_eq!([start - 1, start, end - 1, end].map(known), [false, true, true, false]);
        assert_eq!((record.state(), record.block(), record.size()), (State::Live, start, 100));
        assert_eq!((record.heap(), record.freed.thread()), (7, None));
        assert!(record.end() && !record.end(), "a block is freed once");
        assert!(record.state() == State::Freed && record.freed.thread().is_some());
        assert!(record.hold(span, owner(1)).is_none() && known(start));
        assert_eq!(number(release_oldest()), Some(1));
        assert!(record.state() == State::Free && !known(start));
    }

    #[test]
    fn one_of_several_threads_ends_a_block() {
        let _turn = turn();
        for _ in 0..100 {
            let record = Record::take().expect("few are taken");
            record.describe(span(1, 1).start, 100, 0);
            let ended: usize = std::thread::scope(|scope| {
                let threads: Vec<_> =
                    (0..3).map(|_| scope.spawn(|| usize::from(record.end()))).collect();
                threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
            });
            assert_eq!(ended, 1);
            record.give();
        }
    }

    #[test]
    fn what_is_held_back_is_bounded_and_leaves_in_order() {
        let _turn = turn();
        for index in 0..HELD_MAX {
            assert!(hold(index, 1, 1).is_none());
        }
        assert_eq!(number(hold(HELD_MAX, 1, 1)), Some(0));
        let half = HELD_BYTES_MAX / SLICE_SIZE / 2;
        assert_eq!(number(hold(2000, half, 1)), Some(1), "too many");
        assert_eq!(number(hold(3000, half, 1)), Some(2), "too many bytes as well");
        for index in 3..=HELD_MAX {
            assert_eq!(number(release_oldest()), Some(index));
        }
        assert_eq!([number(release_oldest()), number(release_oldest())], [Some(2000), Some(3000)]);
        assert!(release_oldest().is_none());
    }

    #[test]
    fn each_owner_has_its_own_back() {
        let _turn = turn();
        for index in 0..9 {
            assert!(hold(index, 1, index % 3).is_none());
        }
        for index in [2, 5, 8] {
            let held = release_of(owner(2)).expect("three are the owner's");
            assert_eq!((held.span.index, held.owner), (index, owner(2)));
        }
        assert!(release_of(owner(2)).is_none());
        assert!(hold(9, 1, 2).is_none(), "the end of the list is known");
        for index in [0, 1, 3, 4, 6, 7, 9] {
            assert_eq!(number(release_oldest()), Some(index));
        }
    }

    #[test]
    fn a_block_is_spared_when_enough_are_held_back() {
        let _turn = turn();
        for index in 0..HELD_OF_SAMPLE - 1 {
            assert!(hold(index, 1, 1).is_none());
        }
        assert!(release_spare(10_000).is_none(), "too few");
        assert!(hold(5000, 1, 1).is_none());
        assert!(release_spare(1).is_none(), "too few where all are guarded");
        assert_eq!(number(release_spare(10_000)), Some(0));
        assert!(release_spare(10_000).is_none(), "one less is too few");
        while release_oldest().is_some() {}
    }

    #[test]
    fn a_choice_leaves_to_others_what_it_does_not_say() {
        let shared = SharedChoice::new();
        assert_eq!(shared.get(), Choice::default());
        shared.set(Choice { rate: Some((5, 6)), bounds: None });
        shared.set(Choice { rate: None, bounds: Some((1, 2)) });
        assert_eq!(shared.get(), Choice { rate: Some((5, 6)), bounds: Some((1, 2)) });
        shared.set(Choice { rate: Some((0, 0)), bounds: None });
        let own = Choice { rate: Some((7, 8)), bounds: None };
        assert_eq!(own.or(shared.get()), Choice { rate: Some((7, 8)), bounds: Some((1, 2)) });
        assert_eq!(Choice::default().or(shared.get()).rate, Some((0, 0)));
    }
}
