//! What the statistics say against what was done: exact at rest, never negative.
#![allow(unsafe_code)]

mod process;

use core::ffi::c_void;
use core::ops::AddAssign;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Barrier, Mutex};
use std::thread::{self, ScopedJoinHandle};

use process::alone;
use rimalloc_core::heap::{Heap, MAIN_HEAP, MAIN_SUBPROC, Settings};
use rimalloc_core::page::PageRef;
use rimalloc_core::source::{Plain, Source};
use rimalloc_core::stats::{CountValue, Figures, Value, bins};
use rimalloc_core::{
    aligned, alloc, census, collect, free, heaps, realloc, subprocs, thread as engine,
};
use testkit::{Rng, scaled};

/// A live block.
#[derive(Clone, Copy)]
struct Live {
    p: *mut u8,
    start: usize,
    size: usize,
    bin: usize,
}

// SAFETY: each block is used by one thread at a time.
unsafe impl Send for Live {}

impl Live {
    fn at(p: *mut u8) -> Self {
        let page = PageRef::of_addr(p.addr()).expect("a block of the engine's");
        let (start, size) = (page.block_at(p.addr()).addr(), page.block_size());
        let bin = if size > 1 << 16 { bins::HUGE } else { bins::bin_of(size) };
        Self { p, start, size, bin }
    }
}

/// What was done, as the program that does it knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ledger {
    total: [i64; bins::COUNT],
    current: [i64; bins::COUNT],
    /// Bytes in blocks that share a page: allocated, live.
    normal: (i64, i64),
    /// The same of those with a page of their own.
    huge: (i64, i64),
}

impl Default for Ledger {
    fn default() -> Self {
        let zeros = [0; bins::COUNT];
        Self { total: zeros, current: zeros, normal: (0, 0), huge: (0, 0) }
    }
}

impl AddAssign<&Self> for Ledger {
    fn add_assign(&mut self, other: &Self) {
        for bin in 0..bins::COUNT {
            self.total[bin] += other.total[bin];
            self.current[bin] += other.current[bin];
        }
        for (sum, part) in [(&mut self.normal, other.normal), (&mut self.huge, other.huge)] {
            sum.0 += part.0;
            sum.1 += part.1;
        }
    }
}

fn signed(size: usize) -> i64 {
    i64::try_from(size).expect("sizes are small here")
}

impl Ledger {
    fn bytes(&mut self, bin: usize) -> &mut (i64, i64) {
        if bin == bins::HUGE { &mut self.huge } else { &mut self.normal }
    }

    fn allocated(&mut self, p: *mut u8) -> Live {
        let live = Live::at(p);
        self.total[live.bin] += 1;
        self.current[live.bin] += 1;
        let bytes = self.bytes(live.bin);
        bytes.0 += signed(live.size);
        bytes.1 += signed(live.size);
        live
    }

    fn ended(&mut self, live: Live) {
        self.current[live.bin] -= 1;
        self.bytes(live.bin).1 -= signed(live.size);
    }

    fn resized(&mut self, old: Live, p: *mut u8) -> Live {
        let new = Live::at(p);
        if new.start != old.start {
            self.ended(old);
            return self.allocated(p);
        }
        // In place: only a block with a page of its own can have changed.
        let bytes = self.bytes(new.bin);
        bytes.0 += (signed(new.size) - signed(old.size)).max(0);
        bytes.1 += signed(new.size) - signed(old.size);
        new
    }

    fn free(&mut self, live: Live) {
        self.ended(live);
        // SAFETY: the block is live and ends here.
        unsafe { free::free(live.p) };
    }

    /// All blocks ended with their heap.
    fn destroyed(&mut self) {
        self.current = [0; bins::COUNT];
        (self.normal.1, self.huge.1) = (0, 0);
    }

    /// All was passed on or forgotten but for what is live. Returns what it was.
    fn restarted(&mut self) -> Self {
        let mut ended = self.clone();
        ended.destroyed();
        for (total, current) in ended.total.iter_mut().zip(self.current) {
            *total -= current;
        }
        (ended.normal.0, ended.huge.0) =
            (ended.normal.0 - self.normal.1, ended.huge.0 - self.huge.1);
        self.total = self.current;
        (self.normal.0, self.huge.0) = (self.normal.1, self.huge.1);
        ended
    }

