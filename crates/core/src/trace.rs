//! Who called: the return addresses on a thread's stack, taken without an allocation or a lock.
//!
//! Frame pointers are followed where the program keeps them. The system is asked of each OS page of the stack whether it
//! can be read: a register that is no frame pointer leads nowhere, and not to a fault.
#![allow(unsafe_code)]

use core::fmt;
use core::ptr::with_exposed_provenance;

use crate::config::{VALGRIND, WORD_SIZE};
use crate::os;
use crate::sync::plain::{AtomicUsize, Ordering};
use crate::tools;

/// Most return addresses that are kept.
pub const FRAMES: usize = 16;

/// Words of the stack among which the frame pointer of this library's caller is looked for.
const STARTS: usize = 160;

/// Bytes of the stack in which frames are followed.
const REACH: usize = 16 << 10;

/// A thread, and the return addresses on its stack at one moment, innermost first, up to the first that is 0.
pub struct Trace {
    thread: AtomicUsize,
    frames: [AtomicUsize; FRAMES],
}

impl Trace {
    /// Forgets all.
    pub fn clear(&self) {
        self.thread.store(0, Ordering::Relaxed);
        self.set(&[]);
    }

    /// Notes the calling thread and its stack.
    pub fn take(&self) {
        self.thread.store(os::thread_id(), Ordering::Relaxed);
        let Frames { frames, count } = Frames::here();
        self.set(&frames[..count]);
    }

    fn set(&self, frames: &[usize]) {
        for (index, frame) in self.frames.iter().enumerate() {
            frame.store(frames.get(index).copied().unwrap_or(0), Ordering::Relaxed);
        }
    }

    /// The thread, unless nothing is known.
    pub fn thread(&self) -> Option<usize> {
        Some(self.thread.load(Ordering::Relaxed)).filter(|&thread| thread != 0)
    }

    /// The return addresses.
    pub fn frames(&self) -> impl Iterator<Item = usize> {
        self.frames
            .iter()
            .map(|frame| frame.load(Ordering::Relaxed))
            .take_while(|&frame| frame != 0)
    }
}

impl Trace {
    /// Writes a line for each return address, with the file that it lies in and the place there.
    pub fn write(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        self.frames().try_for_each(|frame| write_frame(frame, out))
    }
}

/// Return addresses on the calling thread's stack, as they are taken.
pub struct Frames {
    frames: [usize; FRAMES],
    count: usize,
}

impl Frames {
    /// Those of the callers.
    #[inline(never)]
    pub fn here() -> Self {
        let mut frames = [0; FRAMES];
        let count = here(&mut frames);
        Self { frames, count }
    }

    /// One place in the code alone.
    pub fn at(code: usize) -> Self {
        let mut frames = [0; FRAMES];
        frames[0] = code;
        Self { frames, count: 1 }
    }

    /// Writes a line for each, with the file that it lies in and the place there.
    pub fn write(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        self.frames[..self.count].iter().try_for_each(|&frame| write_frame(frame, out))
    }
}

fn write_frame(frame: usize, out: &mut dyn fmt::Write) -> fmt::Result {
    let mut name = [0; 120];
    match os::code_at(frame, &mut name) {
        Some((length, place)) => {
            let name = name[..length].utf8_chunks().next().map_or("", |chunk| chunk.valid());
            writeln!(out, "    {frame:#x} {name}+{place:#x}")
        }
        None => Ok(()),
    }
}

/// The return addresses on the calling thread's stack, and how many those are.
#[inline(never)]
fn here(frames: &mut [usize; FRAMES]) -> usize {
    let anchor = 0_usize;
    // What lies above: the frames of the callers.
    let start = (&raw const anchor).addr();
    let mut stack = Stack { end: start - start % os::page_size() + os::page_size() };
    follow(start, |addr| stack.word(addr), frames)
}

/// The address that was found last not to be readable: behind the stack of a thread that is likely to ask again.
static BEYOND: AtomicUsize = AtomicUsize::new(0);

/// The calling thread's stack, from one of its frames upward.
struct Stack {
    /// Behind what is known to be readable: a multiple of an OS page.
    end: usize,
}

impl Stack {
    /// The word at an address of the stack, or above it.
    #[inline]
    fn word(&mut self, addr: usize) -> Option<usize> {
        while addr >= self.end {
            // Valgrind does not tell.
            if VALGRIND || self.end == BEYOND.load(Ordering::Relaxed) {
                return None;
            }
            if !os::is_readable(self.end) {
                BEYOND.store(self.end, Ordering::Relaxed);
                return None;
            }
            self.end += os::page_size();
        }
        // SAFETY: the word is aligned and can be read; only this thread's callers, who wait, write to it.
        Some(tools::known(unsafe { with_exposed_provenance::<usize>(addr).read_volatile() }))
    }
}

