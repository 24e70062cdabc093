//! The command line of `dist`.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

const USAGE: &str = "\
usage: cargo xtask dist --prefix PREFIX [--libdir DIR] [--destdir STAGE] [--[no-]mimalloc-names]

  --prefix PREFIX       where the tree is to be used from
  --libdir DIR          of the libraries, from the prefix (lib)
  --destdir STAGE       put the tree under STAGE/PREFIX, for a package
  --mimalloc-names      install libmimalloc.so.2, mimalloc.h, mimalloc.pc and so on beside
                        rimalloc's names; on unless the prefix is /, /usr or /usr/local";

/// Prefixes that packages share.
const SHARED_PREFIXES: [&str; 3] = ["/", "/usr", "/usr/local"];

/// What the command line says.
#[derive(Debug)]
pub(crate) struct Options {
    prefix: PathBuf,
    /// From the prefix, without `.` and `..`.
    pub(crate) libdir: PathBuf,
    destdir: Option<PathBuf>,
    pub(crate) mimalloc_names: bool,
}

impl Options {
    pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let mut arguments = arguments;
        let (mut prefix, mut libdir, mut destdir, mut names) = (None, None, None, None);
        while let Some(argument) = arguments.next() {
            let mut value = || {
                let value = arguments.next().filter(|value| !value.is_empty());
                value.ok_or_else(|| format!("{} needs a value\n{USAGE}", argument.display()))
            };
            match argument.to_str() {
                Some("--prefix") => prefix = Some(value()?),
                Some("--libdir") => libdir = Some(value()?),
                Some("--destdir") => destdir = Some(PathBuf::from(value()?)),
                Some("--mimalloc-names") => names = Some(true),
                Some("--no-mimalloc-names") => names = Some(false),
                _ => return Err(format!("unknown option {}\n{USAGE}", argument.display())),
            }
        }
        let prefix = prefix.ok_or_else(|| format!("--prefix is missing\n{USAGE}"))?;
        let prefix = absolute(Path::new(&prefix))?;
        let libdir = below(libdir.as_deref().unwrap_or(OsStr::new("lib")))?;
        let of_its_own = SHARED_PREFIXES.iter().all(|shared| prefix != Path::new(shared));
        Ok(Self { prefix, libdir, destdir, mimalloc_names: names.unwrap_or(of_its_own) })
    }

    /// Where the files go.
    pub(crate) fn staged_prefix(&self) -> Result<PathBuf, String> {
        let Some(destdir) = &self.destdir else { return Ok(self.prefix.clone()) };
        Ok(absolute(destdir)?.join(self.prefix.strip_prefix("/").unwrap_or(&self.prefix)))
    }
}

fn absolute(path: &Path) -> Result<PathBuf, String> {
    std::path::absolute(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// A directory below the prefix: its depth says how the files there find the others.
fn below(directory: &OsStr) -> Result<PathBuf, String> {
    let path = Path::new(directory);
    let plain = |component| matches!(component, Component::Normal(_));
    let parts: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
    if parts.as_os_str().is_empty() || !parts.components().all(plain) || parts.to_str().is_none() {
        return Err(format!("--libdir {}: not a directory below the prefix", path.display()));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::Options;
    use std::path::Path;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(Into::into))
    }

    #[track_caller]
    fn mimalloc_names(line: &str) -> bool {
        parse(line).expect("the line is right").mimalloc_names
    }

    #[test]
    fn names_of_mimalloc_need_a_prefix_of_their_own() {
        assert!(mimalloc_names("--prefix /opt/rimalloc"));
        assert!(mimalloc_names("--prefix /usr/local/rimalloc"));
        for shared in ["/", "/usr", "/usr/", "/usr/./local//"] {
            assert!(!mimalloc_names(&format!("--prefix {shared}")), "{shared}");
        }
    }

    #[test]
    fn flags_decide_about_names_of_mimalloc() {
        assert!(mimalloc_names("--prefix /usr --mimalloc-names"));
        assert!(!mimalloc_names("--no-mimalloc-names --prefix /opt/rimalloc"));
    }

    #[test]
    fn a_stage_holds_the_prefix() {
        let options = parse("--prefix /usr --destdir /tmp/stage").expect("the line is right");
        assert_eq!(options.staged_prefix().as_deref(), Ok(Path::new("/tmp/stage/usr")));
        let options = parse("--prefix / --destdir /tmp/stage").expect("the line is right");
        assert_eq!(options.staged_prefix().as_deref(), Ok(Path::new("/tmp/stage")));
    }

    #[test]
    fn libraries_lie_below_the_prefix() {
        let options = parse("--prefix /usr --libdir ./lib/x86_64-linux-gnu/");
        assert_eq!(options.expect("it is below").libdir, Path::new("lib/x86_64-linux-gnu"));
        for outside in ["/usr/lib", "..", "lib/../..", "."] {
            assert!(parse(&format!("--prefix /usr --libdir {outside}")).is_err(), "{outside}");
        }
    }

    #[test]
    fn wrong_lines_are_refused() {
        for line in ["", "--prefix", "--destdir /tmp", "--prefix /usr --mimalloc", "/usr"] {
            let error = parse(line).expect_err("the line is wrong");
            assert!(error.contains("usage:"), "{line}: {error}");
        }
    }
}
