//! The table that programs print at exit. Its layout is that of the C interface, which scripts read; what this engine
//! does not count has no row.

use super::{CountValue, STATS, Stats, elapsed_ms};
use crate::os;
use core::fmt;

/// What an [`Amount`] counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Bytes, in powers of 1024.
    Bytes,
    /// Things, in powers of 1000.
    Things,
}

/// A number in print: whole while it is small, else with one decimal and a unit. A padded width is respected.
#[derive(Clone, Copy)]
pub struct Amount(pub i64, pub Unit);

impl Amount {
    /// Width of a column of the table.
    const WIDTH: usize = 12;

    /// The number without its unit as whole part and, if it was divided, tenths; and the unit.
    fn parts(self) -> (i64, Option<i64>, &'static str) {
        let (base, names) = match self.1 {
            Unit::Bytes => (1024, ["B", "KiB", "MiB", "GiB"]),
            Unit::Things => (1000, ["", "K", "M", "G"]),
        };
        let mut divisor = 1;
        let mut name = 0;
        while self.0 / divisor >= base && name < names.len() - 1 {
            divisor *= base;
            name += 1;
        }
        match (self.0, name) {
            (0, _) => (0, None, ""),
            (_, 0) => (self.0, None, names[0]),
            // The remainder is below the divisor, so that ten times as much is in range.
            _ => (self.0 / divisor, Some(self.0 % divisor * 10 / divisor), names[name]),
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, tenths, unit) = self.parts();
        // Columns align at the decimal point: a number without one leaves its place free, and units fill three places.
        match (f.width(), tenths) {
            (Some(width), Some(tenths)) => {
                write!(f, "{whole:>0$}.{tenths} {unit:<3}", width.saturating_sub(6))
            }
            (Some(width), None) => write!(f, "{whole:>0$}   {unit:<3}", width.saturating_sub(6)),
            (None, Some(tenths)) => write!(f, "{whole}.{tenths} {unit}"),
            (None, None) if unit.is_empty() => write!(f, "{whole}"),
            (None, None) => write!(f, "{whole} {unit}"),
        }
    }
}

/// Milliseconds printed as seconds. A width is that of the whole part.
struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = f.width().unwrap_or(0);
        write!(f, "{:>width$}.{:03} s", self.0 / 1000, self.0 % 1000)
    }
}

/// Prints the statistics of the process.
pub fn print(out: &mut dyn fmt::Write) -> fmt::Result {
    Table(out).print(&STATS)
}

struct Table<'a>(&'a mut dyn fmt::Write);

impl Table<'_> {
    fn print(&mut self, stats: &Stats) -> fmt::Result {
        self.header()?;
        self.bytes("reserved", stats.reserved.get())?;
        self.bytes("committed", stats.committed.get())?;
        self.counter("reset", stats.reset.get(), Unit::Bytes)?;
        self.counter("purged", stats.purged.get(), Unit::Bytes)?;
        self.balance("pages", stats.pages.get(), Unit::Things)?;
        self.things("-reclaima", stats.pages_reclaim_on_alloc.get())?;
        self.things("-reclaimf", stats.pages_reclaim_on_free.get())?;
        self.things("-extended", stats.pages_extended.get())?;
        self.things("-retire", stats.pages_retire.get())?;
        self.things("arenas", stats.arena_count.get())?;
        self.things("mmaps", stats.mmap_calls.get())?;
        self.things("commits", stats.commit_calls.get())?;
        self.things("resets", stats.reset_calls.get())?;
        self.things("purges", stats.purge_calls.get())?;
        self.balance("threads", stats.threads.get(), Unit::Things)?;
        self.process(stats)
    }

    fn header(&mut self) -> fmt::Result {
        write!(self.0, "{:>10}:", "heap stats")?;
        for column in ["peak", "total", "current", "block", "total#"] {
            write!(self.0, "{column:>0$}", Amount::WIDTH)?;
        }
        self.0.write_str("\n")
    }

    fn name(&mut self, name: &str) -> fmt::Result {
        write!(self.0, "{name:>10}:")
    }

    fn columns(&mut self, name: &str, count: CountValue, unit: Unit) -> fmt::Result {
        self.name(name)?;
        for amount in [count.peak, count.total, count.current] {
            write!(self.0, "{:1$}", Amount(amount, unit), Amount::WIDTH)?;
        }
        Ok(())
    }

    /// A row of what the process keeps to its end.
    fn bytes(&mut self, name: &str, count: CountValue) -> fmt::Result {
        self.columns(name, count, Unit::Bytes)?;
        self.0.write_str("\n")
    }

    /// A row of what is expected to be given back.
    fn balance(&mut self, name: &str, count: CountValue, unit: Unit) -> fmt::Result {
        self.columns(name, count, unit)?;
        let verdict = if count.current == 0 { "ok" } else { "not all freed" };
        // The columns between are for rows of blocks.
        writeln!(self.0, "{:1$}  {verdict}", "", 2 * Amount::WIDTH)
    }

    fn things(&mut self, name: &str, counter: i64) -> fmt::Result {
        self.counter(name, counter, Unit::Things)
    }

    fn counter(&mut self, name: &str, counter: i64, unit: Unit) -> fmt::Result {
        self.name(name)?;
        writeln!(self.0, "{:1$}", Amount(counter, unit), Amount::WIDTH)
    }

    fn process(&mut self, stats: &Stats) -> fmt::Result {
        self.name("numa nodes")?;
        writeln!(self.0, "{:>1$}", os::numa_node_count(), Amount::WIDTH - 6)?;
        self.name("elapsed")?;
        writeln!(self.0, "{:1$}", Seconds(elapsed_ms()), Amount::WIDTH - 6)?;
        let info = os::process_info();
        let (user, system) = (Seconds(wide(info.user_ms)), Seconds(wide(info.system_ms)));
        let rss = Amount(wide(info.peak_rss).cast_signed(), Unit::Bytes);
        let commit = Amount(stats.committed.get().peak, Unit::Bytes);
        self.name("process")?;
        write!(self.0, " user: {user}, system: {system}, faults: {}", info.page_faults)?;
        writeln!(self.0, ", peak rss: {rss}, peak commit: {commit}")
    }
}

