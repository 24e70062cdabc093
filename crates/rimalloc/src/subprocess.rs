//! Sub-processes.
#![allow(unsafe_code)]

use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::sync::atomic::Ordering;

use rimalloc_core::heap::{MAIN_SUBPROC, SubProcess as Engine};
use rimalloc_core::{subprocs, thread};

use crate::OutOfMemory;

/// A world of memory of its own in the process: arenas, heaps, and threads whose plain allocation stays inside, so that
/// nothing that one sub-process does makes memory of another one scarce or fragmented. For plugins, interpreters,
/// tenants.
///
/// Blocks may be freed by threads of any sub-process. Copies of this value name the same sub-process.
///
/// ```
/// use rimalloc::{Heap, SubProcess};
///
/// let tenant = SubProcess::new()?;
/// let heap = Heap::builder().subprocess(tenant).build()?;
/// std::thread::spawn(move || {
///     tenant.join();
///     assert_eq!(SubProcess::current(), tenant);
///     // What this thread allocates belongs to the sub-process.
/// })
/// .join()
/// .unwrap();
/// # drop(heap);
/// # Ok::<(), rimalloc::OutOfMemory>(())
/// ```
#[derive(Clone, Copy)]
pub struct SubProcess {
    engine: &'static Engine,
}

/// A sub-process that cannot end: the main one, or one that has threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StillInUse;

impl fmt::Display for StillInUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the sub-process is the main one or has threads")
    }
}

impl core::error::Error for StillInUse {}

impl SubProcess {
    /// A new sub-process, without threads. It stays until [`end`](Self::end). [`OutOfMemory`] when the system has no
    /// memory for it.
    pub fn new() -> Result<Self, OutOfMemory> {
        subprocs::create().map(|engine| Self { engine }).ok_or(OutOfMemory)
    }

    /// The sub-process of every thread that joins no other.
    #[must_use]
    pub const fn main() -> Self {
        Self { engine: &MAIN_SUBPROC }
    }

    /// The sub-process of the calling thread.
    #[must_use]
    pub fn current() -> Self {
        Self { engine: thread::subproc() }
    }

    pub(crate) fn engine(self) -> &'static Engine {
        self.engine
    }

    /// Makes the calling thread one of this sub-process, for the rest of its life: its plain allocation comes from here.
    /// Blocks that it has allocated before stay where they are and stay valid.
    ///
    /// False, and nothing changed, when the thread has joined another sub-process already, when memory ran out, or in
    /// thread-local destructors.
    pub fn join(self) -> bool {
        thread::join(self.engine)
    }

    /// Ends the sub-process with all its heaps and blocks, and returns their memory to the system. Memory that was
    /// [adopted](crate::Arena) is left to the program.
    ///
    /// # Safety
    /// Nobody uses the sub-process, a heap of it, or a block of it any more, now or later, whoever holds the value: this
    /// goes for blocks that threads of it left to other threads, too.
    pub unsafe fn end(self) -> Result<(), StillInUse> {
        if self == Self::main() || self.engine.threads.load(Ordering::Acquire) != 0 {
            return Err(StillInUse);
        }
        // SAFETY: the caller's promise.
        unsafe { subprocs::end(self.engine) };
        Ok(())
    }
}

// What other threads change in a sub-process they change whole.
impl UnwindSafe for SubProcess {}
impl RefUnwindSafe for SubProcess {}

impl PartialEq for SubProcess {
    fn eq(&self, other: &Self) -> bool {
        self.engine.is(other.engine)
    }
}

impl Eq for SubProcess {}

impl fmt::Debug for SubProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SubProcess").field(&core::ptr::from_ref(self.engine)).finish()
    }
}
