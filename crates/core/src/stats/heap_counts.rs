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
        raise(&other.block_peak, self.block_peak.load(Ordering::Relaxed).cast_signed());
        other.raise_page_peak(self.page_peak.load(Ordering::Relaxed));
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

    /// Counts a new page. `block_size` is that of its block when it has only one.
    pub fn make_page(&self, bin: usize, block_size: usize) {
        self.slots[slot_of(bin)].make_page();
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
        for (from, to) in self.slots.iter().zip(&other.slots) {
            from.move_to(to);
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
            raise(to, from.load(Ordering::Relaxed).cast_signed());
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

fn restart(peak: &AtomicU64, current: i64) {
    peak.store(current.max(0).cast_unsigned(), Ordering::Relaxed);
}
