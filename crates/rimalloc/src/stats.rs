//! Statistics: what the allocator has done and has now.

mod usage;

use core::fmt;

use rimalloc_core::census;
use rimalloc_core::stats::{self as engine, CountValue, Figures, bins};

use crate::{Heap, Scope, SubProcess};

pub use usage::{ProcessUsage, process_usage};

/// A quantity that goes up and down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Count {
    /// Sum of all increases.
    pub total: u64,
    /// Highest value that `current` had, as far as it was seen.
    pub peak: u64,
    /// Increases less decreases.
    pub current: u64,
}

impl From<CountValue> for Count {
    fn from(count: CountValue) -> Self {
        let CountValue { total, peak, current } = count;
        Self { total: from_engine(total), peak: from_engine(peak), current: from_engine(current) }
    }
}

impl From<Count> for CountValue {
    fn from(count: Count) -> Self {
        let Count { total, peak, current } = count;
        Self { total: to_engine(total), peak: to_engine(peak), current: to_engine(current) }
    }
}

/// Blocks of a range of sizes: those up to `block_size` that are larger than the bin before it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Bin {
    /// Bytes of the largest block that is counted here. The last bin counts blocks with a page of their own, of any
    /// size.
    pub block_size: usize,
    /// Blocks.
    pub blocks: Count,
    /// Pages of such blocks.
    pub pages: Count,
}

/// Bins in [`Stats::bins`].
pub const BINS: usize = bins::COUNT;

/// The two kinds of figures, on their way from and to the engine.
trait Figure<Engine> {
    fn from_engine(value: Engine) -> Self;
    fn to_engine(self) -> Engine;
}

impl Figure<CountValue> for Count {
    fn from_engine(value: CountValue) -> Self {
        value.into()
    }

    fn to_engine(self) -> CountValue {
        self.into()
    }
}

impl Figure<i64> for u64 {
    fn from_engine(value: i64) -> Self {
        from_engine(value)
    }

    fn to_engine(self) -> i64 {
        to_engine(self)
    }
}

/// The engine's numbers are never negative at rest.
fn from_engine(value: i64) -> u64 {
    value.max(0).unsigned_abs()
}

