//! Sizes and limits of the engine, with the asserts that tie them together.
//!
//! Owns no state. Every other module may name it.

/// The mimalloc release whose interface the engine serves, as `major * 10000 + minor * 100 + patch`.
pub const INTERFACE_VERSION: i32 = 20401;

/// How far the build is hardened, from 0 to 5: each level adds to those below it.
pub const SECURE: i32 = if cfg!(feature = "secure5") {
    5
} else if cfg!(feature = "secure4") {
    4
} else if cfg!(feature = "secure3") {
    3
} else if cfg!(feature = "secure2") {
    2
} else if cfg!(feature = "secure1") {
    1
} else {
    0
};

/// Whether the build looks for the mistakes of its callers, and for its own.
pub const DEBUG: bool = cfg!(feature = "debug-checks");

/// Whether valgrind is told of blocks.
pub const VALGRIND: bool = cfg!(feature = "valgrind");

/// Whether the address sanitizer is told of blocks.
pub const ASAN: bool = cfg!(feature = "asan");

/// Whether some memory checker is told of blocks.
pub const TRACKED: bool = VALGRIND || ASAN;

/// Whether the build differs from the stock one: mistakes of the caller are told of unless that is turned off.
pub const HARDENED: bool = SECURE > 0 || DEBUG || TRACKED;

/// Around metadata and arenas is memory that nobody can touch.
pub const GUARDED_METADATA: bool = SECURE >= 1;

/// Arenas and metadata are at addresses that nobody can foretell.
pub const RANDOM_PLACEMENT: bool = SECURE >= 1;

/// Blocks of a page are handed out in random order.
pub const RANDOM_ORDER: bool = SECURE >= 2;

/// Free blocks are linked by words that nobody can make who does not know those of the page.
pub const ENCODED_LINKS: bool = SECURE >= 3 || DEBUG || TRACKED;

/// The word of a block that links it while it is free is cleared before the program gets it.
pub const CLEARED_LINKS: bool = SECURE >= 1;

/// Behind what a program may use of its block stands what an overflow breaks, and how much that is.
pub const PADDED: bool = SECURE >= 3 || DEBUG || TRACKED;

/// Bytes at the end of each block that no program uses. What a memory checker is told of needs more.
pub const PADDING: usize = if TRACKED {
    16
} else if PADDED {
    8
} else {
    0
};

/// The padding also tells free blocks from live ones.
pub const MARKED_FREE: bool = SECURE >= 4 || DEBUG || TRACKED;

/// The size and the alignment that a block is freed with are compared with what the program asked for.
pub const CHECKED_SIZES: bool = SECURE >= 4 || DEBUG || (PADDED && CHECKED);

/// Behind the blocks of each page is memory that nobody can touch.
pub const GUARDED_PAGES: bool = SECURE >= 5;

/// Blocks are filled with one byte before the program uses them, and with another after. Memory checkers know better
/// what has been written.
pub const FILLED: bool = DEBUG && !TRACKED;

/// Words that the record of a page holds besides, for what no program is to know.
pub const SECRET_WORDS: usize = if RANDOM_ORDER || ENCODED_LINKS || PADDED { 8 } else { 0 };

/// Bytes in a machine word, which is also the granularity of the direct table of a theap.
pub const WORD_SIZE: usize = size_of::<usize>();

/// log2 of [`SLICE_SIZE`].
pub const SLICE_SHIFT: u32 = 16;

/// Bytes in a slice, the unit that arenas hand out and that the page map resolves.
pub const SLICE_SIZE: usize = 1 << SLICE_SHIFT;

/// Largest request, in bytes, that a theap serves through its direct table.
pub const SMALL_SIZE_MAX: usize = 128 * WORD_SIZE;

/// Entries of a theap's direct table: one for each word count from 0 to `SMALL_SIZE_MAX`.
pub const DIRECT_ENTRIES: usize = SMALL_SIZE_MAX / WORD_SIZE + 1;

/// Largest block, in bytes, whose last page a theap keeps for a while after it was emptied.
pub const RETIRED_BLOCK_MAX: usize = SLICE_SIZE / 8;

