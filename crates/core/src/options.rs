//! Runtime options: a static table, values that any thread may read and set, and the environment that fills them.
//!
//! Owns the values. Called by every module below that has a choice to make, and by the faces. An option is never
//! read on a fast path; on others one that nobody has set costs a compare, and its value is a constant.
//!
//! # Invariants
//!
//! O1 a value lives in one of three layers (the program's default, the environment, an explicit setting), each with
//! its own place; the strongest layer that was written is the one that counts. No writer touches the place of a
//! stronger layer, so that neither the order nor a race of writers can lose an explicit setting.
//! O2 a layer's bit is published after its value.
//! O3 the environment is read once, by whoever asks first after the system provides it; reading it twice at the same
//! time writes the same values.

mod parse;
mod table;

pub use table::{COUNT, Info, Kind, Opt};

use crate::os;
use crate::sync::plain::{AtomicBool, AtomicU8, AtomicU64, Ordering, fence};
use parse::{Entry, Name};

/// Who decided the value of an option.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// Nobody: it is the default of the table.
    Table,
    /// The program changed the default.
    Default,
    /// The environment.
    Environment,
    /// The program set it.
    Explicit,
}

/// What was odd about the environment: one bit an option, at the place of its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Notes {
    /// Its value is malformed, and was ignored.
    pub invalid: u64,
    /// It was named by its legacy name.
    pub legacy: u64,
    /// It was named with the prefix that only we use.
    pub own: u64,
}

/// A layer of values; a later one overrides an earlier one.
#[derive(Clone, Copy)]
enum Layer {
    Default,
    Environment,
    Explicit,
}

const LAYERS: usize = 3;

/// Bit beside those of the layers: the environment has been read.
const LOADED: u8 = 1 << LAYERS;

/// The values of all options. One that nobody sets takes no initialised memory: its value is the table's.
struct Settings {
    /// For each option the layers that were written, as bits, and [`LOADED`].
    written: [AtomicU8; COUNT],
    /// The bits of signed numbers.
    values: [[AtomicU64; LAYERS]; COUNT],
    /// Layers that do not count, as bits.
    ignored: AtomicU8,
    loaded: AtomicBool,
    invalid: AtomicU64,
    legacy: AtomicU64,
    own: AtomicU64,
}

static SETTINGS: Settings = Settings::new();

impl Settings {
    const fn new() -> Self {
        Self {
            written: [const { AtomicU8::new(0) }; COUNT],
            values: [const { [const { AtomicU64::new(0) }; LAYERS] }; COUNT],
            ignored: AtomicU8::new(0),
            loaded: AtomicBool::new(false),
            invalid: AtomicU64::new(0),
            legacy: AtomicU64::new(0),
            own: AtomicU64::new(0),
        }
    }

    /// Whether the environment has been read, and nobody has set the option.
    #[inline]
    fn is_default(&self, opt: Opt) -> bool {
        self.written[opt.index()].load(Ordering::Relaxed) == LOADED
    }

    fn source(&self, opt: Opt) -> Source {
        let written = self.written[opt.index()].load(Ordering::Acquire) & !LOADED;
        match (written & !self.ignored.load(Ordering::Relaxed)).checked_ilog2() {
            None => Source::Table,
            Some(0) => Source::Default,
            Some(1) => Source::Environment,
            Some(_) => Source::Explicit,
        }
    }

    fn ignore(&self, layer: Layer) {
        self.ignored.fetch_or(1 << layer as u8, Ordering::Relaxed);
    }

    fn get(&self, opt: Opt) -> i64 {
        let layer = match self.source(opt) {
            Source::Table => return table::DEFAULTS[opt.index()],
            Source::Default => Layer::Default,
            Source::Environment => Layer::Environment,
            Source::Explicit => Layer::Explicit,
        };
        self.values[opt.index()][layer as usize].load(Ordering::Relaxed).cast_signed()
    }

    fn write(&self, layer: Layer, opt: Opt, value: i64) {
        self.values[opt.index()][layer as usize].store(value.cast_unsigned(), Ordering::Relaxed);
        self.written[opt.index()].fetch_or(1 << layer as u8, Ordering::Release);
    }

