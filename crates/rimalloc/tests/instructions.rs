//! Instructions that an operation takes in a Rust program, counted by callgrind: exact where time is not.

mod cargo;

use cargo::{cargo, output_of, target};
use std::process::Command;

/// A loop of `tests/outside/loops`, the function in it that is one operation, and the instructions that this may take
/// with its return. Refilling an empty list takes a part of an instruction a block.
const BUDGETS: [(&str, &str, f64); 6] = [
    ("global", "alloc", 10.0),
    ("global", "dealloc", 13.0),
    ("any", "alloc_of", 16.0),
    ("heap", "allocate", 19.5),
    // One more looks whether the driver has a block at all.
    ("heap", "deallocate", 15.0),
    ("scope", "allocate", 20.5),
];

const SHORT: u32 = 20_000;
const LONG: u32 = 60_000;

#[test]
fn operations_stay_within_budget() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("skipped: valgrind is not installed");
        return;
    }
    let build = ["build", "--locked", "--release", "--package", "outside-loops"];
    output_of(cargo(None).args(build).args(["--features", "inline"]));
    let mut over = Vec::new();
    for (name, function, budget) in BUDGETS {
        let spent = collected(name, function, LONG) - collected(name, function, SHORT);
        let turn = f64::from(spent) / f64::from(LONG - SHORT);
        println!("{name:8} {function:12} {turn:6.2} of {budget}");
        if turn > budget {
            over.push(format!("{name}, {function}: {turn:.2} instructions, {budget} allowed"));
        }
        assert!(turn > 5.0, "{name}, {function}: nothing was counted");
    }
    assert!(over.is_empty(), "{over:?}");
}

/// What one function and all that it calls executed.
fn collected(name: &str, function: &str, turns: u32) -> u32 {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    valgrind.arg(format!("--toggle-collect=outside_loops::{function}"));
    valgrind.arg(target().join("release/outside-loops")).args([name, &turns.to_string()]);
    let (_, err) = output_of(&mut valgrind);
    let count = err.lines().find_map(|line| line.split_once("Collected : "));
    count
        .and_then(|(_, count)| count.trim().parse().ok())
        .expect("callgrind says what it collected")
}
