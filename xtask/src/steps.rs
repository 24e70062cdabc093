//! The steps that run other programs, nearly all of them cargo.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_owned()
}

pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let line = format!("{command:?}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{status}: {line}")),
        Err(error) => Err(format!("{error}: {line}")),
    }
}

/// What a program prints.
pub(crate) fn output_of(command: &mut Command) -> Result<String, String> {
    let line = format!("{command:?}");
    let output = command.output().map_err(|error| format!("{error}: {line}"))?;
    if !output.status.success() {
        return Err(format!(
            "{}: {line}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Builds the release library and says where it is.
pub(crate) fn release_library() -> Result<PathBuf, String> {
    lib()?;
    Ok(target_directory().join("release/librimalloc.so"))
}

/// Where this run of cargo puts what it builds.
pub(crate) fn target_directory() -> PathBuf {
    root().join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// Workspaces of their own in this one's directory.
const OTHER_WORKSPACES: [&str; 3] =
    ["crates/bench/peers", "crates/rimalloc/tests/outside", "crates/rustbench"];

pub(crate) fn fmt() -> Result<(), String> {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    for workspace in OTHER_WORKSPACES {
        let manifest = root().join(workspace).join("Cargo.toml");
        run(cargo(&["fmt", "--all", "--check", "--manifest-path"]).arg(manifest))?;
    }
    Ok(())
}

/// The features of the Rust face that a stable compiler takes.
pub(crate) const FACE_FEATURES: &str = "allocator-api2,allocator-api2-04,serde,inline-fast-path";

/// With every feature of the engine and the Rust face and, of the C library, without its one: they are
/// additive, so that these builds and the default ones see all lines.
pub(crate) fn clippy() -> Result<(), String> {
    let selections: [&[&str]; 4] = [
        &["--workspace"],
        &["--package", "rimalloc-core", "--all-features"],
        &["--package", "rimalloc", "--features", FACE_FEATURES],
        &["--package", "rimalloc-capi", "--no-default-features"],
    ];
    for selection in selections {
        let mut command = cargo(&["clippy", "--quiet", "--all-targets"]);
        run(command.args(selection).args(["--", "-D", "warnings"]))?;
    }
    Ok(())
}

/// Everything but the faces and the preloaded programs, which have steps of their own.
pub(crate) fn test() -> Result<(), String> {
    let others = ["rimalloc", "rimalloc-capi", "rimalloc-cli"];
    let others = others.iter().flat_map(|package| ["--exclude", package]);
    run(cargo(&["test", "--workspace"]).args(others))?;
    run(&mut cargo(&["test", "--package", "rimalloc-cli", "--bins", "--test", "run"]))
}

/// The Rust face with and without its features, its examples, which say by their exit status whether
/// they are right, and the packages that are shipped, each built from what is in it.
pub(crate) fn face() -> Result<(), String> {
    let shown = ["--", "--show-output"];
    run(cargo(&["test", "--package", "rimalloc", "--features", FACE_FEATURES]).args(shown))?;
    run(&mut cargo(&["test", "--package", "rimalloc", "--lib"]))?;
    run(&mut cargo(&["test", "--package", "rimalloc", "--doc"]))?;
    // Without debug assertions nothing is looked at but what is asked for at run time.
    run(&mut cargo(&["test", "--release", "--package", "rimalloc", "--test", "checks"]))?;
    for example in examples()? {
        let mut command = cargo(&["run", "--quiet", "--package", "rimalloc", "--features"]);
        command.args([FACE_FEATURES, "--example", &example]);
        output_of(&mut command)?;
    }
    let packages = ["rimalloc-core", "rimalloc", "rimalloc-cli"];
    let packages = packages.iter().flat_map(|package| ["--package", package]);
    run(cargo(&["package", "--quiet", "--allow-dirty"]).args(packages))
}

/// The names of the Rust face's examples.
fn examples() -> Result<Vec<String>, String> {
    let directory = root().join("crates/rimalloc/examples");
    let entries = fs::read_dir(&directory).map_err(|error| format!("{error}: {directory:?}"))?;
    let mut names: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Ok(names)
}

/// The C library and the command, whose documentation is the header and `--help`, have no pages:
/// their names are the Rust face's.
pub(crate) fn docs() -> Result<(), String> {
    let packages = ["rimalloc-core", "rimalloc", "testkit", "rimalloc-bench", "xtask"];
    let packages = packages.iter().flat_map(|package| ["--package", package]);
    let mut command = cargo(&["doc", "--no-deps", "--document-private-items"]);
    run(command.args(packages).env("RUSTDOCFLAGS", "-Dwarnings"))?;
    let mut face = cargo(&["doc", "--no-deps", "--package", "rimalloc", "--features"]);
    run(face.arg(FACE_FEATURES).env("RUSTDOCFLAGS", "-Dwarnings"))
}

/// The models are unit tests of the engine, built with loom's atomics in a target directory of
/// their own so that the flag does not rebuild everything else.
pub(crate) fn loom() -> Result<(), String> {
    let mut command = cargo(&["test", "--package", "rimalloc-core", "--lib", "--release"]);
    command
        .env_remove("CARGO_ENCODED_RUSTFLAGS") // would win over the next line
        .env("RUSTFLAGS", "--cfg loom")
        .env("LOOM_MAX_PREEMPTIONS", "2")
        .env("CARGO_TARGET_DIR", target_directory().join("loom"));
    run(&mut command)
}

pub(crate) fn oom() -> Result<(), String> {
    run(&mut cargo(&[
        "test",
        "--package",
        "rimalloc-core",
        "--features",
        "fake-os",
        "--lib",
        "--test",
        "oom",
        "--test",
        "arenas_pretended",
    ]))
}

/// With the tests' output shown: a tool that is not installed is reported as skipped there.
pub(crate) fn capi() -> Result<(), String> {
    run(&mut cargo(&["test", "--package", "rimalloc-capi", "--", "--show-output"]))
}

/// Programs of the C interface that are about what guarding changes: statistics, how much memory there is to blocks, how
/// often the slow path runs, which pages a theap has, and what becomes of blocks that are freed twice.
const NOT_GUARDED: &[&str] = &[
    "mi_stats",
    "mi_arena_heap",
    "mi_block_size",
    "mi_collect_reduce",
    "mi_abandoned_visit",
    "mi_deferred",
    "mi_heap_check",
    "mi_reserve",
    "mi_show_arenas",
    "mi_theap",
    "usable_size",
];

/// Programs that allocate so much that guarding all of it takes minutes, and such as count memory to the slice.
const NOT_ALL_GUARDED: &[&str] = &[
    "fork",
    "interposed_calls",
    "mi_heap_collect",
    "mi_heap_pool",
    "containers",
    "mi_heap_many",
    "mi_heap_races",
    "mi_manage",
    "mi_process_info",
    "mi_report",
    "mi_under_utilized",
    "thread_exit",
];

/// Tests of the engine that are run with guarded blocks. The others are about statistics (`statistics`), about how much
/// of a limit blocks can use (`limits`, `oom`), about huge pages (`huge`), or read blocks that were freed (`hardening`).
const GUARDED_CORE: &[&str] = &[
    "edges",
    "exit",
    "fork_family",
    "heaps",
    "invariants",
    "model",
    "resize",
    "stress",
    "subprocs",
    "visit",
];

/// Those that take minutes where all blocks are guarded, or that are about which pages a theap has.
const GUARDED_CORE_SAMPLED: &[&str] = &["arenas", "churn", "fork", "options", "scenarios"];

/// Tests of the engine in those files that are about what guarding a hundredth of all blocks changes: how many blocks
/// fit an arena, which pages a theap has, and how much memory is touched.
const NOT_GUARDED_CORE: &[&str] = &[
    "an_exclusive_arena_serves_its_heaps_and_they_use_nothing_else",
    "without_the_system_reserved_memory_is_all_there_is",
    "a_thread_adopts_pages_of_others_that_it_frees_into_as_far_as_options_let_it",
    "a_thread_keeps_as_many_full_pages_as_it_is_told_to",
    "a_thread_that_only_frees_adopts_nothing_unless_that_is_asked_for",
    "cycles_of_allocation_and_free_touch_no_fresh_memory",
];

/// Such as damage the page of a block, which has to be one that a theap owns.
const NOT_ALL_GUARDED_CORE: &[&str] = &[
    "a_wrong_count_is_found",
    "a_block_on_two_lists_is_found",
    "a_page_in_the_wrong_place_is_found",
];

/// Tests of the Rust face that are run with guarded blocks: all but those that count instructions.
const GUARDED_FACE: &[&str] = &[
    "allocators",
    "arena",
    "checks",
    "configured",
    "environment",
    "exhaustion",
    "global",
    "heap",
    "known_zeros",
    "layouts",
    "properties",
    "properties_default",
    "scope",
    "statistics",
];

/// Such as fill an arena with blocks, and count those, and such as claim less than a block has: options decide how much
/// room a guarded one has, and so only too much is reported.
const NOT_GUARDED_FACE: &[&str] = &[
    "a_bound_heap_takes_all_its_memory_from_its_arena",
    "a_layout_that_is_not_the_block_s_is_reported_in_checked_builds",
    "a_heap_can_have_its_blocks_looked_at_in_every_build",
];

/// Such as need more slices than an arena of theirs has when each block takes some, such as are about where a large
/// block lies and how many bytes a small one has, and such as are about statistics.
const NOT_ALL_GUARDED_FACE: &[&str] = &[
    "a_map_keeps_its_entries_when_it_cannot_grow",
    "a_scope_that_is_full_says_so_and_is_whole",
    "threads_share_a_scope",
    "fresh_memory_is_not_cleared_and_used_memory_is",
    "large_blocks_grow_in_place_where_there_is_room",
    "a_block_has_all_the_bytes_that_may_be_used",
    "figures_start_anew_but_for_what_is_in_use",
    "parts_count_their_own_blocks",
    "a_sub_process_is_joined_once_and_ends_when_its_threads_have",
];

/// Programs of the C interface, tests of the engine and of the Rust face with guarded blocks: one in a hundred, and all.
/// Which ones are guarded is the same in each run.
pub(crate) fn guarded() -> Result<(), String> {
    for rate in ["100", "1"] {
        let is_all = rate == "1";
        let mut programs = cargo(&["test", "--package", "rimalloc-capi", "--test", "abi"]);
        skip(&mut programs, &[NOT_GUARDED, if is_all { NOT_ALL_GUARDED } else { &[] }]);
        let seed = "MIMALLOC_GUARDED_SAMPLE_SEED=1";
        let options = format!("MIMALLOC_GUARDED_SAMPLE_RATE={rate} {seed}");
        run(programs.env("TESTED_WITH", options))?;

        let mut engine = cargo(&["test", "--profile", "levels", "--package", "rimalloc-core"]);
        let sampled = if is_all { &[] } else { GUARDED_CORE_SAMPLED };
        name_tests(&mut engine, &[GUARDED_CORE, sampled]);
        skip(&mut engine, &[NOT_GUARDED_CORE, if is_all { NOT_ALL_GUARDED_CORE } else { &[] }]);
        run(with_guards(&mut engine, rate))?;

        let mut face = cargo(&["test", "--profile", "levels", "--package", "rimalloc"]);
        face.args(["--features", FACE_FEATURES]);
        name_tests(&mut face, &[GUARDED_FACE]);
        skip(&mut face, &[NOT_GUARDED_FACE, if is_all { NOT_ALL_GUARDED_FACE } else { &[] }]);
        run(with_guards(&mut face, rate))?;
    }
    Ok(())
}

/// Has a run of cargo's run these files of tests.
fn name_tests(command: &mut Command, lists: &[&[&str]]) {
    for name in lists.iter().copied().flatten() {
        command.args(["--test", name]);
    }
}

/// Ends a run of cargo's with arguments that leave out these tests.
fn skip(command: &mut Command, lists: &[&[&str]]) {
    command.arg("--");
    for name in lists.iter().copied().flatten() {
        command.args(["--skip", name]);
    }
}

/// Has tests guard one block of `rate`, and know that some are.
fn with_guards<'a>(command: &'a mut Command, rate: &str) -> &'a mut Command {
    command
        .env("RIMALLOC_TEST_GUARDED", "1")
        .env("MIMALLOC_GUARDED_SAMPLE_SEED", "1")
        .env("MIMALLOC_GUARDED_SAMPLE_RATE", rate)
}

/// With the tests' output shown, for the same reason.
pub(crate) fn preload() -> Result<(), String> {
    let test = ["test", "--package", "rimalloc-cli", "--test", "preload", "--test", "planted"];
    run(cargo(&test).args(["--", "--show-output"]))
}

pub(crate) fn lib() -> Result<(), String> {
    run(&mut cargo(&["build", "--release", "--package", "rimalloc-capi"]))?;
    run(&mut cargo(&["build", "--release", "--package", "rimalloc-cli"]))
}

const PYTHON_DEMO: &str = "
import collections, json, re
text = ' '.join(f'{n % 89}-{n * n % 97}' for n in range(200_000))
words = collections.Counter(re.findall(r'[0-9]+-[0-9]+', text))
print('python:', len(words), 'words, the most common is', words.most_common(1)[0][0])
print('python:', len(json.dumps(dict(words), sort_keys=True)), 'bytes of JSON')
";

const SHELL_DEMO: &str = "
seq 1 200000 2>/dev/null | awk '{ n[$1 % 97]++; s += $1 } END { print \"awk:\", s, length(n) }'
ls -l / | sort | sed 's/  */ /g' | wc -l
";

/// Runs a program that most machines have on the release library.
pub(crate) fn demo() -> Result<(), String> {
    lib()?;
    let python = python();
    let program = match &python {
        Some(python) => [python.as_str(), "-c", PYTHON_DEMO],
        None => ["sh", "-c", SHELL_DEMO],
    };
    let rimalloc = target_directory().join("release/rimalloc");
    eprintln!("$ {} run --stats -- {} {} …", rimalloc.display(), program[0], program[1]);
    run(Command::new(rimalloc).args(["run", "--stats", "--"]).args(program))
}

/// The interpreter itself: the `python3` of a version manager is a script, and each of the programs
/// it starts would print a table.
fn python() -> Option<String> {
    let show = ["-c", "import sys; print(sys.executable)"];
    let output = Command::new("python3").args(show).output().ok()?;
    let path = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !path.is_empty()).then_some(path)
}
