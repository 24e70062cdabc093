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
//! # Choose an allocator
//!
//! | for | there is |
//! |---|---|
//! | the whole program | [`Rimalloc`] as its global allocator; [`Rimalloc::with`] if the program itself decides about options |
//! | collections that belong together: counted, visited, placed apart | [`Heap`], as the allocator of each collection |
//! | collections that take no allocator | [`Heap::with_default`], which makes a heap the thread's default one |
//! | everything that a request, a frame or a pass needs | [`Scope`]: all of it is freed at once |
//! | memory that is reserved beforehand, or of a special kind | [`Arena`], and heaps that are bound to it |
//! | parts of a program that must not get in each other's way | [`SubProcess`] |
//!
//! # Use heaps
//! A [`Heap`] and a borrowed [`Scope`] are allocators: what takes one takes them. Which trait that is, is said by features:
//!
//! | feature | trait | taken by |
//! |---|---|---|
//! | `allocator-api2` | `Allocator` of allocator-api2 0.2 | its `Vec` and `Box`, hashbrown from 0.14 on, and most others |
//! | `allocator-api2-04` | `Allocator` of allocator-api2 0.4 | its `Vec` and `Box` |
//! | `nightly` | `Allocator` of `core` | the collections of a nightly standard library |
//! | none | `GlobalAlloc`, of `Heap` | code that asks for memory by layout |
//!
//! Several can be on at the same time. (With allocator-api2 0.2 there is one trap: another crate that turns on *its*
//! feature `nightly` makes its trait that of `core`. Then turn on `nightly` here, instead of `allocator-api2`.)
//!
//! Blocks of a heap may be freed by any thread, through any handle of the heap. A heap ends with its last handle, and
//! its blocks outlive it; those of a scope end with the scope, and the compiler sees to it that nothing refers to them
//! then.
//!
//! # Read statistics
//! [`stats()`](fn@stats) are those of the process, [`Heap::stats`] and its likes those of a part. They are plain structures: `{}` shows
//! the table that `MIMALLOC_SHOW_STATS=1` prints at exit, [`Stats::json`] is JSON, and the feature `serde` makes them
//! `Serialize`. [`process_usage`] is what the process as a whole uses. What is live in a heap at the moment is said by
//! [`Heap::usage`], and block by block by [`Heap::visit_blocks`].
//!
//! # Tune
//! [`options`] has the options, with their types; [`Config`] makes them part of the program, and every user can set them in
//! the environment. Where to look first:
//!
//! | wish | option |
//! |---|---|
//! | less memory at rest | a shorter [`purge_delay`](options::purge_delay), [`collect`] where the program pauses |
//! | fewer page faults | a longer `purge_delay`; [`reserve_os_memory`](options::reserve_os_memory) |
//! | a bound on memory | [`disallow_os_alloc`](options::disallow_os_alloc) with reserved arenas |
//! | no huge pages | [`allow_thp`](options::allow_thp) |
//!
//! [`hooks`] tell the program of errors and messages, and ask it to free what it can do without.
//!
//! # Check
//! Builds with debug assertions report blocks that are freed with a layout that is not theirs. Features do more, for
//! the whole allocator: `debug-checks` finds mistakes of a program under development, and `secure1` to `secure5` make
//! it hard to use those that are left; `secure` is the level to choose. What each mistake meets in which build is said in
//! `docs/hardening.md` of the project.
//!
//! # Caveats
//! - A program has one heap per copy of this crate: a Rust `dylib` or `cdylib` that carries its own copy must not free the
//!   other's blocks.
//! - The feature `inline-fast-path` inlines allocation and free into the crates that call them, which saves a jump. It is
//!   not for Rust `dylib`s.
//! - `MIMALLOC_*` environment variables are read once, when the first block is asked for.
//! - Blocks that are allocated in thread-local destructors, after the thread's memory was given up, come from a heap behind
//!   a lock.
//! - In the child of a `fork`, memory that other threads held stays taken.
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
