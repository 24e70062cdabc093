//! Fork from a process whose other threads allocate: the child can allocate, free what vanished threads made, and
//! start threads.
//!
//! The child calls nothing but the engine and the C library: the standard library's own locks may be held by threads
//! that it no longer has.
#![cfg(unix)]
#![allow(unsafe_code)]

use core::ffi::{c_int, c_void};
use core::ptr::null_mut;
use core::sync::atomic::Ordering::{AcqRel, Relaxed};
use core::sync::atomic::{AtomicBool, AtomicPtr};
use core::time::Duration;
use rimalloc_core::source::Plain;
use rimalloc_core::{aligned, alloc, collect, free, realloc};
use std::thread;
use std::time::Instant;
use testkit::{Rng, scaled};

/// Blocks that any thread and the child may take.
static SHARED: [AtomicPtr<u8>; 256] = [const { AtomicPtr::new(null_mut()) }; 256];

static STOP: AtomicBool = AtomicBool::new(false);

/// Last byte of each block.
const MARK: u8 = 0xa7;

/// How long a child may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sizes from 16 bytes to beyond what shares a page, mostly small.
fn draw_size(rng: &mut Rng) -> usize {
    match rng.below(100) {
        0 => rng.between(16, 300_000),
        1..10 => rng.between(16, 20_000),
        _ => rng.between(16, 1000),
    }
}

/// A block of `size` bytes that carries its size at the front and a mark at the end, or null.
fn make(size: usize) -> *mut u8 {
    let p = alloc::malloc(Plain, size);
    label(p, size);
    p
}

fn label(p: *mut u8, size: usize) {
    if !p.is_null() {
        // SAFETY: the block holds `size` bytes, at least 16, and is the caller's.
        unsafe {
            p.cast::<usize>().write_unaligned(size);
            p.add(size - 1).write(MARK);
        }
    }
}

/// What is wrong with a block. It is plain data, because a child can't format.
#[derive(Clone, Copy, Debug)]
#[expect(dead_code, reason = "the fields are there to be printed")]
enum Damage {
    /// A possible request was refused.
    Refused { size: usize },
    /// A live block lost its label.
    Label { address: usize, size: usize, usable: usize },
    /// A live block lost its mark.
    Mark { address: usize, size: usize, found: u8 },
}

/// Frees a block made by [`make`].
fn unmake(p: *mut u8) -> Result<(), Damage> {
    if p.is_null() {
        return Ok(());
    }
    let address = p.addr();
    // SAFETY: the block is live and the caller's, labelled with its size and marked at its end.
    unsafe {
        let (size, usable) = (p.cast::<usize>().read_unaligned(), free::usable_size(p));
        if size < 16 || size > usable {
            return Err(Damage::Label { address, size, usable });
        }
        let found = p.add(size - 1).read();
        if found != MARK {
            return Err(Damage::Mark { address, size, found });
        }
        free::free(p);
    }
    Ok(())
}

/// Frees every shared block.
fn unmake_shared() -> Result<(), Damage> {
    SHARED.iter().try_for_each(|slot| unmake(slot.swap(null_mut(), AcqRel)))
}

/// Trades `count` blocks with whoever else is there.
fn trade(rng: &mut Rng, count: usize) -> Result<(), Damage> {
    (0..count).try_for_each(|_| {
        let size = draw_size(rng);
        let p = make(size);
        if p.is_null() {
            return Err(Damage::Refused { size });
        }
        unmake(SHARED[rng.below(SHARED.len())].swap(p, AcqRel))
    })
}

fn trade_until_stopped(seed: u64) {
    let mut rng = Rng::new(seed);
    while !STOP.load(Relaxed) {
        trade(&mut rng, 200).expect("blocks stay intact");
        if rng.one_in(64) {
            collect::collect(rng.one_in(2));
        }
        // The forking thread and its children need a processor as well.
        thread::sleep(Duration::from_micros(200));
    }
}

fn spawn_until_stopped(seed: u64) {
    let mut rng = Rng::new(seed);
    while !STOP.load(Relaxed) {
        let seed = rng.bits();
        let worker = thread::spawn(move || trade(&mut Rng::new(seed), 50));
        worker.join().expect("a worker does not panic").expect("blocks stay intact");
    }
}