/// Follows the frame pointers on the stack from `start` on, of which `word` reads a word. The functions of this library
/// keep none, but save that of their caller: the first word that leads along a chain is taken for it.
#[inline]
fn follow(
    start: usize,
    mut word: impl FnMut(usize) -> Option<usize>,
    frames: &mut [usize; FRAMES],
) -> usize {
    for index in 0..STARTS {
        let at = start + index * WORD_SIZE;
        let Some(pointer) = word(at) else { break };
        // Most words do not lead anywhere.
        if leads_on(start, at, pointer) {
            let count = chain(start, &mut word, pointer, at, frames);
            // One frame may be chance.
            if count >= 2 {
                return count;
            }
        }
    }
    0
}

/// Whether a word that stands at `at` may be the address of a frame further up.
#[inline]
fn leads_on(start: usize, at: usize, pointer: usize) -> bool {
    pointer > at && pointer - start < REACH && pointer.is_multiple_of(WORD_SIZE)
}

/// The return addresses along the frames from `pointer` on, which stood at `at`.
fn chain(
    start: usize,
    mut word: impl FnMut(usize) -> Option<usize>,
    mut pointer: usize,
    mut at: usize,
    frames: &mut [usize; FRAMES],
) -> usize {
    for (count, frame) in frames.iter_mut().enumerate() {
        let is_frame = leads_on(start, at, pointer);
        let target = if is_frame { word(pointer + WORD_SIZE) } else { None };
        let Some(target) = target.filter(|&target| may_be_code(target, start)) else {
            return count;
        };
        *frame = target;
        let Some(next) = word(pointer) else { return count + 1 };
        (at, pointer) = (pointer, next);
    }
    FRAMES
}

/// Whether an address may be one of code: not of the stack, and not near the ends.
fn may_be_code(addr: usize, stack: usize) -> bool {
    const NEAR: usize = 64 << 20;
    addr >= 1 << 16 && addr >> os::address_bits() == 0 && addr.abs_diff(stack) > NEAR
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const START: usize = 0x7ffd_0000_0000;
    const CODE: usize = 0x5555_0000_0000;

    /// The address of a word of the stack.
    fn word(index: usize) -> usize {
        START + index * WORD_SIZE
    }

    /// The frames that are found on a stack with these words, beyond which nothing can be read.
    fn followed(stack: &[usize]) -> Vec<usize> {
        let mut frames = [0; FRAMES];
        let read = |addr: usize| stack.get((addr - START) / WORD_SIZE).copied();
        let count = follow(START, read, &mut frames);
        frames[..count].to_vec()
    }

    #[test]
    fn frame_pointers_are_followed() {
        let mut stack = [0; 40];
        stack[3] = word(10);
        (stack[10], stack[11]) = (word(20), CODE);
        (stack[20], stack[21]) = (word(30), CODE + 1);
        (stack[30], stack[31]) = (0, CODE + 2);
        assert_eq!(followed(&stack), [CODE, CODE + 1, CODE + 2]);
        // The last frame has its address, and what it leads to cannot be read.
        assert_eq!(followed(&stack[..30]), [CODE, CODE + 1]);
        assert_eq!(followed(&stack[..21]), []);
    }

    #[test]
    fn what_is_no_frame_pointer_leads_nowhere() {
        let mut stack = [0; 40];
        // In a circle, downwards, beyond the stack, not to a word, and to what is no code.
        (stack[3], stack[10], stack[11]) = (word(10), word(10), CODE);
        (stack[12], stack[13], stack[14]) = (word(5), word(400), word(20) + 1);
        (stack[15], stack[20], stack[21]) = (word(20), word(25), word(2));
        stack[16] = word(REACH);
        assert_eq!(followed(&stack), []);
        assert_eq!(followed(&[]), []);
    }

    #[test]
    fn no_more_frames_are_followed_than_fit() {
        let stack: Vec<_> =
            (0..200).map(|index| if index % 2 == 0 { word(index + 2) } else { CODE }).collect();
        assert_eq!(followed(&stack), [CODE; FRAMES]);
    }

    #[test]
    fn the_own_stack_can_be_walked() {
        let trace = Trace { thread: AtomicUsize::new(0), frames: Default::default() };
        trace.take();
        assert_eq!(trace.thread(), Some(os::thread_id()));
        assert!(trace.frames().count() <= FRAMES);
        trace.clear();
        assert!(trace.thread().is_none() && trace.frames().next().is_none());
    }
}
