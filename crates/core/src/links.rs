//! How a free block leads to the next one on its list, and what that looks like in its memory.
//!
//! Free lists run through the free blocks, where a program that writes after a free, or beyond the end of the block
//! before, reaches them. Builds with [`ENCODED`] links write them so that nobody can make a link who does not know
//! the words of the page, and that a link which was written over does not lead anywhere:
//!
//! ```text
//! written = (address ^ mask) * factor        modulo a word; the factor is odd and has an inverse
//! address = (written * inverse) ^ mask
//! ```
//!
//! A change of any bit of what is written changes all higher bits of what is read with the same chance, so that the
//! address lies in the page with a chance of its size to the size of the address space. Other builds write the
//! address itself.
#![allow(unsafe_code)]

use crate::config::ENCODED_LINKS as ENCODED;
use crate::ptr::Block;
use crate::sync::LinkCell;
use crate::tools;

/// Words that a page keeps for its links.
pub const LINK_WORDS: usize = if ENCODED { 3 } else { 0 };

/// How the links of one page are written.
#[derive(Clone, Copy)]
pub struct Links {
    /// Mask, factor, inverse of the factor.
    words: [usize; LINK_WORDS],
}

impl Links {
    /// The links that these words of a page stand for.
    #[inline(always)]
    pub fn from_words(words: [usize; LINK_WORDS]) -> Self {
        Self { words }
    }

    /// The words of links that are written with two random ones.
    pub fn words(mask: usize, factor: usize) -> [usize; LINK_WORDS] {
        let factor = factor | 1;
        let parts = [mask, factor, inverse(factor)];
        core::array::from_fn(|index| parts[index])
    }

    /// Links that are written as they are, for lists whose links no program can reach.
    pub fn plain() -> Self {
        Self { words: Self::words(0, 1) }
    }

    #[inline(always)]
    fn word(self, index: usize) -> usize {
        self.words.get(index).copied().unwrap_or(0)
    }

    #[inline(always)]
    fn encode(self, next: *mut Block) -> *mut Block {
        if ENCODED {
            next.map_addr(|addr| (addr ^ self.word(0)).wrapping_mul(self.word(1)))
        } else {
            next
        }
    }

    #[inline(always)]
    fn decode(self, written: *mut Block) -> *mut Block {
        if ENCODED {
            written.map_addr(|addr| addr.wrapping_mul(self.word(2)) ^ self.word(0))
        } else {
            written
        }
    }

    /// The block that follows `block` on its list, or null: any address if the link was written over.
    ///
    /// # Safety
    /// `block` is on a list that the caller owns (P1), with links of this kind.
    #[inline(always)]
    pub unsafe fn next(self, block: *mut Block) -> *mut Block {
        // SAFETY: by P1 the block is live memory of the allocator and nobody else touches its link.
        self.decode(tools::quietly(|| unsafe { (*block).next.get() }))
    }

    /// As [`next`](Self::next), whoever owns the block: something else if it is on no list.
    ///
    /// # Safety
    /// `block` is memory of a page, aligned to a word.
    pub unsafe fn peek(self, block: *mut Block) -> *mut Block {
        // SAFETY: the caller's promise; any bytes are a pointer.
        let written = tools::quietly(|| unsafe { block.cast::<*mut Block>().read_volatile() });
        self.decode(tools::known(written))
    }

    /// Makes `next` follow `block`.
    ///
    /// # Safety
    /// The caller owns `block`: it was just given back, or is on a list that the caller owns (P1).
    #[inline(always)]
    pub unsafe fn set_next(self, block: *mut Block, next: *mut Block) {
        // SAFETY: by P1 the block is memory of the allocator that only the caller can reach now.
        tools::quietly(|| unsafe { (*block).next.set(self.encode(next)) });
    }

    /// Turns fresh memory into a block that links to `next`.
    ///
    /// # Safety
    /// `place` is valid for writes of a word, aligned to a word, and only the caller can reach it.
    #[inline(always)]
    pub unsafe fn place(self, place: *mut u8, next: *mut Block) -> *mut Block {
        let block = place.cast::<Block>();
        // SAFETY: the caller's promise is what `write` needs.
        tools::quietly(|| unsafe { block.write(Block { next: LinkCell::new(self.encode(next)) }) });
        block
    }
}

/// What an odd number has to be multiplied with to give 1, modulo a word.
fn inverse(factor: usize) -> usize {
    // An odd number is its own inverse modulo 8, and each step doubles the low bits that are right.
    let mut inverse = factor;
    for _ in 0..5 {
        inverse = inverse.wrapping_mul(2_usize.wrapping_sub(factor.wrapping_mul(inverse)));
    }
    inverse
}

#[cfg(all(test, not(loom)))]
mod tests {
    extern crate std;
    use super::*;
    use core::ptr::{null_mut, without_provenance_mut};

    /// The links of page number `seed`, whose words look random enough.
    fn drawn(seed: usize) -> Links {
        let mask = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let factor = (mask ^ (mask >> 29)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        Links::from_words(Links::words(mask, factor))
    }

    #[test]
    fn odd_numbers_have_an_inverse() {
        for factor in (1..10_000).step_by(2).chain([usize::MAX, usize::MAX / 3]) {
            assert_eq!(factor.wrapping_mul(inverse(factor)), 1, "{factor}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for links in [drawn(1), drawn(2), Links::plain()] {
            for addr in [16, 0x7fff_1234_5670, usize::MAX] {
                let next = without_provenance_mut(addr);
                assert_eq!(links.decode(links.encode(next)), next);
            }
            assert!(links.decode(links.encode(null_mut())).is_null());
        }
        assert_eq!(Links::plain().encode(without_provenance_mut(48)).addr(), 48);
    }

    /// Counts the links that lead into their page although a bit of them was changed.
    #[test]
    fn a_link_that_was_written_over_leads_far_away() {
        if !ENCODED {
            return;
        }
        let (start, size) = (0x7f00_0001_0000_usize, 64 << 10);
        let mut near = 0;
        for seed in 0..1000 {
            let links = drawn(seed);
            let written = links.encode(without_provenance_mut(start + 4096)).addr();
            for bit in 0..32 {
                let read = links.decode(without_provenance_mut(written ^ (1 << bit)));
                near += usize::from(read.addr().wrapping_sub(start) < size);
            }
        }
        assert_eq!(near, 0);
    }
}
