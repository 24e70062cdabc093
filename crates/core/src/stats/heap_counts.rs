//! What is counted of each heap.
//!
//! Blocks that share a page are counted when lists of them change hands: a list that a theap's fast path is given
//! counts as allocated, and what is still on it is taken off when somebody asks, see [`census`](crate::census).
//! Pages, and blocks that have one of their own, are counted as they come and go.

use super::count::{add, move_word, raise};
use super::figures::Figure;
use super::{Count, CountValue, Events, Figures, bins};
use crate::config::SLICE_SIZE;
use crate::size_class::{self, BIN_COUNT, HUGE_BIN};
use crate::sync::plain::{AtomicU32, AtomicU64, Ordering};

/// Bins in which a heap can have anything: up to that of the largest blocks which share a page, and one more for
/// those that don't.
pub const SLOTS: usize = 50;

/// The slot of blocks with a page of their own.
pub const HUGE_SLOT: usize = SLOTS - 1;

/// The slot of each of the engine's bins.
const SLOT_OF: [u8; BIN_COUNT + 1] = {
    let mut slots = [size_class::bin_byte(HUGE_SLOT); BIN_COUNT + 1];
    let mut bin = 0;
    while bin < BIN_COUNT {
        slots[bin] = size_class::bin_byte(bins::bin_of(size_class::block_size(bin)));
        bin += 1;
    }
    slots
};

const _: () = assert!(SLOT_OF[BIN_COUNT - 1] as usize + 1 == HUGE_SLOT);
const _: () = assert!(HUGE_BIN == BIN_COUNT);

/// The first of the engine's bins in each slot; those of a slot follow one another.
const FIRST_BIN: [u8; SLOTS] = {
    let mut first = [size_class::bin_byte(BIN_COUNT); SLOTS];
    let mut bin = BIN_COUNT;
    while bin > 0 {
        bin -= 1;
        let slot = SLOT_OF[bin] as usize;
        first[slot] = size_class::bin_byte(bin);
    }
    let mut slot = HUGE_SLOT;
    while slot > 0 {
        slot -= 1;
        // Slots without a bin are empty ranges.
        if SLOT_OF[first[slot] as usize % BIN_COUNT] as usize != slot {
            first[slot] = first[slot + 1];
        }
    }
    first
};

/// The slot of a bin of the engine's.
pub fn slot_of(bin: usize) -> usize {
    SLOT_OF[bin].into()
}

/// The bin in which a slot is reported.
pub fn reported_bin(slot: usize) -> usize {
    if slot == HUGE_SLOT { bins::HUGE } else { slot }
}

/// Bytes that the pages of a slot hold; 0 for those of one block.
pub fn page_size(slot: usize) -> usize {
    if slot == HUGE_SLOT {
        return 0;
    }
    size_class::page_slices(size_class::bin_of(bins::block_size(slot))) * SLICE_SIZE
}

/// Blocks and pages of one slot.
#[derive(Default)]
struct Slot {
    /// Blocks on lists given to fast paths, less those taken back. A signed number: a thread may take back what
    /// another one's count has.
    handed: AtomicU64,
    /// Most live blocks that anybody saw who asked.
    block_peak: AtomicU64,
    page_total: AtomicU64,
    page_current: AtomicU32,
    page_peak: AtomicU32,
}

impl Slot {
    const fn new() -> Self {
        let [handed, block_peak, page_total] = [const { AtomicU64::new(0) }; 3];
        let [page_current, page_peak] = [const { AtomicU32::new(0) }; 2];
        Self { handed, block_peak, page_total, page_current, page_peak }
    }

    fn make_page(&self) {
        self.page_total.fetch_add(1, Ordering::Relaxed);
        let current = self.page_current.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        self.raise_page_peak(current);
    }

    fn end_page(&self) {
        self.page_current.fetch_sub(1, Ordering::Relaxed);
    }

    fn raise_page_peak(&self, current: u32) {
        if current > self.page_peak.load(Ordering::Relaxed) {
            self.page_peak.fetch_max(current, Ordering::Relaxed);
        }
    }

    fn pages(&self) -> CountValue {
        let current = self.page_current.load(Ordering::Relaxed);
        CountValue {
            total: self.page_total.load(Ordering::Relaxed).cast_signed(),
            peak: self.page_peak.load(Ordering::Relaxed).max(current).into(),
            current: current.into(),
        }
    }

