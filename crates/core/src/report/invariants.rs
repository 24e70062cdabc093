//! What must hold whatever the caller does, checked in builds that look for the engine's own mistakes.

use super::{VERBOSE_PREFIX, print};
use crate::os;

/// Ends the process unless a condition holds, in builds that check.
macro_rules! invariant {
    ($condition:expr) => {
        if $crate::config::CHECKED && !$condition {
            $crate::report::broken(file!(), line!(), module_path!(), stringify!($condition));
        }
    };
}
pub(crate) use invariant;

/// Reports that something which must hold does not, and ends the process.
#[cold]
#[inline(never)]
pub fn broken(file: &str, line: u32, module: &str, what: &str) -> ! {
    let args =
        format_args!("assertion failed: at \"{file}\":{line}, {module}\n  assertion: \"{what}\"\n");
    print(VERBOSE_PREFIX, false, args);
    os::abort()
}
