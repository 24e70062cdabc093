//! Memory calls that fail, each in turn: requests are granted or refused, live blocks keep their contents, and the heap
//! serves on once memory is back.
#![cfg(all(unix, feature = "fake-os"))]

mod common;

use common::{RULES, Rimalloc, resident};
use rimalloc_core::os::fake;
use std::process::Command;
use std::thread;
use testkit::{
    AllocEntry, FreeEntry, Limits, Mix, Op, Request, ResizeEntry, Rng, Rules, Shadow, Violation,
};

/// Set to the answer of the overcommit question in processes that run [`worker`].
const MODE: &str = "RIMALLOC_TEST_OVERCOMMITS";

/// Growth, in bytes, from the first tenth of the failures to the last.
const GROWTH: usize = 32 << 20;

const SIZES: [usize; 12] =
    [0, 8, 16, 100, 1024, 5000, 40_000, 70_000, 300_000, 1 << 20, 5 << 20, 20 << 20];

fn request(size: usize, align: usize) -> Request {
    Request { count: 1, size, align, offset: 0 }
}

/// Every way to get memory, in an order and amount that is always the same.
fn fixed_ops() -> Vec<Op> {
    let mut ops = Vec::new();
    for size in SIZES {
        // Zeroed blocks are read to their end, which the largest are too slow for.
        let entry = if size > 1 << 20 { AllocEntry::Mallocn } else { AllocEntry::Zalloc };
        ops.push(Op::Alloc { entry: AllocEntry::Malloc, request: request(size, 1) });
        ops.push(Op::Alloc { entry, request: request(size, 1) });
        for align in [64, 4096, 1 << 20, 64 << 20] {
            ops.push(Op::Alloc { entry: AllocEntry::MallocAligned, request: request(size, align) });
        }
        let at = Request { count: 1, size, align: 256, offset: 40 };
        ops.push(Op::Alloc {
            entry: AllocEntry::ZallocAlignedAt,
            request: Request { size: size % (1 << 20), ..at },
        });
    }
    for doubling in 4..=25 {
        for (block, entry) in [
            (0, ResizeEntry::Realloc),
            (1, ResizeEntry::Rezalloc),
            (2, ResizeEntry::ReallocAligned),
        ] {
            let size =
                if entry == ResizeEntry::Rezalloc { 1 << doubling.min(20) } else { 1 << doubling };
            ops.push(Op::Resize { entry, block: Some(block), request: request(size, 4096) });
        }
    }
    for block in 0..30 {
        ops.push(Op::Free { entry: FreeEntry::ALL[block % 4], block });
    }
    ops.push(Op::Collect { force: true });
    let mut rng = Rng::new(5);
    let mix = Mix { largest: 2 << 20, ..Mix::FULL };
    ops.extend((0..400).map(|_| Op::draw(&mut rng, mix)));
    ops
}

/// Runs the operations on a thread of its own, so that the memory of a new thread is among what is refused.
fn run(ops: &[Op], may_refuse: bool) -> Result<(), Violation> {
    let rules = Rules { may_refuse, ..RULES };
    let work = || {
        let mut shadow = Shadow::new(&Rimalloc, rules, Limits::ALONE, 9);
        ops.iter().try_for_each(|op| shadow.apply(op))?;
        shadow.finish()?;
        rimalloc_core::collect::collect(true);
        Ok(())
    };
    thread::scope(|scope| scope.spawn(work).join().expect("violations are returned"))
}

/// Runs with the failures that `arm` sets up, then without any.
fn survive(ops: &[Op], n: u64, arm: fn(u64)) {
    arm(n);
    let outcome = run(ops, true);
    fake::never_fail();
    if let Err(violation) = outcome {
        panic!("call {n} failed: {violation}");
    }
    if let Err(violation) = run(ops, false) {
        panic!("after call {n} failed and memory is back: {violation}");
    }
}

/// All failures of one process. It does nothing unless [`in_a_process`] starts it.
#[test]
fn worker() {
    let Ok(mode) = std::env::var(MODE) else { return };
    fake::set_overcommits(Some(mode == "true"));
    let ops = fixed_ops();
    let before = fake::calls();
    if let Err(violation) = run(&ops, false) {
        panic!("without a failure: {violation}");
    }
    let calls = fake::calls() - before;
    assert!(calls > 0, "the workload makes no memory call");
    let mut early = 0;
    for n in 1..=calls {
        survive(&ops, n, fake::fail_nth);
        if n <= calls / 10 + 1 {
            early = early.max(resident());
        }
    }
    for n in (1..=calls).step_by(5) {
        survive(&ops, n, fake::fail_from);
    }
    let late = resident();
    assert!(
        late <= early + GROWTH,
        "resident size went from {} to {} KiB",
        early >> 10,
        late >> 10
    );
}

/// Runs [`worker`] in a process that has not reserved anything yet, which the answer has to come before.
fn in_a_process(overcommits: &str) {
    let program = std::env::current_exe().expect("the path of this test");
    let output = Command::new(program)
        .args(["--exact", "worker", "--nocapture"])
        .env(MODE, overcommits)
        .output()
        .expect("this test can be started");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}: {text}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout)
    );
}

#[test]
fn each_failing_call_is_survived_where_the_system_overcommits() {
    in_a_process("true");
}

#[test]
fn each_failing_call_is_survived_where_memory_is_committed() {
    in_a_process("false");
}
