//! Huge pages are asked for where the heap is large, dense and growing, and nowhere else.
#![allow(unsafe_code)]

mod process;

use rimalloc_core::heap::MAIN_SUBPROC;
use rimalloc_core::source::Plain;
use rimalloc_core::{alloc, collect, free};

use process::alone;

const MIB: usize = 1 << 20;

/// Bytes in the mappings of arenas for which huge pages are asked, as the kernel tells by the flag `hg`; `None`
/// where it does not know them.
fn advised() -> Option<usize> {
    std::fs::metadata("/sys/kernel/mm/transparent_hugepage").ok()?;
    let maps = std::fs::read_to_string("/proc/self/smaps").ok()?;
    let (mut bytes, mut range) = (0, 0..0);
    for line in maps.lines() {
        if let Some((start, end)) = line.split(' ').next().and_then(|word| word.split_once('-'))
            && let (Ok(start), Ok(end)) =
                (usize::from_str_radix(start, 16), usize::from_str_radix(end, 16))
        {
            range = start..end;
        }
        let is_arena = || {
            MAIN_SUBPROC
                .arenas
                .iter()
                .any(|arena| range.start.wrapping_sub(arena.base().addr().get()) < arena.size())
        };
        if line.starts_with("VmFlags:") && line.split(' ').any(|flag| flag == "hg") && is_arena() {
            bytes += range.len();
        }
    }
    Some(bytes)
}

fn blocks(size: usize, bytes: usize) -> Vec<*mut u8> {
    (0..bytes / size).map(|_| alloc::malloc(Plain, size)).collect()
}

fn end(blocks: Vec<*mut u8>) {
    for block in blocks {
        // SAFETY: the block is live and ends here.
        unsafe { free::free(block) };
    }
    collect::collect(true);
}

#[test]
fn a_small_heap_gets_none() {
    alone("a_small_heap_gets_none", &[], || {
        end(blocks(100, 8 * MIB));
        assert_eq!(advised().unwrap_or(0), 0);
    });
}

#[test]
fn a_large_dense_heap_gets_them_and_gives_them_up_when_it_shrinks() {
    let name = "a_large_dense_heap_gets_them_and_gives_them_up_when_it_shrinks";
    alone(name, &[], || {
        for size in [100, 3000, 5 * MIB] {
            let live = blocks(size, 100 * MIB);
            assert!(advised().is_none_or(|bytes| bytes >= 60 * MIB), "{size}: {:?}", advised());
            end(live);
            assert_eq!(advised().unwrap_or(0), 0, "{size}");
        }
    });
}

#[test]
fn a_heap_that_uses_little_of_many_pages_gets_none() {
    alone("a_heap_that_uses_little_of_many_pages_gets_none", &[], || {
        let all_hold_blocks = std::sync::Barrier::new(64);
        std::thread::scope(|scope| {
            for _ in 0..64 {
                scope.spawn(|| {
                    // A page for each size, of which a block is used.
                    let live = (0..60).map(|i| alloc::malloc(Plain, 1 + i * 136)).collect();
                    all_hold_blocks.wait();
                    assert_eq!(advised().unwrap_or(0), 0);
                    end(live);
                });
            }
        });
    });
}

#[test]
fn the_option_forbids_them() {
    alone("the_option_forbids_them", &[("MIMALLOC_ALLOW_THP", "0")], || {
        end(blocks(100, 100 * MIB));
        let live = blocks(100, 100 * MIB);
        assert_eq!(advised().unwrap_or(0), 0);
        end(live);
    });
}