fn to_engine(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Builds the structure and its way from and to the engine's figures from one list. The names are those of the C
/// interface and its JSON.
macro_rules! stats {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ty,)*) => {
        /// Statistics at one moment, of the process or a part of it. Sizes are in bytes.
        ///
        /// What they are of is what made them: [`stats()`](fn@stats), [`Heap::stats`], [`Scope::stats`], [`SubProcess::stats`],
        /// [`thread_stats`]. Some of the figures are of the process as a whole alone, and zero in those of a part.
        ///
        /// Shown with `{}` it is the table that programs print at exit with `MIMALLOC_SHOW_STATS=1`; with the feature
        /// `serde` it is `Serialize`, with the names of its fields as keys.
        ///
        /// ```
        /// let stats = rimalloc::stats();
        /// assert!(stats.committed.current <= stats.reserved.current);
        /// println!("{stats}");
        /// ```
        ///
        /// Counting costs allocation and free nothing: the numbers are gathered when they are asked for, from all pages.
        /// They are exact when no other thread allocates or frees meanwhile, and near else. What went up and down between
        /// two looks is in no peak.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize))]
        #[non_exhaustive]
        pub struct Stats {
            /// What the process uses; `None` in the statistics of a heap or a thread.
            pub process: Option<ProcessUsage>,
            $($(#[doc = $doc])+ pub $name: $kind,)*
            /// Blocks and pages by size.
            #[cfg_attr(feature = "serde", serde(serialize_with = "bins_in_use"))]
            pub bins: [Bin; BINS],
        }

        impl Stats {
            fn of(figures: &Figures, process: Option<ProcessUsage>) -> Self {
                let mut bins = [Bin::default(); BINS];
                for (index, bin) in bins.iter_mut().enumerate() {
                    bin.block_size = bins::block_size(index);
                    bin.blocks = figures.malloc_bins[index].into();
                    bin.pages = figures.page_bins[index].into();
                }
                Self { process, $($name: Figure::from_engine(figures.$name),)* bins }
            }

            fn figures(&self) -> Figures {
                let mut figures = Figures::new();
                $(figures.$name = Figure::to_engine(self.$name);)*
                for (index, bin) in self.bins.iter().enumerate() {
                    figures.malloc_bins[index] = bin.blocks.into();
                    figures.page_bins[index] = bin.pages.into();
                }
                figures
            }
        }
    };
}

stats! {
    /// Pages in use.
    pages: Count,
    /// Bytes of address space reserved. Of the process.
    reserved: Count,
    /// Bytes committed. Of the process.
    committed: Count,
    /// Bytes reset. Of the process.
    reset: u64,
    /// Bytes purged. Of the process.
    purged: u64,
    /// Bytes that pages hold.
    page_committed: Count,
    /// Pages without a thread whose blocks share them.
    pages_abandoned: Count,
    /// Threads that allocate. Of the process.
    threads: Count,
    /// Bytes in blocks that share a page.
    malloc_normal: Count,
    /// Bytes in blocks with a page of their own.
    malloc_huge: Count,
    /// System calls that reserve. Of the process.
    mmap_calls: u64,
    /// System calls that commit. Of the process.
    commit_calls: u64,
    /// System calls that reset. Of the process.
    reset_calls: u64,
    /// Purges of a range. Of the process.
    purge_calls: u64,
    /// Arenas made. Of the process.
    arena_count: u64,
    /// Blocks allocated that share a page.
    malloc_normal_count: u64,
    /// Blocks allocated with a page of their own.
    malloc_huge_count: u64,
    /// Claims of memory that were given up half done. Of the process.
    arena_rollback_count: u64,
    /// Purges of an arena. Of the process.
    arena_purges: u64,
    /// Times that blocks were added to a page.
    pages_extended: u64,
    /// Empty pages kept for a while.
    pages_retire: u64,
    /// Pages looked at in searches for one with a free block.
    page_searches: u64,
    /// Searches for a page with a free block.
    page_searches_count: u64,
    /// Abandoned pages adopted by an allocation.
    pages_reclaim_on_alloc: u64,
    /// Abandoned pages adopted by a free.
    pages_reclaim_on_free: u64,
    /// Pages abandoned because they were full.
    pages_reabandon_full: u64,
}

impl Stats {
    /// The statistics as the JSON of the C interface, with its keys, whatever features are on.
    ///
    /// ```
    /// let text = rimalloc::stats().json().to_string();
    /// assert!(text.contains("\"mmap_calls\""));
    /// ```
    #[must_use]
    pub fn json(&self) -> Json<'_> {
        Json(self)
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.process {
            Some(usage) => engine::print(f, &self.figures(), &usage.to_engine()),
            None => engine::print_part(f, &self.figures()),
        }
    }
}

/// [`Stats`] as JSON, by `{}`. From [`Stats::json`].
#[derive(Clone, Copy, Debug)]
pub struct Json<'a>(&'a Stats);

impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usage = self.0.process.unwrap_or_default();
        engine::json(f, &self.0.figures(), &usage.to_engine())
    }
}

/// Bins without a block or a page, now or before, are left out.
#[cfg(feature = "serde")]
fn bins_in_use<S: serde::Serializer>(bins: &[Bin; BINS], serializer: S) -> Result<S::Ok, S::Error> {
    let never = Count::default();
    serializer.collect_seq(bins.iter().filter(|bin| bin.blocks != never || bin.pages != never))
}

/// The statistics of the process: of all sub-processes and heaps.
#[must_use]
pub fn stats() -> Stats {
    Stats::of(&census::of_process(), Some(process_usage()))
}

/// The statistics of the calling thread: blocks that it has allocated, and what lives in the pages that it owns.
#[must_use]
pub fn thread_stats() -> Stats {
    Stats::of(&census::of_thread(), None)
}

/// Starts the statistics of the process anew. What is in use stays counted as that.
pub fn reset_stats() {
    census::reset();
}

impl Heap {
    /// The statistics of the heap, of all threads.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats::of(&census::of_heap(self.engine), None)
    }
}

impl Scope {
    /// The statistics of the scope, of all threads.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats::of(&census::of_heap(self.engine), None)
    }
}

impl SubProcess {
    /// The statistics of the sub-process and its heaps, also of those that have ended.
    #[must_use]
    pub fn stats(self) -> Stats {
        Stats::of(&census::of_subproc(self.engine()), Some(process_usage()))
    }
}
