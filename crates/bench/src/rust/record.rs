//! The record of the Rust programs.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::programs;
use crate::record::{Cell, Record};

/// All figures of a run. In a cell, the wall time is Criterion's median of a turn, in seconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct RustRecord {
    #[serde(flatten)]
    pub(crate) all: Record,
    /// Who compiled the programs.
    pub(crate) compiler: String,
    /// Names of the workloads, and what they do.
    pub(crate) workloads: Vec<(String, String)>,
    /// The ways to end a request: by the name of the allocator where its blocks are freed one by one.
    pub(crate) request: Option<Cell>,
}

/// The only one there is.
fn path() -> PathBuf {
    programs::directory().join("record/rust.json")
}

impl RustRecord {
    /// The record that the project keeps, if it has one.
    pub(crate) fn kept() -> Result<Option<Self>> {
        let path = path();
        if !path.exists() {
            return Ok(None);
        }
        let name = path.display().to_string();
        let text = fs::read_to_string(&path).with_context(|| name.clone())?;
        serde_json::from_str(&text).with_context(|| name)
    }

    /// Keeps this one, and lists its runs as CSV.
    pub(crate) fn write(&self) -> Result<()> {
        let path = path();
        fs::create_dir_all(path.parent().context("a file is in a directory")?)?;
        // A line for each allocator in each cell, so that a difference between two records can be read.
        let text = serde_json::to_string(self)?.replace("{\"allocator\"", "\n{\"allocator\"");
        fs::write(&path, text + "\n").with_context(|| path.display().to_string())?;
        fs::write(path.with_extension("csv"), self.csv())?;
        Ok(())
    }

    /// A line for each run: milliseconds of a turn, and peak RSS in KiB.
    fn csv(&self) -> String {
        let mut text = String::from("test,alloc,round,ms,rss\n");
        for cell in self.all.cells.iter().chain(&self.request) {
            for results in &cell.results {
                for (round, run) in (1..).zip(&results.runs) {
                    let Cell { name, .. } = cell;
                    let (ms, rss) = (run.wall * 1e3, run.rss);
                    text += &format!("{name},{},{round},{ms:.6},{rss}\n", results.allocator);
                }
            }
        }
        text
    }

    /// The same with milliseconds in place of seconds, for tables.
    pub(crate) fn in_milliseconds(&self) -> Record {
        let mut record = self.all.clone();
        let results = record.cells.iter_mut().flat_map(|cell| &mut cell.results);
        results.flat_map(|results| &mut results.runs).for_each(|run| run.wall *= 1e3);
        record
    }
}

#[cfg(test)]
mod tests {
    use super::RustRecord;
    use crate::record::{Cell, Record, Results};
    use rimalloc_bench::figures::Figures;

    #[test]
    fn a_record_survives_being_written() {
        let run = Figures { wall: 0.0015, rss: 4096, ..Figures::default() };
        let results = Results { allocator: "a".into(), runs: vec![run; 2], ..Results::default() };
        let cell = |name: &str| Cell { name: name.into(), results: vec![results.clone()] };
        let all = Record { rounds: 2, cells: vec![cell("vec")], ..Record::default() };
        let request = Some(cell("request"));
        let record = RustRecord { all, request, ..RustRecord::default() };
        let text = serde_json::to_string(&record).expect("records are plain");
        let back: RustRecord = serde_json::from_str(&text).expect("it was just written");
        assert_eq!(back.all.cells[0].results[0].runs, [run; 2]);
        assert_eq!(back.request.map(|cell| cell.name).as_deref(), Some("request"));
        assert_eq!(record.csv().lines().nth(1), Some("vec,a,1,1.500000,4096"));
        assert_eq!(record.csv().lines().count(), 5);
        assert!((record.in_milliseconds().cells[0].results[0].runs[1].wall - 1.5).abs() < 1e-9);
    }
}
