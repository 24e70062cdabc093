//! What one request of a server allocates.
#![allow(unsafe_code)]

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;

use crate::rng::Rng;

/// Blocks in a request.
const BLOCKS: usize = 1_000;

/// The layouts of a request's blocks: half of them up to 64 bytes, most others up to 512, a few up to
/// 4 KiB; some aligned to 16 bytes, all others to 8.
pub struct Request {
    layouts: Vec<Layout>,
}

impl Default for Request {
    fn default() -> Self {
        let mut rng = Rng::new(6);
        let mut size = || match rng.below(100) {
            0..50 => 8 + rng.below(57),
            50..95 => 64 + rng.below(449),
            _ => 512 + rng.below(3_585),
        };
        let layout = |number| {
            let align = if number % 10 == 0 { 16 } else { 8 };
            Layout::from_size_align(size(), align).expect("a valid layout")
        };
        Self { layouts: (0..BLOCKS).map(layout).collect() }
    }
}

impl Request {
    /// Takes all blocks from `take` and writes into each.
    pub fn fill(&self, mut take: impl FnMut(Layout) -> Option<NonNull<u8>>) -> u64 {
        let mut sum = 0;
        for &layout in &self.layouts {
            let block = take(layout).expect("there is memory").cast::<usize>();
            // SAFETY: the block is new, has at least eight bytes and is aligned to eight.
            sum += unsafe {
                block.write(layout.size());
                block.as_ptr().read_volatile()
            };
        }
        sum as u64
    }

    /// All of it, with each block freed by itself, the first one first.
    pub fn one_by_one(&self, allocator: &impl GlobalAlloc) -> u64 {
        let mut blocks = [core::ptr::null_mut(); BLOCKS];
        let mut places = blocks.iter_mut();
        // SAFETY: no size is 0.
        let sum = self.fill(|layout| unsafe {
            let block = allocator.alloc(layout);
            *places.next()? = block;
            NonNull::new(block)
        });
        for (block, &layout) in blocks.into_iter().zip(&self.layouts) {
            // SAFETY: a block of this layout, which ends here.
            unsafe { allocator.dealloc(block, layout) };
        }
        sum
    }
}
