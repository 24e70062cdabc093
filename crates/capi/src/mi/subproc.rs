//! Sub-processes: worlds of memory that share nothing. A `mi_subproc_id_t` of null stands for the main one.
#![allow(unsafe_code)]

use core::ffi::c_void;
use core::ptr::null;
use rimalloc_core::heap::{MAIN_SUBPROC, SubProcess};
use rimalloc_core::{subprocs, thread};

/// `mi_subproc_id_t`: a sub-process, or null.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct SubprocPtr(*const c_void);

impl SubprocPtr {
    /// The sub-process, or the main one.
    ///
    /// # Safety
    /// The pointer is null or a live sub-process.
    pub unsafe fn get_or_main(self) -> &'static SubProcess {
        // SAFETY: the caller's promise.
        unsafe { self.0.cast::<SubProcess>().as_ref() }.unwrap_or(&MAIN_SUBPROC)
    }
}

impl From<Option<&'static SubProcess>> for SubprocPtr {
    fn from(subproc: Option<&'static SubProcess>) -> Self {
        Self(subproc.map_or(null(), core::ptr::from_ref).cast())
    }
}

/// The main sub-process. Never null.
#[unsafe(no_mangle)]
pub extern "C" fn mi_subproc_main() -> SubprocPtr {
    Some(&MAIN_SUBPROC).into()
}

/// The sub-process of the calling thread. Never null.
#[unsafe(no_mangle)]
pub extern "C" fn mi_subproc_current() -> SubprocPtr {
    Some(thread::subproc()).into()
}

/// Makes a sub-process without threads; null when memory ran out.
#[unsafe(no_mangle)]
pub extern "C" fn mi_subproc_new() -> SubprocPtr {
    subprocs::create().into()
}

/// Makes the calling thread one of a sub-process, before it has allocated anything that it needs there.
///
/// # Safety
/// `subproc` is null or a live sub-process.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_subproc_add_current_thread(subproc: SubprocPtr) {
    // SAFETY: null or live by the caller's promise.
    thread::join(unsafe { subproc.get_or_main() });
}

/// Ends a sub-process with all its heaps and blocks. The main one, and one that has threads, are left alone.
///
/// # Safety
/// `subproc` is null or a live sub-process; nobody uses it, a heap or a block of it any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_subproc_delete(subproc: SubprocPtr) {
    // SAFETY: as the caller promises.
    unsafe { subprocs::end(subproc.get_or_main()) }
}

/// [`mi_subproc_delete`].
///
/// # Safety
/// As for [`mi_subproc_delete`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mi_subproc_destroy(subproc: SubprocPtr) {
    // SAFETY: as the caller promises.
    unsafe { subprocs::end(subproc.get_or_main()) }
}
