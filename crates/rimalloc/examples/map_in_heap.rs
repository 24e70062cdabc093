//! A cache whose memory is counted and bounded: hashbrown's map in a heap of its own.

use hashbrown::{DefaultHashBuilder, HashMap};
use rimalloc::{Heap, OutOfMemory, Rimalloc};

use allocator_api2::vec::Vec as VecIn;

#[global_allocator]
static GLOBAL: Rimalloc = Rimalloc;

/// Bytes that the cache may have.
const LIMIT: usize = 1 << 20;

struct Cache {
    heap: Heap,
    entries: HashMap<u64, VecIn<u8, Heap>, DefaultHashBuilder, Heap>,
}

impl Cache {
    fn new() -> Result<Self, OutOfMemory> {
        let heap = Heap::new()?;
        Ok(Self { entries: HashMap::new_in(heap.clone()), heap })
    }

    /// All that the cache has: its table and what is in it, and nothing of anybody else.
    fn bytes(&self) -> Result<usize, OutOfMemory> {
        Ok(self.heap.usage()?.bytes)
    }

    fn insert(&mut self, key: u64, value: &[u8]) -> Result<(), OutOfMemory> {
        if self.bytes()? > LIMIT {
            self.entries.clear();
        }
        let mut copy = VecIn::new_in(self.heap.clone());
        copy.try_reserve_exact(value.len()).map_err(|_| OutOfMemory)?;
        copy.extend_from_slice(value);
        self.entries.insert(key, copy);
        Ok(())
    }
}

fn main() -> Result<(), OutOfMemory> {
    let mut cache = Cache::new()?;
    let mut most = 0;
    for key in 0..20_000_u64 {
        let value = vec![key.to_le_bytes()[0]; 100 + usize::try_from(key % 400).unwrap_or(0)];
        cache.insert(key, &value)?;
        if key % 100 == 0 {
            most = most.max(cache.bytes()?);
        }
    }
    println!(
        "{} entries in {} KiB, {} KiB at most",
        cache.entries.len(),
        cache.bytes()? >> 10,
        most >> 10
    );
    assert!(most > LIMIT / 2 && most < 2 * LIMIT);
    let last = &cache.entries[&19_999];
    assert_eq!((last.len(), last[0]), (499, 19_999_u64.to_le_bytes()[0]));
    Ok(())
}
