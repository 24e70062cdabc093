//! What stands behind the bytes of a block that the program asked for, in builds that are [`PADDED`].
//!
//! ```text
//! | what the program may use | canary | ...                 | slack |
//! 0                          size     size + 4          block size - 4
//! ```
//!
//! `slack` is how many bytes more the program could have asked for. The canary follows the program's bytes without a
//! gap, so that an overflow by one byte is found, and proves that it is of this block with this slack: the page's
//! secret words and the address go into it. In place of the slack a free block has a mark that is made likewise. Both
//! are looked at when the block is freed, resized or asked for its size.
//!
//! The first byte of a canary is never 0 and the second always is: a string that ends one byte too late is found, and
//! one that does not end is not read beyond its block. In builds that fill blocks, the canary stands before the slack,
//! and what is between it and the program's bytes is filled. Builds for memory checkers keep a word more, behind the
//! slack: see [`track`](crate::page::track).
#![allow(unsafe_code)]

use core::ptr::NonNull;

use crate::config::{CLEARED_LINKS, FILLED, MARKED_FREE, PADDED, PADDING, TRACKED, WORD_SIZE};
use crate::page::free_blocks::FreeBlocks;
use crate::page::{Page, PageRef};
use crate::ptr::Block;
use crate::report;
use crate::size_class::HUGE_BIN;
use crate::tools;

/// What fills a block before the program writes to it, after the program has freed it, and behind its bytes.
const FILL_FRESH: u8 = 0xd0;
const FILL_FREE: u8 = 0xdf;
const FILL_SLACK: u8 = 0xde;

/// Most bytes that are filled behind those of the program.
const FILLED_MAX: usize = 16;

/// Bytes of the canary, and of the slack.
const HALF: usize = 4;

/// The bit that the mark of a free block has and no slack: only large blocks have more, and no page when free.
const FREE: u32 = 1 << 31;

const _: () = assert!(!PADDED || PADDING == 2 * HALF + if TRACKED { WORD_SIZE } else { 0 });

/// What the padding of a block says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Padding {
    /// The block is live, and the program may use this many bytes of it.
    Live(usize),
    Free,
    /// Something else: it was written over, or this is no block. If only the canary was, the block holds this.
    Broken(Option<usize>),
}

impl Page {
    /// Bytes of a block that a program may use at most.
    #[inline]
    pub fn room(&self) -> usize {
        self.block_size() - PADDING
    }

    /// The secret of a block: what its canary and its mark are made of.
    #[inline(always)]
    fn secret(&self, block: *mut u8) -> Secret {
        let (word, factor) = self.secrets.canary();
        Secret { seed: block.addr() ^ word, factor }
    }

    /// Makes a block that was just taken ready for the program, which asked for `size` bytes; `zeroed` if all that it
    /// may use was cleared.
    ///
    /// # Safety
    /// The block is one of this page and the caller's, and has room for `size` bytes.
    #[inline(always)]
    pub unsafe fn hand_out(&self, block: NonNull<u8>, size: usize, zeroed: bool) -> *mut u8 {
        // SAFETY: the caller's promise: the bytes written to are the block's.
        unsafe {
            if FILLED && !zeroed && self.bin() != HUGE_BIN {
                block.write_bytes(FILL_FRESH, self.room());
            } else if CLEARED_LINKS && !zeroed {
                // What a link looks like is not for the program to know.
                tools::quietly(|| block.cast::<usize>().write(0));
            }
            if PADDED {
                self.set_lead(block.as_ptr(), 0);
                self.set_size(block.as_ptr(), size);
            }
        }
        self.tell_taken(block.as_ptr(), size, zeroed);
        block.as_ptr()
    }

    /// Writes the padding of a block of which the program may use `size` bytes.
    ///
    /// # Safety
    /// As for [`hand_out`](Self::hand_out).
    #[inline(always)]
    unsafe fn set_size(&self, block: *mut u8, size: usize) {
        let room = self.room();
        let slack = room - size;
        // SAFETY: all of it lies in the block behind the program's bytes, by the caller's promise.
        unsafe {
            if FILLED {
                block.add(size).write_bytes(FILL_SLACK, slack.min(FILLED_MAX));
            }
            let canary = self.secret(block).canary(slack);
            tools::quietly(|| {
                canary_of(block, room, size).write_unaligned(canary.to_le());
                slack_of(block, room).write_unaligned(low_half(slack).to_le());
            });
        }
    }

