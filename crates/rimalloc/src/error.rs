//! What can go wrong.

use core::error::Error;
use core::fmt;

/// The system refuses memory, or a request is larger than any object may be.
///
/// The allocator has given back what was free and has asked once more before it says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of memory")
    }
}

impl Error for OutOfMemory {}
