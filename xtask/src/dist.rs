//! `dist`: builds the C library and installs it with what other build systems look for.
//!
//! Everything lies under `rimalloc` names. A prefix of its own gets the names of mimalloc beside
//! them, for projects that ask for that; a prefix shared with other packages only on demand, since
//! the real one would lie at the same places. No installed file names the prefix: the tree may be
//! moved, or packed from a staging directory.

mod build;
mod names;
mod options;
mod packages;
mod tree;

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::steps::root;
use names::{Face, VARIANTS, Variant};
use options::Options;
use tree::Tree;

/// Where the headers lie, from the prefix. Not beside those of other packages: they have the names
/// of mimalloc's.
const HEADERS: &str = "include/rimalloc";
const INCLUDE: &str = "include";

/// Installs what the command line asks for.
pub(crate) fn run() -> Result<(), String> {
    let options = Options::parse(env::args_os().skip(2))?;
    let _alone = build::lock()?;
    let headers = header_files()?;
    let tree = Tree::new(options.staged_prefix()?, options.libdir);
    let (rimalloc, mimalloc) = (Face::rimalloc(), Face::mimalloc(&headers)?);
    if options.mimalloc_names {
        build::all(&[&rimalloc, &mimalloc])?;
        install_own_names(&tree, &rimalloc, &headers)?;
        install_mimalloc_names(&tree, &rimalloc, &mimalloc, &headers)
    } else {
        build::all(&[&rimalloc])?;
        install_own_names(&tree, &rimalloc, &headers)
    }
}

fn install_own_names(tree: &Tree, rimalloc: &Face, headers: &[PathBuf]) -> Result<(), String> {
    for variant in VARIANTS {
        let built = build::libraries(rimalloc, variant)?;
        install_shared(tree, rimalloc, variant, &built.shared)?;
        tree.copy(&built.object, &tree.library(&rimalloc.object(variant)))?;
        tree.copy(&built.archive, &tree.library(&rimalloc.archive(variant)))?;
    }
    for header in headers {
        tree.copy(header, &Path::new(HEADERS).join(file_name(header)?))?;
    }
    packages::install(tree, rimalloc, HEADERS)
}

/// The names that projects written for mimalloc look for. What the linker copies from is a link to
/// ours; the shared library is one of its own, because programs record the name that is in it and
/// are to run on either.
fn install_mimalloc_names(
    tree: &Tree,
    rimalloc: &Face,
    mimalloc: &Face,
    headers: &[PathBuf],
) -> Result<(), String> {
    for variant in VARIANTS {
        install_shared(tree, mimalloc, variant, &build::shared(mimalloc, variant)?)?;
        tree.link(&rimalloc.object(variant), &tree.library(&mimalloc.object(variant)))?;
        tree.link(&rimalloc.archive(variant), &tree.library(&mimalloc.archive(variant)))?;
    }
    for header in headers {
        let name = file_name(header)?;
        tree.link(&format!("rimalloc/{name}"), &Path::new(INCLUDE).join(name))?;
    }
    packages::install(tree, mimalloc, INCLUDE)
}

/// The shared library, the link that the loader looks for and the one that the linker does.
fn install_shared(
    tree: &Tree,
    face: &Face,
    variant: &Variant,
    library: &Path,
) -> Result<(), String> {
    let (file, soname) = (face.shared_file(variant), face.soname(variant));
    tree.copy(library, &tree.library(&file))?;
    tree.link(&file, &tree.library(&soname))?;
    tree.link(&soname, &tree.library(&face.shared(variant)))
}

/// The headers of the C library, in the order of their names.
fn header_files() -> Result<Vec<PathBuf>, String> {
    let directory = root().join("crates/capi/include");
    let entries =
        fs::read_dir(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension() == Some(OsStr::new("h")));
    files.sort();
    Ok(files)
}

fn file_name(path: &Path) -> Result<&str, String> {
    path.file_name()
        .and_then(OsStr::to_str)
        .ok_or_else(|| format!("{}: not the name of a header", path.display()))
}
