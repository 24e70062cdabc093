//! The tables about one record.

use crate::allocators::OURS;
use crate::record::{Cell, Record};
use crate::report::NOISE;
use crate::report::bars::percentile;
use crate::summary::{Measure, count, median};
use crate::table::Table;

/// Geometric means by allocator, with the best of each cell at the end.
pub(crate) fn means<const N: usize>(record: &Record, measures: [Measure; N]) -> Table {
    let means = measures.map(|measure| record.means(measure));
    let columns = measures.map(Measure::name);
    let mut table = Table::new(["geometric mean"].into_iter().chain(columns).chain(["cells"]));
    for name in names(record) {
        let values = means.iter().filter_map(|means| Some(format!("{:.3}", means.get(name)?.0)));
        let cells = means[0].get(name).map(|(_, cells)| cells.to_string());
        table.row([name.to_owned()].into_iter().chain(values).chain(cells));
    }
    let best = measures.iter().filter_map(|&measure| record.mean_of_best(measure));
    let best: Vec<String> = best.map(|mean| format!("{mean:.3}")).collect();
    if !best.is_empty() {
        table.row(["best peer of each cell".into()].into_iter().chain(best));
    }
    table
}

/// Everything below the charts.
pub(crate) fn all(record: &Record) -> String {
    let mut text = String::new();
    for measure in [Measure::Time, Measure::Memory] {
        text += &losses(record, measure);
    }
    for (measure, unit) in [(Measure::Time, "seconds"), (Measure::Memory, "MiB")] {
        text += &format!(
            "### {} in {unit}\n\nMedians; in parentheses the median distance from it in percent. The \
             best one is bold.\n\n{}\n",
            measure.title(),
            cells(record, measure).markdown()
        );
    }
    text += &format!("### {OURS} in detail\n\n{}\n", details(record).markdown());
    let latencies = latencies(record);
    if !latencies.is_empty() {
        text += &format!(
            "### Latency\n\nNanoseconds that half, 99 % and 99.99 % of the calls take at most, the clock \
             included.\n\n{}\n",
            latencies.markdown()
        );
    }
    let instructions = instructions(record);
    if !instructions.is_empty() {
        text += &format!(
            "### Instructions\n\nWhat one operation executes in the library, counted by callgrind.\n\n\
             {}\n",
            instructions.markdown()
        );
    }
    text + &participants(record)
}

fn losses(record: &Record, measure: Measure) -> String {
    let losses = record.losses(measure, NOISE);
    let mut text = format!("### Losses in {}\n\n", measure.name());
    if losses.is_empty() {
        return text + "None.\n\n";
    }
    let mut table = Table::new(["cell", OURS, "best peer", "its", "ratio"]);
    for (cell, ratio) in losses {
        if let (Some(ours), Some((name, best))) =
            (cell.median(OURS, measure), cell.best_peer(measure))
        {
            let [ours, best] = [ours, best].map(number);
            table.row([cell.name.clone(), ours, name.into(), best, format!("{ratio:.2}")]);
        }
    }
    text += &table.markdown();
    text + "\n"
}

