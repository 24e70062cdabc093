//! A program that leaves its options to the environment.

use std::process::Command;

use rimalloc::Rimalloc;
use rimalloc::options::{self, Source};

#[global_allocator]
static GLOBAL: Rimalloc = Rimalloc;

#[test]
fn the_environment_decides() {
    if std::env::var_os("MIMALLOC_SHOW_STATS").is_some() {
        assert_eq!(options::purge_delay().source(), Source::Environment);
        assert_eq!(options::arena_reserve().get(), 64 << 20);
        return;
    }
    let program = std::env::current_exe().expect("the path of this test");
    let output = Command::new(program)
        .args(["--exact", "the_environment_decides"])
        .envs([
            ("MIMALLOC_SHOW_STATS", "1"),
            ("MIMALLOC_PURGE_DELAY", "7"),
            ("RIMALLOC_ARENA_RESERVE", "64M"),
        ])
        .output()
        .expect("this test can be started");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && err.contains("heap stats:"), "{err}");
}
