//! The C++ runtime of the process, which may be absent.
//!
//! A table of weak references: the linker or the loader fills it when the program has a C++
//! runtime from the start. A plugin brings one later, often into a scope of its own (`dlopen` with
//! `RTLD_LOCAL`), where weak references do not reach; [`find`] then asks the loader for it.
//!
//! Invariant: once `__cxa_throw` is not null all entries before it are valid, for good: the
//! runtime that [`find`] took them from is never closed.
#![allow(unsafe_code)]

use crate::errno;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::sync::atomic::{AtomicPtr, Ordering};

/// Expands to the symbols of the table: those of the C++ runtime in the order that the assembly
/// code relies on, then what finds them.
macro_rules! symbols {
    ($($name:literal)*; $($finder:literal)*) => {
        const NAMES: [&CStr; COUNT] = [$(c_name(concat!($name, "\0"))),*];

        // Weak data references: null without a definition, in shared objects as in executables.
        core::arch::global_asm!(
            ".pushsection .data.rimalloc_cxx_runtime,\"aw\",%progbits",
            ".p2align 3",
            ".globl rimalloc_cxx_runtime",
            ".hidden rimalloc_cxx_runtime",
            ".type rimalloc_cxx_runtime,%object",
            "rimalloc_cxx_runtime:",
            $(concat!(".weak ", $name), concat!(".quad ", $name),)*
            $(concat!(".weak ", $finder), concat!(".quad ", $finder),)*
            ".size rimalloc_cxx_runtime, . - rimalloc_cxx_runtime",
            // Unwind tables name the place of the personality by a symbol of its own.
            ".globl rimalloc_cxx_personality",
            ".hidden rimalloc_cxx_personality",
            ".set rimalloc_cxx_personality, rimalloc_cxx_runtime + {personality}",
            ".popsection",
            personality = const PERSONALITY,
        );
    };
}

symbols! {
    "_ZSt15get_new_handlerv"
    "__cxa_allocate_exception"
    "_ZTVSt9bad_alloc"
    "_ZTISt9bad_alloc"
    "_ZNSt9bad_allocD1Ev"
    "__gxx_personality_v0"
    "__cxa_begin_catch"
    "__cxa_end_catch"
    "__cxa_throw";
    "dlopen"
    "dlsym"
}

const COUNT: usize = 9;

/// Offsets into the table, for the assembly code.
pub(super) const GET_NEW_HANDLER: usize = 0;
pub(super) const ALLOCATE_EXCEPTION: usize = 8;
pub(super) const BAD_ALLOC_VTABLE: usize = 16;
pub(super) const BAD_ALLOC_TYPE: usize = 24;
pub(super) const BAD_ALLOC_DESTRUCTOR: usize = 32;
const PERSONALITY: usize = 40;
pub(super) const BEGIN_CATCH: usize = 48;
pub(super) const END_CATCH: usize = 56;
pub(super) const THROW: usize = 64;

/// The layout of the table above. The functions of the loader are null in a static program.
#[repr(C)]
struct Runtime {
    symbols: [AtomicPtr<c_void>; COUNT],
    dlopen: Option<unsafe extern "C" fn(*const c_char, c_int) -> *mut c_void>,
    dlsym: Option<unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void>,
}

const _: () = assert!(THROW == (COUNT - 1) * size_of::<*mut c_void>());

unsafe extern "C" {
    #[link_name = "rimalloc_cxx_runtime"]
    static RUNTIME: Runtime;
}

/// Looks for a C++ runtime that was loaded after us, unless one is known.
///
/// Part of a failed `new`, where the request was too large or memory is short; the loader may
/// need a few bytes, and finds nothing without them. errno keeps telling why `new` failed.
pub(super) extern "C" fn find() {
    let why = errno::get();
    find_loaded();
    errno::set(why);
}

fn find_loaded() {
    // SAFETY: the table defined above has this layout; its only mutable part is atomic.
    let runtime = unsafe { &RUNTIME };
    let known = !runtime.symbols[COUNT - 1].load(Ordering::Acquire).is_null();
    let (false, Some(open), Some(symbol)) = (known, runtime.dlopen, runtime.dlsym) else {
        return;
    };
    for library in [c"libstdc++.so.6", c"libc++.so.1"] {
        // SAFETY: dlopen(3): with RTLD_NOLOAD nothing is loaded, and no constructor runs.
        let handle = unsafe { open(library.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
        if handle.is_null() {
            continue;
        }
        // SAFETY: dlsym(3): a handle that is open and a NUL-terminated name.
        let found = NAMES.map(|name| unsafe { symbol(handle, name.as_ptr()) });
        if found.iter().any(|address| address.is_null()) {
            continue;
        }
        for (slot, address) in runtime.symbols.iter().zip(found) {
            slot.store(address, Ordering::Release);
        }
        return;
    }
}

/// What the process has under `name`: null if nothing, or if it has no loader. dlsym(3)
#[cfg(feature = "override")]
pub(crate) fn symbol(name: &CStr) -> *mut c_void {
    // SAFETY: the table defined above has this layout; this part of it never changes.
    let dlsym = unsafe { (&raw const RUNTIME.dlsym).read() };
    // SAFETY: the handle for the search in load order, and a NUL-terminated name.
    dlsym.map_or(core::ptr::null_mut(), |dlsym| unsafe { dlsym(libc::RTLD_DEFAULT, name.as_ptr()) })
}

const fn c_name(text: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(name) => name,
        Err(_) => panic!("a name with a NUL inside"),
    }
}
