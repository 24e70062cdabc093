//! Boxes of 64 bytes through rimalloc, many at a time: `boxes TURNS`. Its two functions are apart so that
//! what they cost can be counted.

use std::env;

#[global_allocator]
static GLOBAL: rimalloc::Rimalloc = rimalloc::Rimalloc;

type Content = [u64; 8];

const MANY: usize = 100;

#[inline(never)]
fn take(content: &Content) -> Box<Content> {
    Box::new(*content)
}

/// The size is known from the type, and passed to the allocator.
#[inline(never)]
fn give(content: Box<Content>) {
    drop(content);
}

fn main() {
    let turns = env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let mut boxes = Vec::with_capacity(MANY);
    let mut sum = 0;
    for turn in 0..turns / MANY as u64 {
        for _ in 0..MANY {
            boxes.push(take(&[turn; 8]));
        }
        for content in boxes.drain(..) {
            sum += content[7];
            give(content);
        }
    }
    println!("{sum}");
}
