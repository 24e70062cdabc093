//! Medians, spreads, ratios and means of a record.

use std::collections::BTreeMap;

use rimalloc_bench::figures::Figures;

use crate::allocators::{Allocator, OURS};
use crate::record::{Cell, Record, Results};

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Wall time.
    Time,
    /// User and system time together.
    Processor,
    Memory,
}

impl Measure {
    pub(crate) const ALL: [Self; 3] = [Self::Time, Self::Processor, Self::Memory];

    pub(crate) fn of(self, run: &Figures) -> f64 {
        match self {
            Self::Time => run.wall,
            Self::Processor => run.user + run.system,
            Self::Memory => count(run.rss) / 1024.0,
        }
    }

    /// In a sentence.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Processor => "processor time",
            Self::Memory => "peak RSS",
        }
    }

    /// In a heading.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Time => "Time",
            Self::Processor => "Processor time",
            Self::Memory => "Peak RSS",
        }
    }

    /// In the name of a file.
    pub(crate) const fn file_name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Processor => "processor",
            Self::Memory => "memory",
        }
    }
}

/// Counts are far below what a double holds exactly.
pub(crate) fn count(number: u64) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

/// The middle value, or the mean of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

/// The geometric mean; `None` of nothing.
pub(crate) fn geometric_mean(values: &[f64]) -> Option<f64> {
    let logarithms: f64 = values.iter().map(|value| value.ln()).sum();
    let number = u32::try_from(values.len()).ok().filter(|&number| number > 0)?;
    Some((logarithms / f64::from(number)).exp())
}

impl Results {
    pub(crate) fn median(&self, measure: Measure) -> Option<f64> {
        if self.failure.is_some() {
            return None;
        }
        median(self.runs.iter().map(|run| measure.of(run)).collect())
    }

    /// The median distance from the median, as a part of it.
    pub(crate) fn spread(&self, measure: Measure) -> Option<f64> {
        let middle = self.median(measure)?;
        let distances = self.runs.iter().map(|run| (measure.of(run) - middle).abs()).collect();
        Some(median(distances)? / middle)
    }
}

impl Cell {
    pub(crate) fn results(&self, allocator: &str) -> Option<&Results> {
        self.results.iter().find(|results| results.allocator == allocator)
    }

    pub(crate) fn median(&self, allocator: &str, measure: Measure) -> Option<f64> {
        self.results(allocator)?.median(measure)
    }

    /// Whether calls are timed in it, which slows it down.
    pub(crate) fn is_clocked(&self) -> bool {
        self.results.iter().any(|results| !results.latencies.is_empty())
    }

    /// The peer with the lowest median, and that.
    pub(crate) fn best_peer(&self, measure: Measure) -> Option<(&str, f64)> {
        self.results
            .iter()
            .filter(|results| !Allocator::is_own(&results.allocator))
            .filter_map(|results| Some((results.allocator.as_str(), results.median(measure)?)))
            .min_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// Ours as a multiple of the best peer's.
    pub(crate) fn ratio_to_best(&self, measure: Measure) -> Option<f64> {
        Some(self.median(OURS, measure)? / self.best_peer(measure)?.1)
    }
}

impl Record {
    /// The cells whose time and memory count: all but those with a clock in them.
    pub(crate) fn counted(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(|cell| !cell.is_clocked())
    }

    /// The geometric means of each allocator's medians as multiples of ours, over the cells that both
    /// finished, and the number of those cells.
    pub(crate) fn means(&self, measure: Measure) -> BTreeMap<&str, (f64, usize)> {
        let mut means = BTreeMap::new();
        for participant in &self.allocators {
            let ratios: Vec<f64> = self
                .counted()
                .filter_map(|cell| {
                    Some(cell.median(&participant.name, measure)? / cell.median(OURS, measure)?)
                })
                .collect();
            if let Some(mean) = geometric_mean(&ratios) {
                means.insert(participant.name.as_str(), (mean, ratios.len()));
            }
        }
        means
    }

    /// The geometric mean of the best peer of each cell, as a multiple of ours.
    pub(crate) fn mean_of_best(&self, measure: Measure) -> Option<f64> {
        let ratios = self.counted().filter_map(|cell| cell.ratio_to_best(measure));
        geometric_mean(&ratios.map(f64::recip).collect::<Vec<_>>())
    }

    /// The cells in which we are behind the best peer by more than `factor`, worst first.
    pub(crate) fn losses(&self, measure: Measure, factor: f64) -> Vec<(&Cell, f64)> {
        let mut losses: Vec<_> = self
            .counted()
            .filter_map(|cell| Some((cell, cell.ratio_to_best(measure)?)))
            .filter(|(_, ratio)| *ratio > factor)
            .collect();
        losses.sort_by(|a, b| b.1.total_cmp(&a.1));
        losses
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rimalloc_bench::workloads::Latencies;

    fn results(allocator: &str, walls: &[f64]) -> Results {
        let run = |&wall: &f64| Figures { wall, rss: 2048, ..Figures::default() };
        let runs = walls.iter().map(run).collect();
        Results { allocator: allocator.into(), runs, ..Results::default() }
    }

    #[test]
    fn medians_spreads_and_means() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
        assert_eq!(geometric_mean(&[]), None);
        let mean = geometric_mean(&[2.0, 8.0]).expect("two values");
        assert!((mean - 4.0).abs() < 1e-9);
        let spread = results("a", &[1.0, 2.0, 4.0]).spread(Measure::Time);
        assert_eq!(spread, Some(0.5));
    }

    #[test]
    fn the_best_peer_is_not_ours_and_not_one_that_failed() {
        let mut broken = results("c", &[0.1]);
        broken.failure = Some("exit 1".into());
        let cells = vec![results(OURS, &[1.0]), results("a", &[3.0]), results("b", &[2.0]), broken];
        let mut cell = Cell { name: "x".into(), results: cells };
        assert_eq!(cell.best_peer(Measure::Time), Some(("b", 2.0)));
        assert_eq!(cell.ratio_to_best(Measure::Time), Some(0.5));
        assert_eq!(cell.median("c", Measure::Time), None);
        assert_eq!(cell.median("a", Measure::Memory), Some(2.0));
        assert!(!cell.is_clocked());
        cell.results[0].latencies.push(Latencies::default());
        assert!(cell.is_clocked());
    }
}
