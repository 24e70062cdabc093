//! What an option is: its number in the engine, and the type of its value.

use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use rimalloc_core::options::{self as engine, Kind, Opt, Source};

use super::{Check, EagerCommit};

/// An option with values of type `T`: `bool` for switches, `u32` for levels and numbers, `usize` for bytes, and an
/// `Option` of what can also be without limit.
#[derive(Clone, Copy)]
pub struct Setting<T> {
    opt: Opt,
    value: PhantomData<fn(T) -> T>,
}

/// An option and the value that it shall have. Made by `to` of a [`Setting`], for a [`Config`](crate::Config).
#[derive(Clone, Copy)]
pub struct Choice {
    opt: Opt,
    number: i64,
}

impl Choice {
    /// Makes the value the program's default.
    pub(crate) fn apply_as_default(&self) {
        engine::set_default(self.opt, self.number);
    }

    fn apply(&self) {
        engine::set(self.opt, self.number);
    }
}

impl fmt::Debug for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.opt.info().name, self.number)
    }
}

/// The types of values, and how the engine's numbers say them.
pub trait Value: Copy {
    /// What the number of an option says.
    fn decode(kind: Kind, number: i64) -> Self;
}

impl<T: Value> Setting<T> {
    pub(super) const fn new(opt: Opt) -> Self {
        Self { opt, value: PhantomData }
    }

    /// The name as the environment spells it after `RIMALLOC_` or `MIMALLOC_`, in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.opt.info().name
    }

    /// The value now.
    #[must_use]
    pub fn get(self) -> T {
        T::decode(self.opt.info().kind, engine::get(self.opt))
    }

    /// The value when nobody decides.
    #[must_use]
    pub fn default(self) -> T {
        let info = self.opt.info();
        T::decode(info.kind, info.default)
    }

    /// Who decided the value.
    #[must_use]
    pub fn source(self) -> Source {
        engine::source(self.opt)
    }
}

impl<T: Value + fmt::Debug> fmt::Debug for Setting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={:?}", self.name(), self.get())
    }
}

/// Makes options of a type settable: what callers pass, and the number that says a value.
macro_rules! settable {
    ($type:ty, $given:ty, |$value:ident| $encode:expr) => {
        impl Setting<$type> {
            /// Sets the option, over what the environment says.
            pub fn set(self, value: $given) {
                self.to(value.into()).apply();
            }

            /// Sets what the option is unless the environment or [`set`](Self::set) say otherwise, now or later.
            pub fn set_default(self, value: $given) {
                self.to(value.into()).apply_as_default();
            }

            /// The option with this value, for a [`Config`](crate::Config).
            #[must_use]
            pub const fn to(self, $value: $type) -> Choice {
                Choice { opt: self.opt, number: $encode }
            }
        }
    };
}

settable!(bool, bool, |value| value as i64);
settable!(u32, u32, |value| value as i64);
settable!(usize, usize, |value| in_kib(value));
settable!(EagerCommit, EagerCommit, |value| value as i64);
settable!(Check, Check, |value| value as i64);
settable!(Option<u32>, impl Into<Option<u32>>, |value| match value {
    Some(number) => number as i64,
    None => UNLIMITED,
});
settable!(Option<Duration>, impl Into<Option<Duration>>, |value| match value {
    Some(delay) => in_ms(delay),
    None => UNLIMITED,
});

/// The number that stands for no limit.
const UNLIMITED: i64 = -1;

/// Rounded up, and not more than the engine can say.
const fn in_kib(bytes: usize) -> i64 {
    bytes.div_ceil(1024).cast_signed() as i64
}

/// Rounded up, because 0 means at once, and not more than the engine can say.
const fn in_ms(delay: Duration) -> i64 {
    let rest = delay.subsec_nanos().div_ceil(1_000_000) as u64;
    let ms = delay.as_secs().saturating_mul(1000).saturating_add(rest);
    if ms > i64::MAX.cast_unsigned() { i64::MAX } else { ms.cast_signed() }
}

/// A number that is not negative, as far as the type goes.
fn narrow<T: TryFrom<i64>>(number: i64, most: T) -> T {
    T::try_from(number.max(0)).unwrap_or(most)
}

impl Value for bool {
    fn decode(_kind: Kind, number: i64) -> Self {
        number != 0
    }
}

impl Value for u32 {
    fn decode(_kind: Kind, number: i64) -> Self {
        narrow(number, Self::MAX)
    }
}

impl Value for usize {
    fn decode(kind: Kind, number: i64) -> Self {
        let scale = if kind == Kind::KiB { 1024 } else { 1 };
        narrow(number, Self::MAX).saturating_mul(scale)
    }
}

impl Value for Option<u32> {
    fn decode(_kind: Kind, number: i64) -> Self {
        (number >= 0).then(|| narrow(number, u32::MAX))
    }
}

impl Value for Option<Duration> {
    fn decode(_kind: Kind, number: i64) -> Self {
        u64::try_from(number).ok().map(Duration::from_millis)
    }
}

impl Value for EagerCommit {
    fn decode(_kind: Kind, number: i64) -> Self {
        match number {
            0 => Self::Never,
            1 => Self::Always,
            _ => Self::IfOvercommitting,
        }
    }
}

impl Value for Check {
    fn decode(_kind: Kind, number: i64) -> Self {
        match number {
            ..=0 => Self::Off,
            1 => Self::Warn,
            _ => Self::Abort,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_the_way_through_a_number() {
        let opt = Opt::ArenaReserve;
        let back = |choice: Choice| choice.number;
        for bytes in [0, 1024, 32 << 20, 1 << 40] {
            let number = back(Setting::<usize>::new(opt).to(bytes));
            assert_eq!(usize::decode(Kind::KiB, number), bytes);
        }
        for delay in [None, Some(Duration::ZERO), Some(Duration::from_millis(7))] {
            let number = back(Setting::<Option<Duration>>::new(opt).to(delay));
            assert_eq!(Option::<Duration>::decode(Kind::Number, number), delay);
        }
        for commit in [EagerCommit::Never, EagerCommit::Always, EagerCommit::IfOvercommitting] {
            let number = back(Setting::<EagerCommit>::new(opt).to(commit));
            assert_eq!(EagerCommit::decode(Kind::Number, number), commit);
        }
        for check in [Check::Off, Check::Warn, Check::Abort] {
            let number = back(Setting::<Check>::new(opt).to(check));
            assert_eq!(Check::decode(Kind::Policy, number), check);
        }
        for limit in [None, Some(0), Some(u32::MAX)] {
            let number = back(Setting::<Option<u32>>::new(opt).to(limit));
            assert_eq!(Option::<u32>::decode(Kind::Number, number), limit);
        }
    }

    #[test]
    fn what_the_engine_cannot_say_is_rounded_up_or_the_largest() {
        assert_eq!(in_kib(1), 1);
        assert_eq!(in_kib(1025), 2);
        assert_eq!(in_ms(Duration::from_micros(1)), 1, "0 would mean at once");
        assert_eq!(in_ms(Duration::MAX), i64::MAX);
        assert_eq!(usize::decode(Kind::KiB, i64::MAX), usize::MAX);
        assert_eq!(u32::decode(Kind::Number, -3), 0);
        assert_eq!(u32::decode(Kind::Number, i64::MAX), u32::MAX);
    }
}
