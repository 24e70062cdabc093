//! `docs/benchmarks.md` and its charts, from records.

pub(crate) mod bars;
mod cost;
pub(crate) mod tables;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::allocators::OURS;
use crate::charts::{self, BLUE, Bar, GREEN, GREY, RED};
use crate::record::{self, Record};
use crate::root;
use crate::rust;
use crate::rust::record::RustRecord;
use crate::summary::Measure;

/// Below this a difference is as likely the machine's as the allocator's.
pub(crate) const NOISE: f64 = 1.05;

const METHODOLOGY: &str = include_str!("../texts/methodology.md");
const BIAS: &str = include_str!("../texts/bias.md");

/// Writes the report from these records, or from all that the project keeps.
pub(crate) fn write(paths: &[String]) -> Result<()> {
    let paths: Vec<PathBuf> =
        if paths.is_empty() { kept()? } else { paths.iter().map(PathBuf::from).collect() };
    ensure!(!paths.is_empty(), "no record: `cargo xtask bench --record NAME` makes one");
    let docs = root().join("docs");
    let mut records = Vec::new();
    for path in &paths {
        let name = path.file_stem().context("a record has a name")?.to_string_lossy().into_owned();
        records.push((name, Record::read(path)?));
    }
    cost::write(&records)?;
    // What compares builds of ours alone has its place elsewhere.
    records.retain(|(_, record)| !cost::is_of_builds(record));
    if records.is_empty() {
        return Ok(());
    }
    let mut text = head(&records);
    for (name, record) in &records {
        text += &section(name, record, &docs)?;
    }
    if let Some(record) = RustRecord::kept()? {
        rust::report::write(&record)?;
        text += &rust::report::section(&record);
    }
    text += METHODOLOGY;
    text += BIAS;
    let page = docs.join("benchmarks.md");
    fs::write(&page, text).with_context(|| page.display().to_string())?;
    println!("wrote {}", page.canonicalize()?.display());
    Ok(())
}

fn kept() -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(record::directory()).into_iter().flatten();
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    paths.sort();
    Ok(paths)
}

fn head(records: &[(String, Record)]) -> String {
    let names: Vec<String> = records.iter().map(|(name, _)| format!("`{name}`")).collect();
    format!(
        "# Benchmarks\n\n\
         Written by `cargo xtask bench report` from the records {} in `crates/bench/record`; \
         what is here is not edited by hand.\n\n\
         ## Bars\n\n{}\n",
        names.join(" and "),
        bars::table(records).markdown(),
    )
}

/// All about one record.
fn section(name: &str, record: &Record, docs: &Path) -> Result<String> {
    let mut text = format!("## Huge pages: {}\n\n{}\n\n", record.huge_pages, machine(record));
    for measure in [Measure::Time, Measure::Memory] {
        let file = format!("{name}-{}-means", measure.file_name());
        text += &chart(docs, &file, &means_chart(record, measure))?;
    }
    text += &tables::means(record, Measure::ALL).markdown();
    text += &format!(
        "\nMultiples of {OURS}'s, geometric means over all cells that both finish; below 1 is better \
         than {OURS}.\n\n"
    );
    for measure in [Measure::Time, Measure::Memory] {
        let file = format!("{name}-{}-cells", measure.file_name());
        text += &chart(docs, &file, &cells_chart(record, measure))?;
    }
    text += &tables::all(record);
    Ok(text)
}

/// Writes a chart beside the page, and says how the page shows it.
pub(crate) fn chart(docs: &Path, name: &str, svg: &str) -> Result<String> {
    let charts = docs.join("benchmarks");
    fs::create_dir_all(&charts)?;
    fs::write(charts.join(format!("{name}.svg")), svg)?;
    Ok(format!("![{name}](benchmarks/{name}.svg)\n\n"))
}

fn machine(record: &Record) -> String {
    let percent = match record.percent {
        100 => String::new(),
        percent => format!(" {percent} % of the usual work."),
    };
    format!(
        "{} That of the programs was `{}`. Medians of {} rounds.{percent}",
        record.machine.sentence(),
        record.huge_pages,
        record.rounds,
    )
}

/// Every allocator's mean as a multiple of ours, best first.
pub(crate) fn means_chart(record: &Record, measure: Measure) -> String {
    let mut bars: Vec<Bar> = record
        .means(measure)
        .into_iter()
        .map(|(name, (value, _))| {
            let colour = if name == OURS { BLUE } else { GREY };
            Bar { name: name.into(), value, colour }
        })
        .collect();
    bars.sort_by(|a, b| a.value.total_cmp(&b.value));
    let title = format!(
        "{} relative to {OURS}, geometric mean (huge pages: {})",
        measure.title(),
        record.huge_pages
    );
    charts::ratios(&title, &bars)
}

/// Ours in every cell as a multiple of the best peer's.
fn cells_chart(record: &Record, measure: Measure) -> String {
    let bars: Vec<Bar> = record
        .counted()
        .filter_map(|cell| {
            let value = cell.ratio_to_best(measure)?;
            let colour = match value {
                value if value > bars::FACTOR_OF_BEST => RED,
                value if value > NOISE => GREY,
                _ => GREEN,
            };
            Some(Bar { name: cell.name.clone(), value, colour })
        })
        .collect();
    let title = format!(
        "{} of {OURS} relative to the best peer of each cell (huge pages: {})",
        measure.title(),
        record.huge_pages
    );
    charts::ratios(&title, &bars)
}
