//! A program's own code on rimalloc, with collections of allocator-api2 0.4.

#[cfg(test)]
mod tests {
    use allocator_api2::boxed::Box as BoxIn;
    use allocator_api2::vec::Vec as VecIn;
    use rimalloc::{Heap, Rimalloc, Scope};
    use std::thread;

    #[test]
    fn collections_live_in_a_heap_and_outlive_its_first_handle() {
        let numbers = {
            let heap = Heap::new().expect("memory for a heap");
            let mut numbers = VecIn::new_in(heap.clone());
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
        let boxes: Vec<BoxIn<u64, &Scope>> = (0..100).map(|n| BoxIn::new_in(n, &scope)).collect();
        assert_eq!(boxes.iter().map(|number| **number).sum::<u64>(), 4950);
        assert_eq!(scope.usage().expect("memory for a list").blocks, 100);
    }

    #[test]
    fn single_collections_live_on_rimalloc_in_a_program_of_another_allocator() {
        let mut here: VecIn<u8, Rimalloc> = VecIn::with_capacity_in(1000, Rimalloc);
        here.push(1);
        assert!(rimalloc::contains(here.as_ptr()));
        let there = vec![1_u8; 1000];
        assert!(!rimalloc::contains(there.as_ptr()));
        assert!(here.try_reserve(isize::MAX.unsigned_abs()).is_err());
    }
}
