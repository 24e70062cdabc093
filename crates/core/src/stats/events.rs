//! What happens to pages on the slow paths, counted by each theap for itself.

use super::Figures;
use super::count::{add, move_word};
use crate::sync::plain::{AtomicU64, Ordering};

/// A kind of event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A search for a page with a free block.
    Search,
    /// A page that such a search looked at.
    Look,
    /// A page was abandoned because it was full.
    AbandonFull,
    /// A page was abandoned because its thread gave it up.
    Abandon,
    /// An abandoned page was adopted by a free.
    ReclaimOnFree,
    /// An abandoned page was adopted by an allocation.
    ReclaimOnAlloc,
    /// Blocks were added to a page.
    Extend,
    /// An empty page is kept for a while.
    Retire,
    /// A guarded block was made.
    Guard,
}

const KINDS: usize = Event::Guard as usize + 1;

/// How often each kind of event happened.
#[derive(Default)]
pub struct Events([AtomicU64; KINDS]);

impl Events {
    /// Nothing happened.
    pub const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; KINDS])
    }

    /// Counts events. Only for the one thread that counts here.
    #[inline]
    pub fn count(&self, event: Event, times: u64) {
        let word = &self.0[event as usize];
        word.store(word.load(Ordering::Relaxed).wrapping_add(times), Ordering::Relaxed);
    }

    /// Passes all counts on.
    pub fn move_to(&self, other: &Self) {
        for (from, to) in self.0.iter().zip(&other.0) {
            move_word(from, to);
        }
    }

    /// Adds the counts to the figures.
    pub fn add_to(&self, figures: &mut Figures) {
        let mut times = told(figures);
        for (sum, word) in times.iter_mut().zip(&self.0) {
            *sum = sum.wrapping_add(word.load(Ordering::Relaxed).cast_signed());
        }
        tell(times, figures);
    }

    /// Adds what the figures tell, `sign` times.
    pub(super) fn shift(&self, figures: &Figures, sign: i64) {
        for (word, times) in self.0.iter().zip(told(figures)) {
            add(word, times.wrapping_mul(sign));
        }
    }
}

/// What the figures tell of each kind of event.
fn told(figures: &Figures) -> [i64; KINDS] {
    let Figures { pages_abandoned, pages_reabandon_full, .. } = *figures;
    [
        figures.page_searches_count,
        figures.page_searches,
        pages_reabandon_full,
        pages_abandoned.total.wrapping_sub(pages_reabandon_full),
        figures.pages_reclaim_on_free,
        figures.pages_reclaim_on_alloc,
        figures.pages_extended,
        figures.pages_retire,
        figures.malloc_guarded_count,
    ]
}

/// Makes the figures tell it.
fn tell(times: [i64; KINDS], figures: &mut Figures) {
    let [searches, looks, full, given_up, on_free, on_alloc, extended, retired, guarded] = times;
    figures.page_searches_count = searches;
    figures.page_searches = looks;
    figures.pages_reabandon_full = full;
    figures.pages_abandoned.total = full.wrapping_add(given_up);
    figures.pages_reclaim_on_free = on_free;
    figures.pages_reclaim_on_alloc = on_alloc;
    figures.pages_extended = extended;
    figures.pages_retire = retired;
    figures.malloc_guarded_count = guarded;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_told_passed_on_and_taken_off() {
        let (events, heir) = (Events::new(), Events::new());
        events.count(Event::AbandonFull, 3);
        events.count(Event::Abandon, 2);
        events.count(Event::Retire, 1);
        events.count(Event::Look, 7);
        let mut figures = Figures::new();
        events.add_to(&mut figures);
        assert_eq!((figures.pages_abandoned.total, figures.pages_reabandon_full), (5, 3));
        assert_eq!((figures.pages_retire, figures.page_searches), (1, 7));

        heir.count(Event::Retire, 1);
        events.move_to(&heir);
        let mut twice = figures;
        heir.add_to(&mut twice);
        events.add_to(&mut twice);
        assert_eq!((twice.pages_abandoned.total, twice.pages_reabandon_full), (10, 6));
        assert_eq!((twice.pages_retire, twice.page_searches), (3, 14));

        heir.shift(&figures, -1);
        let mut rest = Figures::new();
        heir.add_to(&mut rest);
        let mut expected = Figures::new();
        expected.pages_retire = 1;
        assert_eq!(rest, expected);
    }
}
