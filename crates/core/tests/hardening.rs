//! What each level of hardening promises, as it was described and not as it was made. A build without the level skips
//! what is the level's.
#![cfg(target_os = "linux")]
#![allow(unsafe_code)]

mod process;

use core::ptr::null_mut;
use process::alone;
use rimalloc_core::aligned::malloc_aligned_at;
use rimalloc_core::alloc::{malloc, zalloc};
use rimalloc_core::arena::Arena;
use rimalloc_core::collect::collect;
use rimalloc_core::config::{
    CHECKED_SIZES, DEBUG, ENCODED_LINKS, FILLED, GUARDED_METADATA, GUARDED_PAGES, HARDENED,
    MARKED_FREE, PADDED, RANDOM_ORDER, RANDOM_PLACEMENT, SECURE,
};
use rimalloc_core::free::{free, free_size, usable_size};
use rimalloc_core::heap::MAIN_SUBPROC;
use rimalloc_core::os;
use rimalloc_core::page::PageRef;
use rimalloc_core::realloc::realloc;
use rimalloc_core::report::{self, codes};
use rimalloc_core::source::Plain;
use std::collections::BTreeSet;
use std::process::Command;
