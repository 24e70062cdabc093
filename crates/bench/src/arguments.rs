//! Kinds of arguments on the command line.

use clap::builder::NonEmptyStringValueParser;
use clap::{Arg, ArgMatches, value_parser};

/// Names with commas between them.
pub(crate) fn list(name: &'static str, short: char, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .short(short)
        .value_name("LIST")
        .value_delimiter(',')
        .value_parser(NonEmptyStringValueParser::new())
        .help(help)
}

/// A number of at least one.
pub(crate) fn number(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name("N")
        .value_parser(value_parser!(u32).range(1..1_000))
        .default_value(value)
        .help(help)
}

/// What was given for an argument, any number of times.
pub(crate) fn strings(matches: &ArgMatches, name: &str) -> Vec<String> {
    matches.get_many::<String>(name).into_iter().flatten().cloned().collect()
}
