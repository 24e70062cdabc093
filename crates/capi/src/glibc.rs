//! glibc's tuning and statistics functions (malloc_trim(3), mallopt(3), mallinfo(3),
//! malloc_stats(3), malloc_info(3)). A program that reached glibc's own would be told about a heap
//! that it does not use.
#![allow(unsafe_code)]

use crate::errno;
use core::ffi::c_int;
use libc::{EINVAL, FILE};
use rimalloc_core::report::Sink;
use rimalloc_core::stats::{self, CountValue};
use rimalloc_core::{census, collect};

/// malloc_trim(3): returns free memory to the system. There is no top of the heap that `pad`
/// could leave room at.
#[unsafe(no_mangle)]
pub extern "C" fn malloc_trim(_pad: usize) -> c_int {
    collect::collect(true);
    1
}

/// mallopt(3): 1 for the parameters that are hints about speed or memory, which are ignored; 0
/// for those that promise a behaviour (`M_PERTURB`, `M_CHECK_ACTION`) and for unknown ones.
#[unsafe(no_mangle)]
pub extern "C" fn mallopt(param: c_int, _value: c_int) -> c_int {
    const HINTS: [c_int; 7] = [
        libc::M_MXFAST,
        libc::M_TRIM_THRESHOLD,
        libc::M_TOP_PAD,
        libc::M_MMAP_THRESHOLD,
        libc::M_MMAP_MAX,
        libc::M_ARENA_TEST,
        libc::M_ARENA_MAX,
    ];
    HINTS.contains(&param).into()
}

/// mallinfo(3). Its fields are `int`: larger amounts show as `INT_MAX`.
#[unsafe(no_mangle)]
pub extern "C" fn mallinfo() -> libc::mallinfo {
    let int = |bytes: usize| c_int::try_from(bytes).unwrap_or(c_int::MAX);
    let wide = mallinfo2();
    libc::mallinfo {
        arena: int(wide.arena),
        ordblks: int(wide.ordblks),
        smblks: int(wide.smblks),
        hblks: int(wide.hblks),
        hblkhd: int(wide.hblkhd),
        usmblks: int(wide.usmblks),
        fsmblks: int(wide.fsmblks),
        uordblks: int(wide.uordblks),
        fordblks: int(wide.fordblks),
        keepcost: int(wide.keepcost),
    }
}

/// mallinfo2(3): `arena` is the committed memory, `uordblks` and `fordblks` split it into used and
/// free. Nothing corresponds to the other fields, which are zero.
#[unsafe(no_mangle)]
pub extern "C" fn mallinfo2() -> libc::mallinfo2 {
    let Amounts { committed, used } = amounts();
    libc::mallinfo2 {
        arena: committed,
        ordblks: 0,
        smblks: 0,
        hblks: 0,
        hblkhd: 0,
        usmblks: 0,
        fsmblks: 0,
        uordblks: used,
        fordblks: committed.saturating_sub(used),
        keepcost: 0,
    }
}

/// malloc_stats(3): prints statistics to standard error.
#[unsafe(no_mangle)]
pub extern "C" fn malloc_stats() {
    // A sink takes everything.
    _ = stats::print(&mut Sink::standard(), &census::of_process(), &census::usage());
}

/// malloc_info(3): writes XML to a stream. `options` must be zero.
///
/// # Safety
/// `stream` is an open stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc_info(options: c_int, stream: *mut FILE) -> c_int {
    if options != 0 {
        errno::set(EINVAL);
        return -1;
    }
    const FORMAT: &core::ffi::CStr = c"<malloc version=\"1\">\n\
        <system type=\"current\" size=\"%zu\"/>\n\
        <total type=\"rest\" size=\"%zu\"/>\n\
        </malloc>\n";
    let Amounts { committed, used } = amounts();
    let free = committed.saturating_sub(used);
    // SAFETY: the stream is open by the caller's promise; the format takes two sizes.
    let written = unsafe { libc::fprintf(stream, FORMAT.as_ptr(), committed, free) };
    if written < 0 { -1 } else { 0 }
}

/// What the statistics know of the heap, in bytes.
struct Amounts {
    committed: usize,
    /// In live blocks.
    used: usize,
}

fn amounts() -> Amounts {
    let figures = census::of_process();
    let bytes = |count: CountValue| usize::try_from(count.current).unwrap_or(0);
    Amounts {
        committed: bytes(figures.committed),
        used: bytes(figures.malloc_normal) + bytes(figures.malloc_huge),
    }
}
