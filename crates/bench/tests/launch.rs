//! The launcher says what a command took and nothing of what others took.

use core::time::Duration;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Instant;

use rimalloc_bench::figures::Figures;

const WORKLOAD: &str = env!("CARGO_BIN_EXE_bench-workload");

/// Runs a command for at most `seconds`; what the launcher wrote, and what came out of it.
fn launch(name: &str, seconds: u32, thp: &str, command: &[&str]) -> (Option<Figures>, Output) {
    let figures = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.figures"));
    let _ = fs::remove_file(&figures);
    let mut launcher = Command::new(env!("CARGO_BIN_EXE_bench-launch"));
    launcher.arg(&figures).args([&seconds.to_string(), thp, "libc.so.6"]).args(command);
    let output = launcher.output().expect("the launcher starts");
    let figures = fs::read_to_string(&figures).ok().and_then(|text| text.parse().ok());
    (figures, output)
}

#[test]
fn memory_of_whoever_measures_does_not_count() {
    let ballast = vec![1_u8; 200 << 20];
    let (figures, _) = launch("ballast", 20, "system", &["true"]);
    let rss = figures.expect("it ran").rss;
    assert!((500..20 << 10).contains(&rss), "{rss} KiB, with {} bytes here", ballast.len());
}

#[test]
fn memory_of_what_is_measured_counts() {
    // A tenth of the usual work: some blocks of at least 5 MB.
    let (figures, output) = launch("large", 20, "system", &[WORKLOAD, "malloc-large", "1", "10"]);
    assert!(output.status.success(), "{output:?}");
    let figures = figures.expect("it ran");
    assert!(figures.rss > 10 << 10 && figures.minor > 1_000, "{figures:?}");
    assert!(figures.wall > 0.0 && figures.user + figures.system > 0.0, "{figures:?}");
}

#[test]
fn exit_codes_are_passed_on() {
    for (script, code) in [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", 128 + 9)] {
        let (figures, output) = launch(&format!("exit{code}"), 20, "system", &["sh", "-c", script]);
        assert_eq!(output.status.code(), Some(code), "{script}");
        assert!(figures.is_some());
    }
    let (figures, output) = launch("missing", 20, "system", &["/nonexistent"]);
    assert_eq!((figures, output.status.code()), (None, Some(125)));
}

#[test]
fn what_does_not_end_is_killed_with_its_children() {
    let start = Instant::now();
    // The output stays open as long as the sleeping child of the shell lives.
    let (_, output) = launch("hang", 1, "system", &["sh", "-c", "sleep 60 & wait"]);
    assert_eq!(output.status.code(), Some(124));
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn huge_pages_are_off_when_asked() {
    let show = ["grep", "THP_enabled", "/proc/self/status"];
    for (thp, expected) in [("never", "0"), ("system", "1")] {
        let (_, output) = launch(thp, 20, thp, &show);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(text.split_whitespace().last(), Some(expected), "{text}");
    }
}

#[test]
fn the_preloaded_library_provides_malloc() {
    let (_, output) = launch("provider", 20, "system", &[WORKLOAD, "provider"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.trim().ends_with("libc.so.6"), "{text}");
}

#[test]
fn what_is_unknown_is_refused() {
    for arguments in [&["nothing", "1"][..], &["larson", "3"], &["larson"], &["calls", "x", "1"]] {
        let status = Command::new(WORKLOAD).args(arguments).status();
        assert_eq!(status.expect("it starts").code(), Some(2), "{arguments:?}");
    }
}
