//! Heaps that any thread may use.
#![allow(unsafe_code)]

mod builder;
mod scope;
mod visit;

use core::alloc::{GlobalAlloc, Layout};
use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::sync::atomic::{Ordering, fence};

use rimalloc_core::heap as engine;
use rimalloc_core::{collect, heaps, visit as look};

use crate::{OutOfMemory, block};

pub use builder::HeapBuilder;
pub use scope::Scope;
pub use visit::{Area, Usage};

/// A heap of its own, for blocks that belong together: visited, counted and placed apart from all others.
///
/// A `Heap` is a handle. Cloning it makes another one of the same heap; the heap ends with the last of them. Blocks that
/// live on stay valid: they pass to the main heap, and whoever holds one frees it there as before. For blocks that
/// shall end with their heap there is [`Scope`].
///
#[cfg_attr(feature = "allocator-api2", doc = "```")]
#[cfg_attr(not(feature = "allocator-api2"), doc = "```text")]
/// use allocator_api2::vec::Vec;
/// use rimalloc::Heap;
///
/// let heap = Heap::new()?;
/// let mut numbers = Vec::new_in(heap.clone());
/// numbers.extend(0..1000_u64);
/// assert!(heap.contains(numbers.as_ptr().cast()));
/// assert_eq!(heap.usage()?.blocks, 1);
/// drop(heap);
/// assert_eq!(numbers[999], 999); // the vector holds a handle of its own
/// # Ok::<(), rimalloc::OutOfMemory>(())
/// ```
///
/// A collection that only borrows the heap cannot outlive that handle:
///
#[cfg_attr(feature = "allocator-api2", doc = "```compile_fail,E0505")]
#[cfg_attr(not(feature = "allocator-api2"), doc = "```text")]
/// use allocator_api2::vec::Vec;
/// use rimalloc::Heap;
///
/// let heap = Heap::new().unwrap();
/// let mut numbers = Vec::new_in(&heap);
/// numbers.push(1);
/// drop(heap); // the vector borrows it
/// numbers.push(2);
/// ```
///
/// Allocation is by the `Allocator` traits (features `allocator-api2`, `allocator-api2-04`, `nightly`), of `Heap` for
/// collections that go anywhere, and of `&Heap` for such that don't outlive a borrow; or by `GlobalAlloc`, whose methods
/// take any layout.
///
/// - **Sizes**: as of [`Rimalloc`](crate::Rimalloc). An `Allocator` returns all the bytes of a block, which collections
///   like hashbrown's use. A layout of size 0 takes no memory from an `Allocator`; from `GlobalAlloc` it is a block of
///   its own, which has to be freed like any other.
/// - **Alignment**: any power of two.
/// - **Growing** happens in place where the block has room, where the memory behind a large block is free, or by moving
///   OS pages; else the contents are copied. **Zeroed** blocks are not cleared where memory is known to be zero.
/// - **Errors**: `AllocError`, or null, when memory ran out; collections report it from `try_reserve`. Making a heap
///   needs memory too.
/// - **Threads**: any thread may allocate and free, at full speed: each has pages of its own. What ended threads have
///   left is used by others.
/// - **Cost**: a heap is some hundred bytes, and 3 KiB for each thread that uses it, and has at least a page for each
///   size class in use by each thread: from 64 KiB of addresses, of which is touched what is needed.
pub struct Heap {
    pub(crate) engine: &'static engine::Heap,
}

impl Heap {
    /// A new heap of the calling thread's sub-process, without any blocks. [`HeapBuilder::build`] without anything else
    /// being said.
    pub fn new() -> Result<Self, OutOfMemory> {
        Self::builder().build()
    }

    /// A heap with more to be said about it.
    pub fn builder() -> HeapBuilder {
        HeapBuilder::new()
    }

    /// The heap of plain allocation in the calling thread's sub-process. It never ends.
    #[must_use]
    pub fn main() -> Self {
        Self { engine: heaps::main() }
    }

    /// A handle of a heap that was just made, or of one that never ends.
    fn first_of(engine: &'static engine::Heap) -> Self {
        engine.owners.store(1, Ordering::Relaxed);
        Self { engine }
    }

