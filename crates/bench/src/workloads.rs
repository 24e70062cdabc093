//! The workloads that are programs of our own: each written from the published description of the
//! benchmark it is named after, each checking what it gets.
//!
//! Work is fixed and time is measured, so that every allocator does the same. Threads share the work:
//! more threads make a cell not longer but more crowded.

mod cache;
mod churn;
mod exchange;
mod glibc;
mod large;
mod larson;
mod latency;
mod mstress;
mod rptest;
mod shbench;
mod sizes;
mod startup;
mod threads;

pub use latency::Latencies;

use testkit::Rng;

/// Two cores: alone, both taken, and more threads than cores.
const ANY_THREADS: &[usize] = &[1, 2, 8, 16];
/// Where threads have different parts there are at least two.
const SEVERAL_THREADS: &[usize] = &[2, 8, 16];
const ONE_THREAD: &[usize] = &[1];

/// How much a workload is to do.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Threads that allocate or free.
    pub threads: usize,
    /// Work in percent of the usual.
    pub percent: usize,
}

impl Load {
    /// The scaled number of turns of something, at least one.
    fn turns(self, usual: usize) -> usize {
        (usual * self.percent / 100).max(1)
    }

    /// One thread's part of them, at least one.
    fn share(self, usual: usize) -> usize {
        (self.turns(usual) / self.threads).max(1)
    }

    /// Runs `part` in every thread, each with a number and random numbers of its own.
    fn in_parallel(self, part: impl Fn(usize, Rng) + Sync) {
        std::thread::scope(|scope| {
            for number in 0..self.threads {
                let part = &part;
                scope.spawn(move || part(number, random(number)));
            }
        });
    }
}

/// The random numbers of the thread with this number, the same in each run.
fn random(number: usize) -> Rng {
    Rng::new(0x5eed + number as u64)
}

/// What a workload does; latencies if it takes any.
type Run = fn(Load) -> Option<Latencies>;

/// A program of our own.
#[derive(Debug)]
pub struct Workload {
    /// Its name on the command line and in records.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// The numbers of threads it runs with.
    pub threads: &'static [usize],
    /// The whole of it.
    pub run: Run,
}

/// Makes a [`Run`] of a function that takes no latencies.
macro_rules! quiet {
    ($function:path) => {
        |load| {
            $function(load);
            None
        }
    };
}

/// All of them, in the order of reports.
pub const ALL: &[Workload] = &[
    Workload {
        name: "larson",
        about: "server: threads replace blocks at random and leave them to their successors",
        threads: ANY_THREADS,
        run: quiet!(larson::run),
    },
    Workload {
        name: "larson-latency",
        about: "the same, with each malloc and free timed",
        threads: &[1, 8],
        run: larson::run_timed,
    },
    Workload {
        name: "sh6bench",
        about: "batches of small blocks, freed in part newest first and in part oldest first",
        threads: ONE_THREAD,
        run: quiet!(shbench::sh6),
    },
    Workload {
        name: "sh8bench",
        about: "the same in threads that free some of each other's blocks",
        threads: SEVERAL_THREADS,
        run: quiet!(shbench::sh8),
    },
    Workload {
        name: "xmalloc",
        about: "half of the threads only allocate, the other half only frees",
        threads: SEVERAL_THREADS,
        run: quiet!(exchange::xmalloc),
    },
    Workload {
        name: "free-only",
        about: "one thread allocates for all others, which hold blocks for long and free at random",
        threads: SEVERAL_THREADS,
        run: quiet!(exchange::free_only),
    },
    Workload {
        name: "cache-scratch",
        about: "passive false sharing: threads start with blocks that one of them allocated",
        threads: ANY_THREADS,
        run: quiet!(cache::scratch),
    },
    Workload {
        name: "cache-thrash",
        about: "active false sharing: threads write to small blocks of their own",
        threads: ANY_THREADS,
        run: quiet!(cache::thrash),
    },
    Workload {
        name: "mstress",
        about: "real-life mix: threads come and go, pass blocks on, and keep some for long",
        threads: ANY_THREADS,
        run: quiet!(mstress::run),
    },
    Workload {
        name: "rptest",
        about: "random sizes up to 16 KB, a part of them freed by the next thread",
        threads: ANY_THREADS,
        run: quiet!(rptest::run),
    },
    Workload {
        name: "glibc-simple",
        about: "as many blocks of one size as fit a list, then all freed in the same order",
        threads: ONE_THREAD,
        run: quiet!(glibc::simple),
    },
    Workload {
        name: "glibc-thread",
        about: "a working set of 1024 blocks a thread, random replacement, 4 B to 32 KiB",
        threads: ANY_THREADS,
        run: quiet!(glibc::thread),
    },
    Workload {
        name: "alloc-test",
        about: "Pareto-distributed sizes and lifetimes, as programs have them",
        threads: ANY_THREADS,
        run: quiet!(churn::alloc_test),
    },
    Workload {
        name: "replace",
        about: "random replacement of one of a million live blocks of about 100 bytes",
        threads: ONE_THREAD,
        run: quiet!(churn::replace),
    },
    Workload {
        name: "phases",
        about: "fill with one size, free nearly all of it, fill with the next",
        threads: ONE_THREAD,
        run: quiet!(churn::phases),
    },
    Workload {
        name: "malloc-large",
        about: "twenty live blocks of 5 to 25 MB, replaced at random",
        threads: ONE_THREAD,
        run: quiet!(large::run),
    },
    Workload {
        name: "realloc",
        about: "buffers that grow by turns from 16 bytes to megabytes",
        threads: ONE_THREAD,
        run: quiet!(large::growth),
    },
    Workload {
        name: "thread-churn",
        about: "short-lived threads that leave a part of their blocks behind",
        threads: SEVERAL_THREADS,
        run: quiet!(threads::churn),
    },
    Workload {
        name: "startup",
        about: "the smallest program, started hundreds of times",
        threads: ONE_THREAD,
        run: quiet!(startup::run),
    },
];

/// The workload of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Workload> {
    ALL.iter().find(|workload| workload.name == name)
}

#[cfg(test)]
mod tests {
    use super::{ALL, Load};

    #[test]
    fn every_workload_passes_its_own_checks() {
        for workload in ALL {
            for &threads in workload.threads {
                (workload.run)(Load { threads, percent: 0 });
            }
        }
    }
}
