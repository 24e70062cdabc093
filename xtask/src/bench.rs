//! Builds the bench and what it measures, and runs it: `cargo xtask bench`.

use std::env;
use std::ffi::OsString;
use std::process::Command;

use crate::steps::{cargo, release_library, run};

/// With the rest of the command line; `cargo xtask bench --help` says what that can be.
pub(crate) fn bench() -> Result<(), String> {
    bench_with(env::args_os().skip(2).collect())
}

pub(crate) fn smoke() -> Result<(), String> {
    bench_with(vec!["--smoke".into()])
}

fn bench_with(arguments: Vec<OsString>) -> Result<(), String> {
    let library = release_library()?;
    // What the library needs to be fast makes no difference here but to the time of the build.
    let mut build = cargo(&["build", "--release", "--package", "rimalloc-bench"]);
    build.env("CARGO_PROFILE_RELEASE_LTO", "false").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "8");
    run(&mut build)?;
    run(&mut cargo(&["build", "--release", "--package", "rimalloc", "--example", "boxes"]))?;
    run(Command::new(library.with_file_name("rimalloc-bench")).args(arguments))
}
