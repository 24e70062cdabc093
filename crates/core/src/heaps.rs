//! Making heaps, allocating from them on any thread, and ending them.
//!
//! A thread finds its theap for a heap among its own theaps, which only it links. Ending a heap leaves them
//! there: a theap whose heap was destroyed is empty and waits for the thread's next heap; one whose heap was
//! deleted goes on owning its pages, which are the main heap's then, until they are freed or its thread ends.
#![allow(unsafe_code)]

use core::cell::Cell;
use core::ptr::{NonNull, null};

use crate::abandon;
use crate::arena::{Arena, meta};
use crate::heap::{HEAPS, Heap, MAIN_HEAP};
use crate::os;
use crate::theap::Theap;
use crate::thread;

/// Memory of ended heaps, under `HEAPS`: it stays memory of heaps.
struct Spare(Cell<*const Heap>);

// SAFETY: touched only under the lock `HEAPS`.
unsafe impl Sync for Spare {}

static SPARE: Spare = Spare(Cell::new(null()));

/// Makes a heap, bound to `arena` if that is given. `None` when memory ran out. Any thread may use the heap.
pub fn create(arena: Option<&'static Arena>) -> Option<&'static Heap> {
    thread::process_init();
    let _guard = HEAPS.lock();
    let spare = NonNull::new(SPARE.0.get().cast_mut());
    let place = match spare {
        Some(place) => place,
        None => meta::take(size_of::<Heap>())?.cast(),
    };
    if let Some(spare) = spare {
        // SAFETY: spare heaps are linked through `next`.
        SPARE.0.set(unsafe { spare.as_ref() }.next.get());
    }
    // SAFETY: memory of a heap's size that nobody uses.
    let heap: &'static Heap = unsafe {
        place.write(Heap::new(arena));
        place.as_ref()
    };
    let next = MAIN_HEAP.next.replace(heap);
    heap.next.set(next);
    heap.prev.set(&raw const MAIN_HEAP);
    // SAFETY: the list holds live heaps only.
    if let Some(next) = unsafe { next.as_ref() } {
        next.prev.set(heap);
    }
    Some(heap)
}

/// Takes a heap off the list and keeps its memory for another. The caller holds `HEAPS`.
fn retire(heap: &'static Heap) {
    // SAFETY: the list holds live heaps only, the main heap first, which is never retired.
    let (prev, next) = unsafe { (heap.prev.get().as_ref(), heap.next.get().as_ref()) };
    if let Some(prev) = prev {
        prev.next.set(heap.next.get());
    }
    if let Some(next) = next {
        next.prev.set(heap.prev.get());
    }
    heap.next.set(SPARE.0.replace(heap));
}

/// Calls `f` with each theap of a heap, after taking it off the heap's list. The caller holds `HEAPS`.
fn drain_theaps(heap: &'static Heap, mut f: impl FnMut(&'static Theap)) {
    // SAFETY: under the lock the list holds live theaps only.
    while let Some(theap) = unsafe { heap.theaps.get().cast::<Theap>().as_ref() } {
        thread::unlink(theap);
        f(theap);
    }
}

/// Ends a heap; its blocks stay valid and pass to the main heap. The main heap is never ended.
///
/// # Safety
/// Nobody allocates from the heap any more, now or later. Its blocks may be in use.
pub unsafe fn delete(heap: &'static Heap) {
    if heap.is_main() {
        return;
    }
    let _guard = HEAPS.lock();
    drain_theaps(heap, |theap| {
        theap.set_heap(Some(&MAIN_HEAP));
        thread::link_locked(theap);
    });
    while heap.pages.take_first(|page| abandon::pass_to(&MAIN_HEAP, page)).is_some() {}
    retire(heap);
}

/// Ends a heap and all its blocks. The main heap is never ended.
///
/// # Safety
/// Nobody uses the heap or a block of it any more, now or later.
pub unsafe fn destroy(heap: &'static Heap) {
    if heap.is_main() {
        return;
    }
    let _guard = HEAPS.lock();
    drain_theaps(heap, |theap| {
        theap.reset();
        theap.set_heap(None);
    });
    while let Some(page) = heap.pages.take_first(|_| {}) {
        abandon::condemn(page);
        // SAFETY: the caller has promised that nobody uses the heap's blocks, and its theaps forgot them.
        unsafe { page.destroy() };
    }
    retire(heap);
}

/// The calling thread's theap for `heap`, made if need be. `None` when memory ran out, or when the thread's
/// exit hook has run.
pub fn theap_of(heap: &'static Heap) -> Option<&'static Theap> {
    find(thread::ensure()?.root(), heap)
}

fn find(root: &'static Theap, heap: &'static Heap) -> Option<&'static Theap> {
    if root.is_part_of(Some(heap)) {
        return Some(root);
    }
    let (mut previous, mut spare) = (root, None);
    // SAFETY: the siblings of a root are theaps of its thread, which is this one.
    while let Some(theap) = unsafe { previous.sibling.get().as_ref() } {
        if theap.is_part_of(Some(heap)) {
            // In front, the thread's busiest heap is found first.
            previous.sibling.set(theap.sibling.get());
            theap.sibling.set(root.sibling.replace(theap));
            return Some(theap);
        }
        if theap.is_part_of(None) {
            spare = Some(theap);
        }
        previous = theap;
    }
    let theap = spare.map_or_else(|| make(root), Some)?;
    theap.init(os::thread_id(), heap, root);
    let _guard = HEAPS.lock();
    thread::link_locked(theap);
    Some(theap)
}

/// Makes one more theap of the calling thread.
fn make(root: &'static Theap) -> Option<&'static Theap> {
    let theap = thread::new_theap()?;
    theap.sibling.set(root.sibling.replace(theap));
    Some(theap)
}
