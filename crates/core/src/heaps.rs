//! Making heaps, allocating from them on any thread, and ending them.
//!
//! A thread finds its theap for a heap in the cache of its default theap, else by the heap's number among its own
//! theaps, which only it enters. Ending a heap leaves them there: a theap whose heap was destroyed is empty; one
//! whose heap was deleted goes on owning its pages, which are the main heap's then. Both are made part of the next
//! heap that has the number when their thread comes to use it, or end with their thread.
#![allow(unsafe_code)]

use core::cell::Cell;
use core::ptr::null;

use crate::abandon;
use crate::arena::meta;
use crate::guards::Choice;
use crate::heap::{HEAPS, Heap, Settings};
use crate::os;
use crate::page::PageRef;
use crate::page::look;
use crate::report;
use crate::sync::Ordering;
use crate::theap::{self, NUMBER_END, Theap};
use crate::thread;

/// Memory of ended heaps, under `HEAPS`: it stays memory of heaps.
struct Spare {
    first: Cell<*const Heap>,
    /// Heaps made so far, the numbers of the next.
    made: Cell<u32>,
}

// SAFETY: touched only under the lock `HEAPS`.
unsafe impl Sync for Spare {}

static SPARE: Spare = Spare { first: Cell::new(null()), made: Cell::new(0) };

/// Makes a heap. `None` when memory ran out, or when its arena belongs to another sub-process. Any thread may use
/// the heap.
pub fn create(settings: Settings) -> Option<&'static Heap> {
    thread::process_init();
    let main = settings.subproc.main_heap();
    let arenas = &settings.subproc.arenas;
    if settings.arena.is_some_and(|arena| !core::ptr::eq(arena.owner(), arenas)) {
        return None;
    }
    let _guard = HEAPS.lock();
    let heap = make(settings, false)?;
    let next = main.next.replace(heap);
    heap.next.set(next);
    heap.prev.set(main);
    // SAFETY: the list holds live heaps only.
    if let Some(next) = unsafe { next.as_ref() } {
        next.prev.set(heap);
    }
    Some(heap)
}

/// Makes a heap that is on no list yet. The caller holds `HEAPS`.
pub(crate) fn make(settings: Settings, is_main: bool) -> Option<&'static Heap> {
    // SAFETY: spare heaps are linked through `next`, and stay memory of heaps.
    let spare = unsafe { SPARE.first.get().as_ref() };
    let (place, number) = match spare {
        Some(spare) => {
            SPARE.first.set(spare.next.get());
            (core::ptr::from_ref(spare).cast_mut(), spare.number())
        }
        None if (SPARE.made.get() as usize) < NUMBER_END => {
            let place = meta::take(size_of::<Heap>())?.as_ptr().cast();
            (place, SPARE.made.replace(SPARE.made.get() + 1) as usize)
        }
        None => return None,
    };
    // SAFETY: memory of a heap's size that nobody uses.
    unsafe {
        place.write(Heap::new(settings, crate::units::to_u32(number), is_main));
        place.as_ref()
    }
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
    keep_memory(heap);
}

/// Keeps the memory of a heap that is on no list for another. The caller holds `HEAPS`.
pub(crate) fn keep_memory(heap: &'static Heap) {
    heap.set_ended();
    heap.next.set(SPARE.first.replace(heap));
}

/// Calls `f` with each theap of a heap, after taking it off the heap's list. The caller holds `HEAPS`.
fn drain_theaps(heap: &'static Heap, mut f: impl FnMut(&'static Theap)) {
    // SAFETY: under the lock the list holds live theaps only.
    while let Some(theap) = unsafe { heap.theaps.get().cast::<Theap>().as_ref() } {
        thread::unlink(theap);
        f(theap);
    }
}

/// Whether a heap can end; what forbids it is reported.
fn can_end(heap: &Heap) -> bool {
    if heap.is_main() {
        report::warning(format_args!("the main heap cannot be deleted or destroyed"));
    } else if heap.has_ended() {
        report::warning(format_args!("a heap that has ended cannot be deleted or destroyed"));
    } else {
        return true;
    }
    false
}

/// Ends a heap; its blocks stay valid and pass to the main heap of its sub-process. The main heap is never ended.
///
/// # Safety
/// Nobody allocates from the heap any more, now or later. Its blocks may be in use.
pub unsafe fn delete(heap: &'static Heap) {
    if !can_end(heap) {
        return;
    }
    leave_as_default(heap);
    let main = heap.subproc().main_heap();
    thread::end_late_theap(heap, abandon::abandon_all);
    let _guard = HEAPS.lock();
    drain_theaps(heap, |theap| {
        theap.set_heap(Some(main));
        thread::link_locked(theap);
    });
    while heap.pages.take_first(|page| abandon::pass_to(main, page)).is_some() {}
    // Now that no page of the heap is left that somebody could count there.
    heap.counts.move_to(&main.counts);
    retire(heap);
}

