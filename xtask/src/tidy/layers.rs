//! The layers of the engine: a file may only name modules that stand above its own in `lib.rs`.

use std::collections::BTreeSet;

use super::Finding;
use crate::source::{Source, is_word, line_of, words};

/// The modules in the order of their `mod` lines.
pub(super) fn read(root: &str) -> Vec<String> {
    let code = Source::new(root).code;
    let names = words(&code, "mod").filter_map(|at| {
        let rest = code[at + "mod".len()..].trim_start();
        let name = first_word(rest);
        rest[name.len()..].trim_start().starts_with(';').then(|| name.to_owned())
    });
    names.collect()
}

/// Names of modules that do not stand above the one `inside` (a path below `src`) belongs to.
pub(super) fn upward_names(
    inside: &str,
    code: &str,
    layers: &[String],
    files: &[String],
) -> Vec<Finding> {
    let module = inside.split(['/', '.']).next().unwrap_or_default();
    // The root names everything: it is where the layers come together.
    let Some(own) = layers.iter().position(|layer| layer == module) else {
        if module == "lib" {
            return Vec::new();
        }
        return vec![Finding { line: 1, text: format!("`{module}` has no `mod` line in lib.rs") }];
    };
    let mut findings = Vec::new();
    for (at, name) in names_after(code, "crate") {
        let line = line_of(code, at);
        match layers.iter().position(|layer| *layer == name) {
            Some(other) if other <= own => {}
            Some(_) => findings.push(upward(line, &name, module)),
            None => findings.push(Finding { line, text: format!("`crate::{name}` is no module") }),
        }
    }
    // `super` of a module's own file is the root as well. A submodule, at any depth, may share its
    // name with a layer; then `super::name` is taken for the submodule.
    let below = format!("crates/core/src/{module}/");
    for (at, name) in names_after(code, "super") {
        let is_child = files.iter().filter_map(|file| file.strip_prefix(&below)).any(|file| {
            file.split('/').any(|part| part.strip_suffix(".rs").unwrap_or(part) == name)
        });
        let other = layers.iter().position(|layer| *layer == name);
        if !is_child && other.is_some_and(|other| other > own) {
            findings.push(upward(line_of(code, at), &name, module));
        }
    }
    findings
}

fn upward(line: usize, name: &str, module: &str) -> Finding {
    Finding { line, text: format!("`{name}` stands below `{module}` in lib.rs") }
}

/// The names that follow `prefix::`, also those of a braced group, with their places.
fn names_after(code: &str, prefix: &str) -> BTreeSet<(usize, String)> {
    let mut names = BTreeSet::new();
    for at in words(code, prefix) {
        // `pub(in crate::x)` counts, `pub(crate)` has no path.
        let Some(path) = code[at + prefix.len()..].trim_start().strip_prefix("::") else {
            continue;
        };
        let path = path.trim_start();
        match path.strip_prefix('{') {
            Some(group) => names.extend(group_names(group).map(|name| (at, name))),
            None => {
                names.insert((at, first_word(path).to_owned()));
            }
        }
    }
    // `super::super::x`, `super::*` and `crate::*`, of which the last is a glob over the root.
    names.retain(|(_, name)| !(name.is_empty() || matches!(name.as_str(), "super" | "self")));
    names
}

/// The first words of the members of `{a::b, c::{d, e}, f}`, given what follows the open brace.
fn group_names(group: &str) -> impl Iterator<Item = String> {
    let mut members = vec![String::new()];
    let mut depth = 1;
    for character in group.chars() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => members.push(String::new()),
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if let Some(member) = members.last_mut().filter(|_| character != ',') {
            member.push(character);
        }
    }
    members.into_iter().map(|member| first_word(member.trim_start()).to_owned())
}

fn first_word(text: &str) -> &str {
    let end = text.find(|character| !is_word(character)).unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::{read, upward_names};

    fn findings(inside: &str, code: &str) -> Vec<String> {
        let layers = ["os", "list", "page", "heap", "alloc"].map(String::from);
        let files = ["page/heap.rs", "os/linux/heap.rs"].map(|it| format!("crates/core/src/{it}"));
        upward_names(inside, code, &layers, &files).into_iter().map(|it| it.text).collect()
    }

    #[test]
    fn the_order_is_that_of_the_mod_lines() {
        let root = "// mod no;\npub mod os;\nmod list;\npub(crate) mod page;\nmod tests { }\n";
        assert_eq!(read(root), ["os", "list", "page"]);
    }

    #[test]
    fn downward_and_own_names_are_fine() {
        assert!(findings("page.rs", "use crate::os; use crate::list::List;").is_empty());
        assert!(findings("page/remote.rs", "use crate::page::Page; use super::Page;").is_empty());
        assert!(findings("page.rs", "pub(crate) fn f() {} use super::*;").is_empty());
        assert!(findings("lib.rs", "pub use crate::heap::Heap;").is_empty());
    }

    #[test]
    fn upward_names_are_found() {
        assert_eq!(findings("page.rs", "use crate::heap::Heap;").len(), 1);
        assert_eq!(findings("page/remote.rs", "fn f() { crate::alloc::malloc(1) }").len(), 1);
        assert_eq!(findings("page.rs", "pub(in crate::heap) fn f() {}").len(), 1);
        assert_eq!(findings("os/linux.rs", "use super::super::page;").len(), 1);
    }

    #[test]
    fn upward_names_in_groups_are_found() {
        let found = findings("page.rs", "use crate::{os::{a, heap}, list, heap::Heap,\n alloc};");
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[test]
    fn super_of_a_top_module_is_the_root() {
        assert_eq!(findings("list.rs", "use super::heap::Heap;").len(), 1);
        assert!(findings("page/remote.rs", "use super::heap::Heap;").is_empty());
        assert!(findings("os/linux/process.rs", "use super::{heap, memory};").is_empty());
    }

    #[test]
    fn names_that_are_no_layer_are_found() {
        assert_eq!(findings("page.rs", "use crate::Helper;").len(), 1);
        assert_eq!(findings("orphan.rs", "").len(), 1);
    }
}
