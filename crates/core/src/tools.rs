//! What memory checkers are told of blocks, in builds for them: valgrind's memcheck, and the address sanitizer.
//!
//! Both keep for each byte whether the program may touch it. Here it may touch the bytes of live blocks that it asked
//! for, and nothing else of a page: neither padding, nor free blocks, nor what was never handed out. The engine itself
//! touches free blocks and padding all the same. The sanitizer looks at code that it has compiled, which the engine is
//! not. Valgrind looks at all code, so the engine does that [`quietly`].
//!
//! Valgrind is spoken to by *client requests*: instructions that do nothing on a processor, and that valgrind
//! recognises when it runs them. Without valgrind they cost a few cycles, and so does the sanitizer's part in a
//! program that was built without it: its functions are asked for by weak names. Source: valgrind's manual, "The
//! Client Request mechanism" and "Memcheck: Client Requests"; the sanitizer's public header `asan_interface.h`.
//!
//! Owns no state. Any thread may call.
#![allow(unsafe_code)]

use crate::config::{ASAN, VALGRIND};

/// Numbers of client requests.
mod requests {
    /// A block is live: address, bytes, bytes of red zones, whether it is zeroed.
    pub(super) const MALLOC_LIKE: usize = 0x1301;
    /// A block has ended: address, bytes of red zones.
    pub(super) const FREE_LIKE: usize = 0x1302;
    /// A block stays where it is: address, old and new bytes, bytes of red zones.
    pub(super) const RESIZE_IN_PLACE: usize = 0x130b;
    /// The thread's errors are reported no more (1), or again (-1). Calls nest.
    pub(super) const CHANGE_SILENCE: usize = 0x1801;
    /// Requests of memcheck are numbered from its initials.
    const MEMCHECK: usize = (b'M' as usize) << 24 | (b'C' as usize) << 16;
    /// Address and bytes that nobody may touch.
    pub(super) const MAKE_NO_ACCESS: usize = MEMCHECK;
    /// Address and bytes that may be touched, and hold nothing yet.
    pub(super) const MAKE_UNDEFINED: usize = MEMCHECK + 1;
    /// Address and bytes that may be touched, and hold something.
    pub(super) const MAKE_DEFINED: usize = MEMCHECK + 2;
}

/// Makes a client request with its arguments.
#[inline]
fn request(number: usize, arguments: [usize; 4]) {
    let [first, second, third, fourth] = arguments;
    ask(&[number, first, second, third, fourth, 0]);
}

/// Has valgrind read the words of a request, if the program runs in it.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline]
fn ask(words: &[usize; 6]) {
    // SAFETY: rotations by 128 bits in all leave the register as it is, and the exchange is of a register with itself.
    // Valgrind reads the words, and changes what it knows of memory, not the memory.
    unsafe {
        core::arch::asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") words.as_ptr(),
            inout("rdx") 0_usize => _,
            options(nostack),
        );
    }
}

/// See the form for x86_64.
#[cfg(all(target_arch = "aarch64", not(miri)))]
#[inline]
fn ask(words: &[usize; 6]) {
    // SAFETY: as on x86_64: rotations by 128 bits in all, and a register or-ed with itself.
    unsafe {
        core::arch::asm!(
            "ror x12, x12, #3",
            "ror x12, x12, #13",
            "ror x12, x12, #51",
            "ror x12, x12, #61",
            "orr x10, x10, x10",
            in("x4") words.as_ptr(),
            inout("x3") 0_usize => _,
            options(nostack),
        );
    }
}

/// Valgrind is not told anything on this processor.
#[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
fn ask(_words: &[usize; 6]) {}

/// The sanitizer's functions, by their weak names: where the program has none, nothing happens.
mod sanitizer {
    /// Takes the first address of a range, and its bytes. Changes only what the sanitizer knows of the range.
    type Mark = unsafe extern "C" fn(usize, usize);

