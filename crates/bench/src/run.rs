//! A run of the bench: every cell on every allocator, by turns.

use core::time::Duration;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use rimalloc_bench::workloads::Latencies;

use crate::allocators::{self, Allocator, OURS, Ready};
use crate::cells::{self, Cell, Wanted};
use crate::instructions;
use crate::machine::Machine;
use crate::measure::{Run, Runner};
use crate::record::{self, Absence, Instructions, Participant, Record, Results};
use crate::report::tables;
use crate::say;
use crate::summary::Measure;

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) workloads: Vec<String>,
    pub(crate) threads: Vec<usize>,
    pub(crate) allocators: Vec<String>,
    /// Names and libraries of more allocators.
    pub(crate) extra: Vec<(String, PathBuf)>,
    pub(crate) rounds: usize,
    pub(crate) percent: usize,
    /// `system`, `never` or `both`.
    pub(crate) thp: String,
    /// The name of a record to write.
    pub(crate) record: Option<String>,
    pub(crate) programs: bool,
}

impl Options {
    /// The version that takes seconds and needs nothing but what was built.
    pub(crate) fn smoke(self) -> Self {
        Self {
            allocators: vec![OURS.into(), "glibc".into()],
            rounds: 1,
            percent: 1,
            programs: false,
            ..self
        }
    }
}

/// Runs what is asked for and prints it.
pub(crate) fn run(options: &Options) -> Result<()> {
    let wanted = Wanted {
        names: &options.workloads,
        threads: &options.threads,
        percent: options.percent,
        programs: options.programs,
    };
    let (cells, mut absent) = cells::prepare(&wanted)?;
    let ready = prepare_allocators(options, &mut absent)?;
    let instructions = if wanted.has_instructions() {
        count_instructions(&ready, &mut absent)
    } else {
        Vec::new()
    };
    if cells.is_empty() && instructions.is_empty() || ready.is_empty() {
        bail!("nothing to run");
    }
    for absence in &absent {
        eprintln!("absent: {}: {}", absence.name, absence.why);
    }
    let machine = Machine::read();
    let modes: &[bool] = match options.thp.as_str() {
        "never" => &[true],
        "both" => &[false, true],
        _ => &[false],
    };
    for &no_huge_pages in modes {
        let never = String::from("never");
        let record = Record {
            huge_pages: if no_huge_pages { never } else { machine.huge_pages.clone() },
            machine: machine.clone(),
            rounds: options.rounds,
            percent: options.percent,
            allocators: ready.iter().map(participant).collect(),
            absent: absent.clone(),
            instructions: instructions.clone(),
            ..Record::default()
        };
        let runner = Runner::new(no_huge_pages)?;
        measure(options, &cells, &ready, &runner, record)?;
    }
    Ok(())
}

/// Of each library once: variables make no difference to it.
fn count_instructions(ready: &[Ready], absent: &mut Vec<Absence>) -> Vec<Instructions> {
    let mut all = Vec::new();
    let mut add = |name: &str, counted: Result<Instructions>| match counted {
        Ok(counts) => all.push(counts),
        Err(error) => {
            let name = format!("{} of {name}", instructions::NAME);
            absent.push(Absence { name, why: format!("{error:#}") });
        }
    };
    for allocator in ready.iter().filter(|allocator| allocator.variables.is_empty()) {
        add(&allocator.name, instructions::count(allocator));
        if allocator.name == OURS {
            add(instructions::RUST_FACE, instructions::count_rust_face());
        }
    }
    all
}

pub(crate) fn participant(ready: &Ready) -> Participant {
    let Ready { name, version, variables, .. } = ready.clone();
    Participant { name, version, variables }
}

fn prepare_allocators(options: &Options, absent: &mut Vec<Absence>) -> Result<Vec<Ready>> {
    let is_wanted = |name: &str| match options.allocators.as_slice() {
        [] => name == OURS || !Allocator::is_own(name),
        wanted => wanted.iter().any(|wanted| wanted == name),
    };
    let known = |name: &String| {
        allocators::ALL.iter().any(|allocator| allocator.name == name)
            || options.extra.iter().any(|(extra, _)| extra == name)
    };
    if let Some(name) = options.allocators.iter().find(|name| !known(name)) {
        bail!("there is no allocator {name}: `cargo xtask bench list` says what there is");
    }
    let mut ready = Vec::new();
    for allocator in allocators::ALL.iter().filter(|allocator| is_wanted(allocator.name)) {
        say(&format!("preparing {}", allocator.name));
        match allocator.prepare() {
            Ok(it) => ready.push(it),
            Err(error) if allocator.name == OURS => return Err(error),
            Err(error) => {
                absent.push(Absence { name: allocator.name.into(), why: format!("{error:#}") });
            }
        }
    }
    for (name, library) in &options.extra {
        ready.push(allocators::ready(name, library.clone(), "given".into(), Vec::new())?);
    }
    say("");
    Ok(ready)
}

