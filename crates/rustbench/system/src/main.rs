//! The workloads on the system's allocator.

use std::process::ExitCode;

#[global_allocator]
static GLOBAL: std::alloc::System = std::alloc::System;

fn main() -> ExitCode {
    rustbench_workloads::main(None, &[])
}
