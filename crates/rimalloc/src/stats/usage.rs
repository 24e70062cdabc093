//! What the process uses.

use core::time::Duration;

use rimalloc_core::census;
use rimalloc_core::stats::Usage;

/// Time and memory of the process at one moment. Sizes are in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ProcessUsage {
    /// Since the allocator was first asked for something.
    pub elapsed: Duration,
    /// Processor time in user mode, of all threads.
    pub user: Duration,
    /// Processor time in the kernel, of all threads.
    pub system: Duration,
    /// Resident set; 0 where it cannot be read.
    pub current_rss: usize,
    /// Largest resident set so far.
    pub peak_rss: usize,
    /// What the allocator has committed.
    pub current_commit: usize,
    /// Most that the allocator had committed.
    pub peak_commit: usize,
    /// Page faults that needed input or output.
    pub page_faults: usize,
}

/// What the process uses now. Asks the system; times are exact to a millisecond.
#[must_use]
pub fn process_usage() -> ProcessUsage {
    let usage = census::usage();
    let time = |ms: usize| Duration::from_millis(ms as u64);
    ProcessUsage {
        elapsed: time(usage.elapsed_ms),
        user: time(usage.user_ms),
        system: time(usage.system_ms),
        current_rss: usage.current_rss,
        peak_rss: usage.peak_rss,
        current_commit: usage.current_commit,
        peak_commit: usage.peak_commit,
        page_faults: usage.page_faults,
    }
}

impl ProcessUsage {
    pub(super) fn to_engine(self) -> Usage {
        let ms = |time: Duration| usize::try_from(time.as_millis()).unwrap_or(usize::MAX);
        Usage {
            elapsed_ms: ms(self.elapsed),
            user_ms: ms(self.user),
            system_ms: ms(self.system),
            current_rss: self.current_rss,
            peak_rss: self.peak_rss,
            current_commit: self.current_commit,
            peak_commit: self.peak_commit,
            page_faults: self.page_faults,
        }
    }
}