extern "C" fn child_thread(_: *mut c_void) -> *mut c_void {
    let traded = trade(&mut Rng::new(99), 300);
    if traded.is_ok() { null_mut() } else { core::ptr::without_provenance_mut(1) }
}

/// What the child does; the number of the step that failed, or 0.
fn child(round: u64) -> c_int {
    let mut rng = Rng::new(round);
    let mut kept = [null_mut(); 64];
    for slot in &mut kept {
        *slot = make(draw_size(&mut rng));
        if slot.is_null() {
            return 11;
        }
    }
    if unmake_shared().is_err() {
        return 12;
    }
    for p in &mut kept[..32] {
        let size = draw_size(&mut rng);
        // SAFETY: the block is live and replaced by the result.
        let moved = unsafe { realloc::realloc(Plain, *p, size) };
        if moved.is_null() {
            return 13;
        }
        label(moved, size);
        *p = moved;
    }
    let over_aligned = aligned::zalloc_aligned(Plain, 1000, 4096);
    if over_aligned.is_null() {
        return 14;
    }
    // SAFETY: the block is live and ends here.
    unsafe { free::free(over_aligned) };
    if round.is_multiple_of(4) {
        collect::collect(true);
    }
    let step = run_thread();
    if step != 0 {
        return step;
    }
    if kept.into_iter().try_for_each(unmake).is_ok() { 0 } else { 17 }
}

/// Runs [`child_thread`] to its end; the number of the step that failed, or 0.
fn run_thread() -> c_int {
    // SAFETY: an all-zero handle is overwritten by `pthread_create`, and joined only when there is a thread. The thread
    // uses nothing of this one's stack.
    unsafe {
        let mut handle: libc::pthread_t = core::mem::zeroed();
        if libc::pthread_create(&raw mut handle, core::ptr::null(), child_thread, null_mut()) != 0 {
            return 15;
        }
        let mut result = null_mut();
        if libc::pthread_join(handle, &raw mut result) != 0 || !result.is_null() { 16 } else { 0 }
    }
}

/// Waits for the child and says how it went wrong, if it did.
fn await_child(pid: libc::pid_t) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    let mut status = 0;
    loop {
        // SAFETY: `status` outlives the call.
        match unsafe { libc::waitpid(pid, &raw mut status, libc::WNOHANG) } {
            0 if Instant::now() < deadline => thread::sleep(Duration::from_micros(100)),
            0 => {
                // SAFETY: the child is not waited for yet, so the number is still its own.
                unsafe {
                    libc::kill(pid, libc::SIGKILL);
                    libc::waitpid(pid, &raw mut status, 0);
                }
                return Err("hung".to_owned());
            }
            _ if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0 => return Ok(()),
            _ if libc::WIFEXITED(status) => {
                return Err(format!("failed at step {}", libc::WEXITSTATUS(status)));
            }
            _ => return Err(format!("died of signal {}", libc::WTERMSIG(status))),
        }
    }
}

#[test]
fn children_of_a_busy_process_allocate_and_free() {
    let rounds = scaled(1000) as u64;
    // As in every program: the library is started before there are threads.
    rimalloc_core::thread::process_init();
    let outcome = thread::scope(|scope| {
        for seed in 0..4 {
            scope.spawn(move || trade_until_stopped(seed));
            scope.spawn(move || spawn_until_stopped(seed + 100));
        }
        let outcome = (0..rounds).try_for_each(|round| {
            // SAFETY: the child restricts itself to the engine and the C library and leaves through `_exit`.
            let pid = unsafe { libc::fork() };
            if pid == 0 {
                let code = child(round);
                // SAFETY: ends the child without running anything of the parent's.
                unsafe { libc::_exit(code) };
            }
            if pid < 0 {
                return Err(format!(
                    "round {round}: no child: {}",
                    std::io::Error::last_os_error()
                ));
            }
            await_child(pid).map_err(|how| format!("round {round}: the child {how}"))
        });
        STOP.store(true, Relaxed);
        outcome
    });
    assert_eq!(outcome, Ok(()));
    unmake_shared().expect("blocks stay intact");
}
