//! Finding the library, and the value of `LD_PRELOAD` that loads it.

use std::env;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const LIBRARY_NAME: &str = "librimalloc.so";
const LIBRARY_VARIABLE: &str = "RIMALLOC_LIBRARY";

/// The library as an absolute path, since programs change their directory before they start
/// others. What the user names has to be there; only otherwise are the usual places searched.
pub(crate) fn find_library(named: Option<&Path>) -> Result<PathBuf, String> {
    if let Some(path) = named {
        return existing(path, "--library");
    }
    if let Some(path) = env::var_os(LIBRARY_VARIABLE).filter(|value| !value.is_empty()) {
        return existing(Path::new(&path), LIBRARY_VARIABLE);
    }
    let program = env::current_exe().map_err(|error| format!("cannot find itself: {error}"))?;
    let places = usual_places(&program);
    places.iter().find_map(|place| place.canonicalize().ok()).ok_or_else(|| {
        let tried: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
        format!("{LIBRARY_NAME} not found, tried {}", tried.join(" and "))
    })
}

fn existing(path: &Path, source: &str) -> Result<PathBuf, String> {
    path.canonicalize().map_err(|error| format!("{source} {}: {error}", path.display()))
}

/// Beside the program in a build tree, in `../lib` where it is installed.
fn usual_places(program: &Path) -> Vec<PathBuf> {
    let Some(directory) = program.parent() else { return Vec::new() };
    let mut places = vec![directory.join(LIBRARY_NAME)];
    if let Some(prefix) = directory.parent() {
        places.push(prefix.join("lib").join(LIBRARY_NAME));
    }
    places
}

/// `LD_PRELOAD` with `library` in front of what is there: the first library that defines `malloc`
/// is the one that is used.
pub(crate) fn prepend(library: &Path, existing: Option<OsString>) -> Result<OsString, String> {
    // The loader splits the list at these and knows no quoting.
    if library.as_os_str().as_bytes().iter().any(|byte| matches!(byte, b' ' | b':')) {
        return Err(format!(
            "{}: the path has a space or colon in it, which LD_PRELOAD cannot express",
            library.display()
        ));
    }
    let mut list = library.as_os_str().to_owned();
    if let Some(existing) = existing.filter(|value| !value.is_empty()) {
        list.push(":");
        list.push(existing);
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::{prepend, usual_places};
    use std::path::{Path, PathBuf};

    #[test]
    fn the_library_comes_first_and_nothing_is_lost() {
        let library = Path::new("/opt/librimalloc.so");
        assert_eq!(prepend(library, None), Ok("/opt/librimalloc.so".into()));
        assert_eq!(prepend(library, Some("".into())), Ok("/opt/librimalloc.so".into()));
        assert_eq!(
            prepend(library, Some("/a.so /b.so".into())),
            Ok("/opt/librimalloc.so:/a.so /b.so".into())
        );
    }

    #[test]
    fn a_path_the_loader_would_split_is_refused() {
        assert!(prepend(Path::new("/my libs/librimalloc.so"), None).is_err());
        assert!(prepend(Path::new("/a:b/librimalloc.so"), None).is_err());
    }

    #[test]
    fn the_build_tree_goes_before_the_installed_one() {
        assert_eq!(
            usual_places(Path::new("/usr/bin/rimalloc")),
            [PathBuf::from("/usr/bin/librimalloc.so"), PathBuf::from("/usr/lib/librimalloc.so")]
        );
    }
}
