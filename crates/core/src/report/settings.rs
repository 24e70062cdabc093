//! The options in print: the list of all of them, and complaints about the environment.

use super::{verbose, warning};
use crate::config::{ASAN, DEBUG, SECURE, VALGRIND};
use crate::options::{self, Kind, Opt};
use crate::os;
use core::fmt;

/// Prints the version, the value of every option, and how the library was built.
pub fn options_print(out: &mut dyn fmt::Write) -> fmt::Result {
    let build = if DEBUG { "debug" } else { "release" };
    writeln!(out, "mimalloc: rimalloc v{}, {build}", env!("CARGO_PKG_VERSION"))?;
    for opt in Opt::ALL {
        let unit = if opt.info().kind == Kind::KiB { "KiB" } else { "" };
        writeln!(out, "mimalloc: option '{}': {} {unit}", opt.name(), options::get(opt))?;
    }
    writeln!(out, "mimalloc: debug level : {}", u8::from(DEBUG))?;
    writeln!(out, "mimalloc: secure level: {SECURE}")?;
    let tracking = match (VALGRIND, ASAN) {
        (true, true) => "valgrind, asan",
        (true, false) => "valgrind",
        (false, true) => "asan",
        (false, false) => "none",
    };
    writeln!(out, "mimalloc: mem tracking: {tracking}")
}

/// Warns of malformed and outdated options in the environment, and under `verbose` of unknown ones. Called once, when
/// the process starts: reading options must not warn by itself, because a warning reads options.
pub fn option_warnings() {
    options::load();
    let notes = options::notes();
    if notes.invalid | notes.legacy != 0 {
        for opt in Opt::ALL {
            warn_of(opt, notes);
        }
    }
    if options::is_enabled(Opt::Verbose) {
        os::env_each(&mut |entry| {
            if let Some(name) = options::unknown_name(entry) {
                verbose(format_args!("environment option rimalloc_{} is unknown", Lower(name)));
            }
            true
        });
    }
}

fn warn_of(opt: Opt, notes: options::Notes) {
    let has = |notes: u64| notes >> opt.index() & 1 == 1;
    let info = opt.info();
    if has(notes.legacy) {
        let (old, new) = (info.legacy, info.name);
        warning(format_args!(
            "environment option mimalloc_{old} is deprecated: use mimalloc_{new} instead."
        ));
    }
    if has(notes.invalid) {
        let prefix = if has(notes.own) { 'r' } else { 'm' };
        let name = if has(notes.legacy) { info.legacy } else { info.name };
        let args = format_args!("environment option {prefix}imalloc_{name} has an invalid value.");
        // Who misspells the level of verbosity wants to see something, and this is the one thing to see.
        if opt == Opt::Verbose { super::print_warning(args) } else { warning(args) }
    }
}

/// A name out of the environment, in lower case and without anything that could upset a terminal.
struct Lower<'a>(&'a [u8]);

impl fmt::Display for Lower<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{}", byte.to_ascii_lowercase().escape_ascii()))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::super::tests::captured;
    use super::*;
    use std::string::String;

    #[test]
    fn every_option_is_on_a_line_of_its_own() {
        let mut text = String::new();
        options_print(&mut text).expect("a string takes all");
        assert!(text.lines().all(|line| line.starts_with("mimalloc: ")));
        assert_eq!(text.lines().count(), 1 + options::COUNT + 3);
        assert!(text.contains("\nmimalloc: option 'arena_eager_commit': 2 \n"));
        assert!(text.contains("\nmimalloc: option 'arena_max_object_size': 2097152 KiB\n"));
    }

    #[test]
    fn odd_entries_are_warned_of() {
        let bit = |opt: Opt| 1 << opt.index();
        let notes = options::Notes {
            invalid: bit(Opt::ArenaReserve) | bit(Opt::PurgeDelay) | bit(Opt::OsTag),
            legacy: bit(Opt::PurgeDelay) | bit(Opt::DisallowOsAlloc),
            own: bit(Opt::OsTag),
        };
        let lines = captured(|| Opt::ALL.into_iter().for_each(|opt| warn_of(opt, notes)));
        let texts = [
            "environment option mimalloc_reset_delay is deprecated: use mimalloc_purge_delay instead.",
            "environment option mimalloc_reset_delay has an invalid value.",
            "environment option mimalloc_limit_os_alloc is deprecated: use mimalloc_disallow_os_alloc instead.",
            "environment option rimalloc_os_tag has an invalid value.",
            "environment option mimalloc_arena_reserve has an invalid value.",
        ];
        assert_eq!(lines.len(), texts.len());
        for (line, text) in lines.iter().zip(texts) {
            assert!(line.starts_with("mimalloc: warning: "), "{line}");
            assert!(line.ends_with(&std::format!("{text}\n")), "{line}");
        }
    }

    #[test]
    fn names_are_printed_safely() {
        assert_eq!(std::format!("{}", Lower(b"FOO_\x1b\xff")), "foo_\\x1b\\xff");
    }
}
