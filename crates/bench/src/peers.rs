//! Builds the peers that come as source in packages of the Rust registry, as shared libraries with
//! their own `malloc`, not one of ours around it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::{bench_directory, work_directory};

/// How a shared library comes out of a package.
#[derive(Debug)]
enum Way {
    /// Cargo compiles a C archive; all of it is linked.
    Archive { name: &'static str, flags: &'static str },
    /// The package has the sources of the project; its own build has a target for what is preloaded.
    CMake { directory: &'static str, target: &'static str, library: &'static str },
    /// A Rust crate that has no C face: the package of the bench is one.
    Shim { library: &'static str },
}

/// A package of `crates/bench/peers`.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Its name there.
    package: &'static str,
    /// Whose sources it brings.
    pub(crate) dependency: &'static str,
    way: Way,
}

pub(crate) const MIMALLOC2: Peer = Peer {
    package: "peer-mimalloc2",
    dependency: "libmimalloc-sys",
    way: Way::Archive { name: "libmimalloc.a", flags: "" },
};

pub(crate) const MIMALLOC3: Peer = Peer {
    package: "peer-mimalloc3",
    dependency: "libmimalloc-sys",
    way: Way::Archive { name: "libmimalloc.a", flags: "" },
};

pub(crate) const JEMALLOC: Peer = Peer {
    package: "peer-jemalloc",
    dependency: "tikv-jemalloc-sys",
    way: Way::Archive { name: "libjemalloc_pic.a", flags: "" },
};

/// Its documentation names the macro that adds the malloc family; the package leaves it out.
pub(crate) const RPMALLOC: Peer = Peer {
    package: "peer-rpmalloc",
    dependency: "rpmalloc-sys",
    way: Way::Archive { name: "librpmalloc.a", flags: "-DENABLE_OVERRIDE=1" },
};

pub(crate) const SNMALLOC: Peer = Peer {
    package: "peer-snmalloc",
    dependency: "snmalloc-sys",
    way: Way::CMake {
        directory: "upstream",
        target: "snmallocshim",
        library: "libsnmallocshim.so",
    },
};

pub(crate) const RUSTY_ALLOC: Peer = Peer {
    package: "peer-rusty_alloc",
    dependency: "rusty_alloc",
    way: Way::Shim { library: "libpeer_rusty_alloc.so" },
};

impl Peer {
    /// The shared library and its version; built anew only when something has changed.
    pub(crate) fn build(&self) -> Result<(PathBuf, String)> {
        let (manifest, version) = self.locate()?;
        let library = match &self.way {
            Way::Archive { name, flags } => self.link_archive(name, flags)?,
            Way::CMake { directory, target, library } => {
                let sources = manifest.parent().context("a manifest has a directory")?;
                self.run_cmake(&sources.join(directory), target)?.join(library)
            }
            Way::Shim { library } => {
                self.compile("")?;
                self.target_directory()?.join("release").join(library)
            }
        };
        ensure!(library.exists(), "its build made no {}", library.display());
        Ok((library, version))
    }

    /// A target directory of its own: the flags of one would rebuild the others.
    fn target_directory(&self) -> Result<PathBuf> {
        work_directory(&format!("peers/{}", self.package))
    }

    fn cargo(&self, verb: &str) -> Result<Command> {
        Ok(cargo(verb, &bench_directory().join("peers"), &self.target_directory()?))
    }

    /// The manifest of the dependency, downloaded if need be, and its version.
    fn locate(&self) -> Result<(PathBuf, String)> {
        let output = output_of(self.cargo("metadata")?.args(["--format-version", "1"]))?;
        let metadata: Value = serde_json::from_str(&output)?;
        let packages = metadata["packages"].as_array().context("no packages")?;
        let package = packages
            .iter()
            .find(|package| package["name"] == self.dependency)
            .with_context(|| format!("no package {}", self.dependency))?;
        let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
        Ok((text("manifest_path").into(), text("version")))
    }

    /// What cargo says about the build, one JSON value a line.
    fn compile(&self, flags: &str) -> Result<String> {
        let mut command = self.cargo("build")?;
        command.args(["--release", "--message-format", "json", "--package", self.package]);
        if !flags.is_empty() {
            command.env("CFLAGS", flags);
        }
        output_of(&mut command)
    }

    fn link_archive(&self, name: &str, flags: &str) -> Result<PathBuf> {
        let messages = self.compile(flags)?;
        let wanted = format!("{}@", self.dependency);
        let output = messages
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|message| message["reason"] == "build-script-executed")
            .find(|message| message["package_id"].as_str().is_some_and(|id| id.contains(&wanted)))
            .and_then(|message| message["out_dir"].as_str().map(PathBuf::from))
            .with_context(|| format!("{} ran no build script", self.dependency))?;
        let archive = find(&output, name).with_context(|| format!("its build made no {name}"))?;
        let library = self.target_directory()?.join(format!("lib{}.so", self.package));
        let mut linker = Command::new("cc");
        linker.args(["-shared", "-Wl,--whole-archive"]).arg(archive);
        linker.args(["-Wl,--no-whole-archive", "-pthread", "-ldl", "-lm", "-o"]).arg(&library);
        output_of(&mut linker)?;
        Ok(library)
    }

    fn run_cmake(&self, sources: &Path, target: &str) -> Result<PathBuf> {
        let directory = self.target_directory()?;
        let mut configure = Command::new("cmake");
        configure.args(["-DCMAKE_BUILD_TYPE=Release", "-S"]).arg(sources).arg("-B").arg(&directory);
        output_of(&mut configure).context("apt-get install cmake g++")?;
        let mut build = Command::new("cmake");
        output_of(build.arg("--build").arg(&directory).args(["--target", target]))?;
        Ok(directory)
    }
}

/// cargo in another workspace, which builds what that has locked.
pub(crate) fn cargo(verb: &str, workspace: &Path, target: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg(verb).args(["--locked", "--quiet"]).current_dir(workspace);
    // What cargo has set for this program is not for what it builds: a build script may look at it.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_") && name != "CARGO_HOME" {
            command.env_remove(name);
        }
    }
    command.env("CARGO_TARGET_DIR", target);
    command
}

/// A file of this name under a directory.
fn find(directory: &Path, name: &str) -> Option<PathBuf> {
    std::fs::read_dir(directory).ok()?.filter_map(Result::ok).find_map(|entry| {
        let path = entry.path();
        if path.is_dir() { find(&path, name) } else { (entry.file_name() == *name).then_some(path) }
    })
}

/// What a command prints; if it fails, what it says about that.
pub(crate) fn output_of(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("{name} does not start"))?;
    if !output.status.success() {
        bail!("{name} failed: {}", essence(&String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Three lines of what a command complains about: from the first that speaks of an error, else the last.
fn essence(complaint: &str) -> String {
    let lines: Vec<&str> = complaint.lines().filter(|line| !line.trim().is_empty()).collect();
    let is_error = |line: &&str| {
        let line = line.to_ascii_lowercase();
        line.contains("error") || line.contains("panicked")
    };
    let start = lines.iter().position(is_error).unwrap_or(lines.len().saturating_sub(3));
    lines[start..].iter().take(3).map(|line| line.trim()).collect::<Vec<_>>().join(" / ")
}

#[cfg(test)]
mod tests {
    use super::essence;

    #[test]
    fn complaints_are_cut_to_what_matters() {
        assert_eq!(essence("Compiling a\n\nerror: no b\n  in c\nd\ne\n"), "error: no b / in c / d");
        assert_eq!(essence("a\nb\nc\nd\n"), "b / c / d");
        assert_eq!(essence(""), "");
    }
}
