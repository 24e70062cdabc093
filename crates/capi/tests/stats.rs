//! The statistics in their forms: what the structure says, the JSON says too, and it is JSON; and the document says
//! what each of them is.

mod common;

use common::Link;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// What a program prints of two structures: the members, and the JSON. The first has a different number in each member,
/// the second is that of the program.
fn forms() -> [(String, Value); 2] {
    let path = common::compile("stats_forms.c", Link::Shared);
    let output = common::run(&mut common::program(&path, Link::Shared));
    common::discard(&path);
    let mut parts = common::text(&output.stdout).split("end\n").map(|part| {
        let (members, json) = part.split_once("json\n").expect("members and JSON");
        (members.to_owned(), serde_json::from_str(json).expect("valid JSON"))
    });
    [parts.next(), parts.next()].map(|part| part.expect("two structures"))
}

/// The numbers of a member of the JSON: of a count its total, peak and current value.
fn numbers(json: &Value, name: &str) -> Vec<i64> {
    let member = name.split('/').fold(json, |at, key| match key.parse::<usize>() {
        Ok(index) => &at[index],
        Err(_) => &at[key],
    });
    match member.as_i64() {
        Some(number) => vec![number],
        None => ["total", "peak", "current"].map(|key| member[key].as_i64().expect(name)).to_vec(),
    }
}

/// Compares line by line, and returns all numbers.
fn compare(members: &str, json: &Value) -> Vec<i64> {
    let mut all = Vec::new();
    for line in members.lines() {
        let (name, values) = line.split_once(' ').expect("a name and values");
        let values: Vec<i64> =
            values.split(' ').map(|value| value.parse().expect("a number")).collect();
        assert_eq!(numbers(json, name), values, "{name}");
        all.extend(values);
    }
    let listed = members.lines().filter(|line| !line.contains('/')).count();
    let object = json.as_object().expect("an object");
    assert_eq!(object.len(), listed + 5, "two versions, the process and two arrays come on top");
    all
}

#[test]
fn members_of_the_header_lie_where_the_library_has_them() {
    let [(members, json), _] = forms();
    let numbers = compare(&members, &json);
    let mut different = numbers.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!((different.len(), different.len()), (numbers.len(), 503), "{members}");
}

#[test]
fn structure_and_json_agree() {
    let [_, (members, json)] = forms();
    let numbers = compare(&members, &json);
    assert!(numbers.iter().all(|&number| number >= 0), "{members}");
    assert!(numbers.iter().filter(|&&number| number > 0).count() > 200, "{members}");
}

#[test]
fn json_says_what_it_is_and_what_the_process_uses() {
    let [_, (_, json)] = forms();
    assert_eq!(json["stat_version"], 4);
    assert_eq!(json["mimalloc_version"], 20401);
    let process = json["process"].as_object().expect("an object");
    assert_eq!(process.len(), 8);
    let of = |name: &str| process[name].as_u64().expect(name);
    assert!(of("rss_current") > 0 && of("commit_current") <= of("commit_peak"));
    for (bin, block) in [(1, 8), (16, 256), (48, 65_536), (73, 524_296)] {
        assert_eq!(json["malloc_bins"][bin]["block_size"], block);
        assert_eq!(json["page_bins"][bin]["block_size"], block);
    }
    let pages = [1, 36, 37, 48, 49, 73].map(|bin| json["page_bins"][bin]["page_size"].as_u64());
    assert_eq!(pages.map(Option::unwrap), [65_536, 131_072, 262_144, 524_288, 0, 0]);
}

#[test]
fn every_figure_is_described() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/stats.md");
    let document = fs::read_to_string(path).expect("the document of the statistics");
    let [_, (_, json)] = forms();
    let process = json["process"].as_object().expect("an object").keys();
    for key in json.as_object().expect("an object").keys().chain(process) {
        let is_figure = json[key].is_number() || json[key]["total"].is_number();
        let quoted = format!("`{key}`");
        let row = if is_figure && !key.ends_with("version") {
            format!("\n| {quoted} | ")
        } else {
            quoted
        };
        assert!(document.contains(&row), "docs/stats.md does not say what {key} is");
    }
}
