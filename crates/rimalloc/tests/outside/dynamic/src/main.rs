//! A program that is linked to the library at run time.

use outside_dynamic::rimalloc::Heap;
use outside_dynamic::{blocks, text};

fn main() {
    let texts: Vec<String> = (0..1000).map(text).collect();
    assert!(outside_dynamic::rimalloc::contains(texts[999].as_ptr()));
    assert_eq!(texts.iter().map(String::len).sum::<usize>(), 499_500);
    let heap = Heap::new().expect("memory for a heap");
    let kept = heap.with_default(|| text(100));
    assert_eq!(blocks(&heap), Ok(1));
    drop(kept);
    assert_eq!(blocks(&heap), Ok(0));
    println!("dynamic: all is well");
}
