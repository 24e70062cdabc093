//! Instructions an operation spends inside the library, counted by callgrind: exact where time is
//! not. Two runs of different length are subtracted, which leaves the steady state.

mod common;

use common::Link;
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A loop of `tests/c/loops.c` and the instructions that one turn of it may spend.
const BUDGETS: [(&str, f64); 7] = [
    ("malloc", 32.0),
    ("calloc", 42.0),
    ("realloc", 160.0),
    ("aligned", 120.0),
    ("sized", 32.0),
    ("batch", 32.0),
    // At most 8 more than plain allocation.
    ("heap", 40.0),
];

const SHORT: u64 = 20_000;
const LONG: u64 = 60_000;

#[test]
fn operations_stay_within_budget() {
    if !common::has_tool("valgrind") {
        println!("skipped: valgrind not installed");
        return;
    }
    let program = common::compile("loops.c", Link::Preload);
    let mut over = Vec::new();
    for (name, budget) in BUDGETS {
        let short = instructions(&program, name, SHORT);
        let long = instructions(&program, name, LONG);
        let turn = per_turn(short, long);
        println!("{name:8} {turn:8.3} of {budget}");
        if turn > budget {
            over.push(format!("{name}: {turn:.1} instructions, {budget} allowed"));
        }
    }
    common::discard(&program);
    assert!(over.is_empty(), "{over:?}");
}

fn per_turn(short: u64, long: u64) -> f64 {
    let spent = u32::try_from(long.saturating_sub(short)).expect("a turn takes few instructions");
    let turns = u32::try_from(LONG - SHORT).expect("a small constant");
    f64::from(spent) / f64::from(turns)
}

/// Runs a loop `turns` times under callgrind and counts what the library itself executed.
fn instructions(program: &Path, name: &str, turns: u64) -> u64 {
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
    self_cost(&profile, "librimalloc.so")
}

/// The sum of the self costs of all functions of one object in a profile (callgrind's format,
/// chapter "Callgrind Format Specification" of the valgrind manual).
///
/// `ob=` lines set the object, by number after its first mention; a line `<position> <cost>` is a
/// cost of that object, except right after `calls=`, where it is what the callee spent.
fn self_cost(profile: &str, object: &str) -> u64 {
    let mut names: HashMap<&str, bool> = HashMap::new();
    let (mut ours, mut callee, mut sum) = (false, false, 0);
    for line in profile.lines() {
        if let Some(reference) = line.strip_prefix("ob=") {
            ours = is_object(&mut names, reference, object);
        } else if let Some(reference) = line.strip_prefix("cob=") {
            is_object(&mut names, reference, object);
        } else if line.starts_with("calls=") {
            callee = true;
        } else if line.starts_with(|c: char| c.is_ascii_digit() || "+-*".contains(c)) {
            let cost = line.split_whitespace().nth(1).and_then(|cost| cost.parse::<u64>().ok());
            sum += if ours && !callee { cost.unwrap_or(0) } else { 0 };
            callee = false;
        }
    }
    sum
}

/// `(3) /path/to/object` names object 3, `(3)` refers to it.
fn is_object<'a>(names: &mut HashMap<&'a str, bool>, reference: &'a str, object: &str) -> bool {
    match reference.split_once(") ") {
        Some((number, path)) => {
            let ours = path.ends_with(object);
            names.insert(number, ours);
            ours
        }
        None => names.get(reference.trim_end_matches(')')).copied().unwrap_or(false),
    }
}

#[test]
fn profiles_are_read_by_object() {
    let profile = "events: Ir\n\
        ob=(1) /lib/librimalloc.so\nfl=(1) ???\nfn=(1) malloc\n0 5\n+1 2\n\
        cob=(2) /bin/loops\ncfn=(2) main\ncalls=1 0\n0 100\n\
        ob=(2)\nfn=(2)\n0 7\ncob=(1)\ncfn=(1)\ncalls=3 0\n* 9\n0 1\n\
        ob=(1)\nfn=(1)\n-1 4\n* 3\n";
    assert_eq!(self_cost(profile, "librimalloc.so"), 10 + 4);
    assert_eq!(self_cost(profile, "loops"), 8);
}

/// A loop that the driver does not have would count as free of cost.
#[test]
fn driver_knows_every_loop() {
    let program = common::compile("loops.c", Link::Preload);
    for (name, _) in BUDGETS {
        common::run(common::program(&program, Link::Preload).args([name, "10"]));
    }
    let unknown = Command::new(&program).args(["nothing", "10"]).output();
    assert!(unknown.is_ok_and(|output| !output.status.success()));
    common::discard(&program);
}
