//! Time and memory of rimalloc beside other allocators, on workloads that any of them can be preloaded
//! into.
//!
//! Three programs share what is here: `bench-workload` is what gets measured, `bench-launch` runs a
//! command and says what it took, `rimalloc-bench` decides what runs on what and writes it down.

pub mod block;
pub mod calls;
pub mod figures;
pub mod workloads;
