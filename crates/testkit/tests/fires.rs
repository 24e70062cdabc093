//! Each check of the kit against an allocator that is broken in the way that the check is for.
#![allow(unsafe_code)]

use core::ptr::null_mut;
use core::sync::atomic::Ordering::{AcqRel, Relaxed};
use core::sync::atomic::{AtomicPtr, AtomicUsize};
use testkit::threads::{Plan, exchange};
use testkit::{
    AllocEntry, FreeEntry, Kind, Limits, Mix, Op, Request, ResizeEntry, Rules, Shadow, Subject,
    System, Violation, run_seed,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// A new block begins inside the one before.
    Overlaps,
    /// The same block twice.
    Repeats,
    /// Blocks lie at odd words.
    Misaligns,
    /// Requested alignment is that of any block.
    IgnoresAlign,
    /// An offset is taken for 0.
    IgnoresOffset,
    /// Blocks of a power of two lie 16 bytes off.
    IgnoresNature,
    /// A block that is zero but for its last usable byte.
    DirtySlack,
    /// A block that is zero but for its first byte.
    DirtyStart,
    /// A growing resize brings in what lay about.
    DirtyGrowth,
    /// A resize changes a byte in the middle.
    LosesContents,
    /// An allocation writes to the block before.
    Scribbles,
    /// A failing resize writes to the block.
    ScribblesOnFailure,
    /// The usable size misses a byte.
    SizeTooSmall,
    /// Blocks are twice as large as asked for.
    Wastes,
    /// A shrinking resize keeps all of the block.
    KeepsAll,
    /// The usable size differs from call to call.
    SizeVaries,
    /// The good size is one step ahead.
    GoodSizeDiffers,
    /// `expand` beyond the usable size succeeds.
    ExpandsTooFar,
    /// `expand` always fails.
    NeverExpands,
    /// Every request is refused.
    Refuses,
    /// Sizes that wrap around are granted.
    GrantsAll,
    /// Alignments that are not powers of two are granted.
    GrantsAlign,
}

/// The system allocator with one fault.
struct Broken {
    fault: Fault,
    last: AtomicPtr<u8>,
    calls: AtomicUsize,
}

impl Broken {
    fn new(fault: Fault) -> Self {
        Self { fault, last: AtomicPtr::new(null_mut()), calls: AtomicUsize::new(0) }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }
}

