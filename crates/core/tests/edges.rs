//! Operands at the edge of what is possible, and addresses that are not the engine's.
#![cfg(unix)]
#![allow(unsafe_code)]

use core::ptr::{null, null_mut, without_provenance_mut};
use rimalloc_core::aligned::{
    calloc_aligned, calloc_aligned_at, malloc_aligned, malloc_aligned_at, zalloc_aligned,
    zalloc_aligned_at,
};
use rimalloc_core::alloc::{
    calloc, good_size, malloc, malloc_small, mallocn, zalloc, zalloc_small,
};
use rimalloc_core::config::PADDED;
use rimalloc_core::free::{
    free, free_aligned, free_size, free_size_aligned, is_in_heap_region, usable_size,
};
use rimalloc_core::realloc::{
    expand, realloc, realloc_aligned, realloc_aligned_at, reallocf, reallocn, recalloc,
    recalloc_aligned, recalloc_aligned_at, rezalloc, rezalloc_aligned, rezalloc_aligned_at,
};
use rimalloc_core::source::Plain;
use rimalloc_core::{collect, thread};

const PTRDIFF_MAX: usize = isize::MAX as usize;

/// Sizes that no address space holds.
const IMPOSSIBLE: [usize; 5] =
    [PTRDIFF_MAX + 1, PTRDIFF_MAX + 4096, usize::MAX - 4096, usize::MAX - 1, usize::MAX];

/// Pairs whose product does not fit a word, with a low half that looks harmless.
const OVERFLOWS: [(usize, usize); 5] = [
    (2, PTRDIFF_MAX + 1),
    (usize::MAX, 2),
    (usize::MAX, usize::MAX),
    (3, usize::MAX / 3 + 1),
    (1 << (usize::BITS / 2), 1 << (usize::BITS / 2)),
];

const BAD_ALIGNS: [usize; 7] = [0, 3, 24, 4095, PTRDIFF_MAX, PTRDIFF_MAX + 1, usize::MAX];

/// Frees a block that the test made.
fn end(p: *mut u8) {
    // SAFETY: callers pass a live block or null, and drop it.
    unsafe { free(p) };
}

/// Bytes usable at `p`, which is any address.
fn usable(p: *const u8) -> usize {
    // SAFETY: the engine knows its own blocks from other addresses.
    unsafe { usable_size(p) }
}

#[test]
fn size_zero_gives_unique_blocks() {
    type Make = fn() -> *mut u8;
    let makers: [(&str, Make); 8] = [
        ("malloc", || malloc(Plain, 0)),
        ("zalloc", || zalloc(Plain, 0)),
        ("calloc by count", || calloc(Plain, 0, 8)),
        ("calloc by size", || calloc(Plain, usize::MAX, 0)),
        ("mallocn", || mallocn(Plain, 0, usize::MAX)),
        ("malloc_small", || malloc_small(Plain, 0)),
        ("zalloc_small", || zalloc_small(Plain, 0)),
        ("malloc_aligned", || malloc_aligned(Plain, 0, 64)),
    ];
    let blocks: Vec<_> = makers.iter().chain(&makers).map(|(name, make)| (name, make())).collect();
    for (i, (name, p)) in blocks.iter().enumerate() {
        assert!(!p.is_null(), "{name}");
        assert!(usable(*p) > 0 || PADDED, "{name}");
        assert!(blocks[..i].iter().all(|(_, other)| other != p), "{name} gives a block twice");
    }
    blocks.iter().for_each(|(_, p)| end(*p));
}

#[test]
fn impossible_sizes_are_refused() {
    for size in IMPOSSIBLE {
        assert!(malloc(Plain, size).is_null(), "{size:#x}");
        assert!(zalloc(Plain, size).is_null(), "{size:#x}");
        assert!(calloc(Plain, 1, size).is_null(), "{size:#x}");
        assert!(mallocn(Plain, size, 1).is_null(), "{size:#x}");
        for align in [1, 16, 4096, 1 << 30] {
            assert!(malloc_aligned(Plain, size, align).is_null(), "{size:#x} {align}");
            assert!(zalloc_aligned(Plain, size, align).is_null(), "{size:#x} {align}");
            assert!(calloc_aligned(Plain, 1, size, align).is_null(), "{size:#x} {align}");
            assert!(malloc_aligned_at(Plain, size, align, 8).is_null(), "{size:#x} {align}");
        }
        assert_eq!(good_size(size), size);
    }
}

