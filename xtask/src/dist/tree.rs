//! The directory that is installed into.

use core::fmt::Display;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Writes below one directory and says what it writes. Names are relative to it.
pub(crate) struct Tree {
    root: PathBuf,
    /// The directory of the libraries.
    pub(crate) libdir: PathBuf,
}

impl Tree {
    pub(crate) fn new(root: PathBuf, libdir: PathBuf) -> Self {
        Self { root, libdir }
    }

    /// The name of a file among the libraries.
    pub(crate) fn library(&self, file: &str) -> PathBuf {
        self.libdir.join(file)
    }

    /// Copies a file; a program stays executable.
    pub(crate) fn copy(&self, source: &Path, name: &Path) -> Result<(), String> {
        self.place(name, |path| {
            fs::copy(source, path)?;
            let executable = fs::metadata(source)?.permissions().mode() & 0o100 != 0;
            readable(path, if executable { 0o755 } else { 0o644 })
        })
    }

    pub(crate) fn write(&self, name: &Path, text: &str) -> Result<(), String> {
        self.place(name, |path| {
            fs::write(path, text)?;
            readable(path, 0o644)
        })
    }

    /// Makes `name` a link to `target`, which is relative to the directory of the link.
    pub(crate) fn link(&self, target: &str, name: &Path) -> Result<(), String> {
        self.place(name, |path| symlink(target, path))
    }

    /// Puts a file to its place in one step: a program that runs on the old one keeps that.
    fn place(&self, name: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), String> {
        let path = self.root.join(name);
        let complain = |error: &dyn Display| format!("{}: {error}", path.display());
        let directory = path.parent().ok_or_else(|| complain(&"not a place for a file"))?;
        fs::create_dir_all(directory).map_err(|error| complain(&error))?;
        let mut new = path.clone().into_os_string();
        new.push(format!(".{}.new", std::process::id()));
        let new = PathBuf::from(new);
        let placed = make(&new).and_then(|()| fs::rename(&new, &path));
        placed.map_err(|error| {
            // What is left of the attempt is of no use; the error is what matters.
            _ = fs::remove_file(&new);
            complain(&error)
        })?;
        println!("{}", path.display());
        Ok(())
    }
}

/// Sets the mode, whatever the mask of the user.
fn readable(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}
