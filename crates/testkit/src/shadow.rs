//! The model: what is known of every live block, checked against what the allocator does.
#![allow(unsafe_code)]

use crate::pattern::{Pattern, find_dirt};
use crate::{
    AllocEntry, FreeEntry, Kind, Limits, Mix, Op, Request, ResizeEntry, Rng, Rules, Subject,
    Violation,
};
use core::fmt;
use core::ops::Range;
use std::collections::BTreeMap;

/// A live block. It may be given from one model to another, across threads.
#[derive(Debug)]
pub struct Block {
    p: *mut u8,
    /// Bytes last requested.
    size: usize,
    /// Bytes filled with the pattern.
    usable: usize,
    /// A power of two that the address is known to be a multiple of by request.
    align: usize,
    pattern: Pattern,
    /// Whether every request so far zeroed, which is what zeroing resizes need.
    zeroed: bool,
    /// Position in the model's order.
    index: usize,
}

// SAFETY: the block belongs to whoever holds the record, and allocators let any thread free it.
unsafe impl Send for Block {}

impl Block {
    fn address(&self) -> usize {
        self.p.addr()
    }

    /// Checks the contents of the block.
    ///
    /// # Errors
    /// When they changed.
    pub fn verify(&self) -> Result<(), Violation> {
        // SAFETY: the block is live and holds `usable` bytes, and only its holder writes to it.
        let damage = unsafe { self.pattern.find_damage(self.p, self.usable, self.usable) };
        damage.map_or(Ok(()), |at| {
            Violation::new(Kind::Contents, format!("byte {at} of {self:?} changed"))
        })
    }

    /// Checks the contents of the block and frees it.
    ///
    /// # Errors
    /// When the contents changed; the block is kept then.
    pub fn verify_and_free(self, subject: &dyn Subject, entry: FreeEntry) -> Result<(), Violation> {
        self.verify()?;
        // SAFETY: the block is live, the record ends here.
        unsafe { entry.call(subject, self.p, self.size, self.align) };
        Ok(())
    }
}

/// Largest size and alignment, in bytes, that a block is sure to be had for.
const ROOM_MAX: usize = 1 << 30;

/// What an allocator has to answer to a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Block,
    Null,
    Either,
}

/// A model of one allocator, and the driver that applies operations to it.
pub struct Shadow<'a> {
    subject: &'a dyn Subject,
    rules: Rules,
    limits: Limits,
    live: BTreeMap<usize, Block>,
    /// Addresses of the live blocks, so that a number can name one.
    order: Vec<usize>,
    bytes: usize,
    ids: Rng,
}

impl<'a> Shadow<'a> {
    /// An empty model. Models that meet on one subject need different seeds, which their fill patterns come from.
    #[must_use]
    pub fn new(subject: &'a dyn Subject, rules: Rules, limits: Limits, seed: u64) -> Self {
        let ids = Rng::new(seed);
        Self { subject, rules, limits, live: BTreeMap::new(), order: Vec::new(), bytes: 0, ids }
    }

    /// Live blocks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether no block is live.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Applies one operation and checks what came of it.
    ///
    /// # Errors
    /// When a promise is broken. The model is of no more use then.
    pub fn apply(&mut self, op: &Op) -> Result<(), Violation> {
        match *op {
            Op::Alloc { entry, request } => self.alloc(entry, entry.effective(request)),
            Op::Resize { entry, block, request } => {
                self.resize(entry, block, entry.effective(request))
            }
            Op::Expand { block, size } => self.expand(block, size),
            Op::Free { entry, block } => match self.take(block) {
                Some(block) => block.verify_and_free(self.subject, entry),
                None => Ok(()),
            },
            Op::FreeNull(entry) => {
                // SAFETY: null may always be freed.
                unsafe { entry.call(self.subject, core::ptr::null_mut(), 0, 1) };
                Ok(())
            }
            Op::Inspect { block } => self.inspect(block),
            Op::Collect { force } => {
                self.subject.collect(force);
                Ok(())
            }
        }
    }

    /// Checks the contents and the usable size of every live block.
    ///
    /// # Errors
    /// When a block changed.
    pub fn verify(&self) -> Result<(), Violation> {
        self.live.values().try_for_each(|block| self.check_block(block))
    }

    /// Checks and frees every live block.
    ///
    /// # Errors
    /// When a block changed.
    pub fn finish(mut self) -> Result<(), Violation> {
        self.verify()?;
        let mut rest = core::mem::take(&mut self.live).into_values();
        rest.try_for_each(|block| block.verify_and_free(self.subject, FreeEntry::Free))
    }

    /// Takes a block out of the model, alive.
    pub fn take(&mut self, block: usize) -> Option<Block> {
        let address = self.name(block)?;
        Some(self.remove(address))
    }

