//! The allocators that can be compared, and how to get each: found, built, or reported as absent.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{built, peers, root, work_directory};

/// Where an allocator comes from.
#[derive(Debug)]
pub(crate) enum Source {
    /// The library of this project, built beside this program. With variables only where it is asked for.
    Ours,
    /// A hardened build of it, with this feature of the C library. Only where it is asked for.
    Hardened(&'static str),
    /// The C library itself: what a program links with may bring another `malloc`, so it is named.
    Libc,
    /// Built from a package of the Rust registry.
    Built(&'static peers::Peer),
    /// A package of Debian and the library in it.
    Debian { package: &'static str, library: &'static str },
}

/// An allocator to compare.
#[derive(Debug)]
pub(crate) struct Allocator {
    pub(crate) name: &'static str,
    pub(crate) source: Source,
    /// Variables it runs with, besides those that are set already.
    pub(crate) variables: &'static [(&'static str, &'static str)],
}

const NO_HUGE_PAGES: &[(&str, &str)] = &[("MIMALLOC_ALLOW_THP", "0")];

/// The one that everything is compared with.
pub(crate) const OURS: &str = "rimalloc";

pub(crate) const ALL: &[Allocator] = &[
    Allocator { name: OURS, source: Source::Ours, variables: &[] },
    Allocator {
        name: "rimalloc-check",
        source: Source::Ours,
        variables: &[("RIMALLOC_CHECK", "abort")],
    },
    Allocator {
        name: "rimalloc-guarded",
        source: Source::Ours,
        variables: &[("MIMALLOC_GUARDED_SAMPLE_RATE", "10000")],
    },
    Allocator { name: "rimalloc-secure", source: Source::Hardened("secure4"), variables: &[] },
    Allocator { name: "rimalloc-secure5", source: Source::Hardened("secure5"), variables: &[] },
    Allocator { name: "rimalloc-debug", source: Source::Hardened("debug-checks"), variables: &[] },
    Allocator { name: "glibc", source: Source::Libc, variables: &[] },
    Allocator { name: "mimalloc2", source: Source::Built(&peers::MIMALLOC2), variables: &[] },
    Allocator {
        name: "mimalloc2-nothp",
        source: Source::Built(&peers::MIMALLOC2),
        variables: NO_HUGE_PAGES,
    },
    Allocator { name: "mimalloc3", source: Source::Built(&peers::MIMALLOC3), variables: &[] },
    Allocator {
        name: "mimalloc3-nothp",
        source: Source::Built(&peers::MIMALLOC3),
        variables: NO_HUGE_PAGES,
    },
    Allocator { name: "snmalloc", source: Source::Built(&peers::SNMALLOC), variables: &[] },
    Allocator { name: "rpmalloc", source: Source::Built(&peers::RPMALLOC), variables: &[] },
    Allocator { name: "jemalloc", source: Source::Built(&peers::JEMALLOC), variables: &[] },
    Allocator {
        name: "tcmalloc",
        source: Source::Debian {
            package: "libtcmalloc-minimal4",
            library: "libtcmalloc_minimal.so.4",
        },
        variables: &[],
    },
    Allocator { name: "rusty_alloc", source: Source::Built(&peers::RUSTY_ALLOC), variables: &[] },
    Allocator {
        name: "jemalloc-debian",
        source: Source::Debian { package: "libjemalloc2", library: "libjemalloc.so.2" },
        variables: &[],
    },
    Allocator {
        name: "mimalloc2-debian",
        source: Source::Debian { package: "libmimalloc2.0", library: "libmimalloc.so.2" },
        variables: &[],
    },
];

/// An allocator that programs can be run on.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    pub(crate) name: String,
    pub(crate) library: PathBuf,
    pub(crate) version: String,
    pub(crate) variables: Vec<(String, String)>,
}

impl Allocator {
    pub(crate) fn about(&self) -> String {
        let mut text = match &self.source {
            Source::Ours => "this project's release library".into(),
            Source::Hardened(feature) => {
                format!("this project's library with the feature {feature}, if asked for")
            }
            Source::Libc => "the C library".into(),
            Source::Built(peer) => format!("built from the crate {}", peer.dependency),
            Source::Debian { package, .. } => format!("Debian's package {package}"),
        };
        for (name, value) in self.variables {
            text += &format!(", {name}={value}");
        }
        text
    }

