//! What the program is told of: errors, messages, and layouts that are not a block's own.
#![allow(unsafe_code)]

use core::alloc::{GlobalAlloc, Layout};
use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use rimalloc::hooks::{self, Error};
use rimalloc::{Heap, OutOfMemory, Rimalloc, options};

/// The functions belong to the process: tests that register one run one after the other.
fn serial() -> MutexGuard<'static, ()> {
    static SERIAL: Mutex<()> = Mutex::new(());
    SERIAL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is told to functions on this thread meanwhile.
static TOLD: Mutex<Vec<(ThreadId, String)>> = Mutex::new(Vec::new());

fn note(text: &str) {
    let entry = (thread::current().id(), text.to_owned());
    TOLD.lock().expect("no test panics with it").push(entry);
}

fn told() -> Vec<String> {
    let all = core::mem::take(&mut *TOLD.lock().expect("no test panics with it"));
    let me = thread::current().id();
    all.into_iter().filter(|(thread, _)| *thread == me).map(|(_, text)| text).collect()
}

fn errors_of(f: impl FnOnce()) -> Vec<String> {
    let _serial = serial();
    told();
    hooks::on_error(&|error: Error| note(&error.to_string()));
    f();
    hooks::clear_error();
    told()
}

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("a valid layout")
}

#[test]
fn a_layout_that_is_not_the_block_s_is_reported_in_checked_builds() {
    let wrong = [
        (layout(100, 8), layout(200, 8)),
        (layout(1000, 8), layout(100, 8)),
        (layout(4096, 4096), layout(64, 8)),
        (layout(24, 8), layout(24, 4096)),
        (layout(3 << 20, 8), layout(100, 8)),
        (layout(100, 8), layout(3 << 20, 8)),
    ];
    for (own, other) in wrong {
        let told = errors_of(|| {
            // SAFETY: the size is not 0; the block ends here. That the layout is another is what is tested: the block
            // is freed all the same.
            unsafe {
                let mut block = Rimalloc.alloc(own);
                // By chance a block can be aligned to more than it has to be.
                while block.addr().is_multiple_of(other.align()) && other.align() > own.align() {
                    block = Rimalloc.alloc(own);
                }
                Rimalloc.dealloc(block, other);
            }
        });
        let expected = usize::from(cfg!(debug_assertions));
        assert_eq!(told, vec!["invalid pointer or layout"; expected], "{own:?} as {other:?}");
    }
}

#[test]
fn a_heap_can_have_its_blocks_looked_at_in_every_build() {
    let told = errors_of(|| {
        let heap = Heap::new().expect("memory for a heap");
        heap.set_check(true);
        let wrong = [(100, 8, 200, 8), (3000, 64, 48, 64), (24, 8, 24, 4096), (1 << 20, 8, 10, 8)];
        for (size, align, claimed_size, claimed_align) in wrong {
            // SAFETY: the size is not 0; the block ends here. That the layout is another is what is tested: the block
            // is freed all the same.
            unsafe {
                let mut block = heap.alloc(layout(size, align));
                while block.addr().is_multiple_of(claimed_align) && claimed_align > align {
                    block = heap.alloc(layout(size, align));
                }
                heap.dealloc(block, layout(claimed_size, claimed_align));
            }
        }
        // SAFETY: the size is not 0, and the layout is the block's. That it is freed twice is what is tested.
        unsafe {
            heap.alloc(layout(100, 8));
            let block = heap.alloc(layout(100, 8));
            heap.dealloc(block, layout(100, 8));
            heap.dealloc(block, layout(100, 8));
        }
    });
    assert_eq!(told[..4], ["invalid pointer or layout"; 4]);
    assert_eq!(told[4..], ["a block was freed twice"]);
}

#[test]
fn a_block_s_own_layout_is_never_reported() {
    let mut told = errors_of(|| {
        let heap = Heap::new().expect("memory for a heap");
        let looked_at = Heap::new().expect("memory for a heap");
        looked_at.set_check(true);
        for align in [1, 8, 16, 64, 4096, SLICE, 2 * SLICE] {
            for size in (0..2000).chain([5000, 60_000, SLICE, SLICE + 1, 1 << 20, 5 << 20]) {
                own_layouts(&Rimalloc, layout(size, align));
                own_layouts(&heap, layout(size, align));
                own_layouts(&looked_at, layout(size, align));
            }
        }
    });
    // There may be many, all alike.
    told.dedup();
    assert_eq!(told, Vec::<String>::new());
}