// SAFETY: the faults that move an address keep it inside a block with room behind it, and usable sizes are never above
// those of the system allocator by more than that room.
unsafe impl Subject for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn malloc(&self, size: usize) -> *mut u8 {
        let room = match self.fault {
            Fault::Refuses => return null_mut(),
            Fault::GrantsAll if size > isize::MAX.unsigned_abs() => 64,
            Fault::Wastes => size * 2 + 100,
            Fault::IgnoresNature => return self.malloc_aligned(size + 64, 4096).wrapping_add(16),
            _ => size.saturating_add(64),
        };
        let p = System.malloc(room);
        let before = self.last.swap(p, AcqRel);
        match self.fault {
            Fault::Overlaps if !before.is_null() => before.wrapping_add(16),
            Fault::Repeats if !before.is_null() => before,
            Fault::Misaligns => p.wrapping_add(8),
            Fault::Scribbles if !before.is_null() => {
                // SAFETY: the runs below keep the block before alive.
                unsafe { before.write(before.read() ^ 0x55) };
                p
            }
            _ => p,
        }
    }

    fn malloc_aligned(&self, size: usize, align: usize) -> *mut u8 {
        match self.fault {
            Fault::IgnoresAlign => {
                System.malloc_aligned(size.saturating_add(64), 1 << 14).wrapping_add(16)
            }
            Fault::GrantsAlign => System.malloc(size),
            _ => System.malloc_aligned(size, align),
        }
    }

    fn malloc_aligned_at(&self, size: usize, align: usize, offset: usize) -> *mut u8 {
        if offset == 0 || self.has(Fault::IgnoresOffset) {
            return self.malloc_aligned(size, align);
        }
        let shift = offset.next_multiple_of(align) - offset;
        System.malloc_aligned(size + shift, align).wrapping_add(shift)
    }

    fn calloc(&self, count: usize, size: usize) -> *mut u8 {
        let p = System.calloc(count, size);
        if !p.is_null() {
            // SAFETY: the block is new.
            let usable = unsafe { System.usable_size(p) };
            // SAFETY: as above, with at least one usable byte.
            unsafe {
                p.write_bytes(0, usable);
                p.add(usable - 1).write(u8::from(self.has(Fault::DirtySlack)));
                p.write(u8::from(self.has(Fault::DirtyStart)));
            }
        }
        p
    }

    unsafe fn realloc(&self, p: *mut u8, size: usize) -> *mut u8 {
        if self.has(Fault::KeepsAll) && !p.is_null() {
            return p;
        }
        // SAFETY: same contract.
        let resized = unsafe { System.realloc(p, size) };
        // SAFETY: a null result leaves `p` alive, another one holds `size` bytes.
        unsafe {
            if resized.is_null() && self.has(Fault::ScribblesOnFailure) {
                p.write(p.read() ^ 0x55);
            } else if self.has(Fault::LosesContents) {
                resized.add(size / 2).write(0);
            }
        }
        resized
    }

    unsafe fn rezalloc(&self, p: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: same contract.
        let kept = unsafe { System.usable_size(p) };
        // SAFETY: same contract.
        let resized = unsafe { System.realloc(p, size) };
        // SAFETY: the block holds the usable bytes.
        unsafe {
            let usable = System.usable_size(resized);
            let dirt = u8::from(self.has(Fault::DirtyGrowth));
            resized.add(kept.min(usable)).write_bytes(dirt, usable.saturating_sub(kept));
        }
        resized
    }

    unsafe fn expand(&self, p: *mut u8, size: usize) -> *mut u8 {
        match self.fault {
            Fault::ExpandsTooFar => p,
            Fault::NeverExpands => null_mut(),
            // SAFETY: same contract.
            _ => unsafe { System.expand(p, size) },
        }
    }

    unsafe fn free(&self, p: *mut u8) {
        // SAFETY: same contract.
        unsafe { System.free(p) };
    }

    unsafe fn usable_size(&self, p: *const u8) -> usize {
        match self.fault {
            // Only blocks made at an offset lie at odd words, and the system allocator does not know these.
            _ if !p.addr().is_multiple_of(16) => 32,
            Fault::Overlaps | Fault::Misaligns | Fault::IgnoresAlign | Fault::IgnoresNature => 32,
            Fault::SizeTooSmall => 31,
            Fault::SizeVaries => 64 - self.calls.fetch_add(1, Relaxed) % 2,
            // SAFETY: same contract.
            _ => unsafe { System.usable_size(p) },
        }
    }

    fn good_size(&self, _size: usize) -> usize {
        // The system allocator gives no figure beforehand, so the answer is that of the block the question is about.
        // SAFETY: the run asks right after the block was made.
        let usable = unsafe { System.usable_size(self.last.load(Relaxed)) };
        if self.has(Fault::GoodSizeDiffers) { usable + 16 } else { usable }
    }
}

const LIBC: Rules = Rules { offsets: true, offset_align: 4096, ..Rules::LIBC };

fn request(size: usize) -> Request {
    Request { count: 1, size, align: 1, offset: 0 }
}

fn alloc(entry: AllocEntry, size: usize) -> Op {
    Op::Alloc { entry, request: request(size) }
}

fn aligned(size: usize, align: usize, offset: usize) -> Op {
    let request = Request { count: 1, size, align, offset };
    Op::Alloc { entry: AllocEntry::MallocAlignedAt, request }
}

fn resize(entry: ResizeEntry, size: usize) -> Op {
    Op::Resize { entry, block: Some(0), request: request(size) }
}

