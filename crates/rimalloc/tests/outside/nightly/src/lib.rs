//! A program's own code on rimalloc, with the collections of a nightly standard library.
#![cfg_attr(test, feature(allocator_api, btreemap_alloc))]

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use rimalloc::{Heap, Scope};
    use std::collections::{BTreeMap, VecDeque};
    use std::thread;

    #[test]
    fn collections_live_in_a_heap_and_outlive_its_first_handle() {
        let numbers = {
            let heap = Heap::new().expect("memory for a heap");
            let mut numbers = Vec::new_in(heap.clone());
            numbers.extend(0..10_000_u64);
            assert!(heap.contains(numbers.as_ptr().cast()));
            numbers
        };
        let sum = thread::spawn(move || numbers.iter().sum::<u64>());
        assert_eq!(sum.join().expect("no panic"), 49_995_000);
    }

    #[test]
    fn collections_live_in_a_scope_and_end_before_it() {
        let scope = Scope::new().expect("memory for a scope");
        let boxes: Vec<Box<u64, &Scope>> = (0..100).map(|n| Box::new_in(n, &scope)).collect();
        assert_eq!(boxes.iter().map(|number| **number).sum::<u64>(), 4950);
        let mut queue: VecDeque<u64, &Scope> = VecDeque::new_in(&scope);
        queue.extend(0..100);
        assert!(queue.try_reserve(isize::MAX.unsigned_abs() / 8).is_err());
    }

    #[derive(Clone, Debug)]
    enum Op {
        Insert(u16, String),
        Remove(u16),
        Retain(u16),
        SplitOffAndAppend(u16),
        Clone,
        Clear,
    }

    fn op() -> impl Strategy<Value = Op> {
        let text = proptest::string::string_regex("[a-z]{0,20}").expect("a valid expression");
        prop_oneof![
            12 => (0..600_u16, text).prop_map(|(key, value)| Op::Insert(key, value)),
            5 => (0..600_u16).prop_map(Op::Remove),
            1 => (2..10_u16).prop_map(Op::Retain),
            1 => (0..600_u16).prop_map(Op::SplitOffAndAppend),
            1 => Just(Op::Clone),
            1 => Just(Op::Clear),
        ]
    }

    /// The same code for a map in a heap and one of the system's allocator.
    macro_rules! apply {
        ($map:ident, $op:expr) => {
            match $op.clone() {
                Op::Insert(key, value) => _ = $map.insert(key, value),
                Op::Remove(key) => _ = $map.remove(&key),
                Op::Retain(every) => $map.retain(|key, _| key % every != 0),
                Op::SplitOffAndAppend(key) => {
                    let mut tail = $map.split_off(&key);
                    $map.append(&mut tail);
                }
                Op::Clone => $map = $map.clone(),
                Op::Clear => $map.clear(),
            }
        };
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

        #[test]
        fn ordered_maps_agree(ops in vec(op(), 1..600)) {
            let heap = Heap::new().expect("memory for a heap");
            let mut ours: BTreeMap<u16, String, Heap> = BTreeMap::new_in(heap.clone());
            let mut theirs = BTreeMap::new();
            for op in &ops {
                apply!(ours, op);
                apply!(theirs, op);
                prop_assert!(ours.iter().eq(theirs.iter()));
            }
            drop(ours);
            prop_assert_eq!(heap.usage().expect("memory for a list").blocks, 0);
        }
    }
}
