//! A static library with all that the compiler puts into one: the standard library, its panic
//! handler and its personality function. It allocates by the name `malloc` and catches a panic.

use std::ffi::{CString, c_char};
use std::panic;

/// A text for [`rust_text_free`], made of one that a caught panic carried.
#[unsafe(no_mangle)]
pub extern "C" fn rust_text() -> *mut c_char {
    panic::set_hook(Box::new(|_| {}));
    let caught = panic::catch_unwind(|| panic::panic_any(String::from("thrown and caught")));
    let text = caught.err().and_then(|payload| payload.downcast::<String>().ok());
    CString::new(*text.unwrap_or_default()).unwrap_or_default().into_raw()
}

/// Frees a text.
///
/// # Safety
/// It is one of [`rust_text`], and not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rust_text_free(text: *mut c_char) {
    // SAFETY: it was made by `into_raw`, and the caller gives it up.
    drop(unsafe { CString::from_raw(text) });
}
