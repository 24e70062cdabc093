//! The contract with the operating system: everything above names these functions and no others.
//!
//! Owns: reserved and committed memory, clocks, entropy, the environment, standard error, thread ids and
//! exits, fork, parking. Called by: every layer above. A port is one more `imp` module with the same names.
//!
//! Invariants, for every function unless it says otherwise:
//! * O1 `errno` is what it was before the call; only [`set_errno`] changes it.
//! * O2 libc's allocator is not called, no libc lock is taken, nothing unwinds, and nothing is a point of
//!   thread cancellation: these calls happen inside `malloc` and `free`.
//! * O3 sizes and addresses are bytes; a range given to a memory call is a multiple of [`page_size`] long
//!   and starts on an OS page.
//! * O4 a memory call that fails leaves its range as it was, unless it says otherwise.

#![allow(unsafe_code)]

pub mod fake;
mod lock;
#[cfg(not(all(test, loom)))]
pub(crate) mod slot;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as imp;
#[cfg(not(target_os = "linux"))]
compile_error!("rimalloc has no `os` implementation for this system");

use core::ffi::c_void;
use core::ptr::NonNull;

use crate::sync::AtomicU32;
use crate::sync::plain::{AtomicBool, Ordering};
use fake::Call;

pub use lock::{Guard, Lock};
#[cfg(not(all(test, loom)))]
pub(crate) use slot::thread_slot;

/// Why the system refused: the value that `errno` would have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OsError(pub i32);

impl OsError {
    /// No memory, no address space, or too many mappings.
    pub const OUT_OF_MEMORY: Self = Self(imp::ENOMEM);
    /// An argument that the system, or the contract, does not accept.
    pub const INVALID: Self = Self(imp::EINVAL);
    /// Something is where only one thing can be.
    pub const EXISTS: Self = Self(imp::EEXIST);
}

/// The result of a system call.
pub type OsResult<T> = Result<T, OsError>;

/// A size of OS page of which the system keeps a stock apart from ordinary memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LargePage {
    /// 2 MiB: a large OS page.
    Large,
    /// 1 GiB: a huge OS page.
    Huge,
}

impl LargePage {
    /// Bytes in such a page.
    pub const fn size(self) -> usize {
        1 << self.shift()
    }

    const fn shift(self) -> u32 {
        match self {
            Self::Large => 21,
            Self::Huge => 30,
        }
    }
}

/// What the environment says about a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvLookup {
    /// The environment is not set up yet: ask again later.
    NotReady,
    /// There is no such variable, or none that may be trusted.
    Absent,
    /// The variable exists; its value has this many bytes, of which as many as fit were copied.
    Found(usize),
}

/// Resources that the process has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessInfo {
    /// Processor time in user mode, in milliseconds.
    pub user_ms: u64,
    /// Processor time in the kernel, in milliseconds.
    pub system_ms: u64,
    /// Largest resident set so far, in bytes.
    pub peak_rss: usize,
    /// Resident set now, in bytes; 0 where it cannot be read.
    pub current_rss: usize,
    /// Faults that needed input or output.
    pub page_faults: u64,
    /// Faults that did not.
    pub minor_faults: u64,
}

// ---- memory --------------------------------------------------------------------------------------

/// Bytes in an OS page: a power of two, at least 4096, constant for the process. getauxval(3)
#[inline]
pub fn page_size() -> usize {
    imp::page_size()
}

/// True when memory may be accessible without being counted against a limit, so that committing is free.
///
/// False under `vm.overcommit_memory=2`, where every accessible byte is charged: memory is then reserved
/// inaccessible and really committed and decommitted. Read once. proc_sys_vm(5)
#[inline]
pub fn overcommits() -> bool {
    if fake::FAKE
        && let Some(answer) = fake::overcommits()
    {
        return answer;
    }
    imp::overcommits()
}

/// The soft limit on the address space in bytes, if there is one. getrlimit(2)
pub fn address_space_limit() -> Option<usize> {
    imp::address_space_limit()
}

/// User addresses are smaller than 2 to this power.
pub const fn address_bits() -> u32 {
    imp::ADDRESS_BITS
}

