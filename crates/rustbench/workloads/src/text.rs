//! Text: strings, JSON, regular expressions.

use core::fmt::Write as _;

use regex::Regex;
use serde_json::{Value, json};

use crate::Turn;
use crate::rng::Rng;

/// What a program that makes a report does.
pub(crate) fn strings(percent: usize) -> Turn {
    let lines = 60 * percent;
    let mut rng = Rng::new(3);
    let words: Vec<String> = (0..500).map(|_| rng.word()).collect();
    Box::new(move || {
        let mut text = String::new();
        for line in 0..lines {
            let word = &words[line * 7 % words.len()];
            let title = format!("{line:06} {} {word}", words[line % words.len()]);
            // Writing into a string does not fail.
            let _ = writeln!(text, "{title}: {}", word.repeat(1 + line % 5));
        }
        let lines: Vec<String> = text.lines().map(|line| line.to_uppercase()).collect();
        let parts: Vec<Vec<String>> =
            lines.iter().map(|line| line.split(' ').map(String::from).collect()).collect();
        let joined: Vec<String> = parts.iter().map(|parts| parts.join("-")).collect();
        let whole = joined.concat().replace("ER", "<er>");
        (whole.len() + parts.iter().map(Vec::len).sum::<usize>()) as u64
    })
}

/// A list of records with texts, numbers, lists and nested objects.
fn document(records: usize) -> String {
    let mut rng = Rng::new(4);
    let record = |number: usize| {
        let tags: Vec<String> = (0..rng.below(8)).map(|_| rng.word()).collect();
        let about: Vec<String> = (0..10 + rng.below(20)).map(|_| rng.word()).collect();
        json!({
            "id": number,
            "name": format!("{} {}", rng.word(), rng.word()),
            "about": about.join(" "),
            "score": rng.below(100_000) as f64 / 1000.0,
            "active": number.is_multiple_of(3),
            "parent": if number.is_multiple_of(5) { Value::Null } else { json!(number / 2) },
            "tags": tags,
            "place": { "city": rng.word(), "at": [rng.below(180), rng.below(90)] },
        })
    };
    Value::from_iter((0..records).map(record)).to_string()
}

/// All of a document becomes values, which are counted, changed and written.
pub(crate) fn json(percent: usize) -> Turn {
    let text = document(15 * percent);
    Box::new(move || {
        let mut value: Value = serde_json::from_str(&text).unwrap_or_default();
        let records = value.as_array_mut().into_iter().flatten();
        let tags = records.map(|record| {
            record["score"] = json!(1);
            record["tags"].as_array().map_or(0, Vec::len)
        });
        let tags: usize = tags.sum();
        (tags + value.to_string().len()) as u64
    })
}

/// What a program that reads logs looks for.
const EXPRESSIONS: &[&str] = &[
    r"^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(\.\d+)?Z$",
    r"(?i)\b(error|warning|fatal|panic)\b.{0,40}",
    r"[\w.+-]+@[\w-]+\.[\w.-]+",
    r#""(?:[^"\\]|\\.)*""#,
    r"(?x) (?P<key> [a-z_]+ ) = (?P<value> [0-9a-f]{8} | true | false )",
    r"https?://[^\s/?#]+(?:/[^\s?#]*)?(?:\?[^\s#]*)?",
];

const LINE: &str = "2026-01-01 WARNING user=deadbeef at somebody@example.org asked for \"a \\\"thing\\\"\" \
                    of https://example.org/path?query=1 and got nothing";

/// Compiling is nearly all of it.
pub(crate) fn regexes(percent: usize) -> Turn {
    let rounds = (percent / 50).max(1);
    Box::new(move || {
        let mut sum = 0;
        for _ in 0..rounds {
            let all: Vec<Regex> = EXPRESSIONS.iter().filter_map(|it| Regex::new(it).ok()).collect();
            sum +=
                all.iter().filter_map(|it| it.find(LINE)).map(|found| found.len()).sum::<usize>();
            sum += all.len();
        }
        sum as u64
    })
}
