//! A block from the C library's `malloc`, which is what a preloaded allocator replaces.
#![allow(unsafe_code)]
// This is no allocator: calling the one that is preloaded is the purpose.
#![allow(clippy::disallowed_methods)]

use core::hint::black_box;
use core::ptr::NonNull;

/// Distance of the writes that make the system back a block with memory.
const OS_PAGE: usize = 4096;

/// A block that its owner has stamped: that the stamp is there when the block is freed shows that the
/// allocator gave the memory to nobody else.
///
/// # Invariants
/// `address` is a live block of at least `size` bytes, at least 1. Its first byte holds the low byte of
/// `mark`, or its first four bytes all of it where it has more than that; its last byte the low byte again.
#[derive(Debug)]
pub struct Block {
    address: NonNull<u8>,
    size: u32,
    mark: u32,
}

// SAFETY: a block belongs to whoever owns the value; any thread may free it.
unsafe impl Send for Block {}
// SAFETY: nothing can be changed through a shared reference.
unsafe impl Sync for Block {}

impl Block {
    /// A block of `size` bytes, at least 1 and less than 4 GiB.
    #[must_use]
    pub fn new(size: usize) -> Self {
        // SAFETY: `malloc` takes any size.
        Self::own(unsafe { libc::malloc(size) }, size)
    }

    /// A block of `size` bytes of zeros, at least 1 and less than 4 GiB. The zeros are checked at both
    /// ends.
    #[must_use]
    pub fn zeroed(size: usize) -> Self {
        // SAFETY: `calloc` takes any size.
        let address = unsafe { libc::calloc(1, size) };
        if !address.is_null() {
            let bytes = address.cast::<u8>();
            // SAFETY: the block has `size` bytes, all of them written by `calloc`.
            let ends = unsafe { (bytes.read(), bytes.add(size - 1).read()) };
            assert_eq!(ends, (0, 0), "calloc did not clear {size} bytes");
        }
        Self::own(address, size)
    }

    fn own(address: *mut libc::c_void, size: usize) -> Self {
        // An address that the compiler cannot follow keeps it from leaving out the block.
        let address = NonNull::new(black_box(address.cast::<u8>())).expect("there is memory");
        let size = u32::try_from(size).expect("blocks are less than 4 GiB");
        assert!(size != 0, "blocks have a size");
        // What makes a mark is not important, only that neighbours and successors have another.
        let [low, high] = halves(address.addr().get());
        let mut block = Self { address, size, mark: (low >> 3) ^ high ^ (size << 16) };
        block.stamp();
        block
    }

    fn stamp(&mut self) {
        let [low, ..] = self.mark.to_le_bytes();
        // SAFETY: the block is ours and has `size` bytes, so four where more are asked.
        unsafe {
            self.address.add(self.size() - 1).write(low);
            if self.size() > size_of::<u32>() {
                self.address.cast::<u32>().write_unaligned(self.mark);
            } else {
                self.address.write(low);
            }
        }
    }

    /// Panics if somebody else wrote where the stamp is, in the block's first `size` bytes.
    fn check(&self, size: usize) {
        let [low, ..] = self.mark.to_le_bytes();
        // SAFETY: the block is ours and has at least `size` bytes, which `stamp` wrote.
        let intact = unsafe {
            let last = self.address.add(self.size() - 1);
            let first = if self.size() > size_of::<u32>() {
                self.address.cast::<u32>().read_unaligned() == self.mark
            } else {
                self.address.read() == low
            };
            first && (size < self.size() || last.read() == low)
        };
        assert!(intact, "somebody wrote into a block of {} bytes", self.size);
    }

    /// Gives the block another size; what was in it moves along, which is checked.
    pub fn resize(&mut self, size: usize) {
        self.check(self.size());
        // SAFETY: by the invariant the block is live, and `self` forgets its old address.
        let moved = unsafe { libc::realloc(self.address.as_ptr().cast(), size) };
        self.address = NonNull::new(black_box(moved.cast::<u8>())).expect("there is memory");
        if size >= self.size() {
            self.check(self.size());
        }
        self.size = u32::try_from(size).expect("blocks are less than 4 GiB");
        self.stamp();
    }

    /// Writes one byte of each OS page, so that the system has to back all of the block.
    pub fn touch(&mut self) {
        let mark = self.mark;
        for at in (OS_PAGE..self.size() - 1).step_by(OS_PAGE) {
            // SAFETY: within the block, and not where the stamp is.
            unsafe { self.address.add(at).write_volatile(mark.to_le_bytes()[1]) };
        }
    }

    /// Counts in the block's first byte, `times` times, through memory; a multiple of 256 leaves the
    /// stamp as it was.
    pub fn hammer(&mut self, times: usize) {
        for _ in 0..times.next_multiple_of(256) {
            // SAFETY: a block has at least one byte.
            unsafe {
                let value = self.address.read_volatile();
                self.address.write_volatile(value.wrapping_add(1));
            }
        }
    }

    /// Bytes asked for.
    #[must_use]
    pub fn size(&self) -> usize {
        usize::try_from(self.size).expect("32 bits fit")
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.check(self.size());
        // SAFETY: by the invariant the block is live; nobody uses it after its owner.
        unsafe { libc::free(self.address.as_ptr().cast()) };
    }
}

/// The low and the high half of a word.
#[allow(clippy::cast_possible_truncation)] // that is what halves are
const fn halves(word: usize) -> [u32; 2] {
    [word as u32, (word >> 32) as u32]
}

#[cfg(test)]
mod tests {
    use super::Block;

    #[test]
    fn blocks_of_all_small_sizes_keep_their_stamps() {
        let mut blocks: Vec<Block> = (1..300).map(Block::new).collect();
        for (at, block) in blocks.iter_mut().enumerate() {
            block.hammer(1);
            block.touch();
            block.resize(1 + (at * 37) % 9000);
        }
        assert_eq!(blocks[0].size(), 1);
        drop(Block::zeroed(5000));
    }

    #[test]
    #[should_panic(expected = "somebody wrote into a block of 24 bytes")]
    fn foreign_writes_are_noticed() {
        let mut block = Block::new(24);
        block.mark ^= 1;
        let broken = core::mem::ManuallyDrop::new(block);
        broken.check(24);
    }
}
