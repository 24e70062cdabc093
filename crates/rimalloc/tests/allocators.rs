//! The `Allocator` traits of both versions of allocator-api2, through every allocator of the crate.
#![cfg(all(feature = "allocator-api2", feature = "allocator-api2-04"))]
#![allow(unsafe_code)]

use core::alloc::Layout;
use core::ptr::NonNull;
use std::sync::LazyLock;

use rimalloc::{Heap, Rimalloc, Scope, good_size};

/// The build ends each block where the program's bytes end.
const PADDED: bool = cfg!(any(feature = "secure3", feature = "debug-checks"));

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("a valid layout")
}

/// What blocks are filled with, over and over.
static PATTERN: LazyLock<Vec<u8>> =
    LazyLock::new(|| (0..65_521_u32).map(|n| (n ^ n >> 8).to_le_bytes()[0]).collect());

fn fill(block: NonNull<[u8]>, size: usize) {
    assert!(block.len() >= size);
    // SAFETY: a live block of at least `size` bytes that nobody else looks at.
    let bytes = unsafe { core::slice::from_raw_parts_mut(block.cast::<u8>().as_ptr(), size) };
    for chunk in bytes.chunks_mut(PATTERN.len()) {
        chunk.copy_from_slice(&PATTERN[..chunk.len()]);
    }
}

fn is_filled(block: NonNull<[u8]>, size: usize) -> bool {
    // SAFETY: live bytes of a block, which were written.
    let bytes = unsafe { core::slice::from_raw_parts(block.cast::<u8>().as_ptr(), size) };
    bytes.chunks(PATTERN.len()).all(|chunk| chunk == &PATTERN[..chunk.len()])
}

/// Whether all bytes from `from` on are zero.
fn is_zero(block: NonNull<[u8]>, from: usize) -> bool {
    // SAFETY: live bytes of a block, which the allocator says are zeros.
    let bytes = unsafe { block.as_ref() };
    bytes[from..].iter().all(|&byte| byte == 0)
}

fn is_at(block: NonNull<[u8]>, align: usize) -> bool {
    block.cast::<u8>().addr().get().is_multiple_of(align)
}

