//! The contract, as the layers above see it.
#![allow(unsafe_code)]

extern crate std;

use super::*;

/// A committed range that is given back at the end of the test.
struct Range {
    base: NonNull<u8>,
    size: usize,
}

impl Range {
    fn new(pages: usize) -> Self {
        let size = pages * page_size();
        Self { base: reserve(size, page_size(), true).expect("a few OS pages"), size }
    }

    fn fill(&self, byte: u8) {
        // SAFETY: committed and ours.
        unsafe { self.base.write_bytes(byte, self.size) }
    }

    fn holds(&self, byte: u8) -> bool {
        // SAFETY: committed, ours, and initialized by the system.
        let bytes = unsafe { core::slice::from_raw_parts(self.base.as_ptr(), self.size) };
        bytes.iter().all(|&found| found == byte)
    }
}

impl Drop for Range {
    fn drop(&mut self) {
        // SAFETY: ours, and the test is over.
        unsafe { release(self.base, self.size) }.expect("ours");
    }
}

#[test]
fn reservations_are_aligned_zero_and_writable() {
    for shift in [12, 16, 21, 25, 30] {
        let align = 1usize << shift;
        let size = 3 * page_size();
        for commit_now in [true, false] {
            let base = reserve(size, align, commit_now).expect("address space");
            assert_eq!(base.addr().get() % align, 0);
            let range = Range { base, size };
            if !commit_now {
                // SAFETY: reserved above.
                unsafe { commit(base, size) }.expect("a few OS pages");
            }
            assert!(range.holds(0));
            range.fill(1);
        }
    }
}

#[test]
fn senseless_reservations_are_refused() {
    let page = page_size();
    assert_eq!(reserve(0, page, true), Err(OsError::INVALID));
    assert_eq!(reserve(page + 1, page, true), Err(OsError::INVALID));
    assert_eq!(reserve(page, 3 * page, true), Err(OsError::INVALID));
    assert_eq!(reserve(1 << 62, page, false), Err(OsError::OUT_OF_MEMORY));
    assert_eq!(reserve(usize::MAX - page + 1, 1 << 40, false), Err(OsError::OUT_OF_MEMORY));
}

#[test]
fn senseless_large_reservations_are_refused() {
    let odd = NonNull::without_provenance(core::num::NonZero::new(4096).expect("not zero"));
    for page in [LargePage::Large, LargePage::Huge] {
        assert_eq!(reserve_large(None, 0, page), Err(OsError::INVALID));
        assert_eq!(reserve_large(None, page.size() - 4096, page), Err(OsError::INVALID));
        assert_eq!(reserve_large(Some(odd), page.size(), page), Err(OsError::INVALID));
    }
    assert_eq!((LargePage::Large.size(), LargePage::Huge.size()), (2 << 20, 1 << 30));
}

#[test]
fn large_pages_are_what_they_should_be_where_the_system_has_any() {
    let size = LargePage::Large.size();
    match reserve_large(None, size, LargePage::Large) {
        Ok(base) => {
            assert_eq!(base.addr().get() % size, 0);
            let range = Range { base, size };
            assert!(range.holds(0));
            range.fill(1);
        }
        // What kernels say that have no page, or no notion of such pages.
        Err(error) => {
            assert!([OsError::OUT_OF_MEMORY, OsError::INVALID].contains(&error), "{error:?}")
        }
    }
}

#[test]
fn memory_is_usable_whatever_node_it_prefers() {
    let range = Range::new(4);
    // SAFETY: ours. Where a node does not exist, or the system has none, nothing changes.
    unsafe {
        assert_eq!(prefer_node(range.base, range.size, usize::MAX), Err(OsError::INVALID));
        assert_eq!(prefer_node(range.base, range.size, 5000), Err(OsError::INVALID));
        let _ = prefer_node(range.base, range.size, 0);
        let _ = prefer_node(range.base, range.size, 1023);
    }
    range.fill(3);
    assert!(range.holds(3));
}

#[test]
fn discarded_memory_stays_accessible_and_reads_zero() {
    let range = Range::new(8);
    range.fill(7);
    // SAFETY: ours.
    unsafe { discard(range.base, range.size) }.expect("ours");
    assert!(range.holds(0));
    range.fill(8);
}

#[test]
fn decommitted_memory_reads_zero() {
    let range = Range::new(8);
    range.fill(7);
    // SAFETY: ours.
    unsafe {
        if decommit(range.base, range.size).expect("ours") {
            commit(range.base, range.size).expect("a few OS pages");
        }
    }
    assert!(range.holds(0));
    range.fill(8);
}

#[test]
fn reset_populate_and_advice_leave_memory_usable() {
    let range = Range::new(8);
    range.fill(7);
    // SAFETY: ours.
    unsafe {
        reset(range.base, range.size).expect("ours");
        range.fill(8);
        assert!(range.holds(8));
        let _ = populate(range.base, range.size);
        let _ = advise_huge(range.base, range.size, true);
        let _ = advise_huge(range.base, range.size, false);
        exclude_from_dump(range.base, range.size);
        protect(range.base, range.size, false).expect("ours");
        protect(range.base, range.size, true).expect("ours");
    }
    assert!(range.holds(8));
}