/// Three digits or so.
pub(crate) fn number(value: f64) -> String {
    match value {
        value if value < 10.0 => format!("{value:.3}"),
        value if value < 100.0 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

fn names(record: &Record) -> impl Iterator<Item = &str> {
    record.allocators.iter().map(|participant| participant.name.as_str())
}

pub(crate) fn cells(record: &Record, measure: Measure) -> Table {
    let mut table = Table::new(["cell"].into_iter().chain(names(record)));
    for cell in &record.cells {
        let medians = names(record).filter_map(|name| cell.median(name, measure));
        let best = medians.fold(f64::INFINITY, f64::min);
        let values = names(record).map(|name| value(cell, name, measure, best));
        table.row([cell.name.clone()].into_iter().chain(values));
    }
    table
}

fn value(cell: &Cell, allocator: &str, measure: Measure, best: f64) -> String {
    let Some(results) = cell.results(allocator) else { return "-".into() };
    let (Some(middle), Some(spread)) = (results.median(measure), results.spread(measure)) else {
        return "failed".into();
    };
    let text = number(middle);
    let text = if middle <= best { format!("**{text}**") } else { text };
    format!("{text} ({:.0})", spread * 100.0)
}

fn details(record: &Record) -> Table {
    let mut table = Table::new([
        "cell",
        "time",
        "fastest",
        "slowest",
        "user",
        "system",
        "peak RSS",
        "page faults",
    ]);
    for cell in &record.cells {
        let Some(results) = cell.results(OURS).filter(|results| results.failure.is_none()) else {
            continue;
        };
        let all = |figure: fn(&rimalloc_bench::figures::Figures) -> f64| {
            results.runs.iter().map(figure).collect::<Vec<f64>>()
        };
        let walls = all(|run| run.wall);
        let middles = [
            Some(walls.iter().copied().fold(f64::INFINITY, f64::min)),
            Some(walls.iter().copied().fold(0.0, f64::max)),
            median(all(|run| run.user)),
            median(all(|run| run.system)),
            median(all(|run| Measure::Memory.of(run))),
        ];
        let faults = median(all(|run| count(run.minor + run.major)));
        let columns =
            [median(walls)].into_iter().chain(middles).map(|it| it.map_or("-".into(), number));
        let faults = faults.map_or("-".into(), |faults| format!("{faults:.0}"));
        table.row([cell.name.clone()].into_iter().chain(columns).chain([faults]));
    }
    table
}

fn latencies(record: &Record) -> Table {
    let mut table = Table::new([
        "cell",
        "allocator",
        "malloc p50",
        "p99",
        "p99.99",
        "free p50",
        "p99",
        "p99.99",
        "both p99.99",
    ]);
    for cell in record.cells.iter().filter(|cell| cell.is_clocked()) {
        for name in names(record) {
            let figures = [
                percentile(cell, name, |it| it.malloc.p50),
                percentile(cell, name, |it| it.malloc.p99),
                percentile(cell, name, |it| it.malloc.p9999),
                percentile(cell, name, |it| it.free.p50),
                percentile(cell, name, |it| it.free.p99),
                percentile(cell, name, |it| it.free.p9999),
                percentile(cell, name, |it| it.pair.p9999),
            ];
            let figures = figures.map(|figure| figure.map_or("-".into(), |ns| format!("{ns:.0}")));
            table.row([cell.name.clone(), name.into()].into_iter().chain(figures));
        }
    }
    table
}

/// What single calls cost, by allocator.
pub(crate) fn instructions(record: &Record) -> Table {
    let Some(first) = record.instructions.first() else { return Table::default() };
    let names: Vec<String> = first.operations.iter().map(|(name, _)| name.clone()).collect();
    let mut table = Table::new(["allocator".to_owned()].iter().chain(&names));
    for counts in &record.instructions {
        let values = names
            .iter()
            .map(|name| counts.get(name).map_or("-".into(), |value| format!("{value:.1}")));
        table.row([counts.allocator.clone()].into_iter().chain(values));
    }
    table
}

/// Who took part and who could not.
pub(crate) fn participants(record: &Record) -> String {
    let mut table = Table::new(["allocator", "version", "variables"]);
    for participant in &record.allocators {
        let variables: Vec<_> =
            participant.variables.iter().map(|(name, value)| format!("`{name}={value}`")).collect();
        table.row([participant.name.clone(), participant.version.clone(), variables.join(" ")]);
    }
    let mut text = format!("### Allocators\n\n{}\n", table.markdown());
    for absence in &record.absent {
        text += &format!("Absent: {}: {}\n\n", absence.name, absence.why);
    }
    for cell in &record.cells {
        for results in &cell.results {
            if let Some(failure) = &results.failure {
                text += &format!("Failed: {} on {}: {failure}\n\n", cell.name, results.allocator);
            }
        }
    }
    text
}
