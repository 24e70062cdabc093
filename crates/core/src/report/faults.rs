//! One message for each kind of misuse or failure, so that a kind reads the same wherever it is found.

use super::misuse::{fault, misuse};
use super::{codes, error};

/// A pointer that no block of ours has. `function` is the name that the caller called.
#[cold]
#[inline(never)]
pub fn invalid_pointer(function: &str, addr: usize) {
    misuse(codes::EINVAL, addr, format_args!("{function}: invalid pointer: {addr:#x}"));
}

/// A block that is given back as another than it is.
#[cold]
#[inline(never)]
pub fn wrong_layout(addr: usize, usable: usize, size: usize, align: usize) {
    let args = format_args!(
        "the block at {addr:#x} of {usable} bytes was not allocated with size {size}, alignment {align}"
    );
    misuse(codes::EINVAL, addr, args);
}

/// A pointer that no block can have, because of its alignment.
#[cold]
#[inline(never)]
pub fn unaligned_pointer(function: &str, addr: usize) {
    misuse(codes::EINVAL, addr, format_args!("{function}: invalid (unaligned) pointer: {addr:#x}"));
}

/// A block that is free already is freed.
#[cold]
#[inline(never)]
pub fn double_free(addr: usize, size: usize) {
    misuse(
        codes::EAGAIN,
        addr,
        format_args!("double free detected of block {addr:#x} with size {size}"),
    );
}

/// The bytes behind a block were written; `written` bytes from its start on are whole.
#[cold]
#[inline(never)]
pub fn buffer_overflow(addr: usize, size: usize, written: usize) {
    let args = format_args!(
        "buffer overflow in heap block {addr:#x} of size {size}: write after {written} bytes"
    );
    misuse(codes::EFAULT, addr, args);
}

/// The link in a free block of `size` bytes leads out of its page.
#[cold]
#[inline(never)]
pub fn corrupted_free_list(addr: usize, size: usize, link: usize) {
    misuse(
        codes::EFAULT,
        addr,
        format_args!("corrupted free list entry of size {size}b at {addr:#x}: value {link:#x}"),
    );
}

/// The list of blocks that other threads freed is longer than its page.
#[cold]
#[inline(never)]
pub fn corrupted_remote_list() {
    error(codes::EFAULT, format_args!("corrupted thread-free list"));
}

/// The instruction at `code` touches what nobody can touch: at `addr`, beside or in a guarded block, which was freed if so. The process
/// ends by that.
#[cold]
#[inline(never)]
pub fn guard_touched(addr: usize, code: usize, block: usize, size: usize, freed: bool) {
    let place = format_args!("block {block:#x} of size {size}");
    if freed {
        let args = format_args!("use after free: access to {addr:#x} in freed {place}");
        fault(addr, code, args);
    } else if addr < block {
        let before = block - addr;
        let args = format_args!("buffer underflow of {place}: access {before} bytes before it");
        fault(addr, code, args);
    } else {
        let at = addr - block;
        fault(addr, code, format_args!("buffer overflow of {place}: access at byte {at}"));
    }
}

/// The system has no memory for a request.
#[cold]
#[inline(never)]
pub fn out_of_memory(size: usize) {
    error(codes::ENOMEM, format_args!("unable to allocate memory ({size} bytes)"));
}

/// A C++ allocation fails, and there is no handler to free something.
#[cold]
#[inline(never)]
pub fn out_of_memory_in_new() {
    error(codes::ENOMEM, format_args!("out of memory in 'new'"));
}

/// A request is larger than any object can be.
#[cold]
#[inline(never)]
pub fn too_large(size: usize) {
    error(codes::EOVERFLOW, format_args!("allocation request is too large ({size} bytes)"));
}

/// A number of objects does not fit into memory.
#[cold]
#[inline(never)]
pub fn too_many(count: usize, size: usize) {
    error(
        codes::EOVERFLOW,
        format_args!("allocation request is too large ({count} * {size} bytes)"),
    );
}

/// An alignment that is not a power of two.
#[cold]
#[inline(never)]
pub fn bad_alignment(size: usize, align: usize) {
    let args = format_args!(
        "aligned allocation requires the alignment to be a power-of-two (size {size}, alignment {align})"
    );
    error(codes::EOVERFLOW, args);
}

#[cfg(test)]
mod tests {
    use super::super::tests::{captured, codes_of};
    use super::*;

    #[test]
    fn every_kind_has_its_code_and_its_text() {
        let lines = captured(|| {
            let codes = codes_of(|| {
                invalid_pointer("mi_free", 0x7ff0);
                wrong_layout(0x7ff0, 112, 16, 8);
                unaligned_pointer("mi_free", 0x3);
                double_free(0x1000, 32);
                buffer_overflow(0x1000, 32, 20);
                corrupted_free_list(0x1000, 32, 0xdead);
                corrupted_remote_list();
                out_of_memory(100);
                out_of_memory_in_new();
                too_large(1 << 40);
                too_many(3, 1 << 40);
                bad_alignment(10, 3);
            });
            assert_eq!(codes, [22, 22, 22, 11, 14, 14, 14, 12, 12, 75, 75, 75]);
        });
        let expected = [
            "mi_free: invalid pointer: 0x7ff0",
            "the block at 0x7ff0 of 112 bytes was not allocated with size 16, alignment 8",
            "mi_free: invalid (unaligned) pointer: 0x3",
            "double free detected of block 0x1000 with size 32",
            "buffer overflow in heap block 0x1000 of size 32: write after 20 bytes",
            "corrupted free list entry of size 32b at 0x1000: value 0xdead",
            "corrupted thread-free list",
            "unable to allocate memory (100 bytes)",
            "out of memory in 'new'",
            "allocation request is too large (1099511627776 bytes)",
            "allocation request is too large (3 * 1099511627776 bytes)",
            "aligned allocation requires the alignment to be a power-of-two (size 10, alignment 3)",
        ];
        assert_eq!(lines.len(), expected.len());
        for (line, text) in lines.iter().zip(expected) {
            let rest = line.strip_prefix("mimalloc: error: ").expect("an error");
            let rest = rest
                .split_once("thread 0x")
                .map_or(rest, |(_, id)| id.split_once(": ").expect("an id").1);
            assert_eq!(rest.strip_suffix('\n'), Some(text));
        }
    }
}