    /// Writes a value and keeps the bounds of guarded sizes in order: the other bound follows the one that is set,
    /// unless a stronger layer holds it, to which the new one gives way.
    fn set(&self, layer: Layer, opt: Opt, value: i64) {
        self.write(layer, opt, value);
        let other = match opt {
            Opt::GuardedMin => Opt::GuardedMax,
            Opt::GuardedMax => Opt::GuardedMin,
            _ => return,
        };
        // Of two threads that set a bound each, one at least sees both.
        fence(Ordering::SeqCst);
        let crossed = || self.get(Opt::GuardedMin) > self.get(Opt::GuardedMax);
        if crossed() {
            self.write(layer, other, value);
        }
        if crossed() {
            self.write(layer, opt, self.get(other));
        }
    }

    /// Takes the values out of an environment, in one pass. `each` hands every entry (`NAME=value`) to its argument,
    /// which asks for the next one by answering true, and says whether there is an environment yet.
    fn load_from(&self, each: impl FnOnce(&mut dyn FnMut(&[u8]) -> bool) -> bool) {
        let mut names = [Name::Absent; COUNT];
        let mut values = [None; COUNT];
        let ready = each(&mut |entry| {
            if let Entry::Value(opt, name, text) = parse::entry(entry) {
                let index = opt.index();
                // Of entries with the same name the first counts, as it does for `getenv`.
                if name > names[index] {
                    names[index] = name;
                    values[index] = parse::value(text, table::KINDS[index]);
                }
            }
            true
        });
        if !ready {
            return;
        }
        for opt in Opt::ALL {
            self.take(opt, names[opt.index()], values[opt.index()]);
            self.written[opt.index()].fetch_or(LOADED, Ordering::Release);
        }
        self.loaded.store(true, Ordering::Release);
    }

    fn take(&self, opt: Opt, name: Name, value: Option<i64>) {
        let bit = 1 << opt.index();
        match name {
            Name::Absent => return,
            Name::Legacy => _ = self.legacy.fetch_or(bit, Ordering::Relaxed),
            Name::Shared => {}
            Name::Own => _ = self.own.fetch_or(bit, Ordering::Relaxed),
        }
        match value {
            Some(value) => self.set(Layer::Environment, opt, value),
            None => _ = self.invalid.fetch_or(bit, Ordering::Relaxed),
        }
    }
}

/// Reads the environment unless that is done. While the system does not provide one yet, nothing happens, and the next
/// reading of an option tries again.
pub fn load() {
    if !SETTINGS.loaded.load(Ordering::Acquire) {
        SETTINGS.load_from(os::env_each);
    }
}

/// Makes the environment count for nothing, whether it has been read or not.
pub fn ignore_environment() {
    SETTINGS.ignore(Layer::Environment);
}

/// The value of an option; sizes are in KiB.
#[inline]
pub fn get(opt: Opt) -> i64 {
    if may_be_set(opt) { get_set(opt) } else { table::DEFAULTS[opt.index()] }
}

/// False when an option has the default of the table, for callers to whom that is all they have to know. True also
/// before the environment has been read.
#[inline]
pub fn may_be_set(opt: Opt) -> bool {
    !SETTINGS.is_default(opt)
}

/// The value of an option that somebody has set, or that the environment may set.
#[cold]
#[inline(never)]
fn get_set(opt: Opt) -> i64 {
    load();
    SETTINGS.get(opt)
}

/// The value of an option, moved into `min..=max`.
#[inline]
pub fn get_clamp(opt: Opt, min: i64, max: i64) -> i64 {
    let value = get(opt);
    if value < min {
        min
    } else if value > max {
        max
    } else {
        value
    }
}

/// The value of an option as a size: options in KiB answer in bytes, negative values are none, and what does not fit
/// is the largest size.
#[inline]
pub fn get_size(opt: Opt) -> usize {
    as_size(opt, get(opt))
}