    macro_rules! weak {
        ($(#[$meta:meta])* $function:ident, $name:literal) => {
            $(#[$meta])*
            #[inline]
            pub(super) fn $function(start: *mut u8, size: usize) {
                let address: *const ();
                #[cfg(all(target_arch = "x86_64", not(miri)))]
                // SAFETY: reads the word that the linker or the loader has filled.
                unsafe {
                    core::arch::asm!(
                        concat!(".weak ", $name),
                        concat!("mov {}, qword ptr [rip + ", $name, "@GOTPCREL]"),
                        out(reg) address,
                        options(nostack, pure, readonly, preserves_flags),
                    );
                }
                #[cfg(all(target_arch = "aarch64", not(miri)))]
                // SAFETY: as on x86_64.
                unsafe {
                    core::arch::asm!(
                        concat!(".weak ", $name),
                        concat!("adrp {0}, :got:", $name),
                        concat!("ldr {0}, [{0}, :got_lo12:", $name, "]"),
                        out(reg) address,
                        options(nostack, pure, readonly, preserves_flags),
                    );
                }
                #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
                {
                    address = core::ptr::null();
                }
                // SAFETY: null, or the address of a function of this type, which any range may be given to.
                unsafe {
                    if let Some(mark) = core::mem::transmute::<*const (), Option<Mark>>(address) {
                        mark(start.expose_provenance(), size);
                    }
                }
            }
        };
    }

    weak! {
        /// Nobody may touch the range.
        poison, "__asan_poison_memory_region"
    }
    weak! {
        /// The program may touch the range.
        unpoison, "__asan_unpoison_memory_region"
    }
}

/// Does what touches memory that the program may not touch.
#[inline(always)]
pub fn quietly<R>(work: impl FnOnce() -> R) -> R {
    if VALGRIND {
        request(requests::CHANGE_SILENCE, [1, 0, 0, 0]);
    }
    let result = work();
    if VALGRIND {
        request(requests::CHANGE_SILENCE, [1_usize.wrapping_neg(), 0, 0, 0]);
    }
    result
}

/// A value that was read, and that decisions may be made on: the memory may have been a program's that has not
/// written it.
#[inline(always)]
pub fn known<T: Copy>(value: T) -> T {
    if !VALGRIND {
        return value;
    }
    let address = (&raw const value).expose_provenance();
    request(requests::MAKE_DEFINED, [address, size_of::<T>(), 0, 0]);
    // SAFETY: a local value. Volatile: read where valgrind knows it by now.
    unsafe { (&raw const value).read_volatile() }
}

/// Makes a range one that nobody may touch.
#[inline(always)]
pub fn lock(start: *mut u8, size: usize) {
    if size == 0 {
        return;
    }
    if VALGRIND {
        request(requests::MAKE_NO_ACCESS, [start.expose_provenance(), size, 0, 0]);
    }
    if ASAN {
        sanitizer::poison(start, size);
    }
}

/// Makes a range one that may be touched.
#[inline(always)]
pub fn unlock(start: *mut u8, size: usize) {
    if VALGRIND {
        request(requests::MAKE_UNDEFINED, [start.expose_provenance(), size, 0, 0]);
    }
    if ASAN {
        sanitizer::unpoison(start, size);
    }
}

/// The program has a block of `size` bytes at `p`, all of them zero if so, and behind it may touch nothing for `rest`
/// bytes.
#[inline(always)]
pub fn on_malloc(p: *mut u8, size: usize, rest: usize, zeroed: bool) {
    if VALGRIND {
        let arguments = [p.expose_provenance(), size, 0, usize::from(zeroed)];
        request(requests::MALLOC_LIKE, arguments);
    }
    if ASAN {
        sanitizer::unpoison(p, size);
    }
    lock(p.wrapping_add(size), rest);
}

/// The program has `size` bytes of a live block at `p` that had `old`, and behind them may touch nothing for `rest`
/// bytes.
#[inline(always)]
pub fn on_resize(p: *mut u8, old: usize, size: usize, rest: usize) {
    if VALGRIND && size == 0 {
        // It refuses blocks that become empty.
        request(requests::FREE_LIKE, [p.expose_provenance(), 0, 0, 0]);
        request(requests::MALLOC_LIKE, [p.expose_provenance(), 0, 0, 0]);
    } else if VALGRIND {
        request(requests::RESIZE_IN_PLACE, [p.expose_provenance(), old, size, 0]);
    }
    if ASAN {
        sanitizer::unpoison(p, size);
    }
    lock(p.wrapping_add(size), rest);
}

/// The program has freed the block that it knew by `p`: nobody may touch the `whole` bytes from `block` on.
#[inline(always)]
pub fn on_free(p: *mut u8, block: *mut u8, whole: usize) {
    if VALGRIND {
        request(requests::FREE_LIKE, [p.expose_provenance(), 0, 0, 0]);
    }
    lock(block, whole);
}

/// The program has freed what is no live block. Valgrind reports it; the sanitizer has no word for that.
#[inline(always)]
pub fn on_bad_free(p: *mut u8) {
    if VALGRIND {
        request(requests::FREE_LIKE, [p.expose_provenance(), 0, 0, 0]);
    }
}
