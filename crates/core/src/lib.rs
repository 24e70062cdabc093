//! The engine of the rimalloc memory allocator.
//!
//! This crate is the mechanism under the `rimalloc` crate and the C library, and makes no promise about its
//! interface: depend on `rimalloc` instead. It needs neither `std` nor `alloc`, and nothing but `libc`.
//!
//! The order of the modules below is the order of the layers: a module names only modules above it.
//! `ARCHITECTURE.md` in the repository is the map.
#![no_std]
#![deny(unsafe_code)]

#[cfg(test)]
extern crate std;

// Vocabulary.
pub mod config;
pub mod units;
pub mod sync;
pub mod ptr;
pub mod tools;
pub mod links;
#[cfg(not(all(test, loom)))]
pub mod size_class;

// System.
pub mod os;

// Services, then structures. Loom's models are built from the protocols alone.
#[cfg(not(all(test, loom)))]
pub mod options;
#[cfg(not(all(test, loom)))]
pub mod trace;
#[cfg(not(all(test, loom)))]
pub mod report;
#[cfg(not(all(test, loom)))]
pub mod stats;
#[cfg(not(all(test, loom)))]
pub mod random;
#[cfg(not(all(test, loom)))]
pub mod margins;
#[cfg(not(all(test, loom)))]
pub mod snapshot;
pub mod bitmap;
pub mod remote;
pub mod abandoned;

// Memory.
#[cfg(not(all(test, loom)))]
pub mod page_map;
#[cfg(not(all(test, loom)))]
pub mod arena;
#[cfg(not(all(test, loom)))]
pub mod guards;

// Pages.
#[cfg(not(all(test, loom)))]
pub mod page;
#[cfg(not(all(test, loom)))]
pub mod page_queue;

// Heaps.
#[cfg(not(all(test, loom)))]
pub mod heap;
#[cfg(not(all(test, loom)))]
pub mod theap;
#[cfg(not(all(test, loom)))]
pub mod abandon;
#[cfg(not(all(test, loom)))]
pub mod deferred;
#[cfg(not(all(test, loom)))]
pub mod refill;
#[cfg(not(all(test, loom)))]
pub mod guarded;
#[cfg(not(all(test, loom)))]
pub mod census;
#[cfg(not(all(test, loom)))]
pub mod describe;
#[cfg(not(all(test, loom)))]
pub mod thread;
#[cfg(not(all(test, loom)))]
pub mod heaps;
#[cfg(not(all(test, loom)))]
pub mod subprocs;
#[cfg(not(all(test, loom)))]
pub mod source;

// Entry.
#[cfg(not(all(test, loom)))]
pub mod alloc;
#[cfg(not(all(test, loom)))]
pub mod aligned;
#[cfg(not(all(test, loom)))]
pub mod bump;
#[cfg(not(all(test, loom)))]
pub mod free;
#[cfg(not(all(test, loom)))]
pub mod realloc;
#[cfg(not(all(test, loom)))]
pub mod collect;
#[cfg(not(all(test, loom)))]
pub mod visit;
#[cfg(not(all(test, loom)))]
pub mod arenas;
#[cfg(not(all(test, loom)))]
pub mod exit;
