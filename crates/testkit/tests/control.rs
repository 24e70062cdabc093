//! The kit against the C library's allocator, which keeps the promises it is held to: no check may fire.

use testkit::threads::{Plan, exchange};
use testkit::{Limits, Mix, Rules, System, run_seed, scaled};

#[test]
fn the_system_allocator_passes_single_threaded_runs() {
    for seed in 1..=4 {
        let outcome =
            run_seed(&System, Rules::LIBC, Limits::ALONE, Mix::FULL, seed, scaled(20_000));
        assert!(outcome.is_ok(), "{}", outcome.expect_err("not ok"));
    }
}

#[test]
fn the_system_allocator_passes_an_exchange() {
    let plan = Plan {
        threads: 8,
        generations: 4,
        ops: scaled(4_000),
        slots: 256,
        seed: 11,
        mix: Mix::MODEST,
        rules: Rules::LIBC,
        limits: Limits::SHARED,
    };
    let tally = exchange(&System, plan).unwrap_or_else(|violation| panic!("{violation}"));
    assert!(tally.passed > plan.threads * plan.ops / 10, "{tally:?}");
    assert!(tally.left > plan.slots / 2, "{tally:?}");
}

#[test]
fn a_failed_call_is_no_violation_where_memory_may_run_out() {
    let rules = Rules { may_refuse: true, ..Rules::LIBC };
    let outcome = run_seed(&System, rules, Limits::ALONE, Mix::MODEST, 5, 5_000);
    assert!(outcome.is_ok(), "{outcome:?}");
}
