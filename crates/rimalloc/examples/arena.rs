//! A heap on memory that was reserved when the program started: what it needs later cannot be refused any more, and it
//! cannot take more than that.
#![allow(unsafe_code)]

use core::error::Error;

use allocator_api2::vec::Vec as VecIn;
use rimalloc::{Arena, Heap};

fn main() -> Result<(), Box<dyn Error>> {
    // Committed: the system has said yes to all of it, and will not find later that it has too little.
    let arena = Arena::builder().exclusive(true).committed(true).reserve(64 << 20)?;
    let heap = Heap::builder().arena(arena).build()?;

    let mut samples: VecIn<u64, Heap> = VecIn::new_in(heap.clone());
    samples.try_reserve_exact(1_000_000).map_err(|_| "the arena is too small")?;
    samples.extend(0..1_000_000);
    assert!(arena.contains(samples.as_ptr().cast()));
    println!("{} samples in {:?}", samples.len(), arena);

    // More than the arena has is an error, and nothing else is affected.
    assert!(samples.try_reserve_exact(100 << 20).is_err());
    assert_eq!(samples[999_999], 999_999);
    println!("{:?}", heap.usage()?);
    Ok(())
}
