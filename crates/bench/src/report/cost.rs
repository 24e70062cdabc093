//! What hardening costs: the table of `docs/hardening.md`, from the records that have builds of ours alone.

use std::fs;

use anyhow::{Context, Result};

use crate::allocators::{Allocator, OURS};
use crate::record::Record;
use crate::root;
use crate::summary::Measure;
use crate::table::Table;

/// What the table stands between.
const START: &str = "<!-- cost table: written by `cargo xtask bench report` -->\n";
const END: &str = "<!-- end of the cost table -->\n";

/// Whether a record compares the stock build with hardened ones and with nothing else.
pub(crate) fn is_of_builds(record: &Record) -> bool {
    record.allocators.len() > 1
        && record.allocators.iter().all(|participant| Allocator::is_own(&participant.name))
}

/// Writes the table, if any record is one for it.
pub(crate) fn write(records: &[(String, Record)]) -> Result<()> {
    let text: String = records
        .iter()
        .filter(|(_, record)| is_of_builds(record))
        .map(|(name, record)| section(name, record))
        .collect();
    if text.is_empty() {
        return Ok(());
    }
    let page = root().join("docs/hardening.md");
    let name = page.display().to_string();
    let old = fs::read_to_string(&page).with_context(|| name.clone())?;
    let new = spliced(&old, &text).with_context(|| format!("{name} has no place for the table"))?;
    fs::write(&page, new).with_context(|| name)?;
    println!("wrote {}", page.canonicalize()?.display());
    Ok(())
}

/// A page with another text between the two marks.
fn spliced(page: &str, text: &str) -> Option<String> {
    let (before, rest) = page.split_once(START)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{START}\n{text}{END}{after}"))
}

fn section(name: &str, record: &Record) -> String {
    format!(
        "{}\nMultiples of {OURS}'s, geometric means over all cells of the record `{name}` that both finish, and the \
         worst cell of each; medians of {} rounds on {}, {} cores, huge pages `{}`.\n\n",
        table(record).markdown(),
        record.rounds,
        record.machine.processor,
        record.machine.cores,
        record.huge_pages,
    )
}

fn table(record: &Record) -> Table {
    let measures = [Measure::Time, Measure::Memory];
    let mut table = Table::new(["build", "time", "worst", "peak RSS", "worst", "cells"]);
    for participant in record.allocators.iter().filter(|it| it.name != OURS) {
        let name = participant.name.as_str();
        let mut row = vec![name.to_owned()];
        for measure in measures {
            let mean = record.means(measure).get(name).map(|(mean, _)| format!("{mean:.2}"));
            row.extend([mean, worst(record, name, measure)].map(|it| it.unwrap_or("-".into())));
        }
        row.extend(record.means(Measure::Time).get(name).map(|(_, cells)| cells.to_string()));
        table.row(row);
    }
    table
}

/// The cell in which a build is farthest behind the stock one, and how far.
fn worst(record: &Record, name: &str, measure: Measure) -> Option<String> {
    let ratios = record.counted().filter_map(|cell| {
        Some((&cell.name, cell.median(name, measure)? / cell.median(OURS, measure)?))
    });
    let (cell, ratio) = ratios.max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(format!("{ratio:.2} ({cell})"))
}

#[cfg(test)]
mod tests {
    use super::{END, START, is_of_builds, spliced, table};
    use crate::record::{Cell, Participant, Record, Results};
    use rimalloc_bench::figures::Figures;

    fn record(times: &[(&str, f64)]) -> Record {
        let participant = |name: &str| Participant {
            name: name.into(),
            version: String::new(),
            variables: Vec::new(),
        };
        let results = |name: &str, wall: f64| Results {
            allocator: name.into(),
            runs: vec![Figures { wall, rss: 1024, ..Figures::default() }],
            ..Results::default()
        };
        let results = times.iter().map(|(name, wall)| results(name, *wall)).collect();
        Record {
            allocators: times.iter().map(|(name, _)| participant(name)).collect(),
            cells: vec![Cell { name: "x/1".into(), results }],
            ..Record::default()
        }
    }

    #[test]
    fn builds_of_ours_are_told_from_peers() {
        assert!(is_of_builds(&record(&[("rimalloc", 1.0), ("rimalloc-debug", 2.0)])));
        assert!(!is_of_builds(&record(&[("rimalloc", 1.0), ("glibc", 2.0)])));
        assert!(!is_of_builds(&record(&[("rimalloc", 1.0)])));
    }

    #[test]
    fn the_table_has_a_row_for_each_hardened_build() {
        let text = table(&record(&[("rimalloc", 2.0), ("rimalloc-secure", 3.0)])).markdown();
        let last: Vec<&str> = text.lines().last().unwrap_or("").split('|').map(str::trim).collect();
        let expected = ["", "rimalloc-secure", "1.50", "1.50 (x/1)", "1.00", "1.00 (x/1)", "1", ""];
        assert_eq!(last, expected);
    }

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let page = format!("a\n{START}old\n{END}b\n");
        assert_eq!(spliced(&page, "new\n"), Some(format!("a\n{START}\nnew\n{END}b\n")));
        assert_eq!(spliced("a\n", "new\n"), None);
    }
}
