//! The drawing of arenas: one letter a slice.
//!
//! It is drawn while other threads go on, from words that are atomic: each letter was true at some moment.

use core::fmt::{self, Write};

use super::current;
use crate::arena::{ABANDONED_MAPS, Arena, SliceState};
use crate::config::SLICE_SIZE;
use crate::page::{FLAGS, PageRef};
use crate::page_map;
use crate::size_class::HUGE_BIN;
use crate::sync::Ordering;

/// Which slices are told apart.
#[derive(Clone, Copy, Debug)]
pub struct Show {
    /// Those in use.
    pub in_use: bool,
    /// Those of pages without an owner, apart from others in use.
    pub abandoned: bool,
    /// Free ones whose memory waits to be given back, apart from others that have memory.
    pub purge: bool,
}

impl Show {
    /// All of them.
    pub const ALL: Self = Self { in_use: true, abandoned: true, purge: true };
}

/// Slices in a line.
const ROW: usize = 64;
const ROW_MIB: usize = (ROW * SLICE_SIZE) >> 20;

const LEGEND: &str = "P page, p abandoned page, f abandoned full page, s page of one block, - continued, \
    i header, x changing hands, ~ free and to be purged, _ free and committed, . free";

/// Prints the arenas of the calling thread's sub-process, each with a drawing of its slices unless nothing is
/// to be shown. Lines that repeat the one before are replaced by `*`.
pub fn print(out: &mut dyn Write, show: Show) -> fmt::Result {
    let draws = show.in_use || show.abandoned || show.purge;
    if draws {
        writeln!(out, "a letter is a slice of {} KiB: {LEGEND}", SLICE_SIZE >> 10)?;
    }
    let (mut pages, mut arenas) = (0, 0);
    for arena in current().iter() {
        head(out, arena)?;
        let counts = draw(draws.then_some(&mut *out), arena, show)?;
        writeln!(
            out,
            "  pages: {}, slices in use: {}, to be purged: {}, free: {}",
            counts.pages, counts.used, counts.purge, counts.free
        )?;
        pages += counts.pages;
        arenas += 1;
    }
    writeln!(out, "total arenas: {arenas}, pages: {pages}")
}

fn head(out: &mut dyn Write, arena: &Arena) -> fmt::Result {
    let (traits, slices, mib) = (arena.traits(), arena.slice_count(), arena.size() >> 20);
    let base = arena.base().addr();
    write!(out, "arena {} at {base:#x}: {slices} slices ({mib} MiB)", arena.id())?;
    let words = [
        (traits.pinned, "pinned"),
        (traits.exclusive, "exclusive"),
        (traits.external, "external"),
        (traits.on_demand, "on demand"),
    ];
    for (_, word) in words.into_iter().filter(|(applies, _)| *applies) {
        write!(out, ", {word}")?;
    }
    if let Some(node) = traits.node {
        write!(out, ", node {node}")?;
    }
    writeln!(out)
}

#[derive(Default)]
struct Counts {
    pages: usize,
    used: usize,
    purge: usize,
    free: usize,
}

/// Looks at every slice, and draws it if there is something to draw on.
fn draw(mut out: Option<&mut dyn Write>, arena: &Arena, show: Show) -> Result<Counts, fmt::Error> {
    let mut counts = Counts::default();
    let (mut last, mut repeats) = ([0; ROW], false);
    for first in (0..arena.slice_count()).step_by(ROW) {
        let count = ROW.min(arena.slice_count() - first);
        let mut row = [b'.'; ROW];
        if arena.is_untouched(first) {
            counts.free += count;
        } else {
            for (index, place) in (first..first + count).zip(&mut row) {
                *place = letter(arena, index, show, &mut counts);
            }
        }
        let Some(out) = out.as_deref_mut() else { continue };
        if row != last || first == 0 {
            let text = core::str::from_utf8(&row[..count]).unwrap_or_default();
            writeln!(out, "{:>8} MiB  {text}", first / ROW * ROW_MIB)?;
            repeats = false;
        } else if !repeats {
            writeln!(out, "  *")?;
            repeats = true;
        }
        last = row;
    }
    Ok(counts)
}

fn letter(arena: &Arena, index: usize, show: Show, counts: &mut Counts) -> u8 {
    let state = arena.slice_state(index);
    match state {
        SliceState::Header | SliceState::Used => counts.used += 1,
        SliceState::ToBePurged | SliceState::Committed | SliceState::Reserved => counts.free += 1,
    }
    counts.purge += usize::from(state == SliceState::ToBePurged);
    match state {
        SliceState::Header if show.in_use => b'i',
        SliceState::Header => b' ',
        SliceState::Used => used_letter(arena, index, show, counts),
        SliceState::ToBePurged if show.purge => b'~',
        SliceState::ToBePurged | SliceState::Committed => b'_',
        SliceState::Reserved => b'.',
    }
}

fn used_letter(arena: &Arena, index: usize, show: Show, counts: &mut Counts) -> u8 {
    let addr = arena.base().addr().get() + index * SLICE_SIZE;
    let Some(record) = page_map::lookup(addr) else {
        return if show.in_use { b'x' } else { b' ' };
    };
    let letter = page_letter(arena, PageRef::from_record(record));
    let is_abandoned = matches!(letter, b'p' | b'f');
    let letter = match (is_abandoned, show.abandoned, show.in_use) {
        (true, true, _) | (false, _, true) => letter,
        (true, false, true) => b'P',
        _ => b' ',
    };
    if record == arena.record(index) {
        counts.pages += 1;
        letter
    } else if letter == b' ' {
        b' '
    } else {
        b'-'
    }
}

/// What a page is, told by its words that are atomic.
fn page_letter(arena: &Arena, page: PageRef) -> u8 {
    if page.bin() == HUGE_BIN {
        return b's';
    }
    if page.owner.load(Ordering::Relaxed) & !FLAGS != 0 {
        return b'P';
    }
    let start = page.start().addr().wrapping_sub(arena.base().addr().get()) / SLICE_SIZE;
    let has_free = start < arena.slice_count()
        && [page.bin(), ABANDONED_MAPS - 1]
            .into_iter()
            .any(|map| arena.abandoned(map).all_set(start, 1));
    if has_free { b'p' } else { b'f' }
}
