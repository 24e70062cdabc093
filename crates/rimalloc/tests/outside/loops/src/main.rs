//! One turn of each function is a single operation of the allocator, for who counts instructions:
//! `outside-loops NAME TURNS`. Every function is called by the loop, so that what an empty one costs is the driver's.
#![expect(unsafe_code, reason = "the operations are those of `GlobalAlloc` and `Allocator`")]

use core::alloc::{GlobalAlloc, Layout};
use core::hint::black_box;
use core::ptr::NonNull;

use allocator_api2::alloc::Allocator;
use rimalloc::{Heap, Rimalloc, Scope};

#[global_allocator]
static GLOBAL: Rimalloc = Rimalloc;

/// Blocks that are taken before any is freed.
const BATCH: usize = 100;

const SMALL: Layout = Layout::new::<[u64; 8]>();

#[inline(never)]
fn nothing(block: *mut u8) -> *mut u8 {
    black_box(block)
}

#[inline(never)]
fn alloc() -> *mut u8 {
    // SAFETY: the size is not 0.
    unsafe { GLOBAL.alloc(SMALL) }
}

#[inline(never)]
fn alloc_of(layout: Layout) -> *mut u8 {
    // SAFETY: the size is not 0.
    unsafe { GLOBAL.alloc(layout) }
}

#[inline(never)]
fn dealloc(block: *mut u8) {
    // SAFETY: a block of this layout, which ends here.
    unsafe { GLOBAL.dealloc(block, SMALL) }
}

#[inline(never)]
fn allocate(allocator: &impl Allocator) -> *mut u8 {
    allocator.allocate(SMALL).map_or(core::ptr::null_mut(), |block| block.cast::<u8>().as_ptr())
}

#[inline(never)]
fn deallocate(allocator: &impl Allocator, block: *mut u8) {
    if let Some(block) = NonNull::new(block) {
        // SAFETY: a block of this layout, which ends here.
        unsafe { allocator.deallocate(block, SMALL) }
    }
}

/// Takes and frees blocks `turns` times, in batches.
fn turn(turns: usize, mut take: impl FnMut() -> *mut u8, mut give: impl FnMut(*mut u8)) {
    let mut blocks = [core::ptr::null_mut(); BATCH];
    for _ in 0..turns / BATCH {
        for block in &mut blocks {
            *block = take();
        }
        for &block in &blocks {
            give(block);
        }
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let turns: usize = arguments.next().and_then(|turns| turns.parse().ok()).expect("NAME TURNS");
    let heap = Heap::new().expect("memory for a heap");
    let scope = Scope::new().expect("memory for a scope");
    match name.as_str() {
        "nothing" => turn(turns, || nothing(core::ptr::null_mut()), |block| _ = nothing(block)),
        "global" => turn(turns, alloc, dealloc),
        "any" => turn(turns, || alloc_of(black_box(SMALL)), dealloc),
        "heap" => turn(turns, || allocate(&heap), |block| deallocate(&heap, block)),
        "scope" => turn(turns, || allocate(&&scope), |block| deallocate(&&scope, block)),
        _ => std::process::exit(2),
    }
}
