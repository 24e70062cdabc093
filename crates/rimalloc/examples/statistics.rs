//! Statistics as JSON, for a monitoring system.

use rimalloc::{Heap, Rimalloc};

#[global_allocator]
static GLOBAL: Rimalloc = Rimalloc;

fn main() -> Result<(), Box<dyn core::error::Error>> {
    let heap = Heap::new()?;
    let texts: Vec<String> = heap.with_default(|| (0..1000).map(|n| "x".repeat(n)).collect());

    let process = serde_json::to_value(rimalloc::stats())?;
    let part = serde_json::to_value(heap.stats())?;
    println!("{}", serde_json::to_string_pretty(&process)?);
    println!("the heap: {part}");

    assert!(
        process["malloc_normal"]["current"].as_u64() >= part["malloc_normal"]["current"].as_u64()
    );
    assert!(part["malloc_normal_count"].as_u64() >= Some(999));
    assert_eq!(texts.len(), 1000);
    Ok(())
}
