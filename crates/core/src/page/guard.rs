//! The OS page behind the blocks of a page, which nobody can touch: what overflows the last block, or runs along all
//! of them, ends there.
//!
//! Each guard is a mapping of its own to the system, of which a process has a limited number. Where that is reached,
//! and in memory that must not be protected, pages have none.
#![allow(unsafe_code)]

use core::ptr::NonNull;

use crate::arena::Span;
use crate::config::{GUARDED_PAGES, SLICE_SIZE};
use crate::os;
use crate::ptr;
use crate::report;
use crate::sync::plain::{AtomicBool, Ordering};

/// Bytes at the end of a page that blocks leave free. None, where the system's pages are too large for that.
#[inline]
pub fn size() -> usize {
    if GUARDED_PAGES && os::page_size() <= SLICE_SIZE / 8 { os::page_size() } else { 0 }
}

/// The guard of a page of a span.
fn of(span: &Span) -> Option<NonNull<u8>> {
    let may_have = span.arena.is_none_or(|arena| {
        let traits = arena.traits();
        !traits.pinned && !traits.external
    });
    // SAFETY: the last OS page of the span.
    (size() != 0 && may_have)
        .then(|| unsafe { ptr::offset(span.start, span.slices * SLICE_SIZE - size()) })
}

/// Makes the guard of a page that is made of a span.
pub(super) fn raise(span: &Span) {
    static WARNED: AtomicBool = AtomicBool::new(false);
    let Some(guard) = of(span) else { return };
    // SAFETY: the span is the caller's, and no block reaches into the guard.
    let raised = unsafe { os::protect(guard, size(), false) };
    if raised.is_err() && !WARNED.swap(true, Ordering::Relaxed) {
        report::warning(format_args!(
            "unable to protect the end of a page: more mappings need a higher vm.max_map_count"
        ));
    }
}

/// Makes the memory of the guard usable again. False, and the guard stays, when that is refused.
pub(crate) fn lower(span: &Span) -> bool {
    // SAFETY: the span is the caller's.
    of(span).is_none_or(|guard| unsafe { os::protect(guard, size(), true) }.is_ok())
}
