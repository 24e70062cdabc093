//! Reads what callgrind has counted: instructions, exact where time is not.
//!
//! The format is that of the chapter "Callgrind Format Specification" in valgrind's manual. Wanted of it
//! is only what calls from one object into another cost, with everything beneath them.

use std::collections::HashMap;

/// Calls of one function from one object: how many, and the instructions they took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calls {
    /// File name of the object that calls, without its directory.
    pub from: String,
    /// File name of the object that is called.
    pub into: String,
    /// The function's name.
    pub function: String,
    /// Number of calls.
    pub count: u64,
    /// Instructions of all of them, and of what they called.
    pub instructions: u64,
}

impl Calls {
    /// Whether the function frees. Which one it is cannot be told from its name: functions that do the
    /// same have one address, and the profile has any of their names.
    #[must_use]
    pub fn frees(&self) -> bool {
        ["free", "delete"].iter().any(|part| self.function.contains(part))
    }

    /// Whether the function allocates, or gives a block another size.
    #[must_use]
    pub fn allocates(&self) -> bool {
        ["alloc", "memalign", "operator new"].iter().any(|part| self.function.contains(part))
            && !self.frees()
    }
}

/// Names that a profile abbreviates: `(3) name` at first, `(3)` from then on.
#[derive(Default)]
struct Names<'a>(HashMap<&'a str, &'a str>);

impl<'a> Names<'a> {
    fn resolve(&mut self, reference: &'a str) -> &'a str {
        let Some((number, rest)) = reference.split_once(')') else { return reference };
        if rest.is_empty() {
            return self.0.get(number).copied().unwrap_or_default();
        }
        self.0.insert(number, rest.trim_start());
        rest.trim_start()
    }
}

/// All calls in a profile; the same pair of objects and function may come up more than once.
#[must_use]
pub fn calls(profile: &str) -> Vec<Calls> {
    let (mut objects, mut functions) = (Names::default(), Names::default());
    let (mut object, mut callee, mut function) = ("", None, "");
    let mut count = None;
    let mut all = Vec::new();
    for line in profile.lines() {
        if let Some((key, value)) = line.split_once('=') {
            match key {
                "ob" => object = objects.resolve(value),
                "cob" => callee = Some(objects.resolve(value)),
                "fn" => _ = functions.resolve(value),
                "cfn" => function = functions.resolve(value),
                "calls" => count = value.split(' ').next().and_then(|word| word.parse().ok()),
                _ => {}
            }
        } else if let Some(count) = count.take() {
            // The line after `calls=` is what they cost: a position and a number.
            let cost = line.split_whitespace().nth(1).and_then(|word| word.parse().ok());
            all.push(Calls {
                from: file_name(object).into(),
                into: file_name(callee.take().unwrap_or(object)).into(),
                function: function.into(),
                count,
                instructions: cost.unwrap_or(0),
            });
        }
    }
    all
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// What one call costs in the steady state: the difference between a long and a short run of the same
/// loop, over the calls that `is_wanted`. `None` if the long one has not more of them.
#[must_use]
pub fn per_call(
    short: &[Calls],
    long: &[Calls],
    is_wanted: impl Fn(&Calls) -> bool,
) -> Option<f64> {
    let sum = |calls: &[Calls]| {
        let wanted = calls.iter().filter(|call| is_wanted(call));
        wanted.fold((0, 0), |(count, cost), call| (count + call.count, cost + call.instructions))
    };
    let (short, long) = (sum(short), sum(long));
    let count = u32::try_from(long.0.checked_sub(short.0)?).ok().filter(|&count| count > 0)?;
    let cost = u32::try_from(long.1.saturating_sub(short.1)).ok()?;
    Some(f64::from(cost) / f64::from(count))
}

#[cfg(test)]
mod tests {
    use super::{Calls, calls, per_call};

    const PROFILE: &str = "events: Ir\n\
        ob=(1) /lib/librimalloc.so\nfl=(1) ???\nfn=(1) malloc\n0 5\n+1 2\n\
        cfn=(3) refill\ncalls=1 0\n0 100\n\
        ob=(2) /bin/loops\nfn=(2) main\n0 7\ncob=(1)\ncfi=(1)\ncfn=(1)\ncalls=3 0\n* 9\n0 1\n\
        cfn=(4) helper\ncalls=2 0\n0 8\n";

    #[test]
    fn calls_are_read_with_their_objects() {
        let call = |from: &str, into: &str, function: &str, count, instructions| Calls {
            from: from.into(),
            into: into.into(),
            function: function.into(),
            count,
            instructions,
        };
        assert_eq!(
            calls(PROFILE),
            [
                call("librimalloc.so", "librimalloc.so", "refill", 1, 100),
                call("loops", "librimalloc.so", "malloc", 3, 9),
                call("loops", "loops", "helper", 2, 8),
            ]
        );
    }

    #[test]
    fn the_cost_of_a_call_is_a_difference() {
        let call = |count, instructions| Calls {
            from: "a".into(),
            into: "b".into(),
            function: "f".into(),
            count,
            instructions,
        };
        let (short, long) = ([call(10, 500)], [call(20, 550), call(10, 150)]);
        assert_eq!(per_call(&short, &long, |_| true), Some(10.0));
        assert_eq!(per_call(&long, &short, |_| true), None);
        assert_eq!(per_call(&short, &long, |call| call.function == "g"), None);
    }
}
