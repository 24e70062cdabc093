//! Mappings, advice, and what the machine looks like.
//!
//! Mappings are changed by number and not by the C library's functions: libraries for communication put functions of
//! their own in front of those and take locks in them, which a caller of ours may hold.
#![allow(unsafe_code)]

use core::ffi::{c_int, c_long, c_void};
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};

use super::{KeepErrno, call, errno, process};
use crate::os::{LargePage, OsError, OsResult};
use crate::sync::plain::{AtomicU8, AtomicUsize, Ordering};

/// Without a hint beyond it the kernel hands out no address above this, even with five-level tables.
pub(in crate::os) const ADDRESS_BITS: u32 = if cfg!(target_pointer_width = "32") {
    32
} else if cfg!(target_arch = "x86_64") {
    47
} else {
    48
};

const READ_WRITE: c_int = libc::PROT_READ | libc::PROT_WRITE;
const PRIVATE: c_int = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
/// How often advice is repeated that the kernel was too busy to take.
const BUSY_RETRIES: u32 = 8;

static PAGE_SIZE: AtomicUsize = AtomicUsize::new(0);

#[inline]
pub(in crate::os) fn page_size() -> usize {
    match PAGE_SIZE.load(Ordering::Relaxed) {
        0 => read_page_size(),
        size => size,
    }
}

#[cold]
fn read_page_size() -> usize {
    let _keep = KeepErrno::new();
    // SAFETY: reads the auxiliary vector that the kernel gave the process.
    let told = unsafe { libc::getauxval(libc::AT_PAGESZ) };
    let size = match usize::try_from(told) {
        Ok(size) if size.is_power_of_two() && size >= 4096 => size,
        _ => 4096,
    };
    PAGE_SIZE.store(size, Ordering::Relaxed);
    size
}

const UNREAD: u8 = 0;
const GENEROUS: u8 = 1;
const STRICT: u8 = 2;
static OVERCOMMITS: AtomicU8 = AtomicU8::new(UNREAD);

pub(in crate::os) fn overcommits() -> bool {
    match OVERCOMMITS.load(Ordering::Relaxed) {
        UNREAD => read_overcommits(),
        word => word == GENEROUS,
    }
}

#[cold]
fn read_overcommits() -> bool {
    let mut text = [0; 1];
    // An unreadable file says nothing: the kernel's own default is to overcommit.
    let read = process::read_file(c"/proc/sys/vm/overcommit_memory", &mut text);
    let strict = read == Some(1) && text[0] == b'2';
    OVERCOMMITS.store(if strict { STRICT } else { GENEROUS }, Ordering::Relaxed);
    !strict
}

pub(in crate::os) fn address_space_limit() -> Option<usize> {
    let mut limit = MaybeUninit::<libc::rlimit>::uninit();
    // SAFETY: the kernel fills the structure that the pointer leads to.
    call(|| unsafe { libc::getrlimit(libc::RLIMIT_AS, limit.as_mut_ptr()) }).ok()?;
    // SAFETY: the call succeeded, so the structure is filled.
    let soft = unsafe { limit.assume_init() }.rlim_cur;
    (soft != libc::RLIM_INFINITY).then(|| usize::try_from(soft).unwrap_or(usize::MAX))
}

/// An anonymous mapping that is not counted as used, where the kernel likes or at `at` as `flags` say.
///
/// # Safety
/// With `MAP_FIXED` the range at `at` is owned by the caller, who needs nothing of what is there.
unsafe fn map(at: *mut u8, size: usize, access: c_int, flags: c_int) -> OsResult<NonNull<u8>> {
    // SAFETY: the caller's promise.
    unsafe { map_counted(at, size, access, flags | libc::MAP_NORESERVE) }
}

/// As [`map`], with memory set aside for the whole of it where the kernel does that.
///
/// # Safety
/// As for [`map`].
unsafe fn map_counted(
    at: *mut u8,
    size: usize,
    access: c_int,
    flags: c_int,
) -> OsResult<NonNull<u8>> {
    let _keep = KeepErrno::new();
    // SAFETY: without `MAP_FIXED` a new mapping touches no existing one; with it the caller promises.
    let answer = unsafe {
        let [access, flags] = [access, PRIVATE | flags].map(c_long::from);
        libc::syscall(libc::SYS_mmap, at, size, access, flags, -1isize, 0usize)
    };
    mapped(answer)
}

