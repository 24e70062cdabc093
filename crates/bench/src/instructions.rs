//! Instructions of single calls, counted by callgrind.

use std::process::Command;

use anyhow::{Context, Result};
use rimalloc_bench::calls;
use testkit::callgrind::{self, Calls};

use crate::allocators::Ready;
use crate::peers::output_of;
use crate::programs::in_path;
use crate::record::Instructions;
use crate::{built, say};

/// The name by which the command line asks for them.
pub(crate) const NAME: &str = "instructions";
pub(crate) const ABOUT: &str = "instructions of single calls, counted by valgrind's callgrind";

const SHORT: usize = 20_000;
const LONG: usize = 60_000;

/// Whether a call belongs to an operation.
type IsPart = fn(&Calls) -> bool;

/// The operation in the report, the loop that does it, and what counts in that.
const OPERATIONS: &[(&str, &str, IsPart)] = &[
    ("malloc", "many", Calls::allocates),
    (FREE, "many", Calls::frees),
    ("malloc+free", "pair", |call| call.allocates() || call.frees()),
    ("calloc", "calloc", Calls::allocates),
    ("realloc", "realloc", Calls::allocates),
    ("remote free", "remote", Calls::frees),
];

/// A free of what was allocated here.
pub(crate) const FREE: &str = "free";

/// The name of the Rust face among allocators.
pub(crate) const RUST_FACE: &str = "rimalloc (Rust)";

/// The operation that the project has a bar for.
pub(crate) const PAIR: &str = OPERATIONS[2].0;

/// Counts for one allocator.
pub(crate) fn count(allocator: &Ready) -> Result<Instructions> {
    in_path("valgrind").context("not installed: apt-get install valgrind")?;
    let mut operations = Vec::new();
    for it in calls::ALL {
        say(&format!("instructions of {} in the loop {}", allocator.name, it.name));
        let [short, long] =
            [profile(allocator, it.name, SHORT)?, profile(allocator, it.name, LONG)?];
        for (name, _, is_part) in OPERATIONS.iter().filter(|(_, of, _)| *of == it.name) {
            let cost = cost(&short, &long, *is_part);
            operations.push(((*name).to_owned(), cost.with_context(|| format!("no {name} seen"))?));
        }
    }
    say("");
    Ok(Instructions { allocator: allocator.name.clone(), operations })
}

/// Counts for the Rust face, linked into a program: what it is to give back a box. The return is in it,
/// the call is not.
pub(crate) fn count_rust_face() -> Result<Instructions> {
    let program = built("examples/boxes")?;
    let [short, long] =
        [SHORT, LONG].map(|turns| calls_of(valgrind().arg(&program).arg(turns.to_string())));
    let cost = callgrind::per_call(&short?, &long?, |call| call.function == "boxes::give");
    let cost = cost.context("no box was given back")?;
    Ok(Instructions { allocator: RUST_FACE.into(), operations: vec![(FREE.into(), cost)] })
}

/// What a turn costs: a pair is two calls, each of which is counted apart. Whose calls they are is known
/// from what is preloaded: callgrind does not name the object of every library.
fn cost(short: &[Calls], long: &[Calls], is_part: IsPart) -> Option<f64> {
    let is_outward = |call: &Calls| call.from == "bench-workload" && call.into != call.from;
    let is_ours = |call: &Calls| is_outward(call) && is_part(call);
    let [allocating, freeing] = [Calls::allocates, Calls::frees]
        .map(|half: IsPart| callgrind::per_call(short, long, |call| is_ours(call) && half(call)));
    match (allocating, freeing) {
        (None, None) => None,
        (some, other) => Some(some.unwrap_or(0.0) + other.unwrap_or(0.0)),
    }
}

fn profile(allocator: &Ready, name: &str, turns: usize) -> Result<Vec<Calls>> {
    let mut valgrind = valgrind();
    valgrind.arg(built("bench-workload")?).args(["calls", name, &turns.to_string()]);
    valgrind.env("LD_PRELOAD", &allocator.library);
    calls_of(valgrind.envs(allocator.variables.iter().map(|(name, value)| (name, value))))
}

fn valgrind() -> Command {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--quiet", "--callgrind-out-file=/dev/fd/1"]);
    valgrind
}

/// The calls in a program under valgrind, whose own output does not look like one.
fn calls_of(valgrind: &mut Command) -> Result<Vec<Calls>> {
    Ok(callgrind::calls(&output_of(valgrind)?))
}
