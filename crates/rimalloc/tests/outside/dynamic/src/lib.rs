//! A Rust dynamic library with the one copy of rimalloc that it and its program use.

pub use rimalloc;
use rimalloc::{Heap, OutOfMemory, Rimalloc};

#[global_allocator]
static GLOBAL: Rimalloc = Rimalloc;

/// Text in memory that the library allocates and the program frees.
#[must_use]
pub fn text(n: usize) -> String {
    "x".repeat(n)
}

/// How many blocks of the heap are live.
pub fn blocks(heap: &Heap) -> Result<usize, OutOfMemory> {
    heap.usage().map(|usage| usage.blocks)
}