/// Where the kernel has mapped something, which minus one says it has not.
fn mapped(answer: c_long) -> OsResult<NonNull<u8>> {
    // Minus one is the only negative answer.
    let address = usize::try_from(answer).map_err(|_| OsError(errno()))?;
    // The number is an address that the kernel has just mapped: nothing else carries its provenance. Address zero is
    // what everybody takes for no memory at all.
    NonNull::new(ptr::with_exposed_provenance_mut(address)).ok_or(OsError::OUT_OF_MEMORY)
}

/// Changes a mapping by a system call that answers 0 or minus one.
///
/// # Safety
/// As the system call of that number.
unsafe fn change(number: c_long, base: NonNull<u8>, size: usize, how: c_int) -> OsResult<()> {
    let how = c_long::from(how);
    // SAFETY: the caller's promise is the same.
    call(|| c_int::from(unsafe { libc::syscall(number, base.as_ptr(), size, how) } != 0))
}

pub(in crate::os) fn reserve(size: usize, align: usize, commit: bool) -> OsResult<NonNull<u8>> {
    reserve_near(0, size, align, commit)
}

pub(in crate::os) fn reserve_near(
    place: usize,
    size: usize,
    align: usize,
    commit: bool,
) -> OsResult<NonNull<u8>> {
    let access = if commit { READ_WRITE } else { libc::PROT_NONE };
    // SAFETY: no fixed address: the kernel takes it for a wish.
    let base = unsafe { map(ptr::without_provenance_mut(place), size, access, 0) }?;
    if base.addr().get().is_multiple_of(align) {
        return Ok(base);
    }
    // SAFETY: mapped above and known to nobody.
    unsafe { release(base, size) }?;
    let base = reserve_and_trim(size, align)?;
    if commit {
        // SAFETY: reserved in the line above.
        if let Err(error) = unsafe { protect(base, size, true) } {
            // SAFETY: known to nobody.
            let _ = unsafe { release(base, size) };
            return Err(error);
        }
    }
    Ok(base)
}

/// Reserves without access, so that the part which is cut off again is never charged.
fn reserve_and_trim(size: usize, align: usize) -> OsResult<NonNull<u8>> {
    let roomy = size.checked_add(align - page_size()).ok_or(OsError::OUT_OF_MEMORY)?;
    // SAFETY: no fixed address.
    let start = unsafe { map(ptr::null_mut(), roomy, libc::PROT_NONE, 0) }?;
    let head = start.addr().get().next_multiple_of(align) - start.addr().get();
    let tail = roomy - head - size;
    // SAFETY: `head + size + tail` is the size of the mapping.
    let base = unsafe { start.add(head) };
    // What cannot be cut off stays reserved: it costs addresses and no memory.
    if head > 0 {
        // SAFETY: lies before `base` in the mapping, and nobody uses it.
        let _ = unsafe { release(start, head) };
    }
    if tail > 0 {
        // SAFETY: lies after `base + size` in the mapping, and nobody uses it.
        let _ = unsafe { release(base.add(size), tail) };
    }
    Ok(base)
}

/// Large pages, or with `pretended` ordinary ones in their stead.
pub(in crate::os) fn reserve_large(
    at: Option<NonNull<u8>>,
    size: usize,
    page: LargePage,
    pretended: bool,
) -> OsResult<NonNull<u8>> {
    let kind = c_int::try_from(page.shift()).unwrap_or(0) << libc::MAP_HUGE_SHIFT;
    let large = libc::MAP_HUGETLB | kind;
    let place = at.map_or(ptr::null_mut(), NonNull::as_ptr);
    let fixed = if at.is_some() { libc::MAP_FIXED_NOREPLACE } else { 0 };
    // SAFETY: nothing is replaced. The pages are set aside now: touching one that the kernel then lacks
    // would end the process.
    let base = unsafe {
        if pretended {
            map(place, size, READ_WRITE, fixed)
        } else {
            map_counted(place, size, READ_WRITE, fixed | large)
        }
    }?;
    // Kernels before 4.17 take the address for a wish.
    if at.is_some_and(|at| at != base) {
        // SAFETY: mapped above and known to nobody.
        let _ = unsafe { release(base, size) };
        return Err(OsError::EXISTS);
    }
    Ok(base)
}

