//! The data that programs work on: generated, the same on every machine.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use testkit::Rng;

const CXX_CLASSES: usize = 6;
const XML_ITEMS: usize = 120_000;
const COMMITS: usize = 1_000;
const FILES: usize = 20;
const LINES: usize = 150;

/// Writes a file unless it is there with this content.
pub(super) fn write(path: &Path, content: fn() -> String) -> Result<()> {
    let content = content();
    if fs::read_to_string(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    fs::write(path, content).with_context(|| path.display().to_string())
}

fn word(rng: &mut Rng) -> String {
    let length = rng.between(3, 10);
    (0..length).map(|_| char::from(rng.pick(b"abcdefghijklmnoprstuvw"))).collect()
}

fn sentence(rng: &mut Rng, words: usize) -> String {
    let words: Vec<String> = (0..words).map(|_| word(rng)).collect();
    words.join(" ")
}

/// Classes in containers of the standard library, which is what takes a compiler's time.
pub(super) fn cxx_source() -> String {
    let mut text = String::from(
        "#include <algorithm>\n#include <functional>\n#include <map>\n#include <memory>\n\
         #include <regex>\n#include <string>\n#include <unordered_map>\n#include <vector>\n",
    );
    for n in 0..CXX_CLASSES {
        text += &format!(
            "struct C{n} {{ int a[{size}]; std::string name; std::vector<C{n}> parts; }};\n\
             int f{n}(const std::map<std::string, C{n}>& all) {{\n\
             \x20 std::unordered_map<int, std::shared_ptr<C{n}>> by;\n\
             \x20 for (const auto& [key, c] : all) by[c.a[0]] = std::make_shared<C{n}>(c);\n\
             \x20 std::vector<C{n}> v; for (auto& p : by) v.push_back(*p.second);\n\
             \x20 std::sort(v.begin(), v.end(), [](const C{n}& x, const C{n}& y) {{ return x.name < y.name; }});\n\
             \x20 std::function<int(int)> g = [&](int i) {{ return v[i].a[1] + (i ? g(i - 1) : {n}); }};\n\
             \x20 return g(static_cast<int>(v.size()) - 1);\n}}\n",
            size = n + 2,
        );
    }
    text += "bool m(const std::string& s) { return std::regex_match(s, std::regex(\"[a-z]+(x|y)*\")); }\n";
    text
}

/// A catalogue with attributes and text.
pub(super) fn xml_document() -> String {
    let mut rng = Rng::new(7);
    let mut text = String::from("<?xml version=\"1.0\"?>\n<catalogue>\n");
    for n in 0..XML_ITEMS {
        let (name, kind) = (word(&mut rng), word(&mut rng));
        text += &format!(" <item id=\"{n}\" kind=\"{kind}\">\n  <name>{name}</name>\n");
        for _ in 0..rng.between(1, 5) {
            let words = rng.between(3, 12);
            text += &format!("  <note>{} &amp; more</note>\n", sentence(&mut rng, words));
        }
        text += " </item>\n";
    }
    text + "</catalogue>\n"
}

/// A stream for `git fast-import`: files of which each commit changes some lines.
pub(super) fn git_history() -> String {
    let mut rng = Rng::new(8);
    let mut files: Vec<Vec<String>> =
        (0..FILES).map(|_| (0..LINES).map(|_| sentence(&mut rng, 8)).collect()).collect();
    let mut stream = String::new();
    for commit in 0..COMMITS {
        let message = sentence(&mut rng, 6);
        stream += &format!(
            "commit refs/heads/main\ncommitter A <a@example.org> {} +0000\ndata {}\n{message}\n",
            1_000_000_000 + commit,
            message.len(),
        );
        for _ in 0..4 {
            let number = rng.below(FILES);
            let file = &mut files[number];
            for _ in 0..6 {
                let line = rng.below(LINES);
                file[line] = sentence(&mut rng, 8);
            }
            let content = file.join("\n");
            stream += &format!("M 644 inline file{number}\ndata {}\n{content}\n", content.len());
        }
        stream += "\n";
    }
    stream
}
