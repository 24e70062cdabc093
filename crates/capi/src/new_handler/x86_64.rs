//! The out-of-memory loop for x86-64.
//!
//! Written out, with `handler` and `thrower` possibly absent:
//!
//! ```text
//! new_failed(size, align, mode, p):
//!     while let Some(h) = handler():
//!         h()                                   // frees something, throws, or ends the program
//!         if mode & ONCE: return null
//!         if let block = retry(size, align, mode, p): return block
//!     if mode & NOTHROW: return null
//!     thrower(); or abort
//! new_failed_nothrow(size, align):
//!     try { return new_failed(size, align, NOTHROW, null) } catch (...) { return null }
//! ```
//!
//! The `.weak` directives stand beside the references, so they hold in whichever object the
//! function lands.
#![allow(unsafe_code)]

use core::arch::naked_asm;
use core::ffi::c_void;

/// Runs the loop above. The registers that hold the four arguments survive calls.
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
        ".weak _ZSt15get_new_handlerv",
        ".weak _ZSt17__throw_bad_allocv",
        ".cfi_startproc",
        "push rbx",
        ".cfi_adjust_cfa_offset 8",
        ".cfi_rel_offset rbx, 0",
        "push r12",
        ".cfi_adjust_cfa_offset 8",
        ".cfi_rel_offset r12, 0",
        "push r13",
        ".cfi_adjust_cfa_offset 8",
        ".cfi_rel_offset r13, 0",
        "push r14",
        ".cfi_adjust_cfa_offset 8",
        ".cfi_rel_offset r14, 0",
        "push rax", // keeps the stack a multiple of 16 at calls
        ".cfi_adjust_cfa_offset 8",
        "mov rbx, rdi",
        "mov r12, rsi",
        "mov r13d, edx",
        "mov r14, rcx",
        "2:",
        "mov rax, qword ptr [rip + _ZSt15get_new_handlerv@GOTPCREL]",
        "test rax, rax",
        "je 4f",
        "call rax",
        "test rax, rax",
        "je 4f",
        "call rax",
        "xor eax, eax",
        "test r13b, {once}",
        "jne 3f",
        "mov rdi, rbx",
        "mov rsi, r12",
        "mov edx, r13d",
        "mov rcx, r14",
        "call {retry}",
        "test rax, rax",
        "je 2b",
        "3:",
        ".cfi_remember_state",
        "pop rcx",
        ".cfi_adjust_cfa_offset -8",
        "pop r14",
        ".cfi_adjust_cfa_offset -8",
        ".cfi_restore r14",
        "pop r13",
        ".cfi_adjust_cfa_offset -8",
        ".cfi_restore r13",
        "pop r12",
        ".cfi_adjust_cfa_offset -8",
        ".cfi_restore r12",
        "pop rbx",
        ".cfi_adjust_cfa_offset -8",
        ".cfi_restore rbx",
        "ret",
        ".cfi_restore_state",
        "4:",
        "xor eax, eax",
        "test r13b, {nothrow}",
        "jne 3b",
        "mov rax, qword ptr [rip + _ZSt17__throw_bad_allocv@GOTPCREL]",
        "test rax, rax",
        "je 5f",
        "call rax",
        "ud2",
        "5:",
        "call {out_of_memory}",
        "ud2",
        ".cfi_endproc",
        once = const super::ONCE,
        nothrow = const super::NOTHROW,
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
        ".weak __gxx_personality_v0",
        ".weak __cxa_begin_catch",
        ".weak __cxa_end_catch",
        "20:",
        ".cfi_startproc",
        ".cfi_personality 0x9b, .Lrimalloc_personality", // indirect, pc-relative, 4 bytes
        ".cfi_lsda 0x1b, .Lrimalloc_nothrow_lsda",       // pc-relative, 4 bytes
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
        "mov rax, qword ptr [rip + __cxa_begin_catch@GOTPCREL]",
        "test rax, rax",
        "je 24f",
        "call rax",
        "mov rax, qword ptr [rip + __cxa_end_catch@GOTPCREL]",
        "call rax",
        "xor eax, eax",
        "pop rcx",
        ".cfi_adjust_cfa_offset -8",
        "ret",
        ".cfi_adjust_cfa_offset 8",
        "24:",
        "ud2",
        ".cfi_endproc",
        ".pushsection .data.rel.ro.rimalloc_personality,\"aw\",@progbits",
        ".p2align 3",
        ".Lrimalloc_personality:",
        ".quad __gxx_personality_v0",
        ".popsection",
        ".pushsection .gcc_except_table.rimalloc,\"a\",@progbits",
        ".p2align 2",
        ".Lrimalloc_nothrow_lsda:",
        ".byte 0xff",                     // landing pads count from the function's start
        ".byte 0x1b",                     // types are pc-relative, 4 bytes
        ".uleb128 27f - 25f",             // to the end of the type table
        "25:",
        ".byte 0x01",                     // call sites are uleb128
        ".uleb128 26f - 28f",
        "28:",
        ".uleb128 21b - 20b",
        ".uleb128 22b - 21b",
        ".uleb128 23b - 20b",
        ".uleb128 1",                     // first action
        "26:",
        ".byte 1, 0",                     // type 1, no further action
        ".p2align 2",
        ".long 0",                        // type 1: catch (...)
        "27:",
        ".popsection",
        nothrow = const super::NOTHROW,
        new_failed = sym new_failed,
    )
}
