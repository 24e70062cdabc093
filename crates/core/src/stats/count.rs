//! Quantities that any thread changes, and their values.

use crate::sync::plain::{AtomicU64, Ordering};

/// A quantity that goes up and down.
pub struct Count {
    pub(super) total: AtomicU64,
    pub(super) peak: AtomicU64,
    /// The bits of a signed number: a decrease can overtake its increase for a moment.
    current: AtomicU64,
}

/// A [`Count`] at one moment, or the sum of several. Parts may have been at their highest at different times: the peak
/// of a sum is at least that of each part, and the sum that anybody saw.
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

/// A quantity that goes up and down, whose total is known otherwise.
pub struct Level {
    /// As in a [`Count`].
    current: AtomicU64,
    peak: AtomicU64,
}

/// A quantity that only grows.
pub struct Counter(AtomicU64);

impl Count {
    pub(crate) const fn new() -> Self {
        let [total, peak, current] = [const { AtomicU64::new(0) }; 3];
        Self { total, peak, current }
    }

    /// Adds an amount.
    pub fn increase(&self, amount: usize) {
        let amount = amount as u64;
        self.total.fetch_add(amount, Ordering::Relaxed);
        let current = self.current.fetch_add(amount, Ordering::Relaxed).wrapping_add(amount);
        raise(&self.peak, current.cast_signed());
    }

    /// Takes an amount away again.
    pub fn decrease(&self, amount: usize) {
        self.current.fetch_sub(amount as u64, Ordering::Relaxed);
    }

    /// The values now.
    pub fn get(&self) -> CountValue {
        let read = |word: &AtomicU64| word.load(Ordering::Relaxed).cast_signed().max(0);
        let current = read(&self.current);
        CountValue { total: read(&self.total), peak: read(&self.peak).max(current), current }
    }

    pub(super) fn put(&self, figure: &mut CountValue) {
        *figure = self.get();
    }

    /// Passes everything on.
    pub(super) fn move_to(&self, other: &Self) {
        move_word(&self.total, &other.total);
        raise(&other.peak, self.peak.swap(0, Ordering::Relaxed).cast_signed());
        let current = self.current.swap(0, Ordering::Relaxed);
        if current != 0 {
            let before = other.current.fetch_add(current, Ordering::Relaxed);
            raise(&other.peak, before.wrapping_add(current).cast_signed());
        }
    }

    /// Starts anew. What exists still exists, as if it had just been made.
    pub(crate) fn reset(&self) {
        let current = self.get().current.cast_unsigned();
        self.total.store(current, Ordering::Relaxed);
        self.peak.store(current, Ordering::Relaxed);
    }
}

impl Level {
    pub(crate) const fn new() -> Self {
        let [current, peak] = [const { AtomicU64::new(0) }; 2];
        Self { current, peak }
    }

    /// Adds an amount.
    pub fn increase(&self, amount: usize) {
        let amount = amount as u64;
        let current = self.current.fetch_add(amount, Ordering::Relaxed).wrapping_add(amount);
        raise(&self.peak, current.cast_signed());
    }

    /// Takes an amount away again.
    pub fn decrease(&self, amount: usize) {
        self.current.fetch_sub(amount as u64, Ordering::Relaxed);
    }

    /// Passes everything on.
    pub(super) fn move_to(&self, other: &Self) {
        raise(&other.peak, self.peak.swap(0, Ordering::Relaxed).cast_signed());
        move_word(&self.current, &other.current);
    }

    /// The rest of the figure is known already.
    pub(super) fn put(&self, figure: &mut CountValue) {
        let peak = self.peak.load(Ordering::Relaxed).cast_signed();
        figure.peak = peak.max(figure.current);
    }

    pub(crate) fn reset(&self) {
        let current = self.current.load(Ordering::Relaxed).cast_signed().max(0);
        self.peak.store(current.cast_unsigned(), Ordering::Relaxed);
    }
}

/// Makes `peak` at least `current`, and says what it is. Most values are no peak, and reading is cheaper than a change
/// that changes nothing.
pub(super) fn raise(peak: &AtomicU64, current: i64) -> i64 {
    let highest = peak.load(Ordering::Relaxed).cast_signed();
    if current > highest {
        peak.fetch_max(current.cast_unsigned(), Ordering::Relaxed);
    }
    highest.max(current)
}

/// Adds a number, which may be negative, to a word that holds one.
pub(super) fn add(word: &AtomicU64, number: i64) {
    if number != 0 {
        word.fetch_add(number.cast_unsigned(), Ordering::Relaxed);
    }
}

/// Passes a count on to another word.
pub(super) fn move_word(from: &AtomicU64, to: &AtomicU64) {
    if from.load(Ordering::Relaxed) != 0 {
        to.fetch_add(from.swap(0, Ordering::Relaxed), Ordering::Relaxed);
    }
}

impl Counter {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(super) fn put(&self, figure: &mut i64) {
        *figure = self.get();
    }

    /// Passes everything on.
    pub(super) fn move_to(&self, other: &Self) {
        move_word(&self.0, &other.0);
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

    pub(crate) fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
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
        assert_eq!(count.get(), value(4, 4, 4));
        count.decrease(4);
        assert_eq!(count.get(), value(4, 4, 0));
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
}
