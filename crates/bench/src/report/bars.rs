//! The bars that the project has set itself, and where it stands.

use rimalloc_bench::workloads::Latencies;

use crate::allocators::OURS;
use crate::instructions;
use crate::record::{Cell, Record};
use crate::summary::{Measure, count, median};
use crate::table::Table;

/// No workload takes more than this multiple of the best peer's time.
pub(crate) const FACTOR_OF_BEST: f64 = 1.10;
/// Means have to be below those of others by this.
const AHEAD: f64 = 0.95;
/// Of which the leanest counts for the mean of peak RSS.
const LEAN: [&str; 4] = ["mimalloc3-nothp", "rpmalloc", "snmalloc", "jemalloc"];
/// The higher one of which no cell's peak RSS exceeds.
const CEILING: [&str; 2] = ["rpmalloc", "snmalloc"];
/// Instructions of malloc and free of 64 bytes in the shared library.
const PAIR_INSTRUCTIONS: f64 = 26.0;
/// Instructions of giving back a box of known size, in Rust.
const BOX_INSTRUCTIONS: f64 = 12.0;
const LATENCY_CELL: &str = "larson-latency/8";

/// A row for each bar, a column for each record.
pub(crate) fn table(records: &[(String, Record)]) -> Table {
    let columns = records.iter().map(|(_, record)| format!("huge pages {}", record.huge_pages));
    let mut table = Table::new(["bar".into(), "at most".into()].into_iter().chain(columns));
    for (what, limit, stand) in BARS {
        let stands = records.iter().map(|(_, record)| stand(record).unwrap_or("no data".into()));
        table.row([(*what).into(), (*limit).into()].into_iter().chain(stands));
    }
    table
}

type Stand = fn(&Record) -> Option<String>;

const BARS: &[(&str, &str, Stand)] = &[
    ("time, mean, of the best single peer", "0.95", |record| {
        let (name, ratio) = ours_of_best(record, Measure::Time, |_| true)?;
        Some(verdict(ratio, AHEAD, &name))
    }),
    ("time, mean, of the best peer of each cell (aim)", "1.00", |record| {
        Some(verdict(record.mean_of_best(Measure::Time)?.recip(), 1.0, ""))
    }),
    ("time, worst cell, of its best peer", "1.10", worst_time),
    ("peak RSS, mean, of the leanest of four", "0.95", |record| {
        let (name, ratio) = ours_of_best(record, Measure::Memory, |name| LEAN.contains(&name))?;
        Some(verdict(ratio, AHEAD, &name))
    }),
    ("peak RSS, mean, of mimalloc2", "0.65, aim 0.55", |record| {
        let (name, ratio) = ours_of_best(record, Measure::Memory, |name| name == "mimalloc2")?;
        Some(verdict(ratio, 0.65, &name))
    }),
    ("peak RSS, worst cell, of the higher of rpmalloc and snmalloc", "1.00", worst_memory),
    ("p99.99 of malloc and free, larson, 8 threads, of the best peer", "1.00", latency),
    ("instructions, malloc and free of 64 bytes", "26", |record| {
        fewer_instructions(record, OURS, instructions::PAIR, PAIR_INSTRUCTIONS)
    }),
    ("instructions, free of a box in Rust", "12", |record| {
        fewer_instructions(record, instructions::RUST_FACE, instructions::FREE, BOX_INSTRUCTIONS)
    }),
];

const fn mark(met: bool) -> &'static str {
    if met { "met: " } else { "**missed**: " }
}

/// Whether a ratio is within its limit, and whose it is.
pub(crate) fn verdict(ratio: f64, limit: f64, name: &str) -> String {
    let name = if name.is_empty() { String::new() } else { format!(" ({name})") };
    format!("{}{ratio:.2}{name}", mark(ratio <= limit))
}

/// Our mean as a multiple of the best one among some peers.
pub(crate) fn ours_of_best(
    record: &Record,
    measure: Measure,
    counts: fn(&str) -> bool,
) -> Option<(String, f64)> {
    let means = record.means(measure).into_iter();
    let peers = means.filter(|(name, _)| *name != OURS && counts(name));
    let (name, (mean, _)) = peers.min_by(|a, b| a.1.0.total_cmp(&b.1.0))?;
    Some((name.into(), mean.recip()))
}

