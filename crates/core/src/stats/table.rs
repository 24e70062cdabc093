//! The table that programs print at exit. Its layout is that of the C interface, which scripts read; what this engine
//! does not have has no row.

use super::{CountValue, Figures, Usage, bins};
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
struct Seconds(usize);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = f.width().unwrap_or(0);
        write!(f, "{:>width$}.{:03} s", self.0 / 1000, self.0 % 1000)
    }
}

/// Prints a table of the statistics of a process or a sub-process.
pub fn print(out: &mut dyn fmt::Write, figures: &Figures, usage: &Usage) -> fmt::Result {
    let mut table = Table(out);
    table.header()?;
    table.blocks(figures)?;
    table.memory(figures)?;
    table.pages(figures)?;
    table.calls(figures)?;
    table.balance("threads", figures.threads)?;
    table.searches(figures)?;
    table.name("numa nodes")?;
    writeln!(table.0, "{:>1$}", os::numa_node_count(), Amount::WIDTH - 6)?;
    table.usage(usage)
}

/// Prints a table of the blocks and pages of a heap, or of a thread.
pub fn print_part(out: &mut dyn fmt::Write, figures: &Figures) -> fmt::Result {
    let mut table = Table(out);
    table.header()?;
    table.blocks(figures)?;
    table.pages(figures)?;
    table.searches(figures)
}

/// Prints the lines about the process alone.
pub fn print_usage(out: &mut dyn fmt::Write, usage: &Usage) -> fmt::Result {
    Table(out).usage(usage)
}

struct Table<'a>(&'a mut dyn fmt::Write);