    fn move_to(&self, other: &Self) {
        move_word(&self.handed, &other.handed);
        move_word(&self.page_total, &other.page_total);
        move_peak(&self.block_peak, &other.block_peak);
        other.raise_page_peak(self.page_peak.swap(0, Ordering::Relaxed));
        let current = self.page_current.swap(0, Ordering::Relaxed);
        if current != 0 {
            let before = other.page_current.fetch_add(current, Ordering::Relaxed);
            other.raise_page_peak(before.wrapping_add(current));
        }
    }
}

/// Sums over all bins at their highest, as far as anybody saw who asked.
#[derive(Default)]
struct Peaks {
    normal: AtomicU64,
    pages: AtomicU64,
    page_committed: AtomicU64,
    abandoned: AtomicU64,
}

impl Peaks {
    const fn new() -> Self {
        let [normal, pages, page_committed, abandoned] = [const { AtomicU64::new(0) }; 4];
        Self { normal, pages, page_committed, abandoned }
    }

    /// Each peak with the figure that it is one of.
    fn each(&self, figures: &mut Figures, f: impl Fn(&AtomicU64, &mut CountValue)) {
        f(&self.normal, &mut figures.malloc_normal);
        f(&self.pages, &mut figures.pages);
        f(&self.page_committed, &mut figures.page_committed);
        f(&self.abandoned, &mut figures.pages_abandoned);
    }
}

/// The counts of a heap, or what heaps that ended have left to their sub-process.
pub struct HeapCounts {
    slots: [Slot; SLOTS],
    /// A bit for each slot in which a page was ever made.
    used: AtomicU64,
    /// The bytes of all blocks that `handed` counts.
    handed_bytes: AtomicU64,
    /// Bytes in blocks with a page of their own.
    huge: Count,
    /// What ended theaps have counted.
    events: Events,
    peaks: Peaks,
}

impl Default for HeapCounts {
    fn default() -> Self {
        Self::new()
    }
}

impl HeapCounts {
    /// Nothing counted.
    pub const fn new() -> Self {
        Self {
            slots: [const { Slot::new() }; SLOTS],
            used: AtomicU64::new(0),
            handed_bytes: AtomicU64::new(0),
            huge: Count::new(),
            events: Events::new(),
            peaks: Peaks::new(),
        }
    }

    /// Counts `blocks` blocks of a bin as handed to a fast path; a negative number takes some back.
    pub fn hand(&self, bin: usize, blocks: i64) {
        let bytes = blocks.wrapping_mul(size_class::block_size(bin).cast_signed() as i64);
        add(&self.slots[slot_of(bin)].handed, blocks);
        add(&self.handed_bytes, bytes);
    }

    /// The engine's bins in which the heap may have blocks.
    pub fn bins(&self) -> impl Iterator<Item = usize> {
        bits(self.used.load(Ordering::Relaxed) & !(1 << HUGE_SLOT))
            .flat_map(|slot| usize::from(FIRST_BIN[slot])..usize::from(FIRST_BIN[slot + 1]))
    }

    /// Counts a new page. `block_size` is that of its block when it has only one.
    pub fn make_page(&self, bin: usize, block_size: usize) {
        let slot = slot_of(bin);
        if self.used.load(Ordering::Relaxed) & 1 << slot == 0 {
            self.used.fetch_or(1 << slot, Ordering::Relaxed);
        }
        self.slots[slot].make_page();
        if bin == HUGE_BIN {
            self.huge.increase(block_size);
        }
    }

    /// Counts the end of a page.
    pub fn end_page(&self, bin: usize, block_size: usize) {
        self.slots[slot_of(bin)].end_page();
        if bin == HUGE_BIN {
            self.huge.decrease(block_size);
        }
    }

    /// Counts a new size of a block with a page of its own. What is added counts as allocated.
    pub fn resize(&self, old: usize, new: usize) {
        self.huge.increase(new.saturating_sub(old));
        self.huge.decrease(old.saturating_sub(new));
    }

    /// Adds what a theap counted that ends, or starts anew.
    pub fn add_events(&self, events: &Events) {
        events.move_to(&self.events);
    }

    /// Passes everything on.
    #[inline(never)]
    pub fn move_to(&self, other: &Self) {
        let used = self.used.swap(0, Ordering::Relaxed);
        other.used.fetch_or(used, Ordering::Relaxed);
        for slot in bits(used) {
            self.slots[slot].move_to(&other.slots[slot]);
        }
        move_word(&self.handed_bytes, &other.handed_bytes);
        self.huge.move_to(&other.huge);
        self.events.move_to(&other.events);
        let Peaks { normal, pages, page_committed, abandoned } = &self.peaks;
        for (from, to) in [
            (normal, &other.peaks.normal),
            (pages, &other.peaks.pages),
            (page_committed, &other.peaks.page_committed),
            (abandoned, &other.peaks.abandoned),
        ] {
            move_peak(from, to);
        }
    }

