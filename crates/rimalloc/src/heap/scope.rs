//! A heap whose blocks end with it.
#![allow(unsafe_code)]

use core::alloc::Layout;
use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr::NonNull;

use rimalloc_core::bump::Bump;
use rimalloc_core::heap as engine;
use rimalloc_core::heaps;

use super::Heap;
use crate::OutOfMemory;

/// A heap all of whose blocks are freed at once when it is dropped, however many they are: for a request, a frame, a
/// pass.
///
/// The compiler sees to it that nothing in it is kept: what allocates from a scope borrows it.
///
#[cfg_attr(feature = "allocator-api2", doc = "```")]
#[cfg_attr(not(feature = "allocator-api2"), doc = "```text")]
/// use allocator_api2::vec::Vec;
/// use rimalloc::Scope;
///
/// let scope = Scope::new()?;
/// let mut words = Vec::new_in(&scope);
/// for word in ["all", "of", "it"] {
///     words.push(scope.alloc_str(word)?);
/// }
/// assert_eq!(words.concat(), "allofit");
/// # Ok::<(), rimalloc::OutOfMemory>(())
/// ```
///
/// A collection cannot outlive the scope that its memory is in:
///
#[cfg_attr(feature = "allocator-api2", doc = "```compile_fail,E0505")]
#[cfg_attr(not(feature = "allocator-api2"), doc = "```text")]
/// use allocator_api2::vec::Vec;
/// use rimalloc::Scope;
///
/// let scope = Scope::new().unwrap();
/// let mut words = Vec::new_in(&scope);
/// words.push(1);
/// drop(scope); // the vector borrows it
/// words.push(2);
/// ```
///
/// nor be returned from where the scope lives:
///
#[cfg_attr(feature = "allocator-api2", doc = "```compile_fail,E0515")]
#[cfg_attr(not(feature = "allocator-api2"), doc = "```text")]
/// use allocator_api2::boxed::Box;
/// use rimalloc::Scope;
///
/// fn escape<'a>() -> Box<u32, &'a Scope> {
///     let scope = Scope::new().unwrap();
///     Box::new_in(7, &scope)
/// }
/// ```
///
/// nor can a value that was placed in it:
///
/// ```compile_fail,E0597
/// use rimalloc::Scope;
///
/// let mut kept: &mut u32 = &mut 0;
/// {
///     let scope = Scope::new().unwrap();
///     kept = scope.alloc(7).unwrap();
/// }
/// *kept += 1;
/// ```
///
/// nor what leaks from a collection:
///
#[cfg_attr(feature = "allocator-api2", doc = "```compile_fail,E0597")]
#[cfg_attr(not(feature = "allocator-api2"), doc = "```text")]
/// use allocator_api2::boxed::Box;
/// use rimalloc::Scope;
///
/// let kept: &'static mut u32;
/// {
///     let scope = Scope::new().unwrap();
///     kept = Box::leak(Box::new_in(7, &scope));
/// }
/// ```
///
/// nor can another thread use it longer than it lives:
///
/// ```compile_fail,E0373
/// let scope = rimalloc::Scope::new().unwrap();
/// std::thread::spawn(|| scope.alloc(7).is_ok()); // `std::thread::scope` takes it
/// ```
///
/// - **Destructors** are not run by the end of a scope. Collections run those of their elements when they are dropped,
///   as ever; what `alloc` and its likes place is not dropped.
/// - **Panics**: a scope that is dropped by unwinding frees its blocks like any other.
/// - **Threads**: a scope can be shared by threads that end before it does.
/// - **Sizes, alignment, errors, growing**: as of [`Heap`].
/// - **Two ways to allocate**: what a collection gives back, it or another one gets again. What `alloc` and its likes
///   place stays until the scope ends, and costs hardly more than its bytes: such places are cut one after another from
///   blocks that they share, 8 KiB at first and 32 KiB later, for the thread that made the scope; visiting the scope
///   shows those blocks. Other threads get a block for each place, and so do places of more than about 2 KiB.
pub struct Scope {
    pub(crate) engine: &'static engine::Heap,
    places: Bump,
}

impl Scope {
    /// A new scope, of the calling thread's sub-process. [`HeapBuilder::build_scope`](crate::HeapBuilder::build_scope)
    /// without anything else being said.
    pub fn new() -> Result<Self, OutOfMemory> {
        Heap::builder().build_scope()
    }

    /// The only handle of a heap that was just made.
    pub(super) fn of(engine: &'static engine::Heap) -> Self {
        Self { engine, places: Bump::new() }
    }

    /// Places a value in the scope. Its destructor is not run.
    #[expect(clippy::mut_from_ref, reason = "each call makes another block")]
    pub fn alloc<T>(&self, value: T) -> Result<&mut T, OutOfMemory> {
        let place = self.alloc_layout(Layout::new::<T>())?.cast::<T>();
        // SAFETY: a new block of the value's layout.
        unsafe {
            place.write(value);
            Ok(&mut *place.as_ptr())
        }
    }

    /// Copies a slice into the scope.
    #[expect(clippy::mut_from_ref, reason = "each call makes another block")]
    pub fn alloc_slice<T: Copy>(&self, values: &[T]) -> Result<&mut [T], OutOfMemory> {
        let place = self.alloc_layout(Layout::for_value(values))?.cast::<T>();
        // SAFETY: a new block of the slice's layout, which nothing overlaps.
        unsafe {
            place.copy_from_nonoverlapping(NonNull::from(values).cast(), values.len());
            Ok(NonNull::slice_from_raw_parts(place, values.len()).as_mut())
        }
    }

    /// Copies a text into the scope.
    #[expect(clippy::mut_from_ref, reason = "each call makes another block")]
    pub fn alloc_str(&self, text: &str) -> Result<&mut str, OutOfMemory> {
        let copy = self.alloc_slice(text.as_bytes())?;
        // SAFETY: the bytes are those of a text.
        Ok(unsafe { core::str::from_utf8_unchecked_mut(copy) })
    }

    /// A place in the scope of the layout's size and at a multiple of its alignment, uninitialised, that cannot be freed
    /// before the scope ends. One without size may be where another one begins. [`OutOfMemory`] when the system refuses
    /// memory, or the arena that the scope is bound to is full; what was placed before stays as it is.
    #[inline]
    pub fn alloc_layout(&self, layout: Layout) -> Result<NonNull<u8>, OutOfMemory> {
        // SAFETY: the scope's heap is one and the same, and lives as long as the scope; of layouts the rest is true.
        let place = unsafe { self.places.alloc(self.engine, layout.size(), layout.align()) };
        NonNull::new(place).ok_or(OutOfMemory)
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        // SAFETY: nothing borrows the scope any more, and what uses a block of it borrows it; a block that was leaked by
        // its address alone is used no more by the contract of whoever did that.
        unsafe { heaps::destroy(self.engine) };
    }
}

// As for heaps.
impl UnwindSafe for Scope {}
impl RefUnwindSafe for Scope {}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("tag", &self.engine.tag()).finish_non_exhaustive()
    }
}