fn fewer_instructions(
    record: &Record,
    allocator: &str,
    operation: &str,
    limit: f64,
) -> Option<String> {
    let counts = record.instructions.iter().find(|counts| counts.allocator == allocator)?;
    let value = counts.get(operation)?;
    Some(format!("{}{value:.0}", mark(value <= limit)))
}

fn worst_time(record: &Record) -> Option<String> {
    let all = record.losses(Measure::Time, 0.0);
    let (worst, ratio) = all.first()?;
    let over = all.iter().filter(|(_, ratio)| *ratio > FACTOR_OF_BEST).count();
    Some(format!("{}; {over} of {} above", verdict(*ratio, FACTOR_OF_BEST, &worst.name), all.len()))
}

fn worst_memory(record: &Record) -> Option<String> {
    let ratio = |cell: &Cell| {
        let limits = CEILING.iter().filter_map(|name| cell.median(name, Measure::Memory));
        Some(cell.median(OURS, Measure::Memory)? / limits.reduce(f64::max)?)
    };
    let mut all: Vec<(&Cell, f64)> =
        record.counted().filter_map(|cell| Some((cell, ratio(cell)?))).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    let (worst, ratio) = all.first()?;
    let over = all.iter().filter(|(_, ratio)| *ratio > 1.0).count();
    Some(format!("{}; {over} of {} above", verdict(*ratio, 1.0, &worst.name), all.len()))
}

fn latency(record: &Record) -> Option<String> {
    let cell = record.cells.iter().find(|cell| cell.name == LATENCY_CELL)?;
    let ours = percentile(cell, OURS, |latencies| latencies.pair.p9999)?;
    let peers = cell.results.iter().filter(|results| results.allocator != OURS);
    let (name, best) = peers
        .filter_map(|results| {
            let value = percentile(cell, &results.allocator, |latencies| latencies.pair.p9999)?;
            Some((results.allocator.as_str(), value))
        })
        .min_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(verdict(ours / best, 1.0, name))
}

/// The median over the rounds of one figure, in nanoseconds.
pub(crate) fn percentile(
    cell: &Cell,
    allocator: &str,
    figure: impl Fn(&Latencies) -> u64,
) -> Option<f64> {
    let latencies = cell.results(allocator)?.latencies.iter();
    median(latencies.map(|latencies| count(figure(latencies))).collect())
}

#[cfg(test)]
mod tests {
    use super::table;
    use crate::allocators::OURS;
    use crate::record::{Cell, Participant, Record, Results};
    use rimalloc_bench::figures::Figures;

    /// One cell; seconds and MiB by allocator.
    fn record(figures: &[(&str, f64, u64)]) -> Record {
        let allocators = figures.iter().map(|(name, ..)| Participant {
            name: (*name).into(),
            version: String::new(),
            variables: Vec::new(),
        });
        let results = figures.iter().map(|&(name, wall, rss)| Results {
            allocator: name.into(),
            runs: vec![Figures { wall, rss: rss * 1024, ..Figures::default() }],
            ..Results::default()
        });
        let cells = vec![Cell { name: "larson/8".into(), results: results.collect() }];
        Record { allocators: allocators.collect(), cells, ..Record::default() }
    }

    fn row(record: Record, start: &str) -> String {
        let text = table(&[("x".into(), record)]).markdown();
        let line = text.lines().find(|line| line.starts_with(&format!("| {start}")));
        let cells: Vec<_> = line.unwrap_or_default().split('|').map(str::trim).collect();
        cells[3].to_owned()
    }

    #[test]
    fn bars_say_whether_they_are_met_and_by_whom_not() {
        let ahead = || record(&[(OURS, 0.9, 10), ("rpmalloc", 1.0, 9), ("snmalloc", 1.2, 12)]);
        assert_eq!(row(ahead(), "time, mean, of the best single"), "met: 0.90 (rpmalloc)");
        assert_eq!(row(ahead(), "time, worst"), "met: 0.90 (larson/8); 0 of 1 above");
        assert_eq!(row(ahead(), "peak RSS, mean, of the leanest"), "**missed**: 1.11 (rpmalloc)");
        assert_eq!(row(ahead(), "peak RSS, worst"), "met: 0.83 (larson/8); 0 of 1 above");
        assert_eq!(row(ahead(), "peak RSS, mean, of mimalloc2"), "no data");
        let behind = record(&[(OURS, 1.2, 10), ("glibc", 1.0, 9)]);
        assert_eq!(row(behind, "time, worst"), "**missed**: 1.20 (larson/8); 1 of 1 above");
    }
}
