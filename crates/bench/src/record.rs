//! Records: all figures of a run, as JSON for the report and as CSV for everything else.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rimalloc_bench::figures::Figures;
use rimalloc_bench::workloads::Latencies;
use serde::{Deserialize, Serialize};

use crate::bench_directory;
use crate::machine::Machine;

/// Everything about one run of the bench.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) machine: Machine,
    /// The mode of huge pages that the programs had.
    pub(crate) huge_pages: String,
    pub(crate) rounds: usize,
    /// Work in percent of the usual.
    pub(crate) percent: usize,
    pub(crate) allocators: Vec<Participant>,
    /// What could not take part, and why.
    pub(crate) absent: Vec<Absence>,
    pub(crate) cells: Vec<Cell>,
    #[serde(default)]
    pub(crate) instructions: Vec<Instructions>,
}

/// An allocator that took part.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Participant {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Variables that were set for it.
    pub(crate) variables: Vec<(String, String)>,
}

/// An allocator or program that did not.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Absence {
    pub(crate) name: String,
    pub(crate) why: String,
}

/// One workload with one number of threads.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Cell {
    /// As `larson/8`; programs have no number.
    pub(crate) name: String,
    pub(crate) results: Vec<Results>,
}

/// What one allocator did in a cell.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Results {
    pub(crate) allocator: String,
    /// One entry for each round: seconds of wall, user and system time, KiB, minor and major faults.
    pub(crate) runs: Vec<Figures>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) latencies: Vec<Latencies>,
    /// Why it has no runs, or fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
}

/// Instructions of one allocator for the operations that are counted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Instructions {
    pub(crate) allocator: String,
    /// Name of the operation and instructions of one.
    pub(crate) operations: Vec<(String, f64)>,
}

impl Instructions {
    /// Those of an operation.
    pub(crate) fn get(&self, operation: &str) -> Option<f64> {
        let found = self.operations.iter().find(|(name, _)| name == operation);
        found.map(|(_, instructions)| *instructions)
    }
}

/// Where the records are that belong to the project.
pub(crate) fn directory() -> PathBuf {
    bench_directory().join("record")
}

impl Record {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let text = fs::read_to_string(path).with_context(|| name.clone())?;
        serde_json::from_str(&text).with_context(|| name)
    }

    /// Writes `NAME-MODE.json` and `.csv`.
    pub(crate) fn write(&self, name: &str) -> Result<()> {
        let path = directory().join(format!("{name}-{}.json", self.huge_pages));
        fs::create_dir_all(directory())?;
        // A line for each allocator in each cell, so that a difference between two records can be read.
        let text = serde_json::to_string(self)?.replace("{\"allocator\"", "\n{\"allocator\"");
        fs::write(&path, text + "\n").with_context(|| path.display().to_string())?;
        fs::write(path.with_extension("csv"), self.csv())?;
        Ok(())
    }

    /// A line for each run, with the columns that mimalloc-bench has.
    fn csv(&self) -> String {
        let mut text =
            String::from("test,alloc,round,time,rss,user,sys,page-faults,page-reclaims\n");
        for cell in &self.cells {
            for results in &cell.results {
                for (round, run) in results.runs.iter().enumerate() {
                    text += &format!(
                        "{},{},{},{:.4},{},{:.4},{:.4},{},{}\n",
                        cell.name,
                        results.allocator,
                        round + 1,
                        run.wall,
                        run.rss,
                        run.user,
                        run.system,
                        run.major,
                        run.minor
                    );
                }
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{Cell, Record, Results};
    use rimalloc_bench::figures::Figures;

    #[test]
    fn a_record_survives_being_written() {
        let run = Figures { wall: 1.5, user: 2.0, system: 0.25, rss: 4096, minor: 12, major: 1 };
        let results = Results { allocator: "a".into(), runs: vec![run; 2], ..Results::default() };
        let cells = vec![Cell { name: "larson/8".into(), results: vec![results] }];
        let record = Record { rounds: 2, cells, ..Record::default() };
        let text = serde_json::to_string(&record).expect("records are plain");
        let back: Record = serde_json::from_str(&text).expect("it was just written");
        assert_eq!(back.cells[0].results[0].runs, [run; 2]);
        assert_eq!(
            record.csv().lines().nth(2),
            Some("larson/8,a,2,1.5000,4096,2.0000,0.2500,1,12")
        );
    }
}
