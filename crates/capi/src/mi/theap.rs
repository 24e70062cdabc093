//! Theaps: the calling thread's parts of heaps. A `mi_theap_t*` is used by its thread only, while its heap lives.
#![allow(unsafe_code)]

use super::heap::HeapPtr;
use core::ffi::c_void;
use core::ptr::null;
use rimalloc_core::guards::Choice;
use rimalloc_core::theap::Theap;
use rimalloc_core::{aligned, alloc, collect, heaps, realloc, thread};

/// `mi_theap_t*`: a theap of the calling thread, or null.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct TheapPtr(*const c_void);

impl TheapPtr {
    /// The theap, if the pointer is not null.
    ///
    /// # Safety
    /// The pointer is null or a theap of the calling thread.
    #[inline(always)]
    pub unsafe fn get(self) -> Option<&'static Theap> {
        // SAFETY: the caller's promise.
        unsafe { self.0.cast::<Theap>().as_ref() }
    }
}

impl From<Option<&'static Theap>> for TheapPtr {
    fn from(theap: Option<&'static Theap>) -> Self {
        Self(theap.map_or(null(), core::ptr::from_ref).cast())
    }
}

/// The calling thread's theap for a heap, made if need be; null when memory ran out or the thread has ended.
///
/// # Safety
/// `heap` is null or a live heap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_heap_theap(heap: HeapPtr) -> TheapPtr {
    // SAFETY: null or a live heap by the caller's promise.
    heaps::theap_of(unsafe { heap.get() }).into()
}

/// The theap that serves the thread's plain allocation; null only when the thread has ended or memory ran out.
#[unsafe(no_mangle)]
pub extern "C" fn mi_theap_get_default() -> TheapPtr {
    thread::ensure().into()
}

/// Makes a theap the one that serves the thread's plain allocation, and returns the one before. Null, and nothing
/// changed, for null.
///
/// # Safety
/// `theap` is null or a theap of the calling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_theap_set_default(theap: TheapPtr) -> TheapPtr {
    // SAFETY: null or a theap of this thread by the caller's promise.
    unsafe { theap.get() }.and_then(thread::set_default).into()
}

/// Frees what a theap keeps for reuse; with `force` also returns free memory to the system.
///
/// # Safety
/// `theap` is null or a theap of the calling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_theap_collect(theap: TheapPtr, force: bool) {
    // SAFETY: null or a theap of this thread by the caller's promise.
    if let Some(theap) = unsafe { theap.get() } {
        collect::collect_theap(theap, force);
    }
}

/// Functions that allocate from a theap: each forwards to the engine's function of that name. A null theap is the
/// thread's default one.
macro_rules! allocate_from_theap {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident),*) = $function:path;)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// `theap` is null or a theap of the calling thread.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(theap: TheapPtr, $($arg: usize),*) -> *mut c_void {
            // SAFETY: null or a theap of this thread by the caller's promise.
            $function(unsafe { theap.get() }, $($arg),*).cast()
        }
    )*};
}

allocate_from_theap! {
    /// Allocates `size` bytes, uninitialised.
    fn mi_theap_malloc(size) = alloc::malloc;
    /// Allocates `size` bytes, zeroed.
    fn mi_theap_zalloc(size) = alloc::zalloc;
    /// Allocates `count * size` bytes, zeroed; null when the product overflows.
    fn mi_theap_calloc(count, size) = alloc::calloc;
    /// Allocates `size` bytes, at most `MI_SMALL_SIZE_MAX`, uninitialised.
    fn mi_theap_malloc_small(size) = alloc::malloc_small;
    /// Allocates `size` bytes, at most `MI_SMALL_SIZE_MAX`, zeroed.
    fn mi_theap_zalloc_small(size) = alloc::zalloc_small;
    /// Allocates `size` bytes at a multiple of `alignment`.
    fn mi_theap_malloc_aligned(size, alignment) = aligned::malloc_aligned;
}

/// Resizes a block, in place where it fits, stays at least half full and is of the theap's heap.
///
/// # Safety
/// `theap` is null or a theap of the calling thread, `p` null or a live block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_theap_realloc(
    theap: TheapPtr,
    p: *mut c_void,
    newsize: usize,
) -> *mut c_void {
    // SAFETY: both by the caller's promise.
    unsafe { realloc::realloc(theap.get(), p.cast(), newsize).cast() }
}

/// Guards one of `sample_rate` blocks that the theap gives, whatever is chosen for its heap: 1 guards all, 0 none. A
/// `seed` other than 0 makes the choice repeatable.
///
/// # Safety
/// `theap` is null or a theap of the calling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_theap_guarded_set_sample_rate(
    theap: TheapPtr,
    sample_rate: usize,
    seed: usize,
) {
    // SAFETY: the caller's promise.
    unsafe { guard(theap, Choice { rate: Some((sample_rate, seed)), bounds: None }) }
}

/// Guards blocks of `min` to `max` bytes only, whatever is chosen for the theap's heap; `max` is raised to `min` if it is
/// less.
///
/// # Safety
/// `theap` is null or a theap of the calling thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_theap_guarded_set_size_bound(theap: TheapPtr, min: usize, max: usize) {
    // SAFETY: the caller's promise.
    unsafe { guard(theap, Choice { rate: None, bounds: Some((min, max)) }) }
}

/// # Safety
/// `theap` is null or a theap of the calling thread.
unsafe fn guard(theap: TheapPtr, choice: Choice) {
    // SAFETY: the caller's promise.
    if let Some(theap) = unsafe { theap.get() }.or_else(thread::ensure) {
        theap.sampler.choose(choice);
        theap.update_choices();
    }
}
