//! The workloads on rusty_alloc.

use std::process::ExitCode;

#[global_allocator]
static GLOBAL: rusty_alloc_api::RustyAlloc = rusty_alloc_api::RustyAlloc;

fn main() -> ExitCode {
    rustbench_workloads::main(None, &[])
}