#[test]
fn sizes_beyond_the_address_space_are_refused() {
    for size in [1 << 48, 1 << 56, PTRDIFF_MAX - (1 << 20), PTRDIFF_MAX - 1, PTRDIFF_MAX] {
        assert!(malloc(Plain, size).is_null(), "{size:#x}");
        assert!(zalloc(Plain, size).is_null(), "{size:#x}");
        for align in [16, 4096, 1 << 20, 1 << 40] {
            assert!(malloc_aligned(Plain, size, align).is_null(), "{size:#x} {align:#x}");
            assert!(
                malloc_aligned_at(Plain, size, align, align - 1).is_null(),
                "{size:#x} {align:#x}"
            );
        }
    }
}

#[test]
fn products_that_overflow_are_refused() {
    for (count, size) in OVERFLOWS {
        let p = malloc(Plain, 100);
        assert!(!p.is_null());
        // SAFETY: the block is live and holds a byte; refused calls keep it.
        unsafe {
            p.write(42);
            assert!(calloc(Plain, count, size).is_null(), "{count:#x} {size:#x}");
            assert!(mallocn(Plain, count, size).is_null(), "{count:#x} {size:#x}");
            assert!(calloc_aligned(Plain, count, size, 64).is_null(), "{count:#x} {size:#x}");
            assert!(calloc_aligned_at(Plain, count, size, 64, 8).is_null(), "{count:#x} {size:#x}");
            assert!(reallocn(Plain, p, count, size).is_null(), "{count:#x} {size:#x}");
            assert!(recalloc(Plain, p, count, size).is_null(), "{count:#x} {size:#x}");
            assert!(recalloc_aligned(Plain, p, count, size, 64).is_null(), "{count:#x} {size:#x}");
            assert!(
                recalloc_aligned_at(Plain, p, count, size, 64, 8).is_null(),
                "{count:#x} {size:#x}"
            );
            assert_eq!(p.read(), 42);
        }
        assert!(usable(p) >= 100);
        end(p);
    }
}

#[test]
fn alignments_that_are_not_powers_of_two_are_refused() {
    for align in BAD_ALIGNS {
        for size in [0, 1, 48, 5000, 1 << 20] {
            assert!(malloc_aligned(Plain, size, align).is_null(), "{size} {align:#x}");
            assert!(zalloc_aligned(Plain, size, align).is_null(), "{size} {align:#x}");
            assert!(calloc_aligned(Plain, 2, size, align).is_null(), "{size} {align:#x}");
            assert!(malloc_aligned_at(Plain, size, align, 16).is_null(), "{size} {align:#x}");
            assert!(zalloc_aligned_at(Plain, size, align, 16).is_null(), "{size} {align:#x}");
            assert!(calloc_aligned_at(Plain, 2, size, align, 16).is_null(), "{size} {align:#x}");
        }
    }
}

#[test]
fn alignments_reach_to_a_gibibyte() {
    for exponent in 0..=30 {
        let align = 1 << exponent;
        for size in [0, 1, 100, 4096, 70_000] {
            for make in [malloc_aligned, zalloc_aligned] {
                let p = make(Plain, size, align);
                assert!(!p.is_null(), "{size} {align:#x}");
                assert!(p.addr().is_multiple_of(align), "{p:?} {align:#x}");
                assert!(usable(p) >= size, "{size} {align:#x}");
                assert!(is_in_heap_region(p));
                // SAFETY: the block is new and holds `size` bytes.
                unsafe { p.write_bytes(1, size) };
                end(p);
            }
        }
    }
}

#[test]
fn an_offset_may_exceed_the_size() {
    for (size, align, offset) in
        [(10, 64, 8), (10, 64, 1000), (1, 4096, 4095), (100, 16, 1), (0, 32, 31)]
    {
        let p = malloc_aligned_at(Plain, size, align, offset);
        assert!(!p.is_null(), "{size} {align} {offset}");
        assert!((p.addr() + offset).is_multiple_of(align), "{p:?} {align} {offset}");
        assert!(usable(p) >= size);
        end(p);
    }
}

#[test]
fn resizing_to_zero_gives_a_block() {
    for size in [1, 8, 100, 5000, 1 << 20] {
        let p = zalloc(Plain, size);
        assert!(!p.is_null());
        // SAFETY: the block is live and replaced by the result.
        let small = unsafe { realloc(Plain, p, 0) };
        assert!(!small.is_null(), "{size}");
        // SAFETY: even the smallest block holds a byte.
        unsafe {
            assert_eq!(small.read(), 0);
            small.write(1);
        }
        end(small);
    }
}

