//! Faults of the process, and the code that addresses belong to.
#![allow(unsafe_code)]

use core::ffi::{CStr, c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr;

use super::{KeepErrno, call, process};
use crate::sync::plain::{AtomicPtr, Ordering};

/// What is called with the addresses of a fault and of its instruction, a `fn(usize, usize)`; null for nothing.
static REPORT: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

pub(in crate::os) fn on_fault(report: fn(usize, usize)) -> bool {
    REPORT.store(report as *mut (), Ordering::Release);
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: reads what is set.
    let known =
        call(|| unsafe { libc::sigaction(libc::SIGSEGV, ptr::null(), action.as_mut_ptr()) });
    // SAFETY: plain words, for which all bits zero is a value.
    let mut action = unsafe { action.assume_init() };
    if known.is_err() || action.sa_sigaction != libc::SIG_DFL {
        return false;
    }
    action.sa_sigaction = on_signal as *const () as usize;
    // The default again when the handler runs: it returns to the access, which ends the process as it would have.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESETHAND;
    // SAFETY: the handler has the type that the flags ask for, and stays where it is.
    call(|| unsafe { libc::sigaction(libc::SIGSEGV, &raw const action, ptr::null_mut()) }).is_ok()
}

unsafe extern "C" fn on_signal(_signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let _keep = KeepErrno::new();
    let report = REPORT.load(Ordering::Acquire);
    if !report.is_null() {
        // SAFETY: the word holds what `on_fault` put there.
        let report = unsafe { core::mem::transmute::<*mut (), fn(usize, usize)>(report) };
        // SAFETY: the system gives a handler of faults what there is to know.
        let (addr, code) = unsafe { ((*info).si_addr().addr(), instruction(&*context.cast())) };
        report(addr, code);
    }
}

/// Where the thread was; 0 where the system's way to tell is not known.
fn instruction(context: &libc::ucontext_t) -> usize {
    #[cfg(target_arch = "x86_64")]
    let word = context.uc_mcontext.gregs[libc::REG_RIP as usize].cast_unsigned();
    #[cfg(target_arch = "aarch64")]
    let word = context.uc_mcontext.pc;
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let word = {
        let _ = context;
        0_u64
    };
    usize::try_from(word).unwrap_or(0)
}

/// Bytes of the list of mappings that are looked at at a time: more than the longest line that matters.
const CHUNK: usize = 2048;

pub(in crate::os) fn code_at(addr: usize, name: &mut [u8]) -> Option<(usize, usize)> {
    let mut found = None;
    each_line(c"/proc/self/maps", &mut |line| {
        let Some((range, offset, path)) = code_in(line) else { return true };
        if !range.contains(&addr) {
            return true;
        }
        let tail = &path[path.len().saturating_sub(name.len())..];
        name[..tail.len()].copy_from_slice(tail);
        found = Some((tail.len(), addr - range.start + offset));
        false
    });
    found
}

/// Addresses, place in the file and path of a mapping with code, by its line.
fn code_in(line: &[u8]) -> Option<(core::ops::Range<usize>, usize, &[u8])> {
    let mut words = line.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
    let mut ends = words.next()?.split(|&byte| byte == b'-').map(hexadecimal);
    let range = ends.next()??..ends.next()??;
    let is_code = words.next()?.get(2) == Some(&b'x');
    let offset = hexadecimal(words.next()?)?;
    // Device and number of the file.
    let path = words.nth(2).unwrap_or_default();
    is_code.then_some((range, offset, path))
}

fn hexadecimal(digits: &[u8]) -> Option<usize> {
    usize::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()
}

/// Calls `f` with each line of a file until it returns false. Lines that are too long are passed over.
fn each_line(path: &CStr, f: &mut dyn FnMut(&[u8]) -> bool) {
    let Some(file) = process::open_file(path) else { return };
    let (mut chunk, mut have) = ([0; CHUNK], 0);
    loop {
        let got = process::read_open(file, &mut chunk[have..]);
        have += got;
        let mut rest = &chunk[..have];
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            if !f(&rest[..end]) {
                return process::close_file(file);
            }
            rest = &rest[end + 1..];
        }
        let (from, left) = (have - rest.len(), rest.len());
        chunk.copy_within(from..have, 0);
        have = if left == CHUNK { 0 } else { left };
        if got == 0 {
            return process::close_file(file);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn code_is_found_in_its_file() {
        let mut name = [0; 200];
        let here = code_is_found_in_its_file as *const () as usize;
        let (length, place) = code_at(here, &mut name).expect("this is code");
        let program = std::env::current_exe().expect("there is a program");
        assert_eq!(&name[..length], program.as_os_str().as_encoded_bytes());
        assert!(place > 0);
        assert_eq!(code_at(8, &mut name), None);
        assert_eq!(code_at((&raw const name).addr(), &mut [0; 1]), None);
    }

    #[test]
    fn lines_of_mappings_are_read() {
        let line = b"7f00-7fff r-xp 00001000 fe:01 12345    /usr/lib/a b.so";
        assert_eq!(code_in(line), Some((0x7f00..0x7fff, 0x1000, &b"/usr/lib/a"[..])));
        assert_eq!(code_in(b"7f00-7fff rw-p 00001000 fe:01 12345 /usr/lib/a.so"), None);
        assert_eq!(
            code_in(b"7f00-7fff r-xp 00000000 00:00 0"),
            Some((0x7f00..0x7fff, 0, &b""[..]))
        );
        assert_eq!(code_in(b"nonsense"), None);
    }
}
