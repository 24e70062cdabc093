//! Runs a command and writes down what it took: `bench-launch FIGURES SECONDS THP LIBRARY PROGRAM…`.
//!
//! `FIGURES` is the file for it, `SECONDS` the time after which the command is killed, `THP` is `system`
//! or `never`, `LIBRARY` is what the command gets preloaded, `-` for nothing. It exits as the command
//! does, with 124 when that was killed for the time and 125 when it could not start.
//!
//! It is a small program of its own because the system counts the peak of whoever starts a program for
//! the program: Linux keeps the high-water mark over `execve`. What is reported is never below the
//! launcher's own peak, which is that of the smallest programs.
#![allow(unsafe_code)]

use core::mem::zeroed;
use std::env;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::Instant;

use rimalloc_bench::figures::Figures;

const KILLED: u8 = 124;
const NOT_STARTED: u8 = 125;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [figures, seconds, thp, library, program, rest @ ..] = &arguments[..] else {
        eprintln!("usage: bench-launch FIGURES SECONDS system|never LIBRARY|- PROGRAM ARGUMENTS");
        return ExitCode::from(NOT_STARTED);
    };
    let mut command = Command::new(program);
    // A group of its own, so that all of it can be killed.
    command.args(rest).process_group(0);
    if library != "-" {
        command.env("LD_PRELOAD", library);
    }
    let done = no_huge_pages(thp == "never")
        .and_then(|()| run(&mut command, seconds.parse().unwrap_or(60)))
        .and_then(|(code, taken)| fs::write(figures, taken.to_string()).map(|()| code));
    match done {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("bench-launch: {program}: {error}");
            ExitCode::from(NOT_STARTED)
        }
    }
}

/// Turns off huge pages for this process and all that it starts.
fn no_huge_pages(off: bool) -> io::Result<()> {
    // SAFETY: this request takes numbers only.
    if off && unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn run(command: &mut Command, seconds: u32) -> io::Result<(u8, Figures)> {
    let start = Instant::now();
    let child = command.spawn()?;
    let process = libc::pid_t::try_from(child.id()).expect("a process number");
    let in_time = wait_at_most(process, seconds)?;
    if !in_time {
        // SAFETY: the group is the child's, which has not been waited for.
        unsafe { libc::kill(-process, libc::SIGKILL) };
    }
    let (status, usage) = reap(process)?;
    let wall = start.elapsed().as_secs_f64();
    let code = if !in_time {
        KILLED
    } else if libc::WIFEXITED(status) {
        u8::try_from(libc::WEXITSTATUS(status)).unwrap_or(u8::MAX)
    } else {
        128 + u8::try_from(libc::WTERMSIG(status)).unwrap_or(0)
    };
    Ok((code, figures(wall, &usage)))
}

/// Whether the process ends within so many seconds; it is not reaped.
fn wait_at_most(process: libc::pid_t, seconds: u32) -> io::Result<bool> {
    // SAFETY: the call takes a process and no flags, and returns a descriptor.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, process, 0) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    let descriptor = i32::try_from(descriptor).expect("descriptors are small");
    let mut poll = libc::pollfd { fd: descriptor, events: libc::POLLIN, revents: 0 };
    let milliseconds = i32::try_from(u64::from(seconds) * 1_000).unwrap_or(i32::MAX);
    // SAFETY: one descriptor of ours, described above.
    let ready = unsafe { libc::poll(&raw mut poll, 1, milliseconds) };
    // SAFETY: nobody else has the descriptor.
    unsafe { libc::close(descriptor) };
    if ready < 0 { Err(io::Error::last_os_error()) } else { Ok(ready == 1) }
}

fn reap(process: libc::pid_t) -> io::Result<(i32, libc::rusage)> {
    // SAFETY: all of it may be zero.
    let mut usage: libc::rusage = unsafe { zeroed() };
    let mut status = 0;
    // SAFETY: both results can be written.
    let reaped = unsafe { libc::wait4(process, &raw mut status, 0, &raw mut usage) };
    if reaped == process { Ok((status, usage)) } else { Err(io::Error::last_os_error()) }
}

fn figures(wall: f64, usage: &libc::rusage) -> Figures {
    let seconds = |time: libc::timeval| {
        let micros = u32::try_from(time.tv_usec).unwrap_or(0);
        let whole = u32::try_from(time.tv_sec).unwrap_or(0);
        f64::from(whole) + f64::from(micros) / 1e6
    };
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    Figures {
        wall,
        user: seconds(usage.ru_utime),
        system: seconds(usage.ru_stime),
        rss: count(usage.ru_maxrss),
        minor: count(usage.ru_minflt),
        major: count(usage.ru_majflt),
    }
}