    /// Makes `size` the bytes that the program may use from `p` on, an address inside a live block, which the program
    /// knows by `p` then; more, if the block has so much room behind them that the slack could not be told. If `zeroed`,
    /// all of them read as zeros.
    ///
    /// # Safety
    /// The block is the caller's and has room for as much.
    pub unsafe fn fit(&self, p: *mut u8, size: usize, zeroed: bool) {
        if PADDED {
            let block = self.block_of(p).cast::<u8>();
            let lead = p.addr() - block.addr();
            let least = self.room().saturating_sub(u32::MAX as usize);
            self.tell_fit(p, block, size, zeroed);
            // SAFETY: the caller's promise; the least there is to tell is in the room too.
            unsafe {
                self.set_lead(block, lead);
                self.set_size(block, least.max(lead + size));
            }
        }
    }

    /// The block that the program knows by `p`.
    #[inline]
    fn block_of(&self, p: *mut u8) -> *mut Block {
        if self.has_interior() { self.block_at(p.addr()) } else { p.cast() }
    }

    /// What the padding of the block at `block` says, which is any address in the page that may hold one.
    ///
    /// # Safety
    /// A block that starts there ends in the page.
    #[inline(always)]
    pub(super) unsafe fn padding(&self, block: *mut u8) -> Padding {
        let room = self.room();
        // The bytes may be another block's, which its owner writes to: then they are no padding, whatever is read.
        // SAFETY: the caller's promise.
        let end = unsafe { read(slack_of(block, room)) };
        let (slack, secret) = (end as usize, self.secret(block));
        if slack > room {
            let is_free = MARKED_FREE && end == secret.free_mark();
            return if is_free { Padding::Free } else { Padding::Broken(None) };
        }
        let size = room - slack;
        // SAFETY: the canary lies in the block, as the slack is not more than there is room.
        let canary = unsafe { read(canary_of(block, room, size)) };
        if canary == secret.canary(slack) && self.is_filled_from(block, size) {
            Padding::Live(size)
        } else {
            Padding::Broken(Some(size))
        }
    }

    /// Whether the bytes behind the first `size` of a block are filled as they have to be.
    #[inline(always)]
    fn is_filled_from(&self, block: *mut u8, size: usize) -> bool {
        let count = if FILLED { (self.room() - size).min(FILLED_MAX) } else { 0 };
        // SAFETY: the bytes lie in the block.
        (size..size + count).all(|at| unsafe { block.add(at).read() } == FILL_SLACK)
    }

    /// How many bytes behind the first `size` of a block are what they have to be, though others are not.
    fn whole_bytes(&self, block: *mut u8, size: usize) -> usize {
        let (room, mut whole) = (self.room(), 0);
        // SAFETY: all bytes up to the end of the canary lie in the block.
        let byte = |at: usize| tools::known(tools::quietly(|| unsafe { block.add(at).read() }));
        let filled = if FILLED { (room - size).min(FILLED_MAX) } else { 0 };
        while whole < filled && byte(size + whole) == FILL_SLACK {
            whole += 1;
        }
        if whole < filled {
            return whole;
        }
        let start = if FILLED { room } else { size };
        let canary = self.secret(block).canary(room - size).to_le_bytes();
        let same = (0..HALF).take_while(|&at| byte(start + at) == canary[at]).count();
        start - size + same
    }

    /// Whether `p` is a live block whose padding is as it was written, and of the size that is claimed, if one is.
    /// Always, where there is no padding.
    #[inline(always)]
    pub fn is_whole(&self, p: *mut Block, claimed: Option<usize>) -> bool {
        if !PADDED {
            return true;
        }
        if !self.may_hold(p) {
            return false;
        }
        // SAFETY: a block at `p` ends in the page.
        match unsafe { self.padding(p.cast()) } {
            Padding::Live(size) => claimed.is_none_or(|claimed| claimed == size),
            Padding::Free | Padding::Broken(_) => false,
        }
    }

    /// Looks at a block that the program frees, and whether it may be put on a list: anything but a live block is
    /// reported and stays where it is. An overflow is reported too.
    pub fn may_be_freed(&self, p: *mut Block) -> bool {
        self.is_whole(p, None) || self.complain("mi_free", p.cast())
    }

    /// Makes the padding of a block that is freed say so.
    ///
    /// # Safety
    /// The block was live and is the caller's.
    #[inline(always)]
    pub unsafe fn mark_free(&self, block: *mut Block) {
        self.tell_free(block);
        let block = block.cast::<u8>();
        if FILLED && self.bin() != HUGE_BIN {
            // SAFETY: the room is the block's.
            unsafe { block.write_bytes(FILL_FREE, self.room()) };
        }
        if MARKED_FREE {
            let (end, mark) = (slack_of(block, self.room()), self.secret(block).free_mark());
            // SAFETY: the padding is the block's.
            tools::quietly(|| unsafe { end.write_unaligned(mark.to_le()) });
        }
    }