    #[track_caller]
    fn check(&self, figures: &Figures) {
        let all = |value: fn(&CountValue) -> i64| figures.malloc_bins.each_ref().map(value);
        assert_eq!(all(|count| count.total), self.total);
        assert_eq!(all(|count| count.current), self.current);
        let (normal, huge) = (figures.malloc_normal, figures.malloc_huge);
        assert_eq!(
            ((normal.total, normal.current), (huge.total, huge.current)),
            (self.normal, self.huge)
        );
        assert_eq!(figures.malloc_normal_count, self.total[..bins::HUGE].iter().sum::<i64>());
        assert_eq!(figures.malloc_huge_count, self.total[bins::HUGE]);
        check_peaks(figures);
    }
}

/// Peaks are at least what they are the peaks of, and pages agree with their sums.
#[track_caller]
fn check_peaks(figures: &Figures) {
    let counts = figures.malloc_bins.iter().chain(&figures.page_bins).chain([
        &figures.pages,
        &figures.page_committed,
        &figures.pages_abandoned,
        &figures.malloc_normal,
        &figures.malloc_huge,
        &figures.committed,
        &figures.reserved,
        &figures.threads,
    ]);
    for count in counts {
        let CountValue { total, peak, current } = *count;
        assert!(total >= peak && peak >= current && current >= 0, "{count:?}");
    }
    let pages = |value: fn(&CountValue) -> i64| figures.page_bins.iter().map(value).sum::<i64>();
    assert_eq!(figures.pages.current, pages(|count| count.current));
    assert_eq!(figures.pages.total, pages(|count| count.total));
    assert!(figures.pages_abandoned.current <= figures.pages.current);
}

/// A size of any kind: mostly small, some with a page of their own.
fn size(rng: &mut Rng) -> usize {
    match rng.below(40) {
        0 => 65_537 + rng.below(300_000),
        1..=4 => rng.below(65_537),
        5..=14 => rng.below(4_000),
        _ => rng.below(400),
    }
}

fn allocate(source: impl Source, ledger: &mut Ledger, rng: &mut Rng) -> Live {
    let size = size(rng);
    let p = match rng.below(8) {
        0 => aligned::malloc_aligned(source, size, 1 << rng.below(18)),
        1 => aligned::malloc_aligned_at(source, size, 64, 8),
        2 => alloc::zalloc(source, size),
        _ => alloc::malloc(source, size),
    };
    assert!(!p.is_null());
    ledger.allocated(p)
}

/// Allocates, frees and resizes, and returns what it keeps.
fn churn(source: impl Source, ledger: &mut Ledger, rng: &mut Rng, ops: usize) -> Vec<Live> {
    let mut live = Vec::new();
    for _ in 0..scaled(ops) {
        if live.len() < 20 || rng.one_in(3) {
            live.push(allocate(source, ledger, rng));
            continue;
        }
        let index = rng.below(live.len());
        if rng.one_in(2) {
            ledger.free(live.swap_remove(index));
        } else {
            let old = live[index];
            let near = (old.size + rng.below(1 + old.size / 2)).saturating_sub(old.size / 4);
            let size = if rng.one_in(2) { near } else { size(rng) };
            // SAFETY: the block is live, and ends if the result is not null.
            let p = unsafe { realloc::realloc(source, old.p, size) };
            assert!(!p.is_null());
            live[index] = ledger.resized(old, p);
        }
    }
    live
}

/// Blocks on their way between threads.
#[derive(Default)]
struct Market(Mutex<Vec<Live>>);

impl Market {
    fn put(&self, live: impl IntoIterator<Item = Live>) {
        self.0.lock().expect("no panic").extend(live);
    }

    fn take(&self) -> Option<Live> {
        self.0.lock().expect("no panic").pop()
    }
}

/// What threads of all kinds do, and where they meet.
#[derive(Default)]
struct Crowd {
    market: Market,
    sum: Mutex<Ledger>,
}

impl Crowd {
    fn add(&self, ledger: &Ledger) {
        *self.sum.lock().expect("no panic") += ledger;
    }

    fn only_allocate(&self, seed: u64) {
        let (mut ledger, mut rng) = (Ledger::default(), Rng::new(seed));
        for _ in 0..scaled(20_000) {
            self.market.put([allocate(Plain, &mut ledger, &mut rng)]);
        }
        self.add(&ledger);
    }

