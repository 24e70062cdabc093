//! `docs/benchmarks-rust.md`, and what `docs/benchmarks.md` takes of it.

use std::fs;

use anyhow::{Context, Result};

use super::REQUEST;
use super::record::RustRecord;
use crate::allocators::OURS;
use crate::record::{Cell, Record};
use crate::report::bars::{ours_of_best, verdict};
use crate::report::{NOISE, chart, means_chart, tables};
use crate::root;
use crate::summary::Measure;
use crate::table::Table;

/// The ways to end a request that have a bar.
const SCOPE: &str = "request-scope";
/// What a scope may take of the time that freeing one by one takes.
const SCOPE_LIMIT: f64 = 0.5;

const METHODOLOGY: &str = include_str!("../../texts/rust.md");

/// Why we are behind where we are: `MEASURE WORKLOAD: REASON` a line, with `*` for all workloads.
const REASONS: &str = include_str!("../../../rustbench/reasons.txt");

/// Two measures; processor time would be that of Criterion's choice of turns.
const MEASURES: [Measure; 2] = [Measure::Time, Measure::Memory];

/// Writes the page of one record.
pub(crate) fn write(record: &RustRecord) -> Result<()> {
    let docs = root().join("docs");
    let shown = record.in_milliseconds();
    let mut text = format!(
        "# Benchmarks of Rust programs\n\n\
         Written by `cargo xtask rustbench --record` and `cargo xtask bench report` from the record in `crates/rustbench/record`; what \
         is here is not edited by hand. [benchmarks.md](benchmarks.md) compares the C library.\n\n\
         {} Compiled by {}. Medians of {} rounds.\n\n",
        shown.machine.sentence(),
        record.compiler,
        shown.rounds
    );
    text += &format!("## Bars\n\n{}\n## Means\n\n", bars(record).markdown());
    for measure in MEASURES {
        let file = format!("rust-{}-means", measure.file_name());
        text += &chart(&docs, &file, &means_chart(&shown, measure))?;
    }
    text += &means(&shown);
    text += &losses(&shown);
    for measure in MEASURES {
        text += &format!("## {}\n\n{}", measure.title(), cells(&shown, measure));
    }
    if let Some(cell) = &record.request {
        text += &format!("## A request\n\n{}\n", request(cell).markdown());
    }
    text += &workloads(record);
    text += &tables::participants(&shown);
    text += METHODOLOGY;
    let page = docs.join("benchmarks-rust.md");
    fs::write(&page, text).with_context(|| page.display().to_string())?;
    println!("wrote {}", page.canonicalize()?.display());
    Ok(())
}

/// What the page about the C library says of Rust programs.
pub(crate) fn section(record: &RustRecord) -> String {
    let shown = record.in_milliseconds();
    let mut text = format!(
        "## Rust programs\n\n\
         Each allocator as the global allocator of the same programs, measured by Criterion. {} Compiled \
         by {}. Medians of {} rounds. [benchmarks-rust.md](benchmarks-rust.md) has all figures and the \
         method.\n\n{}\n",
        shown.machine.sentence(),
        record.compiler,
        shown.rounds,
        bars(record).markdown()
    );
    text += &means(&shown);
    text += &losses(&shown);
    text += &cells(&shown, Measure::Time);
    if let Some(cell) = &record.request {
        text += &format!("{}\n", request(cell).markdown());
    }
    text + &tables::participants(&shown)
}

/// One measure of all cells.
fn cells(shown: &Record, measure: Measure) -> String {
    let unit = if measure == Measure::Time { "Milliseconds of a turn" } else { "MiB" };
    format!(
        "{unit}; in parentheses the median distance from it in percent. The best one is bold.\n\n{}\n",
        tables::cells(shown, measure).markdown()
    )
}

fn bars(record: &RustRecord) -> Table {
    let mut table = Table::new(["bar", "at most", "stands at"]);
    let stands = ours_of_best(&record.all, Measure::Time, |_| true);
    let stands = stands.map(|(name, ratio)| verdict(ratio, 1.0, &name));
    let what = "time, mean, of the best peer";
    table.row([what.into(), "1.00".into(), stands.unwrap_or("no data".into())]);
    let ratio = record.request.as_ref().and_then(|cell| {
        Some(cell.median(SCOPE, Measure::Time)? / cell.median(OURS, Measure::Time)?)
    });
    let stands = ratio.map_or("no data".into(), |ratio| verdict(ratio, SCOPE_LIMIT, ""));
    let what = "a request in a scope, of freeing one by one";
    table.row([what.into(), format!("{SCOPE_LIMIT:.2}"), stands]);
    table
}

fn means(record: &Record) -> String {
    format!(
        "{}\nMultiples of {OURS}'s, geometric means over the workloads but `{REQUEST}`; below 1 is \
         better than {OURS}.\n\n",
        tables::means(record, MEASURES).markdown()
    )
}