/// What the first of `ops` to fail says, with all blocks checked after the last one.
fn run(fault: Fault, rules: Rules, ops: &[Op]) -> Result<(), Violation> {
    let broken = Broken::new(fault);
    let mut shadow = Shadow::new(&broken, rules, Limits::ALONE, 1);
    ops.iter().try_for_each(|op| shadow.apply(op))?;
    shadow.verify()
}

/// Asserts that the fault shows as `kind`, and that the same operations pass without it.
fn fires(fault: Fault, kind: Kind, rules: Rules, ops: &[Op]) {
    match run(fault, rules, ops) {
        Err(violation) => assert_eq!(violation.kind, kind, "{fault:?}: {violation}"),
        Ok(()) => panic!("{fault:?} is not noticed"),
    }
    let harmless =
        if fault == Fault::NeverExpands { Fault::DirtyGrowth } else { Fault::NeverExpands };
    let rules = Rules { slack: false, natural_align: 1, ..rules };
    let control = run(harmless, rules, ops);
    assert!(control.is_ok(), "{fault:?} is noticed where it is not: {control:?}");
}

#[test]
fn shared_memory_fires() {
    let two = [alloc(AllocEntry::Malloc, 32), alloc(AllocEntry::Malloc, 32)];
    fires(Fault::Overlaps, Kind::Overlap, LIBC, &two);
    fires(Fault::Repeats, Kind::Overlap, LIBC, &two);
}

#[test]
fn missing_alignment_fires() {
    fires(Fault::Misaligns, Kind::Misaligned, LIBC, &[alloc(AllocEntry::Malloc, 32)]);
    fires(Fault::IgnoresAlign, Kind::Misaligned, LIBC, &[aligned(32, 64, 0)]);
    fires(Fault::IgnoresOffset, Kind::Misaligned, LIBC, &[aligned(32, 64, 24)]);
    let rules = Rules { natural_align: 4096, ..LIBC };
    fires(Fault::IgnoresNature, Kind::Misaligned, rules, &[alloc(AllocEntry::Malloc, 32)]);
}

#[test]
fn missing_zeros_fire() {
    let rules = Rules { zero_slack: true, ..LIBC };
    let zeroed = [alloc(AllocEntry::Calloc, 25)];
    fires(Fault::DirtySlack, Kind::NotZeroed, rules, &zeroed);
    fires(Fault::DirtyStart, Kind::NotZeroed, rules, &zeroed);
    assert!(run(Fault::DirtySlack, LIBC, &zeroed).is_ok(), "the slack is not looked at");
    let grown = [alloc(AllocEntry::Calloc, 25), resize(ResizeEntry::Rezalloc, 2000)];
    fires(Fault::DirtyGrowth, Kind::NotZeroed, rules, &grown);
}

#[test]
fn changed_contents_fire() {
    let shrunk = [alloc(AllocEntry::Malloc, 1000), resize(ResizeEntry::Realloc, 900)];
    fires(Fault::LosesContents, Kind::Contents, LIBC, &shrunk);
    let two = [alloc(AllocEntry::Malloc, 32), alloc(AllocEntry::Malloc, 32)];
    fires(Fault::Scribbles, Kind::Contents, LIBC, &two);
    let freed = [two[0], two[1], Op::Free { entry: FreeEntry::Free, block: 0 }];
    fires(Fault::Scribbles, Kind::Contents, LIBC, &freed);
    let failed = [alloc(AllocEntry::Malloc, 1000), resize(ResizeEntry::Realloc, usize::MAX - 9)];
    fires(Fault::ScribblesOnFailure, Kind::Contents, LIBC, &failed);
}

