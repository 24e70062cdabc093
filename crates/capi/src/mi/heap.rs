//! Heaps: making and ending them, the thread's default heap, and which heap a pointer belongs to.
//!
//! A heap is a `mi_heap_t*` that any thread may allocate from. Null stands for the main heap of the calling
//! thread's sub-process, save where a function says otherwise.
#![allow(unsafe_code)]

use core::ffi::{c_int, c_void};
use core::ptr::null;
use rimalloc_core::config::WORD_SIZE;
use rimalloc_core::guards::Choice;
use rimalloc_core::heap::{Heap, Settings};
use rimalloc_core::{arenas, collect, heaps, thread, visit};

/// `mi_heap_t*`: a heap, or null.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct HeapPtr(*const c_void);

impl HeapPtr {
    /// No heap.
    pub const NULL: Self = Self(null());

    /// What came through C as an untyped pointer.
    pub fn from_ptr(p: *mut c_void) -> Self {
        Self(p)
    }

    /// The pointer, for a way through C.
    pub fn as_ptr(self) -> *mut c_void {
        self.0.cast_mut()
    }

    /// The heap, if the pointer is not null.
    ///
    /// # Safety
    /// The pointer is null or a live heap.
    #[inline(always)]
    pub unsafe fn get(self) -> Option<&'static Heap> {
        // SAFETY: the caller's promise.
        unsafe { self.0.cast::<Heap>().as_ref() }
    }

    /// The heap, or the main heap of the calling thread's sub-process.
    ///
    /// # Safety
    /// The pointer is null or a live heap.
    pub unsafe fn get_or_main(self) -> &'static Heap {
        // SAFETY: the caller's promise.
        unsafe { self.get() }.unwrap_or_else(heaps::main)
    }
}

impl From<&'static Heap> for HeapPtr {
    fn from(heap: &'static Heap) -> Self {
        Self(core::ptr::from_ref(heap).cast())
    }
}

impl From<Option<&'static Heap>> for HeapPtr {
    fn from(heap: Option<&'static Heap>) -> Self {
        heap.map_or(Self::NULL, Self::from)
    }
}

/// Makes a heap; null when memory ran out.
#[unsafe(no_mangle)]
pub extern "C" fn mi_heap_new() -> HeapPtr {
    heaps::create(Settings::of(thread::subproc())).into()
}

/// Makes a heap with a tag, which can be destroyed if `allow_destroy`, and which allocates from one arena only if
/// `arena_id` is not 0. Null when memory ran out or the arena does not exist in the thread's sub-process.
#[unsafe(no_mangle)]
pub extern "C" fn mi_heap_new_ex(tag: c_int, allow_destroy: bool, arena_id: c_int) -> HeapPtr {
    let arena = arenas::find(arena_id);
    if arena_id != 0 && arena.is_none() {
        return HeapPtr::NULL;
    }
    let subproc = thread::subproc();
    heaps::create(Settings { subproc, arena, tag, destroyable: allow_destroy }).into()
}

/// Makes a heap that allocates from one arena only, or from any for id 0.
#[unsafe(no_mangle)]
pub extern "C" fn mi_heap_new_in_arena(arena_id: c_int) -> HeapPtr {
    mi_heap_new_ex(0, true, arena_id)
}

/// Ends a heap; its blocks stay valid, as blocks of the main heap. Null and the main heap are left alone.
///
/// # Safety
/// `heap` is null or a live heap, which nobody allocates from any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_heap_delete(heap: HeapPtr) {
    // SAFETY: null or a live heap by the caller's promise.
    if let Some(heap) = unsafe { heap.get() } {
        // SAFETY: the caller's promise.
        unsafe { heaps::delete(heap) }
    }
}

/// Ends a heap and all its blocks. Null and the main heap are left alone; a heap that does not allow it is deleted.
///
/// # Safety
/// `heap` is null or a live heap; nobody uses it or a block of it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_heap_destroy(heap: HeapPtr) {
    // SAFETY: null or a live heap by the caller's promise.
    if let Some(heap) = unsafe { heap.get() } {
        // SAFETY: the caller's promise.
        unsafe { heaps::destroy(heap) }
    }
}

/// Makes a heap the one that serves the thread's plain allocation, and returns the one before. Null, and nothing
/// changed, for null or when memory ran out.
///
/// # Safety
/// `heap` is null or a live heap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_heap_set_default(heap: HeapPtr) -> HeapPtr {
    // SAFETY: null or a live heap by the caller's promise.
    unsafe { heap.get() }.and_then(heaps::set_default).into()
}

/// The heap that serves the thread's plain allocation. Never null.
#[unsafe(no_mangle)]
pub extern "C" fn mi_heap_get_default() -> HeapPtr {
    heaps::default().into()
}

