//! Sub-processes: separate worlds of arenas, heaps and abandoned pages, in one address space.
//!
//! A thread joins one before its first allocation, and its plain allocation stays there. Blocks may be freed by any
//! thread. Ending a sub-process gives back all that it holds, and touches no other's memory.
#![allow(unsafe_code)]

use core::cell::Cell;
use core::ptr::null;

use crate::arena::meta;
use crate::heap::{HEAPS, Heap, MAIN_SUBPROC, Settings, SubProcess, for_each_heap};
use crate::heaps;
use crate::page::PageRef;
use crate::report;
use crate::snapshot::Snapshot;
use crate::sync::Ordering;
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
    for_each_heap(subproc, |heap| thread::end_late_theap(heap, crate::theap::Theap::reset));
    let _guard = HEAPS.lock();
    unlink(subproc);
    let mut next = Some(subproc.main_heap());
    while let Some(heap) = next {
        // SAFETY: the list holds live heaps only.
        next = unsafe { heap.next.get().as_ref() };
        // SAFETY: the caller's promise.
        unsafe { heaps::destroy_pages(heap) };
        if !heap.is_main() {
            heap.counts.move_to(&subproc.ended, false);
            heaps::keep_memory(heap);
        }
    }
    let main = subproc.main_heap();
    for arena in subproc.arenas.iter() {
        arena.for_each_page(|index| {
            let page = PageRef::from_record(arena.record(index));
            // SAFETY: the page is of the main heap, whose blocks nobody uses, by the caller's promise.
            unsafe { heaps::destroy_page(main, page) };
            true
        });
    }
    main.counts.move_to(&MAIN_SUBPROC.ended, false);
    subproc.ended.move_to(&MAIN_SUBPROC.ended, false);
    heaps::keep_memory(main);
    // SAFETY: no page is left, and nobody will ask for one.
    unsafe { subproc.arenas.release_all() };
    subproc.next.set(SPARE.0.replace(subproc));
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
