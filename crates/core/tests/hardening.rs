//! What each level of hardening promises, as it is described and not as it is made: the expectations come from the
//! features that the build was asked for. A promise of a level that the build has not is not asked for.
#![cfg(target_os = "linux")]
#![allow(unsafe_code)]

mod process;

use core::ffi::c_void;
use core::ptr::{null_mut, without_provenance_mut};
use process::alone;
use rimalloc_core::alloc::{malloc, zalloc};
use rimalloc_core::free::{free, free_size, usable_size};
use rimalloc_core::heap::MAIN_SUBPROC;
use rimalloc_core::page::PageRef;
use rimalloc_core::realloc::expand;
use rimalloc_core::report::{codes, register_error};
use rimalloc_core::source::Plain;
use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Mutex;

const SECURE: i32 = if cfg!(feature = "secure5") {
    5
} else if cfg!(feature = "secure4") {
    4
} else if cfg!(feature = "secure3") {
    3
} else if cfg!(feature = "secure2") {
    2
} else if cfg!(feature = "secure1") {
    1
} else {
    0
};
const DEBUG: bool = cfg!(feature = "debug-checks");

/// The codes that the error function was told.
static TOLD: Mutex<Vec<i32>> = Mutex::new(Vec::new());

unsafe extern "C" fn note(code: i32, _: *mut c_void) {
    TOLD.lock().expect("nobody panics with it").push(code);
}

/// The codes that `f` brings about. Who is told of an error goes on.
fn errors_of(f: impl FnOnce()) -> Vec<i32> {
    // SAFETY: the function can be called at any time, with any argument.
    unsafe { register_error(Some(note), null_mut()) };
    TOLD.lock().expect("nobody panics with it").clear();
    f();
    TOLD.lock().expect("nobody panics with it").clone()
}

fn block(size: usize) -> *mut u8 {
    let p = malloc(Plain, size);
    assert!(!p.is_null(), "no block of {size} bytes");
    p
}

fn end(p: *mut u8) {
    // SAFETY: callers pass a live block, or one that the build is to recognise as none.
    unsafe { free(p) };
}

fn usable(p: *mut u8) -> usize {
    // SAFETY: callers pass a live block.
    unsafe { usable_size(p) }
}

/// Reads memory of the allocator, live or not.
fn byte(p: *mut u8, offset: usize) -> u8 {
    // SAFETY: callers pass a block, which stays mapped when it is free: others of its page are live.
    unsafe { p.wrapping_add(offset).read_volatile() }
}

/// The first word of a block, live or not.
fn word(p: *mut u8) -> usize {
    // SAFETY: as for `byte`; blocks are aligned to a word.
    unsafe { p.cast::<usize>().read_volatile() }
}

/// Writes to memory of the allocator that is not the program's.
fn damage(p: *mut u8, offset: usize, byte: u8) {
    // SAFETY: callers pass an offset into the same page.
    unsafe { p.wrapping_add(offset).write_volatile(byte) };
}

/// Whether a range is mapped with all access forbidden.
fn is_guard(start: usize, size: usize) -> bool {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("Linux");
    maps.lines().any(|line| {
        let (range, rest) = line.split_once(' ').expect("a range");
        let (from, to) = range.split_once('-').expect("two addresses");
        let [from, to] = [from, to].map(|text| usize::from_str_radix(text, 16).expect("hex"));
        rest.starts_with("---p") && from <= start && start + size <= to
    })
}

#[test]
fn memory_around_arenas_cannot_be_touched() {
    alone("memory_around_arenas_cannot_be_touched", &[], || {
        let p = block(100);
        let arena = MAIN_SUBPROC.arenas.iter().next().expect("an arena");
        let (base, page) = (arena.base().addr().get(), rimalloc_core::os::page_size());
        assert!(arena.contains(p.addr()));
        if SECURE >= 1 {
            assert!(is_guard(base - page, page) && is_guard(base + arena.size(), page));
        }
        // Behind the records in every build.
        let blocks = (base..p.addr()).step_by(page);
        assert!(blocks.filter(|addr| is_guard(*addr, page)).count() > 0);
    });
}

const SHOWS_PLACE: &str = "RIMALLOC_TEST_SHOWS_PLACE";