/// Ends a heap and all its blocks. The main heap is never ended; a heap that was made to be deleted only is.
///
/// # Safety
/// Nobody uses the heap or a block of it any more, now or later.
pub unsafe fn destroy(heap: &'static Heap) {
    if !can_end(heap) {
        return;
    }
    if !heap.is_destroyable() {
        report::warning(format_args!("a heap that does not allow it is deleted, not destroyed"));
        // SAFETY: the caller's promise.
        return unsafe { delete(heap) };
    }
    leave_as_default(heap);
    thread::end_late_theap(heap, Theap::reset);
    let _guard = HEAPS.lock();
    // SAFETY: the caller's promise.
    unsafe { destroy_pages(heap) };
    heap.counts.move_to(&heap.subproc().ended);
    retire(heap);
}

/// Ends all pages on a heap's list and leaves its theaps without a heap. The caller holds `HEAPS`.
///
/// # Safety
/// Nobody uses the heap or a block of it any more, now or later.
pub(crate) unsafe fn destroy_pages(heap: &'static Heap) {
    drain_theaps(heap, |theap| {
        theap.reset();
        theap.set_heap(None);
    });
    while let Some(page) = heap.pages.take_first(|_| {}) {
        // SAFETY: the caller has promised that nobody uses the heap's blocks, and its theaps forgot them.
        unsafe { destroy_page(heap, page) };
    }
}

/// Ends a page of a heap with all its blocks. What was left of the list that a fast path had of it was never
/// allocated.
///
/// # Safety
/// The page is on no list; nobody uses it or a block of it any more, now or later.
pub(crate) unsafe fn destroy_page(heap: &Heap, page: PageRef) {
    page.tell_end();
    // SAFETY: the caller's promise: all memory of the page can be read.
    let left = unsafe { look::left(page, |_| true) };
    if left != 0 {
        heap.counts.hand(page.bin(), -i64::from(left));
    }
    heap.counts.end_page(page.bin(), page.block_size());
    let (bytes, record) = (page.held_bytes(), page.record());
    abandon::condemn(page);
    // SAFETY: the caller's promise.
    unsafe { heap.subproc().take_back(page.destroy(), bytes, record) };
}

/// Plain allocation of the calling thread does not go to a heap that ends.
fn leave_as_default(heap: &Heap) {
    if let Some(theap) = theap::current_or_none()
        && theap.is_part_of(Some(heap))
    {
        theap::set_current(theap.root());
    }
}

/// The calling thread's theap for `heap`, made if need be; `None` stands for the main heap of the thread's
/// sub-process. `None` when memory ran out, when the heap has ended, or when the thread's exit hook has run.
#[cold]
#[inline(never)]
pub fn theap_of(heap: Option<&'static Heap>) -> Option<&'static Theap> {
    let default = thread::ensure()?;
    let root = default.root();
    let theap = find(root, heap.unwrap_or_else(|| root.heap()))?;
    default.remember(theap);
    Some(theap)
}

/// As [`theap_of`], when the thread has one already.
pub fn theap_of_or_none(heap: &'static Heap) -> Option<&'static Theap> {
    let root = theap::current_or_none()?.root();
    let theap = if root.is_part_of(Some(heap)) { Some(root) } else { root.other(heap) };
    theap.filter(|theap| theap.is_part_of(Some(heap)))
}

fn find(root: &'static Theap, heap: &'static Heap) -> Option<&'static Theap> {
    if root.is_part_of(Some(heap)) {
        return Some(root);
    }
    if heap.has_ended() {
        return None;
    }
    let theap = match root.other(heap) {
        Some(theap) if theap.is_part_of(Some(heap)) => return Some(theap),
        Some(theap) => {
            leave(theap);
            theap
        }
        None => thread::new_theap(|theap| root.add_other(heap, theap))?,
    };
    theap.init(os::thread_id(), heap, root);
    let _guard = HEAPS.lock();
    thread::link_locked(theap);
    Some(theap)
}

/// Makes a theap of the calling thread, whose heap has ended, ready for another heap: what it owns was passed to
/// the main heap, and is abandoned.
fn leave(theap: &'static Theap) {
    abandon::abandon_all(theap);
    let _guard = HEAPS.lock();
    if !theap.is_part_of(None) {
        thread::unlink(theap);
    }
}

/// Makes `heap` the one that serves plain allocation of the calling thread, and says which it was. `None`, and
/// nothing changed, when memory ran out, the heap has ended, or the thread's exit hook has run.
pub fn set_default(heap: &'static Heap) -> Option<&'static Heap> {
    let theap = find(thread::ensure()?.root(), heap)?;
    thread::set_default(theap).map(Theap::heap)
}

/// The heap that serves plain allocation of the calling thread.
pub fn default() -> &'static Heap {
    thread::ensure().map_or(&crate::heap::MAIN_HEAP, Theap::heap)
}

/// The main heap of the calling thread's sub-process.
pub fn main() -> &'static Heap {
    thread::subproc().main_heap()
}

/// Chooses which blocks of a heap are guarded, for all threads. The calling thread goes by it at once, others soon.
pub fn set_guarding(heap: &'static Heap, choice: Choice) {
    heap.guarding.set(choice);
    update_own(heap);
}

/// Chooses whether blocks of a heap are looked at when they are freed, as all are with the option `check`. The calling
/// thread goes by it at once, others soon.
pub fn set_watched(heap: &'static Heap, watched: bool) {
    heap.watched.store(watched, Ordering::Relaxed);
    update_own(heap);
}

fn update_own(heap: &'static Heap) {
    if let Some(theap) = theap_of_or_none(heap) {
        theap.update_choices();
    }
}