    fn only_free(&self) {
        let mut ledger = Ledger::default();
        for _ in 0..scaled(12_000) {
            match self.market.take() {
                Some(live) => ledger.free(live),
                None => thread::yield_now(),
            }
        }
        self.add(&ledger);
    }

    fn do_both(&self, seed: u64) {
        let (mut ledger, mut rng) = (Ledger::default(), Rng::new(seed));
        self.market.put(churn(Plain, &mut ledger, &mut rng, 20_000));
        self.add(&ledger);
    }
}

#[test]
fn counts_of_threads_that_only_allocate_or_only_free_are_exact() {
    alone("counts_of_threads_that_only_allocate_or_only_free_are_exact", &[], || {
        let (crowd, at_rest, go_on) = (Crowd::default(), Barrier::new(7), Barrier::new(7));
        let pause = || {
            at_rest.wait();
            go_on.wait();
        };
        // What is read at rest is looked at when all can end: a failure leaves nobody waiting.
        let (figures, others) = thread::scope(|scope| {
            let mut threads = Vec::new();
            for seed in 0..2 {
                let (crowd, pause) = (&crowd, &pause);
                threads.push(scope.spawn(move || (crowd.only_allocate(seed), pause()).1));
                threads.push(scope.spawn(move || (crowd.only_free(), pause()).1));
                threads.push(scope.spawn(move || (crowd.do_both(seed), pause()).1));
                join([scope.spawn(move || crowd.do_both(seed + 2))]);
            }
            at_rest.wait();
            let figures = census::of_process();
            let others = [
                census::of_heap(&MAIN_HEAP),
                census::of_subproc(&MAIN_SUBPROC),
                census::of_subproc_alone(&MAIN_SUBPROC),
            ];
            go_on.wait();
            join(threads);
            (figures, others)
        });
        let mut ledger = crowd.sum.into_inner().expect("no panic");
        ledger.check(&figures);
        // Those that only free need no theap; two have ended.
        assert_eq!((figures.threads.current, figures.threads.total), (4, 6));
        ledger.check(&others[0]);
        ledger.check(&others[1]);
        Ledger::default().check(&others[2]);
        ledger.check(&census::of_process());
        // The rest is freed by a thread that has not allocated anything.
        while let Some(live) = crowd.market.take() {
            ledger.free(live);
        }
        let figures = census::of_process();
        ledger.check(&figures);
        assert_eq!(ledger.current, [0; bins::COUNT]);
        assert_eq!((figures.pages.current, figures.pages_abandoned.current), (0, 0));
        assert_eq!((figures.page_committed.current, figures.threads.current), (0, 0));
    });
}

/// Waits until threads are over, their exit hooks included: the end of a scope waits for their bodies only.
fn join<'scope, T>(threads: impl IntoIterator<Item = ScopedJoinHandle<'scope, T>>) {
    threads.into_iter().for_each(|thread| drop(thread.join().expect("no panic")));
}

fn heap() -> &'static Heap {
    heaps::create(Settings::of(&MAIN_SUBPROC)).expect("memory for a heap")
}

/// Fills a heap from several threads, some of which have ended.
fn fill(heap: &'static Heap, seed: u64) -> (Ledger, Vec<Live>) {
    let mut rng = Rng::new(seed);
    let mut sum = Ledger::default();
    let mut live = churn(heap, &mut sum, &mut rng, 3_000);
    for part in 0..3 {
        let worker = thread::spawn(move || {
            let (mut ledger, mut rng) = (Ledger::default(), Rng::new(seed + part));
            let live = churn(heap, &mut ledger, &mut rng, 3_000);
            (ledger, live)
        });
        let (ledger, more) = worker.join().expect("no panic");
        sum += &ledger;
        live.extend(more);
    }
    (sum, live)
}

