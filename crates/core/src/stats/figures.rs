//! All statistics at one moment, laid out as the C interface hands them to programs.
#![allow(unsafe_code)]

use super::{CountValue, bins};

/// Version of the layout.
pub const VERSION: usize = 4;

/// A statistic at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Value {
    /// What goes up and down.
    Count(CountValue),
    /// What only grows.
    Counter(i64),
}

impl From<CountValue> for Value {
    fn from(count: CountValue) -> Self {
        Self::Count(count)
    }
}

impl From<i64> for Value {
    fn from(counter: i64) -> Self {
        Self::Counter(counter)
    }
}

/// Builds the figures and what visits its members from one list. The order is that of the C interface and of its
/// JSON, whose keys are these names.
macro_rules! figures {
    ($($(#[$doc:meta])+ $name:ident: $kind:ty,)*) => {
        /// All statistics at one moment.
        ///
        /// The layout is that of `mi_stats_t`, version [`VERSION`], of the C interface. What the engine does not have
        /// or cannot know stays zero.
        #[repr(C)]
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub struct Figures {
            size: usize,
            version: usize,
            $($(#[$doc])+ pub $name: $kind,)*
            reserved_counts: [CountValue; 4],
            reserved_counters: [i64; 4],
            /// Blocks, by the bin they are reported in.
            pub malloc_bins: [CountValue; bins::COUNT],
            /// Pages, by the bin their blocks are reported in.
            pub page_bins: [CountValue; bins::COUNT],
        }

        impl Figures {
            /// Nothing counted. A large value: not made anew in every place.
            #[inline(never)]
            pub const fn new() -> Self {
                Self {
                    size: size_of::<Self>(),
                    version: VERSION,
                    $($name: <$kind as Figure>::ZERO,)*
                    reserved_counts: [<CountValue as Figure>::ZERO; 4],
                    reserved_counters: [0; 4],
                    malloc_bins: [<CountValue as Figure>::ZERO; bins::COUNT],
                    page_bins: [<CountValue as Figure>::ZERO; bins::COUNT],
                }
            }

            /// Adds the figures of another part of the same whole. See [`CountValue`] for what becomes of peaks.
            #[inline(never)]
            pub fn merge(&mut self, part: &Self) {
                $(self.$name.merge(part.$name);)*
                for (sum, part) in self.malloc_bins.iter_mut().zip(part.malloc_bins) {
                    sum.merge(part);
                }
                for (sum, part) in self.page_bins.iter_mut().zip(part.page_bins) {
                    sum.merge(part);
                }
            }

            /// Makes each figure one that can be: nothing is negative, a peak is at least what there is now, and a total
            /// at least its peak. What threads do while they are counted can make them differ.
            #[inline(never)]
            pub fn settle(&mut self) {
                $(self.$name.settle();)*
                self.malloc_bins.iter_mut().for_each(Figure::settle);
                self.page_bins.iter_mut().for_each(Figure::settle);
            }

            /// Leaves in the totals what has ended, and takes off what there is.
            #[inline(never)]
            pub(super) fn keep_ended(&mut self) {
                $(self.$name.keep_ended();)*
                self.malloc_bins.iter_mut().for_each(Figure::keep_ended);
                self.page_bins.iter_mut().for_each(Figure::keep_ended);
            }

            /// Hands name and value of every statistic but the bins to `visitor`.
            pub fn visit(&self, visitor: &mut dyn FnMut(&'static str, Value)) {
                $(visitor(stringify!($name), Value::from(self.$name));)*
            }
        }
    };
}

/// A member of the figures.
pub(super) trait Figure {
    /// What it is before anything was counted.
    const ZERO: Self;

    /// Adds a part of the same quantity.
    fn merge(&mut self, part: Self);

    /// See [`Figures::settle`].
    fn settle(&mut self);

    /// See [`Figures::keep_ended`].
    fn keep_ended(&mut self);
}

impl Figure for CountValue {
    const ZERO: Self = Self { total: 0, peak: 0, current: 0 };

    fn merge(&mut self, part: Self) {
        self.total = self.total.wrapping_add(part.total);
        self.current = self.current.wrapping_add(part.current);
        self.peak = self.peak.max(part.peak).max(self.current);
    }

    fn settle(&mut self) {
        self.current = self.current.max(0);
        self.total = self.total.max(self.current);
        self.peak = self.peak.clamp(self.current, self.total);
    }

    fn keep_ended(&mut self) {
        self.total = self.total.wrapping_sub(self.current);
    }
}

impl Figure for i64 {
    const ZERO: Self = 0;

    fn merge(&mut self, part: Self) {
        *self = self.wrapping_add(part);
    }

    fn settle(&mut self) {
        *self = (*self).max(0);
    }

    fn keep_ended(&mut self) {}
}

figures! {
    /// Pages in use.
    pages: CountValue,
    /// Bytes of address space reserved.
    reserved: CountValue,
    /// Bytes committed.
    committed: CountValue,
    /// Bytes reset.
    reset: i64,
    /// Bytes purged.
    purged: i64,
    /// Bytes that pages hold.
    page_committed: CountValue,
    /// Pages without a thread whose blocks share them.
    pages_abandoned: CountValue,
    /// Threads that allocate.
    threads: CountValue,
    /// Bytes in blocks that share a page.
    malloc_normal: CountValue,
    /// Bytes in blocks with a page of their own.
    malloc_huge: CountValue,
    /// Bytes that were asked for, which the engine does not keep.
    malloc_requested: CountValue,
    /// System calls that reserve.
    mmap_calls: i64,
    /// System calls that commit.
    commit_calls: i64,
    /// System calls that reset.
    reset_calls: i64,
    /// Purges of a range.
    purge_calls: i64,
    /// Arenas made.
    arena_count: i64,
    /// Blocks allocated that share a page.
    malloc_normal_count: i64,
    /// Blocks allocated with a page of their own.
    malloc_huge_count: i64,
    /// Blocks allocated with a guard page.
    malloc_guarded_count: i64,
    /// Claims of slices that were given up half done.
    arena_rollback_count: i64,
    /// Purges of an arena.
    arena_purges: i64,
    /// Times that blocks were added to a page.
    pages_extended: i64,
    /// Empty pages kept for a while.
    pages_retire: i64,
    /// Pages looked at in searches for one with a free block.
    page_searches: i64,
    /// Searches for a page with a free block.
    page_searches_count: i64,
    /// Segments, which the engine does not have.
    segments: CountValue,
    /// See `segments`.
    segments_abandoned: CountValue,
    /// See `segments`.
    segments_cache: CountValue,
    /// See `segments`.
    _segments_reserved: CountValue,
    /// Abandoned pages adopted by an allocation.
    pages_reclaim_on_alloc: i64,
    /// Abandoned pages adopted by a free.
    pages_reclaim_on_free: i64,
    /// Pages abandoned because they were full.
    pages_reabandon_full: i64,
    /// Waits for another thread to let go of an abandoned page, which the engine does not do.
    pages_unabandon_busy_wait: i64,
}

const _: () = assert!(size_of::<Figures>() == 4168);

impl Default for Figures {
    fn default() -> Self {
        Self::new()
    }
}

impl Figures {
    /// Whether a program has made the memory at `place` ready for figures of this version.
    ///
    /// # Safety
    /// `place` is null, or its first two words can be read.
    pub unsafe fn is_expected_at(place: *const Self) -> bool {
        // SAFETY: the caller's promise; the rest of the memory may hold anything and is not looked at.
        !place.is_null()
            && unsafe { (*place).size == size_of::<Self>() && (*place).version == VERSION }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    #[test]
    fn the_members_stand_where_the_interface_has_them() {
        macro_rules! offsets {
            ($($name:ident)*) => { [$(core::mem::offset_of!(Figures, $name)),*] };
        }
        let counts = offsets!(pages reserved committed);
        assert_eq!(counts, [16, 40, 64]);
        assert_eq!(offsets!(reset purged page_committed), [88, 96, 104]);
        assert_eq!(offsets!(malloc_requested mmap_calls arena_count), [224, 248, 280]);
        assert_eq!(offsets!(page_searches_count segments), [352, 360]);
        assert_eq!(offsets!(pages_reclaim_on_alloc reserved_counts), [456, 488]);
        assert_eq!(offsets!(malloc_bins page_bins), [616, 2392]);
    }

    #[test]
    fn only_memory_of_this_version_is_expected() {
        let expected = |figures: &Figures| {
            // SAFETY: whole figures.
            unsafe { Figures::is_expected_at(figures) }
        };
        assert!(expected(&Figures::new()));
        assert!(!expected(&Figures { size: 4167, ..Figures::new() }));
        assert!(!expected(&Figures { version: 5, ..Figures::new() }));
        // SAFETY: null is allowed.
        assert!(!unsafe { Figures::is_expected_at(core::ptr::null()) });
    }

    #[test]
    fn names_come_in_the_order_of_the_interface() {
        let mut figures = Figures::new();
        figures.reserved = CountValue { total: 64, peak: 63, current: 62 };
        figures.page_searches = 2;
        let mut names = Vec::new();
        figures.visit(&mut |name, value| {
            names.push(name);
            match (name, value) {
                ("reserved", _) => assert_eq!(value, Value::Count(figures.reserved)),
                ("page_searches", _) => assert_eq!(value, Value::Counter(2)),
                (_, Value::Count(count)) => assert_eq!(count, CountValue::default()),
                (_, Value::Counter(counter)) => assert_eq!(counter, 0),
            }
        });
        let expected = "pages reserved committed reset purged page_committed pages_abandoned threads malloc_normal \
            malloc_huge malloc_requested mmap_calls commit_calls reset_calls purge_calls arena_count \
            malloc_normal_count malloc_huge_count malloc_guarded_count arena_rollback_count arena_purges \
            pages_extended pages_retire page_searches page_searches_count segments segments_abandoned \
            segments_cache _segments_reserved pages_reclaim_on_alloc pages_reclaim_on_free pages_reabandon_full \
            pages_unabandon_busy_wait";
        assert_eq!(names, expected.split_whitespace().collect::<Vec<_>>());
    }
}