/// Reserves `size` bytes of zeroes at a multiple of `align`, accessible if `commit`.
///
/// `align` is a power of two and may be far larger than an OS page; a `size` of 0 or against O3 is
/// [`OsError::INVALID`]. On success the caller owns the mapping until [`release`]. mmap(2)
pub fn reserve(size: usize, align: usize, commit: bool) -> OsResult<NonNull<u8>> {
    let page = page_size();
    if size == 0 || !size.is_multiple_of(page) || !align.is_power_of_two() {
        return Err(OsError::INVALID);
    }
    fake::pass(Call::Reserve)?;
    imp::reserve(size, align.max(page), commit)
}

/// As [`reserve`], rather at `place` than elsewhere. mmap(2)
pub fn reserve_near(
    place: usize,
    size: usize,
    align: usize,
    commit: bool,
) -> OsResult<NonNull<u8>> {
    let page = page_size();
    if size == 0 || !size.is_multiple_of(page) || !align.is_power_of_two() {
        return Err(OsError::INVALID);
    }
    fake::pass(Call::Reserve)?;
    imp::reserve_near(place, size, align.max(page), commit)
}

/// Reserves `size` bytes of zeroes in large OS pages, committed for good: they are never swapped, nor
/// given back one by one. mmap(2), `MAP_HUGETLB`
///
/// `size` is a multiple of the page's, else [`OsError::INVALID`]. With `at`, a multiple too, the memory is
/// there or nowhere: [`OsError::EXISTS`] when something is mapped there. On success the caller owns the
/// mapping until [`release`], which takes whole pages.
pub fn reserve_large(
    at: Option<NonNull<u8>>,
    size: usize,
    page: LargePage,
) -> OsResult<NonNull<u8>> {
    let place = at.map_or(0, |at| at.addr().get());
    if size == 0 || !(size | place).is_multiple_of(page.size()) {
        return Err(OsError::INVALID);
    }
    fake::pass(Call::ReserveLarge)?;
    if fake::FAKE
        && let Some(granted) = fake::machine::grant(size, page)
    {
        return granted.and_then(|()| imp::reserve_large(at, size, page, true));
    }
    imp::reserve_large(at, size, page, false)
}

/// Has the range's memory taken from a NUMA node as long as that has any, where it is not yet backed by
/// memory. mbind(2)
///
/// # Safety
/// The range is reserved and owned by the caller.
pub unsafe fn prefer_node(base: NonNull<u8>, size: usize, node: usize) -> OsResult<()> {
    if fake::FAKE && fake::machine::prefer(size, node) {
        return Ok(());
    }
    // SAFETY: the caller's promise is the same.
    unsafe { imp::prefer_node(base, size, node) }
}

/// Gives the address range back. munmap(2)
///
/// Fails only when splitting a mapping exceeds a limit; the range then stays reserved.
///
/// # Safety
/// The range is reserved and nobody uses it again.
pub unsafe fn release(base: NonNull<u8>, size: usize) -> OsResult<()> {
    // SAFETY: the caller's promise is the same.
    unsafe { imp::release(base, size) }
}

/// Makes reserved memory accessible; contents stay, and what was never accessible reads zero. mprotect(2)
///
/// # Safety
/// The range is reserved by this process and owned by the caller.
pub unsafe fn commit(base: NonNull<u8>, size: usize) -> OsResult<()> {
    fake::pass(Call::Commit)?;
    // SAFETY: the caller's promise is the same.
    unsafe { imp::protect(base, size, true) }
}

/// Gives the memory back and keeps the addresses. madvise(2), mmap(2)
///
/// `Ok(true)`: the range is inaccessible and must be committed again before use. `Ok(false)`: it is
/// still accessible. Either way it reads zero when it is next read. An error leaves contents unspecified.
///
/// # Safety
/// The range is reserved and owned by the caller, and its contents are not needed.
pub unsafe fn decommit(base: NonNull<u8>, size: usize) -> OsResult<bool> {
    fake::pass(Call::Decommit)?;
    if overcommits() {
        // SAFETY: the caller's promise is the same.
        unsafe { imp::discard(base, size) }.map(|()| false)
    } else {
        // SAFETY: the caller's promise is the same.
        unsafe { imp::uncharge(base, size) }.map(|()| true)
    }
}

/// Gives the memory back and forbids all access, whatever that was: the range is as when it was reserved. mmap(2)
///
/// # Safety
/// As for [`decommit`].
pub unsafe fn uncommit(base: NonNull<u8>, size: usize) -> OsResult<()> {
    fake::pass(Call::Decommit)?;
    // SAFETY: the caller's promise is the same.
    unsafe { imp::uncharge(base, size) }
}