#[inline]
fn as_size(opt: Opt, value: i64) -> usize {
    let size = usize::try_from(value.max(0)).unwrap_or(usize::MAX);
    if table::KINDS[opt.index()] == Kind::KiB { size.saturating_mul(1024) } else { size }
}

/// Whether an option is not zero.
#[inline]
pub fn is_enabled(opt: Opt) -> bool {
    get(opt) != 0
}

/// Who decided the value of an option.
pub fn source(opt: Opt) -> Source {
    load();
    SETTINGS.source(opt)
}

/// Sets an option, over what the environment says.
pub fn set(opt: Opt, value: i64) {
    SETTINGS.set(Layer::Explicit, opt, value);
}

/// Sets what an option is unless the environment or [`set`] say otherwise, now or later.
pub fn set_default(opt: Opt, value: i64) {
    SETTINGS.set(Layer::Default, opt, value);
}

/// Sets an option to 1 or 0.
pub fn set_enabled(opt: Opt, enable: bool) {
    set(opt, i64::from(enable));
}

/// [`set_default`] to 1 or 0.
pub fn set_enabled_default(opt: Opt, enable: bool) {
    set_default(opt, i64::from(enable));
}

/// The option with this number, or `None` when there is none.
pub fn from_index(number: i32) -> Option<Opt> {
    Opt::from_index(number)
}

/// What was odd about the environment, if it counts.
pub fn notes() -> Notes {
    if SETTINGS.ignored.load(Ordering::Relaxed) & 1 << Layer::Environment as u8 != 0 {
        return Notes { invalid: 0, legacy: 0, own: 0 };
    }
    Notes {
        invalid: SETTINGS.invalid.load(Ordering::Relaxed),
        legacy: SETTINGS.legacy.load(Ordering::Relaxed),
        own: SETTINGS.own.load(Ordering::Relaxed),
    }
}

