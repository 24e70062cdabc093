//! Every exported `mi_` function is called by a program of `tests/c` and has a row among the bad input.

use std::fs;
use std::path::Path;

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The programs, and those of them that are tables of bad input.
fn programs() -> (String, String) {
    let (mut all, mut tables) = (String::new(), String::new());
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c");
    for entry in fs::read_dir(dir).expect("the programs are part of the crate") {
        let path = entry.expect("an entry of the directory").path();
        if path.is_dir() {
            continue;
        }
        let name = path.file_name().expect("a file").to_string_lossy();
        let list = if name.starts_with("bad_input") { &mut tables } else { &mut all };
        list.push_str(&read(&path));
    }
    (all, tables)
}

fn functions() -> Vec<String> {
    let list = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("exports.txt"));
    list.lines().filter(|name| name.starts_with("mi_")).map(str::to_owned).collect()
}

/// Whether a name is called, by itself and not as the end of another.
fn calls(text: &str, name: &str) -> bool {
    let call = format!("{name}(");
    text.match_indices(&call).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        !before.is_some_and(|before| before == '_' || before.is_alphanumeric())
    })
}

#[test]
fn every_function_is_called_by_a_program() {
    let (programs, _) = programs();
    let missing: Vec<_> = functions().into_iter().filter(|name| !calls(&programs, name)).collect();
    assert!(missing.is_empty(), "no program calls {missing:?}");
}

#[test]
fn every_function_has_a_row_of_bad_input() {
    let (_, tables) = programs();
    let missing: Vec<_> = functions()
        .into_iter()
        .filter(|name| {
            let has_row = tables.lines().any(|line| line.contains(&format!("({name},")));
            !has_row || !calls(&tables, name)
        })
        .collect();
    assert!(missing.is_empty(), "no row for {missing:?}");
}
