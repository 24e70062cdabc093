//! Sub-processes: separate worlds of arenas, heaps and abandoned pages, in one address space.
//!
//! A thread joins one before its first allocation, and its plain allocation stays there. Blocks may be freed by any
//! thread. Ending a sub-process gives back all that it holds, and touches no other's memory.
#![allow(unsafe_code)]

use core::cell::Cell;
use core::ptr::null;

use crate::arena::meta;
use crate::guarded;
use crate::heap::{
    HEAPS, Heap, MAIN_SUBPROC, Settings, SubProcess, for_each_heap, for_each_subproc,
};
use crate::heaps;
use crate::page::PageRef;
use crate::page_map;
use crate::report;
use crate::snapshot::Snapshot;
use crate::sync::Ordering;
use crate::theap::Theap;
use crate::thread;

/// Memory of ended sub-processes, under `HEAPS`: it stays memory of sub-processes.
struct Spare(Cell<*const SubProcess>);

// SAFETY: touched only under the lock `HEAPS`.
unsafe impl Sync for Spare {}

static SPARE: Spare = Spare(Cell::new(null()));

/// Makes a sub-process without threads. `None` when memory ran out.
pub fn create() -> Option<&'static SubProcess> {
    thread::process_init();
    let _guard = HEAPS.lock();
    // SAFETY: spare sub-processes are linked through `next`, and stay memory of sub-processes.
    let place = match unsafe { SPARE.0.get().as_ref() } {
        Some(spare) => {
            SPARE.0.set(spare.next.get());
            core::ptr::from_ref(spare).cast_mut()
        }
        None => meta::take(size_of::<SubProcess>())?.as_ptr().cast(),
    };
    // SAFETY: memory of a sub-process's size that nobody uses.
    let subproc: &'static SubProcess = unsafe {
        place.write(SubProcess::new());
        &*place
    };
    let Some(main) = heaps::make(Settings::of(subproc), true) else {
        subproc.next.set(SPARE.0.replace(subproc));
        return None;
    };
    subproc.set_main_heap(main);
    subproc.next.set(MAIN_SUBPROC.next.replace(subproc));
    Some(subproc)
}

/// Ends a sub-process with all its heaps and blocks, and gives its memory back; what was adopted goes back to those
/// who own it. The main one is never ended, nor is one that still has threads.
///
/// # Safety
/// Nobody uses the sub-process, a heap or a block of it any more, now or later.
pub unsafe fn end(subproc: &'static SubProcess) {
    if subproc.is(&MAIN_SUBPROC) {
        return;
    }
    if subproc.threads.load(Ordering::Acquire) != 0 {
        report::warning(format_args!("a sub-process that has threads is not deleted"));
        return;
    }
    // SAFETY: the caller's promise.
    unsafe { end_blocks(subproc) };
    let _guard = HEAPS.lock();
    unlink(subproc);
    for_each_heap(subproc, |heap| {
        if !heap.is_main() {
            heap.counts.move_to(&subproc.ended);
            heaps::keep_memory(heap);
        }
    });
    let main = subproc.main_heap();
    main.counts.move_to(&MAIN_SUBPROC.ended);
    subproc.ended.move_to(&MAIN_SUBPROC.ended);
    heaps::keep_memory(main);
    // SAFETY: no page is left, and nobody will ask for one.
    unsafe { subproc.arenas.release_all() };
    subproc.stats().move_to(MAIN_SUBPROC.stats());
    subproc.next.set(SPARE.0.replace(subproc));
}

/// Ends all blocks of a sub-process. Its heaps are as new then.
///
/// # Safety
/// Nobody uses a block of the sub-process any more, now or later, and no thread is using one of its heaps.
unsafe fn end_blocks(subproc: &'static SubProcess) {
    guarded::give_all_back(subproc);
    for_each_heap(subproc, |heap| thread::end_late_theap(heap, Theap::reset));
    let _guard = HEAPS.lock();
    // SAFETY: the caller's promise.
    for_each_heap(subproc, |heap| unsafe { heaps::destroy_pages(heap) });
    let main = subproc.main_heap();
    for arena in subproc.arenas.iter() {
        arena.for_each_page(|index| {
            let page = PageRef::from_record(arena.record(index));
            // SAFETY: the page is of the main heap, whose blocks nobody uses, by the caller's promise.
            unsafe { heaps::destroy_page(main, page) };
            true
        });
    }
    subproc.forget_abandoned();
}

/// Ends all blocks of all sub-processes and gives their memory back. Heaps and sub-processes stay, and are as new.
/// False, and nothing has changed, when there are threads that have allocated.
///
/// # Safety
/// Nobody uses a block any more, now or later, and only the calling thread uses the library.
pub(crate) unsafe fn end_all_blocks() -> bool {
    let mut threads = 0;
    for_each_subproc(|subproc| threads += subproc.threads.load(Ordering::Acquire));
    if threads != 0 {
        return false;
    }
    for_each_subproc(|subproc| {
        // SAFETY: the caller's promise.
        unsafe { end_blocks(subproc) };
        let mut is_bound = false;
        for_each_heap(subproc, |heap| is_bound |= heap.arena().is_some());
        if is_bound {
            subproc.arenas.purge(true);
        } else {
            // SAFETY: no page is left, no heap is bound to an arena, and nobody else could ask for one.
            unsafe { subproc.arenas.release_all() };
        }
    });
    // SAFETY: no page is left, and the caller is the only one who uses the map.
    unsafe { page_map::release() };
    true
}

/// Takes a sub-process off the list of all. The caller holds `HEAPS`.
fn unlink(subproc: &SubProcess) {
    let mut at = &MAIN_SUBPROC;
    // SAFETY: the list holds live sub-processes only.
    while let Some(next) = unsafe { at.next.get().as_ref() } {
        if next.is(subproc) {
            at.next.set(next.next.get());
            return;
        }
        at = next;
    }
}

/// Calls `f` with every heap that a sub-process has now, the main one first, until it returns false. `f` may end the
/// heap that it is shown, and make others. Whether it never returned false; false also when memory for the list of
/// heaps ran out.
pub fn visit_heaps(subproc: &'static SubProcess, f: impl FnMut(&'static Heap) -> bool) -> bool {
    let guard = HEAPS.lock();
    let heaps = Snapshot::take(|add| for_each_heap(subproc, &mut *add));
    drop(guard);
    heaps.is_some_and(|heaps| heaps.things().iter().copied().all(f))
}