    /// Brings in a block that was taken out of another model of the same subject.
    ///
    /// # Errors
    /// When the block overlaps one of this model.
    pub fn adopt(&mut self, block: Block) -> Result<(), Violation> {
        self.check_overlap(block.address(), block.usable)?;
        self.make_room(block.usable)?;
        self.insert(block);
        Ok(())
    }

    fn name(&self, block: usize) -> Option<usize> {
        (!self.order.is_empty()).then(|| self.order[block % self.order.len()])
    }

    fn insert(&mut self, mut block: Block) {
        block.index = self.order.len();
        self.order.push(block.address());
        self.bytes += block.usable;
        self.live.insert(block.address(), block);
    }

    fn remove(&mut self, address: usize) -> Block {
        let block = self.live.remove(&address).expect("the order names live blocks");
        self.order.swap_remove(block.index);
        if let Some(moved) = self.order.get(block.index) {
            self.live.get_mut(moved).expect("the order names live blocks").index = block.index;
        }
        self.bytes -= block.usable;
        block
    }

    /// Frees blocks until one of `size` bytes is within the limits.
    fn make_room(&mut self, size: usize) -> Result<(), Violation> {
        while self.order.len() >= self.limits.blocks
            || self.bytes.saturating_add(size) > self.limits.bytes
        {
            let victim = self.ids.below(1 << 20);
            let Some(block) = self.take(victim) else { break };
            block.verify_and_free(self.subject, FreeEntry::Free)?;
        }
        Ok(())
    }

    fn alloc(&mut self, entry: AllocEntry, request: Request) -> Result<(), Violation> {
        if request.offset != 0 && !self.rules.offsets {
            return Ok(());
        }
        let total = request.count.checked_mul(request.size);
        let answer = self.answer(total, request, entry.aligns(), false);
        if answer != Answer::Null {
            self.make_room(total.unwrap_or(0))?;
        }
        let p = entry.call(self.subject, request);
        self.check_answer(answer, p, request)?;
        if p.is_null() {
            return Ok(());
        }
        let size = total.unwrap_or(0);
        let usable = self.check_new(p, size)?;
        self.check_align(p, size, request, entry.aligns())?;
        if !entry.aligns() {
            self.check_good_size(size, usable)?;
        }
        if !entry.aligns() || (request.align <= 16 && request.offset == 0) {
            self.check_slack(size, usable)?;
        }
        if entry.zeroes() {
            self.check_zero(p, 0..if self.rules.zero_slack { usable } else { size })?;
        }
        self.record(p, size, usable, known_align(p, request), entry.zeroes());
        Ok(())
    }

    fn resize(
        &mut self,
        entry: ResizeEntry,
        block: Option<usize>,
        request: Request,
    ) -> Result<(), Violation> {
        let Some(address) = block.and_then(|block| self.name(block)) else {
            return self.resize_null(entry, request);
        };
        if request.offset != 0 && !self.rules.offsets {
            return Ok(());
        }
        let total = request.count.checked_mul(request.size);
        let answer = self.answer(total, request, entry.aligns(), true);
        self.check_block(&self.live[&address])?;
        let mut old = self.remove(address);
        // The old block is out of reach of the eviction, which may free any other.
        self.make_room(total.filter(|_| answer != Answer::Null).unwrap_or(0))?;
        // SAFETY: the block is live, and its record is dropped unless the call fails and keeps it.
        let p = unsafe { entry.call(self.subject, old.p, request) };
        self.check_answer(answer, p, request)?;
        if p.is_null() {
            if entry != ResizeEntry::Reallocf {
                self.check_block(&old)?;
                self.insert(old);
            }
            return Ok(());
        }
        let size = total.unwrap_or(0);
        let usable = self.check_new(p, size)?;
        let moved = p != old.p;
        self.check_resized_align(p, size, request, entry, moved)?;
        if moved && (!entry.aligns() || request.align <= 8) {
            self.check_slack(size, usable)?;
        } else if !entry.aligns()
            && self.rules.slack
            && usable > size.saturating_mul(2).saturating_add(1)
        {
            return Violation::new(Kind::TooLarge, format!("{usable} bytes kept for {size}"));
        }
        let kept = old.usable.min(size);
        // SAFETY: the first `kept` bytes of the new block are readable, as `usable >= size`.
        if let Some(at) = unsafe { old.pattern.find_damage(p, old.usable, kept) } {
            return Violation::new(
                Kind::Contents,
                format!("byte {at} of {old:?} lost on the way to {size} bytes"),
            );
        }
        if entry.zeroes() && old.zeroed {
            let end = if self.rules.zero_slack { usable } else { size };
            let start = if moved { kept } else { old.usable };
            self.check_zero(p, start.min(end)..end)?;
        }
        old.align = if entry.aligns() || moved { known_align(p, request) } else { old.align };
        self.record(p, size, usable, old.align, old.zeroed && entry.zeroes());
        Ok(())
    }

