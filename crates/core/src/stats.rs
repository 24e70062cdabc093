//! Statistics of the process: counts that go up and down, and counters that only grow.
//!
//! Owns the counts. Called by every module below, on slow paths only; the reader may see the counts of one moment
//! beside those of the next. One static of a few cache lines, so that a process touches little memory for it.

pub mod bins;
mod json;
mod snapshot;
mod table;
mod usage;

pub use json::{Cut, json};
pub use snapshot::{Snapshot, VERSION, Value};
pub use table::{Amount, Unit, print, print_part, print_usage};
pub use usage::Usage;

use crate::os;
use crate::sync::plain::{AtomicU64, Ordering};

/// A quantity that goes up and down.
pub struct Count {
    total: AtomicU64,
    peak: AtomicU64,
    /// The bits of a signed number: a decrease can overtake its increase for a moment.
    current: AtomicU64,
}

/// A [`Count`] at one moment.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CountValue {
    /// Sum of all increases.
    pub total: i64,
    /// Highest value that `current` had.
    pub peak: i64,
    /// Increases less decreases, never negative.
    pub current: i64,
}

/// A quantity that only grows.
pub struct Counter(AtomicU64);

impl Count {
    const fn new() -> Self {
        let [total, peak, current] = [const { AtomicU64::new(0) }; 3];
        Self { total, peak, current }
    }

    /// Adds an amount.
    pub fn increase(&self, amount: usize) {
        let amount = amount as u64;
        self.total.fetch_add(amount, Ordering::Relaxed);
        let current = self.current.fetch_add(amount, Ordering::Relaxed).wrapping_add(amount);
        self.raise_peak(current.cast_signed());
    }

    /// Takes an amount away again.
    pub fn decrease(&self, amount: usize) {
        self.current.fetch_sub(amount as u64, Ordering::Relaxed);
    }

    /// Takes back an increase as if it had not happened, save for the peak.
    pub fn undo(&self, amount: usize) {
        self.total.fetch_sub(amount as u64, Ordering::Relaxed);
        self.decrease(amount);
    }

    /// The values now.
    pub fn get(&self) -> CountValue {
        let read = |word: &AtomicU64| word.load(Ordering::Relaxed).cast_signed().max(0);
        let current = read(&self.current);
        CountValue { total: read(&self.total), peak: read(&self.peak).max(current), current }
    }

    /// Most values are no peak, and reading is cheaper than a compare-and-swap that changes nothing.
    fn raise_peak(&self, current: i64) {
        if current > self.peak.load(Ordering::Relaxed).cast_signed() {
            self.peak.fetch_max(current.cast_unsigned(), Ordering::Relaxed);
        }
    }

    /// Starts anew. What exists still exists, and its end is going to be counted: `current` stays, and is the peak.
    fn reset(&self) {
        self.total.store(0, Ordering::Relaxed);
        self.peak.store(self.get().current.cast_unsigned(), Ordering::Relaxed);
    }
}

impl Counter {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds an amount.
    pub fn increase(&self, amount: usize) {
        self.0.fetch_add(amount as u64, Ordering::Relaxed);
    }

    /// Adds one.
    pub fn bump(&self) {
        self.increase(1);
    }

    /// The value now.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed).cast_signed().max(0)
    }

    fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// Builds the type of the counts from their names, which are those of the members of a [`Snapshot`].
