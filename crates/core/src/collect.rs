//! Giving memory back on request.

use crate::abandon;
use crate::config::DEBUG;
use crate::deferred;
use crate::heap::{HEAPS, Heap, SubProcess};
use crate::heaps;
use crate::report;
use crate::theap::{self, Theap};
use crate::thread;

/// Collects the calling thread's free memory: takes in what other threads have freed, and gives back pages without
/// live blocks. With `force` the memory of all free slices of the sub-process is returned to the system at once
/// instead of after the purge delay. Calls the deferred-free function first.
pub fn collect(force: bool) {
    if let Some(theap) = theap::current_or_none() {
        deferred::call(theap, force);
        theap.root().collect();
        for_each_other(theap.root(), Theap::collect);
        if DEBUG {
            check(theap.root());
            for_each_other(theap.root(), check);
        }
    }
    purge(thread::subproc(), force);
}

/// [`collect`] for what the calling thread has of one heap.
pub fn collect_heap(heap: &'static Heap, force: bool) {
    if let Some(theap) = heaps::theap_of_or_none(heap) {
        collect_theap(theap, force);
    } else {
        purge(heap.subproc(), force);
    }
}

/// [`collect`] for one theap of the calling thread.
pub fn collect_theap(theap: &Theap, force: bool) {
    deferred::call(theap, force);
    theap.collect();
    if let Some(heap) = theap.living_heap() {
        purge(heap.subproc(), force);
    }
}

/// Collects with force, then abandons pages of the calling thread until those that it owns cover at most
/// `target` bytes. A `target` of 0 stands for that of the option `target_segments_per_thread`, if it is set.
pub fn reduce(target: usize) {
    collect(true);
    let Some(theap) = theap::current_or_none() else { return };
    let target = if target == 0 { abandon::target().unwrap_or(0) } else { target };
    let root = theap.root();
    let mut owned = abandon::abandon_beyond(root, target);
    for_each_other(root, |theap| owned += abandon::abandon_beyond(theap, target - owned));
}

/// Ends the process if the theap is not as it has to be.
fn check(theap: &Theap) {
    if let Err(what) = theap.check() {
        report::broken(file!(), line!(), module_path!(), what);
    }
}

/// Calls `f` with the thread's theaps of other heaps, none of which ends meanwhile.
fn for_each_other(root: &Theap, f: impl FnMut(&Theap)) {
    if root.has_others() {
        let _guard = HEAPS.lock();
        root.for_each_other(f);
    }
}

fn purge(subproc: &SubProcess, force: bool) {
    if force {
        subproc.arenas.purge(true);
    } else {
        subproc.arenas.purge_if_due();
    }
}
