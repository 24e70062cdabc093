//! Loops of one operation each, for counting instructions. Blocks have 64 bytes.

use crate::block::Block;

const SIZE: usize = 64;
const MANY: usize = 100;
const REMOTE: usize = 1_000;

/// A loop: its name, what one turn of it does, and the loop.
#[derive(Debug)]
pub struct Loop {
    /// What it is called by.
    pub name: &'static str,
    /// Does it so many times.
    pub run: fn(usize),
}

/// All of them.
pub const ALL: &[Loop] = &[
    Loop { name: "pair", run: pairs },
    Loop { name: "many", run: many },
    Loop { name: "calloc", run: callocs },
    Loop { name: "realloc", run: reallocs },
    Loop { name: "remote", run: remote },
];

fn pairs(turns: usize) {
    for _ in 0..turns {
        drop(Block::new(SIZE));
    }
}

fn many(turns: usize) {
    let mut blocks = Vec::with_capacity(MANY);
    for _ in 0..turns / MANY {
        blocks.extend((0..MANY).map(|_| Block::new(SIZE)));
        blocks.clear();
    }
}

fn callocs(turns: usize) {
    for _ in 0..turns {
        drop(Block::zeroed(SIZE));
    }
}

/// By turns to four times the size and back, which no allocator does in place.
fn reallocs(turns: usize) {
    let mut block = Block::new(SIZE);
    for turn in 0..turns {
        block.resize(if turn % 2 == 0 { 4 * SIZE } else { SIZE });
    }
}

/// Another thread frees what this one has allocated.
fn remote(turns: usize) {
    for _ in 0..turns / REMOTE {
        let mut blocks = Vec::with_capacity(REMOTE);
        blocks.extend((0..REMOTE).map(|_| Block::new(SIZE)));
        let freed = std::thread::spawn(move || drop(blocks)).join();
        assert!(freed.is_ok(), "no thread died");
    }
}
