//! Compares the release library with a peer on a few workloads, interleaved: `cargo xtask bars`.
//!
//! The peer is a shared library to preload, Debian's mimalloc 2 unless `RIMALLOC_PEER` names another. It
//! measures and judges nothing: machines differ too much for that.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::steps::{output_of, release_library};

const PEER: &str = "/usr/lib/x86_64-linux-gnu/libmimalloc.so.2";
const ROUNDS: usize = 7;

/// A workload: its name, its program, and the arguments of that.
struct Workload {
    name: &'static str,
    program: &'static str,
    args: &'static [&'static str],
}

const WORKLOADS: &[Workload] = &[
    Workload {
        name: "churn of 8 B to 4 KiB, 10^5 live",
        program: "churn",
        args: &["100000", "8", "4096", "10000000"],
    },
    Workload {
        name: "replacement of about 100 B, 10^6 live",
        program: "churn",
        args: &["1000000", "75", "125", "10000000"],
    },
    Workload {
        name: "replacement of about 500 B, 10^6 live",
        program: "churn",
        args: &["1000000", "375", "625", "10000000"],
    },
    Workload { name: "4 threads pass blocks", program: "exchange", args: &["4", "3000000"] },
    Workload { name: "16 threads, batches", program: "batches", args: &["16", "30000"] },
    Workload { name: "true", program: "/bin/true", args: &[] },
];

/// What one run took: wall and processor seconds, peak RSS in KiB, page faults.
type Run = [f64; 4];

/// Builds what is needed, runs everything and prints a table.
pub(crate) fn run() -> Result<(), String> {
    let peer = env::var_os("RIMALLOC_PEER").map_or_else(|| PathBuf::from(PEER), PathBuf::from);
    if !peer.exists() {
        return Err(format!("there is no {}: name a library by RIMALLOC_PEER", peer.display()));
    }
    let library = release_library()?;
    let programs = library.with_file_name("bars");
    std::fs::create_dir_all(&programs).map_err(|error| error.to_string())?;
    for name in ["run", "churn", "exchange", "batches"] {
        compile(name, &programs)?;
    }
    println!(
        "| workload | time | peak RSS | page faults | | time, spread | peak RSS | page faults |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for workload in WORKLOADS {
        println!("{}", row(workload, &programs, &library, &peer)?);
    }
    println!(
        "\nMedians of {ROUNDS} interleaved rounds: ours, then the ratio to {}.",
        peer.display()
    );
    Ok(())
}

fn compile(name: &str, programs: &Path) -> Result<(), String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("bars").join(name).with_extension("c");
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-fno-builtin", "-pthread", "-Wall", "-Wextra", "-o"]);
    cc.arg(programs.join(name)).arg(source);
    output_of(&mut cc).map(drop)
}

fn measure(workload: &Workload, programs: &Path, library: &Path) -> Result<Run, String> {
    // An absolute path stays what it is.
    let program = programs.join(workload.program);
    let mut run = Command::new(programs.join("run"));
    run.arg(library).arg(program).args(workload.args);
    let text = output_of(&mut run)?;
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match numbers[..] {
        [wall, processor, rss, faults, 0.0] => Ok([wall, processor, rss, faults]),
        _ => Err(format!("{} failed on {}", workload.name, library.display())),
    }
}

fn row(
    workload: &Workload,
    programs: &Path,
    library: &Path,
    peer: &Path,
) -> Result<String, String> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        eprint!("\r{} {}/{ROUNDS}   ", workload.name, round + 1);
        ours.push(measure(workload, programs, library)?);
        theirs.push(measure(workload, programs, peer)?);
    }
    eprint!("\r{:60}\r", "");
    let value = |index| median(ours.iter().map(|run| run[index]).collect());
    let ratio = |index| value(index) / median(theirs.iter().map(|run| run[index]).collect());
    let pairs: Vec<f64> = ours.iter().zip(&theirs).map(|(our, their)| our[0] / their[0]).collect();
    let least = pairs.iter().copied().fold(f64::INFINITY, f64::min);
    let most = pairs.iter().copied().fold(0.0, f64::max);
    Ok(format!(
        "| {} | {:.3} s | {:.1} MiB | {:.0} | | {:.2} ({least:.2} to {most:.2}) | {:.2} | {:.2} |",
        workload.name,
        value(0),
        value(2) / 1024.0,
        value(3),
        ratio(0),
        ratio(2),
        ratio(3),
    ))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
