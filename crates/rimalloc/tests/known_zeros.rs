//! Memory that is known to be zero is not cleared: it stays untouched, which the resident set shows. A program of its
//! own, whose one test has the process for itself.
#![cfg(feature = "allocator-api2")]
#![allow(unsafe_code)]

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;

use allocator_api2::alloc::Allocator;
use rimalloc::{Arena, Heap, options, process_usage};

const SIZE: usize = 64 << 20;
const LAYOUT: Layout = Layout::new::<[u8; SIZE]>();

/// Far less than `SIZE`, and far more than anything else takes here.
const LITTLE: usize = SIZE / 4;

/// The two ways to ask for zeros.
const WAYS: [fn(&Heap) -> NonNull<u8>; 2] = [
    |heap| heap.allocate_zeroed(LAYOUT).expect("memory").cast(),
    // SAFETY: the size is not 0.
    |heap| NonNull::new(unsafe { heap.alloc_zeroed(LAYOUT) }).expect("memory"),
];

#[test]
fn fresh_memory_is_not_cleared_and_used_memory_is() {
    options::purge_delay().set(None); // what is freed stays as it was
    for zeros in WAYS {
        let arena = Arena::builder().exclusive(true).reserve(2 * SIZE).expect("address space");
        let heap = Heap::builder().arena(arena).build().expect("memory for a heap");
        let before = process_usage().current_rss;
        let grown = || process_usage().current_rss.saturating_sub(before);

        let block = zeros(&heap);
        assert!(grown() < LITTLE, "{} bytes were touched", grown());
        // SAFETY: the block is live and has this size; it ends here.
        unsafe {
            block.write_bytes(1, SIZE);
            assert!(grown() > SIZE - LITTLE, "only {} bytes were touched", grown());
            heap.deallocate(block, LAYOUT);
        }

        let again = zeros(&heap);
        assert_eq!(again, block, "it is the same memory");
        // SAFETY: the block is live and has this size; it ends here.
        unsafe {
            let bytes = NonNull::slice_from_raw_parts(again, SIZE);
            assert!(!bytes.as_ref().contains(&1), "what was written is still there");
            heap.deallocate(again, LAYOUT);
        }
    }
}