/// # Safety
/// As [`crate::os::release`].
pub(in crate::os) unsafe fn release(base: NonNull<u8>, size: usize) -> OsResult<()> {
    // SAFETY: the caller owns the range and gives it up.
    unsafe { change(libc::SYS_munmap, base, size, 0) }
}

/// # Safety
/// As [`crate::os::protect`].
pub(in crate::os) unsafe fn protect(
    base: NonNull<u8>,
    size: usize,
    accessible: bool,
) -> OsResult<()> {
    let access = if accessible { READ_WRITE } else { libc::PROT_NONE };
    // SAFETY: the caller owns the range and knows when it may be touched.
    unsafe { change(libc::SYS_mprotect, base, size, access) }
}

/// # Safety
/// The caller owns the range, and needs its contents only if the advice keeps them.
unsafe fn advise(base: NonNull<u8>, size: usize, advice: c_int) -> OsResult<()> {
    let mut tries = 0;
    loop {
        // SAFETY: the caller's promise is the same.
        let answer = unsafe { change(libc::SYS_madvise, base, size, advice) };
        tries += 1;
        if answer != Err(OsError(libc::EAGAIN)) || tries > BUSY_RETRIES {
            return answer;
        }
    }
}

/// Drops the contents and keeps the access; the range reads zero.
///
/// # Safety
/// As [`crate::os::decommit`].
pub(in crate::os) unsafe fn discard(base: NonNull<u8>, size: usize) -> OsResult<()> {
    // SAFETY: the caller does not need the contents.
    unsafe { advise(base, size, libc::MADV_DONTNEED) }
}

/// Drops contents, access, and the charge against the commit limit.
///
/// A fresh mapping in place of the old one, because taking access away leaves the charge.
///
/// # Safety
/// As [`crate::os::decommit`].
pub(in crate::os) unsafe fn uncharge(base: NonNull<u8>, size: usize) -> OsResult<()> {
    // SAFETY: the caller owns the range and does not need the contents.
    unsafe { map(base.as_ptr(), size, libc::PROT_NONE, libc::MAP_FIXED) }.map(drop)
}

/// Marks OS pages as such that nobody can touch, which drops their contents, or takes those marks away.
///
/// # Safety
/// As [`crate::os::fence`].
pub(in crate::os) unsafe fn mark(base: NonNull<u8>, size: usize, on: bool) -> OsResult<()> {
    // Linux 6.13, of which the crate knows nothing yet.
    const MADV_GUARD_INSTALL: c_int = 102;
    const MADV_GUARD_REMOVE: c_int = 103;
    let advice = if on { MADV_GUARD_INSTALL } else { MADV_GUARD_REMOVE };
    // SAFETY: the caller does not need the contents.
    unsafe { advise(base, size, advice) }
}

/// # Safety
/// As [`crate::os::reset`].
pub(in crate::os) unsafe fn reset(base: NonNull<u8>, size: usize) -> OsResult<()> {
    // SAFETY: the caller does not need the contents.
    match unsafe { advise(base, size, libc::MADV_FREE) } {
        // SAFETY: as above.
        Err(OsError::INVALID) => unsafe { discard(base, size) },
        answer => answer,
    }
}

/// # Safety
/// As [`crate::os::populate`].
pub(in crate::os) unsafe fn populate(base: NonNull<u8>, size: usize) -> OsResult<()> {
    // SAFETY: the advice keeps the contents.
    unsafe { advise(base, size, libc::MADV_POPULATE_WRITE) }
}

