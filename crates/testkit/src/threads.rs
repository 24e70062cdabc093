//! Exchange: threads that run their own models and pass blocks to each other.
#![allow(unsafe_code)]

use crate::{Block, FreeEntry, Limits, Mix, Op, Rng, Rules, Shadow, Subject, Violation};
use core::ptr::null_mut;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize};
use std::thread;

/// How threads exchange blocks.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Threads at a time.
    pub threads: usize,
    /// Threads that follow each other in each place. Their blocks stay behind in the slots.
    pub generations: usize,
    /// Operations of one thread.
    pub ops: usize,
    /// Places that hold a block for whoever comes by.
    pub slots: usize,
    /// What the operations are drawn from.
    pub seed: u64,
    /// How they are spread.
    pub mix: Mix,
    /// What the subject is held to.
    pub rules: Rules,
    /// How much each thread keeps.
    pub limits: Limits,
}

/// What happened in an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Blocks that another owner than their maker took up or freed.
    pub passed: usize,
    /// Blocks that outlived the last thread.
    pub left: usize,
}

/// A place for one block. Whoever swaps a block out owns it.
struct Slots(Vec<AtomicPtr<Block>>);

impl Slots {
    fn new(count: usize) -> Self {
        Self((0..count).map(|_| AtomicPtr::new(null_mut())).collect())
    }

    fn swap(&self, slot: usize, block: Option<Block>) -> Option<Block> {
        let new = block.map_or(null_mut(), |block| Box::into_raw(Box::new(block)));
        let old = self.0[slot].swap(new, AcqRel);
        // SAFETY: slots hold null or a leaked box, and the swap makes this thread its only owner.
        (!old.is_null()).then(|| unsafe { *Box::from_raw(old) })
    }
}

impl Drop for Slots {
    fn drop(&mut self) {
        // The records go; the blocks of a failed exchange are not touched again.
        for slot in 0..self.0.len() {
            self.swap(slot, None);
        }
    }
}

struct Market<'a> {
    subject: &'a dyn Subject,
    plan: Plan,
    slots: Slots,
    passed: AtomicUsize,
    stop: AtomicBool,
}

/// Runs the plan and frees every block at the end.
///
/// # Errors
/// At the first broken promise that any thread finds.
pub fn exchange(subject: &dyn Subject, plan: Plan) -> Result<Tally, Violation> {
    let slots = Slots::new(plan.slots);
    let market =
        Market { subject, plan, slots, passed: AtomicUsize::new(0), stop: AtomicBool::new(false) };
    let outcome = thread::scope(|scope| {
        let places: Vec<_> = (0..plan.threads)
            .map(|place| {
                scope.spawn({
                    let market = &market;
                    move || market.run_place(place)
                })
            })
            .collect();
        let outcomes =
            places.into_iter().map(|place| place.join().expect("workers return their failures"));
        // Every place is joined before the first failure is passed on.
        outcomes.collect::<Vec<_>>().into_iter().collect::<Result<Vec<()>, _>>()
    });
    outcome?;
    let mut left = 0;
    for slot in 0..plan.slots {
        if let Some(block) = market.slots.swap(slot, None) {
            block.verify_and_free(subject, FreeEntry::Free)?;
            left += 1;
        }
    }
    Ok(Tally { passed: market.passed.load(Acquire), left })
}

impl Market<'_> {
    /// Runs the generations of one place, each on a thread of its own.
    fn run_place(&self, place: usize) -> Result<(), Violation> {
        for generation in 0..self.plan.generations {
            let seed = self.plan.seed ^ ((place as u64) << 40) ^ ((generation as u64) << 20);
            let outcome = thread::scope(|scope| {
                // A joined thread is gone with all its thread-local state, before the next one begins.
                scope.spawn(|| self.run_worker(seed)).join().expect("workers return their failures")
            });
            if outcome.is_err() {
                self.stop.store(true, Relaxed);
            }
            outcome?;
        }
        Ok(())
    }

    fn run_worker(&self, seed: u64) -> Result<(), Violation> {
        let Plan { ops, mix, rules, limits, .. } = self.plan;
        let mut shadow = Shadow::new(self.subject, rules, limits, !seed);
        let mut rng = Rng::new(seed);
        for _ in 0..ops {
            if self.stop.load(Relaxed) {
                break;
            }
            if rng.one_in(5) {
                self.trade(&mut shadow, &mut rng)?
            } else {
                shadow.apply(&Op::draw(&mut rng, mix))?
            }
        }
        shadow.verify()?;
        while let Some(block) = shadow.take(0) {
            self.pass(block, &mut rng)?;
        }
        Ok(())
    }

    /// Puts a block into a slot. The one it displaces is kept or freed.
    fn trade(&self, shadow: &mut Shadow<'_>, rng: &mut Rng) -> Result<(), Violation> {
        let Some(block) = shadow.take(rng.below(1 << 20)) else { return Ok(()) };
        if rng.one_in(2) {
            return self.pass(block, rng);
        }
        match self.slots.swap(rng.below(self.plan.slots), Some(block)) {
            Some(other) => {
                self.passed.fetch_add(1, Relaxed);
                shadow.adopt(other)
            }
            None => Ok(()),
        }
    }

    /// Puts a block into a slot and frees the one it displaces.
    fn pass(&self, block: Block, rng: &mut Rng) -> Result<(), Violation> {
        match self.slots.swap(rng.below(self.plan.slots), Some(block)) {
            Some(other) => {
                self.passed.fetch_add(1, Relaxed);
                other.verify_and_free(self.subject, rng.pick(&FreeEntry::ALL))
            }
            None => Ok(()),
        }
    }
}
