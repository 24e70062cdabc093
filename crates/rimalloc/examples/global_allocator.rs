//! The whole program on rimalloc, with an option of its own choice.

use core::time::Duration;
use std::collections::HashMap;
use std::thread;

use rimalloc::{Config, Configured, Rimalloc, options};

#[global_allocator]
static GLOBAL: Configured = Rimalloc::with(Config {
    // Free memory waits a little longer for its next use.
    options: &[options::purge_delay().to(Some(Duration::from_millis(50)))],
    environment: true,
});

fn main() {
    let counts: Vec<HashMap<String, usize>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                scope.spawn(move || {
                    let mut counts = HashMap::new();
                    for n in 0..50_000 {
                        *counts.entry(format!("word {}", n * thread % 997)).or_default() += 1;
                    }
                    counts
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let words: usize = counts.iter().map(HashMap::len).sum();
    println!("{words} words counted; rimalloc {} has", Rimalloc::version());
    let usage = rimalloc::process_usage();
    println!(
        "{} KiB committed, {} KiB at most",
        usage.current_commit >> 10,
        usage.peak_commit >> 10
    );
    assert!(words > 997);
}
