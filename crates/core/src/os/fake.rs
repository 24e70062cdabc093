//! Memory calls that fail on demand, for tests of what happens when memory runs out.
//!
//! Called by: the memory calls of [`super`], before they reach the system, and by tests, which arm it.
//! Without the feature `fake-os` every question is answered by a constant and nothing of this remains.
//!
//! The counter is one per process. Tests that run side by side keep apart with [`only_this_thread`], or
//! take turns.
#![allow(unsafe_code)]

pub mod machine;

use crate::os::{OsError, OsResult, thread_id};
use crate::sync::plain::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// True in builds whose memory calls can be told to fail.
pub const FAKE: bool = cfg!(feature = "fake-os");

/// A kind of memory call that can fail. [`super::release`] is not among them: nothing is done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Call {
    /// [`super::reserve`]
    Reserve,
    /// [`super::commit`]
    Commit,
    /// [`super::decommit`] and [`super::discard`]
    Decommit,
    /// [`super::reset`]
    Reset,
    /// [`super::protect`], [`super::fence`] and [`super::unfence`]
    Protect,
    /// [`super::remap`]
    Remap,
    /// [`super::move_pages`]
    MovePages,
    /// [`super::populate`]
    Populate,
    /// [`super::reserve_large`]
    ReserveLarge,
}

const EVERY_KIND: u32 = u32::MAX;
const EVERY_THREAD: usize = 0;
const NEVER: u64 = u64::MAX;

static CALLS: AtomicU64 = AtomicU64::new(0);
// Calls numbered FIRST ..= LAST fail.
static FIRST: AtomicU64 = AtomicU64::new(NEVER);
static LAST: AtomicU64 = AtomicU64::new(NEVER);
static KINDS: AtomicU32 = AtomicU32::new(EVERY_KIND);
static THREAD: AtomicUsize = AtomicUsize::new(EVERY_THREAD);

const AS_SYSTEM: u8 = 0;
const GENEROUS: u8 = 1;
const STRICT: u8 = 2;
static OVERCOMMITS: AtomicU8 = AtomicU8::new(AS_SYSTEM);

/// The `n`-th counted call from now, beginning with 1, fails for want of memory; later ones don't.
pub fn fail_nth(n: u64) {
    let number = calls().saturating_add(n);
    fail_between(number, number);
}

/// The `n`-th counted call from now, beginning with 1, and all after it fail for want of memory.
pub fn fail_from(n: u64) {
    fail_between(calls().saturating_add(n), NEVER);
}

/// No call fails, and all kinds of calls of all threads are counted again.
pub fn never_fail() {
    fail_between(NEVER, NEVER);
    KINDS.store(EVERY_KIND, Ordering::SeqCst);
    THREAD.store(EVERY_THREAD, Ordering::SeqCst);
}

/// Only calls of these kinds are counted and fail; none means all.
pub fn only(kinds: &[Call]) {
    let set = kinds.iter().fold(0, |set, &kind| set | (1 << kind as u32));
    KINDS.store(if set == 0 { EVERY_KIND } else { set }, Ordering::SeqCst);
}

/// Only calls of the calling thread are counted and fail.
pub fn only_this_thread() {
    THREAD.store(thread_id(), Ordering::SeqCst);
}

/// How many calls were counted since the process began.
pub fn calls() -> u64 {
    CALLS.load(Ordering::SeqCst)
}

/// Lets [`super::overcommits`] say this instead of what the system says.
///
/// Memory reserved before the change keeps the state it has: change it before the first reservation.
pub fn set_overcommits(answer: Option<bool>) {
    let word = match answer {
        None => AS_SYSTEM,
        Some(true) => GENEROUS,
        Some(false) => STRICT,
    };
    OVERCOMMITS.store(word, Ordering::SeqCst);
}

