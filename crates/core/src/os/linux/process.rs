//! Clocks, entropy, environment, files, standard error.
#![allow(unsafe_code)]

use core::ffi::{CStr, c_char, c_int, c_long};
use core::mem::MaybeUninit;
use core::ptr;

use super::{KeepErrno, call, errno, memory, thread};
use crate::os::{EnvLookup, ProcessInfo};
use crate::sync::plain::{AtomicI32, AtomicU64, Ordering};

/// More entries than this are taken for a damaged environment.
const ENV_ENTRIES: usize = 10_000;
/// Never waits, not even for the kernel to have gathered entropy after boot.
const GRND_NONBLOCK: libc::c_uint = 1;

fn time(clock: libc::clockid_t) -> libc::timespec {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: fills the structure; both clocks exist on every kernel, so failure leaves zeroes at worst.
    let _ = call(|| unsafe { libc::clock_gettime(clock, &raw mut now) });
    now
}

fn milliseconds(time: libc::timespec) -> u64 {
    time.tv_sec.cast_unsigned() * 1000 + time.tv_nsec.cast_unsigned() / 1_000_000
}

pub(in crate::os) fn clock_ms() -> u64 {
    milliseconds(time(libc::CLOCK_MONOTONIC))
}

pub(in crate::os) fn clock_coarse_ms() -> u64 {
    milliseconds(time(libc::CLOCK_MONOTONIC_COARSE))
}

pub(in crate::os) fn entropy(buf: &mut [u8]) -> bool {
    let _keep = KeepErrno::new();
    let mut filled = 0;
    while filled < buf.len() {
        let rest = &mut buf[filled..];
        // SAFETY: the kernel writes at most `rest.len()` bytes to `rest`.
        let got = unsafe {
            libc::syscall(libc::SYS_getrandom, rest.as_mut_ptr(), rest.len(), GRND_NONBLOCK)
        };
        match usize::try_from(got) {
            Ok(got) if got > 0 => filled += got,
            _ if errno() == libc::EINTR => {}
            _ => {
                guess(rest);
                return false;
            }
        }
    }
    true
}

/// Fills `buf` from what differs between processes, threads and moments.
#[cold]
fn guess(buf: &mut [u8]) {
    let now = time(libc::CLOCK_MONOTONIC);
    let mut state = now.tv_nsec.cast_unsigned() ^ now.tv_sec.cast_unsigned().rotate_left(32);
    state ^= buf.as_ptr().addr() as u64 ^ (thread::thread_id() as u64).rotate_left(20);
    state ^= u64::from(process_id()).rotate_left(48);
    // SAFETY: reads the auxiliary vector that the kernel gave the process.
    let seed = usize::try_from(unsafe { libc::getauxval(libc::AT_RANDOM) }).unwrap_or(0);
    let seed = ptr::with_exposed_provenance::<u64>(seed);
    if !seed.is_null() {
        // SAFETY: the kernel puts sixteen random bytes there, of any alignment.
        state ^= unsafe { seed.read_unaligned() };
    }
    for chunk in buf.chunks_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        chunk.copy_from_slice(&(mixed ^ (mixed >> 31)).to_ne_bytes()[..chunk.len()]);
    }
}

pub(in crate::os) fn secure_execution() -> bool {
    let _keep = KeepErrno::new();
    // SAFETY: reads the auxiliary vector that the kernel gave the process.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

unsafe extern "C" {
    static mut environ: *const *const c_char;
}

pub(in crate::os) fn env(name: &[u8], out: &mut [u8]) -> EnvLookup {
    if secure_execution() {
        return EnvLookup::Absent;
    }
    // SAFETY: libc's own word, read once: putenv and setenv replace it while threads run.
    let entries = unsafe { (&raw const environ).read_volatile() };
    // SAFETY: libc keeps the array terminated by a null pointer and its strings by a zero byte.
    unsafe { look_up(entries, name, out) }
}

pub(in crate::os) fn env_each(f: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    if secure_execution() {
        return true;
    }
    // SAFETY: as in `env`.
    let entries = unsafe { (&raw const environ).read_volatile() };
    if entries.is_null() {
        return false;
    }
    for index in 0..ENV_ENTRIES {
        // SAFETY: no null pointer came before this entry, so it is in the array.
        let entry = unsafe { *entries.add(index) };
        // SAFETY: the entry is a string with a zero at its end.
        if entry.is_null() || !f(unsafe { core::ffi::CStr::from_ptr(entry) }.to_bytes()) {
            break;
        }
    }
    true
}

/// Looks for `name` in an array of `NAME=value` strings that ends with a null pointer.
///
/// # Safety
/// `entries` is null or leads to such an array, which nobody changes meanwhile.
unsafe fn look_up(entries: *const *const c_char, name: &[u8], out: &mut [u8]) -> EnvLookup {
    if entries.is_null() {
        return EnvLookup::NotReady;
    }
    for index in 0..ENV_ENTRIES {
        // SAFETY: no null pointer came before this entry, so it is in the array.
        let entry = unsafe { *entries.add(index) };
        if entry.is_null() {
            break;
        }
        // SAFETY: the entry is a string with a zero at its end.
        if let Some(value) = unsafe { value_of(entry.cast(), name) } {
            let length = value.len().min(out.len());
            out[..length].copy_from_slice(&value[..length]);
            return EnvLookup::Found(value.len());
        }
    }
    EnvLookup::Absent
}

/// The value in `entry`, if it is `name`'s.
///
/// # Safety
/// `entry` is a string with a zero at its end that nobody changes while the answer is in use.
unsafe fn value_of<'a>(entry: *const u8, name: &[u8]) -> Option<&'a [u8]> {
    for (index, expected) in name.iter().enumerate() {
        // SAFETY: the bytes before were equal to those of `name`, hence not the end.
        let byte = unsafe { *entry.add(index) };
        if byte == 0 || !byte.eq_ignore_ascii_case(expected) {
            return None;
        }
    }
    // SAFETY: as above: none of the bytes before was the end.
    let separator = unsafe { entry.add(name.len()) };
    // SAFETY: the byte is at most the end of the string.
    if unsafe { *separator } != b'=' {
        return None;
    }
    // SAFETY: what follows the separator is a string with the same end.
    Some(unsafe { CStr::from_ptr(separator.add(1).cast()) }.to_bytes())
}

/// Another descriptor of standard error, or 0; and the file that both stand for.
static SPARE_STDERR: AtomicI32 = AtomicI32::new(0);
static SPARE_FILE: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];

