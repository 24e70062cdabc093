//! Building the programs of `tests/outside` as others would: by a cargo that is not told anything by the one that runs
//! the tests.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where programs are built.
pub(crate) fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("outside")
}

/// cargo in the programs' workspace.
pub(crate) fn cargo(toolchain: Option<&str>) -> Command {
    let mut command = match toolchain {
        Some(toolchain) => {
            let mut rustup = Command::new("rustup");
            rustup.args(["run", toolchain, "cargo"]);
            rustup
        }
        None => Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into())),
    };
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        // What says where things are and which toolchain is meant: without it the build script of a dependency that
        // runs `rustc` would have rustup look for another one, and install it.
        let stays = text == "CARGO_HOME" || text.starts_with("RUSTUP_");
        if !stays && (text.starts_with("CARGO") || text.starts_with("RUST")) {
            command.env_remove(&name);
        }
    }
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/outside"));
    command.env("CARGO_TARGET_DIR", target());
    command
}

/// Runs a command that has to succeed, and says what it printed: to standard output, and to standard error.
pub(crate) fn output_of(command: &mut Command) -> (String, String) {
    let output = command.output().expect("the program can be started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}{err}", output.status);
    (out, err)
}