    /// A resize of the null pointer, which makes a block.
    fn resize_null(&mut self, entry: ResizeEntry, request: Request) -> Result<(), Violation> {
        if request.offset != 0 && !self.rules.offsets {
            return Ok(());
        }
        let total = request.count.checked_mul(request.size);
        let answer = self.answer(total, request, entry.aligns(), true);
        self.make_room(total.filter(|_| answer != Answer::Null).unwrap_or(0))?;
        // SAFETY: null may always be resized.
        let p = unsafe { entry.call(self.subject, core::ptr::null_mut(), request) };
        self.check_answer(answer, p, request)?;
        if p.is_null() {
            return Ok(());
        }
        let size = total.unwrap_or(0);
        let usable = self.check_new(p, size)?;
        self.check_resized_align(p, size, request, entry, true)?;
        if entry.zeroes() {
            self.check_zero(p, 0..if self.rules.zero_slack { usable } else { size })?;
        }
        self.record(p, size, usable, known_align(p, request), entry.zeroes());
        Ok(())
    }

    fn expand(&mut self, block: usize, size: usize) -> Result<(), Violation> {
        let Some(address) = self.name(block) else { return Ok(()) };
        let old = &self.live[&address];
        // SAFETY: the block is live.
        let p = unsafe { self.subject.expand(old.p, size) };
        let fits = size <= old.usable;
        if (p != old.p && !p.is_null())
            || (p == old.p && !fits)
            || (p.is_null() && fits && self.rules.expand)
        {
            return Violation::new(
                Kind::Expand,
                format!("expand to {size} gave {p:?} for {old:?}"),
            );
        }
        self.check_block(old)?;
        if !p.is_null() {
            // The block keeps its usable bytes: nothing but the size of the request changes.
            self.live.get_mut(&address).expect("the order names live blocks").size = size;
        }
        Ok(())
    }

    fn inspect(&self, block: usize) -> Result<(), Violation> {
        self.name(block).map_or(Ok(()), |address| self.check_block(&self.live[&address]))
    }

    /// Fills a new block and enters it.
    fn record(&mut self, p: *mut u8, size: usize, usable: usize, align: usize, zeroed: bool) {
        let pattern = Pattern::new(self.ids.bits());
        // SAFETY: the block is new, overlaps no other and holds `usable` bytes.
        unsafe { pattern.fill(p, usable) };
        self.insert(Block { p, size, usable, align, pattern, zeroed, index: 0 });
    }

    fn answer(
        &self,
        total: Option<usize>,
        request: Request,
        aligns: bool,
        resizes: bool,
    ) -> Answer {
        let Request { align, offset, .. } = request;
        // No address space holds two multiples of such an alignment.
        let hopeless = 1_usize << (usize::BITS - 2);
        let Some(total) = total.filter(|total| *total <= isize::MAX.unsigned_abs()) else {
            return Answer::Null;
        };
        let refusable = self.rules.may_refuse
            // The system is free to have no room for these.
            || total > ROOM_MAX
            || (aligns && align > ROOM_MAX)
            || (!offset.is_multiple_of(align.max(1)) && align > self.rules.offset_align);
        if aligns && resizes && align <= 8 && !align.is_power_of_two() {
            // A resize takes alignments that every block has for no alignment, without a look at their form.
            Answer::Either
        } else if aligns && (!align.is_power_of_two() || align >= hopeless) {
            Answer::Null
        } else if refusable {
            Answer::Either
        } else {
            Answer::Block
        }
    }

    fn check_answer(&self, answer: Answer, p: *mut u8, request: Request) -> Result<(), Violation> {
        match (answer, p.is_null()) {
            (Answer::Block, true) => Violation::new(Kind::Refused, format!("null for {request:?}")),
            (Answer::Null, false) => {
                Violation::new(Kind::Granted, format!("{p:?} for {request:?}"))
            }
            _ => Ok(()),
        }
    }

    /// The usable size of a new block, once it is known to be its own and large enough.
    fn check_new(&self, p: *mut u8, size: usize) -> Result<usize, Violation> {
        // SAFETY: the block is live.
        let usable = unsafe { self.subject.usable_size(p) };
        if usable < size {
            return Violation::new(
                Kind::TooSmall,
                format!("{usable} usable bytes at {p:?} for {size}"),
            );
        }
        self.check_overlap(p.addr(), usable)?;
        Ok(usable)
    }