#[test]
fn moved_pages_keep_contents_and_leave_zeroes() {
    let from = Range::new(64);
    let to = Range::new(64);
    from.fill(7);
    to.fill(9);
    // SAFETY: both are ours.
    match unsafe { move_pages(from.base, to.base, from.size) } {
        Ok(()) => assert!(to.holds(7) && from.holds(0)),
        Err(_) => assert!(from.holds(7)),
    }
    to.fill(1);
    from.fill(2);
    assert!(to.holds(1) && from.holds(2));
}

#[test]
fn a_refused_move_changes_nothing() {
    let from = Range::new(4);
    let to = Range::new(4);
    from.fill(7);
    let page = page_size();
    // SAFETY: ours; the second OS page stays a mapping of its own until access is given back.
    let answer = unsafe {
        protect(from.base.add(page), page, false).expect("ours");
        let answer = move_pages(from.base, to.base, from.size);
        protect(from.base.add(page), page, true).expect("ours");
        answer
    };
    assert!(answer.is_err());
    assert!(from.holds(7));
    to.fill(3);
}

#[test]
fn remapped_memory_grows_and_shrinks() {
    let page = page_size();
    let base = reserve(4 * page, page, true).expect("a few OS pages");
    // SAFETY: ours; the sizes follow the mapping.
    unsafe {
        base.write_bytes(7, 4 * page);
        let base = remap(base, 4 * page, 400 * page).expect("address space");
        assert_eq!((base.read(), base.add(4 * page - 1).read()), (7, 7));
        assert_eq!(base.add(4 * page).read(), 0);
        base.add(400 * page - 1).write(1);
        let base = remap(base, 400 * page, page).expect("ours");
        assert_eq!(base.read(), 7);
        release(base, page).expect("ours");
    }
}

#[test]
fn failures_leave_errno_alone() {
    set_errno(1234);
    assert!(reserve(1 << 62, page_size(), true).is_err());
    let nowhere = NonNull::dangling();
    // SAFETY: no mapping of anybody's lies at an address that isn't on an OS page.
    unsafe {
        assert!(commit(nowhere, page_size()).is_err());
        assert!(populate(nowhere, page_size()).is_err());
        assert!(remap(nowhere, page_size(), 2 * page_size()).is_err());
        assert!(move_pages(nowhere, nowhere, page_size()).is_err());
        assert!(release(nowhere, page_size()).is_err());
    }
    let word = AtomicU32::new(0);
    wait(&word, 1);
    wake_one(&word);
    wake_one(&word);
    let _ = (numa_node(), numa_node_count(), overcommits(), process_info(), address_space_limit());
    assert_eq!(errno(), 1234);
}

#[test]
fn the_surroundings_make_sense() {
    assert!(page_size().is_power_of_two() && page_size() >= 4096);
    assert!(numa_node_count() >= 1 && numa_node() < numa_node_count());
    assert!((32..=57).contains(&address_bits()));
    assert_eq!(process_id(), std::process::id());
    let info = process_info();
    assert!(info.current_rss > page_size() && info.peak_rss > page_size());
    assert!(info.minor_faults > 0);
    let mut random = [[0; 32]; 2];
    assert!(entropy(&mut random[0]) && entropy(&mut random[1]));
    assert_ne!(random[0], random[1]);
    let mut path = [0; 4096];
    let expected =
        std::env::var_os("PATH").map_or(EnvLookup::Absent, |p| EnvLookup::Found(p.len()));
    assert_eq!(env(b"path", &mut path), expected);
    assert!(!secure_execution());
}

#[test]
fn clocks_go_forward() {
    let (start, coarse) = (clock_ms(), clock_coarse_ms());
    std::thread::sleep(core::time::Duration::from_millis(30));
    assert!((20..5000).contains(&(clock_ms() - start)));
    assert!((10..5000).contains(&(clock_coarse_ms() - coarse)));
}

#[test]
fn thread_ids_differ_and_have_clear_low_bits() {
    let mine = thread_id();
    assert_eq!(mine, thread_id());
    let other = std::thread::spawn(thread_id).join().expect("ends");
    assert!(mine != other && mine != 0 && other != 0);
    assert_eq!((mine | other) & 7, 0);
}

#[test]
fn what_is_fenced_cannot_be_read_until_it_is_opened() {
    let range = Range::new(3);
    range.fill(7);
    let page = page_size();
    // SAFETY: ours, and nobody touches the middle while it is fenced.
    unsafe {
        let middle = range.base.add(page);
        fence(middle, page).expect("ours");
        let readable = [0, page, 2 * page - 1, 2 * page]
            .map(|offset| is_readable((range.base.addr().get() + offset) & !7));
        assert_eq!(readable, [true, false, false, true]);
        fence(middle, page).expect("fenced already");
        unfence(range.base, range.size).expect("ours");
        assert!(is_readable(middle.addr().get()));
        middle.write_bytes(7, page);
    }
    assert!(range.holds(7), "what is beside was not touched");
    assert!(!is_readable(8) && !is_readable(usize::MAX - 7));
}