pub(in crate::os) fn keep_stderr() {
    let _keep = KeepErrno::new();
    let Some(file) = file_behind(libc::STDERR_FILENO) else { return };
    // Programs count on getting low numbers, and a process may be limited to few.
    for lowest in [900, 200, 50, 10] {
        // SAFETY: makes a descriptor and touches no memory.
        let spare = unsafe {
            libc::syscall(libc::SYS_fcntl, libc::STDERR_FILENO, libc::F_DUPFD_CLOEXEC, lowest)
        };
        if let Ok(spare @ 1..) = i32::try_from(spare) {
            for (kept, part) in SPARE_FILE.iter().zip(file) {
                kept.store(part, Ordering::Relaxed);
            }
            SPARE_STDERR.store(spare, Ordering::Release);
            return;
        }
    }
}

/// The spare descriptor, unless the program has closed it too: its number may stand for any file then.
fn spare_stderr() -> Option<c_int> {
    let spare = SPARE_STDERR.load(Ordering::Acquire);
    let kept = [0, 1].map(|part| SPARE_FILE[part].load(Ordering::Relaxed));
    (spare > 0 && file_behind(spare) == Some(kept)).then_some(spare)
}

/// What tells the file behind a descriptor from all others: its device and its number there.
fn file_behind(descriptor: c_int) -> Option<[u64; 2]> {
    let mut status = MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: fills the structure, which has the kernel's layout.
    if unsafe { libc::syscall(libc::SYS_fstat, descriptor, status.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: plain numbers, for which all bits zero is a value.
    let status = unsafe { status.assume_init() };
    Some([status.st_dev, status.st_ino])
}

pub(in crate::os) fn write_stderr(bytes: &[u8]) {
    let _keep = KeepErrno::new();
    let mut descriptor = libc::STDERR_FILENO;
    let mut rest = bytes;
    while !rest.is_empty() {
        // SAFETY: the kernel reads at most `rest.len()` bytes from `rest`.
        let written =
            unsafe { libc::syscall(libc::SYS_write, descriptor, rest.as_ptr(), rest.len()) };
        match usize::try_from(written) {
            Ok(written) if written > 0 => rest = &rest[written.min(rest.len())..],
            _ if errno() == libc::EINTR => {}
            _ if errno() == libc::EBADF && descriptor == libc::STDERR_FILENO => {
                let Some(spare) = spare_stderr() else { return };
                descriptor = spare;
            }
            _ => return,
        }
    }
}

/// Reads the beginning of a small file; the number of bytes that were there.
pub(super) fn read_file(path: &CStr, buf: &mut [u8]) -> Option<usize> {
    let file = open_file(path)?;
    let got = read_open(file, buf);
    close_file(file);
    Some(got)
}

/// Opens a file for reading.
pub(super) fn open_file(path: &CStr) -> Option<c_long> {
    let _keep = KeepErrno::new();
    let flags = libc::O_RDONLY | libc::O_CLOEXEC;
    // SAFETY: `path` is a string with a zero at its end.
    let file = unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), flags) };
    (file >= 0).then_some(file)
}

/// Reads on in a file; the number of bytes that were there, 0 at its end and after a failure.
pub(super) fn read_open(file: c_long, buf: &mut [u8]) -> usize {
    let _keep = KeepErrno::new();
    loop {
        // SAFETY: the kernel writes at most `buf.len()` bytes to `buf`.
        let got = unsafe { libc::syscall(libc::SYS_read, file, buf.as_mut_ptr(), buf.len()) };
        if got >= 0 || errno() != libc::EINTR {
            return usize::try_from(got).unwrap_or(0);
        }
    }
}