#[test]
fn heaps_are_counted_apart_and_pass_their_counts_on_when_they_end() {
    alone("heaps_are_counted_apart_and_pass_their_counts_on_when_they_end", &[], || {
        let (deleted, destroyed, kept) = (heap(), heap(), heap());
        let (mut first, mut first_live) = fill(deleted, 1);
        let (mut second, _) = fill(destroyed, 2);
        let (mut third, third_live) = fill(kept, 3);
        let (mut main, main_live) = fill(&MAIN_HEAP, 4);
        first.check(&census::of_heap(deleted));
        second.check(&census::of_heap(destroyed));
        third.check(&census::of_heap(kept));
        main.check(&census::of_heap(&MAIN_HEAP));
        let of_all = |parts: &[&Ledger]| {
            let mut sum = Ledger::default();
            parts.iter().for_each(|part| sum += part);
            sum
        };
        of_all(&[&first, &second, &third, &main]).check(&census::of_process());

        // SAFETY: nobody allocates from the first heap any more, nobody uses the second or its blocks.
        unsafe {
            heaps::delete(deleted);
            heaps::destroy(destroyed);
        }
        second.destroyed();
        third.check(&census::of_heap(kept));
        of_all(&[&first, &main]).check(&census::of_heap(&MAIN_HEAP));
        second.check(&census::of_subproc_alone(&MAIN_SUBPROC));
        of_all(&[&first, &second, &third, &main]).check(&census::of_process());

        // Memory of ended heaps serves new ones, which begin with nothing.
        let fresh = heap();
        Ledger::default().check(&census::of_heap(fresh));
        // SAFETY: nobody uses it.
        unsafe { heaps::destroy(fresh) };

        census::merge_heap(kept);
        let passed_on = third.restarted();
        third.check(&census::of_heap(kept));
        of_all(&[&second, &passed_on]).check(&census::of_subproc_alone(&MAIN_SUBPROC));
        of_all(&[&first, &second, &passed_on, &third, &main]).check(&census::of_process());

        first_live.drain(..).for_each(|live| first.free(live));
        main_live.into_iter().for_each(|live| main.free(live));
        third_live.into_iter().for_each(|live| third.free(live));
        collect::collect(true);
        third.check(&census::of_heap(kept));
        let figures = census::of_process();
        of_all(&[&first, &second, &passed_on, &third, &main]).check(&figures);
        assert_eq!(figures.pages.current, 0);
    });
}

#[test]
fn sub_processes_are_counted_apart_and_leave_their_counts_to_the_process() {
    alone("sub_processes_are_counted_apart_and_leave_their_counts_to_the_process", &[], || {
        let (mut main, live) = fill(&MAIN_HEAP, 5);
        let subproc = subprocs::create().expect("memory for a sub-process");
        let mut inside = thread::spawn(|| {
            assert!(engine::join(subproc));
            let other = heaps::create(Settings::of(subproc)).expect("memory for a heap");
            let (mut ledger, mut rng) = (Ledger::default(), Rng::new(6));
            churn(Plain, &mut ledger, &mut rng, 5_000);
            churn(other, &mut ledger, &mut rng, 5_000);
            ledger.check(&census::of_subproc(subproc));
            ledger
        })
        .join()
        .expect("no panic");
        inside.check(&census::of_subproc(subproc));
        main.check(&census::of_subproc(&MAIN_SUBPROC));
        let mut both = main.clone();
        both += &inside;
        both.check(&census::of_process());
        let (outer, inner) = (census::of_subproc(&MAIN_SUBPROC), census::of_subproc(subproc));
        assert_eq!((outer.threads.total, inner.threads.total, inner.threads.current), (4, 1, 0));
        assert_eq!(inner.arena_count, 1);
        assert!(inner.committed.current > inner.page_committed.current);
        // SAFETY: its thread has ended, and nobody uses its blocks.
        unsafe { subprocs::end(subproc) };
        inside.destroyed();
        live.into_iter().for_each(|live| main.free(live));
        main += &inside;
        main.check(&census::of_process());
        let figures = census::of_subproc_alone(&MAIN_SUBPROC);
        inside.check(&figures);
        assert_eq!(figures.arena_count, outer.arena_count + 1);
        assert_eq!(figures.reserved.total, outer.reserved.total + inner.reserved.total);
        assert_eq!(figures.reserved.current, outer.reserved.current);
        assert_eq!((figures.threads.total, figures.threads.current), (5, 1));
    });
}

