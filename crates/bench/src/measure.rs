//! One run of a cell on an allocator.

use core::time::Duration;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use rimalloc_bench::figures::Figures;

use crate::allocators::Ready;
use crate::programs::{Client, Prepared};
use crate::{built, work_directory};

/// After so long a run counts as hanging.
const SECONDS: u32 = 90;
const NOT_READY: Duration = Duration::from_secs(10);
const KILLED: i32 = 124;

/// Prefixes of variables that allocators read: what the caller has set must not reach them.
const READ_BY_ALLOCATORS: &[&str] =
    &["MIMALLOC_", "RIMALLOC_", "MALLOC_", "GLIBC_TUNABLES", "TCMALLOC_", "LD_PRELOAD", "PYTHON"];

/// Runs cells with one mode of huge pages.
#[derive(Debug)]
pub(crate) struct Runner {
    launcher: PathBuf,
    figures: PathBuf,
    output: PathBuf,
    complaints: PathBuf,
    no_huge_pages: bool,
}

/// What a run took and what it printed.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) figures: Figures,
    pub(crate) output: String,
}

impl Runner {
    pub(crate) fn new(no_huge_pages: bool) -> Result<Self> {
        let directory = work_directory("runs")?;
        let file = |name: &str| directory.join(format!("{}.{name}", std::process::id()));
        Ok(Self {
            launcher: built("bench-launch")?,
            figures: file("figures"),
            output: file("out"),
            complaints: file("err"),
            no_huge_pages,
        })
    }

    /// Runs a cell once.
    pub(crate) fn run(&self, cell: &Prepared, allocator: &Ready) -> Result<Run> {
        let mut launched = self.launch(cell, allocator)?;
        let wall = match &cell.client {
            None => Ok(None),
            Some(client) => serve(client, &mut launched).map(Some),
        };
        let status = launched.wait()?;
        let wall = wall?;
        if !status.success() {
            if status.code() == Some(KILLED) {
                bail!("no end after {SECONDS} s");
            }
            let complaints = fs::read_to_string(&self.complaints).unwrap_or_default();
            let line = complaints.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
            // The launcher adds 128 to a signal, as shells do.
            bail!("exit {}: {}", status.code().unwrap_or(-1), line.trim());
        }
        let mut figures: Figures =
            fs::read_to_string(&self.figures)?.parse().map_err(anyhow::Error::msg)?;
        figures.wall = wall.unwrap_or(figures.wall);
        // A server prints numbers of processes and times.
        let output = if cell.client.is_some() { Vec::new() } else { fs::read(&self.output)? };
        let output = String::from_utf8_lossy(&output).into_owned();
        Ok(Run { figures, output })
    }

    fn launch(&self, cell: &Prepared, allocator: &Ready) -> Result<Child> {
        let mut command = Command::new(&self.launcher);
        command.arg(&self.figures).arg(SECONDS.to_string());
        command.arg(if self.no_huge_pages { "never" } else { "system" });
        command.arg(&allocator.library).args(&cell.command);
        for (name, _) in std::env::vars_os() {
            let upper = name.to_string_lossy().to_ascii_uppercase();
            if READ_BY_ALLOCATORS.iter().any(|prefix| upper.starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        command.envs(cell.variables.iter().chain(&allocator.variables).map(|(k, v)| (k, v)));
        command.stdin(Stdio::null());
        command.stdout(File::create(&self.output)?).stderr(File::create(&self.complaints)?);
        command.spawn().context("the launcher does not start")
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        for file in [&self.figures, &self.output, &self.complaints] {
            // What is not there was never made.
            let _ = fs::remove_file(file);
        }
    }
}

/// Waits until the server answers, times its client, ends it. A server that cannot be ended is killed
/// by the launcher in the end.
fn serve(client: &Client, server: &mut Child) -> Result<f64> {
    let quiet = |words: &[String]| -> Result<bool> {
        let [program, arguments @ ..] = words else { bail!("an empty command") };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(command.status().with_context(|| program.clone())?.success())
    };
    let start = Instant::now();
    while !quiet(&client.ready)? {
        ensure!(server.try_wait()?.is_none(), "the server ended at once");
        ensure!(start.elapsed() < NOT_READY, "the server does not answer");
        sleep(Duration::from_millis(20));
    }
    let start = Instant::now();
    let served = quiet(&client.load)?;
    let time = start.elapsed().as_secs_f64();
    quiet(&client.stop)?;
    ensure!(served, "the client failed");
    Ok(time)
}
