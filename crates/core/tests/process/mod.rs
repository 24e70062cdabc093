//! Tests that need a process of their own: the test program runs itself again for one of them.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::process::Command;

/// Names the test that a process runs alone.
const ALONE: &str = "RIMALLOC_TEST_ALONE";

/// Runs `body` in a process in which nobody has called the engine, with these variables in its environment.
/// `name` is the name of the calling test.
pub(crate) fn alone(name: &str, variables: &[(&str, &str)], body: impl FnOnce()) {
    if std::env::var(ALONE).is_ok_and(|value| value == name) {
        body();
        return;
    }
    let program = std::env::current_exe().expect("the path of this test");
    let output = Command::new(program)
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(ALONE, name)
        .envs(variables.iter().copied())
        // The C library's own arenas would use up most of an address space that a test limits.
        .env("MALLOC_ARENA_MAX", "1")
        // A backtrace needs more memory than a test leaves that limits it: the process would hang.
        .env("RUST_BACKTRACE", "0")
        .output()
        .expect("this test can be started");
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{variables:?}: {}\n{err}{out}", output.status);
    assert!(out.contains("1 passed"), "no test is called {name}:\n{out}");
}
