//! Visiting areas and blocks of heaps, and sub-processes' heaps.
//!
//! A visitor is called with each area and a null block, and then with each live block of it if blocks are visited.
//! It may return false to end the visit, and may free the block that it is shown.
#![allow(unsafe_code)]

use super::heap::HeapPtr;
use super::subproc::SubprocPtr;
use super::theap::TheapPtr;
use core::ffi::{c_int, c_void};
use core::ptr::{NonNull, null_mut};
use rimalloc_core::heap::Heap;
use rimalloc_core::subprocs;
use rimalloc_core::visit::{self, Area};

/// `mi_heap_area_t`. Sizes are in bytes.
#[repr(C)]
pub struct HeapArea {
    blocks: *mut c_void,
    reserved: usize,
    committed: usize,
    used: usize,
    block_size: usize,
    full_block_size: usize,
    heap_tag: c_int,
}

impl From<&Area> for HeapArea {
    fn from(area: &Area) -> Self {
        Self {
            blocks: area.start.cast(),
            reserved: area.reserved,
            committed: area.committed,
            used: area.used,
            block_size: area.block_size,
            full_block_size: area.full_block_size,
            heap_tag: area.tag,
        }
    }
}

/// `mi_block_visit_fun`.
pub type BlockVisitFn =
    unsafe extern "C" fn(HeapPtr, *const HeapArea, *mut c_void, usize, *mut c_void) -> bool;

/// `mi_heap_visit_fun`.
pub type HeapVisitFn = unsafe extern "C" fn(HeapPtr, *mut c_void) -> bool;

/// Calls `walk` with what hands its arguments to the visitor. Without a visitor false.
///
/// # Safety
/// `visitor` is null or can be called with `arg` during the walk.
unsafe fn with_visitor(
    visitor: Option<BlockVisitFn>,
    arg: *mut c_void,
    walk: impl FnOnce(&mut visit::Visitor<'_>) -> bool,
) -> bool {
    let Some(visitor) = visitor else { return false };
    walk(&mut |heap: &'static Heap, area: &Area, block: Option<NonNull<u8>>| {
        let block = block.map_or(null_mut(), |block| block.as_ptr().cast());
        // SAFETY: the caller's promise.
        unsafe { visitor(heap.into(), &HeapArea::from(area), block, area.block_size, arg) }
    })
}

/// Visits all areas of a heap, of all threads. Whether the visitor never returned false; false without a visitor.
///
/// # Safety
/// `heap` is null or a live heap; `visitor` is null or can be called with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_heap_visit_blocks(
    heap: HeapPtr,
    visit_blocks: bool,
    visitor: Option<BlockVisitFn>,
    arg: *mut c_void,
) -> bool {
    // SAFETY: as the caller promises.
    unsafe {
        let heap = heap.get_or_main();
        with_visitor(visitor, arg, |visitor| visit::heap(heap, visit_blocks, visitor))
    }
}

/// As [`mi_heap_visit_blocks`], of pages without a thread: those that threads left when they ended, and full ones.
///
/// # Safety
/// As for [`mi_heap_visit_blocks`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_heap_visit_abandoned_blocks(
    heap: HeapPtr,
    visit_blocks: bool,
    visitor: Option<BlockVisitFn>,
    arg: *mut c_void,
) -> bool {
    // SAFETY: as the caller promises.
    unsafe {
        let heap = heap.get_or_main();
        with_visitor(visitor, arg, |visitor| visit::abandoned(heap, visit_blocks, visitor))
    }
}

/// As [`mi_heap_visit_abandoned_blocks`], of all heaps of a sub-process whose tag is `heap_tag`, or of any tag for
/// -1.
///
/// # Safety
/// `subproc` is null or a live sub-process; `visitor` is null or can be called with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_abandoned_visit_blocks(
    subproc: SubprocPtr,
    heap_tag: c_int,
    visit_blocks: bool,
    visitor: Option<BlockVisitFn>,
    arg: *mut c_void,
) -> bool {
    let tag = (heap_tag != -1).then_some(heap_tag);
    // SAFETY: as the caller promises.
    unsafe {
        let subproc = subproc.get_or_main();
        with_visitor(visitor, arg, |visitor| {
            visit::abandoned_of(subproc, tag, visit_blocks, visitor)
        })
    }
}

/// As [`mi_heap_visit_blocks`], of the pages that a theap owns. False without a theap.
///
/// # Safety
/// `theap` is null or a theap of the calling thread; `visitor` is null or can be called with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_theap_visit_blocks(
    theap: TheapPtr,
    visit_blocks: bool,
    visitor: Option<BlockVisitFn>,
    arg: *mut c_void,
) -> bool {
    // SAFETY: as the caller promises.
    unsafe {
        theap.get().is_some_and(|theap| {
            with_visitor(visitor, arg, |visitor| visit::theap(theap, visit_blocks, visitor))
        })
    }
}

/// Calls a visitor with each heap of a sub-process, the main one first. It may end the heap that it is shown.
/// Whether it never returned false; false without a visitor.
///
/// # Safety
/// `subproc` is null or a live sub-process; `visitor` is null or can be called with `arg`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_subproc_visit_heaps(
    subproc: SubprocPtr,
    visitor: Option<HeapVisitFn>,
    arg: *mut c_void,
) -> bool {
    // SAFETY: as the caller promises.
    let subproc = unsafe { subproc.get_or_main() };
    visitor.is_some_and(|visitor| {
        // SAFETY: as the caller promises.
        subprocs::visit_heaps(subproc, |heap| unsafe { visitor(heap.into(), arg) })
    })
}

/// Whether moving the block `p` elsewhere is likely to free its page: the calling thread owns it and has blocks to
/// spare, all of its blocks have been handed out, and at most `perc_threshold` percent of them are live. With a heap,
/// also whether it is that heap's.
///
/// # Safety
/// `heap` is null or a live heap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_unsafe_heap_page_is_under_utilized(
    heap: HeapPtr,
    p: *mut c_void,
    perc_threshold: usize,
) -> bool {
    // SAFETY: null or a live heap by the caller's promise.
    visit::is_under_utilized(unsafe { heap.get() }, p.cast(), perc_threshold)
}
