//! Giving memory back on request.

use crate::heap::MAIN_SUBPROC;
use crate::theap;

/// Collects the calling thread's free memory: takes in what other threads have freed, and gives back pages
/// without live blocks. With `force` the memory of all free slices of the process is returned to the system
/// at once instead of after the purge delay.
pub fn collect(force: bool) {
    let theap = theap::current_or_none();
    if let Some(theap) = theap {
        theap.collect();
    }
    let arenas = theap.map_or(&MAIN_SUBPROC.arenas, |theap| &theap.heap().subproc().arenas);
    if force {
        arenas.purge(true);
    } else {
        arenas.purge_if_due();
    }
}
