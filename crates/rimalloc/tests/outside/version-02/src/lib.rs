//! A program's own code on rimalloc, with collections of allocator-api2 0.2 and hashbrown.

use allocator_api2::boxed::Box as BoxIn;
use allocator_api2::vec::Vec as VecIn;
use hashbrown::DefaultHashBuilder;
use hashbrown::HashMap as MapIn;
use rimalloc::{Heap, OutOfMemory, Scope};

#[global_allocator]
static GLOBAL: rimalloc::Rimalloc = rimalloc::Rimalloc;

/// Words by their number of letters, all in a heap.
pub type Index = MapIn<usize, VecIn<BoxIn<str, Heap>, Heap>, DefaultHashBuilder, Heap>;

/// Builds an index in a heap.
pub fn index(heap: &Heap, text: &str) -> Index {
    let mut index: Index = MapIn::new_in(heap.clone());
    for word in text.split_whitespace() {
        let mut copy = VecIn::new_in(heap.clone());
        copy.extend_from_slice(word.as_bytes());
        let copy = boxed_text(copy);
        let of_length = index.entry(word.len()).or_insert_with(|| VecIn::new_in(heap.clone()));
        of_length.push(copy);
    }
    index
}

#[expect(unsafe_code, reason = "allocator-api2 has no text in a box but this")]
fn boxed_text(bytes: VecIn<u8, Heap>) -> BoxIn<str, Heap> {
    let (bytes, heap) = BoxIn::into_raw_with_allocator(bytes.into_boxed_slice());
    // SAFETY: the bytes are those of a text, and the box was the only owner.
    unsafe { BoxIn::from_raw_in(bytes as *mut str, heap) }
}

/// Handles a request in a scope: what it allocates ends with it.
pub fn handle(request: &str) -> Result<usize, OutOfMemory> {
    let scope = Scope::new()?;
    let mut words = VecIn::new_in(&scope);
    for word in request.split(' ') {
        words.push(scope.alloc_str(word)?);
    }
    words.sort_unstable();
    words.dedup();
    Ok(words.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    const TEXT: &str = "the quick brown fox jumps over the lazy dog";

    #[test]
    fn collections_live_in_a_heap() {
        let heap = Heap::new().expect("memory for a heap");
        let index = index(&heap, TEXT);
        assert_eq!(
            index[&3].iter().map(|word| &**word).collect::<Vec<_>>(),
            ["the", "fox", "the", "dog"]
        );
        assert!(heap.contains(index[&5][0].as_ptr()));
        assert!(heap.usage().expect("memory for a list").blocks >= 9 + 3 + 1);
        drop(index);
        assert_eq!(heap.usage().expect("memory for a list").blocks, 0);
    }

    #[test]
    fn a_heap_is_dropped_while_its_blocks_live_elsewhere() {
        let index = {
            let heap = Heap::new().expect("memory for a heap");
            index(&heap, TEXT)
        };
        let index = thread::spawn(move || {
            assert_eq!(index.len(), 3);
            index
        });
        assert_eq!(index.join().expect("no panic")[&4].len(), 2);
    }

    #[test]
    fn requests_of_many_threads_end_with_their_scopes() {
        thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    for _ in 0..200 {
                        assert_eq!(handle(TEXT), Ok(8));
                    }
                });
            }
        });
    }

    #[test]
    fn collections_use_all_the_bytes_of_a_block() {
        let heap = Heap::new().expect("memory for a heap");
        let map: MapIn<u32, u32, _, Heap> = MapIn::with_capacity_in(100, heap.clone());
        let usage = heap.usage().expect("memory for a list");
        assert!(usage.blocks == 1 && map.allocation_size() <= usage.bytes);
    }

    #[test]
    fn memory_that_is_not_there_is_an_error() {
        let heap = Heap::new().expect("memory for a heap");
        let mut vec: VecIn<u64, Heap> = VecIn::new_in(heap.clone());
        assert!(vec.try_reserve(1 << 58).is_err());
        let mut map: MapIn<u64, u64, DefaultHashBuilder, Heap> = MapIn::new_in(heap);
        assert!(map.try_reserve(1 << 55).is_err());
    }

    #[test]
    fn statistics_are_data() {
        let json = serde_json::to_value(rimalloc::stats()).expect("statistics can be written");
        assert!(json["committed"]["current"].as_u64() > Some(0));
        assert!(json["process"]["peak_rss"].as_u64() > Some(0));
        assert!(json["bins"].as_array().is_some_and(|bins| !bins.is_empty()));
        let text: serde_json::Value =
            serde_json::from_str(&rimalloc::stats().json().to_string()).expect("JSON");
        assert_eq!(text["stat_version"], 4);
    }
}
