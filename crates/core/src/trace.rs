//! Who called: the return addresses on a thread's stack, taken without an allocation or a lock.
//!
//! Frame pointers are followed where the program keeps them. What they lead to is copied by the system, which knows
//! what can be read: a register that is no frame pointer leads nowhere, and not to a fault.

use core::fmt;

use crate::os;
use crate::sync::plain::{AtomicUsize, Ordering};

/// Most return addresses that are kept.
pub const FRAMES: usize = 16;

/// Words of the stack that are looked at.
const WINDOW: usize = 512;

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
    let mut window = [0; WINDOW];
    // What lies above the window itself: the frames of the callers.
    let start = window.as_ptr().addr() + size_of_val(&window);
    let count = os::copy_words(start, &mut window);
    follow(start, &window[..count], frames)
}

/// Follows the frame pointers in a copy of the stack from `start` on. The functions of this library keep none, but
/// save that of their caller: the first word that leads along a chain is taken for it.
fn follow(start: usize, stack: &[usize], frames: &mut [usize; FRAMES]) -> usize {
    for (at, &pointer) in stack.iter().enumerate() {
        let count = chain(start, stack, pointer, at, frames);
        // One frame may be chance.
        if count >= 2 {
            return count;
        }
    }
    0
}

/// The return addresses along the frames from `pointer` on, which stood at index `above`.
fn chain(
    start: usize,
    stack: &[usize],
    mut pointer: usize,
    mut above: usize,
    frames: &mut [usize; FRAMES],
) -> usize {
    let mut count = 0;
    while count < FRAMES {
        let offset = pointer.wrapping_sub(start);
        let index = offset / size_of::<usize>();
        if !offset.is_multiple_of(size_of::<usize>()) || index <= above || index + 1 >= stack.len()
        {
            break;
        }
        let target = stack[index + 1];
        if !may_be_code(target, start) {
            break;
        }
        frames[count] = target;
        count += 1;
        (pointer, above) = (stack[index], index);
    }
    count
}

/// Whether an address may be one of code: not of the stack, and not near the ends.
fn may_be_code(addr: usize, stack: usize) -> bool {
    const NEAR: usize = 64 << 20;
    addr >= 1 << 16 && addr >> os::address_bits() == 0 && addr.abs_diff(stack) > NEAR
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: usize = 0x7ffd_0000_0000;
    const CODE: usize = 0x5555_0000_0000;

    /// The address of a word of the stack.
    fn word(index: usize) -> usize {
        START + index * size_of::<usize>()
    }

    #[test]
    fn frame_pointers_are_followed() {
        let mut stack = [0; 40];
        stack[3] = word(10);
        (stack[10], stack[11]) = (word(20), CODE);
        (stack[20], stack[21]) = (word(30), CODE + 1);
        (stack[30], stack[31]) = (0, CODE + 2);
        let mut frames = [0; FRAMES];
        assert_eq!(follow(START, &stack, &mut frames), 3);
        assert_eq!(frames[..3], [CODE, CODE + 1, CODE + 2]);
    }

    #[test]
    fn what_is_no_frame_pointer_leads_nowhere() {
        let mut frames = [0; FRAMES];
        let mut stack = [0; 40];
        // In a circle, downwards, beyond the stack, not to a word, and to what is no code.
        (stack[3], stack[10], stack[11]) = (word(10), word(10), CODE);
        (stack[12], stack[13], stack[14]) = (word(5), word(400), word(20) + 1);
        (stack[15], stack[20], stack[21]) = (word(20), word(25), word(2));
        assert_eq!(follow(START, &stack, &mut frames), 0);
        assert_eq!(follow(START, &[], &mut frames), 0);
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
