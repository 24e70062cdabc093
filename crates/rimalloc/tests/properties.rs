//! Collections in a heap do what the same collections do on the system's allocator, whatever is done with them.
//!
//! The test program's own allocator is the system's. `BTreeMap` takes no allocator but on nightly, where a program in
//! `outside` drives it by the same operations; here it is driven in a program of its own whose global allocator is
//! rimalloc, with a heap as the thread's default one (`properties_default.rs`).
#![cfg(feature = "allocator-api2")]

use allocator_api2::vec::Vec as VecIn;
use hashbrown::HashMap as MapIn;
use proptest::collection::vec;
use proptest::prelude::*;
use rimalloc::{Heap, Scope};

#[derive(Clone, Debug)]
enum VecOp {
    Push(u64),
    Pop,
    Insert(usize, u64),
    Remove(usize),
    Truncate(usize),
    Extend(Vec<u64>),
    Resize(usize, u64),
    Reserve(usize),
    ShrinkToFit,
    ShrinkTo(usize),
    Drain(usize, usize),
    SplitOff(usize),
    Clone,
}

fn vec_op() -> impl Strategy<Value = VecOp> {
    prop_oneof![
        8 => any::<u64>().prop_map(VecOp::Push),
        2 => Just(VecOp::Pop),
        2 => (any::<usize>(), any::<u64>()).prop_map(|(at, value)| VecOp::Insert(at, value)),
        2 => any::<usize>().prop_map(VecOp::Remove),
        1 => any::<usize>().prop_map(VecOp::Truncate),
        4 => vec(any::<u64>(), 0..300).prop_map(VecOp::Extend),
        2 => (0..40_000_usize, any::<u64>()).prop_map(|(size, value)| VecOp::Resize(size, value)),
        1 => (0..200_000_usize).prop_map(VecOp::Reserve),
        2 => Just(VecOp::ShrinkToFit),
        1 => (0..1000_usize).prop_map(VecOp::ShrinkTo),
        1 => (any::<usize>(), any::<usize>()).prop_map(|(from, to)| VecOp::Drain(from, to)),
        1 => any::<usize>().prop_map(VecOp::SplitOff),
        1 => Just(VecOp::Clone),
    ]
}

/// The same code for both vectors, whose methods have the same names.
macro_rules! apply {
    ($vec:ident, $op:expr) => {{
        let len = $vec.len();
        match $op.clone() {
            VecOp::Push(value) => $vec.push(value),
            VecOp::Pop => _ = $vec.pop(),
            VecOp::Insert(at, value) => $vec.insert(at % (len + 1), value),
            VecOp::Remove(at) if len > 0 => _ = $vec.swap_remove(at % len),
            VecOp::Truncate(to) if len > 0 => $vec.truncate(to % len),
            VecOp::Extend(values) => $vec.extend_from_slice(&values),
            VecOp::Resize(size, value) => $vec.resize(size, value),
            VecOp::Reserve(more) => $vec.reserve(more),
            VecOp::ShrinkToFit => $vec.shrink_to_fit(),
            VecOp::ShrinkTo(size) => $vec.shrink_to(size),
            VecOp::Drain(from, to) if len > 0 => {
                let (from, to) = (from % len, to % len);
                $vec.drain(from.min(to)..from.max(to)).for_each(drop);
            }
            VecOp::SplitOff(at) if len > 0 => {
                let tail = $vec.split_off(at % len);
                $vec.extend_from_slice(&tail);
            }
            VecOp::Clone => $vec = $vec.clone(),
            _ => {}
        }
    }};
}

#[derive(Clone, Debug)]
enum MapOp {
    Insert(u16, String),
    Remove(u16),
    Append(u16, String),
    Retain(u16),
    Reserve(usize),
    ShrinkToFit,
    Clear,
    Clone,
}

