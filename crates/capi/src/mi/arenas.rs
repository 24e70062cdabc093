//! Arenas: memory that is reserved beforehand, or that the program has and the allocator uses.
//!
//! Arenas are named by numbers from 1 up; 0 names none. A number that names none is no error: it has no
//! area and contains nothing. Functions that return an `int` return 0 or an error code and leave `errno`
//! alone; where they have an `arena_id`, it may be null, and is 0 when there is no arena.
#![allow(unsafe_code)]

use core::ffi::{c_int, c_void};
use core::ptr::null_mut;
use rimalloc_core::arena::{CommitFn, Committer, Traits};
use rimalloc_core::arenas::{self, Reserved, Show};
use rimalloc_core::config::{ARENA_SIZE_MIN, SLICE_SIZE};
use rimalloc_core::report::Sink;

/// Says which arena there is, if any, and what went wrong.
///
/// # Safety
/// `arena_id` is null or can be written.
unsafe fn tell(reserved: Reserved, arena_id: *mut c_int) -> c_int {
    // SAFETY: as the caller promises.
    if let Some(place) = unsafe { arena_id.as_mut() } {
        *place = reserved.id;
    }
    reserved.error
}

/// Reserves `size` bytes, at least 32 MiB, for all heaps. `ENOMEM` when that is refused.
#[unsafe(no_mangle)]
pub extern "C" fn mi_reserve_os_memory(size: usize, commit: bool, allow_large: bool) -> c_int {
    arenas::reserve(size, commit, allow_large, false).error
}

/// [`mi_reserve_os_memory`] that names the arena, for bound heaps alone if `exclusive`.
///
/// # Safety
/// `arena_id` is null or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_reserve_os_memory_ex(
    size: usize,
    commit: bool,
    allow_large: bool,
    exclusive: bool,
    arena_id: *mut c_int,
) -> c_int {
    // SAFETY: as the caller promises.
    unsafe { tell(arenas::reserve(size, commit, allow_large, exclusive), arena_id) }
}

/// Lets the allocator use memory of the program's, which it never releases and, when it is large,
/// never decommits, resets or protects. False when there is too little of it.
///
/// # Safety
/// The memory is as described, nobody else uses it, and it stays mapped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_manage_os_memory(
    start: *mut c_void,
    size: usize,
    is_committed: bool,
    is_large: bool,
    is_zero: bool,
    numa_node: c_int,
) -> bool {
    let traits = traits(is_committed, is_large, is_zero, numa_node, false);
    // SAFETY: as the caller promises.
    unsafe { manage(start, size, traits, null_mut()) }
}

/// [`mi_manage_os_memory`] that names the arena, for bound heaps alone if `exclusive`.
///
/// # Safety
/// As for [`mi_manage_os_memory`], and `arena_id` is null or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_manage_os_memory_ex(
    start: *mut c_void,
    size: usize,
    is_committed: bool,
    is_large: bool,
    is_zero: bool,
    numa_node: c_int,
    exclusive: bool,
    arena_id: *mut c_int,
) -> bool {
    let traits = traits(is_committed, is_large, is_zero, numa_node, exclusive);
    // SAFETY: as the caller promises.
    unsafe { manage(start, size, traits, arena_id) }
}

/// [`mi_manage_os_memory_ex`] with a function that commits and decommits, unless that is null.
///
/// # Safety
/// As for [`mi_manage_os_memory_ex`], and any thread can call `commit_fun` with its argument. The
/// function neither allocates nor frees.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_manage_memory(
    start: *mut c_void,
    size: usize,
    is_committed: bool,
    is_pinned: bool,
    is_zero: bool,
    numa_node: c_int,
    exclusive: bool,
    commit_fun: Option<CommitFn>,
    commit_fun_arg: *mut c_void,
    arena_id: *mut c_int,
) -> bool {
    let committer = commit_fun.map(|function| Committer { function, arg: commit_fun_arg });
    let traits = traits(is_committed, is_pinned, is_zero, numa_node, exclusive);
    // SAFETY: as the caller promises.
    unsafe { manage(start, size, Traits { committer, ..traits }, arena_id) }
}

fn traits(accessible: bool, pinned: bool, zero: bool, node: c_int, exclusive: bool) -> Traits {
    Traits {
        accessible,
        pinned,
        zero,
        exclusive,
        node: arenas::node::named(node),
        ..Traits::default()
    }
}