    /// Whether it is a build of this project, and no peer.
    pub(crate) fn is_own(name: &str) -> bool {
        let own = |it: &&Self| matches!(it.source, Source::Ours | Source::Hardened(_));
        ALL.iter().filter(own).any(|allocator| allocator.name == name)
    }

    /// Finds or builds it; the error says what is missing and how to get it.
    pub(crate) fn prepare(&self) -> Result<Ready> {
        let (library, version) = match &self.source {
            Source::Ours => (built("librimalloc.so")?, env!("CARGO_PKG_VERSION").to_owned()),
            Source::Hardened(feature) => (hardened(feature)?, env!("CARGO_PKG_VERSION").to_owned()),
            Source::Libc => (PathBuf::from("libc.so.6"), libc_version()),
            Source::Built(peer) => peer.build()?,
            Source::Debian { package, library } => {
                let path = find_library(library)
                    .with_context(|| format!("not installed: apt-get install {package}"))?;
                (path, debian_version(package))
            }
        };
        let variables =
            self.variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        ready(self.name, library, version, variables.collect())
    }
}

/// Checks that programs really run on the library, and asks it for its version.
pub(crate) fn ready(
    name: &str,
    library: PathBuf,
    mut version: String,
    variables: Vec<(String, String)>,
) -> Result<Ready> {
    let mut command = Command::new(built("bench-workload")?);
    command.arg("provider").env("LD_PRELOAD", &library);
    let output = command.output().context("cannot ask whose malloc it is")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut lines = text.lines();
    let provider = lines.next().unwrap_or_default();
    let same = |a: &Path, b: &Path| a.canonicalize().ok() == b.canonicalize().ok();
    let is_it = Path::new(provider).file_name() == library.file_name()
        || same(Path::new(provider), &library);
    if !output.status.success() || !is_it {
        bail!("{} does not provide malloc, but {provider:?} does", library.display());
    }
    if let Some(number) =
        lines.next().and_then(|line| line.parse::<u32>().ok()).filter(|_| !Allocator::is_own(name))
    {
        version += &format!(" ({})", mimalloc_version(number));
    }
    Ok(Ready { name: name.into(), library, version, variables })
}

/// Builds the release library with a feature, in a target directory of its own.
fn hardened(feature: &str) -> Result<PathBuf> {
    let target = work_directory(feature)?;
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--quiet", "--release", "--package", "rimalloc-capi"]);
    build.args(["--features", feature]).env("CARGO_TARGET_DIR", &target);
    peers::output_of(build.current_dir(root()))?;
    Ok(target.join("release/librimalloc.so"))
}

/// From 2.3 on the number has two digits for each of the last two parts; before it had one for the
/// middle.
pub(crate) fn mimalloc_version(number: u32) -> String {
    if number >= 10_000 {
        format!("{}.{}.{}", number / 10_000, number / 100 % 100, number % 100)
    } else {
        format!("{}.{}.{}", number / 100, number / 10 % 10, number % 10)
    }
}

fn find_library(name: &str) -> Option<PathBuf> {
    let directories = [
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib64",
        "/usr/lib",
        "/usr/local/lib",
    ];
    directories.iter().map(|directory| Path::new(directory).join(name)).find(|path| path.exists())
}

fn debian_version(package: &str) -> String {
    let mut query = Command::new("dpkg-query");
    let output = query.args(["-W", "-f", "${Version}", package]).output();
    output.map_or_else(
        |_| "unknown".into(),
        |output| String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

pub(crate) fn libc_version() -> String {
    let output = Command::new("ldd").arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.ok()
        .and_then(|text| text.lines().next()?.split(' ').next_back().map(String::from))
        .unwrap_or_else(|| "unknown".into())
}

#[cfg(test)]
mod tests {
    use super::{ALL, mimalloc_version};

    #[test]
    fn versions_of_mimalloc_are_read_in_both_forms() {
        assert_eq!(mimalloc_version(20_302), "2.3.2");
        assert_eq!(mimalloc_version(209), "2.0.9");
    }

    #[test]
    fn names_are_given_once() {
        for (at, allocator) in ALL.iter().enumerate() {
            assert!(ALL[..at].iter().all(|other| other.name != allocator.name));
        }
    }
}
