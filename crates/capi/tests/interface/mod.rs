//! The interface as the headers and its page describe it.
#![allow(dead_code)] // each test binary uses a part

use crate::common;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The directory of the headers.
pub(crate) fn include_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("include")
}

/// The text of a header.
pub(crate) fn header(name: &str) -> String {
    fs::read_to_string(include_dir().join(name)).expect("the header is part of the crate")
}

/// The headers that declare functions.
pub(crate) const DECLARING: [&str; 3] = ["mimalloc.h", "mimalloc-stats.h", "rimalloc.h"];

/// Every function that the headers declare, as a C compiler sees them.
pub(crate) fn functions() -> BTreeSet<String> {
    let mut compiler = Command::new("cc");
    compiler.args(["-std=c11", "-E", "-P", "-x", "c"]).arg("-I").arg(include_dir());
    for name in DECLARING {
        compiler.args(["-include", name]);
    }
    let output = common::run(compiler.arg("/dev/null"));
    called_names(common::text(&output.stdout))
}

/// Every macro with arguments that is part of the interface.
pub(crate) fn macros() -> BTreeSet<String> {
    let texts = DECLARING.map(header);
    let defined = texts.iter().flat_map(|text| text.lines());
    defined.filter_map(|line| line.strip_prefix("#define ")).flat_map(called_name).collect()
}

/// The page that describes the interface.
pub(crate) fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/c-api.md");
    fs::read_to_string(path).expect("docs/c-api.md is readable")
}

/// The first cells of the rows that describe something: what follows compares versions and lists.
pub(crate) fn descriptions(page: &str) -> impl Iterator<Item = &str> {
    let (described, _) = page.split_once(COMPARISON).expect("the page has that part");
    described.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
}

const COMPARISON: &str = "\n## Where generations differ\n";

/// All names `mi_...` that an argument list follows.
fn called_names(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !is_part(c) && c != '(');
    words.filter_map(called_name).collect()
}

/// The name `mi_...` that a text begins with, if an argument list follows.
pub(crate) fn called_name(text: &str) -> Option<String> {
    let (name, _) = text.split_once('(')?;
    name.starts_with("mi_").then(|| name.to_owned())
}