/// The heap that serves a thread's plain allocation at its start. Never null.
#[unsafe(no_mangle)]
pub extern "C" fn mi_heap_get_backing() -> HeapPtr {
    heaps::main().into()
}

/// The main heap of the calling thread's sub-process. Never null.
#[unsafe(no_mangle)]
pub extern "C" fn mi_heap_main() -> HeapPtr {
    heaps::main().into()
}

/// Frees what the calling thread keeps of a heap for reuse; with `force` also returns free memory to the system.
///
/// # Safety
/// `heap` is null or a live heap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_heap_collect(heap: HeapPtr, force: bool) {
    // SAFETY: null or a live heap by the caller's promise.
    collect::collect_heap(unsafe { heap.get_or_main() }, force);
}

/// Says on which NUMA node memory for the heap should be; negative for none.
///
/// # Safety
/// `heap` is null or a live heap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_heap_set_numa_affinity(heap: HeapPtr, numa_node: c_int) {
    // SAFETY: null or a live heap by the caller's promise.
    unsafe { heap.get_or_main() }.set_numa_node(usize::try_from(numa_node).ok());
}

/// The heap of a live block, or of any address in a page of it; null where there is none.
#[unsafe(no_mangle)]
pub extern "C" fn mi_heap_of(p: *const c_void) -> HeapPtr {
    visit::heap_of(p.cast()).into()
}

/// Whether `p` points into a page of the heap; any address may be asked about.
///
/// # Safety
/// `heap` is null or a live heap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_heap_contains(heap: HeapPtr, p: *const c_void) -> bool {
    // SAFETY: null or a live heap by the caller's promise.
    visit::contains(unsafe { heap.get_or_main() }, p.cast())
}

/// As [`mi_heap_contains`], but false for a null heap.
///
/// # Safety
/// `heap` is null or a live heap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_heap_contains_block(heap: HeapPtr, p: *const c_void) -> bool {
    // SAFETY: null or a live heap by the caller's promise.
    unsafe { heap.get() }.is_some_and(|heap| visit::contains(heap, p.cast()))
}

/// As [`mi_heap_contains_block`], but false for what is no multiple of a word.
///
/// # Safety
/// `heap` is null or a live heap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_heap_check_owned(heap: HeapPtr, p: *const c_void) -> bool {
    // SAFETY: null or a live heap by the caller's promise.
    p.addr().is_multiple_of(WORD_SIZE) && unsafe { mi_heap_contains_block(heap, p) }
}

/// [`mi_heap_check_owned`] for the thread's default heap.
#[unsafe(no_mangle)]
pub extern "C" fn mi_check_owned(p: *const c_void) -> bool {
    p.addr().is_multiple_of(WORD_SIZE) && visit::contains(heaps::default(), p.cast())
}

/// Whether `p` points into a page of any heap; any address may be asked about.
#[unsafe(no_mangle)]
pub extern "C" fn mi_any_heap_contains(p: *const c_void) -> bool {
    visit::heap_of(p.cast()).is_some()
}

/// Guards one of `sample_rate` blocks that the heap gives: 1 guards all, 0 none. A `seed` other than 0 makes the choice
/// repeatable. For all threads; other threads go by it soon.
///
/// # Safety
/// `heap` is null or a live heap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_heap_guarded_set_sample_rate(
    heap: HeapPtr,
    sample_rate: usize,
    seed: usize,
) {
    // SAFETY: the caller's promise.
    unsafe { guard(heap, Choice { rate: Some((sample_rate, seed)), bounds: None }) }
}

/// Guards blocks of `min` to `max` bytes only; `max` is raised to `min` if it is less. For all threads; other threads go
/// by it soon.
///
/// # Safety
/// `heap` is null or a live heap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_heap_guarded_set_size_bound(heap: HeapPtr, min: usize, max: usize) {
    // SAFETY: the caller's promise.
    unsafe { guard(heap, Choice { rate: None, bounds: Some((min, max)) }) }
}

/// Has blocks of the heap looked at when they are freed, resized or asked for their size, as the option `check` has those
/// of all heaps; with false, only if that option says so. For all threads; other threads go by it soon.
///
/// # Safety
/// `heap` is null or a live heap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_heap_set_check(heap: HeapPtr, check: bool) {
    // SAFETY: the caller's promise.
    heaps::set_watched(unsafe { heap.get() }.unwrap_or_else(heaps::main), check);
}

/// # Safety
/// `heap` is null or a live heap.
unsafe fn guard(heap: HeapPtr, choice: Choice) {
    // SAFETY: the caller's promise.
    heaps::set_guarding(unsafe { heap.get() }.unwrap_or_else(heaps::main), choice);
}
