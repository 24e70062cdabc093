//! The grammar of option values and of environment entries. Pure functions over bytes.

use super::table::{Kind, Opt};
use crate::config::REQUEST_MAX;

/// Bytes of a value that are looked at; the rest is ignored.
pub(super) const VALUE_MAX: usize = 64;

/// Most KiB that a size can say: no larger request can be served.
const KIB_MAX: u64 = REQUEST_MAX as u64 / 1024;

/// Under which name an entry of the environment names an option. A later one here overrides an earlier one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Name {
    /// Nothing names it.
    Absent,
    /// `MIMALLOC_` and a name of earlier versions.
    Legacy,
    /// `MIMALLOC_` and its name.
    Shared,
    /// `RIMALLOC_` and its name.
    Own,
}

/// An entry that bears one of our prefixes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Entry<'a> {
    /// It names an option and gives it this text.
    Value(Opt, Name, &'a [u8]),
    /// It bears the prefix that only we use, and names nothing.
    Unknown(&'a [u8]),
    /// It is not about options.
    Foreign,
}

/// Reads `NAME=value`.
pub(super) fn entry(entry: &[u8]) -> Entry<'_> {
    let Some((own, rest)) = strip_prefix(entry) else { return Entry::Foreign };
    let Some(end) = rest.iter().position(|&byte| byte == b'=') else { return Entry::Foreign };
    let (name, value) = (&rest[..end], &rest[end + 1..]);
    match (Opt::from_name(name), own) {
        (Some(opt), true) => Entry::Value(opt, Name::Own, value),
        (Some(opt), false) => Entry::Value(opt, Name::Shared, value),
        (None, true) => Entry::Unknown(name),
        (None, false) => match Opt::from_legacy_name(name) {
            Some(opt) => Entry::Value(opt, Name::Legacy, value),
            None => Entry::Foreign,
        },
    }
}

/// Cuts our prefix off, and says whether it is the one that only we use. Almost every entry of an environment fails
/// the test of its second byte, which keeps the pass over all of them cheap.
fn strip_prefix(entry: &[u8]) -> Option<(bool, &[u8])> {
    if !entry.get(1)?.eq_ignore_ascii_case(&b'i') {
        return None;
    }
    let (prefix, rest) = entry.split_at_checked(b"RIMALLOC_".len())?;
    if prefix.eq_ignore_ascii_case(b"RIMALLOC_") {
        Some((true, rest))
    } else if prefix.eq_ignore_ascii_case(b"MIMALLOC_") {
        Some((false, rest))
    } else {
        None
    }
}

/// Reads the text of a value, or answers `None` when it is malformed.
///
/// Words (`TRUE`, `YES`, `ON`, `FALSE`, `NO`, `OFF`, in any case) and the texts ``, `1` and `0` mean 1 and 0 for every
/// option, before any unit: a size of `1` is one KiB, one of `2` is two bytes, rounded up.
pub(super) fn value(text: &[u8], kind: Kind) -> Option<i64> {
    let text = &text[..text.len().min(VALUE_MAX)];
    let is = |words: [&[u8]; 4]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if text.is_empty() || is([b"1", b"TRUE", b"YES", b"ON"]) {
        return Some(1);
    }
    if is([b"0", b"FALSE", b"NO", b"OFF"]) {
        return Some(0);
    }
    let number = |text| decimal(text).filter(|(_, rest)| rest.is_empty()).map(|(number, _)| number);
    match kind {
        Kind::KiB => decimal(text).and_then(|(number, rest)| Some(in_kib(number, shift_of(rest)?))),
        Kind::Switch | Kind::Number => number(text),
        Kind::Policy => policy(text),
    }
}

/// Reads what follows a mistake.
fn policy(text: &[u8]) -> Option<i64> {
    let is = |word: &[u8]| text.eq_ignore_ascii_case(word);
    match text {
        _ if is(b"WARN") => Some(1),
        _ if is(b"2") || is(b"ABORT") => Some(2),
        _ => None,
    }
}

