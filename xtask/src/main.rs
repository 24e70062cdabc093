//! Project chores: `cargo xtask VERB`. Run without a verb it lists them.
//!
//! `ci` runs the others in order; each is callable alone by the same name.

mod bench;
mod dist;
mod levels;
mod source;
mod steps;
mod tidy;

use std::env;
use std::process::ExitCode;
use std::time::Instant;

type Step = fn() -> Result<(), String>;

/// A verb of the command line.
struct Verb {
    name: &'static str,
    help: &'static str,
    step: Step,
}

/// What `ci` runs, in this order: cheap checks first.
const CHECKS: &[Verb] = &[
    Verb { name: "fmt", help: "formatting is rustfmt's", step: steps::fmt },
    Verb { name: "clippy", help: "no warning from rustc or clippy", step: steps::clippy },
    Verb { name: "tidy", help: "layers, sizes and words of the sources", step: tidy::run },
    Verb { name: "test", help: "unit and integration tests", step: steps::test },
    Verb { name: "face", help: "tests, examples and packages of the Rust face", step: steps::face },
    Verb { name: "docs", help: "documentation builds without a warning", step: steps::docs },
    Verb { name: "loom", help: "models of the lock-free structures", step: steps::loom },
    Verb { name: "oom", help: "tests on an OS layer that fails on demand", step: steps::oom },
    Verb { name: "capi", help: "tests of the C library", step: steps::capi },
    Verb { name: "guarded", help: "tests with guarded blocks", step: steps::guarded },
    Verb { name: "preload", help: "real programs on the library", step: steps::preload },
    Verb { name: "levels", help: "tests of the hardened builds", step: levels::run },
    Verb { name: "smoke", help: "the benches run, with hardly any work", step: bench::smoke },
];

const OTHERS: &[Verb] = &[
    Verb { name: "ci", help: "all of the above, in this order", step: ci },
    Verb { name: "lib", help: "build the release library and the command", step: steps::lib },
    Verb { name: "demo", help: "build, then run a program with statistics", step: steps::demo },
    Verb { name: "dist", help: "build and install the C library", step: dist::run },
    Verb { name: "bench", help: "time and memory beside other allocators", step: bench::bench },
    Verb {
        name: "rustbench",
        help: "the same as Rust's global allocator",
        step: bench::rust_bench,
    },
];

fn main() -> ExitCode {
    let name = env::args().nth(1).unwrap_or_default();
    let Some(verb) = CHECKS.iter().chain(OTHERS).find(|verb| verb.name == name) else {
        eprint!("{}", usage());
        return ExitCode::from(2);
    };
    match (verb.step)() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask {name}: {message}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> String {
    let mut text = String::from("usage: cargo xtask VERB\n\n");
    for verb in CHECKS.iter().chain(OTHERS) {
        text += &format!("  {:9} {}\n", verb.name, verb.help);
    }
    text
}

fn ci() -> Result<(), String> {
    let mut times = String::new();
    for check in CHECKS {
        eprintln!("== {}: {}", check.name, check.help);
        let start = Instant::now();
        (check.step)().map_err(|message| format!("{}: {message}", check.name))?;
        times += &format!("  {:8} {:5} s\n", check.name, start.elapsed().as_secs());
    }
    eprint!("all checks passed\n{times}");
    Ok(())
}
