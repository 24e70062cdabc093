//! The one table of the options: number, name, kind, default, legacy name, unit, help.
//!
//! The columns are laid out as plain bytes and line-separated text instead of an array of records: records full of
//! string slices need a relocation for every slice, which a shared library pays for at each program start.

use crate::config::{HARDENED, VALGRIND};

/// How the text and the number of an option are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// On or off; some switches know a third value.
    Switch,
    /// A plain decimal number.
    Number,
    /// A number of KiB. In the environment it may carry a size suffix, and without one it counts bytes.
    KiB,
    /// What follows a mistake: the words `warn` and `abort` mean 1 and 2.
    Policy,
}

/// Everything that the table says about one option.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// The name as the environment spells it after its prefix, in lower case.
    pub name: &'static str,
    /// How its values are read.
    pub kind: Kind,
    /// The value when nobody sets one.
    pub default: i64,
    /// An older name that the environment may still use, or an empty text.
    pub legacy: &'static str,
    /// What the number counts.
    pub unit: &'static str,
    /// One line on what it does.
    pub help: &'static str,
}

/// Builds the option type and the columns of its table from one list, so that they cannot disagree.
macro_rules! table {
    ($($variant:ident = $number:literal, $name:literal, $kind:ident, $default:expr, $legacy:literal, $unit:literal,
       $help:literal;)*) => {
        /// An option. Up to `AllowThp` the numbers are those of the 2.x C interface and never change; options that
        /// only later generations know follow after them.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(i32)]
        pub enum Opt {
            $(#[doc = $help] $variant = $number,)*
        }

        impl Opt {
            /// All options in the order of their numbers.
            pub const ALL: [Self; COUNT] = [$(Self::$variant,)*];
        }

        /// Number of options.
        pub const COUNT: usize = [$($number,)*].len();
        pub(super) static KINDS: [Kind; COUNT] = [$(Kind::$kind,)*];
        pub(super) static DEFAULTS: [i64; COUNT] = [$($default,)*];
        pub(super) const NAMES: &str = concat!($($name, "\n",)*);
        const LEGACY: &str = concat!($($legacy, "\n",)*);
        const UNITS: &str = concat!($($unit, "\n",)*);
        const HELP: &str = concat!($($help, "\n",)*);
    };
}

/// Hardened builds tell of mistakes unless that is turned off.
const SHOW_ERRORS: i64 = if HARDENED { 1 } else { 0 };

/// KiB that an arena reserves: address space is scarce on 32-bit systems, and valgrind keeps books on all of it.
const ARENA_RESERVE: i64 = if VALGRIND {
    64 << 10
} else if usize::BITS >= 64 {
    1 << 20
} else {
    128 << 10
};

table! {
    ShowErrors = 0, "show_errors", Switch, SHOW_ERRORS, "", "switch", "Print error and warning messages.";
    ShowStats = 1, "show_stats", Switch, 0, "", "switch", "Print the statistics table when the process exits.";
    Verbose = 2, "verbose", Number, 0, "", "level",
        "1: print options, start and exit, and all errors and warnings without limit; 2: trace messages too.";
    EagerCommit = 3, "eager_commit", Switch, 1, "", "none",
        "Has no effect: there are no segments, and a page is committed when it is made.";
    ArenaEagerCommit = 4, "arena_eager_commit", Number, 2, "eager_region_commit", "0/1/2",
        "Commit arenas when they are reserved: 0 never, 1 always, 2 only where the system overcommits.";
    PurgeDecommits = 5, "purge_decommits", Switch, 1, "reset_decommits", "switch",
        "Purging decommits memory; if off it only resets it.";
    AllowLargeOsPages = 6, "allow_large_os_pages", Switch, 0, "large_os_pages", "switch",
        "Use large OS pages (2 MiB) where size and alignment fit.";
    ReserveHugeOsPages = 7, "reserve_huge_os_pages", Number, 0, "", "pages of 1 GiB",
        "Reserve this many huge OS pages at process start.";
    ReserveHugeOsPagesAt = 8, "reserve_huge_os_pages_at", Number, -1, "", "NUMA node",
        "The node for the reserved huge OS pages; -1 spreads them over all nodes.";
    ReserveOsMemory = 9, "reserve_os_memory", KiB, 0, "", "KiB", "Reserve this much memory at process start.";
    DeprecatedSegmentCache = 10, "deprecated_segment_cache", Number, 0, "", "none", "Has no effect.";
    DeprecatedPageReset = 11, "deprecated_page_reset", Switch, 0, "", "none", "Has no effect.";
    AbandonedPagePurge = 12, "abandoned_page_purge", Switch, 0, "abandoned_page_reset", "switch",
        "Purge all free memory at once whenever a thread ends.";
    DeprecatedSegmentReset = 13, "deprecated_segment_reset", Switch, 0, "", "none", "Has no effect.";
    EagerCommitDelay = 14, "eager_commit_delay", Number, 1, "", "none",
        "Has no effect: there are no segments, and a page is committed when it is made.";
    PurgeDelay = 15, "purge_delay", Number, 10, "reset_delay", "ms",
        "Time after which free memory goes back to the system; 0 at once, -1 never.";
    UseNumaNodes = 16, "use_numa_nodes", Number, 0, "", "count", "Pretend that there are this many NUMA nodes; 0 detects them.";
    DisallowOsAlloc = 17, "disallow_os_alloc", Switch, 0, "limit_os_alloc", "switch",
        "Use only memory that was reserved beforehand.";
    OsTag = 18, "os_tag", Number, 100, "", "none", "Has no effect here: only macOS can tag memory.";
    MaxErrors = 19, "max_errors", Number, 32, "", "count", "Stop printing errors after this many; negative never stops.";
    MaxWarnings = 20, "max_warnings", Number, 32, "", "count",
        "Stop printing warnings after this many; negative never stops.";
    MaxSegmentReclaim = 21, "max_segment_reclaim", Number, 10, "", "none",
        "Has no effect: a search looks at a few abandoned pages, however many there are.";
    DestroyOnExit = 22, "destroy_on_exit", Number, 0, "", "0/1/2",
        "1: free all memory when the process exits; 2: do nothing at exit unless the program asks.";
    ArenaReserve = 23, "arena_reserve", KiB, ARENA_RESERVE, "", "KiB",
        "Size of the areas reserved on demand; 0 reserves none.";
    ArenaPurgeMult = 24, "arena_purge_mult", Number, 10, "", "factor",
        "The purge delay of arenas is purge_delay times this; 0 purges at once, negative never.";
    PurgeExtendDelay = 25, "purge_extend_delay", Number, 1, "decommit_extend_delay", "none",
        "Has no effect: memory waits for one to two purge delays after it became free.";
    AbandonedReclaimOnFree = 26, "abandoned_reclaim_on_free", Switch, 0, "", "switch",
        "A thread that frees into an abandoned page always adopts it, past the limits that others set.";
    DisallowArenaAlloc = 27, "disallow_arena_alloc", Switch, 0, "", "switch", "Take memory from the system, past the arenas.";
    RetryOnOom = 28, "retry_on_oom", Number, 400, "", "none",
        "Has no effect here: only Windows may have memory later that it has not now.";
    VisitAbandoned = 29, "visit_abandoned", Switch, 0, "", "none",
        "Has no effect: abandoned blocks can always be visited.";
    GuardedMin = 30, "guarded_min", Number, 0, "", "bytes", "Smallest block that may get a guard page.";
    GuardedMax = 31, "guarded_max", Number, 1 << 30, "", "bytes", "Largest block that may get a guard page.";
    GuardedPrecise = 32, "guarded_precise", Switch, 0, "", "switch",
        "End guarded blocks exactly at the guard page, at the cost of their alignment.";
    GuardedSampleRate = 33, "guarded_sample_rate", Number, 0, "", "1 of N",
        "Guard one of so many suitable blocks of a thread; 1 guards all, 0 none.";
    GuardedSampleSeed = 34, "guarded_sample_seed", Number, 0, "", "seed",
        "Where the sampling of guarded blocks starts; 0 is a random start.";
    TargetSegmentsPerThread = 35, "target_segments_per_thread", Number, 0, "", "32 MiB",
        "A thread whose pages cover more memory abandons some of them; 0 is no limit.";
    GenericCollect = 36, "generic_collect", Number, 10_000, "", "count",
        "Collect once in so many slow-path allocations; 16 is the least.";
    AllowThp = 37, "allow_thp", Number, 1, "", "0/1/2",
        "Transparent huge pages: 0 forbids them for the process, 1 allows them, 2 also purges by 2 MiB.";
    PageReclaimOnFree = 38, "page_reclaim_on_free", Number, 1, "", "-1/0/1",
        "A free into an abandoned page: -1 never adopts it, 0 only where it was owned before, 1 also elsewhere.";
    PageFullRetain = 39, "page_full_retain", Number, 0, "", "count",
        "Full pages of a bin that a thread keeps before it abandons one; -1 keeps all.";
    PageMaxCandidates = 40, "page_max_candidates", Number, 4, "", "none",
        "Has no effect: pages take turns, they are not compared.";
    MaxVabits = 41, "max_vabits", Number, 0, "", "bits",
        "If less than the width of addresses, the page map is not reserved at once but grows; 0 is automatic.";
    PagemapCommit = 42, "pagemap_commit", Switch, 0, "", "none",
        "Has no effect: the page map is accessible from the start, and becomes memory where it is used.";
    PageCommitOnDemand = 43, "page_commit_on_demand", Number, 0, "", "none",
        "Has no effect: a page of many blocks is committed as a whole, and is at most 512 KiB.";
    PageMaxReclaim = 44, "page_max_reclaim", Number, -1, "", "count",
        "A thread that owns so many pages of a bin adopts none that it owned before; negative is no limit.";
    PageCrossThreadMaxReclaim = 45, "page_cross_thread_max_reclaim", Number, 4, "", "count",
        "The same for pages that other threads owned before.";
    MinimalPurgeSize = 46, "minimal_purge_size", KiB, 0, "", "KiB",
        "Free memory goes back in units of this size, rounded up to a power of two from 64 KiB to 4 MiB.";
    ArenaMaxObjectSize = 47, "arena_max_object_size", KiB, 2 << 20, "", "KiB",
        "Larger blocks come directly from the system.";
    ArenaIsNumaLocal = 48, "arena_is_numa_local", Switch, 0, "", "switch",
        "New arenas belong to the NUMA node of the thread that creates them.";
    Check = 49, "check", Policy, 0, "", "off/warn/abort",
        "What follows a misuse that is found: warn prints it, abort also ends the process; off leaves it to the build.";
    GuardedBefore = 50, "guarded_before", Number, 0, "", "0/1/2",
        "Where guarded blocks touch what nobody can: 0 behind them, 1 before them, 2 either, by chance.";
    GuardedReport = 51, "guarded_report", Switch, 1, "", "switch",
        "Report accesses beside guarded blocks before the process ends by them, if it does not handle SIGSEGV.";
}

// The notes about the environment keep one bit an option.
const _: () = assert!(COUNT <= 64);

const _: () = {
    let mut index = 0;
    while index < COUNT {
        assert!(Opt::ALL[index].index() == index, "numbers run from 0 without holes");
        index += 1;
    }
};

impl Opt {
    /// The place of the option in the table, equal to its number.
    pub const fn index(self) -> usize {
        (self as i32).cast_unsigned() as usize
    }

    /// The option with this number, or `None` when there is none.
    pub fn from_index(number: i32) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// The option with this name, in any case of letters and without a prefix.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::position(NAMES, name)
    }

    /// The option that had this name in earlier versions.
    pub fn from_legacy_name(name: &[u8]) -> Option<Self> {
        // Most lines of this column are empty, and an empty name is nobody's.
        if name.is_empty() { None } else { Self::position(LEGACY, name) }
    }

    /// What the table says about the option.
    pub fn info(self) -> Info {
        Info {
            name: self.name(),
            kind: KINDS[self.index()],
            default: DEFAULTS[self.index()],
            legacy: self.line_of(LEGACY),
            unit: self.line_of(UNITS),
            help: self.line_of(HELP),
        }
    }

    /// Its name in lower case.
    pub fn name(self) -> &'static str {
        self.line_of(NAMES)
    }

    fn line_of(self, column: &'static str) -> &'static str {
        column.lines().nth(self.index()).unwrap_or("")
    }

    fn position(column: &str, name: &[u8]) -> Option<Self> {
        let index = column.lines().position(|line| line.as_bytes().eq_ignore_ascii_case(name))?;
        Some(Self::ALL[index])
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::path::Path;
    use std::{format, fs, string::String, vec::Vec};

    #[test]
    fn numbers_are_those_of_the_2x_interface() {
        let expected = "show_errors show_stats verbose eager_commit arena_eager_commit purge_decommits \
            allow_large_os_pages reserve_huge_os_pages reserve_huge_os_pages_at reserve_os_memory \
            deprecated_segment_cache deprecated_page_reset abandoned_page_purge deprecated_segment_reset \
            eager_commit_delay purge_delay use_numa_nodes disallow_os_alloc os_tag max_errors max_warnings \
            max_segment_reclaim destroy_on_exit arena_reserve arena_purge_mult purge_extend_delay \
            abandoned_reclaim_on_free disallow_arena_alloc retry_on_oom visit_abandoned guarded_min guarded_max \
            guarded_precise guarded_sample_rate guarded_sample_seed target_segments_per_thread generic_collect \
            allow_thp page_reclaim_on_free page_full_retain page_max_candidates max_vabits pagemap_commit \
            page_commit_on_demand page_max_reclaim page_cross_thread_max_reclaim minimal_purge_size \
            arena_max_object_size arena_is_numa_local check guarded_before guarded_report";
        let names: Vec<&str> = Opt::ALL.iter().map(|opt| opt.name()).collect();
        assert_eq!(names, expected.split_whitespace().collect::<Vec<_>>());
        assert_eq!(Opt::AllowThp as i32, 37);
        assert_eq!(Opt::GuardedMin as i32, 30);
        assert_eq!(COUNT, 52);
    }

    #[test]
    fn defaults_that_matter_to_callers() {
        let default = |opt: Opt| opt.info().default;
        assert_eq!(default(Opt::AllowLargeOsPages), 0);
        assert_eq!(default(Opt::PurgeDelay), 10);
        assert_eq!(default(Opt::ArenaPurgeMult), 10);
        assert_eq!(default(Opt::GenericCollect), 10_000);
        assert_eq!(default(Opt::ReserveHugeOsPagesAt), -1);
        assert_eq!(default(Opt::GuardedMax), 1_073_741_824);
        assert_eq!(default(Opt::ArenaMaxObjectSize), 2_097_152);
        assert_eq!(default(Opt::PageMaxReclaim), -1);
        assert_eq!(default(Opt::PageReclaimOnFree), 1);
        assert_eq!(default(Opt::PageCrossThreadMaxReclaim), 4);
        assert_eq!(default(Opt::PageFullRetain), 0);
        assert_eq!(default(Opt::PageMaxCandidates), 4);
        if usize::BITS == 64 {
            assert_eq!(default(Opt::ArenaReserve), 1_048_576);
        }
    }

    #[test]
    fn only_four_options_count_kib() {
        let kib: Vec<Opt> =
            Opt::ALL.into_iter().filter(|opt| opt.info().kind == Kind::KiB).collect();
        assert_eq!(
            kib,
            [
                Opt::ReserveOsMemory,
                Opt::ArenaReserve,
                Opt::MinimalPurgeSize,
                Opt::ArenaMaxObjectSize
            ]
        );
        assert!(kib.into_iter().all(|opt| opt.info().unit == "KiB"));
    }

    #[test]
    fn numbers_outside_the_table_name_nothing() {
        assert_eq!(Opt::from_index(-1), None);
        assert_eq!(Opt::from_index(i32::MIN), None);
        assert_eq!(Opt::from_index(52), None);
        assert_eq!(Opt::from_index(i32::MAX), None);
        for (number, opt) in (0i32..).zip(Opt::ALL) {
            assert_eq!(Opt::from_index(number), Some(opt));
        }
    }

    #[test]
    fn names_are_found_in_any_case() {
        for opt in Opt::ALL {
            assert_eq!(Opt::from_name(opt.name().as_bytes()), Some(opt));
            assert_eq!(Opt::from_name(opt.name().to_uppercase().as_bytes()), Some(opt));
            assert!(!opt.info().help.is_empty() && !opt.info().unit.is_empty(), "{opt:?}");
        }
        assert_eq!(Opt::from_name(b""), None);
        assert_eq!(Opt::from_name(b"verbos"), None);
        assert_eq!(Opt::from_name(b"verbose\n"), None);
        assert_eq!(Opt::from_legacy_name(b""), None);
    }

    #[test]
    fn legacy_names() {
        let pairs = [
            ("eager_region_commit", Opt::ArenaEagerCommit),
            ("reset_decommits", Opt::PurgeDecommits),
            ("large_os_pages", Opt::AllowLargeOsPages),
            ("abandoned_page_reset", Opt::AbandonedPagePurge),
            ("reset_delay", Opt::PurgeDelay),
            ("limit_os_alloc", Opt::DisallowOsAlloc),
            ("decommit_extend_delay", Opt::PurgeExtendDelay),
        ];
        for (name, opt) in pairs {
            assert_eq!(Opt::from_legacy_name(name.to_uppercase().as_bytes()), Some(opt));
            assert_eq!(Opt::from_name(name.as_bytes()), None);
        }
        assert_eq!(
            Opt::ALL.iter().filter(|opt| !opt.info().legacy.is_empty()).count(),
            pairs.len()
        );
    }

    /// The code of the engine, without its tests and this module.
    fn code_below(directory: &Path) -> String {
        let mut code = String::new();
        for entry in fs::read_dir(directory).expect("the sources are readable") {
            let path = entry.expect("the sources are readable").path();
            if path.is_dir() {
                code += &code_below(&path);
            } else if !["table.rs", "tests.rs"].iter().any(|name| path.ends_with(name)) {
                let text = fs::read_to_string(&path).expect("the sources are readable");
                code += text.split("#[cfg(test)]\nmod tests {").next().unwrap_or("");
            }
        }
        code
    }

    #[test]
    fn help_says_which_options_have_no_effect() {
        let code = code_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
        let is_letter = |letter: char| letter.is_ascii_alphanumeric();
        let named: Vec<&str> = code
            .split("Opt::")
            .filter_map(|rest| rest.split(|letter| !is_letter(letter)).next())
            .collect();
        for opt in Opt::ALL {
            let is_read = named.contains(&format!("{opt:?}").as_str());
            let help = opt.info().help;
            assert_ne!(is_read, help.starts_with("Has no effect"), "{opt:?}: {help}");
        }
    }

    #[test]
    fn the_page_on_options_lists_every_row() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/options.md");
        let page = fs::read_to_string(path).expect("docs/options.md is readable");
        let mut missing = String::new();
        for opt in Opt::ALL {
            let info = opt.info();
            // The page shows the defaults of the stock build on 64-bit systems.
            let default = match opt {
                Opt::ArenaReserve => 1 << 20,
                Opt::ShowErrors => 0,
                _ => info.default,
            };
            let row = format!(
                "| {} | `{}` | `MIMALLOC_{}` | {} | {} | {} |\n",
                opt.index(),
                info.name,
                info.name.to_uppercase(),
                default,
                info.unit,
                info.help
            );
            if !page.contains(&row) {
                missing.push_str(&row);
            }
        }
        assert!(missing.is_empty(), "docs/options.md lacks these rows:\n{missing}");
    }
}