/// Reads blanks, a sign and digits, and gives what follows them. Numbers out of range saturate.
fn decimal(text: &[u8]) -> Option<(i64, &[u8])> {
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t'..=b'\r')).count();
    let text = &text[blanks..];
    let (negative, digits) = match text.first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 {
        return None;
    }
    let number = digits[..count].iter().fold(0i64, |sum, byte| {
        // Summing with the sign lets the smallest number be reached without overflow.
        let digit = i64::from(byte - b'0');
        sum.saturating_mul(10).saturating_add(if negative { -digit } else { digit })
    });
    Some((number, &digits[count..]))
}

/// The power of two, in bytes, that a size suffix stands for; none stands for bytes.
fn shift_of(suffix: &[u8]) -> Option<u32> {
    let Some((unit, tail)) = suffix.split_first() else { return Some(0) };
    let shift = match unit.to_ascii_uppercase() {
        b'K' => 10,
        b'M' => 20,
        b'G' => 30,
        b'T' => 40,
        _ => return None,
    };
    let complete =
        tail.is_empty() || tail.eq_ignore_ascii_case(b"B") || tail.eq_ignore_ascii_case(b"IB");
    complete.then_some(shift)
}

/// KiB that hold `number` units of `1 << shift` bytes, within what a request can be. Negative sizes are none.
fn in_kib(number: i64, shift: u32) -> i64 {
    let number = u64::try_from(number).unwrap_or(0);
    let kib = match shift.checked_sub(10) {
        Some(shift) => number.saturating_mul(1 << shift),
        None => number.div_ceil(1024),
    };
    kib.min(KIB_MAX).cast_signed()
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::{format, string::String};

    fn number(text: &str) -> Option<i64> {
        value(text.as_bytes(), Kind::Number)
    }

    fn size(text: &str) -> Option<i64> {
        value(text.as_bytes(), Kind::KiB)
    }

    #[test]
    fn words_mean_one_and_zero_for_every_kind() {
        for kind in [Kind::Switch, Kind::Number, Kind::KiB, Kind::Policy] {
            for word in ["", "1", "TRUE", "YES", "ON", "true", "yes", "on", "True", "yEs", "oN"] {
                assert_eq!(value(word.as_bytes(), kind), Some(1), "{word:?}");
            }
            for word in ["0", "FALSE", "NO", "OFF", "false", "no", "off", "False", "nO", "oFf"] {
                assert_eq!(value(word.as_bytes(), kind), Some(0), "{word:?}");
            }
        }
    }

    #[test]
    fn policies_have_words_of_their_own() {
        let policy = |text: &str| value(text.as_bytes(), Kind::Policy);
        for (text, expected) in [("off", 0), ("warn", 1), ("Warn", 1), ("abort", 2), ("2", 2)] {
            assert_eq!(policy(text), Some(expected), "{text}");
        }
        for text in ["3", "-1", "abor", "aborts", " 2", "warn,abort"] {
            assert_eq!(policy(text), None, "{text}");
        }
        assert_eq!(number("abort"), None);
    }

    #[test]
    fn fragments_of_words_are_malformed() {
        for text in
            ["E", "RU", ";", "O", "TRUE ", " TRUE", "Y", "N", "T", "F", "YESNO", "1;", "TRUE;YES"]
        {
            assert_eq!(number(text), None, "{text:?}");
        }
    }

    #[test]
    fn numbers_are_decimal_and_consumed_whole() {
        for (text, expected) in
            [("2", 2), ("-1", -1), ("+7", 7), ("007", 7), ("00", 0), ("-0", 0), ("01", 1)]
        {
            assert_eq!(number(text), Some(expected), "{text:?}");
        }
        for text in
            ["0x10", "1e3", "1.5", "12a", "5 ", "-", "+", "--1", "+-1", " ", "- 1", "4K", "٣"]
        {
            assert_eq!(number(text), None, "{text:?}");
        }
    }

    #[test]
    fn leading_blanks_are_skipped() {
        assert_eq!(number(" 5"), Some(5));
        assert_eq!(number("\t\n\x0b\x0c\r -5"), Some(-5));
        assert_eq!(number("\x08 5"), None);
        // A blank makes it a number and no word, so that this is one byte.
        assert_eq!(size(" 1"), Some(1));
        assert_eq!(size(" 4M"), Some(4096));
    }

    #[test]
    fn numbers_out_of_range_saturate() {
        assert_eq!(number("9223372036854775807"), Some(i64::MAX));
        assert_eq!(number("9223372036854775808"), Some(i64::MAX));
        assert_eq!(number("-9223372036854775808"), Some(i64::MIN));
        assert_eq!(number("-99999999999999999999999999"), Some(i64::MIN));
        assert_eq!(number("99999999999999999999999999"), Some(i64::MAX));
    }

    #[test]
    fn sizes_take_suffixes_in_any_case() {
        for (unit, kib) in [("k", 1i64), ("m", 1 << 10), ("g", 1 << 20), ("t", 1 << 30)] {
            for tail in ["", "b", "ib", "B", "iB", "IB"] {
                for unit in [String::from(unit), unit.to_uppercase()] {
                    let text = format!("3{unit}{tail}");
                    assert_eq!(size(&text), Some(3 * kib), "{text}");
                }
            }
        }
    }

    #[test]
    fn sizes_refuse_other_suffixes() {
        for text in
            ["4Ki", "4P", "4KK", "4KBB", "4 K", "4K ", "4IB", "4E", "K", "KB", "4Kb1", "4M4"]
        {
            assert_eq!(size(text), None, "{text:?}");
        }
    }

    #[test]
    fn sizes_without_suffix_are_bytes_rounded_up() {
        for (text, kib) in [
            ("2", 1),
            ("1023", 1),
            ("1024", 1),
            ("1025", 2),
            ("2048", 2),
            ("2049", 3),
            ("1048576", 1024),
        ] {
            assert_eq!(size(text), Some(kib), "{text}");
        }
    }

    #[test]
    fn negative_sizes_are_none() {
        assert_eq!(size("-1"), Some(0));
        assert_eq!(size("-5G"), Some(0));
        assert_eq!(size("-9223372036854775808"), Some(0));
    }

    #[test]
    fn sizes_stay_within_what_a_request_can_be() {
        let most = KIB_MAX.cast_signed();
        assert_eq!(size("9223372036854775807T"), Some(most));
        assert_eq!(size("99999999999999999999"), Some((i64::MAX / 1024 + 1).min(most)));
        assert_eq!(size("9007199254740992K"), Some(most));
        assert_eq!(size("8589934592T"), Some(most));
    }

    #[test]
    fn values_are_cut_after_their_maximum() {
        let zeros = "0".repeat(VALUE_MAX - 1);
        assert_eq!(number(&format!("{zeros}7")), Some(7));
        assert_eq!(number(&format!("{zeros}7x")), Some(7));
        assert_eq!(number(&format!("{zeros}x")), None);
    }

    #[test]
    fn entries_are_told_apart() {
        assert_eq!(entry(b"MIMALLOC_VERBOSE=2"), Entry::Value(Opt::Verbose, Name::Shared, b"2"));
        assert_eq!(
            entry(b"mimalloc_Purge_Delay="),
            Entry::Value(Opt::PurgeDelay, Name::Shared, b"")
        );
        assert_eq!(
            entry(b"RIMALLOC_purge_delay=5=6"),
            Entry::Value(Opt::PurgeDelay, Name::Own, b"5=6")
        );
        assert_eq!(
            entry(b"MIMALLOC_RESET_DELAY=3"),
            Entry::Value(Opt::PurgeDelay, Name::Legacy, b"3")
        );
        assert_eq!(entry(b"RIMALLOC_RESET_DELAY=3"), Entry::Unknown(b"RESET_DELAY"));
        assert_eq!(entry(b"RIMALLOC_FOO=3"), Entry::Unknown(b"FOO"));
        for foreign in [
            "",
            "M",
            "MI",
            "MIMALLOC_",
            "MIMALLOC_VERBOSE",
            "MIMALLOC_DISABLE_REDIRECT=1",
            "PATH=/bin",
            "XMIMALLOC_VERBOSE=1",
            "LIMALLOC_VERBOSE=1",
            "=C:=C:\\",
            "MIMALLOC_=1",
            "MIMALLOC_VERBOSE2=1",
        ] {
            assert_eq!(entry(foreign.as_bytes()), Entry::Foreign, "{foreign:?}");
        }
    }
}