#[test]
fn a_reset_forgets_what_was_and_keeps_what_is() {
    alone("a_reset_forgets_what_was_and_keeps_what_is", &[], || {
        let other = heap();
        let (mut main, mut live) = fill(&MAIN_HEAP, 7);
        let (mut rest, rest_live) = fill(other, 8);
        let at_rest = Barrier::new(2);
        let (figures, part) = thread::scope(|scope| {
            // Another thread's counts are its own; what they say of the process starts anew too.
            let worker = scope.spawn(|| {
                let (mut ledger, mut rng) = (Ledger::default(), Rng::new(9));
                let mut live = churn(Plain, &mut ledger, &mut rng, 4_000);
                at_rest.wait();
                at_rest.wait();
                ledger.restarted();
                live.drain(..).for_each(|live| ledger.free(live));
                live = churn(Plain, &mut ledger, &mut rng, 4_000);
                (ledger, live)
            });
            at_rest.wait();
            census::reset();
            let figures = (census::of_process(), census::of_heap(other));
            main.restarted();
            rest.restarted();
            at_rest.wait();
            let (ledger, more) = worker.join().expect("no panic");
            main += &ledger;
            live.extend(more);
            figures
        });
        rest.check(&part);
        assert_eq!(figures.malloc_normal.peak, figures.malloc_normal.current);
        for count in [figures.pages, figures.committed, figures.threads, figures.malloc_huge] {
            assert_eq!((count.total, count.peak), (count.current, count.current));
        }
        assert_eq!((figures.mmap_calls, figures.purge_calls), (0, 0));
        assert_eq!((figures.page_searches, figures.pages_extended), (0, 0));
        main.check(&census::of_heap(&MAIN_HEAP));
        live.into_iter().for_each(|live| main.free(live));
        rest_live.into_iter().for_each(|live| rest.free(live));
        rest.check(&census::of_heap(other));
        main += &rest;
        main.check(&census::of_process());
    });
}

#[test]
fn a_thread_is_counted_by_what_it_did() {
    alone("a_thread_is_counted_by_what_it_did", &[], || {
        let other = heap();
        let totals = |figures: &Figures| {
            (figures.malloc_bins.map(|count| count.total), figures.malloc_normal.total)
        };
        let mut ledger = Ledger::default();
        let mut rng = Rng::new(10);
        // Blocks with a page of their own are their heap's alone.
        let mut one =
            |source: Option<&'static Heap>, size| ledger.allocated(alloc::malloc(source, size));
        let live: Vec<_> =
            (0..3000).map(|turn| one((turn % 3 == 0).then_some(other), rng.below(1000))).collect();
        assert_eq!(totals(&census::of_thread()), (ledger.total, ledger.normal.0));
        let there = thread::spawn(|| {
            assert_eq!(census::of_thread(), Figures::new());
            let p = alloc::malloc(Plain, 100);
            let figures = census::of_thread();
            assert_eq!(figures.malloc_bins[bins::bin_of(112)].total, 1);
            assert_eq!((figures.malloc_normal_count, figures.pages.current), (1, 1));
            assert_eq!(figures.malloc_normal, CountValue { total: 112, peak: 112, current: 112 });
            Live::at(p)
        })
        .join()
        .expect("no panic");
        // What another thread allocated does not count, whoever frees it.
        Ledger::default().free(there);
        assert_eq!(totals(&census::of_thread()), (ledger.total, ledger.normal.0));
        census::merge();
        let figures = census::of_thread();
        assert_eq!(figures.malloc_normal.total, figures.malloc_normal.current);
        assert!(figures.malloc_normal.current > 0, "it owns pages that are not full");
        let process = census::of_process();
        assert_eq!(process.malloc_normal.total, ledger.normal.0 + 112);
        live.into_iter().for_each(|live| ledger.free(live));
        census::merge();
        assert_eq!(totals(&census::of_thread()), ([0; bins::COUNT], 0));
        let process = census::of_process();
        assert_eq!(process.malloc_normal.total, ledger.normal.0 + 112);
        assert_eq!(process.malloc_normal.current, 0);
    });
}

/// Blocks that the destructor of a thread allocates, and that it leaves.
const LATE: usize = 500;

unsafe extern "C" fn allocate_late(_value: *mut c_void) {
    let left = alloc::malloc(Plain, 1);
    assert!(!left.is_null());
    for size in 1..LATE {
        // SAFETY: a fresh block.
        unsafe { free::free(alloc::malloc(Plain, size)) };
    }
}

