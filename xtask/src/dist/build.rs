//! Builds what is installed: the shared library under a soname, the single object, the archive.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use super::names::{Face, VARIANTS, Variant};
use crate::steps::{cargo, output_of, root, run, target_directory};

/// Where the libraries of a variant were built.
pub(crate) struct Libraries {
    pub(crate) shared: PathBuf,
    pub(crate) object: PathBuf,
    pub(crate) archive: PathBuf,
}

/// Waits until no other run of `dist` builds, or takes what it has built; ends with the value.
pub(crate) fn lock() -> Result<File, String> {
    let directory = directory();
    let path = directory.join("lock");
    let opened = fs::create_dir_all(&directory).and_then(|()| File::create(&path));
    let locked = opened.and_then(|file| file.lock().map(|()| file));
    locked.map_err(|error| format!("{}: {error}", path.display()))
}

fn directory() -> PathBuf {
    target_directory().join("dist")
}

pub(crate) fn libraries(face: &Face, variant: &Variant) -> Result<Libraries, String> {
    let shared = shared(face, variant)?;
    let directory = directory().join(face.library(variant));
    let (object, archive) =
        (directory.join(face.object(variant)), directory.join(face.archive(variant)));
    single_object(&shared.with_extension("a"), &object, variant)?;
    archive_of(&object, &archive)?;
    Ok(Libraries { shared, object, archive })
}

/// The shared library that calls itself by the face's name. Each name has a target directory of its
/// own, so that one build does not undo the other.
pub(crate) fn shared(face: &Face, variant: &Variant) -> Result<PathBuf, String> {
    let target = directory().join(face.library(variant));
    let mut build = cargo(&["build", "--quiet", "--release", "--package", "rimalloc-capi"]);
    build.args(["--features", &variant.features.join(",")]);
    if !variant.overrides {
        build.arg("--no-default-features");
    }
    build.env("CARGO_TARGET_DIR", &target).env("RIMALLOC_SONAME", face.soname(variant));
    run(&mut build)?;
    Ok(target.join("release/librimalloc.so"))
}

/// Builds the shared libraries of all variants for these faces, which others then find built: at the same time, since
/// most of a build is one thread's work.
pub(crate) fn all(faces: &[&Face]) -> Result<(), String> {
    let pairs = faces.iter().flat_map(|face| VARIANTS.iter().map(move |variant| (face, variant)));
    thread::scope(|scope| {
        let builds: Vec<_> = pairs
            .map(|(face, variant)| scope.spawn(move || shared(face, variant).map(drop)))
            .collect();
        let panicked = |_| Err("a build panicked".to_owned());
        builds.into_iter().try_for_each(|build| build.join().unwrap_or_else(panicked))
    })
}

/// Links what the exported functions need out of the compiler's archive into one object. In front of
/// a link line it always wins over the C library, where an archive is only looked into for what is
/// still missing. Everything but the exported functions becomes local: the compiler's own symbols
/// are in every archive that it makes, and must not meet those of another one.
fn single_object(archive: &Path, object: &Path, variant: &Variant) -> Result<(), String> {
    let names = exports(variant)?;
    let kept = object.with_extension("names");
    fs::write(&kept, names.join("\n")).map_err(|error| format!("{}: {error}", kept.display()))?;
    let mut link = Command::new("cc");
    link.args(["-r", "-nostdlib", "-fno-use-linker-plugin", "-o"]).arg(object);
    link.args(names.iter().map(|name| format!("-Wl,-u,{name}"))).arg(archive);
    run(&mut link)?;
    let mut localize = Command::new("objcopy");
    // Bitcode of the compiler's own objects: tools with a plugin for it would take the object for nothing else.
    localize.args(["--remove-section", ".llvmbc", "--remove-section", ".llvmcmd"]);
    localize.arg("--strip-debug").arg("--keep-global-symbols").arg(&kept).arg(object);
    run(&mut localize)
}

/// The functions that a variant exports.
fn exports(variant: &Variant) -> Result<Vec<String>, String> {
    let path = root().join("crates/capi/exports.txt");
    let list = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let is_own = |name: &str| ["mi_", "rimalloc_"].iter().any(|start| name.starts_with(start));
    let names = list.lines().filter(|line| !line.starts_with('#'));
    Ok(names.filter(|name| variant.overrides || is_own(name)).map(str::to_owned).collect())
}

/// The same object as an archive, for build systems that know only of archives.
fn archive_of(object: &Path, archive: &Path) -> Result<(), String> {
    // An old archive would be added to.
    if archive.exists() {
        fs::remove_file(archive).map_err(|error| format!("{}: {error}", archive.display()))?;
    }
    output_of(Command::new("ar").arg("crsD").arg(archive).arg(object)).map(drop)
}
