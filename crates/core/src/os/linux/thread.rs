//! Thread ids, exits, forks, parking.
#![allow(unsafe_code)]

use core::ffi::{c_int, c_void};
use core::ptr::{self, NonNull};

use super::{KeepErrno, call};
use crate::os::{OsError, OsResult};
use crate::sync::AtomicU32;
use crate::sync::plain::{AtomicU64, Ordering};

/// The thread pointer: one instruction, and aligned because a control block is.
#[cfg(all(target_arch = "x86_64", not(any(miri, all(test, loom)))))]
#[inline(always)]
pub(in crate::os) fn thread_id() -> usize {
    let id;
    // SAFETY: the ABI puts the address of the control block into its first word, and it never changes.
    unsafe {
        core::arch::asm!(
            "mov {id}, qword ptr fs:[0]",
            id = out(reg) id,
            options(nostack, preserves_flags, pure, nomem),
        );
    }
    id
}

/// One compare with memory, which the compiler does not make of [`thread_id`].
#[cfg(all(target_arch = "x86_64", not(any(miri, all(test, loom)))))]
#[inline(always)]
pub(in crate::os) fn is_thread(id: usize) -> bool {
    // SAFETY: reads the word that `thread_id` reads.
    unsafe {
        core::arch::asm!(
            "cmp {id}, qword ptr fs:[0]",
            "jne {other}",
            id = in(reg) id,
            other = label { return false },
            options(nostack, readonly),
        );
    }
    true
}

/// Whether the calling thread has this id.
#[cfg(not(all(target_arch = "x86_64", not(any(miri, all(test, loom))))))]
#[inline(always)]
pub(in crate::os) fn is_thread(id: usize) -> bool {
    id == thread_id()
}

/// The thread pointer: one instruction, and aligned because a control block is.
#[cfg(all(target_arch = "aarch64", not(any(miri, all(test, loom)))))]
#[inline(always)]
pub(in crate::os) fn thread_id() -> usize {
    let id;
    // SAFETY: reads a register that libc sets when the thread starts and never after.
    unsafe {
        core::arch::asm!(
            "mrs {id}, tpidr_el0",
            id = out(reg) id,
            options(nostack, preserves_flags, pure, nomem),
        );
    }
    id
}

/// The address of a word that each thread has one of.
#[cfg(any(miri, all(test, loom)))]
pub(in crate::os) fn thread_id() -> usize {
    extern crate std;
    crate::sync::thread_local! { static PLACE: u64 = 0 }
    PLACE.with(|place| ptr::from_ref(place).addr())
}

fn posix(code: c_int) -> OsResult<()> {
    if code == 0 { Ok(()) } else { Err(OsError(code)) }
}

/// A key whose destructor runs at thread exit: its number plus one, or 0 while there is none.
struct ExitKey(AtomicU64);

static EXIT_KEY: ExitKey = ExitKey(AtomicU64::new(0));

impl ExitKey {
    fn create(&self, hook: unsafe extern "C" fn(*mut c_void)) -> OsResult<()> {
        let _keep = KeepErrno::new();
        let mut key: libc::pthread_key_t = 0;
        // SAFETY: fills `key`; the hook has the type that libc asks for.
        posix(unsafe { libc::pthread_key_create(&raw mut key, Some(hook)) })?;
        let word = u64::from(key) + 1;
        if self.0.compare_exchange(0, word, Ordering::Release, Ordering::Relaxed).is_ok() {
            return Ok(());
        }
        // SAFETY: created above, and no thread has set it.
        unsafe { libc::pthread_key_delete(key) };
        Err(OsError::EXISTS)
    }

    fn set(&self, value: Option<NonNull<c_void>>) -> OsResult<()> {
        let word = self.0.load(Ordering::Acquire);
        let key = word.checked_sub(1).and_then(|key| libc::pthread_key_t::try_from(key).ok());
        let key = key.ok_or(OsError::INVALID)?;
        let value = value.map_or(ptr::null_mut(), NonNull::as_ptr);
        let _keep = KeepErrno::new();
        // SAFETY: the key exists from the moment that it is stored, and is never deleted.
        posix(unsafe { libc::pthread_setspecific(key, value) })
    }
}

pub(in crate::os) fn on_thread_exit(hook: unsafe extern "C" fn(*mut c_void)) -> OsResult<()> {
    EXIT_KEY.create(hook)
}

pub(in crate::os) fn arm_thread_exit(value: Option<NonNull<c_void>>) -> OsResult<()> {
    EXIT_KEY.set(value)
}

pub(in crate::os) fn on_fork(
    prepare: unsafe extern "C" fn(),
    parent: unsafe extern "C" fn(),
    child: unsafe extern "C" fn(),
) -> OsResult<()> {
    let _keep = KeepErrno::new();
    // SAFETY: the functions have the types that libc asks for and stay where they are: the library is
    // linked so that it is never unloaded.
    posix(unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) })
}

pub(in crate::os) fn yield_thread() {
    // SAFETY: touches no memory.
    let _ = call(|| unsafe { libc::sched_yield() });
}

pub(in crate::os) fn wait(word: &AtomicU32, expected: u32) {
    let forever = ptr::null::<libc::timespec>();
    let wait = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    let place = ptr::from_ref(word);
    let _keep = KeepErrno::new();
    // SAFETY: the kernel reads the word, which the reference keeps alive. Whatever it answers, the caller
    // looks at the word again.
    unsafe { libc::syscall(libc::SYS_futex, place, wait, expected, forever) };
}

pub(in crate::os) fn wake(word: &AtomicU32, threads: c_int) {
    let wake = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    let place = ptr::from_ref(word);
    let _keep = KeepErrno::new();
    // SAFETY: the address is a name only: the kernel does not touch what is there.
    unsafe { libc::syscall(libc::SYS_futex, place, wake, threads) };
}

#[cfg(all(test, not(loom)))]
mod tests {
    extern crate std;
    use super::*;
    use crate::sync::plain::AtomicUsize;

    // A key of the tests' own: the process's belongs to the allocator.
    static KEY: ExitKey = ExitKey(AtomicU64::new(0));
    static EXITS: AtomicUsize = AtomicUsize::new(0);

    /// A value that says how often the hook is to run.
    fn rounds(count: usize) -> NonNull<c_void> {
        NonNull::new(core::ptr::without_provenance_mut(count)).expect("at least one round")
    }

    unsafe extern "C" fn count_exit(value: *mut c_void) {
        // Armed again, the system comes round again.
        if value.addr() > 1 {
            KEY.set(Some(rounds(value.addr() - 1))).expect("armed before");
        }
        EXITS.fetch_add(1, Ordering::SeqCst);
    }

    #[test]
    fn thread_exits_are_told_to_armed_threads() {
        let arm = || KEY.set(Some(rounds(2)));
        assert_eq!(arm(), Err(OsError::INVALID));
        KEY.create(count_exit).expect("a free key");
        assert_eq!(KEY.create(count_exit), Err(OsError::EXISTS));
        std::thread::spawn(|| ()).join().expect("ends");
        assert_eq!(EXITS.load(Ordering::SeqCst), 0);
        std::thread::spawn(arm).join().expect("ends").expect("armed");
        assert_eq!(EXITS.load(Ordering::SeqCst), 2);
        let disarmed = std::thread::spawn(move || {
            arm().expect("armed");
            KEY.set(None).expect("armed before");
        });
        disarmed.join().expect("ends");
        assert_eq!(EXITS.load(Ordering::SeqCst), 2);
    }
}
