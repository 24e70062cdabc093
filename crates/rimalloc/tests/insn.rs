//! Instructions that giving a box back takes, counted by callgrind in the release build.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use testkit::callgrind::{self, Calls};

/// With the return, without the call.
const SIZED_FREE: f64 = 18.0;

#[test]
fn a_box_is_given_back_within_budget() {
    if !Command::new("valgrind").arg("--version").output().is_ok_and(|it| it.status.success()) {
        println!("skipped: valgrind not installed");
        return;
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it lies in the target");
    let mut build = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--quiet", "--release", "--package", "rimalloc", "--example", "boxes"]);
    build.arg("--target-dir").arg(target).current_dir(env!("CARGO_MANIFEST_DIR"));
    assert!(build.status().is_ok_and(|status| status.success()), "{build:?}");
    let program = target.join("release/examples/boxes");
    let [short, long] = ["20000", "60000"].map(|turns| profile(&program, turns));
    let cost = callgrind::per_call(&short, &long, |call| call.function == "boxes::give");
    let cost = cost.expect("the program gives boxes back");
    println!("sized free {cost:.1} of {SIZED_FREE}");
    assert!(cost <= SIZED_FREE, "{cost:.1} instructions, {SIZED_FREE} allowed");
}

fn profile(program: &Path, turns: &str) -> Vec<Calls> {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("boxes.{}.{turns}.callgrind", std::process::id()));
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--quiet"]);
    valgrind.arg(format!("--callgrind-out-file={}", out.display())).arg(program).arg(turns);
    let output = valgrind.output().expect("valgrind starts");
    assert!(output.status.success(), "{output:?}");
    let profile = fs::read_to_string(&out).expect("callgrind wrote its profile");
    fs::remove_file(&out).expect("the profile was just read");
    callgrind::calls(&profile)
}
