//! Rust programs on global allocators: builds those of `crates/rustbench`, runs them by turns, and writes
//! down what Criterion says of each.

mod programs;
pub(crate) mod record;
pub(crate) mod report;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::Value;

use crate::allocators::OURS;
use crate::arguments::{list, number, strings};
use crate::machine::Machine;
use crate::measure::{Run, Runner};
use crate::programs::Prepared;
use crate::record::{Absence, Cell, Participant, Record};
use crate::report::tables;
use crate::run::{Progress, by_turns};
use crate::summary::Measure;
use crate::work_directory;

use programs::{Kind, Program};
use record::RustRecord;

/// The workload whose parts are compared with each other, and that no mean counts.
const REQUEST: &str = "request";

pub(crate) fn command() -> Command {
    Command::new("rust")
        .about("Compares global allocators of Rust programs")
        .args_conflicts_with_subcommands(true)
        .arg(list("workloads", 'w', "Only these"))
        .arg(list("allocators", 'a', "Only these; `list` says what there is"))
        .arg(number("rounds", "5", "Runs of each workload on each allocator").short('r'))
        .arg(number("percent", "100", "Work in percent of the usual"))
        .arg(number("milliseconds", "800", "Time that each run measures for"))
        .arg(flag("record", "Keep all figures in crates/rustbench/record and write the report"))
        .arg(flag(
            "smoke",
            "Hardly any work, on rimalloc and the system's allocator, not optimised",
        ))
        .subcommand(Command::new("list").about("Says which workloads and allocators there are"))
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

/// What the command line asks for.
#[derive(Debug)]
struct Options {
    workloads: Vec<String>,
    allocators: Vec<String>,
    rounds: usize,
    percent: usize,
    milliseconds: usize,
    record: bool,
    kind: Kind,
}

impl Options {
    fn of(matches: &ArgMatches) -> Self {
        let number = |name| matches.get_one::<u32>(name).map_or(1, |&number| number as usize);
        let options = Self {
            workloads: strings(matches, "workloads"),
            allocators: strings(matches, "allocators"),
            rounds: number("rounds"),
            percent: number("percent"),
            milliseconds: number("milliseconds"),
            record: matches.get_flag("record"),
            kind: Kind::Release,
        };
        if matches.get_flag("smoke") { options.smoke() } else { options }
    }

    /// The version that needs no peer.
    fn smoke(self) -> Self {
        Self {
            allocators: vec![OURS.into(), programs::SYSTEM.into()],
            rounds: 1,
            percent: 1,
            milliseconds: 20,
            record: false,
            kind: Kind::Debug,
            ..self
        }
    }

    fn wants(&self, workload: &str) -> bool {
        self.workloads.is_empty() || self.workloads.iter().any(|wanted| wanted == workload)
    }
}

/// Does what the command line says.
pub(crate) fn run(matches: &ArgMatches) -> Result<()> {
    match matches.subcommand() {
        Some(_) => print_list(),
        None => measure(&Options::of(matches)),
    }
}

fn print_list() -> Result<()> {
    let ours = programs::prepare(OURS, Kind::Release)?;
    println!("Workloads:");
    for (name, about) in ours.workloads()? {
        println!("  {name:25} {about}");
    }
    println!("\nAllocators:");
    for allocator in programs::ALL {
        println!("  {:25} {}", allocator.name, allocator.about());
    }
    Ok(())
}

fn measure(options: &Options) -> Result<()> {
    let mut absent = Vec::new();
    let programs = programs::prepare_all(&options.allocators, options.kind, &mut absent)?;
    for Absence { name, why } in &absent {
        eprintln!("absent: {name}: {why}");
    }
    let all = programs.first().context("nothing to run on")?.workloads()?;
    let is_known = |wanted: &&String| all.iter().any(|(name, _)| name == *wanted);
    if let Some(name) = options.workloads.iter().find(|name| !is_known(name)) {
        bail!("there is no workload {name}: `cargo xtask rustbench list` says what there is");
    }
    let mut bench = Bench::new(options, &programs)?;
    bench.record.all.absent = absent;
    bench.record.workloads.clone_from(&all);
    let (requests, workloads): (Vec<_>, Vec<_>) =
        all.into_iter().map(|(name, _)| name).partition(|name| name.starts_with(REQUEST));
    let workloads: Vec<String> = workloads.into_iter().filter(|it| options.wants(it)).collect();
    // Its parts are compared with each other: one asks for all.
    let with_requests = requests.iter().any(|name| options.wants(name));
    bench.cells = workloads.len() + usize::from(with_requests);
    println!("{} cells, {} allocators, {} rounds\n", bench.cells, programs.len(), options.rounds);
    for workload in &workloads {
        let runs: Vec<_> = programs.iter().map(|it| (it, it.name(), workload.as_str())).collect();
        let cell = bench.cell(workload, &runs)?;
        bench.record.all.cells.push(cell);
    }
    if with_requests {
        bench.record.request = Some(bench.cell(REQUEST, &request_runs(&programs, &requests))?);
    }
    bench.finish()
}

/// One by one on every allocator, and the other ways to end a request on the first, which is ours.
fn request_runs<'a>(
    programs: &'a [Program],
    ways: &'a [String],
) -> Vec<(&'a Program, &'a str, &'a str)> {
    let ours = programs.iter().filter(|program| program.name() == OURS);
    let others = ways.iter().filter(|way| *way != REQUEST);
    let others =
        ours.flat_map(|ours| others.clone().map(move |way| (ours, way.as_str(), way.as_str())));
    programs.iter().map(|program| (program, program.name(), REQUEST)).chain(others).collect()
}

