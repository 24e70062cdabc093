//! `levels`: the tests of engine, Rust face and C library, and of some real programs, in every hardened build.
//!
//! Each level builds the engine and its tests anew, and the tests wait a good deal: for children, for purges that are
//! due, for threads. So two levels run at a time, and what one prints is shown when it fails.

use core::fmt::Write;
use std::env;
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use crate::steps::{FACE_FEATURES, cargo};

/// The features of engine and faces that make a level. The last ones come first.
const LEVELS: &[&str] = &["secure1", "secure2", "secure3", "secure4", "debug-checks", "secure5"];

/// The levels that are tested unless others are named: those that are installed.
const USUAL: &[&str] = &["secure4", "debug-checks"];

/// Levels that are tested at the same time.
const AT_ONCE: usize = 2;

/// Tests of the Rust face that count instructions or build programs of their own, all of the stock build.
const FACE_TESTS: &[&str] = &[
    "allocators",
    "arena",
    "checks",
    "configured",
    "environment",
    "global",
    "heap",
    "layouts",
    "properties",
    "properties_default",
    "scope",
];

/// Tests of the C library that run programs on it.
const C_TESTS: &[&str] = &["abi", "stats", "symbols"];

/// Tests of real programs that take seconds; `preload` runs all of them on the stock build.
const PROGRAMS: &[&str] = &[
    "bash_pipelines",
    "perl",
    "python_test_dict",
    "python_test_json",
    "redis_under_fifty_clients",
    "sqlite3_with_a_million_rows",
];

/// Tests the usual levels, or those that the command line names: `all` stands for all.
pub(crate) fn run() -> Result<(), String> {
    let mut named: Vec<String> = env::args().skip(2).collect();
    if named.is_empty() || named == ["all"] {
        let levels = if named.is_empty() { USUAL } else { LEVELS };
        named = levels.iter().map(|&level| level.to_owned()).collect();
    }
    if let Some(unknown) = named.iter().find(|name| !LEVELS.contains(&name.as_str())) {
        return Err(format!("there is no level {unknown}: {}", LEVELS.join(", ")));
    }
    let wanted = |level: &&&str| named.iter().any(|name| name == **level);
    let waiting = Mutex::new(LEVELS.iter().filter(wanted).collect::<Vec<_>>());
    let failures = Mutex::new(String::new());
    let work = || {
        loop {
            // The lock is not held meanwhile.
            let next = waiting.lock().map(|mut levels| levels.pop());
            let Ok(Some(level)) = next else { return };
            let start = Instant::now();
            let result = test(level);
            eprintln!("  {level:12} {:5} s", start.elapsed().as_secs());
            if let (Err(text), Ok(mut failures)) = (result, failures.lock()) {
                let _ = writeln!(failures, "== {level}\n{text}");
            }
        }
    };
    thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
    let failures = failures.into_inner().unwrap_or_default();
    if failures.is_empty() { Ok(()) } else { Err(failures) }
}

/// Runs all tests of a level, also when some fail.
fn test(level: &str) -> Result<(), String> {
    let profile = ["test", "--quiet", "--profile", "levels", "--no-fail-fast", "--features", level];
    let mut engine = cargo(&profile);
    engine.args(["--package", "rimalloc-core"]);
    let mut face = cargo(&profile);
    face.args(["--features", FACE_FEATURES, "--package", "rimalloc", "--lib"]);
    face.args(FACE_TESTS.iter().flat_map(|name| ["--test", name]));
    // The library is built by the tests, of the level that the variable names.
    let mut library = cargo(&["test", "--quiet", "--no-fail-fast", "--package", "rimalloc-capi"]);
    library.args(C_TESTS.iter().flat_map(|name| ["--test", name]));
    library.env("RIMALLOC_TEST_LEVEL", level);
    let mut programs = cargo(&["test", "--quiet", "--package", "rimalloc-cli"]);
    programs.args(["--test", "preload", "--"]).args(PROGRAMS);
    programs.env("RIMALLOC_TEST_LEVEL", level);
    let failures: Vec<_> = [engine, face, library, programs]
        .iter_mut()
        .filter_map(|command| quietly(command).err())
        .collect();
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
}

/// Runs a command, and gives what it says if it fails.
fn quietly(command: &mut Command) -> Result<(), String> {
    let line = format!("{command:?}");
    let output = command.output().map_err(|error| format!("{error}: {line}"))?;
    if output.status.success() {
        return Ok(());
    }
    let (out, err) = (&output.stdout, &output.stderr);
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Err(format!("{}: {line}\n{}{}", output.status, text(out), text(err)))
}
