//! What is known of an address that a report is about: its block, and the stacks of those who allocated and freed it.
//!
//! Takes no lock and allocates nothing: reports are made wherever a mistake is found, also in handlers of faults.

use core::fmt::{self, Write};

use crate::guards::{self, State};
use crate::heap::Heap;
use crate::page::PageRef;
use crate::size_class::HUGE_BIN;
use crate::trace::Trace;

/// Writes lines on the block that `addr` lies in, or lay in not long ago, each indented.
pub fn block(addr: usize, out: &mut dyn Write) -> fmt::Result {
    if let Some(record) = guards::find(addr) {
        let (block, size, heap) = (record.block(), record.size(), record.heap());
        writeln!(out, "  guarded block {block:#x} of {size} bytes, heap {heap}")?;
        trace("allocated", &record.allocated, out)?;
        if record.state() == State::Freed {
            trace("freed", &record.freed, out)?;
        }
        return Ok(());
    }
    let Some(page) = PageRef::of_addr(addr) else {
        return writeln!(out, "  {addr:#x} lies in no block");
    };
    let (block, size, heap) = (page.block_at(addr), page.block_size(), Heap::of(&page).ordinal());
    match page.bin() {
        HUGE_BIN => {
            writeln!(out, "  block {block:p} of {size} bytes, a page of its own, heap {heap}")
        }
        bin => writeln!(out, "  block {block:p} of {size} bytes, bin {bin}, heap {heap}"),
    }
}

fn trace(what: &str, trace: &Trace, out: &mut dyn Write) -> fmt::Result {
    if let Some(thread) = trace.thread() {
        writeln!(out, "  {what} by thread {thread:#x}")?;
    }
    trace.write(out)
}
