//! The mistakes that programs make with memory, and what each build of the library answers: a program of `tests/c/misuse`
//! a row, a build a column. The table of `docs/hardening.md` shows the same.

mod common;

use common::Link;
use core::fmt::Write;
use core::time::Duration;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

/// How long a program may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(60);

/// A build of the library, and the environment that the programs run in.
struct Column {
    name: &'static str,
    features: &'static str,
    variable: Option<(&'static str, &'static str)>,
}

const COLUMNS: [Column; 5] = [
    Column { name: "stock", features: "", variable: None },
    Column { name: "check=warn", features: "", variable: Some(("RIMALLOC_CHECK", "warn")) },
    Column { name: "check=abort", features: "", variable: Some(("RIMALLOC_CHECK", "abort")) },
    Column { name: "secure", features: "secure", variable: None },
    Column { name: "debug", features: "debug-checks", variable: None },
];

/// What comes of a mistake.
#[derive(Clone, Copy, PartialEq)]
enum Answer {
    /// Nothing is said, and the program goes on.
    Silent,
    /// One line is printed, which contains this, and where checks are on others that tell more; the program goes on.
    Told(&'static str),
    /// The same, and the process aborts.
    Ends(&'static str),
    /// The system refuses an access, and the program, which is told by a signal, goes on.
    Faults,
    /// Anything may happen: the program is not run.
    Undefined,
}

use Answer::{Ends, Faults, Silent, Told, Undefined};

/// A mistake: its program, what it is, and its answers by column.
struct Row {
    program: &'static str,
    what: &'static str,
    answers: [Answer; COLUMNS.len()],
}

/// A row of the answers of the stock build without checks, of the same with them, of the secure and the debug build.
const fn row(
    program: &'static str,
    what: &'static str,
    [stock, checked, secure, debug]: [Answer; 4],
) -> Row {
    let aborted = match checked {
        Told(line) => Ends(line),
        other => other,
    };
    Row { program, what, answers: [stock, checked, aborted, secure, debug] }
}

// `P` stands for any address.
const DOUBLE: &str = "double free detected of block P with size 64";
const DOUBLE_48: &str = "double free detected of block P with size 48";
const DOUBLE_LARGE: &str = "double free detected of block P with size 20480";
const INVALID: &str = "mi_free: invalid pointer: P";
const UNALIGNED: &str = "mi_free: invalid (unaligned) pointer: P";
const OVERFLOW: &str = "buffer overflow in heap block P of size 48: write after 48 bytes";
const OVERFLOW_56: &str = "buffer overflow in heap block P of size 56: write after 56 bytes";
const OVERFLOW_HUGE: &str =
    "buffer overflow in heap block P of size 1048476: write after 1048476 bytes";
const CORRUPTED_48: &str = "corrupted free list entry of size 48b at P: value P";
const CORRUPTED: &str = "corrupted free list entry of size 64b at P: value P";
const WRONG_SIZE: &str = "the block at P of 48 bytes was not allocated with size 192, alignment 1";
const WRONG_SIZE_64: &str =
    "the block at P of 64 bytes was not allocated with size 192, alignment 64";
const WRONG_SIZE_48: &str =
    "the block at P of 48 bytes was not allocated with size 192, alignment 64";
const MISALIGNED: &str =
    "the block at P of 48 bytes was not allocated with size 48, alignment 4096";
const NO_ALIGNMENT: &str = "the block at P of 48 bytes was not allocated with size 48, alignment 3";
const INVALID_REALLOC: &str = "mi_realloc: invalid pointer: P";
const INVALID_SIZE: &str = "mi_usable_size: invalid pointer: P";

const ROWS: &[Row] = &[
    row(
        "double_free_small.c",
        "double free of a small block",
        [Undefined, Told(DOUBLE_48), Told(DOUBLE), Told(DOUBLE)],
    ),
    row(
        "double_free_large.c",
        "double free of a large block that shares its page",
        [Undefined, Told(DOUBLE_LARGE), Told(DOUBLE_LARGE), Told(DOUBLE_LARGE)],
    ),
    row(
        "double_free_alone.c",
        "double free of the only block of a page, which has gone",
        [Silent, Told(INVALID), Told(INVALID), Told(INVALID)],
    ),
    row(
        "double_free_huge.c",
        "double free of a block with a page of its own",
        [Silent, Told(INVALID), Told(INVALID), Told(INVALID)],
    ),
    row(
        "double_free_thread.c",
        "double free, the second by another thread",
        [Undefined, Told(DOUBLE_48), Told(DOUBLE), Told(DOUBLE)],
    ),
    row(
        "double_free_threads.c",
        "double free, both by another thread",
        [Undefined, Told(DOUBLE_48), Told(DOUBLE), Told(DOUBLE)],
    ),
    row(
        "double_free_reused.c",
        "double free of a block that was handed out anew in between: by the new owner's free",
        [Undefined, Told(DOUBLE_48), Told(DOUBLE), Told(DOUBLE)],
    ),
    row("free_stack.c", "free of the stack", [Silent, Told(INVALID), Told(INVALID), Told(INVALID)]),
    row(
        "free_static.c",
        "free of static memory",
        [Silent, Told(INVALID), Told(INVALID), Told(INVALID)],
    ),
    row(
        "free_inside_small.c",
        "free of the middle of a small block",
        [Undefined, Told(UNALIGNED), Told(UNALIGNED), Told(UNALIGNED)],
    ),
    row(
        "free_inside_large.c",
        "free of the middle of a large block that shares its page",
        [Undefined, Told(UNALIGNED), Told(UNALIGNED), Told(UNALIGNED)],
    ),
    row(
        "free_inside_huge.c",
        "free of the middle of a block with a page of its own, and then of the block: stock frees it at first",
        [Silent, Told(UNALIGNED), Told(UNALIGNED), Told(UNALIGNED)],
    ),
    row(
        "free_odd.c",
        "free of an odd address",
        [Undefined, Told(UNALIGNED), Told(UNALIGNED), Told(UNALIGNED)],
    ),
    row(
        "free_unused.c",
        "free of a block that nobody has had yet",
        [Undefined, Told(INVALID), Told(INVALID), Told(INVALID)],
    ),
    row(
        "free_destroyed.c",
        "free of a block that ended with its heap",
        [Silent, Told(INVALID), Told(INVALID), Told(INVALID)],
    ),
    row(
        "free_unmapped.c",
        "free of an address that is not mapped",
        [Silent, Told(INVALID), Told(INVALID), Told(INVALID)],
    ),
    row(
        "free_low.c",
        "free of a low address",
        [Silent, Told(INVALID), Told(INVALID), Told(INVALID)],
    ),
    row(
        "free_not_canonical.c",
        "free of an address that no process has",
        [Silent, Told(INVALID), Told(INVALID), Told(INVALID)],
    ),
    row(
        "overflow_1.c",
        "overflow by a byte, of value 0, into live blocks",
        [Silent, Silent, Ends(OVERFLOW), Told(OVERFLOW)],
    ),
    row(
        "overflow_8.c",
        "overflow by 8 bytes into live blocks",
        [Silent, Silent, Ends(OVERFLOW_56), Told(OVERFLOW_56)],
    ),
    row(
        "overflow_4096.c",
        "overflow by 4096 bytes into live blocks",
        [Silent, Silent, Ends(OVERFLOW_56), Told(OVERFLOW_56)],
    ),
    row(
        "overflow_huge.c",
        "overflow by a byte of a block with a page of its own",
        [Silent, Silent, Ends(OVERFLOW_HUGE), Told(OVERFLOW_HUGE)],
    ),
    row(
        "overflow_resized.c",
        "overflow by a byte of a block that is resized",
        [Silent, Silent, Ends(OVERFLOW), Told(OVERFLOW)],
    ),
    row(
        "underflow.c",
        "underflow by a byte into a live block: by its free",
        [Silent, Silent, Ends(OVERFLOW_56), Told(OVERFLOW_56)],
    ),
    row(
        "write_after_free.c",
        "write to the link of a free block",
        [Undefined, Told(CORRUPTED_48), Ends(CORRUPTED), Told(CORRUPTED)],
    ),
    row(
        "sized_free.c",
        "free with a wrong size",
        [Silent, Told(WRONG_SIZE), Told(WRONG_SIZE), Told(WRONG_SIZE)],
    ),
    row(
        "sized_free_thread.c",
        "free with a wrong size by another thread",
        [Silent, Told(WRONG_SIZE), Told(WRONG_SIZE), Told(WRONG_SIZE)],
    ),
    row(
        "sized_free_aligned.c",
        "free of an aligned block with a wrong size and its alignment",
        [Silent, Told(WRONG_SIZE_64), Told(WRONG_SIZE_48), Told(WRONG_SIZE_48)],
    ),
    row(
        "delete_sized_aligned.cpp",
        "delete of an aligned block with a wrong size and its alignment",
        [Silent, Told(WRONG_SIZE_64), Told(WRONG_SIZE_48), Told(WRONG_SIZE_48)],
    ),
    row(
        "free_misaligned.c",
        "free with an alignment that the block has not",
        [Silent, Told(MISALIGNED), Told(MISALIGNED), Told(MISALIGNED)],
    ),
    row(
        "free_no_alignment.c",
        "free with the right size and an alignment that is none",
        [Silent, Told(NO_ALIGNMENT), Told(NO_ALIGNMENT), Told(NO_ALIGNMENT)],
    ),
    row(
        "realloc_freed.c",
        "realloc of a freed block",
        [Undefined, Told(INVALID_REALLOC), Told(INVALID_REALLOC), Told(INVALID_REALLOC)],
    ),
    row(
        "realloc_foreign.c",
        "realloc of the stack",
        [Silent, Told(INVALID_REALLOC), Told(INVALID_REALLOC), Told(INVALID_REALLOC)],
    ),
    row(
        "size_of_foreign.c",
        "usable size of the stack",
        [Silent, Told(INVALID_SIZE), Told(INVALID_SIZE), Told(INVALID_SIZE)],
    ),
    row(
        "size_of_freed.c",
        "usable size of a freed block",
        [Undefined, Told(INVALID_SIZE), Told(INVALID_SIZE), Told(INVALID_SIZE)],
    ),
    row(
        "right_sizes.c",
        "free of blocks, aligned and resized ones too, with the sizes and alignments that were asked for",
        [Silent, Silent, Silent, Silent],
    ),
    row("mixed.cpp", "new and free, malloc and delete mixed", [Silent, Silent, Silent, Silent]),
    row(
        "run_along.c",
        "everything written over that can be reached from a block within its arena: metadata stays whole",
        [Silent, Silent, Silent, Silent],
    ),
    row(
        "guarded_overflow.c",
        "overflow of a guarded block by more than two words",
        [Faults, Faults, Faults, Faults],
    ),
    row(
        "guarded_underflow.c",
        "underflow of a guarded block by an OS page",
        [Faults, Faults, Faults, Faults],
    ),
    row(
        "guarded_before.c",
        "underflow by a byte of a guarded block behind its guard",
        [Faults, Faults, Faults, Faults],
    ),
    row(
        "guarded_read_freed.c",
        "read of a guarded block after it was freed",
        [Faults, Faults, Faults, Faults],
    ),
    row(
        "guarded_double_free.c",
        "double free of a guarded block",
        [Silent, Told(DOUBLE_48), Told(DOUBLE_48), Told(DOUBLE_48)],
    ),
    row(
        "guarded_inside.c",
        "free of the middle of a guarded block",
        [Silent, Told(UNALIGNED), Told(UNALIGNED), Told(UNALIGNED)],
    ),
    row(
        "guarded_sized_free.c",
        "free of a guarded block with a wrong size",
        [Silent, Told(WRONG_SIZE), Told(WRONG_SIZE), Told(WRONG_SIZE)],
    ),
];

/// Builds the library of a column, in a target directory of its own, and says where it is.
fn library(column: &Column) -> PathBuf {
    common::build_library(column.features).join("librimalloc.so")
}

/// What a program prints and how it ends, with options set. One that hangs is killed, and fails.
fn outcome(
    program: &Path,
    library: &Path,
    column: &Column,
    options: &[(&str, &str)],
) -> (String, ExitStatus) {
    // Without a core: the process may be meant to abort.
    let mut command = common::program(Path::new("sh"), Link::Shared);
    command.args(["-c", "ulimit -c 0; exec \"$0\""]).arg(program).env("LD_PRELOAD", library);
    command.envs(column.variable).envs(options.iter().copied());
    let mut child = command.stderr(Stdio::piped()).spawn().expect("sh can be started");
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().expect("the child is ours").is_none() {
        if Instant::now() > deadline {
            child.kill().expect("the child is ours");
            break;
        }
        thread::sleep(Duration::from_millis(2));
    }
    // What it says fits into the pipe.
    let output = child.wait_with_output().expect("the child has ended");
    (common::text(&output.stderr).to_owned(), output.status)
}

/// A text with `P` in place of each address.
fn without_addresses(text: &str) -> String {
    let mut parts = text.split("0x");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push('P');
        plain.push_str(part.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
    }
    plain
}

/// What is wrong with the outcome of a program whose answer should be another.
fn complaint(column: &Column, answer: Answer, text: &str, status: ExitStatus) -> Option<String> {
    let plain = without_addresses(text);
    let aborted = status.signal() == Some(6);
    let (line, ends) = match answer {
        Silent | Faults | Undefined => (None, false),
        Told(line) => (Some(line), false),
        Ends(line) => (Some(line), true),
    };
    let said = match line {
        None => plain.is_empty(),
        Some(line) if column.variable.is_some() => {
            let follows = if ends { "  the process aborts" } else { "  the program goes on" };
            let first = plain.lines().next().is_some_and(|first| first.contains(line));
            let details = plain.lines().skip(1);
            first
                && details.clone().all(|line| line.starts_with("  "))
                && details.last() == Some(follows)
        }
        Some(line) => plain.lines().count() == 1 && plain.contains(line),
    };
    let ended = if ends { aborted } else { status.success() };
    (!said || !ended).then(|| format!("{status}, {plain:?}"))
}

/// Has the page map in two levels, of which the fast path of `free` knows none.
const TWO_LEVELS: &[(&str, &str)] = &[("MIMALLOC_MAX_VABITS", "40")];

/// Has all blocks guarded: by what is behind them, from the byte on, and by what is before them.
const GUARDED: [&[(&str, &str)]; 3] = [
    &[("MIMALLOC_GUARDED_SAMPLE_RATE", "1")],
    &[("MIMALLOC_GUARDED_SAMPLE_RATE", "1"), ("MIMALLOC_GUARDED_PRECISE", "1")],
    &[("MIMALLOC_GUARDED_SAMPLE_RATE", "1"), ("MIMALLOC_GUARDED_BEFORE", "1")],
];

/// A program of each way to free: these have other paths through a map of two levels.
const WITH_TWO_LEVELS: &[&str] = &[
    "double_free_small.c",
    "free_stack.c",
    "sized_free.c",
    "sized_free_aligned.c",
    "free_misaligned.c",
    "right_sizes.c",
];

#[test]
fn every_mistake_has_the_answer_of_its_build() {
    check_answers(|_| true, &[]);
}

#[test]
fn the_form_of_the_page_map_does_not_matter() {
    check_answers(|program| WITH_TWO_LEVELS.contains(&program), TWO_LEVELS);
}

#[test]
fn right_sizes_of_guarded_blocks_are_no_mistakes() {
    for options in GUARDED {
        check_answers(|program| program == "right_sizes.c", options);
    }
}

/// Runs the programs that are wanted in all columns, with options set.
fn check_answers(wanted: fn(&str) -> bool, options: &[(&str, &str)]) {
    let rows: Vec<&Row> = ROWS.iter().filter(|row| wanted(row.program)).collect();
    let libraries = COLUMNS.each_ref().map(library);
    let complaints = Mutex::new(Vec::new());
    let run = |row: &Row| {
        let name = format!("misuse/{}", row.program);
        let program = common::compile_linked(&name, &libraries[0]);
        for ((column, library), answer) in COLUMNS.iter().zip(&libraries).zip(row.answers) {
            if answer == Undefined {
                continue;
            }
            let (text, status) = outcome(&program, library, column, options);
            if let Some(what) = complaint(column, answer, &text, status) {
                let line = format!("{} ({}): {what}", row.program, column.name);
                complaints.lock().expect("no thread panics").push(line);
            }
        }
        common::discard(&program);
    };
    let share = rows.len().div_ceil(2);
    thread::scope(|scope| {
        for rows in rows.chunks(share) {
            scope.spawn(|| rows.iter().copied().for_each(run));
        }
    });
    let complaints = complaints.into_inner().expect("no thread panics");
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn every_program_has_a_row() {
    let directory = common::source("misuse");
    let mut programs: Vec<String> = fs::read_dir(directory)
        .expect("the programs are there")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
        .filter(|name| !name.ends_with(".h"))
        .collect();
    programs.sort();
    let mut rows: Vec<&str> = ROWS.iter().map(|row| row.program).collect();
    rows.sort_unstable();
    assert_eq!(programs, rows);
}

/// The table as it stands in the page on hardening.
fn table() -> String {
    let mut table = String::from("| mistake |");
    let _ = write!(table, "{}", COLUMNS.map(|column| format!(" {} |", column.name)).concat());
    let _ = write!(table, "\n|---|{}\n", "---|".repeat(COLUMNS.len()));
    for row in ROWS {
        let answers = row.answers.map(|answer| match answer {
            Silent => " nothing is said |".to_owned(),
            Told(line) => format!(" {}; goes on |", code_of(line)),
            Ends(line) => format!(" {}; aborts |", code_of(line)),
            Faults => " the access faults |".to_owned(),
            Undefined => " undefined |".to_owned(),
        });
        let _ = writeln!(table, "| {} |{}", row.what, answers.concat());
    }
    table
}

/// The code that goes to the error function with a message.
fn code_of(line: &str) -> &'static str {
    match line {
        DOUBLE | DOUBLE_48 | DOUBLE_LARGE => "EAGAIN",
        OVERFLOW | OVERFLOW_56 | OVERFLOW_HUGE | CORRUPTED | CORRUPTED_48 => "EFAULT",
        _ => "EINVAL",
    }
}

#[test]
fn the_page_on_hardening_shows_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/hardening.md");
    let page = fs::read_to_string(path).expect("docs/hardening.md is readable");
    assert!(page.contains(&table()), "docs/hardening.md has another table than\n{}", table());
}