    fn check_overlap(&self, address: usize, usable: usize) -> Result<(), Violation> {
        let end = address.saturating_add(usable.max(1));
        let below = self.live.range(..end).next_back().map(|(_, block)| block);
        match below.filter(|block| block.address() + block.usable.max(1) > address) {
            Some(block) => Violation::new(
                Kind::Overlap,
                format!("{address:#x}, {usable} bytes, meets {block:?}"),
            ),
            None => Ok(()),
        }
    }

    fn check_align(
        &self,
        p: *mut u8,
        size: usize,
        request: Request,
        aligns: bool,
    ) -> Result<(), Violation> {
        let (want, address) = if !aligns {
            let natural =
                if size.is_power_of_two() { size.min(self.rules.natural_align) } else { 1 };
            (natural.max(if size > 8 { 16 } else { 8 }), p.addr())
        } else if request.align.is_power_of_two() {
            (request.align, p.addr().wrapping_add(request.offset))
        } else {
            (1, p.addr())
        };
        if address.is_multiple_of(want) {
            Ok(())
        } else {
            Violation::new(Kind::Misaligned, format!("{p:?} for {size} bytes and {request:?}"))
        }
    }

    /// [`check_align`](Self::check_align) for a resize, which takes alignments up to a word for those of any block:
    /// it does not move a block for their sake, and ignores the offset.
    fn check_resized_align(
        &self,
        p: *mut u8,
        size: usize,
        request: Request,
        entry: ResizeEntry,
        moved: bool,
    ) -> Result<(), Violation> {
        let plain = !entry.aligns() || (request.align <= 8 && request.offset == 0);
        let ignored = entry.aligns() && request.align <= 8 && request.offset != 0;
        if ignored || (plain && !moved) {
            return Ok(());
        }
        self.check_align(p, size, request, entry.aligns())
    }

    fn check_slack(&self, size: usize, usable: usize) -> Result<(), Violation> {
        if self.rules.slack && usable - size.max(1).min(usable) > (size / 6).max(15) {
            return Violation::new(Kind::TooLarge, format!("{usable} usable bytes for {size}"));
        }
        Ok(())
    }

    fn check_good_size(&self, size: usize, usable: usize) -> Result<(), Violation> {
        if self.rules.good_size && self.subject.good_size(size) != usable {
            let good = self.subject.good_size(size);
            return Violation::new(
                Kind::GoodSize,
                format!("good size of {size} is {good}, usable are {usable}"),
            );
        }
        Ok(())
    }

    fn check_zero(&self, p: *mut u8, range: Range<usize>) -> Result<(), Violation> {
        // SAFETY: the range is within the usable bytes of a new block.
        let dirt = unsafe { find_dirt(p, range.clone()) };
        dirt.map_or(Ok(()), |at| {
            Violation::new(Kind::NotZeroed, format!("byte {at} of {range:?} at {p:?}"))
        })
    }

    fn check_block(&self, block: &Block) -> Result<(), Violation> {
        // SAFETY: the block is live.
        let usable = unsafe { self.subject.usable_size(block.p) };
        if usable != block.usable {
            return Violation::new(
                Kind::UsableChanged,
                format!("{usable} usable bytes in {block:?}"),
            );
        }
        block.verify()
    }
}

/// The alignment that the block made for `request` may be freed with.
fn known_align(p: *mut u8, request: Request) -> usize {
    if request.align.is_power_of_two() && p.addr().is_multiple_of(request.align) {
        request.align
    } else {
        1
    }
}

/// A run that broke a promise.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Seed of the run.
    pub seed: u64,
    /// Operations applied before.
    pub step: usize,
    /// The operation, none when the check of all blocks failed.
    pub op: Option<Op>,
    /// The promise.
    pub violation: Violation,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}, step {}, {:?}: {}", self.seed, self.step, self.op, self.violation)
    }
}

/// Applies `count` operations drawn from `seed`, with a check of all blocks now and then and at the end.
///
/// # Errors
/// At the first broken promise.
pub fn run_seed(
    subject: &dyn Subject,
    rules: Rules,
    limits: Limits,
    mix: Mix,
    seed: u64,
    count: usize,
) -> Result<(), Failure> {
    let mut shadow = Shadow::new(subject, rules, limits, !seed);
    let mut rng = Rng::new(seed);
    for step in 0..count {
        let op = Op::draw(&mut rng, mix);
        shadow.apply(&op).map_err(|violation| Failure { seed, step, op: Some(op), violation })?;
        if step.is_multiple_of(8192) {
            shadow.verify().map_err(|violation| Failure { seed, step, op: None, violation })?;
        }
    }
    shadow.finish().map_err(|violation| Failure { seed, step: count, op: None, violation })
}
