//! What memory checkers find through builds of the library for them. The programs of `tests/c/tools` make mistakes, each
//! in a function that is named after what memcheck calls it: the C library's memory and ours have to give the same.

mod common;

use common::Link;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

/// Without the second, valgrind puts its own malloc in place of every library's.
const MEMCHECK: [&str; 2] = ["--leak-check=full", "--soname-synonyms=somalloc=nouserintercepts"];

/// Programs without a mistake: memcheck has nothing to say about them.
const CLEAN: &[&str] = &[
    "calloc.c",
    "containers.cpp",
    "mi_aligned.c",
    "mi_arena_use.c",
    "mi_deferred_free.c",
    "mi_heap_basic.c",
    "mi_heap_ends.c",
    "mi_heap_visit.c",
    "mi_posix.c",
    "mi_theap.c",
    "mi_zeroed.c",
    "new_delete.cpp",
    "realloc.c",
    "strings.c",
];

/// Programs that only call functions which the sanitizer leaves to the library.
const CLEAN_SANITIZED: &[&str] =
    &["mi_aligned.c", "mi_heap_ends.c", "mi_heap_threads.c", "mi_subproc_ends.c"];

const SANITIZE: &str = "-fsanitize=address";

/// Builds the library for a checker, in a target directory of its own, and says where it is.
fn library(checker: &str, flags: &[&str]) -> PathBuf {
    common::build_in(&common::target_dir().join("tools").join(checker), checker, flags)
}

/// The command that runs a program under memcheck, on a library if one is given.
fn memcheck(program: &Path, library: Option<&Path>) -> Command {
    let mut valgrind = common::program(Path::new("valgrind"), Link::Shared);
    valgrind.args(MEMCHECK);
    if let Some(library) = library {
        valgrind.env("LD_PRELOAD", library);
    }
    valgrind.arg(format!("--xml-file={}", report_of(program).display()));
    valgrind.arg("--xml=yes").arg(program);
    valgrind
}

fn report_of(program: &Path) -> PathBuf {
    program.with_extension("xml")
}

/// What stands between tags in a text, each time.
fn between<'a>(text: &'a str, tag: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    text.split(open.as_str()).skip(1).filter_map(|part| part.split(&close).next()).collect()
}

/// The errors of a report: the kind of each, with the function that is named after a kind and made it.
fn errors(report: &str) -> Vec<(String, String)> {
    let errors = between(report, "error").into_iter().map(|error| {
        let kind = between(error, "kind").concat();
        // The first stack is that of the error; others say where a block comes from.
        let stack = between(error, "stack").into_iter().next().unwrap_or_default();
        let functions = between(stack, "fn");
        let maker = functions.iter().find(|name| name.contains("__") && !name.starts_with('_'));
        (kind, maker.map_or_else(|| functions.join(" < "), |&name| name.to_owned()))
    });
    let mut errors: Vec<_> = errors.collect();
    errors.sort();
    errors
}

/// Runs a program under memcheck, and gives the errors.
fn errors_of(program: &Path, library: Option<&Path>) -> Vec<(String, String)> {
    common::run(&mut memcheck(program, library));
    let path = report_of(program);
    let report = fs::read_to_string(&path).expect("valgrind wrote its report");
    fs::remove_file(&path).expect("the report was just read");
    errors(&report)
}

/// The mistakes that a program makes.
fn mistakes(command: &mut Command) -> BTreeSet<String> {
    let output = common::run(command.arg("names"));
    common::text(&output.stdout).lines().map(str::to_owned).collect()
}

/// That each mistake was found, as what its name says, and nothing else was.
#[track_caller]
fn assert_found(mistakes: &BTreeSet<String>, errors: &[(String, String)]) {
    let kinds = mistakes.iter().map(|name| {
        let kind = name.split("__").next().unwrap_or_default();
        (kind.to_owned(), name.clone())
    });
    let mut expected: Vec<_> = kinds.collect();
    expected.sort();
    let missing: Vec<_> = expected.iter().filter(|error| !errors.contains(error)).collect();
    let more: Vec<_> = errors.iter().filter(|error| !expected.contains(error)).collect();
    assert!(missing.is_empty() && more.is_empty(), "not found: {missing:?}; found: {more:?}");
    assert_eq!(errors, expected, "something was found twice");
}

