//! The rules that look at one file alone.

use super::Finding;
use crate::source::{Source, is_word, line_of, words};

const MAX_FILE_LINES: usize = 800;
const MAX_FUNCTION_LINES: usize = 60;

/// Words of work that is not done. Cut in two, so that this file does not hold them.
const UNFINISHED_WORDS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

const UNFINISHED_CODE: &[&str] = &["todo!", "unimplemented!", "#[ignore"];

/// Only the OS layer of the engine knows which system it runs on.
const PLATFORM_WORDS: &[&str] = &["target_os", "target_family", "libc"];
const PLATFORM_CODE: &[&str] = &["cfg(unix", "cfg(windows", "not(unix", "not(windows"];

const CORE_DEPENDENCIES: &[&str] = &["libc"];

pub(super) fn file_size(text: &str) -> Vec<Finding> {
    let lines = text.lines().count();
    if lines <= MAX_FILE_LINES {
        return Vec::new();
    }
    vec![Finding { line: lines, text: format!("{lines} lines, {MAX_FILE_LINES} at most") }]
}

/// Counts from the line of `fn` to that of the brace that closes the body.
pub(super) fn function_size(code: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for at in words(code, "fn") {
        let rest = code[at + "fn".len()..].trim_start();
        // A function pointer type has no name.
        if !rest.starts_with(is_word) {
            continue;
        }
        let Some(length) = body_end(&code[at..]) else { continue };
        let lines = code[at..at + length].lines().count();
        if lines > MAX_FUNCTION_LINES {
            let name: String = rest.chars().take_while(|&character| is_word(character)).collect();
            let text = format!("`{name}` has {lines} lines, {MAX_FUNCTION_LINES} at most");
            findings.push(Finding { line: line_of(code, at), text });
        }
    }
    findings
}

