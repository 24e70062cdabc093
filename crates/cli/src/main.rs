//! The `rimalloc` command: runs programs on the rimalloc memory allocator.
//!
//! One file a verb (`run`), next to what verbs share: `preload` finds the library and writes
//! `LD_PRELOAD`, `elf` says whether a file can be preloaded at all.
#![allow(unsafe_code)]
#![cfg_attr(not(test), no_main)]

mod elf;
mod preload;
mod run;

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

/// Exit status for a command line that makes no sense.
const USAGE_ERROR: i32 = 2;

const EXIT_STATUS_HELP: &str = "\
Exit status: that of PROGRAM; 125 if PROGRAM cannot be preloaded or the library is not found,
126 if PROGRAM cannot be executed, 127 if it is not found.";

/// Entry point called by the C runtime.
///
/// Rust's own entry point ignores SIGPIPE and reopens closed standard streams. Both would be
/// inherited by the program that `run` turns this process into, so it is left out.
#[cfg(not(test))]
#[unsafe(no_mangle)]
extern "C" fn main(_count: libc::c_int, _arguments: *const *const libc::c_char) -> libc::c_int {
    execute(command().try_get_matches())
}

fn command() -> Command {
    Command::new("rimalloc")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Runs programs on the rimalloc memory allocator")
        .subcommand_required(true)
        .subcommand(run_command())
}

fn run_command() -> Command {
    Command::new("run")
        .about("Run a program with rimalloc in place of its malloc and operator new")
        .after_help(EXIT_STATUS_HELP)
        .arg(
            Arg::new("stats")
                .long("stats")
                .action(ArgAction::SetTrue)
                .help("Print allocation statistics on stderr when a process ends"),
        )
        .arg(
            Arg::new("verbose")
                .long("verbose")
                .action(ArgAction::SetTrue)
                .help("Let the allocator tell on stderr that it is there and what it does"),
        )
        .arg(
            Arg::new("library")
                .long("library")
                .value_name("PATH")
                .value_parser(value_parser!(PathBuf))
                .help("The library to preload [default: librimalloc.so, found by $RIMALLOC_LIBRARY, beside this program or in ../lib]"),
        )
        .arg(
            Arg::new("program")
                .value_name("PROGRAM")
                .required(true)
                .num_args(1..)
                .trailing_var_arg(true)
                .value_parser(value_parser!(std::ffi::OsString))
                .help("The program, found through PATH, and its arguments"),
        )
}

#[cfg_attr(test, allow(dead_code))]
fn execute(parsed: Result<ArgMatches, clap::Error>) -> i32 {
    let matches = match parsed {
        Ok(matches) => matches,
        Err(error) => return print_clap(&error),
    };
    match matches.subcommand() {
        Some(("run", arguments)) => {
            let failure = run::run(&run_request(arguments));
            eprintln!("rimalloc: {}", failure.message);
            failure.status
        }
        _ => USAGE_ERROR,
    }
}

/// `--help` and `--version` are answers and go to stdout; anything else is a complaint.
fn print_clap(error: &clap::Error) -> i32 {
    // A closed stream leaves nobody to tell about it.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => 0,
        _ => USAGE_ERROR,
    }
}

fn run_request(arguments: &ArgMatches) -> run::Request {
    run::Request {
        stats: arguments.get_flag("stats"),
        verbose: arguments.get_flag("verbose"),
        library: arguments.get_one::<PathBuf>("library").cloned(),
        program: arguments.get_many("program").into_iter().flatten().cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::{command, run_request};

    fn request(arguments: &[&str]) -> super::run::Request {
        let matches = command().try_get_matches_from(arguments).expect("a valid command line");
        let (_, arguments) = matches.subcommand().expect("a verb");
        run_request(arguments)
    }

    #[test]
    fn the_definition_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn options_of_the_program_are_not_ours() {
        let request = request(&["rimalloc", "run", "--stats", "ls", "--verbose", "--", "-l"]);
        assert!(request.stats);
        assert!(!request.verbose);
        assert_eq!(request.program, ["ls", "--verbose", "--", "-l"]);
    }

    #[test]
    fn two_dashes_end_our_options() {
        let request = request(&["rimalloc", "run", "--verbose", "--", "ls", "-l"]);
        assert!(request.verbose);
        assert_eq!(request.program, ["ls", "-l"]);
    }

    #[test]
    fn a_program_is_required() {
        assert!(command().try_get_matches_from(["rimalloc", "run"]).is_err());
        assert!(command().try_get_matches_from(["rimalloc"]).is_err());
        assert!(command().try_get_matches_from(["rimalloc", "run", "--nonsense", "ls"]).is_err());
    }
}
