//! What a library without std owes the compiler.
#![allow(unsafe_code)]

use core::panic::PanicInfo;

/// No path that a user can reach panics; a panic that exists all the same ends the process.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    rimalloc_core::os::abort()
}

// The unwind tables of the prebuilt core name this symbol. Nothing unwinds through Rust frames,
// so it is never called. Weak and hidden: exported, it would replace the personality of a Rust
// program that the library is preloaded into. The bytes are an undefined instruction on x86 (ud2)
// and on aarch64 (udf).
core::arch::global_asm!(
    ".pushsection .text.rust_eh_personality,\"ax\",%progbits",
    ".weak rust_eh_personality",
    ".hidden rust_eh_personality",
    ".type rust_eh_personality,%function",
    "rust_eh_personality:",
    ".byte 0x0f, 0x0b, 0, 0",
    ".size rust_eh_personality, 4",
    ".popsection",
);