/// # Safety
/// As [`crate::os::advise_huge`].
pub(in crate::os) unsafe fn advise_huge(base: NonNull<u8>, size: usize, on: bool) -> OsResult<()> {
    let advice = if on { libc::MADV_HUGEPAGE } else { libc::MADV_NOHUGEPAGE };
    // SAFETY: the advice keeps the contents.
    unsafe { advise(base, size, advice) }
}

/// # Safety
/// As [`crate::os::exclude_from_dump`].
pub(in crate::os) unsafe fn exclude_from_dump(base: NonNull<u8>, size: usize) {
    // SAFETY: the advice keeps the contents.
    let _ = unsafe { advise(base, size, libc::MADV_DONTDUMP) };
}

pub(in crate::os) fn disable_huge_pages() {
    // SAFETY: changes a setting of the process and no memory.
    let _ =
        call(|| unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1usize, 0usize, 0usize, 0usize) });
}

/// mremap(2) itself: the wrapper of glibc drops the last argument when the flags don't say it is fixed.
///
/// # Safety
/// As mremap(2): the old range is owned, whole, and on success not used at its old place; with
/// `MREMAP_FIXED` the range at `to` is owned and its contents are not needed.
unsafe fn mremap(
    from: NonNull<u8>,
    old_size: usize,
    new_size: usize,
    flags: c_int,
    to: *mut u8,
) -> OsResult<NonNull<u8>> {
    let _keep = KeepErrno::new();
    // SAFETY: the caller's promise is the same.
    let answer =
        unsafe { libc::syscall(libc::SYS_mremap, from.as_ptr(), old_size, new_size, flags, to) };
    mapped(answer)
}

/// # Safety
/// As [`crate::os::remap`].
pub(in crate::os) unsafe fn remap(
    base: NonNull<u8>,
    old_size: usize,
    new_size: usize,
) -> OsResult<NonNull<u8>> {
    // SAFETY: the caller's promise is the same, and no address is fixed.
    unsafe { mremap(base, old_size, new_size, libc::MREMAP_MAYMOVE, ptr::null_mut()) }
}

/// Moves in two steps, through addresses of the kernel's choice.
///
/// The first step leaves the mapping of `from` in place with its contents gone, so that it is never a hole;
/// when it fails nothing has happened. A direct move to `to` would unmap `to` before it finds that it
/// cannot be done. The second step can only fail before it unmaps anything, short of the kernel being out
/// of memory for itself, and what it moves is one mapping that nobody else knows.
///
/// # Safety
/// As [`crate::os::move_pages`].
pub(in crate::os) unsafe fn move_pages(
    from: NonNull<u8>,
    to: NonNull<u8>,
    size: usize,
) -> OsResult<()> {
    let leave = libc::MREMAP_MAYMOVE | libc::MREMAP_DONTUNMAP;
    // SAFETY: the caller owns `from`, which stays mapped.
    let between = unsafe { mremap(from, size, size, leave, ptr::null_mut()) }?;
    let place = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
    // SAFETY: `between` is ours by the step before; the caller owns `to` and does not need its contents.
    let Err(error) = (unsafe { mremap(between, size, size, place, to.as_ptr()) }) else {
        return Ok(());
    };
    // SAFETY: `between` holds the contents of `from` and is ours; `from` is accessible and as long.
    unsafe {
        ptr::copy_nonoverlapping(between.as_ptr(), from.as_ptr(), size);
        let _ = release(between, size);
        refill(to, size);
    }
    Err(error)
}

/// Maps the range if it has become a hole, and leaves it alone if it hasn't.
///
/// # Safety
/// The caller owns the range and does not need its contents.
unsafe fn refill(base: NonNull<u8>, size: usize) {
    // SAFETY: the flag refuses to replace anything.
    let answer = unsafe { map(base.as_ptr(), size, READ_WRITE, libc::MAP_FIXED_NOREPLACE) };
    match answer {
        Ok(_) | Err(OsError(libc::EEXIST)) => {}
        Err(_) => {
            // Going on would let a foreign mapping appear inside memory that is handed out as ours.
            process::write_stderr(b"rimalloc: the system took away memory while it was moved\n");
            process::abort()
        }
    }
}