fn has_valgrind() -> bool {
    let has = common::has_tool("valgrind");
    if !has {
        println!("skipped: valgrind not installed");
    }
    has
}

#[test]
fn memcheck_finds_the_same_as_with_the_c_library() {
    if !has_valgrind() {
        return;
    }
    let library = library("valgrind", &[]).join("librimalloc.so");
    let program = common::compile("tools/faults.c", Link::Preload);
    let mistakes = mistakes(&mut common::program(&program, Link::Shared));
    assert_found(&mistakes, &errors_of(&program, None));
    assert_found(&mistakes, &errors_of(&program, Some(&library)));
    common::discard(&program);
}

#[test]
fn memcheck_finds_mistakes_with_our_functions() {
    if !has_valgrind() {
        return;
    }
    let library = library("valgrind", &[]).join("librimalloc.so");
    let program = common::compile_linked("tools/mi_faults.c", &library);
    let mistakes = mistakes(common::program(&program, Link::Shared).env("LD_PRELOAD", &library));
    assert_found(&mistakes, &errors_of(&program, Some(&library)));
    common::discard(&program);
}

#[test]
fn memcheck_finds_nothing_in_programs_without_mistakes() {
    if !has_valgrind() {
        return;
    }
    let library = library("valgrind", &[]).join("librimalloc.so");
    let check = |name: &&str| {
        let program = common::compile_linked(name, &library);
        // Some keep blocks to their end.
        let errors = errors_of(&program, Some(&library));
        let errors: Vec<_> = errors.iter().filter(|(kind, _)| !kind.starts_with("Leak_")).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        common::discard(&program);
    };
    thread::scope(|scope| {
        for names in CLEAN.chunks(CLEAN.len().div_ceil(2)) {
            scope.spawn(|| names.iter().for_each(check));
        }
    });
}

/// Whether the compiler makes programs with the sanitizer, and they run here.
fn has_sanitizer() -> bool {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tools.sanitized");
    let mut compiler = Command::new("cc");
    compiler.args([SANITIZE, "-o"]).arg(&program).arg(common::source("nothing.c"));
    let compiled = compiler.output().is_ok_and(|output| output.status.success());
    let has =
        compiled && Command::new(&program).output().is_ok_and(|output| output.status.success());
    if !has {
        println!("skipped: the compiler has no address sanitizer");
    }
    has
}

/// The archive for the sanitizer: it owns malloc, so the library has its own names only.
fn sanitized_archive() -> PathBuf {
    library("asan", &["--no-default-features"]).join("librimalloc.a")
}

/// The command that runs a program with the sanitizer. It does not look for leaks: what only our blocks lead to is out
/// of its sight.
fn sanitized(program: &Path) -> Command {
    let mut command = common::program(program, Link::Archive);
    command.env("ASAN_OPTIONS", "detect_leaks=0");
    command
}

/// One at a time: the sanitizer ends a program with its first mistake.
#[test]
fn the_sanitizer_finds_what_may_not_be_touched() {
    if !has_sanitizer() {
        return;
    }
    let flags = [SANITIZE, "-fno-omit-frame-pointer"];
    let program = common::compile_linked_with("tools/mi_faults.c", &sanitized_archive(), &flags);
    let mistakes = mistakes(&mut sanitized(&program));
    for name in mistakes.iter().filter(|name| name.starts_with("Invalid")) {
        let output = sanitized(&program).arg(name).stdout(Stdio::null()).output();
        let output = output.expect("the program was just built");
        let text = common::text(&output.stderr);
        if name.starts_with("InvalidFree") {
            // Not a matter of the sanitizer: the library says so itself.
            assert!(text.contains("mimalloc: error: "), "{name}: {text}");
        } else {
            let access = if name.starts_with("InvalidRead") { "READ" } else { "WRITE" };
            let found = ["use-after-poison", access, name].iter().all(|part| text.contains(part));
            assert!(found && !output.status.success(), "{name}: {text}");
        }
    }
    common::discard(&program);
}

#[test]
fn the_sanitizer_finds_nothing_in_programs_without_mistakes() {
    if !has_sanitizer() {
        return;
    }
    let archive = sanitized_archive();
    for name in CLEAN_SANITIZED {
        let program = common::compile_linked_with(name, &archive, &[SANITIZE]);
        common::run(&mut sanitized(&program));
        common::discard(&program);
    }
}
