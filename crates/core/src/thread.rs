//! Start and end of threads and of the process, and fork.
//!
//! A thread gets its theap with its first allocation and gives it up in the exit hook of the system's thread
//! library. What it allocates after that (destructors that run later) comes from one locked theap that
//! belongs to no thread.
//!
//! # Fork
//! The locks of the library are taken before a fork, in one order, and released in parent and child. The
//! fast paths are not stopped, and the system copies memory while other threads go on: in the child a list
//! may be older than the blocks on it. What only the forking thread touches, and what a lock guards, is
//! whole; every other list is forgotten. The child takes all blocks of other pages for live, as abandoned
//! pages without a free block: what it frees into them it can use again, and a page whose blocks were all
//! live before, which most memory is, goes back as a whole. That happens at once, because the system may
//! give a new thread of the child the id of a vanished one.
#![allow(unsafe_code)]

use core::ffi::c_void;
use core::ptr::{NonNull, null};

use crate::abandon;
use crate::arena::{self, meta};
use crate::deferred;
use crate::describe;
use crate::guards;
use crate::heap::{HEAPS, Heap, MAIN_SUBPROC, SubProcess, for_each_heap, for_each_subproc};
use crate::options::{self, Opt};
use crate::os;
use crate::page::PageRef;
use crate::page_map;
use crate::random;
use crate::report;
use crate::stats;
use crate::sync::{AtomicBool, AtomicUsize, Ordering};
use crate::theap::{self, EMPTY_THEAP, EXITED_THEAP, Theap};

/// Guards the theaps of threads whose exit hook has run, one for each heap, made when such a thread allocates.
static LATE: os::Lock = os::Lock::new();

static STARTED: AtomicBool = AtomicBool::new(false);
/// The thread that was first to make a theap.
static FIRST: AtomicUsize = AtomicUsize::new(0);
/// Threads other than `FIRST` have used the library.
static SHARED: AtomicBool = AtomicBool::new(false);

/// Makes the library ready, if it is not. Any thread, any number of times; never allocates.
///
/// Threads that come first at the same time all do all of it, each step being one that can be done twice:
/// none waits for another, which a fork could have left behind.
pub fn process_init() {
    if STARTED.load(Ordering::Acquire) {
        return;
    }
    options::load();
    stats::start_clock(os::clock_ms());
    page_map::init();
    if options::get(Opt::AllowThp) == 0 {
        os::disable_huge_pages();
    }
    // Refused when another thread was faster. Without a hook threads leave their pages owned; all else works.
    let _ = os::on_thread_exit(on_thread_exit);
    if STARTED.swap(true, Ordering::AcqRel) {
        return;
    }
    report::set_main_thread();
    report::set_describe(describe::block);
    let _ = os::on_fork(before_fork, after_fork_in_parent, after_fork_in_child);
    report::option_warnings();
    arena::reserve_by_options(&MAIN_SUBPROC.arenas);
    report::verbose(format_args!("process init: {:#x}", os::thread_id()));
}

/// Whether the library was used at all.
pub fn is_started() -> bool {
    STARTED.load(Ordering::Acquire)
}

/// Gives the calling thread its theap now rather than with its first allocation.
pub fn thread_init() {
    let _ = ensure();
}

/// Gives up the calling thread's theap: its pages become abandoned ones, and its blocks stay valid. The
/// thread gets a new theap when it allocates again.
pub fn thread_done() {
    if theap::is_exited() {
        // Said already: a thread that is ending gets no theap any more.
        return;
    }
    os::disarm_thread_exit();
    end_thread(EMPTY_THEAP);
}

/// The calling thread's theap for plain allocation, made if need be. `None` when its exit hook has run or memory ran out.
#[cold]
pub fn ensure() -> Option<&'static Theap> {
    if let Some(theap) = theap::current_or_none() {
        if theap.living_heap().is_some() {
            return Some(theap);
        }
        // The thread's default heap was destroyed by another thread.
        theap::set_current(theap.root());
        return Some(theap.root());
    }
    if theap::is_exited() {
        return None;
    }
    start(&MAIN_SUBPROC)
}

/// Gives the calling thread, which has none, its root theap.
fn start(subproc: &'static SubProcess) -> Option<&'static Theap> {
    process_init();
    let theap = new_theap(|_| true)?;
    let me = os::thread_id();
    let first = FIRST.compare_exchange(0, me, Ordering::Relaxed, Ordering::Relaxed);
    if first.is_err_and(|first| first != me) {
        SHARED.store(true, Ordering::Relaxed);
    }
    theap.init(me, subproc.main_heap(), theap);
    link(theap);
    subproc.threads.fetch_add(1, Ordering::Relaxed);
    subproc.stats().threads.increase(1);
    // From here on the library can be re-entered: what follows may allocate.
    theap::set_current(theap);
    let _ = os::arm_thread_exit(NonNull::from(theap).cast());
    Some(theap)
}

/// The sub-process of the calling thread.
pub fn subproc() -> &'static SubProcess {
    theap::current_or_none().map_or(&MAIN_SUBPROC, |theap| theap.root().heap().subproc())
}

