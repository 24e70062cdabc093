//! What Rust programs do with memory, measured by Criterion on whichever global allocator the program
//! brings along.
//!
//! Each allocator has a program of its own, which calls [`main`]. Work is fixed and seeded: every
//! allocator does the same, and what a workload returns must be the same everywhere.

mod collections;
mod request;
mod rng;
mod text;
mod threads;

use core::hint::black_box;
use core::time::Duration;
use std::env;
use std::path::Path;
use std::process::ExitCode;

use criterion::{Criterion, SamplingMode};

pub use request::Request;

/// A turn of a workload; says something that follows from all it did.
pub type Turn = Box<dyn FnMut() -> u64>;

/// Something that programs do.
pub struct Workload {
    /// Its name on the command line and in records.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// Prepares what is not measured; work is scaled to so many percent of the usual.
    pub prepare: fn(percent: usize) -> Turn,
}

/// Those of every allocator, in the order of reports.
const ALL: &[Workload] = &[
    Workload {
        name: "vec",
        about: "vectors grow by push: many at the same time, many short ones, a large one",
        prepare: collections::vectors,
    },
    Workload {
        name: "hash-map",
        about: "a hash map of byte strings with insertions and removals at random",
        prepare: collections::hash_map,
    },
    Workload {
        name: "string",
        about: "strings are formatted, appended, split, joined and replaced in",
        prepare: text::strings,
    },
    Workload {
        name: "btree-map",
        about: "an ordered map with insertions, removals and ranges",
        prepare: collections::btree_map,
    },
    Workload {
        name: "box-tree",
        about: "binary trees of boxes are built, walked and dropped",
        prepare: collections::box_trees,
    },
    Workload {
        name: "json",
        about: "serde_json parses a document into values and writes it again",
        prepare: text::json,
    },
    Workload {
        name: "regex",
        about: "regular expressions are compiled and matched once",
        prepare: text::regexes,
    },
    Workload {
        name: "tokio",
        about: "tasks on two threads send messages through bounded channels, with replies",
        prepare: threads::channels,
    },
    Workload {
        name: "rayon",
        about: "words are counted by a parallel fold into maps, which are merged",
        prepare: threads::fold,
    },
    Workload {
        name: "request",
        about: "1 000 blocks of mixed sizes are allocated and freed one by one",
        prepare: |_percent| {
            let request = Request::default();
            Box::new(move || request.one_by_one(&GlobalAllocator))
        },
    },
];

/// The allocator of the program, whichever it is.
struct GlobalAllocator;

#[allow(unsafe_code)]
// SAFETY: the global allocator's own promises.
unsafe impl core::alloc::GlobalAlloc for GlobalAllocator {
    unsafe fn alloc(&self, layout: core::alloc::Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { std::alloc::alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: core::alloc::Layout) {
        // SAFETY: the caller's promise.
        unsafe { std::alloc::dealloc(block, layout) }
    }
}

/// The whole of a program: `version`, `list`, or `run WORKLOAD PERCENT MILLISECONDS DIRECTORY`.
///
/// `version` is the number that the allocator gives itself, `more` are workloads that only this program
/// has. A run prints what the workload returns; Criterion leaves its estimates in the directory.
pub fn main(version: Option<u32>, more: &[Workload]) -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["version"] => version.iter().for_each(|version| println!("{version}")),
        ["list"] => {
            for Workload { name, about, .. } in ALL.iter().chain(more) {
                println!("{name}\t{about}");
            }
        }
        ["run", name, percent, milliseconds, directory] => {
            let workload = ALL.iter().chain(more).find(|workload| workload.name == name);
            let numbers = percent.parse().ok().zip(milliseconds.parse().ok());
            let (Some(workload), Some((percent, milliseconds))) = (workload, numbers) else {
                return usage();
            };
            run(workload, percent, Duration::from_millis(milliseconds), Path::new(directory));
        }
        _ => return usage(),
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: version | list | run WORKLOAD PERCENT MILLISECONDS DIRECTORY");
    ExitCode::from(2)
}

/// Measures for the given time, after a fifth of it to warm up.
///
/// The resamples are few, so that what Criterion itself holds is little beside a workload's memory:
/// medians of rounds are compared, not its intervals.
fn run(workload: &Workload, percent: usize, time: Duration, directory: &Path) {
    let mut turn = (workload.prepare)(percent);
    println!("answer: {}", turn());
    let mut criterion = Criterion::default().without_plots().output_directory(directory);
    criterion
        .benchmark_group("rust")
        .sampling_mode(SamplingMode::Flat)
        .sample_size(20)
        .nresamples(1_001)
        .warm_up_time(time / 5)
        .measurement_time(time)
        .bench_function(workload.name, |bencher| bencher.iter(|| black_box(turn())));
}