/// The same tests for each trait.
macro_rules! tests {
    ($module:ident, $crate_name:ident) => {
        mod $module {
            use super::*;
            use $crate_name::alloc::Allocator;

            fn with_each(f: impl Fn(&dyn Allocator)) {
                f(&Rimalloc);
                f(&Heap::new().expect("memory for a heap"));
                f(&&Scope::new().expect("memory for a scope"));
            }

            #[test]
            fn a_block_has_all_the_bytes_that_may_be_used() {
                with_each(|allocator| {
                    for size in [1, 8, 9, 100, 1000, 1025, 5000, 70_000, 3 << 20] {
                        let own = layout(size, 1);
                        let block = allocator.allocate(own).expect("memory");
                        let zeros = allocator.allocate_zeroed(own).expect("memory");
                        let usable = if PADDED { size } else { good_size(size) };
                        assert_eq!((block.len(), zeros.len()), (usable, usable));
                        fill(block, block.len());
                        assert!(is_zero(zeros, 0));
                        // SAFETY: any size from what was asked for to what there is fits.
                        unsafe {
                            allocator.deallocate(block.cast(), layout(block.len(), 1));
                            allocator.deallocate(zeros.cast(), own);
                        }
                    }
                });
            }

            #[test]
            fn blocks_grow_with_their_contents() {
                with_each(|allocator| {
                    for align in [1, 16, 64, 4096, 1 << 17] {
                        let mut own = layout(10, align);
                        let mut block = allocator.allocate(own).expect("memory");
                        fill(block, 10);
                        while own.size() < 8 << 20 {
                            let wider = layout(own.size() * 3 / 2, align);
                            // SAFETY: the block is live and has its layout.
                            block = unsafe { allocator.grow(block.cast(), own, wider) }
                                .expect("memory");
                            assert!(is_at(block, align) && is_filled(block, own.size()), "{own:?}");
                            own = wider;
                            fill(block, own.size());
                        }
                        while own.size() > 1 {
                            let narrower = layout(own.size() / 3, align);
                            // SAFETY: as above.
                            block = unsafe { allocator.shrink(block.cast(), own, narrower) }
                                .expect("memory");
                            assert!(is_at(block, align) && is_filled(block, narrower.size()));
                            assert!(
                                block.len() <= 2 * narrower.size() + align + 15,
                                "{narrower:?}"
                            );
                            own = narrower;
                        }
                        // SAFETY: as above.
                        unsafe { allocator.deallocate(block.cast(), own) };
                    }
                });
            }

            #[test]
            fn what_is_added_reads_as_zeros() {
                with_each(|allocator| {
                    for (from, to) in [
                        (1, 100),
                        (20, 25),
                        (100, 112),
                        (100, 60_000),
                        (70_000, 5 << 20),
                        (3 << 20, 9 << 20),
                    ] {
                        let own = layout(from, 8);
                        let block = allocator.allocate(own).expect("memory");
                        // All usable bytes are dirty.
                        fill(block, block.len());
                        // SAFETY: the block is live and has its layout.
                        unsafe {
                            let wider = layout(to, 8);
                            let block =
                                allocator.grow_zeroed(block.cast(), own, wider).expect("memory");
                            assert!(is_filled(block, from) && is_zero(block, from), "{from} {to}");
                            allocator.deallocate(block.cast(), wider);
                        }
                    }
                });
            }

            #[test]
            fn alignment_changes_with_the_layout() {
                with_each(|allocator| {
                    for (from, to) in [(1, 16), (8, 4096), (16, 1 << 20), (4096, 1)] {
                        let (own, other) = (layout(24, from), layout(24, to));
                        let block = allocator.allocate(own).expect("memory");
                        fill(block, 24);
                        // SAFETY: the block is live and has its layout.
                        unsafe {
                            let block = allocator.grow(block.cast(), own, other).expect("memory");
                            assert!(is_at(block, to) && is_filled(block, 24));
                            let block = allocator.shrink(block.cast(), other, own).expect("memory");
                            assert!(is_at(block, from) && is_filled(block, 24));
                            allocator.deallocate(block.cast(), own);
                        }
                    }
                });
            }

            #[test]
            fn nothing_takes_no_memory() {
                let heap = Heap::new().expect("memory for a heap");
                let blocks = || heap.usage().expect("memory for a list").blocks;
                let allocator: &dyn Allocator = &heap;
                for align in [1, 64, 1 << 20] {
                    let (none, some) = (layout(0, align), layout(100, align));
                    let block = allocator.allocate(none).expect("no memory is needed");
                    assert!(block.len() == 0 && is_at(block, align) && blocks() == 0);
                    // SAFETY: the block is live and has its layout.
                    unsafe {
                        let block =
                            allocator.grow_zeroed(block.cast(), none, some).expect("memory");
                        assert!(is_zero(block, 0) && is_at(block, align) && blocks() == 1);
                        let block = allocator.shrink(block.cast(), some, none).expect("less");
                        assert!(block.len() == 0 && blocks() == 0);
                        let block = allocator.grow(block.cast(), none, none).expect("nothing");
                        allocator.deallocate(block.cast(), none);
                    }
                }
            }

            #[test]
            fn what_no_system_has_is_an_error_and_changes_nothing() {
                with_each(|allocator| {
                    let (small, huge) = (layout(100, 8), layout(isize::MAX.unsigned_abs() - 7, 8));
                    assert!(allocator.allocate(huge).is_err());
                    assert!(allocator.allocate_zeroed(huge).is_err());
                    let block = allocator.allocate(small).expect("memory");
                    fill(block, 100);
                    // SAFETY: the block is live and has its layout.
                    unsafe {
                        assert!(allocator.grow(block.cast(), small, huge).is_err());
                        assert!(allocator.grow_zeroed(block.cast(), small, huge).is_err());
                        assert!(is_filled(block, 100));
                        allocator.deallocate(block.cast(), small);
                    }
                });
            }

            #[test]
            fn blocks_grow_in_place_within_what_may_be_used_of_them() {
                if cfg!(any(feature = "secure3", feature = "debug-checks")) {
                    // A block ends where the program's bytes end, and there is no room in it.
                    return;
                }
                with_each(|allocator| {
                    for size in [1, 9, 100, 1000, 5000, 60_000, 70_000, 3 << 20] {
                        let own = layout(size, 1);
                        let block = allocator.allocate(own).expect("memory");
                        let all = layout(block.len(), 1);
                        // SAFETY: the block is live and has its layout.
                        let grown = unsafe { allocator.grow(block.cast(), own, all) };
                        let grown = grown.expect("no memory is needed");
                        assert_eq!(grown, block, "{own:?}");
                        // SAFETY: as above.
                        unsafe { allocator.deallocate(grown.cast(), all) };
                    }
                });
            }

            #[test]
            fn alignments_up_to_a_gibibyte_are_honoured() {
                with_each(|allocator| {
                    for shift in 0..=30 {
                        let own = layout(100, 1 << shift);
                        let block = allocator.allocate_zeroed(own).expect("address space");
                        assert!(is_at(block, own.align()) && block.len() >= 100, "{own:?}");
                        assert!(is_zero(block, 0), "{own:?}");
                        // SAFETY: the block is live and has its layout.
                        unsafe { allocator.deallocate(block.cast(), own) };
                    }
                });
            }

            #[test]
            fn large_blocks_grow_in_place_where_there_is_room() {
                if cfg!(feature = "secure5") {
                    // A guard stands where the block ends.
                    return;
                }
                let arena = rimalloc::Arena::builder().exclusive(true).reserve(64 << 20);
                let heap = Heap::builder().arena(arena.expect("address space")).build();
                let allocator: &dyn Allocator = &heap.expect("memory for a heap");
                let mut own = layout(1 << 20, 8);
                let mut block = allocator.allocate(own).expect("memory");
                let place = block.cast::<u8>();
                while own.size() < 32 << 20 {
                    let wider = layout(own.size() + (1 << 20), 8);
                    // SAFETY: the block is live and has its layout.
                    block = unsafe { allocator.grow(block.cast(), own, wider) }.expect("memory");
                    own = wider;
                }
                assert_eq!(block.cast(), place, "nothing else is in the arena");
                // SAFETY: as above.
                unsafe { allocator.deallocate(block.cast(), own) };
            }
        }
    };
}

tests!(version_02, allocator_api2);
tests!(version_04, allocator_api2_04);
