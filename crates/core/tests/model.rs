//! Operations of a single thread against the shadow model: drawn ones that shrink, and long seeded runs.

mod common;

use common::{RULES, Rimalloc};
use proptest::prelude::*;
use proptest::sample::select;
use testkit::{
    AllocEntry, FreeEntry, Limits, Mix, Op, Request, ResizeEntry, Shadow, run_seed, scaled,
};

const IMPOSSIBLE: usize = isize::MAX as usize + 1;

fn size() -> impl Strategy<Value = usize> {
    // One less than, equal to and one more than sizes of which eight lie in each doubling, as bins do.
    let boundary = (8..16_usize, 3..18_u32, 0..3_usize)
        .prop_map(|(n, shift, about)| ((n << shift) >> 3) + about - 1);
    prop_oneof![
        4 => Just(0_usize),
        60 => 1..=64_usize,
        60 => boundary,
        30 => 65..=1024_usize,
        30 => 1025..=65_536_usize,
        6 => 65_537..=4_usize << 20,
        1 => 16_usize << 20..=64 << 20,
        2 => (0..8192_usize).prop_map(|above| IMPOSSIBLE + above),
        2 => (0..8192_usize).prop_map(|below| usize::MAX - below),
    ]
}

fn align() -> impl Strategy<Value = usize> {
    prop_oneof![
        20 => (0..13_u32).prop_map(|exponent| 1 << exponent),
        8 => (13..=22_u32).prop_map(|exponent| 1 << exponent),
        1 => select(vec![0, 3, 24, 4095, IMPOSSIBLE, usize::MAX]),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    let count = prop_oneof![8 => Just(1_usize), 4 => 0..9_usize, 1 => Just(usize::MAX / 2)];
    let offset = prop_oneof![4 => Just(0_usize), 4 => 0..256_usize, 1 => 0..1_usize << 20];
    (count, size(), align(), offset).prop_map(|(count, size, align, offset)| {
        // A few elements are to stay as affordable as one.
        let size = if (2..9).contains(&count) && size < IMPOSSIBLE { size / count } else { size };
        Request { count, size, align, offset }
    })
}

fn op() -> impl Strategy<Value = Op> {
    let block = || 0..256_usize;
    prop_oneof![
        40 => (select(&AllocEntry::ALL[..]), request()).prop_map(|(entry, request)| Op::Alloc { entry, request }),
        20 => (select(&ResizeEntry::ALL[..]), prop::option::weighted(0.9, block()), request())
            .prop_map(|(entry, block, request)| Op::Resize { entry, block, request }),
        5 => (block(), size()).prop_map(|(block, size)| Op::Expand { block, size }),
        25 => (select(&FreeEntry::ALL[..]), block()).prop_map(|(entry, block)| Op::Free { entry, block }),
        1 => select(&FreeEntry::ALL[..]).prop_map(Op::FreeNull),
        3 => block().prop_map(|block| Op::Inspect { block }),
        1 => any::<bool>().prop_map(|force| Op::Collect { force }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: u32::try_from(scaled(300)).unwrap_or(u32::MAX),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_model_agrees_with_any_sequence(ops in prop::collection::vec(op(), 1..300)) {
        let limits = Limits { blocks: 256, bytes: 128 << 20 };
        let mut shadow = Shadow::new(&Rimalloc, RULES, limits, 1);
        for (step, op) in ops.iter().enumerate() {
            if let Err(violation) = shadow.apply(op) {
                return Err(TestCaseError::fail(format!("step {step}, {op:?}: {violation}")));
            }
        }
        shadow.finish().map_err(|violation| TestCaseError::fail(violation.to_string()))?;
    }
}

fn run(mix: Mix, seed: u64) {
    if let Err(failure) = run_seed(&Rimalloc, RULES, Limits::ALONE, mix, seed, scaled(200_000)) {
        panic!("{failure}");
    }
}

#[test]
fn a_long_run_of_tiny_blocks_agrees() {
    run(Mix::TINY, 1);
}

#[test]
fn a_long_run_of_modest_blocks_agrees() {
    run(Mix::MODEST, 2);
}

#[test]
fn a_long_run_of_all_sizes_agrees() {
    run(Mix::FULL, 3);
}

#[test]
fn every_size_of_the_shared_pages_agrees() {
    // Each size once in each form, with the neighbours alive.
    let mut shadow = Shadow::new(&Rimalloc, RULES, Limits { blocks: 64, bytes: 64 << 20 }, 4);
    for size in (0..=9000).chain((9001..=140_000).step_by(61)) {
        for entry in [AllocEntry::Malloc, AllocEntry::Zalloc] {
            let request = Request { count: 1, size, align: 1, offset: 0 };
            if let Err(violation) = shadow.apply(&Op::Alloc { entry, request }) {
                panic!("{entry:?} of {size}: {violation}");
            }
        }
    }
    if let Err(violation) = shadow.finish() {
        panic!("{violation}");
    }
}
