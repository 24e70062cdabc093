//! Whether the loader would preload a library into a file, judged from the file itself.
//!
//! The loader says nothing when it skips a preload, and a static program has no loader at all: the
//! program would run on its own malloc, unnoticed. So the question is asked before.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// As many `#!` in a row as Linux follows.
const MAX_INTERPRETERS: usize = 5;
const SHELL: &str = "/bin/sh";

const MAGIC: &[u8] = b"\x7fELF";
const CLASS_AT: usize = 4;
const CLASS_32: u8 = 1;
const CLASS_64: u8 = 2;
const ORDER_AT: usize = 5;
const ORDER_LITTLE: u8 = 1;
const MACHINE_AT: usize = 18;
const HEADER_SIZE: usize = 64;
const PT_INTERP: u64 = 3;

/// `Err` is one line for the user. A file that cannot be read is let through: execute permission
/// does not include read permission.
pub(crate) fn check_preloadable(program: &Path, library: &Path) -> Result<(), String> {
    let mut file = program.to_owned();
    for _ in 0..=MAX_INTERPRETERS {
        let Ok(start) = read_start(&file) else { return Ok(()) };
        if start.starts_with(MAGIC) {
            return check_elf(&file, library);
        }
        file = interpreter(&start);
    }
    // `exec` has a better word for a chain this long.
    Ok(())
}

/// The first bytes of a file: enough for an ELF header and for any `#!` line Linux accepts.
fn read_start(path: &Path) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    File::open(path)?.take(256).read_to_end(&mut start)?;
    Ok(start)
}

/// The interpreter a script names; the shell, as `execvp` has it, if it names none.
fn interpreter(start: &[u8]) -> PathBuf {
    let line = start.strip_prefix(b"#!").and_then(|rest| rest.split(|&byte| byte == b'\n').next());
    let mut words = line.unwrap_or_default().split(|&byte| matches!(byte, b' ' | b'\t'));
    match words.find(|word| !word.is_empty()) {
        Some(word) => PathBuf::from(std::ffi::OsStr::from_bytes(word)),
        None => PathBuf::from(SHELL),
    }
}

fn check_elf(path: &Path, library: &Path) -> Result<(), String> {
    let refuse = |why: &str| Err(format!("{}: {why}", path.display()));
    let (Ok(file), Ok(library)) = (File::open(path), File::open(library)) else { return Ok(()) };
    let (Ok(header), Ok(library)) = (Header::read(&file), Header::read(&library)) else {
        return Ok(());
    };
    if (header.class, header.order, header.machine)
        != (library.class, library.order, library.machine)
    {
        return refuse("built for another architecture than the library, cannot be preloaded");
    }
    if let Ok(false) = header.has_interpreter(&file) {
        return refuse("statically linked, cannot be preloaded");
    }
    let Ok(metadata) = file.metadata() else { return Ok(()) };
    match privilege(path, &metadata) {
        Some(kind) => {
            refuse(&format!("{kind}, the loader ignores LD_PRELOAD: cannot be preloaded"))
        }
        None => Ok(()),
    }
}

/// What makes the kernel start this file in secure mode. Whether it does depends on who starts it
/// and where it is mounted too; a refusal that does not is easier to understand.
fn privilege(path: &Path, metadata: &Metadata) -> Option<&'static str> {
    if metadata.mode() & libc::S_ISUID != 0 {
        return Some("set-uid program");
    }
    // Without group execute permission the bit means mandatory locking.
    let set_gid = libc::S_ISGID | libc::S_IXGRP;
    if metadata.mode() & set_gid == set_gid {
        return Some("set-gid program");
    }
    has_capabilities(path).then_some("program with file capabilities")
}

fn has_capabilities(path: &Path) -> bool {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else { return false };
    let name = c"security.capability";
    // SAFETY: both strings are NUL-terminated and live through the call; a size of zero asks for
    // the length of the value only, the buffer is not touched.
    let length = unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), core::ptr::null_mut(), 0) };
    length > 0
}

/// The fields of an ELF header that matter here, for either class and byte order.
struct Header {
    class: u8,
    order: u8,
    machine: u64,
    segments_at: u64,
    segment_size: u64,
    segment_count: u64,
}

impl Header {
    fn read(file: &File) -> io::Result<Self> {
        let mut bytes = [0; HEADER_SIZE];
        file.read_exact_at(&mut bytes, 0)?;
        let (class, order) = (bytes[CLASS_AT], bytes[ORDER_AT]);
        if !bytes.starts_with(MAGIC) || !matches!(class, CLASS_32 | CLASS_64) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        // (offset of the segment table, its width, offset of the size of an entry)
        let (table, width, size) = if class == CLASS_64 { (32, 8, 54) } else { (28, 4, 42) };
        let field = |at: usize, width: usize| number(&bytes[at..at + width], order);
        Ok(Self {
            class,
            order,
            machine: field(MACHINE_AT, 2),
            segments_at: field(table, width),
            segment_size: field(size, 2),
            segment_count: field(size + 2, 2),
        })
    }

    /// Whether the file asks for a loader: static programs, position independent or not, do not.
    fn has_interpreter(&self, file: &File) -> io::Result<bool> {
        for index in 0..self.segment_count {
            let mut kind = [0; 4];
            let at = self.segments_at.saturating_add(index * self.segment_size);
            file.read_exact_at(&mut kind, at)?;
            if number(&kind, self.order) == PT_INTERP {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn number(bytes: &[u8], order: u8) -> u64 {
    let push = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    if order == ORDER_LITTLE {
        bytes.iter().rev().fold(0, push)
    } else {
        bytes.iter().fold(0, push)
    }
}

#[cfg(test)]
mod tests {
    use super::{check_preloadable, interpreter, number};
    use std::path::Path;

    #[test]
    fn numbers_in_both_byte_orders() {
        assert_eq!(number(&[1, 2, 0, 0], 1), 0x201);
        assert_eq!(number(&[1, 2], 2), 0x102);
    }

    #[test]
    fn scripts_name_their_interpreter() {
        assert_eq!(interpreter(b"#!/bin/bash -e\necho"), Path::new("/bin/bash"));
        assert_eq!(interpreter(b"#! /usr/bin/env python3\n"), Path::new("/usr/bin/env"));
        assert_eq!(interpreter(b"#!/bin/dash"), Path::new("/bin/dash"));
        assert_eq!(interpreter(b"echo hello\n"), Path::new("/bin/sh"));
        assert_eq!(interpreter(b""), Path::new("/bin/sh"));
    }

    #[test]
    fn this_dynamic_program_can_be_preloaded() {
        let myself = std::env::current_exe().expect("a running program");
        assert_eq!(check_preloadable(&myself, &myself), Ok(()));
    }
}
