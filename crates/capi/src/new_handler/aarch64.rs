//! The out-of-memory loop for aarch64; `x86_64.rs` has it in words.
#![allow(unsafe_code)]

use super::runtime;
use core::arch::naked_asm;
use core::ffi::c_void;

// Pieces of `new_failed`, lines of assembly each. Of the registers that survive calls it keeps the
// arguments in four.

macro_rules! lines {
    ($($line:expr),* $(,)?) => { concat!($($line, "\n"),*) };
}

macro_rules! save_registers {
    () => {
        lines!(
            "stp x29, x30, [sp, #-48]!",
            ".cfi_def_cfa_offset 48",
            ".cfi_offset x29, -48",
            ".cfi_offset x30, -40",
            "stp x19, x20, [sp, #16]",
            ".cfi_offset x19, -32",
            ".cfi_offset x20, -24",
            "stp x21, x22, [sp, #32]",
            ".cfi_offset x21, -16",
            ".cfi_offset x22, -8",
            "mov x29, sp",
        )
    };
}

macro_rules! restore_registers {
    () => {
        lines!(
            "ldp x21, x22, [sp, #32]",
            "ldp x19, x20, [sp, #16]",
            "ldp x29, x30, [sp], #48",
            ".cfi_def_cfa_offset 0",
            ".cfi_restore x21",
            ".cfi_restore x22",
            ".cfi_restore x19",
            ".cfi_restore x20",
            ".cfi_restore x29",
            ".cfi_restore x30",
        )
    };
}

macro_rules! keep_arguments {
    () => {
        lines!("mov x19, x0", "mov x20, x1", "mov w21, w2", "mov x22, x3")
    };
}

macro_rules! pass_arguments {
    () => {
        lines!("mov x0, x19", "mov x1, x20", "mov w2, w21", "mov x3, x22")
    };
}

/// The function that throws is in x19.
macro_rules! throw_bad_alloc {
    () => {
        lines!(
            "adrp x8, rimalloc_cxx_runtime + {allocate_exception}",
            "ldr x8, [x8, :lo12:rimalloc_cxx_runtime + {allocate_exception}]",
            "mov w0, #8",
            "blr x8",
            "adrp x8, rimalloc_cxx_runtime + {vtable}",
            "ldr x8, [x8, :lo12:rimalloc_cxx_runtime + {vtable}]",
            "add x8, x8, #16",
            "str x8, [x0]",
            "adrp x1, rimalloc_cxx_runtime + {type_info}",
            "ldr x1, [x1, :lo12:rimalloc_cxx_runtime + {type_info}]",
            "adrp x2, rimalloc_cxx_runtime + {destructor}",
            "ldr x2, [x2, :lo12:rimalloc_cxx_runtime + {destructor}]",
            "blr x19",
        )
    };
}

/// Calls the handler until `retry` succeeds, then throws.
///
/// # Safety
/// `p` is null or a live block.
#[cold]
#[unsafe(naked)]
pub(super) unsafe extern "C" fn new_failed(
    size: usize,
    align: usize,
    mode: u32,
    p: *mut c_void,
) -> *mut c_void {
    naked_asm!(
        ".cfi_startproc",
        save_registers!(),
        keep_arguments!(),
        "bl {find}",
        "2:",
        "adrp x8, rimalloc_cxx_runtime + {get_new_handler}",
        "ldr x8, [x8, :lo12:rimalloc_cxx_runtime + {get_new_handler}]",
        "cbz x8, 4f",
        "blr x8",
        "cbz x0, 4f",
        "blr x0",
        "mov x0, xzr",
        "tst w21, #{once}",
        "b.ne 3f",
        pass_arguments!(),
        "bl {retry}",
        "cbz x0, 2b",
        "3:",
        ".cfi_remember_state",
        restore_registers!(),
        "ret",
        ".cfi_restore_state",
        "4:",
        "mov x0, xzr",
        "tst w21, #{nothrow}",
        "b.ne 3b",
        "adrp x19, rimalloc_cxx_runtime + {throw}",
        "ldr x19, [x19, :lo12:rimalloc_cxx_runtime + {throw}]",
        "cbz x19, 5f",
        throw_bad_alloc!(),
        "brk #1",
        "5:",
        "bl {out_of_memory}",
        "brk #1",
        ".cfi_endproc",
        once = const super::ONCE,
        nothrow = const super::NOTHROW,
        get_new_handler = const runtime::GET_NEW_HANDLER,
        allocate_exception = const runtime::ALLOCATE_EXCEPTION,
        vtable = const runtime::BAD_ALLOC_VTABLE,
        type_info = const runtime::BAD_ALLOC_TYPE,
        destructor = const runtime::BAD_ALLOC_DESTRUCTOR,
        throw = const runtime::THROW,
        find = sym runtime::find,
        retry = sym super::retry,
        out_of_memory = sym super::out_of_memory,
    )
}

/// `new_failed` inside `try { … } catch (...)`: the table after the code is the language-specific
/// data area of one call site with a landing pad that accepts every type.
#[cold]
#[unsafe(naked)]
pub(super) extern "C" fn new_failed_nothrow(size: usize, align: usize) -> *mut c_void {
    naked_asm!(
        "20:",
        ".cfi_startproc",
        ".cfi_personality 0x9b, rimalloc_cxx_personality", // indirect, pc-relative, 4 bytes
        ".cfi_lsda 0x1b, .Lrimalloc_nothrow_lsda",         // pc-relative, 4 bytes
        "stp x29, x30, [sp, #-16]!",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset x29, -16",
        ".cfi_offset x30, -8",
        "mov x29, sp",
        "mov w2, #{nothrow}",
        "mov x3, xzr",
        "21:",
        "bl {new_failed}",
        "22:",
        "b 24f",
        "23:", // the unwinder enters here with the exception in x0
        "adrp x8, rimalloc_cxx_runtime + {begin_catch}",
        "ldr x8, [x8, :lo12:rimalloc_cxx_runtime + {begin_catch}]",
        "blr x8",
        "adrp x8, rimalloc_cxx_runtime + {end_catch}",
        "ldr x8, [x8, :lo12:rimalloc_cxx_runtime + {end_catch}]",
        "blr x8",
        "mov x0, xzr",
        "24:",
        "ldp x29, x30, [sp], #16",
        ".cfi_def_cfa_offset 0",
        ".cfi_restore x29",
        ".cfi_restore x30",
        "ret",
        ".cfi_endproc",
        ".pushsection .gcc_except_table.rimalloc,\"a\",@progbits",
        ".p2align 2",
        ".Lrimalloc_nothrow_lsda:",
        ".byte 0xff", // landing pads count from the function's start
        ".byte 0x1b", // types are pc-relative, 4 bytes
        ".uleb128 27f - 25f", // to the end of the type table
        "25:",
        ".byte 0x01", // call sites are uleb128
        ".uleb128 26f - 28f",
        "28:",
        ".uleb128 21b - 20b",
        ".uleb128 22b - 21b",
        ".uleb128 23b - 20b",
        ".uleb128 1", // first action
        "26:",
        ".byte 1, 0", // type 1, no further action
        ".p2align 2",
        ".word 0", // type 1: catch (...)
        "27:",
        ".popsection",
        nothrow = const super::NOTHROW,
        begin_catch = const runtime::BEGIN_CATCH,
        end_catch = const runtime::END_CATCH,
        new_failed = sym new_failed,
    )
}
