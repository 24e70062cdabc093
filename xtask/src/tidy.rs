//! `tidy`: what the compiler cannot know about the sources.
//!
//! Reads: all Rust and C sources, the manifests, the texts. The order of the `mod` lines in
//! `crates/core/src/lib.rs` is the order of the layers. `rules` holds the rules, one function each;
//! here is which file meets which rule, and what is excused.

mod layers;
mod rules;

use std::fs;
use std::path::Path;

use crate::source::Source;
use crate::steps::root;

/// What a rule has found: the line, from 1, and a sentence.
#[derive(Debug, PartialEq)]
pub(crate) struct Finding {
    line: usize,
    text: String,
}

/// A rule that a file need not keep.
struct Excuse {
    rule: &'static str,
    path: &'static str,
    #[allow(dead_code)] // for the reader
    why: &'static str,
}

const EXCUSES: &[Excuse] = &[];

const CORE_SOURCES: &str = "crates/core/src/";
const CORE_OS: &str = "crates/core/src/os";
const CORE_MANIFEST: &str = "crates/core/Cargo.toml";
const CORE_ROOT: &str = "crates/core/src/lib.rs";

/// Endings of the files that are read at all.
const TEXTS: &[&str] = &["rs", "c", "cpp", "cc", "h", "toml", "md", "txt", "sh"];

/// Directories without sources of ours.
const SKIPPED: &[&str] = &["target", ".git"];

pub(crate) fn run() -> Result<(), String> {
    let complaints = check(&root());
    if complaints.is_empty() {
        return Ok(());
    }
    Err(format!("{} complaints\n{}", complaints.len(), complaints.join("\n")))
}

/// All complaints about the workspace at `root`, as `path:line: rule: text`.
fn check(root: &Path) -> Vec<String> {
    let mut complaints = Vec::new();
    let layers = layers::read(&fs::read_to_string(root.join(CORE_ROOT)).unwrap_or_default());
    if layers.is_empty() {
        complaints.push(format!("{CORE_ROOT}: layers: no `mod` line found"));
    }
    let mut files = Vec::new();
    collect_files(root, root, &mut files);
    for path in &files {
        match fs::read_to_string(root.join(path)) {
            Ok(text) => check_file(path, &text, &layers, &files, &mut complaints),
            Err(error) => complaints.push(format!("{path}: not readable as text: {error}")),
        }
    }
    complaints
}

fn collect_files(root: &Path, directory: &Path, files: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !SKIPPED.contains(&name.as_str()) {
                collect_files(root, &path, files);
            }
        } else if path.extension().is_some_and(|ending| TEXTS.iter().any(|text| ending == *text)) {
            let relative = path.strip_prefix(root).unwrap_or(&path);
            files.push(relative.to_string_lossy().into_owned());
        }
    }
}

fn check_file(
    path: &str,
    text: &str,
    layers: &[String],
    files: &[String],
    complaints: &mut Vec<String>,
) {
    let mut report = |rule: &str, findings: Vec<Finding>| {
        if EXCUSES.iter().any(|excuse| excuse.rule == rule && excuse.path == path) {
            return;
        }
        let lines =
            findings.into_iter().map(|it| format!("{path}:{}: {rule}: {}", it.line, it.text));
        complaints.extend(lines);
    };
    report("characters", rules::characters(text));
    if path.ends_with("Cargo.toml") {
        report("lints", rules::inherits_lints(text));
    }
    if path == CORE_MANIFEST {
        report("dependencies", rules::core_dependencies(text));
    }
    let is_rust = path.ends_with(".rs");
    if is_rust || path.ends_with(".c") || path.ends_with(".cpp") {
        report("file-size", rules::file_size(text));
        // C has the same comments and strings, but for raw ones.
        report("markers", rules::markers(&Source::new(text)));
    }
    if !is_rust {
        return;
    }
    let source = Source::new(text);
    report("function-size", rules::function_size(&source.code));
    if let Some(inside) = path.strip_prefix(CORE_SOURCES) {
        report("unsafe", rules::unsafe_is_announced(&source.code));
        report("layers", layers::upward_names(inside, &source.code, layers, files));
        if !path.starts_with(CORE_OS) {
            report("platform", rules::platform(&source.code));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{check, check_file};
    use crate::steps::root;

    #[test]
    fn the_workspace_is_tidy() {
        let complaints = check(&root());
        assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
    }

    #[track_caller]
    fn complaints(path: &str, text: &str) -> Vec<String> {
        let mut complaints = Vec::new();
        let layers = ["os", "page", "heap"].map(String::from);
        check_file(path, text, &layers, &[], &mut complaints);
        complaints
    }

    #[test]
    fn rules_meet_the_files_they_are_for() {
        let platform = "use libc::c_int;\n";
        assert_eq!(complaints("crates/core/src/page.rs", platform).len(), 1);
        assert_eq!(complaints("crates/core/src/os.rs", platform).len(), 0);
        assert_eq!(complaints("crates/core/src/os/linux.rs", platform).len(), 0);
        assert_eq!(complaints("crates/cli/src/run.rs", platform).len(), 0);
        let upward = "use crate::heap::Heap;\n";
        assert_eq!(
            complaints("crates/core/src/page.rs", upward),
            ["crates/core/src/page.rs:1: layers: `heap` stands below `page` in lib.rs"]
        );
        assert_eq!(complaints("crates/capi/src/page.rs", upward).len(), 0);
        let manifest = "[dependencies]\nlibc = \"1\"\nlog = \"1\"\n[lints]\nworkspace = true\n";
        assert_eq!(complaints("crates/core/Cargo.toml", manifest).len(), 1);
        assert_eq!(complaints("crates/cli/Cargo.toml", manifest).len(), 0);
        assert_eq!(complaints("README.md", "zero\u{200b}width").len(), 1);
    }
}
