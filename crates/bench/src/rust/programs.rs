//! The programs of `crates/rustbench`, one for each allocator.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::allocators::{OURS, Ready, libc_version, mimalloc_version};
use crate::peers::{cargo, output_of};
use crate::record::Absence;
use crate::{root, say, work_directory};

/// The allocator that programs have when they name none.
pub(crate) const SYSTEM: &str = "system";

/// An allocator that has a program.
#[derive(Debug)]
pub(crate) struct Allocator {
    pub(crate) name: &'static str,
    /// The crates that it comes from, as the manifest of its program has them.
    crates: &'static [&'static str],
}

pub(crate) const ALL: &[Allocator] = &[
    Allocator { name: OURS, crates: &[] },
    Allocator { name: SYSTEM, crates: &[] },
    Allocator { name: "mimalloc2", crates: &["mimalloc"] },
    Allocator { name: "mimalloc3", crates: &["mimalloc"] },
    Allocator { name: "jemalloc", crates: &["tikv-jemallocator", "tikv-jemalloc-sys"] },
    Allocator { name: "snmalloc", crates: &["snmalloc-rs"] },
    Allocator { name: "rpmalloc", crates: &["rpmalloc", "rpmalloc-sys"] },
    Allocator { name: "rusty_alloc", crates: &["rusty_alloc-api"] },
];

/// How the programs are built.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// As cargo does for releases.
    Release,
    /// Not optimised, which takes a fraction of the time.
    Debug,
}

/// A program that is built.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    /// Nothing is preloaded into it.
    pub(crate) ready: Ready,
}

impl Allocator {
    pub(crate) fn about(&self) -> String {
        match (self.name, self.crates) {
            (OURS, _) => "this project's crate".into(),
            (_, []) => "the C library's".into(),
            (_, crates) => format!("the crate {}", crates[0]),
        }
    }

    fn version(&self, path: &Path) -> Result<String> {
        match self.name {
            OURS => return Ok(env!("CARGO_PKG_VERSION").into()),
            SYSTEM => return Ok(libc_version()),
            _ => {}
        }
        let lock = fs::read_to_string(directory().join("Cargo.lock")).context("Cargo.lock")?;
        let crates = self.crates.iter().map(|name| {
            let version = locked_version(&lock, name).unwrap_or("unknown");
            format!("{name} {version}")
        });
        let mut text = crates.collect::<Vec<_>>().join(", ");
        let own = output_of(Command::new(path).arg("version"))?;
        if let Ok(number) = own.trim().parse() {
            text += &format!(" ({})", mimalloc_version(number));
        }
        Ok(text)
    }
}

impl Program {
    pub(crate) fn name(&self) -> &str {
        &self.ready.name
    }

    /// Names and descriptions of what it can do.
    pub(crate) fn workloads(&self) -> Result<Vec<(String, String)>> {
        let text = output_of(Command::new(&self.path).arg("list"))?;
        let lines = text.lines().filter_map(|line| line.split_once('\t'));
        Ok(lines.map(|(name, about)| (name.into(), about.into())).collect())
    }
}

/// The workspace of the programs, which also has their record.
pub(crate) fn directory() -> PathBuf {
    root().join("crates/rustbench")
}

/// Builds the program of the allocator with this name.
pub(crate) fn prepare(name: &str, kind: Kind) -> Result<Program> {
    let allocator = ALL.iter().find(|allocator| allocator.name == name);
    let allocator = allocator.with_context(|| format!("there is no allocator {name}"))?;
    let target = work_directory("rust")?;
    let package = format!("rustbench-{name}");
    let (arguments, output): (&[&str], _) = match kind {
        Kind::Release => (&["--release"], "release"),
        Kind::Debug => (&[], "debug"),
    };
    let mut build = cargo("build", &directory(), &target);
    output_of(build.args(arguments).args(["--package", &package]))?;
    let path = target.join(output).join(package);
    let version = allocator.version(&path)?;
    let ready = Ready { name: name.into(), library: "-".into(), version, variables: Vec::new() };
    Ok(Program { path, ready })
}

/// Builds those that are wanted, which are all if none is named. Ours comes first, and has to be there.
pub(crate) fn prepare_all(
    wanted: &[String],
    kind: Kind,
    absent: &mut Vec<Absence>,
) -> Result<Vec<Program>> {
    if let Some(name) = wanted.iter().find(|name| ALL.iter().all(|known| known.name != **name)) {
        bail!("there is no allocator {name}: `cargo xtask rustbench list` says what there is");
    }
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    let mut programs = Vec::new();
    for Allocator { name, .. } in ALL.iter().filter(|allocator| is_wanted(allocator.name)) {
        say(&format!("building the program on {name}"));
        match prepare(name, kind) {
            Ok(program) => programs.push(program),
            Err(error) if *name == OURS => return Err(error),
            Err(error) => {
                absent.push(Absence { name: (*name).into(), why: format!("{error:#}") });
            }
        }
    }
    say("");
    Ok(programs)
}

/// Who compiles the programs.
pub(crate) fn compiler() -> Result<String> {
    let text = output_of(Command::new("rustc").arg("--version"))?;
    Ok(text.trim().into())
}

/// The version of a package in a `Cargo.lock`.
fn locked_version<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    rest.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::{ALL, directory, locked_version};

    #[test]
    fn every_allocator_has_a_program_and_its_crates_are_locked() {
        let read = |name: &str| std::fs::read_to_string(directory().join(name)).expect("a file");
        let lock = read("Cargo.lock");
        for allocator in ALL {
            let manifest = read(&format!("{}/Cargo.toml", allocator.name));
            assert!(manifest.contains(&format!("name = \"rustbench-{}\"", allocator.name)));
            for name in allocator.crates {
                assert!(locked_version(&lock, name).is_some(), "{name}");
            }
        }
        assert_eq!(locked_version(&lock, "no-such-crate"), None);
    }
}