/// Gives the memory back as far as that leaves the mapping and its access as they are. madvise(2)
///
/// For ranges that somebody else has mapped. An ordinary private mapping reads zero afterwards, others what
/// they are mappings of. An error leaves contents unspecified.
///
/// # Safety
/// The range is mapped and the caller's to use, and its contents are not needed.
pub unsafe fn discard(base: NonNull<u8>, size: usize) -> OsResult<()> {
    fake::pass(Call::Decommit)?;
    // SAFETY: the caller's promise is the same.
    unsafe { imp::discard(base, size) }
}

/// Lets the system take the memory when it needs it; the range stays accessible. madvise(2)
///
/// Afterwards each OS page holds either what it held or zeroes, until it is next written.
///
/// # Safety
/// The range is committed and owned by the caller, and its contents are not needed.
pub unsafe fn reset(base: NonNull<u8>, size: usize) -> OsResult<()> {
    fake::pass(Call::Reset)?;
    // SAFETY: the caller's promise is the same.
    unsafe { imp::reset(base, size) }
}

/// Allows or forbids all access; contents stay. mprotect(2)
///
/// # Safety
/// The range is committed and owned by the caller, who touches it only while it is accessible.
pub unsafe fn protect(base: NonNull<u8>, size: usize, accessible: bool) -> OsResult<()> {
    fake::pass(Call::Protect)?;
    // SAFETY: the caller's promise is the same.
    unsafe { imp::protect(base, size, accessible) }
}

/// Whether some range may have been fenced by taking its access away.
static CUT: AtomicBool = AtomicBool::new(false);

/// Forbids all access and gives the memory back, for ranges that are fenced and opened again and again: where the
/// system can mark OS pages for that, which neither splits the mapping nor takes as long. madvise(2), mprotect(2)
///
/// # Safety
/// The range is committed, or fenced already, and owned by the caller; its contents are not needed.
pub unsafe fn fence(base: NonNull<u8>, size: usize) -> OsResult<()> {
    fake::pass(Call::Protect)?;
    // Marked memory stays charged.
    // SAFETY: the caller's promise is the same.
    if overcommits() && unsafe { imp::mark(base, size, true) }.is_ok() {
        return Ok(());
    }
    CUT.store(true, Ordering::Relaxed);
    // SAFETY: as above. What cannot be given back is so when it is used again.
    unsafe {
        let _ = decommit(base, size);
        imp::protect(base, size, false)
    }
}

/// Allows access to a range of which parts may be [fenced](fence). What was may read as it did before, or zero.
///
/// # Safety
/// The range is committed, or fenced, and owned by the caller.
pub unsafe fn unfence(base: NonNull<u8>, size: usize) -> OsResult<()> {
    fake::pass(Call::Protect)?;
    // SAFETY: the caller's promise is the same.
    let lifted = unsafe { imp::mark(base, size, false) };
    match lifted {
        // A system without marks has none to take away.
        Ok(()) | Err(OsError::INVALID) if CUT.load(Ordering::Relaxed) => {
            // SAFETY: as above.
            unsafe { imp::protect(base, size, true) }
        }
        lifted => lifted,
    }
}

/// Grows or shrinks a whole mapping, moving it if need be; what is added reads zero. mremap(2)
///
/// The new base is aligned to an OS page and no more. On failure the old mapping is as it was.
///
/// # Safety
/// `base` and `old_size` are what [`reserve`] or `remap` gave, all of it is accessible, and on success
/// the old addresses are not used again.
pub unsafe fn remap(base: NonNull<u8>, old_size: usize, new_size: usize) -> OsResult<NonNull<u8>> {
    fake::pass(Call::Remap)?;
    // SAFETY: the caller's promise is the same.
    unsafe { imp::remap(base, old_size, new_size) }
}

/// Moves the OS pages of `[from, from + size)` to `to` without copying. mremap(2)
///
/// On success `to` holds the contents, what it held is gone, and `from` is accessible and reads zero:
/// at no instant is it a hole that a foreign mapping could fall into. On failure `from` holds its
/// contents as before and `to` is accessible with unspecified contents: the caller copies instead.
/// Systems without the call, and ranges whose OS pages differ in protection or advice, always fail.
///
/// # Safety
/// Both ranges are committed, disjoint, owned by the caller, and no other thread touches them.
pub unsafe fn move_pages(from: NonNull<u8>, to: NonNull<u8>, size: usize) -> OsResult<()> {
    fake::pass(Call::MovePages)?;
    // SAFETY: the caller's promise is the same.
    unsafe { imp::move_pages(from, to, size) }
}

