//! A Rust source split into its code and its comments, for rules that read one or the other.
//!
//! Not a parser: comments, strings and character literals are told apart, everything else is code.

/// Two texts with the lines and columns of the original: in each, what belongs to neither or to
/// the other is blank.
pub(crate) struct Source {
    pub(crate) code: String,
    pub(crate) comments: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

impl Source {
    pub(crate) fn new(text: &str) -> Self {
        let mut source = Self {
            code: String::with_capacity(text.len()),
            comments: String::with_capacity(text.len()),
        };
        let mut rest = text;
        while !rest.is_empty() {
            let previous = source.code.chars().next_back();
            let (kind, length) = token(rest, previous);
            let (piece, tail) = rest.split_at(length);
            source.push(kind, piece);
            rest = tail;
        }
        source
    }

    fn push(&mut self, kind: Kind, piece: &str) {
        for character in piece.chars() {
            let blank = if character == '\n' { '\n' } else { ' ' };
            self.code.push(if kind == Kind::Code { character } else { blank });
            self.comments.push(if kind == Kind::Comment { character } else { blank });
        }
    }
}

/// The kind and the length of the token at the start of `rest`; `previous` is the character before.
fn token(rest: &str, previous: Option<char>) -> (Kind, usize) {
    if rest.starts_with("//") {
        return (Kind::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Kind::Comment, block_comment(rest));
    }
    if rest.starts_with('"') {
        return (Kind::Literal, string(rest, 1));
    }
    let in_word = previous.is_some_and(is_word);
    if !in_word && let Some(length) = raw_string(rest) {
        return (Kind::Literal, length);
    }
    if let Some(length) = character(rest) {
        return (Kind::Literal, length);
    }
    (Kind::Code, rest.chars().next().map_or(1, char::len_utf8))
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let tail = &rest.as_bytes()[at..];
        if tail.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if tail.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// The end of a string whose text starts at `start`.
fn string(rest: &str, start: usize) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(start) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// `r"…"`, `r#"…"#` and their byte and C forms; escapes mean nothing in them.
fn raw_string(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r"].iter().find(|prefix| rest.starts_with(*prefix))?;
    let tail = &rest[prefix.len()..];
    let hashes = tail.bytes().take_while(|&byte| byte == b'#').count();
    if !tail[hashes..].starts_with('"') {
        return None;
    }
    let open = prefix.len() + hashes + 1;
    let close = format!("\"{}", "#".repeat(hashes));
    Some(rest[open..].find(&close).map_or(rest.len(), |at| open + at + close.len()))
}

/// `'x'` and `'\n'`, but not the lifetime `'x`.
fn character(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('\'')?;
    if let Some(escape) = inside.strip_prefix('\\') {
        // The escaped character itself may be a quote.
        let skipped = escape.chars().next()?.len_utf8();
        return escape[skipped..].find('\'').map(|at| 2 + skipped + at + 1);
    }
    let first = inside.chars().next()?.len_utf8();
    inside[first..].starts_with('\'').then_some(1 + first + 1)
}

/// Whether a character can be part of an identifier.
pub(crate) fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The places where `word` stands alone, not as part of a longer identifier.
pub(crate) fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        !text[..at].chars().next_back().is_some_and(is_word)
            && !text[at + word.len()..].chars().next().is_some_and(is_word)
    })
}

/// The number of the line that holds the byte at `at`, from 1.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes()[..at].iter().filter(|&&byte| byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::{Source, line_of, words};

    #[track_caller]
    fn code_is(text: &str, expected: &str) {
        let squeezed: Vec<_> =
            Source::new(text).code.split_whitespace().map(String::from).collect();
        assert_eq!(squeezed.join(" "), expected, "{text}");
    }

    #[test]
    fn comments_are_not_code() {
        code_is("a // unsafe\nb /* x /* y */ z */ c", "a b c");
        assert_eq!(Source::new("a // note\nb").comments, "  // note\n ");
    }

    #[test]
    fn strings_are_neither() {
        code_is(r#"f("unsafe // \" not") g"#, "f( ) g");
        code_is("f(r#\"a \" b\"#, br\"c\\\") g", "f( , ) g");
        code_is("for\"x\" r", "for r");
        assert!(Source::new("\"// no\"").comments.trim().is_empty());
    }

    #[test]
    fn quotes_of_characters_and_of_lifetimes() {
        code_is("a('\"', '\\'', '\\u{7f}', 'é') b", "a( , , , ) b");
        code_is("fn f<'a>(x: &'a str) -> &'static str", "fn f<'a>(x: &'a str) -> &'static str");
    }

    #[test]
    fn words_stand_alone() {
        assert_eq!(words("libc mylibc libc_x (libc)", "libc").collect::<Vec<_>>(), [0, 20]);
        assert_eq!(line_of("a\nb\nc", 4), 3);
    }

    #[test]
    fn lines_stay_where_they_are() {
        let text = "a\n/* b\n c */ d\n\"e\nf\" g";
        let source = Source::new(text);
        assert_eq!(source.code.lines().count(), text.lines().count());
        assert_eq!(source.code.lines().nth(2).map(str::trim), Some("d"));
    }
}
