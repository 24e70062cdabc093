//! What can be measured: each workload with each of its numbers of threads, and programs.

use std::path::PathBuf;

use anyhow::{Result, bail};
use rimalloc_bench::workloads;

use crate::instructions;
use crate::programs::{self, Prepared};
use crate::record::Absence;
use crate::{built, say};

/// A cell that can be run.
#[derive(Debug)]
pub(crate) struct Cell {
    /// As `larson/8`; programs have no number.
    pub(crate) name: String,
    pub(crate) prepared: Prepared,
}

/// Name, purpose and numbers of threads of everything there is.
pub(crate) fn descriptions() -> impl Iterator<Item = (&'static str, String, Vec<usize>)> {
    let own = workloads::ALL
        .iter()
        .map(|workload| (workload.name, workload.about.to_owned(), workload.threads.to_vec()));
    let programs =
        programs::ALL.iter().map(|program| (program.name, program.about.to_owned(), Vec::new()));
    own.chain(programs)
}

/// The numbers of threads in words.
pub(crate) fn threads_text(threads: &[usize]) -> String {
    match threads {
        [] => String::new(),
        [1] => " (1 thread)".into(),
        several => {
            let words: Vec<_> = several.iter().map(usize::to_string).collect();
            format!(" ({} threads)", words.join(", "))
        }
    }
}

/// Which cells are wanted.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    /// Names, as `larson` or `larson/8`; none for all.
    pub(crate) names: &'a [String],
    /// Numbers of threads; none for all.
    pub(crate) threads: &'a [usize],
    pub(crate) percent: usize,
    pub(crate) programs: bool,
}

impl Wanted<'_> {
    fn has(&self, name: &str, threads: Option<usize>) -> bool {
        let full = full_name(name, threads);
        let named = self.names.iter().any(|wanted| *wanted == name || *wanted == full);
        let fits = self.threads.is_empty()
            || threads.is_some_and(|threads| self.threads.contains(&threads));
        (self.names.is_empty() || named) && fits
    }

    /// Whether instructions are to be counted, too.
    pub(crate) fn has_instructions(&self) -> bool {
        self.has(instructions::NAME, None) && self.programs
    }
}

fn full_name(name: &str, threads: Option<usize>) -> String {
    threads.map_or_else(|| name.into(), |threads| format!("{name}/{threads}"))
}

/// The cells that are wanted, and what of it cannot be had.
pub(crate) fn prepare(wanted: &Wanted) -> Result<(Vec<Cell>, Vec<Absence>)> {
    if let Some(name) = wanted.names.iter().find(|name| !is_known(name)) {
        bail!("there is no workload {name}: `cargo xtask bench list` says what there is");
    }
    let program: PathBuf = built("bench-workload")?;
    let (mut cells, mut absent) = (Vec::new(), Vec::new());
    for workload in workloads::ALL {
        for &threads in workload.threads {
            if !wanted.has(workload.name, Some(threads)) {
                continue;
            }
            let arguments = [workload.name.into(), threads.to_string(), wanted.percent.to_string()];
            let command = [program.display().to_string()].into_iter().chain(arguments).collect();
            let prepared = Prepared { command, ..Prepared::default() };
            cells.push(Cell { name: full_name(workload.name, Some(threads)), prepared });
        }
    }
    let programs = programs::ALL.iter().filter(|_| wanted.programs);
    for program in programs.filter(|program| wanted.has(program.name, None)) {
        say(&format!("preparing {}", program.name));
        match program.prepare() {
            Ok(prepared) => cells.push(Cell { name: program.name.into(), prepared }),
            Err(error) => {
                absent.push(Absence { name: program.name.into(), why: format!("{error:#}") });
            }
        }
    }
    Ok((cells, absent))
}

fn is_known(name: &str) -> bool {
    name == instructions::NAME
        || descriptions().any(|(known, _, threads)| {
            known == name || threads.iter().any(|&threads| full_name(known, Some(threads)) == name)
        })
}

#[cfg(test)]
mod tests {
    use super::{Wanted, is_known, threads_text};

    #[test]
    fn cells_are_chosen_by_name_and_threads() {
        let names = ["larson".to_owned(), "rptest/8".to_owned()];
        let some = Wanted { names: &names, threads: &[2, 8], percent: 100, programs: true };
        assert!(some.has("larson", Some(2)) && some.has("rptest", Some(8)));
        assert!(!some.has("larson", Some(1)) && !some.has("rptest", Some(2)));
        assert!(!some.has("perl", None) && !some.has_instructions());
        let all = Wanted { names: &[], threads: &[], percent: 100, programs: true };
        assert!(all.has("larson", Some(1)) && all.has("perl", None) && all.has_instructions());
    }

    #[test]
    fn unknown_names_are_told_from_known_ones() {
        assert!(["larson", "larson/8", "redis", "instructions"].iter().all(|name| is_known(name)));
        assert!(!["larson/3", "redis/1", "nothing"].iter().any(|name| is_known(name)));
        assert_eq!(threads_text(&[1, 2]), " (1, 2 threads)");
    }
}