#[test]
fn resizing_null_makes_a_block() {
    // SAFETY: null may be resized.
    let blocks = unsafe {
        [
            realloc(Plain, null_mut(), 100),
            reallocn(Plain, null_mut(), 10, 10),
            reallocf(Plain, null_mut(), 100),
            rezalloc(Plain, null_mut(), 100),
            recalloc(Plain, null_mut(), 10, 10),
            realloc_aligned(Plain, null_mut(), 100, 64),
            realloc_aligned_at(Plain, null_mut(), 100, 64, 8),
            rezalloc_aligned(Plain, null_mut(), 100, 64),
            rezalloc_aligned_at(Plain, null_mut(), 100, 64, 8),
            realloc(Plain, null_mut(), 0),
        ]
    };
    for p in blocks {
        assert!(!p.is_null());
        end(p);
    }
    // SAFETY: there is no block to expand.
    assert!(unsafe { expand(null_mut(), 0) }.is_null());
}

#[test]
fn refused_resizes_keep_the_block() {
    let p = zalloc(Plain, 64);
    assert!(!p.is_null());
    // SAFETY: the block is live and refused calls keep it.
    unsafe {
        p.write_bytes(7, 64);
        for size in IMPOSSIBLE {
            assert!(realloc(Plain, p, size).is_null(), "{size:#x}");
            assert!(rezalloc(Plain, p, size).is_null(), "{size:#x}");
            assert!(expand(p, size).is_null(), "{size:#x}");
            assert!(realloc_aligned(Plain, p, size, 64).is_null(), "{size:#x}");
            assert!(rezalloc_aligned(Plain, p, size, 64).is_null(), "{size:#x}");
        }
        for align in [24, 4095, PTRDIFF_MAX + 1] {
            assert!(realloc_aligned(Plain, p, 100, align).is_null(), "{align:#x}");
            assert!(realloc_aligned_at(Plain, p, 100, align, 8).is_null(), "{align:#x}");
            assert!(rezalloc_aligned(Plain, p, 100, align).is_null(), "{align:#x}");
            assert!(rezalloc_aligned_at(Plain, p, 100, align, 8).is_null(), "{align:#x}");
        }
        assert!(core::slice::from_raw_parts(p, 64).iter().all(|byte| *byte == 7));
        // This one frees the block.
        assert!(reallocf(Plain, p, usize::MAX).is_null());
    }
}

#[test]
fn blocks_expand_up_to_their_usable_size() {
    for size in [1, 100, 1000, 100_000, 3 << 20] {
        let p = malloc(Plain, size);
        let limit = usable(p);
        // SAFETY: the block is live.
        unsafe {
            assert_eq!(expand(p, 0), if PADDED { null_mut() } else { p });
            assert_eq!(expand(p, limit), p);
            assert!(expand(p, limit + 1).is_null());
        }
        end(p);
    }
}

/// Addresses that the engine did not hand out, by what lies there.
fn foreign() -> Vec<(&'static str, *mut u8)> {
    // SAFETY: a fresh mapping is made and given back; nothing is there afterwards but its address.
    let unmapped = unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANON;
        let page = libc::mmap(null_mut(), 1 << 16, libc::PROT_NONE, flags, -1, 0);
        assert_ne!(page, libc::MAP_FAILED);
        libc::munmap(page, 1 << 16);
        page.addr()
    };
    let at = |address: u64| without_provenance_mut(usize::try_from(address).unwrap_or(usize::MAX));
    vec![
        ("low", at(8)),
        ("odd and low", at(17)),
        ("first page", at(4096)),
        ("unmapped", without_provenance_mut(unmapped + 64)),
        ("just above user space", at(0x0000_8000_0000_0000)),
        ("top of user space", at(0x0000_7fff_ffff_fff0)),
        ("not canonical", at(0x8000_0000_0000_0000)),
        ("not canonical either", at(0xdead_beef_dead_beef)),
        ("kernel", at(0xffff_8000_0000_0000)),
        ("last word", at(0xffff_ffff_ffff_fff8)),
        ("last byte", at(u64::MAX)),
    ]
}

/// Asserts that each entry point leaves `p` alone.
fn is_left_alone(what: &str, p: *mut u8) {
    assert!(!is_in_heap_region(p), "{what}");
    assert_eq!(usable(p), 0, "{what}");
    // SAFETY: the engine ignores addresses that it did not hand out, which is what is tested.
    unsafe {
        free(p);
        free_size(p, 64);
        free_aligned(p, 8);
        free_size_aligned(p, 64, 8);
        assert!(expand(p, 1).is_null(), "{what}");
        assert!(realloc(Plain, p, 64).is_null(), "{what}");
        assert!(realloc(Plain, p, 0).is_null(), "{what}");
        assert!(reallocn(Plain, p, 8, 8).is_null(), "{what}");
        assert!(reallocf(Plain, p, 64).is_null(), "{what}");
        assert!(rezalloc(Plain, p, 64).is_null(), "{what}");
        assert!(recalloc(Plain, p, 8, 8).is_null(), "{what}");
        assert!(realloc_aligned(Plain, p, 64, 64).is_null(), "{what}");
        assert!(rezalloc_aligned(Plain, p, 64, 64).is_null(), "{what}");
    }
}

