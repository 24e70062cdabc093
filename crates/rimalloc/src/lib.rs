//! rimalloc: a general-purpose memory allocator with mimalloc's design, written in Rust.
//!
//! Two lines put a program on it; no C compiler is needed:
//!
//! ```
//! #[global_allocator]
//! static GLOBAL: rimalloc::Rimalloc = rimalloc::Rimalloc;
//!
//! fn main() {
//!     let squares: Vec<u64> = (0..1000).map(|n| n * n).collect();
//!     assert_eq!(squares[999], 998_001);
//! }
//! ```
#![no_std]
#![cfg_attr(feature = "nightly", feature(allocator_api))]

#[cfg(any(feature = "allocator-api2", feature = "allocator-api2-04", feature = "nightly"))]
mod allocator;
mod arena;
mod block;
mod error;
mod global;
mod heap;
pub mod hooks;
pub mod options;
mod process;
mod stats;
mod subprocess;

pub use arena::{Arena, ArenaBuilder, ArenaError, HugePages, Memory};
pub use error::OutOfMemory;
pub use global::{Config, Configured, Rimalloc};
pub use heap::{Area, Heap, HeapBuilder, Scope, Usage};
pub use process::{collect, collect_to, contains, good_size, usable_size};
pub use stats::{
    BINS, Bin, Count, Json, ProcessUsage, Stats, process_usage, reset_stats, stats, thread_stats,
};
pub use subprocess::{StillInUse, SubProcess};
