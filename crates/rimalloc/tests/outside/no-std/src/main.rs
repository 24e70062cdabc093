//! A program without `std` and without `alloc`: nothing but rimalloc and the C library's start code. Its exit status says
//! what went wrong.
#![no_std]
#![no_main]
#![expect(unsafe_code, reason = "a program without `std` starts from C")]

use core::ffi::c_int;
use core::ops::ControlFlow;
use core::panic::PanicInfo;

use rimalloc::{Heap, OutOfMemory, Scope};

#[panic_handler]
fn panic(_info: &PanicInfo<'_>) -> ! {
    loop {}
}

fn run() -> Result<c_int, OutOfMemory> {
    let scope = Scope::new()?;
    let text = scope.alloc_str("no allocator but ours")?;
    let numbers = scope.alloc_slice(&[1_u64, 2, 3])?;
    if !scope.contains(text.as_ptr()) || numbers.iter().sum::<u64>() != 6 {
        return Ok(1);
    }
    let mut blocks = 0;
    let _: ControlFlow<()> = scope.visit_blocks(|_, _| {
        blocks += 1;
        ControlFlow::Continue(())
    })?;
    if blocks == 0 {
        return Ok(2);
    }
    drop(scope);
    let heap = Heap::new()?;
    Ok(if heap.usage()?.blocks == 0 { 0 } else { 3 })
}

/// Called by the C library.
#[unsafe(no_mangle)]
extern "C" fn main(_argc: c_int, _argv: *const *const u8) -> c_int {
    run().unwrap_or(4)
}