/// What a test wants [`super::overcommits`] to say.
pub(super) fn overcommits() -> Option<bool> {
    match OVERCOMMITS.load(Ordering::Relaxed) {
        GENEROUS => Some(true),
        STRICT => Some(false),
        _ => None,
    }
}

/// Counts a memory call and fails if its turn has come.
#[inline(always)]
pub(super) fn pass(kind: Call) -> OsResult<()> {
    if FAKE { count(kind) } else { Ok(()) }
}

fn count(kind: Call) -> OsResult<()> {
    let thread = THREAD.load(Ordering::SeqCst);
    let watched = KINDS.load(Ordering::SeqCst) & (1 << kind as u32) != 0
        && (thread == EVERY_THREAD || thread == thread_id());
    if !watched {
        return Ok(());
    }
    let number = CALLS.fetch_add(1, Ordering::SeqCst) + 1;
    let failing = FIRST.load(Ordering::SeqCst)..=LAST.load(Ordering::SeqCst);
    if failing.contains(&number) { Err(OsError::OUT_OF_MEMORY) } else { Ok(()) }
}

// The range is emptied before its ends move, so that a call in between sees no stale half of it.
fn fail_between(first: u64, last: u64) {
    FIRST.store(NEVER, Ordering::SeqCst);
    LAST.store(last, Ordering::SeqCst);
    FIRST.store(first, Ordering::SeqCst);
}

#[cfg(all(test, feature = "fake-os", not(loom)))]
mod tests {
    use super::*;
    use crate::os::{
        LargePage, clock_coarse_ms, clock_ms, numa_node, numa_node_count, page_size, prefer_node,
        release, reserve, reserve_large,
    };

    // One test, because the counter is one per process.
    #[test]
    fn the_armed_call_fails() {
        let page = page_size();
        let attempt = || match reserve(page, page, false) {
            // SAFETY: just reserved, and nobody else knows it.
            Ok(base) => unsafe { release(base, page) }.is_ok(),
            Err(error) => {
                assert_eq!(error, OsError::OUT_OF_MEMORY);
                false
            }
        };
        only_this_thread();
        fail_nth(2);
        assert_eq!([attempt(), attempt(), attempt()], [true, false, true]);
        fail_from(2);
        assert_eq!([attempt(), attempt(), attempt()], [true, false, false]);
        only(&[Call::Commit]);
        fail_from(1);
        let before = calls();
        assert!(attempt());
        assert_eq!(calls(), before);
        never_fail();
        assert!(attempt());
        assert!(calls() > before);
    }

    // One test, because there is one machine.
    #[test]
    fn the_machine_is_as_pretended() {
        let size = LargePage::Large.size();
        machine::set_large_pages(LargePage::Large, Some(3));
        machine::set_grant_ms(1 << 40);
        let before = clock_ms();
        let base = reserve_large(None, 2 * size, LargePage::Large).expect("two of three");
        assert!(clock_ms() - before >= 1 << 40);
        assert_eq!(reserve_large(None, 2 * size, LargePage::Large), Err(OsError::OUT_OF_MEMORY));
        let taken = reserve_large(Some(base), size, LargePage::Large);
        assert_eq!(taken, Err(OsError::EXISTS), "something is there");
        machine::set_large_pages(LargePage::Large, None);
        machine::set_nodes(Some(5));
        machine::set_node(Some(3));
        assert_eq!((numa_node_count(), numa_node()), (5, 3));
        // SAFETY: just reserved, and nobody else knows it.
        unsafe {
            prefer_node(base, size, 4).expect("a pretended node");
            release(base, 2 * size).expect("ours");
        }
        assert_eq!(
            (machine::preferred(4), machine::preferred(1), machine::preferred(99)),
            (size, 0, 0)
        );
        machine::set_nodes(None);
        machine::set_node(None);
        let before = clock_coarse_ms();
        machine::advance_clock(1 << 40);
        assert!(clock_coarse_ms() - before >= 1 << 40);
    }
}
