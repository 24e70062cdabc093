//! A program whose global allocator brings its options along.

use core::time::Duration;
use std::process::{Command, Output};

use rimalloc::options::{self, EagerCommit, Source};
use rimalloc::{Config, Configured, Rimalloc};

#[global_allocator]
static GLOBAL: Configured = Rimalloc::with(Config {
    options: &[
        options::purge_delay().to(Some(Duration::from_millis(250))),
        options::arena_eager_commit().to(EagerCommit::Never),
        options::max_errors().to(None),
        options::show_stats().to(true),
    ],
    environment: false,
});

#[test]
fn the_program_s_options_hold_from_the_first_block_on() {
    let values = Box::new([1, 2, 3]);
    assert!(rimalloc::contains(values.as_ptr().cast()));
    assert_eq!(options::purge_delay().get(), Some(Duration::from_millis(250)));
    assert_eq!(options::purge_delay().source(), Source::Default);
    assert_eq!(options::arena_eager_commit().get(), EagerCommit::Never);
    assert_eq!(options::max_errors().get(), None);
    assert_eq!(options::verbose().source(), Source::Table);
}

/// Runs the test above in a process of its own.
fn again(variables: &[(&str, &str)]) -> Output {
    let program = std::env::current_exe().expect("the path of this test");
    let mut command = Command::new(program);
    command.args(["--exact", "the_program_s_options_hold_from_the_first_block_on"]);
    command.envs(variables.iter().copied()).output().expect("this test can be started")
}

#[test]
fn an_environment_that_is_shut_out_changes_nothing() {
    let variables =
        [("MIMALLOC_PURGE_DELAY", "7"), ("RIMALLOC_VERBOSE", "1"), ("MIMALLOC_MAX_ERRORS", "x")];
    let output = again(&variables);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !err.contains("mimalloc:"), "{err}");
}

#[test]
fn statistics_are_printed_when_the_process_ends() {
    let output = again(&[]);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && err.contains("heap stats:"), "{err}");
}

#[test]
fn threads_allocate_by_it() {
    let sums: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8_u64)
            .map(|thread| scope.spawn(move || (0..10_000).map(|n| n * thread).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().map(|it| it.join().expect("no panic").iter().sum()).collect()
    });
    assert_eq!(sums[2], 99_990_000);
}
