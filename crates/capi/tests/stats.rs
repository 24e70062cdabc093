//! The statistics in their forms: what the structure says, the JSON says too, and it is JSON.

mod common;

use common::Link;
use serde_json::Value;

/// Runs a program that prints a structure and then the JSON of it.
fn forms() -> (String, Value) {
    let path = common::compile("stats_forms.c", Link::Shared);
    let output = common::run(&mut common::program(&path, Link::Shared));
    common::discard(&path);
    let (members, json) = common::text(&output.stdout).split_once("json\n").expect("two parts");
    (members.to_owned(), serde_json::from_str(json).expect("valid JSON"))
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

#[test]
fn structure_and_json_agree() {
    let (members, json) = forms();
    let mut nonzero = 0;
    for line in members.lines() {
        let (name, values) = line.split_once(' ').expect("a name and values");
        let values: Vec<i64> = values.split(' ').map(|value| value.parse().unwrap()).collect();
        assert_eq!(numbers(&json, name), values, "{name}");
        assert!(values.iter().all(|&value| value >= 0), "{line}");
        nonzero += usize::from(values.iter().any(|&value| value > 0));
    }
    assert!(nonzero > 5, "hardly anything was counted:\n{members}");
    let object = json.as_object().expect("an object");
    let listed = members.lines().filter(|line| !line.contains('/')).count();
    assert_eq!(object.len(), listed + 5, "version, version, process and two arrays come on top");
}

#[test]
fn json_says_what_it_is_and_what_the_process_uses() {
    let (_, json) = forms();
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
    assert_eq!(pages.map(Option::unwrap), [65_536, 65_536, 524_288, 524_288, 0, 0]);
}
