//! Arenas that the program reserves or provides.
#![allow(unsafe_code)]

mod builder;

use core::error::Error;
use core::fmt;
use core::mem::MaybeUninit;
use core::ops::Range;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr::NonNull;

use rimalloc_core::arena as engine;

use crate::SubProcess;

pub use builder::{ArenaBuilder, Memory};

/// A range of memory that the allocator takes pages from, reserved by the program before it is needed, or provided by
/// it: memory of a special kind, a hard limit, a place that others know.
///
/// ```
/// use rimalloc::{Arena, Heap};
///
/// // 64 MiB that one heap alone can use.
/// let arena = Arena::builder().exclusive(true).reserve(64 << 20)?;
/// let heap = Heap::builder().arena(arena).build()?;
/// let layout = core::alloc::Layout::new::<[u8; 1000]>();
/// let block = unsafe { core::alloc::GlobalAlloc::alloc(&heap, layout) };
/// assert!(arena.contains(block));
/// # unsafe { core::alloc::GlobalAlloc::dealloc(&heap, block, layout) };
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
///
/// An arena belongs to the sub-process of the thread that makes it, and lives as long as that: the main one does not
/// end. Copies of this value name the same arena.
///
/// - **Sizes**: at least 32 MiB when reserved, in steps of 64 KiB. What is adopted can be smaller: a header takes 64 KiB
///   and about 1/512 of the rest, and pages take 64 KiB to 512 KiB, larger blocks their size.
/// - **Alignment**: whole 64 KiB of a range are used, at multiples of that.
/// - **Errors**: [`ArenaError`]. A heap that is bound to a full arena gets no memory elsewhere: its allocations fail.
/// - **Threads**: any thread may do all of this.
#[derive(Clone, Copy)]
pub struct Arena {
    pub(crate) engine: &'static engine::Arena,
    subprocess: SubProcess,
}

/// Why there is no arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArenaError {
    /// The system refuses the memory, or has no OS pages of the wanted size.
    OutOfMemory,
    /// There was no time for a single page.
    TimedOut,
    /// The whole 64 KiB in the range hold no more than an arena's header.
    TooSmall,
    /// The allocator has some of the range already.
    AlreadyManaged,
    /// The range wraps around or lies where the system has no memory.
    NoSuchAddresses,
    /// The sub-process has as many arenas as it can: 160.
    TooMany,
}

impl fmt::Display for ArenaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutOfMemory => "the system refuses memory for an arena",
            Self::TimedOut => "there was no time to reserve huge pages",
            Self::TooSmall => "the memory is too small for an arena",
            Self::AlreadyManaged => "some of the memory is an arena already",
            Self::NoSuchAddresses => "no memory has such addresses",
            Self::TooMany => "there are too many arenas",
        })
    }
}

impl Error for ArenaError {}

impl From<engine::Unfit> for ArenaError {
    fn from(why: engine::Unfit) -> Self {
        match why {
            engine::Unfit::NoSuchAddresses => Self::NoSuchAddresses,
            engine::Unfit::Managed => Self::AlreadyManaged,
            engine::Unfit::TooSmall => Self::TooSmall,
            engine::Unfit::NotCommitted => Self::OutOfMemory,
            engine::Unfit::TooMany => Self::TooMany,
        }
    }
}

/// Huge OS pages that were reserved. See [`ArenaBuilder::reserve_huge_pages`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HugePages {
    /// The arena that they are.
    pub arena: Arena,
    /// How many there are, of 1 GiB each: at least one, and not more than were asked for.
    pub pages: usize,
}

impl Arena {
    /// What can be said about an arena before it is made.
    pub fn builder() -> ArenaBuilder {
        ArenaBuilder::new()
    }

    /// Reserves `size` bytes for all heaps. [`ArenaBuilder::reserve`] without anything else being said.
    pub fn reserve(size: usize) -> Result<Self, ArenaError> {
        Self::builder().reserve(size)
    }

    /// Lets all heaps use memory of the program's. [`ArenaBuilder::adopt`] without anything else being said.
    pub fn adopt(memory: &'static mut [MaybeUninit<u8>]) -> Result<Self, ArenaError> {
        Self::builder().adopt(memory)
    }

    /// The addresses of the arena, its header included.
    #[must_use]
    pub fn range(self) -> Range<*const u8> {
        let start = self.engine.base().as_ptr().cast_const();
        start..start.wrapping_add(self.engine.size())
    }

    /// Whether `ptr` is one of the arena's addresses. Any may be asked about.
    #[must_use]
    pub fn contains(self, ptr: *const u8) -> bool {
        self.engine.contains(ptr.addr())
    }

    /// The number by which the C interface knows the arena, from 1 up.
    #[must_use]
    pub fn id(self) -> i32 {
        self.engine.id()
    }

    /// The sub-process that the arena belongs to.
    #[must_use]
    pub const fn subprocess(self) -> SubProcess {
        self.subprocess
    }
}

// What other threads change in an arena they change whole.
impl UnwindSafe for Arena {}
impl RefUnwindSafe for Arena {}

impl PartialEq for Arena {
    fn eq(&self, other: &Self) -> bool {
        NonNull::from(self.engine) == NonNull::from(other.engine)
    }
}

impl Eq for Arena {}

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arena").field("id", &self.id()).field("range", &self.range()).finish()
    }
}
