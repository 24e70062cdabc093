//! Three lists of names: what the headers declare, what the shared library exports, and what mimalloc's shared
//! libraries export. `docs/c-api.md` explains every name that is not in all of them.

mod common;
mod interface;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

/// In which lists a name is.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Lists {
    header: bool,
    library: bool,
    mimalloc: bool,
}

impl Lists {
    const ALL: Self = Self { header: true, library: true, mimalloc: true };
}

impl fmt::Display for Lists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |is_in| if is_in { "yes" } else { "no" };
        let [header, library, mimalloc] = [self.header, self.library, self.mimalloc].map(word);
        write!(f, "header {header}, library {library}, mimalloc {mimalloc}")
    }
}

#[test]
fn the_page_explains_every_difference() {
    let found = found();
    let explained = explained(&interface::page());
    let mut complaints = String::new();
    for (name, lists) in &found {
        match explained.get(name) {
            None if *lists == Lists::ALL => {}
            None => complaints += &format!("{name}: not explained ({lists})\n"),
            Some(text) if text == lists && *lists != Lists::ALL => {}
            Some(text) => complaints += &format!("{name}: explained as {text}, found {lists}\n"),
        }
    }
    for name in explained.keys().filter(|name| !found.contains_key(*name)) {
        complaints += &format!("{name}: explained, but in no list\n");
    }
    assert!(complaints.is_empty(), "docs/c-api.md and the lists differ:\n{complaints}");
}

/// A comparison of empty lists would be content with anything.
#[test]
fn the_lists_are_whole() {
    let count = |is_in: fn(&Lists) -> bool| found().values().filter(|lists| is_in(lists)).count();
    assert!(count(|lists| lists.header) >= 202);
    assert!(count(|lists| lists.library) >= 250);
    assert_eq!(count(|lists| lists.mimalloc), 249);
}

/// All names that any of the lists has.
fn found() -> BTreeMap<String, Lists> {
    let (headers, library, mimalloc) = (interface::functions(), exported(), upstream());
    let names: BTreeSet<&String> = headers.iter().chain(&library).chain(&mimalloc).collect();
    let lists = |name: &String| Lists {
        header: headers.contains(name),
        library: library.contains(name),
        mimalloc: mimalloc.contains(name),
    };
    names.into_iter().map(|name| (name.clone(), lists(name))).collect()
}

fn exported() -> BTreeSet<String> {
    let mut nm = Command::new("nm");
    nm.args(["--dynamic", "--defined-only", "--format=posix"]).arg(common::shared_library());
    let output = common::run(&mut nm);
    let name = |line: &str| {
        let symbol = line.split_whitespace().next()?;
        symbol.split('@').next().map(str::to_owned)
    };
    common::text(&output.stdout).lines().filter_map(name).collect()
}

fn upstream() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upstream_symbols.txt");
    let text = fs::read_to_string(&path).expect("the list is part of the crate");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
}

/// The rows of the page's last table: names, yes or no for each list, and why.
fn explained(page: &str) -> BTreeMap<String, Lists> {
    let (_, table) = page.split_once("\n## Names that the lists do not share\n").expect("a part");
    let mut rows = BTreeMap::new();
    for line in table.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 5, "{line}");
        assert!(!cells[4].is_empty(), "no reason: {line}");
        let [header, library, mimalloc] = [cells[1], cells[2], cells[3]].map(|cell| {
            assert!(cell == "yes" || cell == "no", "{line}");
            cell == "yes"
        });
        for name in cells[0].split_whitespace() {
            let lists = Lists { header, library, mimalloc };
            let before = rows.insert(name.trim_matches('`').to_owned(), lists);
            assert!(before.is_none(), "{name} has two rows");
        }
    }
    rows
}
