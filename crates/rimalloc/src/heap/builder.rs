//! What can be said about a heap before it is made.

use rimalloc_core::heap::{self as engine, Settings, SubProcess as EngineSubProcess};
use rimalloc_core::{heaps, thread};

use super::{Heap, Scope};
use crate::{Arena, OutOfMemory, SubProcess};

/// Makes a [`Heap`] or a [`Scope`]. From [`Heap::builder`]. A builder can be used again, by any thread.
///
/// ```
/// use rimalloc::Heap;
///
/// let heap = Heap::builder().tag(7).build()?;
/// let scope = Heap::builder().tag(8).build_scope()?;
/// assert_eq!((heap.tag(), scope.tag()), (7, 8));
/// # Ok::<(), rimalloc::OutOfMemory>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct HeapBuilder {
    tag: i32,
    subprocess: Option<SubProcess>,
    arena: Option<Arena>,
}

impl HeapBuilder {
    pub(super) const fn new() -> Self {
        Self { tag: 0, subprocess: None, arena: None }
    }

    /// A number of the program's, which visits of the heap show.
    pub const fn tag(self, tag: i32) -> Self {
        Self { tag, ..self }
    }

    /// The sub-process that the heap belongs to; without it, that of the thread that makes the heap. An
    /// [`arena`](Self::arena) that was named before is forgotten.
    pub const fn subprocess(self, subprocess: SubProcess) -> Self {
        Self { subprocess: Some(subprocess), arena: None, ..self }
    }

    /// The only arena that the heap takes memory from; the heap belongs to the arena's sub-process. When the arena is
    /// full, allocations fail.
    pub const fn arena(self, arena: Arena) -> Self {
        Self { subprocess: Some(arena.subprocess()), arena: Some(arena), ..self }
    }

    /// The heap, whose blocks stay valid when it ends. [`OutOfMemory`] when the system has no memory for it, or when
    /// there are as many heaps as there can be: 65 536 and more.
    pub fn build(self) -> Result<Heap, OutOfMemory> {
        self.make(false).map(Heap::first_of)
    }

    /// The scope, whose blocks end with it. [`OutOfMemory`] as for [`build`](Self::build).
    pub fn build_scope(self) -> Result<Scope, OutOfMemory> {
        self.make(true).map(Scope::of)
    }

    fn make(self, destroyable: bool) -> Result<&'static engine::Heap, OutOfMemory> {
        let subproc: &'static EngineSubProcess =
            self.subprocess.map_or_else(thread::subproc, SubProcess::engine);
        let settings = Settings {
            tag: self.tag,
            arena: self.arena.map(|arena| arena.engine),
            destroyable,
            ..Settings::of(subproc)
        };
        heaps::create(settings).ok_or(OutOfMemory)
    }
}
