//! The workloads on mimalloc 3.

use std::process::ExitCode;

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    rustbench_workloads::main(Some(GLOBAL.version()), &[])
}
