//! Looking at what a heap holds.

use core::ops::ControlFlow;
use core::ptr::NonNull;

use rimalloc_core::visit as engine;

use super::{Heap, Scope};
use crate::OutOfMemory;

/// A run of blocks of one size, in use by a heap. Sizes are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Area {
    /// The first block.
    pub start: *const u8,
    /// What all blocks that fit cover.
    pub reserved: usize,
    /// What the blocks that have ever been handed out cover.
    pub committed: usize,
    /// Live blocks.
    pub used: usize,
    /// A block: what may be used of each.
    pub block_size: usize,
    /// The tag of the heap.
    pub tag: i32,
}

impl From<&engine::Area> for Area {
    fn from(area: &engine::Area) -> Self {
        let engine::Area { start, reserved, committed, used, block_size, tag, .. } = *area;
        Self { start, reserved, committed, used, block_size, tag }
    }
}

/// What a heap holds at one moment. Sizes are in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Areas with live blocks.
    pub areas: usize,
    /// Live blocks.
    pub blocks: usize,
    /// What may be used of the live blocks: what was asked for, and at most `max(15, size / 6)` more of each.
    pub bytes: usize,
    /// What blocks of these areas that have ever been handed out cover: memory that is touched.
    pub committed: usize,
}

/// The same for heaps and scopes.
macro_rules! visits {
    ($type:ty) => {
        /// Visits see the blocks of all threads. They are exact while no other thread allocates from the heap or frees a
        /// block of it; else they can miss a block, or show one that was just freed, whose bytes mean nothing then.
        impl $type {
            /// Calls `f` with each area of the heap that has live blocks, until it breaks.
            ///
            /// `f` may allocate, and free what it knows. [`OutOfMemory`] when there is no memory for the list of areas.
            pub fn visit_areas<B>(
                &self,
                mut f: impl FnMut(&Area) -> ControlFlow<B>,
            ) -> Result<ControlFlow<B>, OutOfMemory> {
                visit(|visitor| engine::heap(self.engine, false, visitor), |area, _| f(area))
            }

            /// Calls `f` with each live block of the heap and its area, until it breaks.
            ///
            /// `f` may allocate, and free the block that it is shown. [`OutOfMemory`] when there is no memory for the
            /// list of areas.
            ///
            /// ```
            /// use core::alloc::{GlobalAlloc, Layout};
            /// use core::ops::ControlFlow;
            ///
            /// let heap = rimalloc::Heap::new()?;
            /// let layout = Layout::new::<[u8; 100]>();
            /// let block = unsafe { heap.alloc(layout) };
            /// let mut sizes = Vec::new();
            /// let end: ControlFlow<()> = heap.visit_blocks(|_area, block| {
            ///     sizes.push(block.len());
            ///     ControlFlow::Continue(())
            /// })?;
            /// assert!(end.is_continue());
            /// assert_eq!(sizes, [rimalloc::good_size(100)]);
            /// # unsafe { heap.dealloc(block, layout) };
            /// # Ok::<(), rimalloc::OutOfMemory>(())
            /// ```
            pub fn visit_blocks<B>(
                &self,
                mut f: impl FnMut(&Area, NonNull<[u8]>) -> ControlFlow<B>,
            ) -> Result<ControlFlow<B>, OutOfMemory> {
                visit(
                    |visitor| engine::heap(self.engine, true, visitor),
                    |area, block| match block {
                        Some(start) => {
                            f(area, NonNull::slice_from_raw_parts(start, area.block_size))
                        }
                        None => ControlFlow::Continue(()),
                    },
                )
            }

            /// What the heap holds now. Takes time for every area; nothing for every block. [`OutOfMemory`] when there
            /// is no memory for the list of areas.
            pub fn usage(&self) -> Result<Usage, OutOfMemory> {
                let mut usage = Usage::default();
                let end = self.visit_areas(|area| {
                    usage.areas += 1;
                    usage.blocks += area.used;
                    usage.bytes += area.used * area.block_size;
                    usage.committed += area.committed;
                    ControlFlow::<()>::Continue(())
                });
                end.map(|_| usage)
            }
        }
    };
}

visits!(Heap);
visits!(Scope);

/// A visit by the engine, whose visitors say whether they want more.
fn visit<B>(
    start: impl FnOnce(&mut engine::Visitor<'_>) -> bool,
    mut f: impl FnMut(&Area, Option<NonNull<u8>>) -> ControlFlow<B>,
) -> Result<ControlFlow<B>, OutOfMemory> {
    let mut end = ControlFlow::Continue(());
    let complete = start(&mut |_heap, area, block| {
        end = f(&area.into(), block);
        end.is_continue()
    });
    if !complete && end.is_continue() { Err(OutOfMemory) } else { Ok(end) }
}