/// # Safety
/// As for [`mi_manage_memory`].
unsafe fn manage(start: *mut c_void, size: usize, traits: Traits, arena_id: *mut c_int) -> bool {
    // SAFETY: as the caller promises.
    let id = unsafe { arenas::manage(start.cast(), size, traits) };
    // SAFETY: as the caller promises.
    if let Some(place) = unsafe { arena_id.as_mut() } {
        *place = id.unwrap_or(0);
    }
    id.is_some()
}

/// Start and size of an arena; null and 0 when there is none of that number.
///
/// # Safety
/// `size` is null or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_arena_area(arena_id: c_int, size: *mut usize) -> *mut c_void {
    let (start, bytes) = arenas::area(arena_id);
    // SAFETY: as the caller promises.
    if let Some(place) = unsafe { size.as_mut() } {
        *place = bytes;
    }
    start.cast()
}

/// Whether `p` points into an arena; any value may be asked about.
#[unsafe(no_mangle)]
pub extern "C" fn mi_arena_contains(arena_id: c_int, p: *const c_void) -> bool {
    arenas::contains(arena_id, p.addr())
}

/// Memory that is managed is used from a multiple of so many bytes on: 64 KiB.
#[unsafe(no_mangle)]
pub extern "C" fn mi_arena_min_alignment() -> usize {
    SLICE_SIZE
}

/// Memory is reserved in areas of at least so many bytes: 32 MiB.
#[unsafe(no_mangle)]
pub extern "C" fn mi_arena_min_size() -> usize {
    ARENA_SIZE_MIN
}

/// Reserves huge OS pages (1 GiB) on a NUMA node, or anywhere if that is negative. `ETIMEDOUT` when
/// the limit has passed (0 is none) and `ENOMEM` when there are too few: those that were reserved until
/// then are used all the same.
#[unsafe(no_mangle)]
pub extern "C" fn mi_reserve_huge_os_pages_at(
    pages: usize,
    numa_node: c_int,
    timeout_msecs: usize,
) -> c_int {
    arenas::reserve_huge(pages, numa_node, timeout_msecs, false).error
}

/// [`mi_reserve_huge_os_pages_at`] that names the arena, for bound heaps alone if `exclusive`. It is
/// named too when fewer pages were reserved than were asked for.
///
/// # Safety
/// `arena_id` is null or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_reserve_huge_os_pages_at_ex(
    pages: usize,
    numa_node: c_int,
    timeout_msecs: usize,
    exclusive: bool,
    arena_id: *mut c_int,
) -> c_int {
    let reserved = arenas::reserve_huge(pages, numa_node, timeout_msecs, exclusive);
    // SAFETY: as the caller promises.
    unsafe { tell(reserved, arena_id) }
}

/// Reserves huge OS pages (1 GiB) spread over `numa_nodes` nodes, 0 for all; see
/// [`mi_reserve_huge_os_pages_at`].
#[unsafe(no_mangle)]
pub extern "C" fn mi_reserve_huge_os_pages_interleave(
    pages: usize,
    numa_nodes: usize,
    timeout_msecs: usize,
) -> c_int {
    arenas::reserve_huge_interleaved(pages, numa_nodes, timeout_msecs).error
}

/// The former name of [`mi_reserve_huge_os_pages_interleave`] over all nodes; warns that it is. Says
/// how many pages were reserved.
///
/// # Safety
/// `pages_reserved` is null or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_reserve_huge_os_pages(
    pages: usize,
    max_secs: f64,
    pages_reserved: *mut usize,
) -> c_int {
    let reserved = arenas::reserve_huge_within(pages, max_secs);
    // SAFETY: as the caller promises.
    if let Some(place) = unsafe { pages_reserved.as_mut() } {
        *place = reserved.pages;
    }
    reserved.error
}

/// Draws the arenas with all that is to be seen.
#[unsafe(no_mangle)]
pub extern "C" fn mi_arenas_print() {
    print(Show::ALL)
}

/// Draws the arenas with all that is to be seen: flags that programs pass are not looked at, because
/// those compiled for a version without flags leave anything in their place.
#[unsafe(no_mangle)]
pub extern "C" fn mi_debug_show_arenas() {
    print(Show::ALL)
}

/// Draws of the arenas what the flags ask for. The header makes this of `mi_debug_show_arenas` with flags.
#[unsafe(no_mangle)]
pub extern "C" fn rimalloc_show_arenas(in_use: bool, abandoned: bool, purge: bool) {
    print(Show { in_use, abandoned, purge })
}

fn print(show: Show) {
    // A sink takes everything.
    _ = arenas::print(&mut Sink::standard(), show);
}