/// Closes a file that nobody else knows.
pub(super) fn close_file(file: c_long) {
    let _keep = KeepErrno::new();
    // SAFETY: the file was opened here and nobody else knows it.
    unsafe { libc::syscall(libc::SYS_close, file) };
}

/// The number that `digits`, all of them decimal, stand for.
pub(super) fn parse_number(digits: &[u8]) -> usize {
    digits.iter().fold(0usize, |number, digit| {
        number.saturating_mul(10).saturating_add(usize::from(digit - b'0'))
    })
}

pub(in crate::os) fn process_info() -> ProcessInfo {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: fills the structure; failure leaves zeroes.
    let _ = call(|| unsafe { libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) });
    // SAFETY: plain numbers, for which all bits zero is a value.
    let usage = unsafe { usage.assume_init() };
    let spent = |time: libc::timeval| {
        time.tv_sec.cast_unsigned() * 1000 + time.tv_usec.cast_unsigned() / 1000
    };
    ProcessInfo {
        user_ms: spent(usage.ru_utime),
        system_ms: spent(usage.ru_stime),
        // The kernel counts the peak in KiB.
        peak_rss: usize::try_from(usage.ru_maxrss).unwrap_or(0).saturating_mul(1024),
        current_rss: current_rss(),
        page_faults: usage.ru_majflt.cast_unsigned(),
        minor_faults: usage.ru_minflt.cast_unsigned(),
    }
}

fn current_rss() -> usize {
    let mut text = [0; 128];
    let read = read_file(c"/proc/self/statm", &mut text).unwrap_or(0);
    // The second number is the resident set, in OS pages.
    let digits = text[..read].split(|byte| !byte.is_ascii_digit()).nth(1);
    digits.map_or(0, parse_number).saturating_mul(memory::page_size())
}

pub(in crate::os) fn process_id() -> u32 {
    // SAFETY: asks for a number and always succeeds.
    unsafe { libc::getpid() }.cast_unsigned()
}

pub(in crate::os) fn abort() -> ! {
    // SAFETY: ends the process; nothing that could be inconsistent runs after it.
    unsafe { libc::abort() }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn find(entries: &[&CStr], name: &[u8], out: &mut [u8]) -> EnvLookup {
        let mut pointers = [ptr::null(); 8];
        for (pointer, entry) in pointers.iter_mut().zip(entries) {
            *pointer = entry.as_ptr();
        }
        assert!(entries.len() < pointers.len());
        // SAFETY: the array ends with a null pointer, because the strings don't fill it.
        unsafe { look_up(pointers.as_ptr(), name, out) }
    }

    #[test]
    fn names_match_whole_and_in_any_case() {
        let entries = [c"PATH=/bin", c"RIMALLOC_VERBOSE_MORE=9", c"rimalloc_Verbose=on", c"empty="];
        let mut out = [0; 8];
        assert_eq!(find(&entries, b"RIMALLOC_VERBOSE", &mut out), EnvLookup::Found(2));
        assert_eq!(&out[..2], b"on");
        assert_eq!(find(&entries, b"EMPTY", &mut out), EnvLookup::Found(0));
        assert_eq!(find(&entries, b"RIMALLOC", &mut out), EnvLookup::Absent);
        assert_eq!(find(&entries, b"PATHS", &mut out), EnvLookup::Absent);
        assert_eq!(find(&[], b"PATH", &mut out), EnvLookup::Absent);
    }

    #[test]
    fn damaged_entries_are_passed_over() {
        let entries = [c"", c"NAME", c"=x", c"NAME=a=b", c"NAME=second"];
        let mut out = [0; 8];
        assert_eq!(find(&entries, b"NAME", &mut out), EnvLookup::Found(3));
        assert_eq!(&out[..3], b"a=b");
    }

    #[test]
    fn long_values_are_cut_and_their_length_told() {
        let mut out = [b'.'; 4];
        assert_eq!(find(&[c"A=0123456789"], b"a", &mut out), EnvLookup::Found(10));
        assert_eq!(&out, b"0123");
        assert_eq!(find(&[c"A=01"], b"a", &mut []), EnvLookup::Found(2));
    }

    #[test]
    fn no_environment_is_not_an_empty_one() {
        // SAFETY: null is allowed.
        let answer = unsafe { look_up(ptr::null(), b"PATH", &mut []) };
        assert_eq!(answer, EnvLookup::NotReady);
    }

    #[test]
    fn guesses_fill_all_of_the_buffer() {
        let mut first = [0; 37];
        let mut second = [0; 37];
        guess(&mut first);
        guess(&mut second);
        assert_ne!(first, second);
        assert!(first.iter().filter(|&&byte| byte == 0).count() < 8);
    }
}