fn map_op() -> impl Strategy<Value = MapOp> {
    let text = || proptest::string::string_regex("[a-z]{0,40}").expect("a valid expression");
    prop_oneof![
        10 => (0..500_u16, text()).prop_map(|(key, value)| MapOp::Insert(key, value)),
        4 => (0..500_u16).prop_map(MapOp::Remove),
        4 => (0..500_u16, text()).prop_map(|(key, value)| MapOp::Append(key, value)),
        1 => (1..10_u16).prop_map(MapOp::Retain),
        1 => (0..20_000_usize).prop_map(MapOp::Reserve),
        1 => Just(MapOp::ShrinkToFit),
        1 => Just(MapOp::Clear),
        1 => Just(MapOp::Clone),
    ]
}

/// A text in a heap.
type TextIn = VecIn<u8, Heap>;

fn text_in(heap: &Heap, text: &str) -> TextIn {
    let mut copy = VecIn::new_in(heap.clone());
    copy.extend_from_slice(text.as_bytes());
    copy
}

fn apply_to_map(
    theirs: &mut std::collections::HashMap<u16, String>,
    ours: &mut MapIn<u16, TextIn, hashbrown::DefaultHashBuilder, Heap>,
    heap: &Heap,
    op: &MapOp,
) {
    match op {
        MapOp::Insert(key, text) => {
            let before = theirs.insert(*key, text.clone()).map(String::into_bytes);
            let ours_before = ours.insert(*key, text_in(heap, text));
            assert_eq!(ours_before.as_deref(), before.as_deref());
        }
        MapOp::Remove(key) => {
            let before = theirs.remove(key).map(String::into_bytes);
            assert_eq!(ours.remove(key).as_deref(), before.as_deref());
        }
        MapOp::Append(key, text) => {
            theirs.entry(*key).or_default().push_str(text);
            let fresh = || VecIn::new_in(heap.clone());
            ours.entry(*key).or_insert_with(fresh).extend_from_slice(text.as_bytes());
        }
        MapOp::Retain(every) => {
            theirs.retain(|key, _| !key.is_multiple_of(*every));
            ours.retain(|key, _| !key.is_multiple_of(*every));
        }
        MapOp::Reserve(more) => {
            theirs.reserve(*more);
            ours.reserve(*more);
        }
        MapOp::ShrinkToFit => {
            theirs.shrink_to_fit();
            ours.shrink_to_fit();
        }
        MapOp::Clear => {
            theirs.clear();
            ours.clear();
        }
        MapOp::Clone => *ours = ours.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn vectors_agree(ops in vec(vec_op(), 1..200)) {
        let (heap, scope) = (Heap::new()?, Scope::new()?);
        let mut theirs: Vec<u64> = Vec::new();
        let mut in_heap: VecIn<u64, Heap> = VecIn::new_in(heap.clone());
        let mut in_scope: VecIn<u64, &Scope> = VecIn::new_in(&scope);
        for op in &ops {
            apply!(theirs, op);
            apply!(in_heap, op);
            apply!(in_scope, op);
            prop_assert_eq!(&theirs[..], &in_heap[..], "{:?}", op);
            prop_assert_eq!(&theirs[..], &in_scope[..], "{:?}", op);
            prop_assert!(in_heap.capacity() == 0 || heap.contains(in_heap.as_ptr().cast()));
        }
        drop(in_heap);
        prop_assert_eq!(heap.usage()?.blocks, 0);
    }

    #[test]
    fn maps_agree(ops in vec(map_op(), 1..300)) {
        let heap = Heap::new()?;
        let mut theirs = std::collections::HashMap::new();
        let mut ours = MapIn::new_in(heap.clone());
        for op in &ops {
            apply_to_map(&mut theirs, &mut ours, &heap, op);
            prop_assert_eq!(theirs.len(), ours.len());
        }
        for (key, text) in &theirs {
            prop_assert_eq!(ours.get(key).map(|text| &text[..]), Some(text.as_bytes()));
        }
        drop(ours);
        prop_assert_eq!(heap.usage()?.blocks, 0);
    }
}
