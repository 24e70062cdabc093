//! Linker flags of the shared library.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux") {
        return;
    }
    // Without a soname the linker records the path that was given at link time. What is installed has
    // a version in its name; in the build tree there is only the file.
    println!("cargo::rerun-if-env-changed=RIMALLOC_SONAME");
    let soname = env::var("RIMALLOC_SONAME").unwrap_or_else(|_| "librimalloc.so".into());
    link_arg(&format!("-Wl,-soname,{soname}"));
    // The library's own references go to its own functions, whoever else defines the name. (With
    // plain -Bsymbolic the loader would also show it its own when asked what the process uses.)
    link_arg("-Wl,-Bsymbolic-functions");
    // A missing symbol is an error of the link, not of the first program that loads the library.
    link_arg("-Wl,-z,defs");
    // Threads run our exit hook and hold our blocks, so dlclose must leave the code mapped.
    link_arg("-Wl,-z,nodelete");
    // Segments that share no OS page of the file: what the loader makes read-only then ends within one
    // page instead of reaching into the next, and a program start takes two page faults less.
    link_arg("-Wl,-z,separate-loadable-segments");
}

fn link_arg(arg: &str) {
    println!("cargo::rustc-cdylib-link-arg={arg}");
}