/// Backs the range with memory now instead of at first touch; contents stay. madvise(2)
///
/// An error may leave the range populated in part; older systems always fail.
///
/// # Safety
/// The range is committed and owned by the caller.
pub unsafe fn populate(base: NonNull<u8>, size: usize) -> OsResult<()> {
    fake::pass(Call::Populate)?;
    // SAFETY: the caller's promise is the same.
    unsafe { imp::populate(base, size) }
}

/// Asks for (`on`) or against huge pages in the range. madvise(2)
///
/// # Safety
/// The range is reserved and owned by the caller.
pub unsafe fn advise_huge(base: NonNull<u8>, size: usize, on: bool) -> OsResult<()> {
    // SAFETY: the caller's promise is the same.
    unsafe { imp::advise_huge(base, size, on) }
}

/// Keeps the range out of core dumps; without effect where that is not possible. madvise(2)
///
/// # Safety
/// The range is reserved and owned by the caller.
pub unsafe fn exclude_from_dump(base: NonNull<u8>, size: usize) {
    // SAFETY: the caller's promise is the same.
    unsafe { imp::exclude_from_dump(base, size) }
}

/// Turns transparent huge pages off for the whole process, as far as that is possible. prctl(2)
pub fn disable_huge_pages() {
    imp::disable_huge_pages();
}

/// The NUMA node of the processor that runs this thread; 0 where unknown. getcpu(2)
pub fn numa_node() -> usize {
    if fake::FAKE
        && let Some(node) = fake::machine::node()
    {
        return node;
    }
    imp::numa_node()
}

/// How many NUMA nodes there are: one more than the highest online, at least 1. Reads a file. sysfs(5)
pub fn numa_node_count() -> usize {
    if fake::FAKE
        && let Some(count) = fake::machine::nodes()
    {
        return count;
    }
    imp::numa_node_count()
}

// ---- time, chance, surroundings ------------------------------------------------------------------

/// Milliseconds of a clock that never goes back and has no fixed start. clock_gettime(2)
pub fn clock_ms() -> u64 {
    imp::clock_ms() + fake::machine::clock_lead_ms()
}

/// [`clock_ms`] read more cheaply and a few milliseconds late; never mix the two in a difference.
#[inline]
pub fn clock_coarse_ms() -> u64 {
    imp::clock_coarse_ms() + fake::machine::clock_lead_ms()
}

/// Fills `buf` with random bytes without waiting. getrandom(2)
///
/// False: the system had none to give, and the bytes come from clocks and addresses.
pub fn entropy(buf: &mut [u8]) -> bool {
    imp::entropy(buf)
}

/// True when the process runs with rights its caller lacks, and must not trust its environment. getauxval(3)
pub fn secure_execution() -> bool {
    imp::secure_execution()
}

/// Looks up the environment variable `name`, ignoring the case of ASCII letters, and copies its value. environ(7)
///
/// Copies at most `out.len()` bytes and no terminator. Looks at 10 000 entries at most. Always
/// [`EnvLookup::Absent`] in a [`secure_execution`]. Entries are read without a lock: a thread that sets
/// variables at the same time races with this as it does with getenv(3).
pub fn env(name: &[u8], out: &mut [u8]) -> EnvLookup {
    imp::env(name, out)
}

/// Calls `f` with each entry of the environment, `NAME=value`, until it returns false. environ(7)
///
/// Post: false when there is no environment yet. A process that [`secure_execution`] describes has none to tell.
pub fn env_each(f: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    imp::env_each(f)
}

/// Keeps a second way to standard error, which [`write_stderr`] takes once the process has closed the
/// first, as many programs do before they end. fcntl(2)
///
/// Once per process. A program started by this one does not inherit it; until the process ends, whoever
/// reads what it writes sees no end of it.
pub fn keep_stderr() {
    imp::keep_stderr();
}

/// Writes to standard error, unbuffered and as far as it goes. write(2)
pub fn write_stderr(bytes: &[u8]) {
    imp::write_stderr(bytes);
}

