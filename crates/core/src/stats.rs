//! Statistics of the process: counts that go up and down, and counters that only grow.
//!
//! Owns the types of counts, their values as the C interface has them, and their forms in print. Counts change on slow
//! paths only; the reader may see the counts of one moment beside those of the next.

pub mod bins;
mod count;
mod events;
mod figures;
pub mod heap_counts;
mod json;
mod table;
mod usage;

pub use count::{Count, CountValue, Counter, Level};
pub use events::{Event, Events};
pub use figures::{Figures, VERSION, Value};
pub use heap_counts::HeapCounts;
pub use json::{Cut, json};
pub use table::{Amount, Unit, print, print_part, print_usage};
pub use usage::Usage;

use crate::os;
use crate::sync::plain::{AtomicU64, Ordering};

/// Builds the type of the counts from their names, which are those of the members of a [`Figures`].
macro_rules! counts {
    ($($(#[$doc:meta])+ $name:ident: $kind:ident,)*) => {
        /// What is counted as it happens for a sub-process, with all its heaps.
        pub struct Stats {
            $($(#[$doc])+ pub $name: $kind,)*
        }

        impl Stats {
            /// Nothing counted.
            pub(crate) const fn new() -> Self {
                Self { $($name: $kind::new(),)* }
            }

            /// Puts the values among the figures.
            pub fn read_into(&self, figures: &mut Figures) {
                $(self.$name.put(&mut figures.$name);)*
            }

            /// Passes everything on.
            pub fn move_to(&self, other: &Self) {
                $(self.$name.move_to(&other.$name);)*
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
    pages: Level,
    /// Bytes of address space reserved.
    reserved: Count,
    /// Bytes committed.
    committed: Count,
    /// Bytes reset.
    reset: Counter,
    /// Bytes purged.
    purged: Counter,
    /// Bytes that pages hold.
    page_committed: Level,
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
    /// Claims of slices that were given up half done.
    arena_rollback_count: Counter,
    /// Purges of an arena.
    arena_purges: Counter,
}

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
    use super::*;

    #[test]
    fn the_counts_are_put_among_the_figures_and_start_anew() {
        let stats = Stats::new();
        stats.reserved.increase(64);
        stats.purge_calls.increase(2);
        stats.pages.increase(3);
        let mut figures = Figures::new();
        let read = |figures: &mut Figures| {
            stats.read_into(figures);
            (figures.reserved, figures.purge_calls, figures.pages)
        };
        let count = |total, peak, current| CountValue { total, peak, current };
        assert_eq!(read(&mut figures), (count(64, 64, 64), 2, count(0, 3, 0)));
        stats.reset();
        stats.pages.decrease(1);
        assert_eq!(read(&mut figures), (count(64, 64, 64), 0, count(0, 3, 0)));
    }
}