    /// Adds the counts to figures. What is still on lists, and what of it is live, is for others to say.
    #[inline(never)]
    pub fn add_to(&self, figures: &mut Figures) {
        for (slot, counts) in self.slots.iter().enumerate() {
            let bin = reported_bin(slot);
            let blocks = &mut figures.malloc_bins[bin];
            let handed = counts.handed.load(Ordering::Relaxed).cast_signed();
            blocks.total = blocks.total.wrapping_add(handed);
            blocks.peak = blocks.peak.max(counts.block_peak.load(Ordering::Relaxed).cast_signed());
            figures.page_bins[bin].merge(counts.pages());
        }
        let bytes = self.handed_bytes.load(Ordering::Relaxed).cast_signed();
        figures.malloc_normal.total = figures.malloc_normal.total.wrapping_add(bytes);
        figures.malloc_huge.merge(self.huge.get());
        self.events.add_to(figures);
        self.peaks.each(figures, |peak, figure| {
            figure.peak = figure.peak.max(peak.load(Ordering::Relaxed).cast_signed());
        });
    }

    /// Notes how high the figures are, and makes them tell how high they were.
    #[inline(never)]
    pub fn note_peaks(&self, figures: &mut Figures) {
        for (slot, counts) in self.slots[..HUGE_SLOT].iter().enumerate() {
            let blocks = &mut figures.malloc_bins[slot];
            blocks.peak = raise(&counts.block_peak, blocks.current).max(blocks.peak);
        }
        for (slot, counts) in self.slots.iter().enumerate() {
            let pages = &mut figures.page_bins[reported_bin(slot)];
            counts.raise_page_peak(u32::try_from(pages.current).unwrap_or(u32::MAX));
            pages.peak = pages.peak.max(pages.current);
        }
        let huge = &mut figures.malloc_huge;
        huge.peak = raise(&self.huge.peak, huge.current).max(huge.peak);
        self.peaks.each(figures, |peak, figure| {
            figure.peak = raise(peak, figure.current).max(figure.peak);
        });
    }

    /// Adds what has ended of that which the figures tell, and their peaks.
    #[inline(never)]
    pub fn add_ended(&self, figures: &Figures) {
        let mut copy = *figures;
        self.peaks.each(&mut copy, |peak, figure| _ = raise(peak, figure.peak));
        for (slot, counts) in self.slots.iter().enumerate() {
            let bin = reported_bin(slot);
            raise(&counts.block_peak, copy.malloc_bins[bin].peak);
            counts.raise_page_peak(u32::try_from(copy.page_bins[bin].peak).unwrap_or(u32::MAX));
        }
        raise(&self.huge.peak, copy.malloc_huge.peak);
        copy.keep_ended();
        self.shift(&copy, 1);
    }

    /// Takes off what has ended of that which the figures tell of these counts, and starts peaks anew: what there is
    /// stays, as if it had just been made.
    #[inline(never)]
    pub fn take_ended(&self, figures: &Figures) {
        let mut copy = *figures;
        self.peaks.each(&mut copy, |peak, figure| restart(peak, figure.current));
        for (slot, counts) in self.slots.iter().enumerate() {
            restart(&counts.block_peak, copy.malloc_bins[reported_bin(slot)].current);
            let pages = counts.page_current.load(Ordering::Relaxed);
            counts.page_peak.store(pages, Ordering::Relaxed);
        }
        restart(&self.huge.peak, copy.malloc_huge.current);
        copy.keep_ended();
        self.shift(&copy, -1);
    }

    fn shift(&self, figures: &Figures, sign: i64) {
        for (slot, counts) in self.slots.iter().enumerate() {
            let bin = reported_bin(slot);
            if slot != HUGE_SLOT {
                add(&counts.handed, figures.malloc_bins[bin].total.wrapping_mul(sign));
            }
            add(&counts.page_total, figures.page_bins[bin].total.wrapping_mul(sign));
        }
        add(&self.handed_bytes, figures.malloc_normal.total.wrapping_mul(sign));
        add(&self.huge.total, figures.malloc_huge.total.wrapping_mul(sign));
        self.events.shift(figures, sign);
    }
}