#[test]
fn wrong_usable_sizes_fire() {
    let one = [alloc(AllocEntry::Malloc, 32)];
    fires(Fault::SizeTooSmall, Kind::TooSmall, LIBC, &one);
    let rules = Rules { slack: true, ..LIBC };
    fires(Fault::Wastes, Kind::TooLarge, rules, &one);
    fires(Fault::SizeVaries, Kind::UsableChanged, LIBC, &[one[0], Op::Inspect { block: 0 }]);
    // The room that `malloc` adds is within the bound for this size.
    let shrunk = [alloc(AllocEntry::Malloc, 5000), resize(ResizeEntry::Realloc, 10)];
    fires(Fault::KeepsAll, Kind::TooLarge, rules, &shrunk);
    let rules = Rules { good_size: true, ..LIBC };
    fires(Fault::GoodSizeDiffers, Kind::GoodSize, rules, &one);
}

#[test]
fn wrong_expansion_fires() {
    let far = [alloc(AllocEntry::Malloc, 32), Op::Expand { block: 0, size: 5000 }];
    fires(Fault::ExpandsTooFar, Kind::Expand, LIBC, &far);
    let near = [alloc(AllocEntry::Malloc, 32), Op::Expand { block: 0, size: 33 }];
    fires(Fault::NeverExpands, Kind::Expand, LIBC, &near);
}

#[test]
fn wrong_answers_fire() {
    fires(Fault::Refuses, Kind::Refused, LIBC, &[alloc(AllocEntry::Malloc, 32)]);
    fires(Fault::GrantsAll, Kind::Granted, LIBC, &[alloc(AllocEntry::Malloc, usize::MAX)]);
    let request = Request { count: 1, size: 32, align: 48, offset: 0 };
    let odd = [Op::Alloc { entry: AllocEntry::MallocAligned, request }];
    fires(Fault::GrantsAlign, Kind::Granted, LIBC, &odd);
}

#[test]
fn faults_show_in_drawn_runs_as_well() {
    for fault in [Fault::DirtyStart, Fault::ExpandsTooFar, Fault::GrantsAlign, Fault::SizeVaries] {
        let outcome =
            run_seed(&Broken::new(fault), Rules::LIBC, Limits::ALONE, Mix::MODEST, 1, 50_000);
        assert!(outcome.is_err(), "{fault:?} is not noticed");
    }
}

/// An allocator that now and then hands out a block a second time, mostly to another thread.
struct Doubles {
    last: AtomicPtr<u8>,
    calls: AtomicUsize,
}

// SAFETY: blocks are leaked, so what is handed out twice stays mapped.
unsafe impl Subject for Doubles {
    fn name(&self) -> &'static str {
        "doubles"
    }

    fn malloc(&self, size: usize) -> *mut u8 {
        let p = System.malloc(size.max(64));
        let before = self.last.swap(p, AcqRel);
        let again = self.calls.fetch_add(1, Relaxed) % 64 == 63 && size <= 64 && !before.is_null();
        if again { before } else { p }
    }

    fn malloc_aligned(&self, size: usize, align: usize) -> *mut u8 {
        System.malloc_aligned(size.max(64), align)
    }

    unsafe fn realloc(&self, p: *mut u8, size: usize) -> *mut u8 {
        let moved = System.malloc(size.max(64));
        if !p.is_null() && !moved.is_null() {
            // SAFETY: both blocks hold the bytes copied.
            unsafe { moved.copy_from_nonoverlapping(p, System.usable_size(p).min(size)) };
        }
        moved
    }

    unsafe fn free(&self, _p: *mut u8) {}

    unsafe fn usable_size(&self, p: *const u8) -> usize {
        // SAFETY: same contract.
        unsafe { System.usable_size(p) }
    }
}

#[test]
fn a_block_handed_to_two_threads_fires_in_an_exchange() {
    let plan = Plan {
        threads: 4,
        generations: 1,
        ops: 20_000,
        slots: 64,
        seed: 1,
        mix: Mix::TINY,
        rules: Rules::LIBC,
        limits: Limits::SHARED,
    };
    let subject = Doubles { last: AtomicPtr::new(null_mut()), calls: AtomicUsize::new(0) };
    let violation = exchange(&subject, plan).expect_err("blocks are handed out twice");
    assert!(
        matches!(violation.kind, Kind::Contents | Kind::Overlap | Kind::NotZeroed),
        "{violation}"
    );
}