fn measure(
    options: &Options,
    cells: &[Cell],
    ready: &[Ready],
    runner: &Runner,
    mut record: Record,
) -> Result<()> {
    println!(
        "{} cells, {} allocators, {} rounds, huge pages: {}\n",
        cells.len(),
        ready.len(),
        options.rounds,
        record.huge_pages
    );
    let names: Vec<&str> = ready.iter().map(|ready| ready.name.as_str()).collect();
    let start = Instant::now();
    let mut failed = false;
    for (number, cell) in cells.iter().enumerate() {
        let progress = Progress { number, cells: cells.len(), name: &cell.name, start };
        let results = by_turns(&names, options.rounds, &progress, |at| {
            runner.run(&cell.prepared, &ready[at])
        });
        let ours = results.iter().find(|results| results.allocator == OURS);
        failed |= ours.is_some_and(|ours| ours.failure.is_some());
        record.cells.push(record::Cell { name: cell.name.clone(), results });
        println!("{}", cell_text(record.cells.last().context("it was just pushed")?));
        // After each cell, so that a run that is interrupted is not lost.
        if let Some(name) = &options.record {
            record.write(name)?;
        }
    }
    if !record.cells.is_empty() {
        println!("\n{}", tables::means(&record, Measure::ALL).markdown());
    }
    if !record.instructions.is_empty() {
        println!("{}", tables::instructions(&record).markdown());
    }
    if failed {
        bail!("{OURS} failed in some cell");
    }
    Ok(())
}

/// The line that says how far it is.
pub(crate) struct Progress<'a> {
    /// Cells that are finished.
    pub(crate) number: usize,
    /// All there are.
    pub(crate) cells: usize,
    /// The cell's name.
    pub(crate) name: &'a str,
    /// When the first cell began.
    pub(crate) start: Instant,
}

impl Progress<'_> {
    fn show(&self, round: usize, rounds: usize, allocator: &str) {
        let left = match u32::try_from(self.number) {
            Ok(done) if done > 0 => {
                let each = self.start.elapsed() / done;
                let left = each * u32::try_from(self.cells - self.number).unwrap_or(0);
                format!(", about {} left", minutes(left))
            }
            _ => String::new(),
        };
        let Self { number, cells, name, .. } = self;
        let cell = number + 1;
        say(&format!("[{cell}/{cells}{left}] {name} round {round}/{rounds} on {allocator}"));
    }
}

fn minutes(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// Rounds over the allocators: A B C, then B C A, so that none is always behind the same other. `run`
/// is told the place of the allocator among `names`.
pub(crate) fn by_turns(
    names: &[&str],
    rounds: usize,
    progress: &Progress,
    run: impl Fn(usize) -> Result<Run>,
) -> Vec<Results> {
    let empty = |name: &&str| Results { allocator: (*name).into(), ..Results::default() };
    let mut all: Vec<Results> = names.iter().map(empty).collect();
    let mut expected = None;
    for round in 0..rounds {
        for turn in 0..names.len() {
            let at = (round + turn) % names.len();
            if all[at].failure.is_some() {
                continue;
            }
            progress.show(round + 1, rounds, names[at]);
            match run(at) {
                Ok(run) => {
                    all[at].runs.push(run.figures);
                    accept_output(&run.output, &mut all[at], &mut expected);
                }
                Err(error) => all[at].failure = Some(format!("{error:#}")),
            }
        }
    }
    say("");
    all
}

/// What is printed is latencies, or what every allocator must make the program print.
fn accept_output(output: &str, results: &mut Results, expected: &mut Option<String>) {
    if let Ok(latencies) = serde_json::from_str::<Latencies>(output) {
        results.latencies.push(latencies);
        return;
    }
    if expected.get_or_insert_with(|| output.to_owned()) != output {
        results.failure = Some("prints something else than the others".into());
    }
}

/// One line for a finished cell: ours, and beside the best peer's.
fn cell_text(cell: &record::Cell) -> String {
    let mut text = format!("{:18}", cell.name);
    for (measure, unit) in [(Measure::Time, "s"), (Measure::Memory, "MiB")] {
        text += &match (cell.median(OURS, measure), cell.best_peer(measure)) {
            (Some(ours), Some((name, best))) => {
                format!(" {ours:8.3} {unit:3} = {:5.2} of {name:16}", ours / best)
            }
            (Some(ours), None) => format!(" {ours:8.3} {unit:3}"),
            (None, Some((name, best))) => format!(" {best:8.3} {unit:3} by {name:16}"),
            (None, None) => " -".into(),
        };
    }
    for results in &cell.results {
        if let Some(failure) = &results.failure {
            text += &format!("\n  {} FAILED: {failure}", results.allocator);
        }
    }
    text
}