/// Largest block, in bytes, that shares its page with others. Larger blocks get a page of their own.
pub const MEDIUM_BLOCK_MAX: usize = SLICE_SIZE;

/// The most blocks that a page can have: larger pages have larger blocks.
pub const BLOCKS_MAX: usize = SLICE_SIZE / WORD_SIZE;

/// Blocks that a shared page has room for, unless that takes more than [`PAGE_SLICES_MAX`].
pub const PAGE_BLOCKS: usize = 16;

/// Most slices of a page that blocks share: a power of two.
pub const PAGE_SLICES_MAX: usize = 8;

/// Alignment, in bytes, of every block larger than a word.
pub const BLOCK_ALIGN: usize = 16;

/// Largest request in bytes: the standard forbids objects beyond `PTRDIFF_MAX`.
pub const REQUEST_MAX: usize = isize::MAX.unsigned_abs();

/// Bytes of a page record in the arena's header: two cache lines, the owner's and the shared one, and in hardened
/// builds one of secrets in between.
pub const RECORD_SIZE: usize = if SECRET_WORDS == 0 { 128 } else { 256 };

/// Slices that one chunk of an arena's bitmaps describes: one cache line of bits.
pub const CHUNK_SLICES: usize = 512;

/// Slices between the header of an arena and its blocks, which nobody can touch.
pub const GUARD_SLICES: usize = 1;

/// Smallest range, in bytes, that becomes an arena.
pub const ARENA_SIZE_MIN: usize = CHUNK_SLICES * SLICE_SIZE;

/// Largest range, in bytes, reserved for one arena on demand.
pub const ARENA_SIZE_MAX: usize = 16 << 30;

/// Most arenas that one sub-process can hold.
pub const ARENA_COUNT_MAX: usize = 160;

/// Alignment, in bytes, of areas reserved for arenas: that of a large OS page, so that one can back them.
pub const ARENA_ALIGN: usize = 2 << 20;

/// Bytes of linked blocks in an arena from which huge pages are worth what they waste.
pub const HUGE_LINKED_MIN: usize = 4 << 20;

/// Bytes of the smallest block that is worth huge pages of its own in such an arena.
pub const HUGE_BLOCK_MIN: usize = 4 << 20;

/// How much of the slices in use must be linked, and of the arena up to its highest slice in use, for huge pages
/// behind it: a fraction.
pub const HUGE_DENSITY: (usize, usize) = (7, 8);

/// Bytes that a page extends by while it is young, which bounds the memory a little-used bin touches.
pub const EXTEND_MIN: usize = 4 << 10;

/// Most bytes that a page extends by in one step.
pub const EXTEND_MAX: usize = 16 << 10;

/// Sweeps that an empty last page of a bin survives before its slices go back.
pub const RETIRE_SWEEPS: u8 = 2;

/// Slow-path calls between two sweeps of a theap over its retired pages.
pub const SWEEP_CALLS: u64 = 16;

/// Bytes that options count as a segment.
pub const SEGMENT_SIZE: usize = 32 << 20;

/// Abandoned pages that one search looks at before it takes fresh slices instead.
pub const RECLAIM_TRIES: usize = 8;

/// Whether what callers promise is looked at all the same, and what the engine promises itself.
pub const CHECKED: bool = DEBUG || cfg!(debug_assertions);

const _: () = assert!(SMALL_SIZE_MAX <= RETIRED_BLOCK_MAX);
const _: () = assert!(MEDIUM_BLOCK_MAX * 8 <= PAGE_SLICES_MAX * SLICE_SIZE);
const _: () =
    assert!(SLICE_SIZE.is_multiple_of(MEDIUM_BLOCK_MAX), "blocks of a page stay naturally aligned");
const _: () = assert!(CHUNK_SLICES == 64 * 8, "a chunk's bits fill one cache line");
const _: () = assert!(ARENA_SIZE_MIN.is_multiple_of(ARENA_ALIGN));
const _: () = assert!(EXTEND_MIN.is_power_of_two() && EXTEND_MIN <= EXTEND_MAX);
