//! What can be said about an arena before it is made.
#![allow(unsafe_code)]

use core::mem::MaybeUninit;
use core::ptr::NonNull;
use core::time::Duration;

use rimalloc_core::arena::{Arena as Engine, Traits, Unfit, Wish};
use rimalloc_core::report::codes;
use rimalloc_core::thread;

use super::{Arena, ArenaError, HugePages};
use crate::SubProcess;

/// Makes an [`Arena`]. From [`Arena::builder`].
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct ArenaBuilder {
    exclusive: bool,
    committed: bool,
    large_pages: bool,
    node: Option<usize>,
}

/// What memory that the program provides is like. For [`ArenaBuilder::adopt_raw`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Every byte may be touched as it is; else the allocator makes memory accessible before it uses it.
    pub accessible: bool,
    /// The memory is never made inaccessible or given back to the system: of huge OS pages, locked, or of a file.
    pub pinned: bool,
    /// All bytes are zero.
    pub zero: bool,
}

impl ArenaBuilder {
    pub(super) const fn new() -> Self {
        Self { exclusive: false, committed: false, large_pages: false, node: None }
    }

    /// Only heaps that are [bound](crate::HeapBuilder::arena) to the arena use it. Otherwise all do.
    pub const fn exclusive(self, exclusive: bool) -> Self {
        Self { exclusive, ..self }
    }

    /// All of the memory is accessible from the start, and counts as used where the system keeps accounts. Otherwise
    /// that is so of what is in use. For [`reserve`](Self::reserve).
    pub const fn committed(self, committed: bool) -> Self {
        Self { committed, ..self }
    }

    /// Uses large OS pages (2 MiB) if the system has some reserved and the option
    /// [`allow_large_os_pages`](crate::options::allow_large_os_pages) is on too. Such memory never goes back to the
    /// system. For [`reserve`](Self::reserve).
    pub const fn large_pages(self, large_pages: bool) -> Self {
        Self { large_pages, ..self }
    }

    /// The NUMA node that the memory is on, or shall be on where it is reserved in
    /// [huge pages](Self::reserve_huge_pages): threads on that node are served from it first.
    pub const fn numa_node(self, node: usize) -> Self {
        Self { node: Some(node), ..self }
    }

    /// Reserves `size` bytes, at least 32 MiB and whole 64 KiB. A size of 0, and one that the system has no addresses
    /// for, is [`OutOfMemory`](ArenaError::OutOfMemory). Source: mmap(2).
    pub fn reserve(self, size: usize) -> Result<Arena, ArenaError> {
        let subprocess = current();
        let mut wish = Wish::default();
        wish.size = size;
        wish.commit = self.committed;
        wish.large = self.large_pages;
        wish.exclusive = self.exclusive;
        let made = subprocess.engine().arenas.reserve(wish);
        made.map(|engine| Arena { engine, subprocess }).map_err(error_of)
    }

    /// Reserves `pages` huge OS pages of 1 GiB. It stops when `limit` is over, or earlier when that is to be foreseen.
    ///
    /// Where the system has no huge page left, one is made of large ones (2 MiB). When there are too few of both, or no
    /// time, there are fewer pages than were asked for, and an error only when there is none: also when none was asked
    /// for. The memory never goes back to the system.
    pub fn reserve_huge_pages(
        self,
        pages: usize,
        limit: Option<Duration>,
    ) -> Result<HugePages, ArenaError> {
        let subprocess = current();
        // 0 is no limit: a shorter one than the engine can say is the shortest.
        let ms =
            limit.map_or(0, |limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX).max(1));
        let arenas = &subprocess.engine().arenas;
        let huge = arenas.reserve_huge(pages, self.node, ms, self.exclusive);
        match huge.arena {
            Some(engine) => {
                Ok(HugePages { arena: Arena { engine, subprocess }, pages: huge.pages })
            }
            None => Err(error_of(huge.error)),
        }
    }

    /// Lets the allocator use memory of the program's: a large `static`, or what another allocator gave and nobody wants
    /// back. It is not made inaccessible, nor given back to the system.
    ///
    /// ```
    /// use core::mem::MaybeUninit;
    /// use rimalloc::{Arena, ArenaError};
    ///
    /// let memory = Box::leak(vec![MaybeUninit::uninit(); 4 << 20].into_boxed_slice());
    /// let arena = Arena::builder().exclusive(true).adopt(memory)?;
    /// assert!(!arena.range().is_empty());
    ///
    /// let little = Box::leak(vec![MaybeUninit::uninit(); 100_000].into_boxed_slice());
    /// assert_eq!(Arena::adopt(little), Err(ArenaError::TooSmall));
    /// # Ok::<(), ArenaError>(())
    /// ```
    pub fn adopt(self, memory: &'static mut [MaybeUninit<u8>]) -> Result<Arena, ArenaError> {
        let size = memory.len();
        let traits = Memory { accessible: true, pinned: true, zero: false };
        // SAFETY: the borrow is unique and never ends, and all of the memory is accessible.
        unsafe { self.adopt_raw(NonNull::from(memory).cast(), size, traits) }
    }

    /// [`adopt`](Self::adopt) of any mapping: one that is reserved only, or that may go back to the system.
    ///
    /// # Safety
    /// The `size` bytes from `start` on are memory that is mapped, and not by the allocator; nobody else uses them as
    /// long as the calling thread's sub-process lives; and they are like `memory` says. Unless they are pinned, they are
    /// private anonymous memory: they read as zeros when the system has taken them.
    pub unsafe fn adopt_raw(
        self,
        start: NonNull<u8>,
        size: usize,
        memory: Memory,
    ) -> Result<Arena, ArenaError> {
        let subprocess = current();
        let traits = Traits {
            // Pinned memory is not protected, hence cannot have been made accessible by that.
            accessible: memory.accessible || memory.pinned,
            pinned: memory.pinned,
            zero: memory.zero,
            exclusive: self.exclusive,
            node: self.node,
            ..Traits::default()
        };
        // SAFETY: the caller's promise.
        let made: Result<&'static Engine, Unfit> =
            unsafe { subprocess.engine().arenas.adopt(start, size, traits) };
        Ok(Arena { engine: made?, subprocess })
    }
}

/// The sub-process of the calling thread, ready for use.
fn current() -> SubProcess {
    thread::process_init();
    SubProcess::current()
}

fn error_of(code: i32) -> ArenaError {
    if code == codes::ETIMEDOUT { ArenaError::TimedOut } else { ArenaError::OutOfMemory }
}
