//! What the machine is, as far as it matters for figures.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// The machine of a record.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// The processor's name.
    pub(crate) processor: String,
    /// Processors that programs may run on.
    pub(crate) cores: usize,
    /// Memory in MiB.
    pub(crate) memory: u64,
    /// Name and release of the system's kernel.
    pub(crate) kernel: String,
    /// The system's mode of huge pages: always, madvise or never.
    pub(crate) huge_pages: String,
}

impl Machine {
    pub(crate) fn read() -> Self {
        let kernel = Command::new("uname").args(["-s", "-r", "-m"]).output();
        Self {
            processor: field("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(1, core::num::NonZero::get),
            memory: kibibytes("/proc/meminfo", "MemTotal") / 1024,
            kernel: kernel
                .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
                .unwrap_or_default(),
            huge_pages: huge_pages(),
        }
    }

    pub(crate) fn sentence(&self) -> String {
        format!(
            "{}, {} cores, {} MiB, {}. The system's mode of huge pages is `{}`.",
            self.processor, self.cores, self.memory, self.kernel, self.huge_pages
        )
    }
}

/// The value after a colon.
fn field(path: &str, name: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_once(':').map_or_else(|| "unknown".into(), |(_, value)| value.trim().into())
}

fn kibibytes(path: &str, name: &str) -> u64 {
    field(path, name).split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// The mode in brackets; `never` where there is no such file.
fn huge_pages() -> String {
    let text =
        fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled").unwrap_or_default();
    let mode = text.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    mode.map_or("never", |(mode, _)| mode).into()
}
