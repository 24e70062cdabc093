//! The crate as others use it: programs in a workspace of their own (`tests/outside`), built by cargo.

mod cargo;

use cargo::{cargo, output_of};
use std::path::Path;
use std::process::Command;

/// Runs the tests of a package and expects that there are some.
fn test(toolchain: Option<&str>, package: &str) {
    let (out, _) = output_of(cargo(toolchain).args(["test", "--locked", "--package", package]));
    let passed = |line: &str| line.contains("test result: ok") && !line.contains(" 0 passed");
    assert!(out.lines().any(passed), "{out}");
}

#[test]
fn collections_of_allocator_api2_0_2_and_hashbrown_use_it() {
    test(None, "outside-version-02");
}

#[test]
fn collections_of_allocator_api2_0_4_use_it() {
    test(None, "outside-version-04");
}

#[test]
fn collections_of_a_nightly_standard_library_use_it() {
    let present = Command::new("rustup").args(["run", "nightly", "rustc", "--version"]).output();
    if !present.is_ok_and(|output| output.status.success()) {
        println!("skipped: there is no nightly toolchain");
        return;
    }
    test(Some("nightly"), "outside-nightly");
}

/// What builds it says that there is no C compiler; what links the program needs one all the same.
#[test]
fn a_program_without_std_uses_it_and_no_c_compiler_builds_it() {
    let mut build = cargo(None);
    build.args(["run", "--locked", "--release", "--package", "outside-no-std"]);
    output_of(build.env("CC", "/bin/false").env("CXX", "/bin/false"));
}

#[test]
fn a_rust_dylib_shares_it_with_its_program() {
    for profile in ["dev", "dynamic"] {
        let mut run = cargo(None);
        run.args(["run", "--locked", "--profile", profile, "--package", "outside-dynamic"]);
        // The flag rebuilds everything: not where the other programs are built.
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("outside-dynamic");
        run.env("RUSTFLAGS", "-Cprefer-dynamic").env("CARGO_TARGET_DIR", target);
        let (out, _) = output_of(&mut run);
        assert_eq!(out, "dynamic: all is well\n", "{profile}");
    }
}
