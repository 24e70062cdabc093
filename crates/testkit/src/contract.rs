//! What an allocator is held to.

use core::fmt;

/// Which promises of the contract are checked. Non-overlap, contents, requested alignment, zeroing of the requested
/// bytes and refusal of impossible requests always are.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Blocks whose size is a power of two lie at a multiple of it, up to this many bytes.
    pub natural_align: usize,
    /// A block exceeds its request by at most `max(15, size / 6)` bytes, unless it was aligned beyond 16 or kept by a
    /// resize that halves it at most.
    pub slack: bool,
    /// `good_size(n)` is the usable size of a plain block of `n` bytes.
    pub good_size: bool,
    /// Zeroing reaches the end of the usable block.
    pub zero_slack: bool,
    /// Blocks can be aligned at an offset.
    pub offsets: bool,
    /// Largest alignment, in bytes, that can be had at an offset; beyond it null is right as well.
    pub offset_align: usize,
    /// `expand` succeeds up to the usable size.
    pub expand: bool,
    /// Any request may be refused, as when the system runs out of memory.
    pub may_refuse: bool,
}

impl Rules {
    /// Everything that rimalloc promises.
    pub const STRICT: Self = Self {
        natural_align: 4096,
        slack: true,
        good_size: true,
        zero_slack: true,
        offsets: true,
        offset_align: 64 << 10,
        expand: true,
        may_refuse: false,
    };

    /// What the C library's allocator promises.
    pub const LIBC: Self = Self {
        natural_align: 1,
        slack: false,
        good_size: false,
        zero_slack: false,
        offsets: false,
        offset_align: 0,
        expand: true,
        may_refuse: false,
    };
}

/// How much a model keeps alive. It frees blocks to stay below.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most live blocks.
    pub blocks: usize,
    /// Most live bytes, unless a single block is larger.
    pub bytes: usize,
}

impl Limits {
    /// For a model that has the machine to itself.
    pub const ALONE: Self = Self { blocks: 4096, bytes: 512 << 20 };

    /// For one of several models.
    pub const SHARED: Self = Self { blocks: 512, bytes: 16 << 20 };
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Two live blocks share memory.
    Overlap,
    /// An address is less aligned than promised.
    Misaligned,
    /// A live block changed, or a resize lost what it has to keep.
    Contents,
    /// Memory that has to be zero is not.
    NotZeroed,
    /// The usable size is below the request.
    TooSmall,
    /// The usable size is too far above the request.
    TooLarge,
    /// The usable size of a live block changed.
    UsableChanged,
    /// `good_size` disagrees with the block.
    GoodSize,
    /// `expand` failed within the usable size, succeeded beyond it or moved the block.
    Expand,
    /// A possible request was refused.
    Refused,
    /// An impossible request was granted.
    Granted,
}

/// A broken promise.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Which promise.
    pub kind: Kind,
    /// The figures.
    pub detail: String,
}

impl Violation {
    pub(crate) fn new<T>(kind: Kind, detail: String) -> Result<T, Self> {
        Err(Self { kind, detail })
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.detail)
    }
}
