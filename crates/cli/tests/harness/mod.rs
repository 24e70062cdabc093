//! What the tests of the command share: the release library, scratch directories, and runs of a
//! program that are watched for the library.
#![allow(dead_code, unreachable_pub)] // each test program uses a part

use core::time::Duration;
use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread;

/// The command under test.
pub const RIMALLOC: &str = env!("CARGO_BIN_EXE_rimalloc");

/// The first words of the table that `--stats` prints.
pub const STATS_TITLE: &str = "heap stats";

/// The variable that names the level of hardening under test: a feature of the C library. Without it the stock build is
/// tested.
const LEVEL: &str = "RIMALLOC_TEST_LEVEL";

/// The level of hardening that the library under test has; empty for the stock build.
fn level() -> String {
    std::env::var(LEVEL).unwrap_or_default()
}

/// The release build of the library, built on first use. Each level has a target directory of its own, which the tests of
/// the C library share.
pub fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let stock = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .parent()
            .expect("tmp is inside the target directory");
        let level = level();
        let target =
            if level.is_empty() { stock.to_owned() } else { stock.join("levels").join(&level) };
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Command::new(cargo)
            .args(["build", "--quiet", "--release", "--package", "rimalloc-capi"])
            .args(["--features", &level, "--target-dir"])
            .arg(&target)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .expect("cargo starts");
        assert!(status.success(), "the release library does not build");
        target.join("release/librimalloc.so")
    })
}

/// `rimalloc run` with the release library; options and the program are still to be added.
pub fn rimalloc() -> Command {
    let mut command = Command::new(RIMALLOC);
    command.arg("run").arg("--library").arg(library());
    command
}

/// A directory of its own for a test, empty at the start and left behind for inspection. Levels are tested at the same
/// time: each has its own.
pub fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(level()).join(name);
    if path.exists() {
        fs::remove_dir_all(&path).expect("the old scratch directory goes away");
    }
    fs::create_dir_all(&path).expect("a scratch directory");
    path
}

/// The program's path, or `None` with a line that says the test is skipped.
pub fn installed(name: &str) -> Option<PathBuf> {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .map(|directory| directory.join(name))
        .find(|path| path.is_file());
    if found.is_none() {
        println!("skipped: {name} not installed");
    }
    found
}

/// Whether all of these are installed; says which is not.
pub fn all_installed(names: &[&str]) -> bool {
    names.iter().all(|name| installed(name).is_some())
}

/// A command that can be run plainly and on rimalloc.
#[derive(Clone)]
pub struct Program {
    name: OsString,
    arguments: Vec<OsString>,
    directory: PathBuf,
    variables: Vec<(String, OsString)>,
}

impl Program {
    pub fn new(name: impl Into<OsString>, directory: &Path) -> Self {
        let name = name.into();
        Self { name, arguments: Vec::new(), directory: directory.to_owned(), variables: Vec::new() }
    }

    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub fn args<const N: usize>(mut self, arguments: [&str; N]) -> Self {
        self.arguments.extend(arguments.map(OsString::from));
        self
    }

    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// The command that runs it on libc's malloc.
    pub fn plain(&self) -> Command {
        let mut command = Command::new(&self.name);
        self.complete(&mut command);
        command
    }

    /// The command that runs it on rimalloc, with more options of `rimalloc run`.
    pub fn on_rimalloc(&self, options: &[&str]) -> Command {
        let mut command = rimalloc();
        command.args(options).arg("--").arg(&self.name);
        self.complete(&mut command);
        command
    }

    fn complete(&self, command: &mut Command) {
        command
            .args(&self.arguments)
            .current_dir(&self.directory)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env_remove("LD_PRELOAD")
            .stdin(Stdio::null());
    }
}

/// What a run left behind.
pub struct Run {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: String,
    /// The library was seen among the mappings of the process.
    pub mapped: bool,
}

impl Run {
    /// How many processes printed a table.
    pub fn stats_tables(&self) -> usize {
        self.stderr.matches(STATS_TITLE).count()
    }

    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// Runs a command to its end, looking at `/proc/PID/maps` now and then until the library shows up.
pub fn watch(command: &mut Command) -> Run {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stdout = collect(child.stdout.take().expect("stdout is piped"));
    let stderr = collect(child.stderr.take().expect("stderr is piped"));
    let mut mapped = false;
    let status = loop {
        mapped = mapped || maps_library(&child);
        match child.try_wait().expect("the child can be waited for") {
            Some(status) => break status,
            None => thread::sleep(Duration::from_millis(if mapped { 20 } else { 2 })),
        }
    };
    Run {
        status,
        stdout: stdout.join().expect("the reader ends"),
        stderr: String::from_utf8_lossy(&stderr.join().expect("the reader ends")).into_owned(),
        mapped,
    }
}

/// Whether the process has mapped a file of the library's name.
pub fn maps_library(child: &Child) -> bool {
    // The last reading of a process that ends at this moment fails; that one counts as not seen.
    fs::read_to_string(format!("/proc/{}/maps", child.id()))
        .is_ok_and(|maps| maps.contains("librimalloc.so"))
}

fn collect(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("the pipe can be read");
        bytes
    })
}

/// Runs a program plainly and with `--stats`; both have to print the same and end the same, and at
/// least `processes` tables have to appear on stderr. Returns both runs.
pub fn compare(program: &Program, processes: usize) -> (Run, Run) {
    let plain = watch(&mut program.plain());
    let ours = watch(&mut program.on_rimalloc(&["--stats"]));
    assert_same(&plain, &ours);
    let tables = ours.stats_tables();
    assert!(
        tables >= processes,
        "{tables} statistics tables from at least {processes} processes:\n{}",
        ours.stderr
    );
    (plain, ours)
}

/// What a library that looks for mistakes has said of the program's; hardened builds say it unasked.
fn mistakes(stderr: &str) -> Vec<&str> {
    let is_of_memory = |line: &str| {
        ["unable to allocate", "too large", "out of memory"].iter().any(|text| line.contains(text))
    };
    let errors = stderr.lines().filter(|line| line.starts_with("mimalloc: error: "));
    errors.filter(|line| !is_of_memory(line)).collect()
}

/// Panics with both outputs if the runs differ in status or stdout, or if the library found mistakes.
pub fn assert_same(plain: &Run, ours: &Run) {
    assert_eq!(plain.status, ours.status, "stderr on rimalloc:\n{}", ours.stderr);
    assert_eq!(mistakes(&ours.stderr), Vec::<&str>::new());
    assert!(
        plain.stdout == ours.stdout,
        "stdout differs\n--- plain\n{}\n--- rimalloc\n{}",
        plain.stdout_text(),
        ours.stdout_text()
    );
}
