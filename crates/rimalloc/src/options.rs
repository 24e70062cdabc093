//! Options, each with its type.
//!
//! Every function here is one option: what it returns reads and sets it, and makes a [`Choice`] of it for a
//! [`Config`](crate::Config).
//!
//! ```
//! use core::time::Duration;
//! use rimalloc::options;
//!
//! options::purge_delay().set(Duration::from_millis(50));
//! assert_eq!(options::purge_delay().get(), Some(Duration::from_millis(50)));
//! options::purge_delay().set(None); // never
//! options::max_errors().set(100);
//! ```
//!
//! # Who decides
//! From weak to strong: the default of the allocator; the default that the program chose ([`Setting::set_default`],
//! [`Config`](crate::Config)); the environment (`RIMALLOC_NAME`, else `MIMALLOC_NAME`, read when the first block is
//! asked for); [`Setting::set`]. Which of them it was is what [`Setting::source`] says.
//!
//! # When
//! An option is read when what it decides is decided, so most can be set at any time, from any thread, and take effect
//! from then on. Those that say *at start* have to be known before the first block: by the environment or in a `Config`.
//! Reading and setting never allocates.

mod list;
mod setting;

use rimalloc_core::options::{self as engine, Opt};

pub use list::*;
pub use rimalloc_core::options::Source;
pub use setting::{Choice, Setting};

/// Makes the environment count for nothing.
pub(crate) fn ignore_environment() {
    engine::ignore_environment();
}

/// When arenas become accessible memory. The type of [`arena_eager_commit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EagerCommit {
    /// Piece by piece, as memory is used.
    Never,
    /// At once.
    Always,
    /// At once where the system does not charge memory before it is used.
    IfOvercommitting,
}

/// What follows when a block is misused. The type of [`check`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Blocks are not looked at, but for those of heaps that ask for it and in builds that look at all.
    Off,
    /// Mistakes are reported, and the program goes on.
    Warn,
    /// Mistakes are reported, and the process aborts.
    Abort,
}

/// An option as text and number, for programs that show all of them. See [`all`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// The name as the environment spells it after its prefix, in lower case.
    pub name: &'static str,
    /// The value; sizes are in KiB.
    pub value: i64,
    /// The value when nobody decides.
    pub default: i64,
    /// What the number counts.
    pub unit: &'static str,
    /// What it does, in a line.
    pub help: &'static str,
    /// Who decided the value.
    pub source: Source,
}

/// All options, also those without a function here: what older programs set, and what has no effect any more.
///
/// ```
/// for option in rimalloc::options::all() {
///     println!("{:30} {:>12} {}", option.name, option.value, option.unit);
/// }
/// ```
pub fn all() -> impl Iterator<Item = Info> {
    Opt::ALL.into_iter().map(|opt| {
        let info = opt.info();
        Info {
            name: info.name,
            value: engine::get(opt),
            default: info.default,
            unit: info.unit,
            help: info.help,
            source: engine::source(opt),
        }
    })
}
