//! The bench: runs workloads on allocators by turns, writes down what they took, and reports it.

mod allocators;
mod arguments;
mod cells;
mod charts;
mod instructions;
mod machine;
mod measure;
mod peers;
mod programs;
mod record;
mod report;
mod run;
mod rust;
mod summary;
mod table;

use std::env;
use std::io::{IsTerminal, stderr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};

use arguments::{list, number, strings};

fn main() -> ExitCode {
    let matches = command().get_matches();
    let done = match matches.subcommand() {
        Some(("list", _)) => print_list(),
        Some(("rust", matches)) => rust::run(matches),
        Some(("report", matches)) => report::write(&strings(matches, "RECORD")),
        _ => run_options(&matches).and_then(|options| run::run(&options)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn command() -> Command {
    let thp = PossibleValuesParser::new(["system", "never", "both"]);
    Command::new("bench")
        .about("Compares rimalloc with other allocators")
        .args_conflicts_with_subcommands(true)
        .arg(list("workloads", 'w', "Only these, as `larson` or `larson/8`"))
        .arg(list("threads", 't', "Only cells with these numbers of threads"))
        .arg(list("allocators", 'a', "Only these; `list` says what there is"))
        .arg(number("rounds", "5", "Runs of each cell on each allocator").short('r'))
        .arg(number("percent", "100", "Work in percent of the usual; not for programs"))
        .arg(Arg::new("thp").long("thp").value_parser(thp).default_value("system").help(
            "Huge pages as the system has them, off in what is measured, or one after the other",
        ))
        .arg(
            Arg::new("peer")
                .long("peer")
                .value_name("NAME=LIBRARY")
                .action(ArgAction::Append)
                .help("One more allocator to preload"),
        )
        .arg(
            Arg::new("record")
                .long("record")
                .value_name("NAME")
                .help("Keep all figures in crates/bench/record/NAME-MODE.json and .csv"),
        )
        .arg(
            Arg::new("smoke")
                .long("smoke")
                .action(ArgAction::SetTrue)
                .help("Hardly any work, on rimalloc and the C library: do the workloads run?"),
        )
        .subcommand(Command::new("list").about("Says which workloads and allocators there are"))
        .subcommand(rust::command())
        .subcommand(
            Command::new("report").about("Writes docs/benchmarks.md").arg(
                Arg::new("RECORD").num_args(0..).help("Records, else all of crates/bench/record"),
            ),
        )
}

fn run_options(matches: &ArgMatches) -> Result<run::Options> {
    let number = |name| matches.get_one::<u32>(name).copied().unwrap_or(1);
    let threads = strings(matches, "threads");
    let peers = strings(matches, "peer").iter().map(|text| extra_peer(text)).collect::<Result<_>>();
    let options = run::Options {
        workloads: strings(matches, "workloads"),
        threads: threads
            .iter()
            .map(|text| text.parse().with_context(|| format!("--threads {text}")))
            .collect::<Result<_>>()?,
        allocators: strings(matches, "allocators"),
        extra: peers?,
        rounds: number("rounds") as usize,
        percent: number("percent") as usize,
        thp: strings(matches, "thp").concat(),
        record: matches.get_one::<String>("record").cloned(),
        programs: true,
    };
    Ok(if matches.get_flag("smoke") { options.smoke() } else { options })
}

fn extra_peer(text: &str) -> Result<(String, PathBuf)> {
    let (name, path) = text.split_once('=').context("--peer wants NAME=LIBRARY")?;
    let path = Path::new(path).canonicalize().with_context(|| format!("--peer {text}"))?;
    Ok((name.into(), path))
}

fn print_list() -> Result<()> {
    println!("Workloads:");
    for (name, about, threads) in cells::descriptions() {
        println!("  {name:16} {about}{}", cells::threads_text(&threads));
    }
    println!("  {:16} {}", instructions::NAME, instructions::ABOUT);
    println!("\nAllocators:");
    for allocator in allocators::ALL {
        println!("  {:16} {}", allocator.name, allocator.about());
    }
    Ok(())
}

/// The directory of the bench in the sources.
fn bench_directory() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Says on a terminal what is being done, in place of what was said before.
fn say(text: &str) {
    if stderr().is_terminal() {
        eprint!("\r\x1b[K{text}");
    }
}

/// The root of the sources.
fn root() -> PathBuf {
    bench_directory().join("../..")
}

/// A file that was built beside this program.
fn built(name: &str) -> Result<PathBuf> {
    let program = env::current_exe().context("where is this program?")?;
    let path = program.with_file_name(name);
    anyhow::ensure!(path.exists(), "{} is not built: run `cargo xtask bench`", path.display());
    Ok(path)
}

/// A directory for what the bench makes, beside this program.
fn work_directory(name: &str) -> Result<PathBuf> {
    let path =
        env::current_exe().context("where is this program?")?.with_file_name("bench").join(name);
    std::fs::create_dir_all(&path).with_context(|| path.display().to_string())?;
    Ok(path)
}