/// Numbers of the system come in several widths.
fn wide(number: impl TryInto<u64>) -> u64 {
    number.try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::format;
    use std::string::String;
    use std::vec::Vec;

    fn bytes(number: i64) -> String {
        format!("{}", Amount(number, Unit::Bytes))
    }

    fn things(number: i64) -> String {
        format!("{}", Amount(number, Unit::Things))
    }

    #[test]
    fn amounts_of_bytes() {
        for (number, text) in [
            (0, "0"),
            (1, "1 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1075, "1.0 KiB"),
            (1127, "1.1 KiB"),
            (1536, "1.5 KiB"),
            ((1 << 20) - 1, "1023.9 KiB"),
            (1 << 20, "1.0 MiB"),
            (1 << 30, "1.0 GiB"),
            (5 << 40, "5120.0 GiB"),
            (i64::MAX, "8589934591.9 GiB"),
        ] {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn amounts_of_things() {
        for (number, text) in [
            (0, "0"),
            (7, "7"),
            (999, "999"),
            (1000, "1.0 K"),
            (1999, "1.9 K"),
            (1_000_000, "1.0 M"),
            (2_550_000_000, "2.5 G"),
        ] {
            assert_eq!(things(number), text);
        }
    }

    #[test]
    fn columns_align() {
        for number in [0, 5, 999, 1000, 1024, 123_456_789, 1 << 40] {
            for unit in [Unit::Bytes, Unit::Things] {
                assert_eq!(format!("{:12}", Amount(number, unit)).len(), 12, "{number}");
            }
        }
        assert_eq!(format!("{:12}", Amount(1536, Unit::Bytes)), "     1.5 KiB");
        assert_eq!(format!("{:12}", Amount(12, Unit::Bytes)), "    12   B  ");
    }

    #[test]
    fn the_table_has_the_rows_of_the_interface() {
        let stats = Stats::new();
        stats.reserved.increase(1 << 30);
        stats.committed.increase(1 << 30);
        stats.pages.increase(3);
        stats.pages.decrease(2);
        let mut text = String::new();
        Table(&mut text).print(&stats).expect("a string takes all");
        let names: Vec<_> =
            text.lines().filter_map(|line| line.split_once(':')).map(|row| row.0).collect();
        assert!(names.iter().all(|name| name.len() == 10));
        let expected = "heap stats,reserved,committed,reset,purged,pages,-reclaima,-reclaimf,-extended,-retire,\
            arenas,mmaps,commits,resets,purges,threads,numa nodes,elapsed,process";
        assert!(names.iter().map(|name| name.trim_start()).eq(expected.split(',')), "{names:?}");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[0],
            "heap stats:        peak       total     current       block      total#"
        );
        assert_eq!(lines[1], "  reserved:     1.0 GiB     1.0 GiB     1.0 GiB");
        assert!(lines[5].ends_with("not all freed") && lines[15].ends_with("  ok"));
        assert!(
            lines[18].starts_with("   process: user: ")
                && lines[18].contains(", peak commit: 1.0 GiB")
        );
        assert!(lines[17].ends_with(" s"));
    }
}