/// A run of the bench on its way.
struct Bench<'a> {
    options: &'a Options,
    runner: Runner,
    estimates: PathBuf,
    record: RustRecord,
    cells: usize,
    start: Instant,
}

impl<'a> Bench<'a> {
    fn new(options: &'a Options, programs: &[Program]) -> Result<Self> {
        let machine = Machine::read();
        let participants = programs.iter().map(|program| Participant {
            name: program.name().into(),
            version: program.ready.version.clone(),
            variables: Vec::new(),
        });
        let all = Record {
            huge_pages: machine.huge_pages.clone(),
            machine,
            rounds: options.rounds,
            percent: options.percent,
            allocators: participants.collect(),
            ..Record::default()
        };
        Ok(Self {
            options,
            runner: Runner::new(false)?,
            estimates: work_directory("estimates")?.join(std::process::id().to_string()),
            record: RustRecord { all, compiler: programs::compiler()?, ..RustRecord::default() },
            cells: 0,
            start: Instant::now(),
        })
    }

    /// Runs the programs by turns, each by its name in the report and its workload.
    fn cell(&self, name: &str, runs: &[(&Program, &str, &str)]) -> Result<Cell> {
        let number = self.record.all.cells.len();
        let progress = Progress { number, cells: self.cells, name, start: self.start };
        let names: Vec<&str> = runs.iter().map(|(_, name, _)| *name).collect();
        let results = by_turns(&names, self.options.rounds, &progress, |at| {
            let (program, _, workload) = runs[at];
            self.run(program, workload)
        });
        let cell = Cell { name: name.into(), results };
        println!("{}", report::line(&cell));
        if let Some(failure) = cell.results(OURS).and_then(|ours| ours.failure.as_deref()) {
            bail!("{OURS} failed in {name}: {failure}");
        }
        Ok(cell)
    }

    /// One run: the time is Criterion's median of a turn, the memory is the process's.
    fn run(&self, program: &Program, workload: &str) -> Result<Run> {
        let words = [self.options.percent.to_string(), self.options.milliseconds.to_string()];
        let path = |path: &Path| path.display().to_string();
        let [program_path, estimates] = [path(&program.path), path(&self.estimates)];
        let [percent, milliseconds] = words;
        let words = [program_path, "run".into(), workload.into(), percent, milliseconds];
        let prepared = Prepared {
            command: words.into_iter().chain([estimates.clone()]).collect(),
            // Otherwise it asks cargo where its files should be.
            variables: vec![("CRITERION_HOME".into(), estimates)],
            client: None,
        };
        let mut run = self.runner.run(&prepared, &program.ready);
        let estimate = self.take_estimate(workload);
        if let Ok(run) = &mut run {
            // How long the process lived follows from how long it was to measure.
            run.figures.wall = estimate?;
            (run.figures.user, run.figures.system) = (0.0, 0.0);
            (run.figures.minor, run.figures.major) = (0, 0);
            let answers = run.output.lines().filter(|line| line.starts_with("answer: "));
            run.output = answers.collect();
        }
        run
    }

    /// The median of a turn in seconds, whose file is removed.
    fn take_estimate(&self, workload: &str) -> Result<f64> {
        let file = self.estimates.join("rust").join(workload).join("new/estimates.json");
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string());
        // What is not there was never made.
        let _ = fs::remove_dir_all(&self.estimates);
        let estimates: Value = serde_json::from_str(&text?)?;
        let nanoseconds = estimates["median"]["point_estimate"].as_f64();
        Ok(nanoseconds.context("Criterion gives no median")? / 1e9)
    }

    fn finish(self) -> Result<()> {
        let record = self.record;
        if !record.all.cells.is_empty() {
            println!(
                "\n{}",
                tables::means(&record.all, [Measure::Time, Measure::Memory]).markdown()
            );
        }
        if let Some(request) = &record.request {
            println!("{}", report::request(request).markdown());
        }
        if self.options.record {
            record.write()?;
            report::write(&record)?;
        }
        Ok(())
    }
}
