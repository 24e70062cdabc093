//! Ordered maps in a heap hold what they should: the standard library's `BTreeMap` takes no allocator, but a heap can be
//! the default one of the thread.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use rimalloc::{Heap, Rimalloc};

#[global_allocator]
static GLOBAL: Rimalloc = Rimalloc;

/// Keys are below this.
const KEYS: u16 = 600;

/// What the map should hold, in no allocator's memory: a slot for each key.
struct Sorted([Option<u64>; KEYS as usize]);

impl Sorted {
    fn slot(&mut self, key: u16) -> &mut Option<u64> {
        &mut self.0[usize::from(key)]
    }
}

#[derive(Clone, Debug)]
enum Op {
    Insert(u16, u64),
    Remove(u16),
    PopFirst,
    PopLast,
    Retain(u16),
    SplitOffAndAppend(u16),
    Clone,
    Clear,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        12 => (0..KEYS, any::<u64>()).prop_map(|(key, value)| Op::Insert(key, value)),
        5 => (0..KEYS).prop_map(Op::Remove),
        1 => Just(Op::PopFirst),
        1 => Just(Op::PopLast),
        1 => (2..10_u16).prop_map(Op::Retain),
        1 => (0..KEYS).prop_map(Op::SplitOffAndAppend),
        1 => Just(Op::Clone),
        1 => Just(Op::Clear),
    ]
}

fn apply(map: &mut BTreeMap<u16, u64>, sorted: &mut Sorted, op: &Op) {
    match *op {
        Op::Insert(key, value) => {
            assert_eq!(map.insert(key, value), sorted.slot(key).replace(value));
        }
        Op::Remove(key) => assert_eq!(map.remove(&key), sorted.slot(key).take()),
        Op::PopFirst => {
            let first = (0..KEYS).find(|&key| sorted.slot(key).is_some());
            assert_eq!(map.pop_first().map(|(key, _)| key), first);
            _ = first.map(|key| sorted.slot(key).take());
        }
        Op::PopLast => {
            let last = (0..KEYS).rev().find(|&key| sorted.slot(key).is_some());
            assert_eq!(map.pop_last().map(|(key, _)| key), last);
            _ = last.map(|key| sorted.slot(key).take());
        }
        Op::Retain(every) => {
            map.retain(|key, _| !key.is_multiple_of(every));
            (0..KEYS).filter(|key| key.is_multiple_of(every)).for_each(|key| {
                *sorted.slot(key) = None;
            });
        }
        Op::SplitOffAndAppend(key) => {
            let mut tail = map.split_off(&key);
            map.append(&mut tail);
        }
        Op::Clone => *map = map.clone(),
        Op::Clear => {
            map.clear();
            (0..KEYS).for_each(|key| *sorted.slot(key) = None);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn ordered_maps_agree(ops in vec(op(), 1..600)) {
        let heap = Heap::new()?;
        let mut map = BTreeMap::new();
        let mut sorted = Sorted([None; KEYS as usize]);
        heap.with_default(|| ops.iter().for_each(|op| apply(&mut map, &mut sorted, op)));
        for key in 0..KEYS {
            prop_assert_eq!(map.get(&key), sorted.slot(key).as_ref());
        }
        let blocks = heap.usage()?.blocks;
        prop_assert!(blocks >= map.len() / 11, "{} blocks of {} pairs", blocks, map.len());
        drop(map);
        prop_assert_eq!(heap.usage()?.blocks, 0);
    }
}
