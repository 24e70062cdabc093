//! Builds the library and the C and C++ programs of the tests, and runs them.
#![allow(dead_code)] // each test binary uses a part

use core::sync::atomic::{AtomicU32, Ordering};
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// How a program gets the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// Not at all until it runs: `LD_PRELOAD`.
    Preload,
    /// `librimalloc.so` is linked.
    Shared,
    /// `librimalloc.a` is linked, libc stays dynamic.
    Archive,
    /// `librimalloc.a` and libc are linked statically.
    Static,
}

impl Link {
    pub(crate) const ALL: [Self; 4] = [Self::Preload, Self::Shared, Self::Archive, Self::Static];
    /// The forms in which the program has a dynamic loader.
    pub(crate) const DYNAMIC: [Self; 3] = [Self::Preload, Self::Shared, Self::Archive];
}

/// Where cargo puts what it builds.
pub(crate) fn target_dir() -> PathBuf {
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    tmp.parent().expect("the scratch directory lies in the target directory").to_owned()
}

/// The variable that names the level under test: a feature of the crate. Without it the stock build is tested.
const LEVEL: &str = "RIMALLOC_TEST_LEVEL";

/// The level of hardening that the library under test has; empty for the stock build.
pub(crate) fn level() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| env::var(LEVEL).unwrap_or_default())
}

/// The directory of `librimalloc.so` and `librimalloc.a`, built in the release profile: the one
/// that ships, and the only one whose archive links beside another Rust library.
pub(crate) fn library_dir() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| build_library(level()))
}

/// Builds the library with a feature, or the stock one without, and says in which directory it is. Each has a target
/// directory of its own, so that one build does not undo the other.
pub(crate) fn build_library(feature: &str) -> PathBuf {
    let stock = target_dir();
    let target = if feature.is_empty() { stock } else { stock.join("levels").join(feature) };
    build_in(&target, feature, &[])
}

/// Builds the library with a feature and other flags for cargo in a target directory, and says where in it it is.
pub(crate) fn build_in(target: &Path, feature: &str, flags: &[&str]) -> PathBuf {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--release", "--package", "rimalloc-capi"]);
    build.args(["--features", feature]).args(flags).arg("--target-dir").arg(target);
    run(build.current_dir(env!("CARGO_MANIFEST_DIR")));
    target.join("release")
}

pub(crate) fn shared_library() -> PathBuf {
    library_dir().join("librimalloc.so")
}

pub(crate) fn archive() -> PathBuf {
    library_dir().join("librimalloc.a")
}

/// A file of `tests/c`.
pub(crate) fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c").join(name)
}

/// Compiles `tests/c/<name>`, which is C or C++ by its suffix, and returns the program.
pub(crate) fn compile(name: &str, link: Link) -> PathBuf {
    compile_with(name, link, &[])
}

/// [`compile`] with more flags of the compiler.
pub(crate) fn compile_with(name: &str, link: Link, flags: &[&str]) -> PathBuf {
    let output = output_path(&format!("{name}.{link:?}"));
    let mut compiler = compiler(name);
    compiler.args(flags).arg(source(name)).arg("-o").arg(&output);
    match link {
        Link::Preload => compiler.arg("-DPRELOADED"),
        Link::Shared => {
            let dir = library_dir();
            compiler.arg("-L").arg(dir).arg("-l:librimalloc.so");
            compiler.arg(format!("-Wl,-rpath,{}", dir.display()))
        }
        Link::Archive => compiler.arg(archive()),
        Link::Static => compiler.arg("-static").arg(archive()),
    };
    run(compiler.arg("-ldl"));
    output
}

/// [`compile`], linked with a library that the program finds only if it is preloaded: that one, or another build of it.
pub(crate) fn compile_linked(name: &str, library: &Path) -> PathBuf {
    compile_linked_with(name, library, &[])
}

/// [`compile_linked`] with more flags of the compiler; the library may also be an archive.
pub(crate) fn compile_linked_with(name: &str, library: &Path, flags: &[&str]) -> PathBuf {
    let output = output_path(name);
    let mut compiler = compiler(name);
    compiler.args(flags).arg(source(name)).arg("-o").arg(&output);
    run(compiler.arg(library).arg("-ldl"));
    output
}

