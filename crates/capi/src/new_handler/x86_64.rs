//! The out-of-memory loop for x86-64.
//!
//! Written out, where any function of the runtime may be absent:
//!
//! ```text
//! new_failed(size, align, mode, p):
//!     find()                                    // a runtime that came after us
//!     while let Some(h) = get_new_handler():
//!         h()                                   // frees something, throws, or ends the program
//!         if mode & ONCE: return null
//!         if let block = retry(size, align, mode, p): return block
//!     if mode & NOTHROW: return null
//!     throw std::bad_alloc(); without a runtime abort
//! new_failed_nothrow(size, align):
//!     try { return new_failed(size, align, NOTHROW, null) } catch (...) { return null }
//! ```
//!
//! A `std::bad_alloc` is a virtual table pointer and nothing else, and that points behind the
//! table's first two words (Itanium C++ ABI, "Virtual Table Layout").
#![allow(unsafe_code)]

use super::runtime;
use core::arch::naked_asm;
use core::ffi::c_void;

// Pieces of `new_failed`, lines of assembly each. Of the registers that survive calls it keeps the
// arguments in four.

macro_rules! lines {
    ($($line:expr),* $(,)?) => { concat!($($line, "\n"),*) };
}

macro_rules! push {
    ($register:literal) => {
        lines!(
            concat!("push ", $register),
            ".cfi_adjust_cfa_offset 8",
            concat!(".cfi_rel_offset ", $register, ", 0"),
        )
    };
}

macro_rules! pop {
    ($register:literal) => {
        lines!(
            concat!("pop ", $register),
            ".cfi_adjust_cfa_offset -8",
            concat!(".cfi_restore ", $register),
        )
    };
}

/// The fifth word keeps the stack a multiple of 16 at calls.
macro_rules! save_registers {
    () => {
        lines!(
            push!("rbx"),
            push!("r12"),
            push!("r13"),
            push!("r14"),
            "push rax",
            ".cfi_adjust_cfa_offset 8",
        )
    };
}

macro_rules! restore_registers {
    () => {
        lines!(
            "pop rcx",
            ".cfi_adjust_cfa_offset -8",
            pop!("r14"),
            pop!("r13"),
            pop!("r12"),
            pop!("rbx"),
        )
    };
}

macro_rules! keep_arguments {
    () => {
        lines!("mov rbx, rdi", "mov r12, rsi", "mov r13d, edx", "mov r14, rcx")
    };
}

macro_rules! pass_arguments {
    () => {
        lines!("mov rdi, rbx", "mov rsi, r12", "mov edx, r13d", "mov rcx, r14")
    };
}

macro_rules! throw_bad_alloc {
    () => {
        lines!(
            "mov edi, 8",
            "call qword ptr [rip + rimalloc_cxx_runtime + {allocate_exception}]",
            "mov rcx, qword ptr [rip + rimalloc_cxx_runtime + {vtable}]",
            "add rcx, 16",
            "mov qword ptr [rax], rcx",
            "mov rdi, rax",
            "mov rsi, qword ptr [rip + rimalloc_cxx_runtime + {type_info}]",
            "mov rdx, qword ptr [rip + rimalloc_cxx_runtime + {destructor}]",
            "call qword ptr [rip + rimalloc_cxx_runtime + {throw}]",
        )
    };
}

/// Runs the loop above.
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
        "call {find}",
        "2:",
        "mov rax, qword ptr [rip + rimalloc_cxx_runtime + {get_new_handler}]",
        "test rax, rax",
        "je 4f",
        "call rax",
        "test rax, rax",
        "je 4f",
        "call rax",
        "xor eax, eax",
        "test r13b, {once}",
        "jne 3f",
        pass_arguments!(),
        "call {retry}",
        "test rax, rax",
        "je 2b",
        "3:",
        ".cfi_remember_state",
        restore_registers!(),
        "ret",
        ".cfi_restore_state",
        "4:",
        "xor eax, eax",
        "test r13b, {nothrow}",
        "jne 3b",
        "cmp qword ptr [rip + rimalloc_cxx_runtime + {throw}], 0",
        "je 5f",
        throw_bad_alloc!(),
        "ud2",
        "5:",
        "call {out_of_memory}",
        "ud2",
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
        "push rax",
        ".cfi_adjust_cfa_offset 8",
        "mov edx, {nothrow}",
        "xor ecx, ecx",
        "21:",
        "call {new_failed}",
        "22:",
        "pop rcx",
        ".cfi_adjust_cfa_offset -8",
        "ret",
        ".cfi_adjust_cfa_offset 8",
        "23:", // the unwinder enters here with the exception in rax
        "mov rdi, rax",
        "call qword ptr [rip + rimalloc_cxx_runtime + {begin_catch}]",
        "call qword ptr [rip + rimalloc_cxx_runtime + {end_catch}]",
        "xor eax, eax",
        "pop rcx",
        ".cfi_adjust_cfa_offset -8",
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
        ".long 0", // type 1: catch (...)
        "27:",
        ".popsection",
        nothrow = const super::NOTHROW,
        begin_catch = const runtime::BEGIN_CATCH,
        end_catch = const runtime::END_CATCH,
        new_failed = sym new_failed,
    )
}