const SLICE: usize = 64 << 10;

/// Allocates and resizes a block, which is freed with the layout that it has then.
fn own_layouts(allocator: &dyn GlobalAlloc, own: Layout) {
    let (size, align) = (own.size(), own.align());
    for steps in [&[][..], &[size * 2], &[size / 2], &[size + 1], &[size * 3, size * 2, 1]] {
        let mut now = own;
        // SAFETY: sizes of 0 are documented; the block is live and has the layout `now`.
        unsafe {
            let mut block = allocator.alloc(now);
            for &step in steps {
                block = allocator.realloc(block, now, step);
                now = layout(step, align);
            }
            assert!(!block.is_null());
            allocator.dealloc(block, now);
        }
    }
}

#[test]
fn errors_are_told_with_their_kind() {
    let told = errors_of(|| {
        // SAFETY: the sizes are not 0.
        unsafe {
            assert!(Rimalloc.alloc(layout(isize::MAX.unsigned_abs(), 1)).is_null());
            assert!(Rimalloc.alloc(layout(1 << 60, 1)).is_null());
        }
    });
    assert_eq!(told, ["out of memory"; 2]);
    assert_eq!(Error::from(75), Error::TooLarge);
    assert_eq!(Error::from(1000), Error::Other(1000));
    assert_eq!(OutOfMemory.to_string(), "out of memory");
}

#[test]
fn messages_go_to_the_function_and_may_allocate_there() {
    let _serial = serial();
    told();
    options::show_errors().set(true);
    hooks::on_message(&|text: &str| {
        // SAFETY: the size is not 0; the block is the global allocator's.
        let probe = unsafe { Rimalloc.alloc(layout(100, 8)) };
        assert!(!probe.is_null());
        // SAFETY: as above.
        unsafe { Rimalloc.dealloc(probe, layout(100, 8)) };
        note(text);
    });
    // SAFETY: the size is not 0.
    assert!(unsafe { Rimalloc.alloc(layout(1 << 60, 1)) }.is_null());
    hooks::clear_message();
    options::show_errors().set(false);
    let told = told().concat();
    assert!(told.contains("error: ") && told.contains("(1152921504606846976 bytes)"), "{told}");
}

#[test]
fn deferred_frees_happen_at_a_collection_and_while_a_thread_allocates() {
    let _serial = serial();
    told();
    // SAFETY: the size is not 0; the block is lost on purpose, and the thread is known to the allocator then.
    unsafe { Rimalloc.alloc(layout(64, 8)) };
    hooks::on_deferred_free(&|force: bool, heartbeat: u64| note(&format!("{force} {heartbeat}")));
    rimalloc::collect(true);
    // SAFETY: the size is not 0; the blocks are lost on purpose.
    unsafe { (0..200_000).for_each(|_| _ = Rimalloc.alloc(layout(64, 8))) };
    hooks::clear_deferred_free();
    let told = told();
    assert_eq!(told[0], "true 1");
    assert!(told.len() > 2 && told[1] == "false 2", "{told:?}");
}

#[test]
fn options_are_typed_and_know_who_decided() {
    use options::Source;
    let (delay, reserve) = (options::purge_delay(), options::arena_reserve());
    assert_eq!((delay.name(), delay.default()), ("purge_delay", Some(Duration::from_millis(10))));
    assert_eq!((reserve.default(), reserve.source()), (1 << 30, Source::Table));
    delay.set_default(Duration::from_secs(1));
    assert_eq!((delay.get(), delay.source()), (Some(Duration::from_secs(1)), Source::Default));
    delay.set(None);
    assert_eq!((delay.get(), delay.source()), (None, Source::Explicit));
    delay.set(Duration::from_micros(1));
    assert_eq!(delay.get(), Some(Duration::from_millis(1)));
    reserve.set(100 << 20);
    assert_eq!(reserve.get(), 100 << 20);
    options::max_errors().set(None);
    assert_eq!(options::max_errors().get(), None);
    let shown: Vec<_> = options::all().filter(|it| it.name == "arena_reserve").collect();
    assert_eq!((shown.len(), shown[0].value, shown[0].unit), (1, 100 << 10, "KiB"));
    assert_eq!(format!("{:?}", options::verbose()), "verbose=0");
}

#[test]
fn asking_for_more_than_there_is_leaves_collections_whole() {
    let mut text = String::from("kept");
    assert!(text.try_reserve(isize::MAX.unsigned_abs() - 10).is_err());
    assert_eq!(text, "kept");
}
