//! Runs one workload: `bench-workload NAME THREADS [PERCENT]`.
//!
//! Prints the latencies as JSON if the workload takes any. `bench-workload calls LOOP TURNS` runs a loop
//! for counting instructions; `bench-workload provider` prints whose `malloc` this process has, and what
//! version that says it is.
#![allow(unsafe_code)]

use core::ffi::{CStr, c_char, c_int, c_void};
use std::env;
use std::process::ExitCode;

use rimalloc_bench::calls;
use rimalloc_bench::workloads::{self, Load};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["provider"] => provider().map(|text| print!("{text}")),
        ["calls", name, turns] => calls(name, turns),
        [name, threads] => run(name, threads, "100"),
        [name, threads, percent] => run(name, threads, percent),
        _ => None,
    };
    if done.is_none() {
        eprintln!("usage: bench-workload NAME THREADS [PERCENT] | calls LOOP TURNS | provider");
        return ExitCode::from(2);
    }
    ExitCode::SUCCESS
}

fn run(name: &str, threads: &str, percent: &str) -> Option<()> {
    let workload = workloads::find(name)?;
    let load = Load { threads: threads.parse().ok()?, percent: percent.parse().ok()? };
    if !workload.threads.contains(&load.threads) {
        return None;
    }
    if let Some(latencies) = (workload.run)(load) {
        println!("{}", serde_json::to_string(&latencies).ok()?);
    }
    Some(())
}

fn calls(name: &str, turns: &str) -> Option<()> {
    let it = calls::ALL.iter().find(|it| it.name == name)?;
    (it.run)(turns.parse().ok()?);
    Some(())
}

/// The object that `malloc` comes from, and the version if it has mimalloc's function for it.
fn provider() -> Option<String> {
    // SAFETY: the names are C strings; a symbol that is not there gives null.
    let [malloc, version] = [c"malloc", c"mi_version"]
        .map(|name: &CStr| unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) });
    let mut text = format!("{}\n", object_of(malloc)?);
    if !version.is_null() {
        // SAFETY: this is the type of `mi_version`.
        let number =
            unsafe { core::mem::transmute::<*mut c_void, extern "C" fn() -> c_int>(version)() };
        text += &format!("{number}\n");
    }
    Some(text)
}

fn object_of(address: *mut c_void) -> Option<String> {
    // SAFETY: all of it may be zero.
    let mut info: libc::Dl_info = unsafe { core::mem::zeroed() };
    // SAFETY: `dladdr` takes any address and fills the structure when it returns something.
    let found = unsafe { libc::dladdr(address, &raw mut info) } != 0;
    let name: *const c_char = info.dli_fname;
    // SAFETY: a string that the loader keeps.
    (found && !name.is_null()).then(|| unsafe { CStr::from_ptr(name) }.to_string_lossy().into())
}
