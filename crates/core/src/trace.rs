//! Who called: the return addresses on a thread's stack, taken without an allocation or a lock.
//!
//! Frame pointers are followed where the program keeps them. What they lead to is copied by the system, which knows
//! what can be read: a register that is no frame pointer leads nowhere, and not to a fault.

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
        let mut frames = [0; FRAMES];
        let count = here(&mut frames);
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

/// The return addresses on the calling thread's stack, and how many those are.
#[inline(never)]
pub fn here(frames: &mut [usize; FRAMES]) -> usize {
    let mut window = [0; WINDOW];
    // What lies above the window itself: the frames of the callers.
    let start = window.as_ptr().addr() + size_of_val(&window);
    let count = os::copy_words(start, &mut window);
    follow(start, &window[..count], frames)
}

/// Follows the frame pointers in a copy of the stack from `start` on. The functions of this library keep none, but
/// save that of their caller: the first word that leads along a chain is taken for it.
fn follow(start: usize, stack: &[usize], frames: &mut [usize; FRAMES]) -> usize {
    let mut best = 0;
    for at in 0..stack.len() {
        let mut found = [0; FRAMES];
        let count = chain(start, stack, stack[at], at, &mut found);
        // One frame may be chance.
        if count >= 2 {
            *frames = found;
            best = count;
            break;
        }
    }
    best
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
