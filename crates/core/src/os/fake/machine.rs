//! A pretended machine, for tests of what the machine they run on lacks: large OS pages, NUMA nodes, and
//! time that passes when a test says so.
//!
//! Large pages that are granted are ordinary ones. Everything counts for the whole process.

use super::FAKE;
use crate::os::{LargePage, OsError, OsResult};
use crate::sync::plain::{AtomicU64, AtomicUsize, Ordering};

const AS_SYSTEM: usize = usize::MAX;

/// Nodes that [`preferred`] tells apart.
const NODES: usize = 16;

static LARGE: AtomicUsize = AtomicUsize::new(AS_SYSTEM);
static HUGE: AtomicUsize = AtomicUsize::new(AS_SYSTEM);
static GRANT_MS: AtomicU64 = AtomicU64::new(0);
static LEAD_MS: AtomicU64 = AtomicU64::new(0);
static NODE_COUNT: AtomicUsize = AtomicUsize::new(AS_SYSTEM);
static NODE: AtomicUsize = AtomicUsize::new(AS_SYSTEM);
static PREFERRED: [AtomicUsize; NODES] = [const { AtomicUsize::new(0) }; NODES];

fn stock(page: LargePage) -> &'static AtomicUsize {
    match page {
        LargePage::Large => &LARGE,
        LargePage::Huge => &HUGE,
    }
}

/// How many pages of a kind there are to be had; `None` asks the system.
pub fn set_large_pages(page: LargePage, count: Option<usize>) {
    stock(page).store(count.unwrap_or(AS_SYSTEM), Ordering::SeqCst);
}

/// How many milliseconds it takes to be granted large pages, or to be refused.
pub fn set_grant_ms(milliseconds: u64) {
    GRANT_MS.store(milliseconds, Ordering::SeqCst);
}

/// Lets time pass.
pub fn advance_clock(milliseconds: u64) {
    LEAD_MS.fetch_add(milliseconds, Ordering::SeqCst);
}

/// How many NUMA nodes there are; `None` asks the system.
pub fn set_nodes(count: Option<usize>) {
    NODE_COUNT.store(count.unwrap_or(AS_SYSTEM), Ordering::SeqCst);
}

/// The node that all threads run on; `None` asks the system.
pub fn set_node(node: Option<usize>) {
    NODE.store(node.unwrap_or(AS_SYSTEM), Ordering::SeqCst);
}

/// Bytes whose memory was to come from a node, while the number of nodes was pretended.
pub fn preferred(node: usize) -> usize {
    PREFERRED.get(node).map_or(0, |bytes| bytes.load(Ordering::SeqCst))
}

/// How far the clocks are ahead of those of the system.
#[inline(always)]
pub(in crate::os) fn clock_lead_ms() -> u64 {
    if FAKE { LEAD_MS.load(Ordering::Relaxed) } else { 0 }
}

/// Takes large pages out of the stock; `None` when that is the system's.
pub(in crate::os) fn grant(size: usize, page: LargePage) -> Option<OsResult<()>> {
    if stock(page).load(Ordering::SeqCst) == AS_SYSTEM {
        return None;
    }
    advance_clock(GRANT_MS.load(Ordering::SeqCst));
    let count = size / page.size();
    let less = |stock: usize| stock.checked_sub(count);
    let taken = stock(page).fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
    Some(taken.map(drop).map_err(|_| OsError::OUT_OF_MEMORY))
}

/// Notes where memory is to come from; false when the nodes are the system's.
pub(in crate::os) fn prefer(size: usize, node: usize) -> bool {
    let pretended = nodes().is_some();
    if let (true, Some(bytes)) = (pretended, PREFERRED.get(node)) {
        bytes.fetch_add(size, Ordering::SeqCst);
    }
    pretended
}

/// The pretended number of nodes.
pub(in crate::os) fn nodes() -> Option<usize> {
    Some(NODE_COUNT.load(Ordering::SeqCst)).filter(|&count| count != AS_SYSTEM)
}

/// The pretended node of all threads.
pub(in crate::os) fn node() -> Option<usize> {
    Some(NODE.load(Ordering::SeqCst)).filter(|&node| node != AS_SYSTEM)
}
