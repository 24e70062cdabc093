//! Many threads that free, resize and check each other's blocks.

mod common;
mod process;

use common::{RULES, Rimalloc};
use testkit::threads::{Plan, Tally, exchange};
use testkit::{Limits, Mix, scaled};

const PLAN: Plan = Plan {
    threads: 8,
    generations: 1,
    ops: 25_000,
    slots: 512,
    seed: 1,
    mix: Mix::MODEST,
    rules: RULES,
    limits: Limits::SHARED,
};

fn run(plan: Plan) -> Tally {
    let plan = Plan { ops: scaled(plan.ops), ..plan };
    let tally = exchange(&Rimalloc, plan).unwrap_or_else(|violation| panic!("{violation}"));
    assert!(tally.passed > plan.ops / 10, "hardly a block changed hands: {tally:?}");
    tally
}

#[test]
fn threads_exchange_blocks_of_all_shared_sizes() {
    run(PLAN);
}

#[test]
fn threads_exchange_tiny_blocks() {
    // Few slots and small blocks: the same pages are freed into by all threads at once.
    run(Plan { mix: Mix::TINY, slots: 64, ops: 50_000, seed: 2, ..PLAN });
}

#[test]
fn threads_exchange_large_blocks() {
    let limits = Limits { blocks: 64, bytes: 32 << 20 };
    run(Plan { mix: Mix::FULL, slots: 32, ops: 4_000, limits, threads: 4, seed: 3, ..PLAN });
}

#[test]
fn threads_end_and_leave_their_blocks_to_others() {
    let tally = run(Plan { generations: 50, ops: 800, slots: 1024, seed: 4, ..PLAN });
    assert!(tally.left > 512, "{tally:?}");
}

#[test]
fn more_threads_than_processors_exchange() {
    run(Plan { threads: 64, ops: 2_000, seed: 5, ..PLAN });
}

/// Chores look at every page, and may give any of them back, in the middle of the slow path.
#[test]
fn threads_that_do_their_chores_all_the_time_exchange() {
    let name = "threads_that_do_their_chores_all_the_time_exchange";
    process::alone(name, &[("MIMALLOC_GENERIC_COLLECT", "1")], || {
        run(Plan { generations: 20, ops: 2_000, seed: 6, ..PLAN });
        let limits = Limits { blocks: 64, bytes: 32 << 20 };
        run(Plan { mix: Mix::FULL, slots: 32, ops: 4_000, limits, threads: 4, seed: 7, ..PLAN });
    });
}
