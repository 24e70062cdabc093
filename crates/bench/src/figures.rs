//! What a run took, as the launcher writes it and the bench reads it.

use core::fmt;

use serde::{Deserialize, Serialize};

/// What one run of a program took, its descendants that were waited for included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Row", into = "Row")]
pub struct Figures {
    /// Seconds from the start to the end.
    pub wall: f64,
    /// Seconds of processor time in the program.
    pub user: f64,
    /// Seconds of processor time in the system.
    pub system: f64,
    /// The largest resident set of one process, in KiB.
    pub rss: u64,
    /// Page faults that needed no disk.
    pub minor: u64,
    /// Page faults that did.
    pub major: u64,
}

/// How records hold them: there are thousands, and names would be most of it.
type Row = (f64, f64, f64, u64, u64, u64);

impl From<Row> for Figures {
    fn from((wall, user, system, rss, minor, major): Row) -> Self {
        Self { wall, user, system, rss, minor, major }
    }
}

impl From<Figures> for Row {
    fn from(it: Figures) -> Self {
        (it.wall, it.user, it.system, it.rss, it.minor, it.major)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { wall, user, system, rss, minor, major } = self;
        write!(f, "{wall:.5} {user:.5} {system:.5} {rss} {minor} {major}")
    }
}

impl core::str::FromStr for Figures {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [wall, user, system, rss, minor, major] = words[..] else {
            return Err(format!("not six figures: {text:?}"));
        };
        let seconds = |word: &str| word.parse::<f64>().map_err(|error| format!("{word}: {error}"));
        let count = |word: &str| word.parse::<u64>().map_err(|error| format!("{word}: {error}"));
        Ok(Self {
            wall: seconds(wall)?,
            user: seconds(user)?,
            system: seconds(system)?,
            rss: count(rss)?,
            minor: count(minor)?,
            major: count(major)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Figures;

    #[test]
    fn figures_survive_being_written() {
        let figures =
            Figures { wall: 1.25, user: 0.1, system: 0.003, rss: 1 << 40, minor: 7, major: 0 };
        assert_eq!(figures.to_string().parse(), Ok(figures));
        assert!("1 2 3".parse::<Figures>().is_err());
        assert!("1 2 3 4 5 x".parse::<Figures>().is_err());
    }
}
