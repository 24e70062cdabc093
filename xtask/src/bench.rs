//! Builds the bench and what it measures, and runs it: `cargo xtask bench`, `cargo xtask rustbench`.

use std::env;
use std::ffi::OsString;
use std::process::Command;

use crate::steps::{cargo, release_library, run, target_directory};

/// With the rest of the command line; `cargo xtask bench --help` says what that can be.
pub(crate) fn bench() -> Result<(), String> {
    build_measured()?;
    run(program()?.args(rest()))
}

/// With the rest of the command line; `cargo xtask rustbench --help` says what that can be. What it
/// measures it builds itself.
pub(crate) fn rust_bench() -> Result<(), String> {
    run(program()?.arg("rust").args(rest()))
}

/// Both, on rimalloc and the system's allocator.
pub(crate) fn smoke() -> Result<(), String> {
    build_measured()?;
    run(program()?.arg("--smoke"))?;
    run(program()?.args(["rust", "--smoke"]))
}

fn rest() -> impl Iterator<Item = OsString> {
    env::args_os().skip(2)
}

fn build_measured() -> Result<(), String> {
    release_library()?;
    run(&mut cargo(&["build", "--release", "--package", "rimalloc", "--example", "boxes"]))
}

/// The bench itself, up to date.
fn program() -> Result<Command, String> {
    let mut build = cargo(&["build", "--release", "--package", "rimalloc-bench"]);
    // What the library needs to be fast makes no difference here but to the time of the build.
    build.env("CARGO_PROFILE_RELEASE_LTO", "false").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "8");
    run(&mut build)?;
    Ok(Command::new(target_directory().join("release/rimalloc-bench")))
}