    /// Looks at the padding of a live block that is resized, and reports what is wrong with it.
    pub fn check_overflow(&self, p: *mut u8) {
        let block = self.block_of(p);
        if !self.is_whole(block, None) {
            self.complain("mi_realloc", block.cast());
        }
    }

    /// Whether the program may know a live block by `p`. What is certain only in builds that are padded.
    pub fn is_live(&self, p: *mut u8) -> bool {
        let block = self.block_of(p).cast();
        // SAFETY: the block ends in the page.
        self.is_block(block) && unsafe { self.padding(block) } != Padding::Free
    }

    fn is_block(&self, p: *mut u8) -> bool {
        self.may_hold(p.cast())
            && (p.addr() - self.start().addr()).is_multiple_of(self.block_size())
    }

    /// Bytes usable at `p`, an address inside a live block, by what its padding says: if that was written over, to the end
    /// of the block.
    pub(super) fn size_from(&self, p: *mut u8) -> usize {
        let block = self.block_of(p).cast::<u8>();
        // SAFETY: the block ends in the page.
        let size = match unsafe { self.padding(block) } {
            Padding::Live(size) => size,
            Padding::Free | Padding::Broken(_) => self.room(),
        };
        size.saturating_sub(p.addr() - block.addr())
    }

    /// What the program asked for when it got the live block that it knows by `p`. `None` when its padding does not say.
    pub fn exact_size(&self, p: *mut u8) -> Option<usize> {
        let block = self.block_of(p).cast::<u8>();
        // SAFETY: the block ends in the page.
        match self.may_hold(block.cast()).then(|| unsafe { self.padding(block) })? {
            Padding::Live(size) => size.checked_sub(p.addr() - block.addr()),
            Padding::Free | Padding::Broken(_) => None,
        }
    }

    /// Reports what is wrong with a block that is freed or resized, and whether it is a live one all the same.
    #[cold]
    #[inline(never)]
    fn complain(&self, function: &str, p: *mut u8) -> bool {
        if !self.is_block(p) {
            report::unaligned_pointer(function, p.addr());
            return false;
        }
        let index = (p.addr() - self.start().addr()) / self.block_size();
        // SAFETY: the block ends in the page.
        let padding = unsafe { self.padding(p) };
        let page = PageRef::of_addr(p.addr());
        let is_listed = page.is_some_and(|page| FreeBlocks::of(page).has(index));
        if padding == Padding::Free || is_listed {
            report::double_free(p.addr(), self.block_size());
            return false;
        }
        if index >= self.capacity.get() as usize {
            report::invalid_pointer(function, p.addr());
            return false;
        }
        let (size, whole) = match padding {
            Padding::Broken(Some(size)) => (size, self.whole_bytes(p, size)),
            _ => (self.room(), 0),
        };
        report::buffer_overflow(p.addr(), size, size + whole);
        true
    }
}

/// What canary and mark of one block are made of.
#[derive(Clone, Copy)]
struct Secret {
    seed: usize,
    factor: usize,
}

impl Secret {
    #[inline(always)]
    fn mix(self, slack: usize) -> u32 {
        let mixed = self.seed.wrapping_add(slack).wrapping_mul(self.factor);
        // The high half: all bits of what is mixed go into it.
        low_half(mixed >> (usize::BITS / 2))
    }

    #[inline(always)]
    fn canary(self, slack: usize) -> u32 {
        self.mix(slack) & !0xff00 | 1
    }

    #[inline(always)]
    fn free_mark(self) -> u32 {
        self.mix(0) | FREE
    }
}

/// Where the slack of a block with so much room is.
#[inline(always)]
fn slack_of(block: *mut u8, room: usize) -> *mut u32 {
    block.wrapping_add(room + HALF).cast()
}

/// Where the canary is, behind `size` bytes.
#[inline(always)]
fn canary_of(block: *mut u8, room: usize, size: usize) -> *mut u32 {
    block.wrapping_add(if FILLED { room } else { size }).cast()
}

/// Reads a number of a padding, or of what may be one.
///
/// # Safety
/// The place can be read.
#[inline(always)]
unsafe fn read(place: *const u32) -> u32 {
    // SAFETY: the caller's promise.
    u32::from_le(tools::known(tools::quietly(|| unsafe { place.read_unaligned() })))
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "what is left is what is meant")]
fn low_half(word: usize) -> u32 {
    word as u32
}