impl Table<'_> {
    fn header(&mut self) -> fmt::Result {
        write!(self.0, "{:>10}:", "heap stats")?;
        for column in ["peak", "total", "current", "block", "total#"] {
            write!(self.0, "{column:>0$}", Amount::WIDTH)?;
        }
        self.0.write_str("\n")
    }

    /// The rows of blocks, by bin and together, unless no block was ever allocated.
    fn blocks(&mut self, figures: &Figures) -> fmt::Result {
        let (normal, huge) = (figures.malloc_normal, figures.malloc_huge);
        let (normals, huges) = (figures.malloc_normal_count, figures.malloc_huge_count);
        if normals | huges | normal.current | huge.current == 0 {
            return Ok(());
        }
        for (bin, &count) in figures.malloc_bins[..bins::HUGE].iter().enumerate() {
            if count != CountValue::default() {
                self.bin(bin, count)?;
            }
        }
        self.blocks_row("binned", normal, normals)?;
        self.blocks_row("huge", huge, huges)?;
        let current = normal.current.saturating_add(huge.current);
        let all = CountValue {
            total: normal.total.saturating_add(huge.total),
            peak: current.max(normal.peak).max(huge.peak),
            current,
        };
        self.blocks_row("total", all, normals.saturating_add(huges))
    }

    /// A row of the blocks of a bin, in bytes as if each were as large as the bin allows.
    fn bin(&mut self, bin: usize, count: CountValue) -> fmt::Result {
        let size = i64::try_from(bins::block_size(bin)).unwrap_or(i64::MAX);
        let bytes = |blocks: i64| blocks.saturating_mul(size);
        let (total, peak) = (bytes(count.total), bytes(count.peak));
        let sum = CountValue { total, peak, current: bytes(count.current) };
        write!(self.0, "{:>1$}{bin:>3}:", "bin", 7)?;
        self.amounts([sum.peak, sum.total, sum.current, size], Unit::Bytes)?;
        self.amounts([count.total], Unit::Things)?;
        self.verdict(sum)
    }

    fn blocks_row(&mut self, name: &str, bytes: CountValue, blocks: i64) -> fmt::Result {
        self.columns(name, bytes, Unit::Bytes)?;
        write!(self.0, "{:1$}", "", Amount::WIDTH)?;
        self.amounts([blocks], Unit::Things)?;
        self.verdict(bytes)
    }

    fn memory(&mut self, figures: &Figures) -> fmt::Result {
        self.bytes("reserved", figures.reserved)?;
        self.bytes("committed", figures.committed)?;
        self.counter("reset", figures.reset, Unit::Bytes)?;
        self.counter("purged", figures.purged, Unit::Bytes)
    }

    fn pages(&mut self, figures: &Figures) -> fmt::Result {
        self.bytes("touched", figures.page_committed)?;
        self.balance("pages", figures.pages)?;
        self.balance("-abandoned", figures.pages_abandoned)?;
        self.things("-full", figures.pages_reabandon_full)?;
        self.things("-reclaima", figures.pages_reclaim_on_alloc)?;
        self.things("-reclaimf", figures.pages_reclaim_on_free)?;
        self.things("-extended", figures.pages_extended)?;
        self.things("-retire", figures.pages_retire)
    }

    fn calls(&mut self, figures: &Figures) -> fmt::Result {
        self.things("arenas", figures.arena_count)?;
        self.things("-rollback", figures.arena_rollback_count)?;
        self.things("mmaps", figures.mmap_calls)?;
        self.things("commits", figures.commit_calls)?;
        self.things("resets", figures.reset_calls)?;
        self.things("purges", figures.purge_calls)?;
        self.things("guarded", figures.malloc_guarded_count)
    }

    /// Pages that a search looked at, on average.
    fn searches(&mut self, figures: &Figures) -> fmt::Result {
        let (looks, searches) = (figures.page_searches, figures.page_searches_count.max(1));
        self.name("searches")?;
        let (whole, tenths) = (looks / searches, looks % searches * 10 / searches);
        writeln!(self.0, "{whole:>0$}.{tenths} avg", Amount::WIDTH - 6)
    }

    fn name(&mut self, name: &str) -> fmt::Result {
        write!(self.0, "{name:>10}:")
    }

    fn amounts<const N: usize>(&mut self, amounts: [i64; N], unit: Unit) -> fmt::Result {
        amounts
            .into_iter()
            .try_for_each(|amount| write!(self.0, "{:1$}", Amount(amount, unit), Amount::WIDTH))
    }

    fn columns(&mut self, name: &str, count: CountValue, unit: Unit) -> fmt::Result {
        self.name(name)?;
        self.amounts([count.peak, count.total, count.current], unit)
    }

    /// A row of what the process keeps to its end.
    fn bytes(&mut self, name: &str, count: CountValue) -> fmt::Result {
        self.columns(name, count, Unit::Bytes)?;
        self.0.write_str("\n")
    }

    /// A row of things that are expected to be given back.
    fn balance(&mut self, name: &str, count: CountValue) -> fmt::Result {
        self.columns(name, count, Unit::Things)?;
        // The columns between are for rows of blocks.
        write!(self.0, "{:1$}", "", 2 * Amount::WIDTH)?;
        self.verdict(count)
    }

    fn verdict(&mut self, count: CountValue) -> fmt::Result {
        writeln!(self.0, "  {}", if count.current == 0 { "ok" } else { "not all freed" })
    }

    fn things(&mut self, name: &str, counter: i64) -> fmt::Result {
        self.counter(name, counter, Unit::Things)
    }

    fn counter(&mut self, name: &str, counter: i64, unit: Unit) -> fmt::Result {
        self.name(name)?;
        writeln!(self.0, "{:1$}", Amount(counter, unit), Amount::WIDTH)
    }

    fn usage(&mut self, usage: &Usage) -> fmt::Result {
        let bytes = |bytes: usize| Amount(i64::try_from(bytes).unwrap_or(i64::MAX), Unit::Bytes);
        self.name("elapsed")?;
        writeln!(self.0, "{:1$}", Seconds(usage.elapsed_ms), Amount::WIDTH - 6)?;
        let (user, system) = (Seconds(usage.user_ms), Seconds(usage.system_ms));
        let (rss, commit) = (bytes(usage.peak_rss), bytes(usage.peak_commit));
        self.name("process")?;
        write!(self.0, " user: {user}, system: {system}, faults: {}", usage.page_faults)?;
        writeln!(self.0, ", peak rss: {rss}, peak commit: {commit}")
    }
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

    fn value(total: i64, peak: i64, current: i64) -> CountValue {
        CountValue { total, peak, current }
    }

    fn printed(print: impl FnOnce(&mut dyn fmt::Write) -> fmt::Result) -> Vec<String> {
        let mut text = String::new();
        print(&mut text).expect("a string takes all");
        text.lines().map(String::from).collect()
    }

    fn names(lines: &[String]) -> Vec<&str> {
        let names: Vec<_> = lines.iter().filter_map(|line| line.split_once(':')).collect();
        assert!(names.iter().all(|name| name.0.len() == 10), "{names:?}");
        names.iter().map(|name| name.0.trim_start()).collect()
    }

    #[test]
    fn the_table_has_the_rows_of_the_interface() {
        let mut figures = Figures::new();
        figures.reserved = value(1 << 30, 1 << 30, 1 << 30);
        figures.pages = value(3, 3, 1);
        figures.page_searches = 10;
        figures.page_searches_count = 4;
        let usage = Usage { elapsed_ms: 1234, peak_commit: 1 << 30, ..Usage::default() };
        let lines = printed(|out| print(out, &figures, &usage));
        let expected = "heap stats,reserved,committed,reset,purged,touched,pages,-abandoned,-full,-reclaima,\
            -reclaimf,-extended,-retire,arenas,-rollback,mmaps,commits,resets,purges,guarded,threads,\
            searches,numa nodes,elapsed,process";
        assert_eq!(names(&lines), expected.split(',').collect::<Vec<_>>());
        assert_eq!(
            lines[0],
            "heap stats:        peak       total     current       block      total#"
        );
        assert_eq!(lines[1], "  reserved:     1.0 GiB     1.0 GiB     1.0 GiB");
        assert!(lines[6].ends_with("not all freed") && lines[20].ends_with("  ok"));
        assert_eq!(lines[21], "  searches:     2.5 avg");
        assert_eq!(lines[23], "   elapsed:     1.234 s");
        assert_eq!(
            lines[24],
            "   process: user: 0.000 s, system: 0.000 s, faults: 0, peak rss: 0, peak commit: 1.0 GiB"
        );
        assert_eq!(printed(|out| print_usage(out, &usage)), lines[23..]);
    }

    #[test]
    fn blocks_have_rows_by_bin_and_together() {
        let mut figures = Figures::new();
        figures.malloc_bins[8] = value(2000, 16, 8);
        figures.malloc_bins[9] = value(1, 1, 0);
        figures.malloc_bins[bins::HUGE] = value(3, 2, 0);
        (figures.malloc_normal, figures.malloc_normal_count) = (value(128_080, 1024, 512), 2001);
        (figures.malloc_huge, figures.malloc_huge_count) = (value(3 << 20, 2 << 20, 0), 3);
        let lines = printed(|out| print_part(out, &figures));
        let expected = "heap stats,bin  8,bin  9,binned,huge,total,touched,pages,-abandoned,-full,-reclaima,-reclaimf,-extended,\
            -retire,searches";
        assert_eq!(names(&lines), expected.split(',').collect::<Vec<_>>());
        let expected = [
            "    bin  8:     1.0 KiB   125.0 KiB   512   B      64   B       2.0 K    not all freed",
            "    bin  9:    80   B      80   B       0          80   B       1        ok",
            "    binned:     1.0 KiB   125.0 KiB   512   B                   2.0 K    not all freed",
            "      huge:     2.0 MiB     3.0 MiB     0                       3        ok",
            "     total:     2.0 MiB     3.1 MiB   512   B                   2.0 K    not all freed",
        ];
        assert_eq!(lines[1..6], expected);
    }
}