/// Whether the word at `addr` can be read just now. rt_sigprocmask(2)
pub fn is_readable(addr: usize) -> bool {
    imp::is_readable(addr)
}

/// The file that the code at `addr` is a mapping of, of whose path as many bytes are copied as fit, the last ones, and
/// the place in the file. `None` where there is no code. Reads a file. proc_pid_maps(5)
pub fn code_at(addr: usize, name: &mut [u8]) -> Option<(usize, usize)> {
    imp::code_at(addr, name)
}

/// Has `report` called with the address, and that of the instruction, when the process is about to end by an access that the system refuses, before
/// it ends so. Only once, and where the program has no handler. False when it has one. sigaction(2)
pub fn on_fault(report: fn(usize, usize)) -> bool {
    imp::on_fault(report)
}

/// This thread's error number. errno(3)
#[inline]
pub fn errno() -> i32 {
    imp::errno()
}

/// Sets this thread's error number. errno(3)
#[inline]
pub fn set_errno(code: i32) {
    imp::set_errno(code);
}

/// What the process has used so far. Reads a file. getrusage(2), proc_pid_statm(5)
pub fn process_info() -> ProcessInfo {
    imp::process_info()
}

/// The number of this process; another one in a fork's child. getpid(2)
pub fn process_id() -> u32 {
    imp::process_id()
}

/// Ends the process with the signal that leaves a core. abort(3)
pub fn abort() -> ! {
    imp::abort()
}

// ---- threads -------------------------------------------------------------------------------------

/// A number that no other living thread has: never 0, the low three bits clear, the same in a fork's child.
#[inline(always)]
pub fn thread_id() -> usize {
    imp::thread_id()
}

/// Whether `id` is the calling thread's [`thread_id`].
#[inline(always)]
pub fn is_thread(id: usize) -> bool {
    imp::is_thread(id)
}

/// Names what runs at the exit of each thread that calls [`arm_thread_exit`]. pthread_key_create(3)
///
/// Once per process; [`OsError::EXISTS`] after that. The hook runs after C++ and Rust thread-local
/// destructors, gets the armed value, finds the thread disarmed, and may arm it again (for about three
/// rounds more). It does not run for a thread that ends by ending the process.
pub fn on_thread_exit(hook: unsafe extern "C" fn(*mut c_void)) -> OsResult<()> {
    imp::on_thread_exit(hook)
}

/// Has the hook of [`on_thread_exit`] called with `value` when this thread ends. pthread_setspecific(3)
///
/// May call the C allocator when the process has many keys, against O2: the caller is ready to be
/// re-entered. [`OsError::INVALID`] before [`on_thread_exit`].
pub fn arm_thread_exit(value: NonNull<c_void>) -> OsResult<()> {
    imp::arm_thread_exit(Some(value))
}

/// Takes [`arm_thread_exit`] back for this thread.
pub fn disarm_thread_exit() {
    // Without a key nothing is armed, and clearing a value needs no memory.
    let _ = imp::arm_thread_exit(None);
}

/// Has `prepare` called before each fork, `parent` and `child` after it on either side. pthread_atfork(3)
///
/// Once per process. Registered late, `prepare` runs before those of libraries that registered earlier.
/// May call the C allocator and takes libc's list lock, against O2: the caller is ready to be re-entered
/// and holds no lock that `prepare` takes.
pub fn on_fork(
    prepare: unsafe extern "C" fn(),
    parent: unsafe extern "C" fn(),
    child: unsafe extern "C" fn(),
) -> OsResult<()> {
    imp::on_fork(prepare, parent, child)
}

/// Lets other threads run. sched_yield(2)
pub fn yield_thread() {
    if crate::sync::MODELLED {
        crate::sync::model_yield();
    } else {
        imp::yield_thread();
    }
}

/// Sleeps while `word` is `expected`, until woken; may return at any time for no reason. futex(2)
pub fn wait(word: &AtomicU32, expected: u32) {
    if crate::sync::MODELLED {
        crate::sync::model_yield();
    } else {
        imp::wait(word, expected);
    }
}

/// Wakes one thread that sleeps on `word`, if any. futex(2)
pub fn wake_one(word: &AtomicU32) {
    if !crate::sync::MODELLED {
        imp::wake(word, 1);
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