/// The name in an entry of the environment (`NAME=value`) that bears the prefix that only we use and yet names no
/// option.
pub fn unknown_name(entry: &[u8]) -> Option<&[u8]> {
    match parse::entry(entry) {
        Entry::Unknown(name) => Some(name),
        Entry::Value(..) | Entry::Foreign => None,
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::sync::Barrier;
    use std::thread;

    fn loaded(entries: &[&str]) -> Settings {
        let settings = Settings::new();
        load_into(&settings, entries);
        settings
    }

    fn load_into(settings: &Settings, entries: &[&str]) {
        settings.load_from(|f| {
            assert!(entries.iter().all(|entry| f(entry.as_bytes())), "every entry is asked for");
            true
        });
    }

    #[test]
    fn what_nobody_sets_is_the_default() {
        let settings = loaded(&["PATH=/bin", "HOME="]);
        for opt in Opt::ALL {
            assert_eq!(settings.get(opt), opt.info().default);
            assert_eq!(settings.source(opt), Source::Table);
            assert!(settings.is_default(opt) && !Settings::new().is_default(opt));
        }
        for layer in [Layer::Default, Layer::Environment, Layer::Explicit] {
            let settings = loaded(&[]);
            settings.set(layer, Opt::OsTag, 100);
            assert!(!settings.is_default(Opt::OsTag) && settings.is_default(Opt::Verbose));
        }
    }

    #[test]
    fn explicit_beats_environment_beats_default_in_any_order() {
        let settings = Settings::new();
        settings.set(Layer::Explicit, Opt::Verbose, 7);
        settings.set(Layer::Default, Opt::PurgeDelay, 55);
        settings.set(Layer::Default, Opt::MaxErrors, 1);
        load_into(&settings, &["MIMALLOC_VERBOSE=2", "MIMALLOC_PURGE_DELAY=3"]);
        settings.set(Layer::Default, Opt::Verbose, 9);
        settings.set(Layer::Default, Opt::PurgeDelay, 56);
        assert_eq!(
            (settings.get(Opt::Verbose), settings.source(Opt::Verbose)),
            (7, Source::Explicit)
        );
        assert_eq!(
            (settings.get(Opt::PurgeDelay), settings.source(Opt::PurgeDelay)),
            (3, Source::Environment)
        );
        assert_eq!(
            (settings.get(Opt::MaxErrors), settings.source(Opt::MaxErrors)),
            (1, Source::Default)
        );
        settings.set(Layer::Default, Opt::MaxErrors, 2);
        assert_eq!(settings.get(Opt::MaxErrors), 2);
    }

    #[test]
    fn an_ignored_environment_leaves_the_other_layers() {
        let settings = loaded(&["MIMALLOC_VERBOSE=2", "MIMALLOC_PURGE_DELAY=3"]);
        settings.set(Layer::Default, Opt::Verbose, 1);
        settings.ignore(Layer::Environment);
        assert_eq!(
            (settings.get(Opt::Verbose), settings.source(Opt::Verbose)),
            (1, Source::Default)
        );
        assert_eq!(settings.get(Opt::PurgeDelay), Opt::PurgeDelay.info().default);
        settings.set(Layer::Explicit, Opt::PurgeDelay, 4);
        assert_eq!(settings.get(Opt::PurgeDelay), 4);
    }

    #[test]
    fn own_prefix_beats_shared_beats_legacy_in_any_order() {
        let entries =
            ["RIMALLOC_PURGE_DELAY=30", "MIMALLOC_PURGE_DELAY=20", "MIMALLOC_RESET_DELAY=10"];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let settings = loaded(&order.map(|index| entries[index]));
            assert_eq!(settings.get(Opt::PurgeDelay), 30);
        }
        assert_eq!(loaded(&[entries[2], entries[1]]).get(Opt::PurgeDelay), 20);
        let legacy = loaded(&[entries[2]]);
        assert_eq!(legacy.get(Opt::PurgeDelay), 10);
        assert_eq!(legacy.legacy.load(Ordering::Relaxed), 1 << Opt::PurgeDelay.index());
    }

    #[test]
    fn the_first_of_equal_names_counts() {
        let settings = loaded(&["MIMALLOC_OS_TAG=1", "mimalloc_os_tag=2"]);
        assert_eq!(settings.get(Opt::OsTag), 1);
    }

    #[test]
    fn malformed_values_leave_the_default_and_a_note() {
        let settings = loaded(&[
            "MIMALLOC_PURGE_DELAY=soon",
            "MIMALLOC_RESET_DELAY=4",
            "RIMALLOC_ARENA_RESERVE=4Ki",
        ]);
        assert_eq!(settings.get(Opt::PurgeDelay), 10);
        assert_eq!(settings.source(Opt::PurgeDelay), Source::Table);
        let both = 1 << Opt::PurgeDelay.index() | 1 << Opt::ArenaReserve.index();
        assert_eq!(settings.invalid.load(Ordering::Relaxed), both);
        assert_eq!(settings.own.load(Ordering::Relaxed), 1 << Opt::ArenaReserve.index());
        assert_eq!(
            settings.legacy.load(Ordering::Relaxed),
            0,
            "the new name is set, so the old one is not looked at"
        );
    }

    #[test]
    fn an_environment_that_is_not_ready_is_asked_again() {
        let settings = Settings::new();
        settings.load_from(|_| false);
        assert!(!settings.loaded.load(Ordering::Relaxed));
        load_into(&settings, &["MIMALLOC_OS_TAG=5"]);
        assert!(settings.loaded.load(Ordering::Relaxed));
        assert_eq!(settings.get(Opt::OsTag), 5);
    }

    #[test]
    fn guarded_bounds_follow_each_other() {
        let settings = Settings::new();
        let bounds = || (settings.get(Opt::GuardedMin), settings.get(Opt::GuardedMax));
        settings.set(Layer::Explicit, Opt::GuardedMax, 100);
        settings.set(Layer::Explicit, Opt::GuardedMin, 500);
        assert_eq!(bounds(), (500, 500));
        settings.set(Layer::Explicit, Opt::GuardedMax, 50);
        assert_eq!(bounds(), (50, 50));
        settings.set(Layer::Explicit, Opt::GuardedMax, 70);
        assert_eq!(bounds(), (50, 70));
    }

    #[test]
    fn a_weaker_guarded_bound_gives_way_to_a_stronger_one() {
        let settings = Settings::new();
        settings.set(Layer::Explicit, Opt::GuardedMax, 100);
        load_into(&settings, &["MIMALLOC_GUARDED_MIN=500"]);
        assert_eq!((settings.get(Opt::GuardedMin), settings.get(Opt::GuardedMax)), (100, 100));
        let crossed = loaded(&["MIMALLOC_GUARDED_MAX=10", "MIMALLOC_GUARDED_MIN=500"]);
        assert!(crossed.get(Opt::GuardedMin) <= crossed.get(Opt::GuardedMax));
    }

    #[test]
    fn sizes_are_bytes_and_saturate() {
        assert_eq!(as_size(Opt::MinimalPurgeSize, 4), 4096);
        assert_eq!(as_size(Opt::MinimalPurgeSize, i64::MAX), usize::MAX);
        assert_eq!(as_size(Opt::MinimalPurgeSize, -3), 0);
        // The process-wide values are shared by all tests: only this one sets this option, which has no effect.
        set(Opt::RetryOnOom, 7);
        assert_eq!(get_size(Opt::RetryOnOom), 7);
        assert_eq!(get_clamp(Opt::RetryOnOom, 10, 20), 10);
        assert_eq!(get_clamp(Opt::RetryOnOom, 0, 5), 5);
        assert_eq!(get_clamp(Opt::RetryOnOom, 5, 9), 7);
        set_enabled(Opt::RetryOnOom, true);
        assert!(is_enabled(Opt::RetryOnOom) && get(Opt::RetryOnOom) == 1);
        set_enabled_default(Opt::RetryOnOom, false);
        assert!(is_enabled(Opt::RetryOnOom));
        set_enabled(Opt::RetryOnOom, false);
        assert!(!is_enabled(Opt::RetryOnOom));
    }

    /// A reader sees nothing but what somebody has set, the strongest setting is never lost, and bounds that are set
    /// against each other end in order.
    #[test]
    fn threads_set_options_at_the_same_time() {
        for _ in 0..2000 {
            let (settings, start) = (Settings::new(), Barrier::new(4));
            thread::scope(|scope| {
                let run = |work: &dyn Fn()| {
                    start.wait();
                    work();
                };
                let settings = &settings;
                scope.spawn(move || {
                    run(&|| {
                        settings.set(Layer::Explicit, Opt::PurgeDelay, 7);
                        settings.set(Layer::Explicit, Opt::GuardedMin, 500);
                    })
                });
                scope.spawn(move || {
                    run(&|| {
                        settings.set(Layer::Explicit, Opt::GuardedMax, 100);
                        settings.set(Layer::Default, Opt::PurgeDelay, 8);
                    })
                });
                scope.spawn(move || run(&|| load_into(settings, &["MIMALLOC_PURGE_DELAY=9"])));
                start.wait();
                for _ in 0..100 {
                    let is_default = settings.is_default(Opt::PurgeDelay);
                    let seen = if is_default { 10 } else { settings.get(Opt::PurgeDelay) };
                    assert!((7..=10).contains(&seen), "nobody has set {seen}");
                }
            });
            assert_eq!(settings.get(Opt::PurgeDelay), 7);
            assert!(!settings.is_default(Opt::PurgeDelay) && settings.is_default(Opt::OsTag));
            assert!(settings.get(Opt::GuardedMin) <= settings.get(Opt::GuardedMax));
        }
    }

    #[test]
    fn unknown_names_are_those_with_our_prefix() {
        assert_eq!(unknown_name(b"RIMALLOC_PURGE_DELAYS=1"), Some(&b"PURGE_DELAYS"[..]));
        assert_eq!(unknown_name(b"MIMALLOC_PURGE_DELAYS=1"), None);
        assert_eq!(unknown_name(b"RIMALLOC_PURGE_DELAY=1"), None);
    }
}