/// Compiles `tests/c/<name>` as a shared object that knows nothing of the library.
pub(crate) fn compile_plugin(name: &str) -> PathBuf {
    let output = output_path(&format!("{name}.so"));
    let mut compiler = compiler(name);
    run(compiler.args(["-shared", "-fPIC"]).arg(source(name)).arg("-o").arg(&output));
    output
}

fn compiler(name: &str) -> Command {
    let cxx = Path::new(name).extension() == Some(OsStr::new("cpp"));
    let mut command = Command::new(if cxx { "c++" } else { "cc" });
    command.arg(if cxx { "-std=c++17" } else { "-std=gnu11" });
    // Without -fno-builtin the compiler removes pairs of malloc and free.
    command.args(["-Wall", "-Wextra", "-Werror", "-fno-builtin", "-O1", "-g", "-pthread"]);
    command.arg("-I").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("include"));
    // What `check.h` derives the promises of the level from.
    if let Some(number) = level().strip_prefix("secure") {
        command.arg(format!("-DSECURE={}", if number.is_empty() { "4" } else { number }));
    } else if level() == "debug-checks" {
        command.arg("-DDEBUG=1");
    }
    command
}

fn output_path(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("capi");
    fs::create_dir_all(&dir).expect("the scratch directory can be made");
    // Tests run in parallel, in threads and in processes; every program is one test's own.
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    dir.join(format!("{}.{count}.{}", std::process::id(), name.replace('/', ".")))
}

/// Names options, as an environment does and with blanks between them, under which all programs run.
const OPTIONS: &str = "TESTED_WITH";

/// The ways of linking to test a program in: all for the stock build as it is, else one of them. Levels and options
/// have no part in linking.
pub(crate) fn ways(all: &[Link]) -> &[Link] {
    if level().is_empty() && env::var_os(OPTIONS).is_none() { all } else { &all[..1] }
}

/// The command that runs a compiled program, with an environment free of our options but for those that all tests are
/// run with.
pub(crate) fn program(path: &Path, link: Link) -> Command {
    let mut command = Command::new(path);
    for (name, _) in env::vars_os() {
        let upper = name.to_string_lossy().to_ascii_uppercase();
        if upper.starts_with("MIMALLOC_") || upper.starts_with("RIMALLOC_") {
            command.env_remove(name);
        }
    }
    if !level().is_empty() {
        // As in the stock build; what the levels say is asked by the tests of misuse.
        command.env("MIMALLOC_SHOW_ERRORS", "0");
    }
    let options = env::var(OPTIONS).unwrap_or_default();
    command.envs(options.split_whitespace().filter_map(|option| option.split_once('=')));
    // Cargo names its own directories, where a library of another profile may lie.
    command.env_remove("LD_PRELOAD").env_remove("LD_LIBRARY_PATH");
    if link == Link::Preload {
        command.env("LD_PRELOAD", shared_library());
    }
    command
}

/// Compiles and runs a program that says nothing and exits with 0 when it is content.
pub(crate) fn check(name: &str, link: Link) {
    let path = compile(name, link);
    let output = run(&mut program(&path, link));
    assert_eq!(text(&output.stdout), "", "{name} ({link:?}) printed");
    assert_eq!(text(&output.stderr), "", "{name} ({link:?}) complained");
    discard(&path);
}

/// Compiles and runs a program with variables set, and returns what it wrote to standard error.
pub(crate) fn stderr_of(name: &str, link: Link, variables: &[(&str, &str)]) -> String {
    let path = compile(name, link);
    let output = run(program(&path, link).envs(variables.iter().copied()));
    discard(&path);
    text(&output.stderr).to_owned()
}

/// Removes a program that passed; one that failed stays for a debugger.
pub(crate) fn discard(path: &Path) {
    fs::remove_file(path).expect("the program was just run");
}

/// Runs a command to its end; a failure shows the command and its output.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    output
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).expect("tools speak UTF-8")
}

/// Whether a tool can be started.
pub(crate) fn has_tool(name: &str) -> bool {
    Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success())
}