pub(in crate::os) fn numa_node() -> usize {
    let mut node: libc::c_uint = 0;
    let no_cpu = ptr::null_mut::<libc::c_uint>();
    let no_cache = ptr::null_mut::<c_void>();
    let _keep = KeepErrno::new();
    // SAFETY: the kernel writes the one number that it is given a place for.
    let answer = unsafe { libc::syscall(libc::SYS_getcpu, no_cpu, &raw mut node, no_cache) };
    if answer == 0 { node as usize } else { 0 }
}

pub(in crate::os) fn numa_node_count() -> usize {
    let mut text = [0; 256];
    let read = process::read_file(c"/sys/devices/system/node/online", &mut text);
    highest_number(&text[..read.unwrap_or(0)]).map_or(1, |node| node.saturating_add(1))
}

/// Nodes that a mask tells apart.
const NODES: usize = 1024;
const WORD_BITS: usize = usize::BITS as usize;
/// Memory comes from the node while that has any, and then from the nearest that has.
const MPOL_PREFERRED: c_int = 1;

/// # Safety
/// As [`crate::os::prefer_node`].
pub(in crate::os) unsafe fn prefer_node(
    base: NonNull<u8>,
    size: usize,
    node: usize,
) -> OsResult<()> {
    let mut mask = [0_usize; NODES / WORD_BITS];
    let word = mask.get_mut(node / WORD_BITS).ok_or(OsError::INVALID)?;
    *word = 1 << (node % WORD_BITS);
    let _keep = KeepErrno::new();
    // SAFETY: says where memory comes from, and changes none. The kernel looks at one bit less than it is told.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_mbind,
            base.as_ptr(),
            size,
            MPOL_PREFERRED,
            mask.as_ptr(),
            NODES + 1,
            0,
        )
    };
    if answer == 0 { Ok(()) } else { Err(OsError(errno())) }
}

/// The highest number in a list like `0-3,8`.
fn highest_number(list: &[u8]) -> Option<usize> {
    list.split(|byte| !byte.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .map(process::parse_number)
        .max()
}

pub(in crate::os) fn is_readable(addr: usize) -> bool {
    // A set of signals, which the kernel reads before it finds that nobody knows what to do with it.
    const NO_WAY: c_int = -1;
    let _keep = KeepErrno::new();
    let set = ptr::with_exposed_provenance::<usize>(addr);
    let no_set = ptr::null_mut::<usize>();
    // SAFETY: the kernel looks itself whether the set can be read, and changes nothing.
    let answer =
        unsafe { libc::syscall(libc::SYS_rt_sigprocmask, NO_WAY, set, no_set, size_of::<usize>()) };
    answer == -1 && errno() == libc::EINVAL
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn node_lists_are_read() {
        assert_eq!(highest_number(b""), None);
        assert_eq!(highest_number(b"\n"), None);
        assert_eq!(highest_number(b"0\n"), Some(0));
        assert_eq!(highest_number(b"0-3\n"), Some(3));
        assert_eq!(highest_number(b"0-1,12-15,7\n"), Some(15));
    }

    #[test]
    fn a_hole_is_refilled_and_a_mapping_left_alone() {
        let size = page_size() * 4;
        let base = reserve(size, page_size(), true).expect("a few OS pages");
        // SAFETY: the range is ours; the hole is filled before anything else is mapped by this thread,
        // and a mapping of another test that falls into it only makes `refill` leave it alone.
        unsafe {
            base.write(7);
            refill(base, size);
            assert_eq!(base.read(), 7);
            release(base, size).expect("ours");
        }
    }

    #[test]
    fn uncharged_memory_is_committed_again() {
        let size = page_size() * 4;
        let base = reserve(size, page_size(), true).expect("a few OS pages");
        // SAFETY: the range is ours, and touched only while accessible.
        unsafe {
            base.write_bytes(7, size);
            uncharge(base, size).expect("ours");
            protect(base, size, true).expect("ours");
            assert_eq!(base.read(), 0);
            assert_eq!(base.add(size - 1).read(), 0);
            release(base, size).expect("ours");
        }
    }
}
