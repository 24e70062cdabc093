//! What it costs to have the allocator in a program that does next to nothing.

use std::process::Command;

use super::Load;

const STARTS: usize = 600;

pub(super) fn run(load: Load) {
    for _ in 0..load.turns(STARTS) {
        let status = Command::new("true").status();
        assert!(status.is_ok_and(|status| status.success()), "`true` does not start");
    }
}