/// Makes the calling thread one of `subproc`: its plain allocation comes from there. What it allocated before
/// stays valid, as abandoned memory of the main sub-process. False when the thread has joined another already, or
/// memory ran out.
pub fn join(subproc: &'static SubProcess) -> bool {
    if theap::is_exited() {
        return false;
    }
    let Some(theap) = theap::current_or_none() else { return start(subproc).is_some() };
    let root = theap.root();
    let joined = root.heap().subproc();
    if joined.is(subproc) {
        return true;
    }
    if !joined.is(&MAIN_SUBPROC) {
        report::warning(format_args!("a thread of a sub-process cannot join another one"));
        return false;
    }
    abandon::abandon_all(root);
    let _guard = HEAPS.lock();
    unlink(root);
    root.init(os::thread_id(), subproc.main_heap(), root);
    link_locked(root);
    joined.threads.fetch_sub(1, Ordering::Relaxed);
    joined.stats().threads.decrease(1);
    subproc.threads.fetch_add(1, Ordering::Relaxed);
    subproc.stats().threads.increase(1);
    theap::set_current(root);
    true
}

/// Makes a theap of the calling thread the one that serves its plain allocation, and says which it was. `None`, and
/// nothing changed, when memory ran out or the thread's exit hook has run.
pub fn set_default(theap: &'static Theap) -> Option<&'static Theap> {
    let before = ensure()?;
    theap::set_current(theap);
    Some(before)
}

/// Zeroed memory for a theap, if `keep` takes it; `None` when it does not, or memory ran out.
pub(crate) fn new_theap(keep: impl FnOnce(&'static Theap) -> bool) -> Option<&'static Theap> {
    let storage = meta::take(size_of::<Theap>())?.cast::<Theap>();
    // SAFETY: zeroed memory of a theap's size, which nobody else knows; zeros are a theap to be initialised.
    let theap: &'static Theap = unsafe { storage.as_ref() };
    if keep(theap) {
        return Some(theap);
    }
    give_storage(theap);
    None
}

/// Calls `f` with the theap of `heap` that serves threads which have ended. `None` when memory ran out, or when the
/// heap has ended.
pub fn with_late_theap<R>(heap: &'static Heap, f: impl FnOnce(&Theap) -> Option<R>) -> Option<R> {
    process_init();
    let _guard = LATE.lock();
    if heap.has_ended() {
        return None;
    }
    if heap.late.get().is_null() {
        let theap = new_theap(|_| true)?;
        // Its own address: no thread's id, so every free into its pages is a remote one.
        theap.init(core::ptr::from_ref(theap).addr(), heap, theap);
        heap.late.set(core::ptr::from_ref(theap).cast());
    }
    // SAFETY: set above to a theap that ends under the lock.
    let theap: &Theap = unsafe { &*heap.late.get().cast() };
    let result = f(theap);
    // It is on no list where others find what it counts.
    theap.move_counts_to(&heap.counts);
    result
}

/// Ends the theap of `heap` that served threads which have ended, after `f` has dealt with its pages.
pub(crate) fn end_late_theap(heap: &Heap, f: impl FnOnce(&Theap)) {
    let _guard = LATE.lock();
    let late = heap.late.replace(null()).cast::<Theap>();
    // SAFETY: under the lock the heap names a live theap or none.
    if let Some(theap) = unsafe { late.as_ref() } {
        f(theap);
        theap.move_counts_to(&heap.counts);
        give_storage(theap);
    }
}

/// Adds a theap to its heap's list.
fn link(theap: &Theap) {
    let _guard = HEAPS.lock();
    link_locked(theap);
}

/// Adds a theap to its heap's list. The caller holds `HEAPS`.
pub(crate) fn link_locked(theap: &Theap) {
    let heap = theap.heap();
    let first = heap.theaps.replace(core::ptr::from_ref(theap).cast()).cast::<Theap>();
    theap.next.set(first);
    theap.prev.set(null());
    // SAFETY: under the lock the list holds live theaps only.
    if let Some(first) = unsafe { first.as_ref() } {
        first.prev.set(theap);
    }
}

/// Takes a theap off its heap's list; the heap takes over what it counted. The caller holds `HEAPS`.
pub(crate) fn unlink(theap: &Theap) {
    theap.move_counts_to(&theap.heap().counts);
    // SAFETY: under the lock the list holds live theaps only.
    let (prev, next) = unsafe { (theap.prev.get().as_ref(), theap.next.get().as_ref()) };
    match prev {
        Some(prev) => prev.next.set(theap.next.get()),
        None => theap.heap().theaps.set(theap.next.get().cast()),
    }
    if let Some(next) = next {
        next.prev.set(theap.prev.get());
    }
}

/// Gives back the storage of a theap that nobody refers to any more.
fn give_storage(theap: &Theap) {
    // SAFETY: every theap came from `meta::take` with this size.
    unsafe { meta::give(NonNull::from(theap).cast(), size_of::<Theap>()) };
}

/// Gives up the calling thread's theap and leaves `after` in its slot.
fn end_thread(after: *const Theap) {
    let Some(theap) = theap::current_or_none() else {
        theap::set_current(after);
        return;
    };
    theap::set_current(after);
    let root = theap.root();
    let subproc = root.heap().subproc();
    end_others(root);
    abandon::abandon_all(root);
    {
        let _guard = HEAPS.lock();
        unlink(root);
    }
    give_storage(root);
    if options::is_enabled(Opt::AbandonedPagePurge) {
        subproc.arenas.purge(true);
    } else {
        subproc.arenas.purge_if_due();
    }
    subproc.threads.fetch_sub(1, Ordering::Release);
    subproc.stats().threads.decrease(1);
}

/// Gives up the theaps of a root's thread for other heaps. Under the lock: their heaps may be ending at this moment.
fn end_others(root: &Theap) {
    if !root.has_others() {
        return;
    }
    let _guard = HEAPS.lock();
    root.for_each_other(|theap| {
        abandon::abandon_all(theap);
        if !theap.is_part_of(None) {
            unlink(theap);
        }
        give_storage(theap);
    });
    root.forget_others();
}

/// The hook that the system calls when a thread ends.
unsafe extern "C" fn on_thread_exit(_theap: *mut c_void) {
    end_thread(EXITED_THEAP);
}

unsafe extern "C" fn before_fork() {
    LATE.acquire();
    HEAPS.acquire();
    for_each_subproc(|subproc| {
        subproc.arenas.lock_for_fork();
        for_each_heap(subproc, |heap| heap.pages.lock_for_fork());
    });
    guards::lock_for_fork();
    meta::lock_for_fork();
    random::lock_for_fork();
}

unsafe extern "C" fn after_fork_in_parent() {
    unlock_after_fork(false);
}

fn unlock_after_fork(in_child: bool) {
    // SAFETY: `before_fork` took the locks, in this thread or in the one that this process was forked from.
    unsafe {
        random::unlock_after_fork(in_child);
        meta::unlock_after_fork();
        guards::unlock_after_fork();
        for_each_subproc(|subproc| {
            for_each_heap(subproc, |heap| heap.pages.unlock_after_fork());
            subproc.arenas.unlock_after_fork();
        });
        HEAPS.release();
        LATE.release();
    }
}

unsafe extern "C" fn after_fork_in_child() {
    unlock_after_fork(true);
    report::after_fork_in_child();
    deferred::after_fork_in_child();
    let me = os::thread_id();
    let first = FIRST.swap(me, Ordering::Relaxed);
    if !SHARED.swap(false, Ordering::Relaxed) && (first == me || first == 0) {
        return;
    }
    for_each_subproc(|subproc| {
        for arena in subproc.arenas.iter() {
            arena.doubt_contents();
            arena.for_each_page(|index| {
                abandon::forget(PageRef::from_record(arena.record(index)), me);
                true
            });
        }
        for_each_heap(subproc, |heap| {
            heap.pages.for_each(|page| abandon::forget(page, me));
            drop_vanished_theaps(heap, me);
        });
        subproc.forget_abandoned();
    });
}

/// Notes that a thread uses the library without a theap: it is not the only thread.
pub fn note_guest() {
    if !SHARED.load(Ordering::Relaxed) {
        SHARED.store(true, Ordering::Relaxed);
    }
}

/// Frees the theaps of threads other than `survivor`. Their tables of theaps may have been changing: nothing is
/// reached through them, and their memory is lost.
fn drop_vanished_theaps(heap: &'static Heap, survivor: usize) {
    let mut at = heap.theaps.get().cast::<Theap>();
    // SAFETY: the list holds live theaps, and each is read before its storage is given back.
    while let Some(theap) = unsafe { at.as_ref() } {
        at = theap.next.get();
        if theap.tid() != survivor {
            unlink(theap);
            if core::ptr::eq(theap.root(), theap) {
                heap.subproc().stats().threads.decrease(1);
                heap.subproc().threads.fetch_sub(1, Ordering::Relaxed);
            }
            give_storage(theap);
        }
    }
}