/// Where the first arena of another process is, which the system starts without chance of its own.
fn place_of_another() -> String {
    let mut command = Command::new(std::env::current_exe().expect("the path of this test"));
    command.args(["--exact", "nobody_can_foretell_where_arenas_are", "--nocapture"]);
    command.env(SHOWS_PLACE, "1");
    let without_chance = || {
        // SAFETY: changes a property of the calling process, which is about to start the program.
        unsafe { libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong) };
        Ok(())
    };
    // SAFETY: the function makes one system call.
    let output = unsafe { command.pre_exec(without_chance) }.output().expect("it can be started");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.split_once("place "));
    line.expect("the process says it").1.to_owned()
}

#[test]
fn nobody_can_foretell_where_arenas_are() {
    if std::env::var_os(SHOWS_PLACE).is_some() {
        block(100);
        let arena = MAIN_SUBPROC.arenas.iter().next().expect("an arena");
        println!("place {:p}", arena.base());
        return;
    }
    let places: BTreeSet<String> = (0..6).map(|_| place_of_another()).collect();
    if SECURE >= 1 {
        assert!(places.len() > 3, "{places:?}");
    }
}

/// The offsets of fresh blocks of a new page, in the order in which they are handed out.
fn order(size: usize) -> Vec<usize> {
    let first = block(size);
    let page = PageRef::of_addr(first.addr()).expect("a page");
    let mut offsets = vec![first.addr() - page.start().addr()];
    while offsets.len() < 32 {
        let next = block(size).addr().wrapping_sub(page.start().addr());
        if next < 1 << 16 {
            offsets.push(next);
        }
    }
    offsets
}

#[test]
fn blocks_of_a_page_are_handed_out_in_random_order() {
    alone("blocks_of_a_page_are_handed_out_in_random_order", &[], || {
        // Two bins whose pages look alike but for the size.
        let relative = |size: usize, roomy: usize| -> Vec<usize> {
            order(size).into_iter().map(|offset| offset / roomy).collect()
        };
        let [one, other] = [(48 - 8, 48), (64 - 8, 64)].map(|(size, roomy)| relative(size, roomy));
        let sorted = one.is_sorted() && other.is_sorted();
        assert_eq!(sorted, SECURE < 2, "{one:?} {other:?}");
        assert!(SECURE < 2 || one != other, "{one:?}");
    });
}

/// Blocks of a page of which some are freed: those.
fn freed(size: usize) -> Vec<*mut u8> {
    let blocks: Vec<_> = (0..40).map(|_| block(size)).collect();
    let freed: Vec<_> = blocks.into_iter().step_by(2).collect();
    freed.iter().for_each(|p| end(*p));
    freed
}

#[test]
fn links_of_free_blocks_are_no_addresses() {
    alone("links_of_free_blocks_are_no_addresses", &[], || {
        let arena = |addr| MAIN_SUBPROC.arenas.iter().any(|arena| arena.contains(addr));
        let readable = freed(100).into_iter().filter(|p| arena(word(*p))).count();
        assert_eq!(readable == 0, SECURE >= 3 || DEBUG, "{readable} links can be read");
    });
}

#[test]
fn what_a_link_was_is_not_handed_out() {
    if SECURE == 0 {
        return;
    }
    alone("what_a_link_was_is_not_handed_out", &[], || {
        freed(100);
        let again: Vec<_> = (0..200).map(|_| word(block(100))).collect();
        let expected = if DEBUG { 0xd0d0_d0d0_d0d0_d0d0 } else { 0 };
        assert!(again.iter().all(|word| *word == expected), "{again:x?}");
    });
}

#[test]
fn a_link_that_was_written_over_is_reported_and_leads_nowhere() {
    if SECURE < 3 && !DEBUG {
        return;
    }
    alone("a_link_that_was_written_over_is_reported_and_leads_nowhere", &[], || {
        let victim = freed(100)[7];
        (0..8).for_each(|at| damage(victim, at, 0x41));
        let mut blocks = BTreeSet::new();
        let told = errors_of(|| {
            for _ in 0..2000 {
                let p = block(100);
                assert!(blocks.insert(p.addr()), "a block is handed out twice");
                // SAFETY: the block holds so many bytes.
                unsafe { p.write_bytes(1, 100) };
            }
        });
        assert_eq!(told, [codes::EFAULT]);
    });
}

