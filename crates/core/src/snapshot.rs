//! Lists of things as they were at one moment, kept in memory of their own: what walks them may free them, and
//! allocate, without a lock being held.
#![allow(unsafe_code)]

use core::ptr::NonNull;
use core::slice;

use crate::os;
use crate::units::align_up;

/// Things as they were when the snapshot was taken.
pub struct Snapshot<T: Copy> {
    memory: Option<(NonNull<T>, usize)>,
    len: usize,
}

impl<T: Copy> Snapshot<T> {
    /// Takes down everything that `each` hands to its argument. It is called twice, to count and to collect; what is
    /// more at the second time is left out. `None` when memory ran out.
    pub fn take(each: impl Fn(&mut dyn FnMut(T))) -> Option<Self> {
        let mut count = 0;
        each(&mut |_| count += 1);
        if count == 0 {
            return Some(Self { memory: None, len: 0 });
        }
        let size = align_up(count * size_of::<T>(), os::page_size())?;
        let start = os::reserve(size, os::page_size(), true).ok()?.cast::<T>();
        let mut len = 0;
        each(&mut |thing| {
            if len < count {
                // SAFETY: the memory was just reserved for `count` things.
                unsafe { start.add(len).write(thing) };
                len += 1;
            }
        });
        Some(Self { memory: Some((start, size)), len })
    }

    /// The things.
    pub fn things(&self) -> &[T] {
        match self.memory {
            // SAFETY: the first `len` things were written.
            Some((start, _)) => unsafe { slice::from_raw_parts(start.as_ptr(), self.len) },
            None => &[],
        }
    }
}

impl<T: Copy> Drop for Snapshot<T> {
    fn drop(&mut self) {
        if let Some((start, size)) = self.memory {
            // SAFETY: reserved by `take`, and nothing refers to it any more.
            let _ = unsafe { os::release(start.cast(), size) };
        }
    }
}
