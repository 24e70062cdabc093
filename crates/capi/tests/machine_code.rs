//! The hot functions of the shared library, as machine code: no calls and no stack traffic before
//! the jump into a slow path.
#![cfg(target_arch = "x86_64")]

mod common;

use std::process::Command;

struct Instruction {
    address: u64,
    mnemonic: String,
    operands: String,
}

/// A function by its exported name. Names may share an address, so the range comes from `nm`.
fn function(name: &str) -> Vec<Instruction> {
    let library = common::shared_library();
    let mut nm = Command::new("nm");
    let symbols = common::run(nm.args(["--dynamic", "--format=posix"]).arg(&library));
    let (start, size) = common::text(&symbols.stdout)
        .lines()
        .find_map(|line| {
            let mut fields = line.split_whitespace();
            (fields.next()? == name).then_some(())?;
            let start = u64::from_str_radix(fields.nth(1)?, 16).ok()?;
            Some((start, u64::from_str_radix(fields.next()?, 16).ok()?))
        })
        .unwrap_or_else(|| panic!("{name} is exported"));
    let mut objdump = Command::new("objdump");
    objdump.args(["--disassemble", "--no-show-raw-insn", "-M", "intel"]);
    objdump.arg(format!("--start-address={start}")).arg(format!("--stop-address={}", start + size));
    let listing = common::run(objdump.arg(&library));
    common::text(&listing.stdout).lines().filter_map(instruction).collect()
}

/// `    1234:\tmov    rax,rbx` of objdump.
fn instruction(line: &str) -> Option<Instruction> {
    let (address, code) = line.split_once(":\t")?;
    let address = u64::from_str_radix(address.trim(), 16).ok()?;
    let (mnemonic, operands) = code.split_once(' ').unwrap_or((code, ""));
    let (mnemonic, operands) = (mnemonic.trim().to_owned(), operands.trim().to_owned());
    Some(Instruction { address, mnemonic, operands })
}

/// The instructions from the entry to the first return, conditional branches not taken and
/// unconditional ones inside the function followed: the path the code layout calls likely.
fn likely_path(name: &str) -> Vec<Instruction> {
    let mut code = function(name);
    let mut path = Vec::new();
    let mut at = 0;
    while at < code.len() && path.len() < code.len() {
        let current = &mut code[at];
        let step = Instruction {
            address: current.address,
            mnemonic: core::mem::take(&mut current.mnemonic),
            operands: current.operands.clone(),
        };
        let target = (step.mnemonic == "jmp").then(|| jump_target(&step.operands)).flatten();
        let done = step.mnemonic.starts_with("ret") || (step.mnemonic == "jmp" && target.is_none());
        path.push(step);
        if done {
            break;
        }
        at = match target {
            None => at + 1,
            Some(target) => match code.iter().position(|other| other.address == target) {
                Some(inside) => inside,
                None => break,
            },
        };
    }
    path
}

fn jump_target(operands: &str) -> Option<u64> {
    u64::from_str_radix(operands.split_whitespace().next()?, 16).ok()
}

fn show(path: &[Instruction]) -> String {
    path.iter().map(|i| format!("{:x}: {} {}\n", i.address, i.mnemonic, i.operands)).collect()
}

fn touches_stack(instruction: &Instruction) -> bool {
    matches!(instruction.mnemonic.as_str(), "push" | "pop" | "call" | "enter" | "leave")
        || instruction.operands.contains("rsp")
        || instruction.operands.contains("rbp")
}

fn objdump_missing() -> bool {
    let missing = !common::has_tool("objdump");
    if missing {
        println!("skipped: objdump not installed");
    }
    missing
}

#[test]
fn fast_paths_need_no_frame() {
    if objdump_missing() {
        return;
    }
    for name in ["malloc", "free", "mi_malloc", "mi_free", "_Znwm", "_ZdlPv", "_ZdlPvm"] {
        let path = likely_path(name);
        let returns = path.last().is_some_and(|last| last.mnemonic.starts_with("ret"));
        assert!(returns, "{name}: the likely path does not return\n{}", show(&path));
        assert!(!path.iter().any(touches_stack), "{name} uses the stack\n{}", show(&path));
    }
}

/// Above a function that throws stands its caller's frame and none of ours, which the unwinder would
/// find no instructions for. The nothrow form calls: that frame catches.
#[test]
fn failing_new_leaves_by_a_jump() {
    if objdump_missing() {
        return;
    }
    let mut objdump = Command::new("objdump");
    objdump.args(["--disassemble", "--no-show-raw-insn", "-M", "intel"]);
    let listing = common::run(objdump.arg(common::shared_library()));
    let (mut inside, mut jumps) = ("", 0);
    for line in common::text(&listing.stdout).lines() {
        if let Some(header) = line.strip_suffix(">:") {
            inside = header;
        }
        let Some(step) = instruction(line) else { continue };
        let leaves = step.operands.contains("new_failed") && !inside.contains("new_failed");
        assert!(!leaves || step.mnemonic.starts_with('j'), "{inside}: {line}");
        jumps += u32::from(leaves);
    }
    // Plain, aligned, resizing, counted: the two array forms may share their code.
    assert!(jumps >= 6, "{jumps} jumps");
}
