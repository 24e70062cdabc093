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
//!
//! # Caveats
//!
//! A program has one heap per copy of this crate: a Rust `dylib` or `cdylib` that carries its own
//! copy must not free the other's blocks. `MIMALLOC_*` environment variables are read once, when
//! the first block is asked for.
#![no_std]

mod global;

pub use global::Rimalloc;
