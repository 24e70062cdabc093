//! Counting what there is, for whoever asks.

use crate::stats::{STATS, Snapshot};

/// The statistics of the main sub-process and of all its heaps.
pub fn of_process() -> Snapshot {
    let mut snapshot = Snapshot::new();
    STATS.read_into(&mut snapshot);
    snapshot
}
