//! Memory that really runs out, in a heap on a small arena: collections say so and keep what they have.
#![cfg(feature = "allocator-api2")]

use allocator_api2::boxed::Box as BoxIn;
use allocator_api2::vec::Vec as VecIn;
use hashbrown::{DefaultHashBuilder, HashMap};
use rimalloc::{Arena, Heap, Scope};

/// What is reserved at least.
const SIZE: usize = 32 << 20;

fn arena() -> Arena {
    Arena::builder().exclusive(true).reserve(SIZE).expect("address space")
}

fn heap() -> Heap {
    Heap::builder().arena(arena()).build().expect("memory for a heap")
}

#[test]
fn a_vector_keeps_its_elements_when_it_cannot_grow() {
    let mut numbers: VecIn<u64, Heap> = VecIn::new_in(heap());
    while numbers.try_reserve(1).is_ok() {
        numbers.resize(numbers.capacity(), 7);
    }
    assert!(numbers.len() * size_of::<u64>() > SIZE / 8, "{} elements fit", numbers.len());
    assert_eq!(numbers.iter().position(|&number| number != 7), None);
    numbers.clear();
    numbers.shrink_to_fit();
    numbers.try_reserve_exact(SIZE / 2 / size_of::<u64>()).expect("it is free again");
}

#[test]
fn a_map_keeps_its_entries_when_it_cannot_grow() {
    let heap = heap();
    let mut map: HashMap<u64, VecIn<u8, Heap>, DefaultHashBuilder, Heap> =
        HashMap::new_in(heap.clone());
    for key in 0_u64.. {
        let mut value = VecIn::new_in(heap.clone());
        if map.try_reserve(1).is_err() || value.try_reserve_exact(1_000).is_err() {
            break;
        }
        value.resize(1_000, key.to_le_bytes()[0]);
        map.insert(key, value);
    }
    assert!(map.len() > 10_000, "{} entries fit", map.len());
    for (key, value) in &map {
        assert_eq!(value[..], [key.to_le_bytes()[0]; 1_000]);
    }
    assert!(map.remove(&3).is_some());
    assert!(BoxIn::try_new_in([0_u8; 1_000], heap).is_ok(), "there is room for one more");
}

#[test]
fn a_scope_that_is_full_says_so_and_is_whole() {
    let arena = arena();
    for _ in 0..3 {
        let scope: Scope = Heap::builder().arena(arena).build_scope().expect("memory for a scope");
        let mut values = Vec::new();
        while let Ok(value) = scope.alloc([7_u8; 1_000]) {
            values.push(value);
        }
        assert!(values.len() > SIZE / 2_000 && scope.alloc([0_u8; 1_000]).is_err());
        assert!(values.iter().all(|value| **value == [7; 1_000]));
    }
}
