//! What the process uses, as the system counts it and as the engine does.

use super::{CountValue, elapsed_ms};
use crate::os;

/// Time and memory of the process at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Milliseconds since the library started.
    pub elapsed_ms: usize,
    /// Processor time in user mode, of all threads, in milliseconds.
    pub user_ms: usize,
    /// Processor time in the kernel, of all threads, in milliseconds.
    pub system_ms: usize,
    /// Resident set in bytes; 0 where it cannot be read.
    pub current_rss: usize,
    /// Largest resident set so far, in bytes.
    pub peak_rss: usize,
    /// Bytes that the engine has committed.
    pub current_commit: usize,
    /// Most bytes that the engine had committed.
    pub peak_commit: usize,
    /// Page faults that needed input or output.
    pub page_faults: usize,
}

impl Usage {
    /// What is used now, by a process that has committed as much as `commit` says. Asks the system.
    pub fn now(commit: CountValue) -> Self {
        let info = os::process_info();
        Self {
            elapsed_ms: narrow(elapsed_ms()),
            user_ms: narrow(info.user_ms),
            system_ms: narrow(info.system_ms),
            current_rss: info.current_rss,
            peak_rss: info.peak_rss,
            current_commit: narrow(commit.current),
            peak_commit: narrow(commit.peak),
            page_faults: narrow(info.page_faults),
        }
    }
}

/// The nearest number that a size can be.
fn narrow(number: impl TryInto<usize>) -> usize {
    number.try_into().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn use_of_the_process_only_grows_where_it_can_only_grow() {
        crate::stats::start_clock(os::clock_ms());
        let before = Usage::now(CountValue::default());
        let spent = |usage: &Usage| usage.user_ms + usage.system_ms;
        let after = loop {
            let now = Usage::now(CountValue { total: 3, peak: 2, current: 1 });
            if spent(&now) > spent(&before) {
                break now;
            }
        };
        assert!(after.elapsed_ms >= before.elapsed_ms);
        assert!(after.page_faults >= before.page_faults && after.peak_rss >= before.peak_rss);
        assert!(after.current_rss > 0 && (after.current_commit, after.peak_commit) == (1, 2));
    }
}
