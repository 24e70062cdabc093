//! NUMA nodes as the engine counts them: as many as the system has, or as an option pretends.

use crate::options::{self, Opt};
use crate::os;
use crate::sync::plain::{AtomicUsize, Ordering};

/// What the system says, once asked: that means reading a file.
static DETECTED: AtomicUsize = AtomicUsize::new(0);

/// How many nodes there are, at least 1: what `use_numa_nodes` says, or the system's number.
pub fn count() -> usize {
    match options::get_size(Opt::UseNumaNodes) {
        0 => detected(),
        pretended => pretended,
    }
}

fn detected() -> usize {
    match DETECTED.load(Ordering::Relaxed) {
        0 => {
            let count = os::numa_node_count().max(1);
            DETECTED.store(count, Ordering::Relaxed);
            count
        }
        count => count,
    }
}

/// The node of the processor that the calling thread runs on.
pub fn of_thread() -> usize {
    match count() {
        1 => 0,
        count => os::numa_node() % count,
    }
}

/// The node that a program names: none when it is negative, and wrapped around the number of nodes.
pub fn named(node: i32) -> Option<usize> {
    usize::try_from(node).ok().map(|node| node % count())
}
