//! The shared library exports exactly `exports.txt` and imports exactly `imports.txt`.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn exports_are_the_listed_ones() {
    compare("--defined-only", "exports.txt");
}

#[test]
fn imports_are_the_listed_ones() {
    compare("--undefined-only", "imports.txt");
}

/// A program with two definitions of a symbol takes the first: one list, one order, no doubles.
#[test]
fn lists_are_sorted() {
    for name in ["exports.txt", "imports.txt"] {
        let list = listed(name);
        let mut sorted = list.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(list, sorted, "{name}");
    }
}

fn compare(kind: &str, list: &str) {
    let mut nm = Command::new("nm");
    nm.args(["--dynamic", kind, "--format=posix"]).arg(common::shared_library());
    let output = common::run(&mut nm);
    let found: BTreeSet<String> =
        common::text(&output.stdout).lines().filter_map(symbol_name).collect();
    let wanted: BTreeSet<String> = listed(list).into_iter().collect();
    let missing: Vec<_> = wanted.difference(&found).collect();
    let unlisted: Vec<_> = found.difference(&wanted).collect();
    assert!(
        missing.is_empty() && unlisted.is_empty(),
        "{list}: listed but not in the library {missing:?}, in the library but not listed {unlisted:?}"
    );
}

/// The name at the start of a line of `nm`, without the version that follows `@`.
fn symbol_name(line: &str) -> Option<String> {
    let name = line.split_whitespace().next()?;
    name.split('@').next().map(str::to_owned)
}

fn listed(name: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let text = fs::read_to_string(&path).expect("the list is part of the crate");
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}