#[test]
fn foreign_addresses_are_left_alone() {
    // Before the first allocation of this thread, and again once there are pages that could be mixed up.
    for (what, p) in foreign() {
        is_left_alone(what, p);
    }
    let blocks = [
        malloc(Plain, 64),
        malloc(Plain, 5000),
        malloc(Plain, 1 << 20),
        malloc_aligned(Plain, 100, 1 << 20),
    ];
    for (what, p) in foreign() {
        is_left_alone(what, p);
    }
    blocks.into_iter().for_each(end);
}

#[test]
fn memory_of_others_is_left_alone() {
    static mut STATIC: [u8; 64] = [5; 64];
    let mut stack = [6_u8; 64];
    let mut heap = vec![7_u8; 64];
    let own = malloc(Plain, 64);
    assert!(!own.is_null());
    is_left_alone("static", (&raw mut STATIC).cast());
    is_left_alone("stack", stack.as_mut_ptr());
    is_left_alone("another allocator's", heap.as_mut_ptr());
    is_left_alone("code", without_provenance_mut((is_left_alone as *const ()).addr()));
    // SAFETY: no other thread knows the static.
    assert_eq!(unsafe { STATIC }, [5; 64]);
    assert_eq!(stack, [6; 64]);
    assert_eq!(heap, [7; 64]);
    end(own);
}

#[test]
fn null_is_freed_in_every_way() {
    // SAFETY: null may be freed.
    unsafe {
        free(null_mut());
        free_size(null_mut(), 10);
        free_aligned(null_mut(), 64);
        free_size_aligned(null_mut(), 10, 64);
    }
    assert_eq!(usable(null()), 0);
    assert!(!is_in_heap_region(null()));
}

/// Runs `call` with errno set to an unlikely value and says whether it is kept.
fn keeps_errno(call: impl FnOnce()) -> bool {
    // SAFETY: sets errno to EBADF and does nothing else.
    unsafe { libc::close(-1) };
    call();
    std::io::Error::last_os_error().raw_os_error() == Some(libc::EBADF)
}

#[test]
fn errno_survives_calls_that_succeed() {
    // A new thread goes through its first allocation, which sets up the most.
    std::thread::spawn(|| {
        for size in [0, 1, 8, 100, 1000, 10_000, 100_000, 1 << 20, 40 << 20] {
            let mut p = null_mut();
            assert!(keeps_errno(|| p = malloc(Plain, size)), "malloc of {size}");
            assert!(keeps_errno(|| end(p)), "free of {size}");
            assert!(keeps_errno(|| p = zalloc(Plain, size)), "zalloc of {size}");
            // SAFETY: the block is live and replaced by the result.
            let grow = |p| unsafe { realloc(Plain, p, size * 2 + 1) };
            assert!(keeps_errno(|| p = grow(p)), "realloc of {size}");
            assert!(!p.is_null());
            assert!(keeps_errno(|| end(p)), "free of {size}");
            assert!(
                keeps_errno(|| p = malloc_aligned(Plain, size, 1 << 21)),
                "malloc_aligned of {size}"
            );
            assert!(!p.is_null());
            assert!(keeps_errno(|| end(p)), "free of aligned {size}");
        }
        assert!(keeps_errno(|| collect::collect(true)), "collect");
        assert!(keeps_errno(|| end(null_mut())), "free of null");
        let foreign = without_provenance_mut(4096);
        // SAFETY: a foreign address, which is ignored.
        assert!(keeps_errno(|| unsafe { free(foreign) }), "free of a foreign address");
    })
    .join()
    .expect("errno is kept");
}

#[test]
fn a_thread_can_begin_and_end_its_part_repeatedly() {
    std::thread::spawn(|| {
        thread::process_init();
        thread::thread_init();
        thread::thread_init();
        let mut before = null_mut();
        for _ in 0..10 {
            let p = zalloc(Plain, 100);
            assert!(!p.is_null());
            assert!(usable(p) >= 100);
            thread::thread_done();
            // A block outlives the part of its thread.
            // SAFETY: the block is live and holds 100 bytes.
            unsafe { p.write_bytes(1, 100) };
            end(before);
            before = p;
        }
        thread::thread_done();
        thread::thread_done();
        end(before);
    })
    .join()
    .expect("each round gets its block");
}
