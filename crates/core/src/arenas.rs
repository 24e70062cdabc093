//! Arenas as programs name them: by number, through functions that any thread may call.
//!
//! Every function concerns the calling thread's sub-process, save that numbers name arenas of all of them.
#![allow(unsafe_code)]

mod show;

use core::ptr::{NonNull, null_mut};

use crate::arena::{Arena, Arenas, Huge, Traits, Wish};
use crate::report;
use crate::thread;

pub use crate::arena::node;
pub use show::{Show, print};

/// What came of an attempt to reserve memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// 0, or why not: `ENOMEM` or `ETIMEDOUT` of [`report::codes`].
    pub error: i32,
    /// The number of the new arena; 0 when there is none, or more than one.
    pub id: i32,
    /// Huge OS pages that were reserved.
    pub pages: usize,
}

impl From<Huge> for Reserved {
    fn from(huge: Huge) -> Self {
        let id = huge.arena.map_or(0, Arena::id);
        Self { error: huge.error, id, pages: huge.pages }
    }
}

/// The arenas of the calling thread's sub-process.
fn current() -> &'static Arenas {
    thread::process_init();
    &thread::subproc().arenas
}

/// Reserves an arena of `size` bytes, rounded up to slices and to 32 MiB: accessible at once (`commit`) or
/// where it is taken; in large OS pages if they are allowed (`large`), here and by the options, and there
/// are any; for all heaps or for those only that are bound to it (`exclusive`). A `size` of 0 is
/// `ENOMEM`; failure is a warning. Source: mmap(2).
pub fn reserve(size: usize, commit: bool, large: bool, exclusive: bool) -> Reserved {
    let wish = Wish { size, commit, large, exclusive, ..Wish::default() };
    match current().reserve(wish) {
        Ok(arena) => Reserved { error: 0, id: arena.id(), pages: 0 },
        Err(error) => {
            report::warning(format_args!("unable to reserve {} KiB memory", size >> 10));
            Reserved { error, id: 0, pages: 0 }
        }
    }
}

/// Reserves `pages` huge OS pages (1 GiB) as one arena, on the given NUMA node (negative for any). In
/// `timeout_ms` milliseconds, 0 for no limit: `ETIMEDOUT` when that was not enough, and
/// `ENOMEM` when there are too few. Those that were reserved until then stay reserved and in use.
pub fn reserve_huge(pages: usize, node: i32, timeout_ms: usize, exclusive: bool) -> Reserved {
    current().reserve_huge(pages, node::named(node), timeout_ms as u64, exclusive).into()
}

/// [`reserve_huge`] evenly spread over `nodes` NUMA nodes, 0 for all there are.
pub fn reserve_huge_interleaved(pages: usize, nodes: usize, timeout_ms: usize) -> Reserved {
    let sum = current().reserve_huge_interleaved(pages, nodes, timeout_ms as u64);
    Reserved { id: 0, ..sum.into() }
}

/// [`reserve_huge_interleaved`] over all nodes with a limit in seconds, which is none when it is not
/// positive.
pub fn reserve_huge_within(pages: usize, max_seconds: f64) -> Reserved {
    report::warning(format_args!(
        "mi_reserve_huge_os_pages is deprecated: use mi_reserve_huge_os_pages_interleave/at instead"
    ));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the conversion saturates, and NaN is 0"
    )]
    let timeout_ms = (max_seconds * 1000.0) as usize;
    reserve_huge_interleaved(pages, 0, timeout_ms)
}

/// Makes `size` bytes at `start` an arena, as far as they are whole slices, and returns its number. `None`,
/// with a warning, when `start` is null, the range is too small or managed
/// already, or memory is refused. The memory is never released, and never decommitted, reset or protected
/// when it is pinned.
///
/// # Safety
/// The range is mapped memory that nobody else uses, with the given traits, while the sub-process lives;
/// its committer can be called by any thread.
pub unsafe fn manage(start: *mut u8, size: usize, traits: Traits) -> Option<i32> {
    let Some(start) = NonNull::new(start) else {
        report::warning(format_args!("there is no memory at address 0 to be managed"));
        return None;
    };
    // Pinned memory is not protected, hence cannot have been made accessible by that.
    let accessible = traits.accessible || traits.pinned && traits.committer.is_none();
    // SAFETY: the caller's promise.
    unsafe { current().adopt(start, size, Traits { accessible, ..traits }) }.ok().map(Arena::id)
}

/// The arena of a number, if it is one of the calling thread's sub-process. It ends with that.
pub fn find(id: i32) -> Option<&'static Arena> {
    let owner = current();
    Arena::with_id(id, |arena| core::ptr::eq(arena.owner(), owner).then_some(arena)).flatten()
}

/// Start and size of an arena in bytes, its header included; null and 0 for a number that names none.
pub fn area(id: i32) -> (*mut u8, usize) {
    Arena::with_id(id, |arena| (arena.base().as_ptr(), arena.size())).unwrap_or((null_mut(), 0))
}

/// Whether an address lies in an arena; false for a number that names none.
pub fn contains(id: i32, addr: usize) -> bool {
    Arena::with_id(id, |arena| arena.contains(addr)).unwrap_or(false)
}