/// The end of the body of the function that starts here; `None` for a declaration without one.
fn body_end(code: &str) -> Option<usize> {
    let (mut nested, mut braces) = (0, 0);
    for (at, character) in code.char_indices() {
        match character {
            '(' | '[' => nested += 1,
            ')' | ']' => nested -= 1,
            // In the signature, `;` ends a declaration unless it stands in `[T; N]`.
            ';' if braces == 0 && nested == 0 => return None,
            '{' => braces += 1,
            '}' => {
                braces -= 1;
                if braces == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

pub(super) fn markers(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for word in UNFINISHED_WORDS {
        for text in [&source.comments, &source.code] {
            findings.extend(words(text, word).map(|at| found(text, at, word)));
        }
    }
    for piece in UNFINISHED_CODE {
        let places = source.code.match_indices(piece);
        findings.extend(places.map(|(at, _)| found(&source.code, at, piece)));
    }
    findings
}

fn found(text: &str, at: usize, what: &str) -> Finding {
    Finding { line: line_of(text, at), text: format!("`{what}`") }
}

pub(super) fn platform(code: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for word in PLATFORM_WORDS {
        findings.extend(words(code, word).map(|at| found(code, at, word)));
    }
    for piece in PLATFORM_CODE {
        findings.extend(code.match_indices(piece).map(|(at, _)| found(code, at, piece)));
    }
    findings
}

/// The compiler accepts `unsafe` in a submodule whose parent allows it; the reader of the file
/// should be told there.
pub(super) fn unsafe_is_announced(code: &str) -> Vec<Finding> {
    let announced = code
        .lines()
        .any(|line| line.trim_start().starts_with("#![allow(") && line.contains("unsafe_code"));
    let first = words(code, "unsafe").next().filter(|_| !announced);
    let text = "`unsafe` without `#![allow(unsafe_code)]` at the head";
    first.map(|at| Finding { line: line_of(code, at), text: text.into() }).into_iter().collect()
}

/// Control characters and those that are invisible or turn the direction of text.
pub(super) fn characters(text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in text.split('\n').enumerate() {
        if let Some(character) = line.chars().find(|&character| is_hidden(character)) {
            let text = format!("character U+{:04X}", u32::from(character));
            findings.push(Finding { line: number + 1, text });
        }
    }
    findings
}

fn is_hidden(character: char) -> bool {
    (character.is_control() && character != '\t')
        || matches!(character, '\u{ad}' | '\u{feff}')
        || ('\u{200b}'..='\u{200f}').contains(&character)
        || ('\u{2028}'..='\u{202e}').contains(&character)
        || ('\u{2060}'..='\u{206f}').contains(&character)
}

pub(super) fn inherits_lints(manifest: &str) -> Vec<Finding> {
    let is_package = tables(manifest).any(|(name, _)| name == "package");
    let inherits = tables(manifest).any(|(name, entries)| {
        name == "lints"
            && entries.iter().any(|(_, key, value)| *key == "workspace" && *value == "true")
    });
    if !is_package || inherits {
        return Vec::new();
    }
    vec![Finding { line: 1, text: "no `[lints]` with `workspace = true`".into() }]
}

/// Test dependencies are free; anything that gets into the library is not.
pub(super) fn core_dependencies(manifest: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (table, entries) in tables(manifest) {
        let Some((kind, inline)) = dependency_table(table) else { continue };
        if kind == "dev-dependencies" {
            continue;
        }
        // `[dependencies.libc]` names one dependency in the head of its table.
        let names =
            entries.iter().map(|&(line, key, _)| (line, key.split('.').next().unwrap_or(key)));
        let names: Vec<_> = match inline {
            Some(name) => vec![(1, name)],
            None => names.collect(),
        };
        for (line, name) in names {
            if kind != "dependencies" || !CORE_DEPENDENCIES.contains(&name) {
                findings.push(Finding { line, text: format!("`{name}` among the {kind}") });
            }
        }
    }
    findings
}

/// The kind of a table of dependencies, and the dependency if the table is about one.
fn dependency_table(table: &str) -> Option<(&str, Option<&str>)> {
    ["dev-dependencies", "build-dependencies", "dependencies"].into_iter().find_map(|kind| {
        let at = words(table, kind).find(|&at| !table[..at].ends_with('-'))?;
        let rest = &table[at + kind.len()..];
        (at == 0 || table[..at].ends_with('.')).then(|| (kind, rest.strip_prefix('.')))
    })
}

type Entry<'a> = (usize, &'a str, &'a str);

/// The tables of a manifest with their entries as (line, key, value): as much of TOML as manifests
/// that people write by hand use.
fn tables(manifest: &str) -> impl Iterator<Item = (&str, Vec<Entry<'_>>)> {
    let mut tables: Vec<(&str, Vec<Entry>)> = Vec::new();
    for (number, line) in manifest.lines().enumerate() {
        let line = line.split(" #").next().unwrap_or_default().trim();
        if let Some(head) = line.strip_prefix('[') {
            tables.push((head.trim_matches(['[', ']', ' ']), Vec::new()));
        } else if let (Some((key, value)), Some(table)) = (line.split_once('='), tables.last_mut())
            && !line.starts_with('#')
        {
            table.1.push((number + 1, key.trim(), value.trim()));
        }
    }
    tables.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_are_found() {
        assert!(file_size(&"x\n".repeat(800)).is_empty());
        assert_eq!(file_size(&"x\n".repeat(801)).len(), 1);
    }

    fn function(lines: usize) -> String {
        format!("fn f(x: [u8; 2]) -> u8 {{\n{}}}\nfn g();\n", "{ h(); }\n".repeat(lines - 2))
    }

    #[test]
    fn long_functions_are_found() {
        assert!(function_size(&function(60)).is_empty());
        let found = function_size(&function(61));
        assert_eq!(found, [Finding { line: 1, text: "`f` has 61 lines, 60 at most".into() }]);
        assert!(function_size(&format!("type F = fn(u8);\n{}", "\n".repeat(99))).is_empty());
    }

    #[test]
    fn unfinished_work_is_found() {
        for word in UNFINISHED_WORDS {
            assert_eq!(markers(&Source::new(&format!("// {word}: more\n"))).len(), 1);
            assert!(markers(&Source::new(&format!("mktemp(\"{word}{word}\")"))).is_empty());
            assert!(markers(&Source::new(&format!("// {word}S are many"))).is_empty());
        }
        assert_eq!(markers(&Source::new("fn f() { todo!() }")).len(), 1);
        assert_eq!(markers(&Source::new("fn f() { unimplemented!(\"x\") }")).len(), 1);
        assert_eq!(markers(&Source::new("#[ignore = \"slow\"]\nfn f() {}")).len(), 1);
        assert!(markers(&Source::new("f(\"todo!()\")")).is_empty());
    }

    #[test]
    fn platform_names_are_found() {
        assert_eq!(platform("#[cfg(target_os = \"linux\")]").len(), 1);
        assert_eq!(platform("use libc;\nlet x = libc::mmap;").len(), 2);
        assert_eq!(platform("#[cfg(unix)] mod a;\n#[cfg(not(windows))] mod b;").len(), 2);
        assert!(platform("cfg!(target_pointer_width = \"64\")").is_empty());
    }

    #[test]
    fn unannounced_unsafe_is_found() {
        assert_eq!(unsafe_is_announced("fn f() { unsafe { g() } }").len(), 1);
        assert_eq!(unsafe_is_announced("#[unsafe(no_mangle)] fn f() {}").len(), 1);
        assert!(unsafe_is_announced("#![allow(unsafe_code)]\nunsafe fn f() {}").is_empty());
        assert!(unsafe_is_announced("#![deny(unsafe_op_in_unsafe_fn)] fn f() {}").is_empty());
    }

    #[test]
    fn hidden_characters_are_found() {
        for character in ['\u{1b}', '\r', '\u{85}', '\u{200b}', '\u{202e}', '\u{2066}', '\u{feff}']
        {
            let found = characters(&format!("a\nb{character}c\n"));
            assert_eq!(found.len(), 1, "{character:?}");
            assert_eq!(found[0].line, 2);
        }
        assert!(characters("tabs\tand é, →, ≤ and … are fine\n").is_empty());
    }

    #[test]
    fn crates_without_the_lints_are_found() {
        assert_eq!(inherits_lints("[package]\nname = \"x\"\n").len(), 1);
        assert_eq!(inherits_lints("[package]\n[lints]\n[lints.rust]\na = \"b\"\n").len(), 1);
        assert!(inherits_lints("[package]\n[lints]\nworkspace = true\n").is_empty());
        assert!(inherits_lints("[workspace]\nmembers = []\n").is_empty());
    }

    #[test]
    fn dependencies_of_the_engine_are_found() {
        let fine = "[target.'cfg(unix)'.dependencies]\nlibc.workspace = true\n\
                    [dev-dependencies]\nproptest = \"1\"\n[target.'cfg(loom)'.dev-dependencies]\nloom = \"0.7\"\n";
        assert!(core_dependencies(fine).is_empty());
        assert_eq!(core_dependencies("[dependencies]\nlibc = \"0.2\"\nspin = \"0.9\"\n").len(), 1);
        assert_eq!(core_dependencies("[dependencies.spin]\nversion = \"0.9\"\n").len(), 1);
        assert_eq!(core_dependencies("[target.x.dependencies]\nspin.workspace = true\n").len(), 1);
        assert_eq!(core_dependencies("[build-dependencies]\ncc = \"1\"\n").len(), 1);
    }
}
