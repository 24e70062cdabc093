//! Instructions that a call of the library takes, counted by callgrind: exact where time is not. Two runs
//! of different length are subtracted, which leaves the steady state.

mod common;

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use common::Link;
use testkit::callgrind::{self, Calls};

/// An operation and the instructions that it may take, with all that it calls.
struct Budget {
    name: &'static str,
    /// The loop of `tests/c/loops.c` that does it once a turn.
    turns_of: &'static str,
    half: Half,
    instructions: f64,
}

/// What of a turn counts.
#[derive(Clone, Copy)]
enum Half {
    Allocates,
    Frees,
    Both,
}

/// To watch another operation, add a loop for it to `loops.c` and a row here. Blocks have 64 bytes.
const BUDGETS: &[Budget] = &[
    row("malloc of many", "batch", Half::Allocates, 14.0),
    row("free of many", "batch", Half::Frees, 18.0),
    row("malloc and free", "pair", Half::Both, 32.0),
    row("calloc", "calloc", Half::Allocates, 34.0),
    row("realloc that moves", "realloc", Half::Allocates, 170.0),
    row("aligned_alloc", "aligned", Half::Allocates, 60.0),
    row("free_sized", "sized", Half::Frees, 18.0),
    row("free_aligned_sized", "aligned-sized", Half::Frees, 18.0),
    row("mi_heap_malloc", "heap", Half::Allocates, 22.0),
    row("remote free", "remote", Half::Frees, 62.0),
];

const fn row(name: &'static str, turns_of: &'static str, half: Half, instructions: f64) -> Budget {
    Budget { name, turns_of, half, instructions }
}

const SHORT: u64 = 20_000;
const LONG: u64 = 60_000;

#[test]
fn operations_stay_within_budget() {
    if !common::has_tool("valgrind") {
        println!("skipped: valgrind not installed");
        return;
    }
    let program = common::compile("loops.c", Link::Preload);
    let mut profiles = HashMap::new();
    let mut over = Vec::new();
    let caller = program.file_name().expect("programs have names").to_string_lossy().into_owned();
    for Budget { name, turns_of, half, instructions } in BUDGETS {
        let [short, long] = profiles
            .entry(turns_of)
            .or_insert_with(|| [SHORT, LONG].map(|turns| profile(&program, turns_of, turns)));
        let cost_of = |frees: bool| {
            let cost = callgrind::per_call(short, long, |call| {
                let counts = if frees { call.frees() } else { call.allocates() };
                counts && call.from == caller && call.into == "librimalloc.so"
            });
            cost.expect("the loop does what its row says")
        };
        let cost = match half {
            Half::Allocates => cost_of(false),
            Half::Frees => cost_of(true),
            Half::Both => cost_of(false) + cost_of(true),
        };
        println!("{name:20} {cost:6.1} of {instructions}");
        if cost > *instructions {
            over.push(format!("{name}: {cost:.1} instructions, {instructions} allowed"));
        }
    }
    common::discard(&program);
    assert!(over.is_empty(), "{over:?}");
}

/// Runs a loop `turns` times under callgrind.
fn profile(program: &Path, name: &str, turns: u64) -> Vec<Calls> {
    let out = program.with_extension(format!("{name}.{turns}.callgrind"));
    let mut valgrind = common::program(Path::new("valgrind"), Link::Preload);
    valgrind.args(["--tool=callgrind", "--quiet"]);
    valgrind.arg(format!("--callgrind-out-file={}", out.display()));
    // A purge is due after some time, whatever was executed meanwhile: it may fall into any of the two runs.
    valgrind.env("MIMALLOC_PURGE_DELAY", "-1");
    valgrind.arg(program).arg(name).arg(turns.to_string());
    common::run(&mut valgrind);
    let profile = fs::read_to_string(&out).expect("callgrind wrote its profile");
    fs::remove_file(&out).expect("the profile was just read");
    callgrind::calls(&profile)
}

/// A loop that the driver does not have would count as free of cost.
#[test]
fn driver_knows_every_loop() {
    let program = common::compile("loops.c", Link::Preload);
    for Budget { turns_of, .. } in BUDGETS {
        common::run(common::program(&program, Link::Preload).args([turns_of, "10"]));
    }
    let unknown = Command::new(&program).args(["nothing", "10"]).output();
    assert!(unknown.is_ok_and(|output| !output.status.success()));
    common::discard(&program);
}