/// The workloads in which a peer is better, and why.
fn losses(record: &Record) -> String {
    let mut table = Table::new(["losses", OURS, "best peer", "its", "ratio"]);
    let mut whys: Vec<(&str, Vec<String>)> = Vec::new();
    for (measure, unit) in [(Measure::Time, "ms"), (Measure::Memory, "MiB")] {
        for (cell, ratio) in record.losses(measure, NOISE) {
            let Some((name, best)) = cell.best_peer(measure) else { continue };
            let loss = format!("{}, {}", measure.name(), cell.name);
            let figures = [best * ratio, best].map(|it| format!("{} {unit}", tables::number(it)));
            let [ours, its] = figures;
            table.row([loss.clone(), ours, name.into(), its, format!("{ratio:.2}")]);
            let why = reason(REASONS, measure, &cell.name).unwrap_or("Not known.");
            match whys.iter_mut().find(|(known, _)| *known == why) {
                Some((_, losses)) => losses.push(loss),
                None => whys.push((why, vec![loss])),
            }
        }
    }
    if table.is_empty() {
        return "No losses.\n\n".into();
    }
    let mut text = table.markdown() + "\nWhy:\n\n";
    for (why, losses) in whys {
        text += &format!("- {}: {why}\n", losses.join("; "));
    }
    text + "\n"
}

/// That of the workload, else the one for all of them.
fn reason<'a>(reasons: &'a str, measure: Measure, workload: &str) -> Option<&'a str> {
    let found = |workload: &str| {
        let start = format!("{} {workload}: ", measure.file_name());
        reasons.lines().find_map(|line| line.strip_prefix(&start))
    };
    found(workload).or_else(|| found("*"))
}

/// One by one on each allocator, and what else there is; in microseconds.
pub(crate) fn request(cell: &Cell) -> Table {
    let mut table = Table::new(["request", "µs", "spread in %", "of one by one"]);
    let ours = cell.median(OURS, Measure::Time);
    for results in &cell.results {
        let name = match results.allocator.strip_prefix("request-") {
            None => format!("one by one, {}", results.allocator),
            Some("heap") => format!("one by one, in a heap of its own, {OURS}"),
            Some("scope-collections") => {
                format!("blocks of a scope, as collections take them, {OURS}")
            }
            Some("scope") => format!("places in a scope, {OURS}"),
            Some("bump") => format!("bumpalo, on {OURS}"),
            Some(_) => "bumpalo, kept and reset".into(),
        };
        let figures = results.median(Measure::Time).zip(results.spread(Measure::Time));
        let Some((middle, spread)) = figures else {
            table.row([name, "failed".into()]);
            continue;
        };
        let ratio = ours.map_or("-".into(), |ours| format!("{:.2}", middle / ours));
        let spread = format!("{:.0}", spread * 100.0);
        table.row([name, tables::number(middle * 1e6), spread, ratio]);
    }
    table
}

fn workloads(record: &RustRecord) -> String {
    let mut table = Table::new(["workload", "what a turn does"]);
    for (name, about) in &record.workloads {
        table.row([name, about]);
    }
    format!("## Workloads\n\n{}\n", table.markdown())
}

/// One line for a finished cell: ours, and beside the best peer's.
pub(crate) fn line(cell: &Cell) -> String {
    let mut text = format!("{:12}", cell.name);
    let scales = [(Measure::Time, 1e3, "ms"), (Measure::Memory, 1.0, "MiB")];
    for (measure, factor, unit) in scales {
        let Some(ours) = cell.median(OURS, measure) else { continue };
        text += &format!(" {:8.3} {unit:3}", ours * factor);
        if let Some((name, best)) = cell.best_peer(measure) {
            text += &format!(" = {:5.2} of {name:18}", ours / best);
        }
    }
    for results in &cell.results {
        if let Some(failure) = &results.failure {
            text += &format!("\n  {} FAILED: {failure}", results.allocator);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{bars, losses, reason, request};
    use crate::allocators::OURS;
    use crate::record::{Cell, Participant, Record, Results};
    use crate::rust::record::RustRecord;
    use crate::summary::Measure;
    use rimalloc_bench::figures::Figures;

    fn cell(name: &str, seconds: &[(&str, f64)]) -> Cell {
        let results = seconds.iter().map(|&(allocator, wall)| Results {
            allocator: allocator.into(),
            runs: vec![Figures { wall, rss: 2048, ..Figures::default() }],
            ..Results::default()
        });
        Cell { name: name.into(), results: results.collect() }
    }

    #[test]
    fn bars_and_losses_say_who_is_ahead() {
        let name = |name: &str| Participant { name: name.into(), ..Participant::default() };
        let all = Record {
            allocators: vec![name(OURS), name("a")],
            cells: vec![cell("json", &[(OURS, 0.003), ("a", 0.002)])],
            ..Record::default()
        };
        let times = [(OURS, 8e-6), ("a", 9e-6), ("request-scope", 2e-6)];
        let request_cell = cell("request", &times);
        let record =
            RustRecord { all, request: Some(request_cell.clone()), ..RustRecord::default() };
        let text = bars(&record).markdown();
        assert!(text.contains("**missed**: 1.50 (a)") && text.contains("met: 0.25"), "{text}");
        let text = losses(&record.in_milliseconds());
        assert!(text.contains("| time, json |") && text.contains("3.000 ms"), "{text}");
        assert!(text.contains("- time, json: "), "{text}");
        let text = request(&request_cell).markdown();
        assert!(text.contains("places in a scope, rimalloc") && text.contains("2.000"), "{text}");
    }

    #[test]
    fn reasons_are_found_by_measure_and_workload() {
        let reasons = "time json: slow\nmemory *: all fat\nmemory json: fat\n";
        assert_eq!(reason(reasons, Measure::Memory, "json"), Some("fat"));
        assert_eq!(reason(reasons, Measure::Memory, "vec"), Some("all fat"));
        assert_eq!(reason(reasons, Measure::Time, "vec"), None);
    }
}