#[test]
fn a_byte_too_much_is_found_by_free() {
    if SECURE < 3 && !DEBUG {
        return;
    }
    alone("a_byte_too_much_is_found_by_free", &[], || {
        for size in (1..300).chain([1000, 5000, 20_000, 60_000, 70_000, 1_000_000]) {
            let p = block(size);
            assert_eq!(usable(p), size);
            // SAFETY: the block is live.
            assert!(unsafe { expand(p, size + 1) }.is_null());
            // The end of a string, and any other byte.
            for change in [|_| 0, |byte: u8| byte ^ 0x80] {
                let p = block(size);
                damage(p, size, change(byte(p, size)));
                assert_eq!(errors_of(|| end(p)), [codes::EFAULT], "{size} bytes");
            }
            assert_eq!(errors_of(|| end(p)), [], "{size} bytes");
        }
    });
}

#[test]
fn a_block_is_freed_once() {
    if SECURE < 4 && !DEBUG {
        return;
    }
    alone("a_block_is_freed_once", &[], || {
        for size in [1, 16, 100, 1000, 5000, 20_000] {
            let neighbours: Vec<_> = (0..8).map(|_| block(size)).collect();
            let told = errors_of(|| {
                end(neighbours[3]);
                end(neighbours[3]);
                end(neighbours[5]);
                end(neighbours[3]);
            });
            assert_eq!(told, [codes::EAGAIN; 2], "{size} bytes");
            let again: Vec<_> = (0..200).map(|_| block(size).addr()).collect();
            let different: BTreeSet<_> = again.iter().collect();
            assert_eq!(different.len(), again.len(), "{size} bytes");
        }
    });
}

#[test]
fn a_wrong_size_is_told_and_the_block_freed() {
    if SECURE < 4 && !DEBUG {
        return;
    }
    alone("a_wrong_size_is_told_and_the_block_freed", &[], || {
        for size in [16, 100, 5000, 20_000, 100_000] {
            for wrong in [size - 1, size + 1, 0, 3 * size] {
                let p = block(size);
                // SAFETY: the block is live and nobody uses it. That the size is wrong is what is tested.
                let told = errors_of(|| unsafe { free_size(p, wrong) });
                assert_eq!(told, [codes::EINVAL], "{size} bytes freed as {wrong}");
            }
            let p = block(size);
            // SAFETY: the block is live, nobody uses it, and the size is right.
            assert_eq!(errors_of(|| unsafe { free_size(p, size) }), []);
        }
    });
}

#[test]
fn pages_end_in_memory_that_cannot_be_touched() {
    if SECURE < 5 {
        return;
    }
    alone("pages_end_in_memory_that_cannot_be_touched", &[], || {
        let os_page = rimalloc_core::os::page_size();
        for size in [1, 100, 1000, 8000, 20_000, 60_000, 70_000, 1 << 20, 3 << 20] {
            for _ in 0..100 {
                let p = block(size);
                // SAFETY: the block holds so many bytes.
                unsafe { p.write_bytes(1, size) };
                let page = PageRef::of_addr(p.addr()).expect("a page");
                let end = page.start().addr() + (page.slice_count() << 16);
                assert!(is_guard(end - os_page, os_page), "{size} bytes");
                assert!(p.addr() + size <= end - os_page);
            }
        }
    });
}

#[test]
fn bytes_say_what_they_are() {
    if !DEBUG {
        return;
    }
    alone("bytes_say_what_they_are", &[], || {
        let huge = block(1 << 20);
        assert_eq!(byte(huge, 4096), 0, "what the system gives stays as it is");
        for size in [5, 41, 100, 1000, 5000, 20_000] {
            let neighbour = block(size);
            let p = block(size);
            assert!((0..size).all(|at| byte(p, at) == 0xd0), "{size} bytes, fresh");
            let room = PageRef::of_addr(p.addr()).expect("a page").block_size() - 8;
            let slack = (room - size).min(16);
            assert!((size..size + slack).all(|at| byte(p, at) == 0xde), "{size} bytes, behind");
            end(p);
            assert!((8..room).all(|at| byte(p, at) == 0xdf), "{size} bytes, freed");
            let cleared = zalloc(Plain, size);
            assert!((0..size).all(|at| byte(cleared, at) == 0), "{size} bytes, cleared");
            end(cleared);
            end(neighbour);
        }
    });
}

#[test]
fn pointers_to_nothing_are_told() {
    if SECURE == 0 && !DEBUG {
        return;
    }
    alone("pointers_to_nothing_are_told", &[], || {
        let mut local = 0_u64;
        for p in [(&raw mut local).cast(), without_provenance_mut(0x399_0080)] {
            assert_eq!(errors_of(|| end(p)), [codes::EINVAL]);
        }
    });
}
