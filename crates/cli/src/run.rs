//! `rimalloc run`: turns this process into a program that has the library preloaded.
//!
//! There is no child process: after `exec` the program is this process, so its exit status, its
//! signals, its streams and its place in the process group are what the caller sees.
#![allow(unsafe_code)]

use core::fmt::Display;
use std::env;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::{elf, preload};

/// What the command line asks for.
pub(crate) struct Request {
    pub(crate) stats: bool,
    pub(crate) verbose: bool,
    pub(crate) library: Option<PathBuf>,
    /// The program and its arguments: never empty.
    pub(crate) program: Vec<OsString>,
}

/// Why the program does not run.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: i32,
    pub(crate) message: String,
}

/// The statuses `env`, `nice` and `timeout` use for the same failures.
const CANNOT_PRELOAD: i32 = 125;
const CANNOT_EXECUTE: i32 = 126;
const NOT_FOUND: i32 = 127;

/// Where `execvp` looks when there is no PATH.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// Returns only if the program cannot be run.
pub(crate) fn run(request: &Request) -> Failure {
    match prepare(request) {
        Ok((program, environment)) => execute(&program, &request.program, &environment),
        Err(failure) => failure,
    }
}

type Environment = Vec<(&'static str, OsString)>;

fn prepare(request: &Request) -> Result<(PathBuf, Environment), Failure> {
    let name = &request.program[0];
    let program = find_program(name, env::var_os("PATH").as_deref())?;
    let library = preload::find_library(request.library.as_deref()).map_err(refuse)?;
    elf::check_preloadable(&program, &library).map_err(refuse)?;
    let preloaded = preload::prepend(&library, env::var_os("LD_PRELOAD")).map_err(refuse)?;
    let mut environment = vec![("LD_PRELOAD", preloaded)];
    if request.stats {
        environment.push(("MIMALLOC_SHOW_STATS", "1".into()));
    }
    if request.verbose {
        environment.push(("MIMALLOC_VERBOSE", "1".into()));
    }
    Ok((program, environment))
}

fn refuse(message: String) -> Failure {
    Failure { status: CANNOT_PRELOAD, message }
}

/// Finds a program the way a shell does: a name with a slash is a path, any other is looked up in
/// the directories of `path`. A file that is there but cannot be executed does not end the search,
/// but is remembered, because "permission denied" says more than "not found".
fn find_program(name: &OsStr, path: Option<&OsStr>) -> Result<PathBuf, Failure> {
    let not_found = || Failure {
        status: NOT_FOUND,
        message: format!("{}: program not found", Path::new(name).display()),
    };
    if name.is_empty() {
        return Err(not_found());
    }
    if name.as_bytes().contains(&b'/') {
        return check_executable(Path::new(name)).unwrap_or_else(|| Err(not_found()));
    }
    let mut denied = None;
    for directory in env::split_paths(path.unwrap_or(OsStr::new(DEFAULT_PATH))) {
        // An empty entry is the current directory; `join` on it keeps the bare name, which
        // `exec` would look up again.
        let directory = if directory.as_os_str().is_empty() { ".".into() } else { directory };
        match check_executable(&directory.join(name)) {
            Some(Ok(found)) => return Ok(found),
            Some(Err(failure)) => denied = denied.or(Some(failure)),
            None => {}
        }
    }
    Err(denied.unwrap_or_else(not_found))
}

/// `None` if there is no such file.
fn check_executable(path: &Path) -> Option<Result<PathBuf, Failure>> {
    let cannot_execute = |why: &dyn Display| {
        Some(Err(Failure {
            status: CANNOT_EXECUTE,
            message: format!("{}: cannot execute: {why}", path.display()),
        }))
    };
    match path.metadata() {
        Err(error) if is_absent(&error) => return None,
        Err(error) => return cannot_execute(&error),
        Ok(metadata) if metadata.is_dir() => return cannot_execute(&"is a directory"),
        Ok(_) => {}
    }
    let Ok(c_path) = CString::new(path.as_os_str().as_bytes()) else { return None };
    // SAFETY: `c_path` is a NUL-terminated string that lives through the call.
    if unsafe { libc::access(c_path.as_ptr(), libc::X_OK) } == 0 {
        return Some(Ok(path.to_owned()));
    }
    cannot_execute(&"permission denied")
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Becomes the program. Its `argv[0]` is the name as typed, as under a shell.
fn execute(program: &Path, arguments: &[OsString], environment: &Environment) -> Failure {
    let c_program = c_string(program.as_os_str());
    let c_arguments: Vec<CString> = arguments.iter().map(|argument| c_string(argument)).collect();
    let mut pointers: Vec<_> = c_arguments.iter().map(|argument| argument.as_ptr()).collect();
    pointers.push(core::ptr::null());
    for (name, value) in environment {
        // SAFETY: this process has one thread.
        unsafe { env::set_var(name, value) };
    }
    // `execvp` on a path with a slash searches nothing, but hands a script without `#!` to the
    // shell. `std::process::Command` would also reset the signal mask, which is the caller's.
    // SAFETY: the path and the arguments are NUL-terminated strings that live through the call,
    // the list of arguments ends in a null pointer.
    unsafe { libc::execvp(c_program.as_ptr(), pointers.as_ptr()) };
    let error = io::Error::last_os_error();
    let status = if is_absent(&error) { NOT_FOUND } else { CANNOT_EXECUTE };
    Failure { status, message: format!("{}: cannot execute: {error}", program.display()) }
}

/// Strings that came from the command line or a directory of PATH have no NUL inside; one that has
/// is cut there, as C would.
fn c_string(string: &OsStr) -> CString {
    let mut bytes = string.to_owned().into_vec();
    if let Some(end) = bytes.iter().position(|&byte| byte == 0) {
        bytes.truncate(end);
    }
    CString::new(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{CANNOT_EXECUTE, NOT_FOUND, find_program};
    use std::ffi::OsStr;
    use std::path::Path;

    fn find(name: &str, path: &str) -> Result<std::path::PathBuf, i32> {
        find_program(OsStr::new(name), Some(OsStr::new(path))).map_err(|failure| failure.status)
    }

    #[test]
    fn a_name_is_looked_up_in_path() {
        assert_eq!(find("sh", "/nowhere:/bin").as_deref(), Ok(Path::new("/bin/sh")));
        assert_eq!(find("sh", "/nowhere"), Err(NOT_FOUND));
        assert_eq!(find("", "/bin"), Err(NOT_FOUND));
    }

    #[test]
    fn a_path_is_not_looked_up() {
        assert_eq!(find("/bin/sh", "").as_deref(), Ok(Path::new("/bin/sh")));
        assert_eq!(find("./sh", "/bin"), Err(NOT_FOUND));
        assert_eq!(find("/etc/passwd/sh", "/bin"), Err(NOT_FOUND));
    }

    #[test]
    fn what_cannot_be_executed_is_told_apart_from_what_is_missing() {
        assert_eq!(find("/etc/passwd", "/bin"), Err(CANNOT_EXECUTE));
        assert_eq!(find("/", "/bin"), Err(CANNOT_EXECUTE));
        assert_eq!(find("passwd", "/etc"), Err(CANNOT_EXECUTE));
    }

    #[test]
    fn a_later_directory_may_have_what_an_earlier_one_cannot_execute() {
        let denied = std::env::temp_dir().join(format!("rimalloc-path-{}", std::process::id()));
        std::fs::create_dir_all(&denied).expect("a directory for the test");
        std::fs::write(denied.join("sh"), "").expect("a file that cannot be executed");
        let found = find("sh", &format!("{}:/bin", denied.display()));
        std::fs::remove_dir_all(&denied).expect("the directory goes away");
        assert_eq!(found.as_deref(), Ok(Path::new("/bin/sh")));
    }
}
