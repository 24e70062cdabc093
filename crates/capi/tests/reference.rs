//! `docs/c-api.md` describes every function and macro of the headers, and nothing else.

mod common;
mod interface;

use std::collections::BTreeSet;

#[test]
fn every_function_and_macro_has_its_row() {
    let page = interface::page();
    let mut declared = interface::functions();
    declared.extend(interface::macros());
    let mut described = BTreeSet::new();
    for cell in interface::descriptions(&page) {
        let Some(name) = cell.strip_prefix('`').and_then(interface::called_name) else { continue };
        described.insert(name);
    }
    let missing: Vec<_> = declared.difference(&described).collect();
    let unknown: Vec<_> = described.difference(&declared).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "without a row: {missing:?}; described but not declared: {unknown:?}"
    );
    assert!(declared.len() > 200, "the headers declare only {}", declared.len());
}

/// The arguments on the page are those of the headers, by name and order.
#[test]
fn rows_show_the_arguments() {
    let texts = interface::DECLARING.map(interface::header).join("\n");
    let flat = texts.split_whitespace().collect::<Vec<_>>().join(" ");
    let page = interface::page();
    let mut wrong = Vec::new();
    for cell in interface::descriptions(&page) {
        let Some(call) = cell.strip_prefix('`').and_then(|cell| cell.split('`').next()) else {
            continue;
        };
        let Some(name) = interface::called_name(call) else { continue };
        let shown = call[name.len()..].trim_matches(['(', ')']);
        let is_macro = flat.contains(&format!("#define {name}({shown})"));
        if !is_macro && !prototypes(&flat, &name).any(|arguments| arguments == shown) {
            wrong.push(call);
        }
    }
    assert!(wrong.is_empty(), "not as declared: {wrong:#?}");
}

/// The argument names of the prototypes of a function.
fn prototypes<'a>(flat: &'a str, name: &str) -> impl Iterator<Item = String> + 'a {
    let head = format!("{name}(");
    let places: Vec<usize> = flat.match_indices(&head).map(|(at, _)| at + head.len()).collect();
    places.into_iter().filter_map(|at| {
        let (arguments, _) = flat[at..].split_once(')')?;
        let names = arguments
            .split(", ")
            .map(|argument| argument.rsplit([' ', '*']).next().unwrap_or(argument));
        let names: Vec<&str> = names.filter(|name| *name != "void").collect();
        Some(names.join(", "))
    })
}