    /// Runs `f` with this heap as the one that plain allocation of the calling thread comes from: what the global
    /// allocator allocates meanwhile, if it is [`Rimalloc`](crate::Rimalloc), belongs to it. A way to put a collection into a heap that
    /// takes no allocator.
    ///
    /// Blocks that `f` leaves behind stay blocks of the heap. Whoever frees them need not know that.
    ///
    /// The heap stays the default one until `f` returns or panics. Nothing changes in other threads. When memory ran
    /// out, `f` runs with the default heap as it was.
    ///
    /// ```
    /// #[global_allocator]
    /// static GLOBAL: rimalloc::Rimalloc = rimalloc::Rimalloc;
    ///
    /// # fn main() -> Result<(), rimalloc::OutOfMemory> {
    /// use std::collections::BTreeMap;
    /// let heap = rimalloc::Heap::new()?;
    /// let map: BTreeMap<u32, String> = heap.with_default(|| (0..100).map(|n| (n, n.to_string())).collect());
    /// assert!(heap.usage()?.blocks > 100);
    /// drop(map);
    /// assert_eq!(heap.usage()?.blocks, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_default<R>(&self, f: impl FnOnce() -> R) -> R {
        struct Restore(Option<&'static engine::Heap>);
        impl Drop for Restore {
            fn drop(&mut self) {
                // The thread has a theap of that heap: this does not fail.
                let _ = self.0.map(heaps::set_default);
            }
        }
        let _restore = Restore(heaps::set_default(self.engine));
        f()
    }
}

impl Clone for Heap {
    fn clone(&self) -> Self {
        if !self.engine.is_main() {
            self.engine.owners.fetch_add(1, Ordering::Relaxed);
        }
        Self { engine: self.engine }
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        if self.engine.is_main() || self.engine.owners.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        // What other owners did comes before the end of the heap.
        fence(Ordering::Acquire);
        // SAFETY: nobody has a handle any more, and allocation takes one, or a borrow of one.
        unsafe { heaps::delete(self.engine) };
    }
}

// SAFETY: the engine returns null or a block of at least the asked size and alignment that no one else holds
// until it is given back, never unwinds, and takes blocks back from any thread.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        block::allocate(self.engine, layout.size(), layout.align())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        block::allocate_zeroed(self.engine, layout.size(), layout.align())
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller gives back a block of this allocator together with its layout.
        unsafe { block::release(ptr, layout.size(), layout.align()) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller hands over a live block of this allocator with its layout.
        unsafe { block::resize(self.engine, ptr, new_size, layout.align()) }
    }
}

// What other threads change in a heap they change whole.
impl UnwindSafe for Heap {}
impl RefUnwindSafe for Heap {}

/// Handles of the same heap are equal.
impl PartialEq for Heap {
    fn eq(&self, other: &Self) -> bool {
        self.engine.is(other.engine)
    }
}

impl Eq for Heap {}

impl fmt::Debug for Heap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heap").field("tag", &self.engine.tag()).finish_non_exhaustive()
    }
}

/// What heaps and scopes have in common.
macro_rules! common {
    ($type:ty) => {
        impl $type {
            /// The number that the heap was made with, 0 if none was given.
            #[must_use]
            pub fn tag(&self) -> i32 {
                self.engine.tag()
            }

            /// Whether `ptr` lies in memory of this heap. Any address may be asked about.
            #[must_use]
            pub fn contains(&self, ptr: *const u8) -> bool {
                look::contains(self.engine, ptr)
            }

            /// Takes in what other threads have freed of the calling thread's blocks, and gives back pages without live
            /// blocks; with `force` also returns free memory to the system at once. See [`collect`](crate::collect).
            pub fn collect(&self, force: bool) {
                collect::collect_heap(self.engine, force);
            }

            /// Has each block looked at when it is freed or resized, for mistakes of `unsafe` code: a block that is free
            /// already, no block at all, a layout that is not the block's own. They are reported to the function that
            /// [`hooks::on_error`](crate::hooks::on_error) takes; what else follows is up to the option `check`, which
            /// has the blocks of all heaps looked at.
            ///
            /// The calling thread goes by it at once, others soon. Allocation from the heap is slower meanwhile: each
            /// block is taken from its page on its own.
            pub fn set_check(&self, check: bool) {
                heaps::set_watched(self.engine, check);
            }

            /// Says on which NUMA node memory that the heap takes from now on should be; `None` for any. The number of
            /// a node that does not exist wraps around.
            pub fn set_numa_node(&self, node: Option<usize>) {
                self.engine.set_numa_node(node);
            }
        }
    };
}

common!(Heap);
common!(Scope);
