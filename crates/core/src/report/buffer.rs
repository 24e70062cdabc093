//! A line of text in fixed memory, always ready to be handed to C.

use core::ffi::CStr;
use core::fmt;

/// Bytes of a message, without what stands before it on its line.
pub const MESSAGE_MAX: usize = 992;

/// Bytes of a line: a message, the prefixes before it, a newline and the NUL.
const CAPACITY: usize = MESSAGE_MAX + 96;

/// A text that is cut where its memory ends.
///
/// # Invariants
///
/// L1 `len <= limit < SIZE - 1`, except that the newline may take the place after the limit.
/// L2 the bytes from `len` on are NUL.
#[derive(Clone)]
pub struct Line<const SIZE: usize = CAPACITY> {
    bytes: [u8; SIZE],
    len: usize,
    limit: usize,
}

impl<const SIZE: usize> Line<SIZE> {
    const LIMIT: usize = SIZE - 2;

    /// An empty line.
    pub const fn new() -> Self {
        Self { bytes: [0; SIZE], len: 0, limit: Self::LIMIT }
    }

    /// What was written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// What was written, up to its first NUL, for a function of C.
    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Lets at most `max` more bytes be written.
    pub fn bound(&mut self, max: usize) {
        self.limit = (self.len + max).min(Self::LIMIT);
    }

    /// Forgets what was written.
    pub fn clear(&mut self) {
        self.bytes[..self.len].fill(0);
        self.len = 0;
        self.limit = Self::LIMIT;
    }

    /// Ends the line, for which there is always room, unless it ends already.
    pub fn end(&mut self) {
        if self.as_bytes().last() != Some(&b'\n') {
            self.bytes[self.len] = b'\n';
            self.len += 1;
            self.limit = self.len;
        }
    }

    /// Adds as many bytes as there is room for, and gives how many those are.
    pub fn push(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.limit.saturating_sub(self.len));
        self.bytes[self.len..self.len + count].copy_from_slice(&bytes[..count]);
        self.len += count;
        count
    }
}

impl<const SIZE: usize> Default for Line<SIZE> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const SIZE: usize> fmt::Write for Line<SIZE> {
    /// Adds the text. What doesn't fit is left out together with all that comes after it, so that a line never
    /// continues behind a gap; this is no error, because a formatter would stop at it.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.limit.saturating_sub(self.len);
        let fitting = text.floor_char_boundary(room);
        self.push(&text.as_bytes()[..fitting]);
        if fitting < text.len() {
            self.limit = self.len;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use core::fmt::Write;

    #[test]
    fn text_is_collected_and_ended_once() {
        let mut line = Line::<CAPACITY>::new();
        assert!(line.is_empty());
        write!(line, "{}-{:#x}", 12, 255).expect("never fails");
        line.end();
        line.end();
        assert_eq!(line.as_bytes(), b"12-0xff\n");
        assert_eq!(line.as_c_str(), c"12-0xff\n");
        line.clear();
        assert_eq!(line.as_c_str(), c"");
    }

    #[test]
    fn long_text_is_cut_and_nothing_follows_the_cut() {
        let mut line = Line::<CAPACITY>::new();
        line.push(b"prefix: ");
        line.bound(MESSAGE_MAX);
        let text = "x".repeat(MESSAGE_MAX + 1);
        line.write_str(&text).expect("never fails");
        line.write_str("more").expect("never fails");
        line.end();
        assert_eq!(line.as_bytes().len(), 8 + MESSAGE_MAX + 1);
        assert!(line.as_bytes().ends_with(b"xx\n"));
        assert_eq!(line.as_c_str().to_bytes(), line.as_bytes());
    }

    #[test]
    fn a_character_is_kept_whole_or_left_out() {
        let mut line = Line::<CAPACITY>::new();
        line.bound(4);
        line.write_str("aéé").expect("never fails");
        assert_eq!(line.as_bytes(), "aé".as_bytes());
        line.write_str("b").expect("never fails");
        assert_eq!(line.as_bytes(), "aé".as_bytes());
    }

    #[test]
    fn a_full_line_still_ends_and_is_terminated() {
        let mut line = Line::<CAPACITY>::new();
        assert_eq!(line.push(&[b'y'; 5000]), CAPACITY - 2);
        assert_eq!(line.push(b"z"), 0);
        line.end();
        assert_eq!(line.as_bytes().len(), CAPACITY - 1);
        assert_eq!(line.as_c_str().to_bytes().len(), CAPACITY - 1);
    }

    #[test]
    fn clearing_leaves_no_trace() {
        let mut line = Line::<CAPACITY>::new();
        line.push(&[b'y'; 5000]);
        line.clear();
        line.push(b"ab");
        assert_eq!(line.as_c_str(), c"ab");
    }
}
