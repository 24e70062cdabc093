//! Runtime options by number (`mi_option_t`). A number that is no option reads as 0, and setting
//! it does nothing.
#![allow(unsafe_code)]

use core::ffi::{c_int, c_long};
use rimalloc_core::options;

/// Whether the value is not zero.
#[unsafe(no_mangle)]
pub extern "C" fn mi_option_is_enabled(option: c_int) -> bool {
    options::from_index(option).is_some_and(options::is_enabled)
}

/// Sets the value to 1.
#[unsafe(no_mangle)]
pub extern "C" fn mi_option_enable(option: c_int) {
    set(option, 1);
}

/// Sets the value to 0.
#[unsafe(no_mangle)]
pub extern "C" fn mi_option_disable(option: c_int) {
    set(option, 0);
}

/// Sets the value to 0 or 1.
#[unsafe(no_mangle)]
pub extern "C" fn mi_option_set_enabled(option: c_int, enable: bool) {
    set(option, enable.into());
}

/// Sets the value to 0 or 1, unless the environment or the program has set it.
#[unsafe(no_mangle)]
pub extern "C" fn mi_option_set_enabled_default(option: c_int, enable: bool) {
    set_default(option, enable.into());
}

/// The value; options that are memory sizes count KiB.
#[unsafe(no_mangle)]
pub extern "C" fn mi_option_get(option: c_int) -> c_long {
    options::from_index(option).map_or(0, options::get)
}

/// The value, brought into a range.
#[unsafe(no_mangle)]
pub extern "C" fn mi_option_get_clamp(option: c_int, min: c_long, max: c_long) -> c_long {
    options::from_index(option).map_or(0, |opt| options::get_clamp(opt, min, max))
}

/// The value as a size in bytes; 0 for a negative one.
#[unsafe(no_mangle)]
pub extern "C" fn mi_option_get_size(option: c_int) -> usize {
    options::from_index(option).map_or(0, options::get_size)
}

/// Sets the value, which then counts for more than the environment's.
#[unsafe(no_mangle)]
pub extern "C" fn mi_option_set(option: c_int, value: c_long) {
    set(option, value);
}

/// Sets the value, unless the environment or the program has set it.
#[unsafe(no_mangle)]
pub extern "C" fn mi_option_set_default(option: c_int, value: c_long) {
    set_default(option, value);
}

fn set(option: c_int, value: c_long) {
    if let Some(opt) = options::from_index(option) {
        options::set(opt, value);
    }
}

fn set_default(option: c_int, value: c_long) {
    if let Some(opt) = options::from_index(option) {
        options::set_default(opt, value);
    }
}
