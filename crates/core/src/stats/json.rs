//! The statistics as JSON. Keys, their order and their version are those of the C interface.

use super::figures::{Figures, VERSION, Value};
use super::{CountValue, Usage, bins};
use crate::config::{INTERFACE_VERSION, MEDIUM_BLOCK_MAX, SLICE_SIZE};
use crate::size_class;
use core::fmt::{self, Write};

/// Writes statistics as one JSON object. Nothing but numbers and names without special characters is in it.
pub fn json(out: &mut dyn Write, figures: &Figures, usage: &Usage) -> fmt::Result {
    writeln!(out, "{{\n  \"stat_version\": {VERSION},")?;
    writeln!(out, "  \"mimalloc_version\": {INTERFACE_VERSION},")?;
    process(out, usage)?;
    let mut result = Ok(());
    figures.visit(&mut |name, value| {
        let member = match value {
            Value::Count(count) => writeln!(out, "  \"{name}\": {{ {} }},", Count(count)),
            Value::Counter(counter) => writeln!(out, "  \"{name}\": {counter},"),
        };
        result = result.and(member);
    });
    result?;
    array(out, "malloc_bins", &figures.malloc_bins)?;
    out.write_str(",\n")?;
    array(out, "page_bins", &figures.page_bins)?;
    out.write_str("\n}\n")
}

fn process(out: &mut dyn Write, usage: &Usage) -> fmt::Result {
    let Usage { elapsed_ms, user_ms, system_ms, page_faults, .. } = usage;
    let Usage { current_rss, peak_rss, current_commit, peak_commit, .. } = usage;
    writeln!(out, "  \"process\": {{")?;
    writeln!(out, "    \"elapsed_msecs\": {elapsed_ms},")?;
    writeln!(out, "    \"user_msecs\": {user_ms},")?;
    writeln!(out, "    \"system_msecs\": {system_ms},")?;
    writeln!(out, "    \"page_faults\": {page_faults},")?;
    writeln!(out, "    \"rss_current\": {current_rss},")?;
    writeln!(out, "    \"rss_peak\": {peak_rss},")?;
    writeln!(out, "    \"commit_current\": {current_commit},")?;
    writeln!(out, "    \"commit_peak\": {peak_commit}")?;
    writeln!(out, "  }},")
}

/// The members of a count.
struct Count(CountValue);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CountValue { total, peak, current } = self.0;
        write!(f, "\"total\": {total}, \"peak\": {peak}, \"current\": {current}")
    }
}

fn array(out: &mut dyn Write, name: &str, counts: &[CountValue; bins::COUNT]) -> fmt::Result {
    write!(out, "  \"{name}\": [")?;
    for (bin, &count) in counts.iter().enumerate() {
        let separator = if bin == 0 { "" } else { "," };
        write!(out, "{separator}\n    {{ {}, ", Count(count))?;
        let (block, page) = (bins::block_size(bin), page_size(bin));
        write!(out, "\"block_size\": {block}, \"page_size\": {page} }}")?;
    }
    out.write_str("\n  ]")
}

/// Bytes of the pages whose blocks are reported in `bin`; 0 where each block has a page of its own.
fn page_size(bin: usize) -> usize {
    let size = bins::block_size(bin);
    if size > MEDIUM_BLOCK_MAX {
        return 0;
    }
    size_class::page_slices(size_class::bin_of(size)) * SLICE_SIZE
}

/// Text in memory of the caller, a string of C at any time, and cut where the memory ends.
pub struct Cut<'a> {
    bytes: &'a mut [u8],
    len: usize,
}

impl<'a> Cut<'a> {
    /// An empty text. Memory of no bytes takes none.
    pub fn new(bytes: &'a mut [u8]) -> Self {
        if let Some(first) = bytes.first_mut() {
            *first = 0;
        }
        Self { bytes, len: 0 }
    }

    /// Bytes that `write` writes, without the NUL that ends them.
    pub fn measure(write: impl FnOnce(&mut dyn Write) -> fmt::Result) -> usize {
        let mut text = Self::new(&mut []);
        // Nothing that writes here fails.
        _ = write(&mut text);
        text.len
    }
}

impl Write for Cut<'_> {
    /// Takes as much as there is room for, and counts all.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.bytes.len().saturating_sub(self.len + 1).min(text.len());
        if let Some(place) = self.bytes.get_mut(self.len..self.len + room)
            && room > 0
        {
            place.copy_from_slice(&text.as_bytes()[..room]);
            self.bytes[self.len + room] = 0;
        }
        self.len += text.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    fn written(bytes: &mut [u8], texts: &[&str]) -> usize {
        let mut cut = Cut::new(bytes);
        texts.iter().for_each(|text| cut.write_str(text).expect("never fails"));
        cut.len
    }

    #[test]
    fn text_is_cut_and_ends_with_a_nul() {
        let mut bytes = [b'x'; 6];
        assert_eq!(written(&mut bytes, &["ab", "cd"]), 4);
        assert_eq!(&bytes, b"abcd\0x");
        assert_eq!(written(&mut bytes, &["abc", "defg", "h"]), 8);
        assert_eq!(&bytes, b"abcde\0");
        assert_eq!(written(&mut bytes, &["abcdef"]), 6);
        assert_eq!(&bytes, b"abcde\0");
        assert_eq!(written(&mut bytes, &[]), 0);
        assert_eq!(bytes[0], 0);
        assert_eq!(written(&mut bytes[..1], &["abc"]), 3);
        assert_eq!(bytes[0], 0);
        assert_eq!(Cut::measure(|out| out.write_str("abc")), 3);
    }

    #[test]
    fn keys_come_in_the_order_of_the_interface() {
        let mut figures = Figures::new();
        figures.malloc_bins[8] = CountValue { total: 9, peak: 8, current: 7 };
        let usage = Usage { peak_commit: 77, ..Usage::default() };
        let mut text = String::new();
        json(&mut text, &figures, &usage).expect("a string takes all");
        let keys: Vec<_> = text.split('"').skip(1).step_by(2).collect();
        let start = "stat_version mimalloc_version process elapsed_msecs user_msecs system_msecs page_faults \
            rss_current rss_peak commit_current commit_peak pages total peak current reserved";
        let start: Vec<_> = start.split_whitespace().collect();
        assert_eq!(keys[..start.len()], start);
        let bins = "total peak current block_size page_size".split(' ').cycle().take(74 * 5);
        let end: Vec<_> = bins.collect();
        assert_eq!(keys[keys.len() - end.len()..], end);
        assert_eq!(keys[keys.len() - end.len() - 1], "page_bins");
        assert!(text.contains("\"commit_peak\": 77\n"));
        assert!(text.contains(
            "{ \"total\": 9, \"peak\": 8, \"current\": 7, \"block_size\": 64, \"page_size\": 65536 }"
        ));
        assert!(text.contains("\"block_size\": 524296, \"page_size\": 0 }\n  ]"));
        assert_eq!(Cut::measure(|out| json(out, &figures, &usage)), text.len());
    }
}