/// Destructors of a thread that run after the engine's exit hook get memory from a theap of no thread.
#[test]
fn blocks_that_a_thread_allocates_after_its_end_are_counted() {
    alone("blocks_that_a_thread_allocates_after_its_end_are_counted", &[], || {
        let mut ledger = Ledger::default();
        let first = ledger.allocated(alloc::malloc(Plain, 1));
        ledger.free(first);
        let mut key = 0;
        // SAFETY: fills `key`. The engine's own came first, so its destructor has run when this one does.
        unsafe { assert_eq!(libc::pthread_key_create(&raw mut key, Some(allocate_late)), 0) };
        let thread = thread::spawn(move || {
            let p = alloc::malloc(Plain, 1);
            // SAFETY: the block is live and ends here; the key exists.
            unsafe {
                free::free(p);
                libc::pthread_setspecific(key, core::ptr::without_provenance(1));
            }
        });
        thread.join().expect("no panic");
        let figures = census::of_process();
        assert_eq!(figures.malloc_normal_count, signed(LATE) + 2);
        let left: i64 = figures.malloc_bins.iter().map(|count| count.current).sum();
        assert_eq!(left, 1);
        // Small blocks are larger in builds that harden them.
        assert!((8..=32).contains(&figures.malloc_normal.current));
    });
}

/// Ends what threads do, also when the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Looks at all figures, and starts them anew now and then.
fn look(turn: usize) {
    let figures = census::of_process();
    figures.visit(&mut |name, value| {
        let least = match value {
            Value::Count(count) => count.total.min(count.peak).min(count.current),
            Value::Counter(counter) => counter,
        };
        assert!(least >= 0, "{name}: {value:?}");
    });
    check_peaks(&figures);
    check_peaks(&census::of_heap(&MAIN_HEAP));
    if turn.is_multiple_of(50) {
        census::reset();
        census::merge();
    }
}

/// Readers in the middle of everything: figures that make sense, and no crash.
fn read_while_threads_run() {
    let stop = AtomicBool::new(false);
    let market = Market::default();
    thread::scope(|scope| {
        let threads = [0, 1, 2, 3].map(|seed| {
            let (stop, market) = (&stop, &market);
            scope.spawn(move || {
                let (mut ledger, mut rng) = (Ledger::default(), Rng::new(seed));
                while !stop.load(Relaxed) {
                    churn_and_end(seed, market).into_iter().for_each(|live| ledger.free(live));
                    let other = heap();
                    let live = churn(other, &mut ledger, &mut rng, 500);
                    if rng.one_in(2) {
                        // SAFETY: nobody allocates from the heap any more.
                        unsafe { heaps::delete(other) };
                        market.put(live);
                    } else {
                        // SAFETY: nobody uses the heap or a block of it any more.
                        unsafe { heaps::destroy(other) };
                    }
                    for _ in 0..200 {
                        market.take().into_iter().for_each(|live| ledger.free(live));
                    }
                }
            })
        });
        {
            let _stop = Stop(&stop);
            (0..scaled(150)).for_each(look);
        }
        join(threads);
    });
    let mut ledger = Ledger::default();
    while let Some(live) = market.take() {
        ledger.free(live);
    }
    let figures = census::of_process();
    assert_eq!((figures.malloc_normal.current, figures.malloc_huge.current), (0, 0));
    assert_eq!(figures.pages.current, 0);
}

#[test]
fn figures_are_never_negative_while_threads_run() {
    alone("figures_are_never_negative_while_threads_run", &[], read_while_threads_run);
}

#[test]
fn figures_can_be_read_while_memory_goes_back_at_once() {
    let variables = [("MIMALLOC_PURGE_DELAY", "0")];
    let name = "figures_can_be_read_while_memory_goes_back_at_once";
    alone(name, &variables, read_while_threads_run);
}

/// A thread that allocates, leaves most blocks to others and ends.
fn churn_and_end(seed: u64, market: &Market) -> Vec<Live> {
    thread::scope(|scope| {
        let worker = scope.spawn(move || {
            let (mut ledger, mut rng) = (Ledger::default(), Rng::new(seed));
            let mut live = churn(Plain, &mut ledger, &mut rng, 500);
            let kept = live.split_off(live.len() / 2);
            market.put(live);
            kept
        });
        worker.join().expect("no panic")
    })
}
