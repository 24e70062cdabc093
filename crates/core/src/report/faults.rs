//! One message for each kind of misuse or failure, so that a kind reads the same wherever it is found.

use super::{codes, error};

/// A pointer that no block of ours has. `function` is the name that the caller called.
#[cold]
#[inline(never)]
pub fn invalid_pointer(function: &str, addr: usize) {
    error(codes::EINVAL, format_args!("{function}: invalid pointer: {addr:#x}"));
}

/// A block that is given back as another than it is.
#[cold]
#[inline(never)]
pub fn wrong_layout(addr: usize, usable: usize, size: usize, align: usize) {
    let args = format_args!(
        "the block at {addr:#x} of {usable} bytes was not allocated with size {size}, alignment {align}"
    );
    error(codes::EINVAL, args);
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
                out_of_memory(100);
                out_of_memory_in_new();
                too_large(1 << 40);
                too_many(3, 1 << 40);
                bad_alignment(10, 3);
            });
            assert_eq!(codes, [22, 22, 12, 12, 75, 75, 75]);
        });
        let expected = [
            "mi_free: invalid pointer: 0x7ff0",
            "the block at 0x7ff0 of 112 bytes was not allocated with size 16, alignment 8",
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