macro_rules! counts {
    ($($(#[$doc:meta])+ $name:ident: $kind:ident,)*) => {
        /// What is counted as it happens, for everything in a sub-process together.
        pub struct Stats {
            $($(#[$doc])+ pub $name: $kind,)*
        }

        impl Stats {
            const fn new() -> Self {
                Self { $($name: $kind::new(),)* }
            }

            /// Puts the values into a snapshot.
            pub fn read_into(&self, snapshot: &mut Snapshot) {
                $(snapshot.$name = self.$name.get();)*
            }

            /// Starts all counts anew. What is in use stays counted as such.
            pub fn reset(&self) {
                $(self.$name.reset();)*
            }
        }
    };
}

counts! {
    /// Pages in use.
    pages: Count,
    /// Bytes of address space reserved.
    reserved: Count,
    /// Bytes committed.
    committed: Count,
    /// Bytes reset.
    reset: Counter,
    /// Bytes purged.
    purged: Counter,
    /// Bytes that pages hold.
    page_committed: Count,
    /// Threads that allocate.
    threads: Count,
    /// System calls that reserve.
    mmap_calls: Counter,
    /// System calls that commit.
    commit_calls: Counter,
    /// System calls that reset.
    reset_calls: Counter,
    /// Purges of a range.
    purge_calls: Counter,
    /// Arenas made.
    arena_count: Counter,
    /// Blocks allocated with a page of their own.
    malloc_huge_count: Counter,
    /// Claims of slices that were given up half done.
    arena_rollback_count: Counter,
    /// Purges of an arena.
    arena_purges: Counter,
    /// Times that blocks were added to a page.
    pages_extended: Counter,
    /// Empty pages kept for a while.
    pages_retire: Counter,
    /// Abandoned pages adopted by an allocation.
    pages_reclaim_on_alloc: Counter,
    /// Abandoned pages adopted by a free.
    pages_reclaim_on_free: Counter,
}

/// The statistics of the process.
pub static STATS: Stats = Stats::new();

// A page of memory that the process touches anyway holds all of it.
const _: () = assert!(size_of::<Stats>() <= 512);

/// When the clock started, in milliseconds of the system's clock. 0 until it does.
static START: AtomicU64 = AtomicU64::new(0);

/// Starts the clock of the process, unless it runs.
pub fn start_clock(now_ms: u64) {
    // Whether it had started doesn't matter.
    _ = START.compare_exchange(0, now_ms, Ordering::Relaxed, Ordering::Relaxed);
}

/// Milliseconds since the clock started.
pub fn elapsed_ms() -> u64 {
    match START.load(Ordering::Relaxed) {
        0 => 0,
        start => os::clock_ms().saturating_sub(start),
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::thread;

    fn value(total: i64, peak: i64, current: i64) -> CountValue {
        CountValue { total, peak, current }
    }

    #[test]
    fn a_count_goes_up_and_down() {
        let count = Count::new();
        count.increase(10);
        count.increase(5);
        count.decrease(12);
        count.increase(1);
        assert_eq!(count.get(), value(16, 15, 4));
        count.undo(1);
        assert_eq!(count.get(), value(15, 15, 3));
    }

    #[test]
    fn a_count_is_never_shown_negative_and_recovers() {
        let count = Count::new();
        count.decrease(7);
        assert_eq!(count.get(), value(0, 0, 0));
        count.increase(10);
        assert_eq!(count.get(), value(10, 3, 3));
    }

    #[test]
    fn a_reset_keeps_what_is_in_use() {
        let count = Count::new();
        count.increase(10);
        count.decrease(6);
        count.reset();
        assert_eq!(count.get(), value(0, 4, 4));
        count.decrease(4);
        assert_eq!(count.get(), value(0, 4, 0));
    }

    #[test]
    fn threads_lose_no_count() {
        let (count, counter) = (Count::new(), Counter::new());
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        count.increase(3);
                        counter.bump();
                        count.decrease(3);
                    }
                });
            }
        });
        let end = count.get();
        assert_eq!((end.total, end.current, counter.get()), (120_000, 0, 40_000));
        assert!((3..=12).contains(&end.peak));
    }

    #[test]
    fn the_counts_are_put_into_a_snapshot_and_start_anew() {
        let stats = Stats::new();
        stats.reserved.increase(64);
        stats.pages_retire.increase(2);
        let mut snapshot = Snapshot::new();
        stats.read_into(&mut snapshot);
        let mut expected = Snapshot::new();
        (expected.reserved, expected.pages_retire) = (value(64, 64, 64), 2);
        assert_eq!(snapshot, expected);
        stats.reset();
        stats.read_into(&mut snapshot);
        (expected.reserved, expected.pages_retire) = (value(0, 64, 64), 0);
        assert_eq!(snapshot, expected);
    }
}