/// The numbers of the bits that are set.
fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let bit = (word != 0).then(|| word.trailing_zeros() as usize)?;
        word &= word - 1;
        Some(bit)
    })
}

fn move_peak(from: &AtomicU64, to: &AtomicU64) {
    raise(to, from.swap(0, Ordering::Relaxed).cast_signed());
}

fn restart(peak: &AtomicU64, current: i64) {
    peak.store(current.max(0).cast_unsigned(), Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    fn count(total: i64, peak: i64, current: i64) -> CountValue {
        CountValue { total, peak, current }
    }

    fn figures(counts: &HeapCounts) -> Figures {
        let mut figures = Figures::new();
        counts.add_to(&mut figures);
        figures
    }

    #[test]
    fn slots_are_the_reported_bins() {
        for bin in 0..BIN_COUNT {
            let size = size_class::block_size(bin);
            assert_eq!(reported_bin(slot_of(bin)), bins::bin_of(size));
            assert_eq!(page_size(slot_of(bin)), size_class::page_slices(bin) * SLICE_SIZE);
        }
        assert_eq!(reported_bin(slot_of(HUGE_BIN)), bins::HUGE);
        assert_eq!(page_size(HUGE_SLOT), 0);
    }

    #[test]
    fn bins_are_those_of_pages_that_were_made() {
        let counts = HeapCounts::new();
        assert_eq!(counts.bins().count(), 0);
        counts.make_page(HUGE_BIN, 1 << 20);
        assert_eq!(counts.bins().count(), 0);
        for bin in (0..BIN_COUNT).rev() {
            counts.make_page(bin, size_class::block_size(bin));
            assert!(counts.bins().any(|other| other == bin), "{bin}");
        }
        assert!(counts.bins().eq(0..BIN_COUNT));
    }

    #[test]
    fn pages_and_blocks_are_counted_and_passed_on() {
        let (counts, heir) = (HeapCounts::new(), HeapCounts::new());
        for _ in 0..3 {
            counts.make_page(1, 16);
        }
        counts.end_page(1, 16);
        counts.make_page(HUGE_BIN, 1 << 20);
        counts.resize(1 << 20, 3 << 20);
        counts.resize(3 << 20, 2 << 20);
        counts.hand(1, 100);
        counts.hand(1, -40);
        heir.make_page(1, 16);
        let told = figures(&counts);
        assert_eq!(told.page_bins[2], count(3, 3, 2));
        assert_eq!((told.malloc_bins[2].total, told.malloc_normal.total), (60, 960));
        assert_eq!(told.malloc_huge, count(3 << 20, 3 << 20, 2 << 20));

        counts.move_to(&heir);
        assert!(figures(&counts) == Figures::new(), "nothing is left");
        let told = figures(&heir);
        assert_eq!(told.page_bins[2], count(4, 3, 3));
        assert_eq!(told.page_bins[bins::HUGE], count(1, 1, 1));
        assert_eq!((told.malloc_bins[2].total, told.malloc_normal.total), (60, 960));
        assert_eq!(told.malloc_huge, count(3 << 20, 3 << 20, 2 << 20));
        heir.end_page(HUGE_BIN, 2 << 20);
        assert_eq!(figures(&heir).malloc_huge.current, 0);
    }

    #[test]
    fn what_has_ended_is_taken_off_and_what_there_is_stays() {
        let (counts, heir) = (HeapCounts::new(), HeapCounts::new());
        counts.make_page(1, 16);
        counts.make_page(1, 16);
        counts.end_page(1, 16);
        counts.hand(1, 50);
        let mut told = figures(&counts);
        told.malloc_bins[2].current = 20;
        told.malloc_normal.current = 320;
        counts.note_peaks(&mut told);
        assert_eq!((told.malloc_bins[2].peak, told.malloc_normal.peak), (20, 320));
        counts.take_ended(&told);
        heir.add_ended(&told);
        let left = figures(&counts);
        assert_eq!((left.malloc_bins[2].total, left.malloc_normal.total), (20, 320));
        assert_eq!((left.malloc_bins[2].peak, left.page_bins[2]), (20, count(1, 1, 1)));
        let passed = figures(&heir);
        assert_eq!((passed.malloc_bins[2].total, passed.malloc_normal.total), (30, 480));
        assert_eq!(passed.page_bins[2], count(1, 2, 0));
    }

    #[test]
    fn bits_are_found_from_the_lowest() {
        assert_eq!(bits(0).count(), 0);
        assert_eq!(bits(1 | 1 << 5 | 1 << 63).collect::<Vec<_>>(), [0, 5, 63]);
    }
}
