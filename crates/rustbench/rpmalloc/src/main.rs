//! The workloads on rpmalloc.

use std::process::ExitCode;

#[global_allocator]
static GLOBAL: rpmalloc::RpMalloc = rpmalloc::RpMalloc;

fn main() -> ExitCode {
    rustbench_workloads::main(None, &[])
}
