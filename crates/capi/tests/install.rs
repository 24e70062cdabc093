//! The installed tree: what `cargo xtask dist` installs is found and used by projects as they are
//! written for mimalloc, and by programs that are linked to it.

mod common;

use common::{Link, run, text};
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Programs of the project in `tests/install/project` that say which mimalloc they use.
const APPS: [&str; 4] = ["shared", "shared-cxx", "object", "object-cxx"];

/// Programs of `tests/install/debian`.
const DEBIAN: [&str; 2] = ["blocks", "heaps"];

/// A directory of a test's own, empty at the start and left behind for inspection.
fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("install").join(name);
    if path.exists() {
        fs::remove_dir_all(&path).expect("the old scratch directory goes away");
    }
    fs::create_dir_all(&path).expect("a scratch directory");
    path
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/install").join(name)
}

/// Whether a tool is there; says which test goes without.
fn has_tool(name: &str) -> bool {
    let found = common::has_tool(name);
    if !found {
        println!("skipped: {name} not installed");
    }
    found
}

fn dist(prefix: &Path, more: &[&str]) {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["run", "--quiet", "--package", "xtask", "--", "dist", "--prefix"]).arg(prefix);
    command.args(more).env("CARGO_TARGET_DIR", common::target_dir());
    run(command.current_dir(env!("CARGO_MANIFEST_DIR")));
}

/// A prefix of its own, installed on first use.
fn prefix() -> &'static Path {
    static PREFIX: OnceLock<PathBuf> = OnceLock::new();
    PREFIX.get_or_init(|| {
        let prefix = scratch("prefix");
        dist(&prefix, &[]);
        prefix
    })
}

/// A program that was built against the tree and finds the shared library there.
fn program(path: &Path, prefix: &Path) -> Command {
    let mut command = common::program(path, Link::Shared);
    command.env("LD_LIBRARY_PATH", prefix.join("lib"));
    command
}

/// Runs a program that is to use this tree's library: it says so itself, and exits with 0 if calls
/// of the plain names lead there too.
fn check_app(path: &Path, prefix: &Path) {
    let output = run(&mut program(path, prefix));
    let said = text(&output.stdout);
    let numbers: Vec<&str> = said.split(|c: char| !c.is_ascii_digit()).collect();
    let numbers: BTreeSet<_> = numbers.into_iter().filter(|number| !number.is_empty()).collect();
    assert_eq!(numbers.len(), 1, "{path:?}: header and library are of different versions: {said}");
    assert_eq!(text(&output.stderr), "", "{path:?}");
}

/// Builds `tests/install/project` by its Makefile.
fn make(tree: &Path, libdir: &str, build: &Path, targets: &[&str]) {
    let project = fixture("project");
    let mut make = Command::new("make");
    make.arg("-C").arg(build).arg("-f").arg(project.join("Makefile"));
    make.arg(format!("VPATH={}", project.display())).args(targets);
    run(make.env("PKG_CONFIG_PATH", tree.join(libdir).join("pkgconfig")));
}

fn cmake(project: &Path, tree: &Path, build: &Path) -> String {
    let mut cmake = Command::new("cmake");
    cmake.arg("-S").arg(project).arg("-B").arg(build);
    cmake.arg(format!("-DCMAKE_PREFIX_PATH={}", tree.display()));
    text(&run(cmake.env_remove("CMAKE_PREFIX_PATH")).stdout).to_owned()
}

#[test]
fn cmake_project_builds_as_it_is() {
    if !has_tool("cmake") {
        return;
    }
    let build = scratch("cmake");
    cmake(&fixture("project"), prefix(), &build);
    run(Command::new("cmake").arg("--build").arg(&build));
    for name in APPS.iter().chain(&["archive", "archive-cxx"]) {
        check_app(&build.join(name), prefix());
    }
    assert_eq!(text(&run(&mut program(&build.join("override"), prefix())).stdout), "renamed\n");
    run(&mut program(&build.join("new-delete"), prefix()));
    let needed = needed(&build.join("shared"));
    assert!(needed.contains("libmimalloc.so.2"), "{needed:?}");
    assert!(!needed.iter().any(|name| name.contains("rimalloc")), "{needed:?}");
}

#[test]
fn pkg_config_project_builds_as_it_is() {
    if !has_tool("pkg-config") || !has_tool("make") {
        return;
    }
    let build = scratch("pkg-config");
    make(prefix(), "lib", &build, &[]);
    for name in APPS.iter().chain(&["static", "static-cxx"]) {
        check_app(&build.join(name), prefix());
    }
    assert_eq!(text(&run(&mut program(&build.join("override"), prefix())).stdout), "renamed\n");
    run(&mut program(&build.join("new-delete"), prefix()));
    let needed = needed(&build.join("shared"));
    assert!(needed.contains("libmimalloc.so.2"), "{needed:?}");
}

#[test]
fn cmake_package_serves_the_versions_that_it_can() {
    if !has_tool("cmake") {
        return;
    }
    let said = cmake(&fixture("versions"), prefix(), &scratch("versions"));
    let verdicts: Vec<(&str, bool)> = said
        .lines()
        .filter_map(|line| line.strip_prefix("-- version '")?.split_once("': "))
        .map(|(version, found)| (version, found == "1"))
        .collect();
    let served = ["", "2", "2.0", "2.1", "2.1.9", "2.1...<3", "1.9...2.99"];
    assert_eq!(verdicts.len(), 14, "{said}");
    for (version, found) in verdicts {
        assert_eq!(found, served.contains(&version), "version {version:?}");
    }
}

/// A package is built in one place, unpacked in another, and its libraries lie where the
/// distribution wants them.
#[test]
fn a_staged_tree_may_be_moved() {
    let stage = scratch("stage");
    let staged = stage.display().to_string();
    dist(
        Path::new("/usr"),
        &["--destdir", &staged, "--mimalloc-names", "--libdir", "lib/x86_64-linux-gnu"],
    );
    let entries: Vec<_> = files(&stage).into_iter().collect();
    assert!(entries.iter().all(|path| path.starts_with(stage.join("usr"))), "{entries:?}");
    for path in &entries {
        let bytes = fs::read(path).expect("no link leads out of the tree");
        let named = bytes.windows(staged.len()).any(|window| window == staged.as_bytes());
        assert!(!named, "{path:?} names the place it was staged at");
    }
    let moved = scratch("moved").join("tree");
    fs::rename(stage.join("usr"), &moved).expect("it is on the same file system");
    if has_tool("pkg-config") && has_tool("make") {
        let build = scratch("moved-pkg-config");
        make(&moved, "lib/x86_64-linux-gnu", &build, &["object"]);
        check_app(&build.join("object"), &moved);
    }
    if has_tool("cmake") {
        let build = scratch("moved-cmake");
        // CMake looks into the subdirectory of the architecture where the system has one.
        cmake(&fixture("project"), &moved.join("lib/x86_64-linux-gnu/cmake"), &build);
        run(Command::new("cmake").arg("--build").arg(&build).args(["--target", "archive-cxx"]));
        check_app(&build.join("archive-cxx"), &moved);
    }
}

#[test]
fn a_shared_prefix_gets_no_name_of_mimalloc() {
    let stage = scratch("shared-prefix");
    dist(Path::new("/usr"), &["--destdir", &stage.display().to_string()]);
    let own = stage.join("usr/include/rimalloc");
    let files = files(&stage);
    assert!(files.contains(&stage.join("usr/lib/librimalloc.so.0")), "{files:?}");
    assert!(files.contains(&own.join("mimalloc.h")), "{files:?}");
    for path in files.iter().filter(|path| !path.starts_with(&own)) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        assert!(!name.contains("mimalloc") || name.contains("rimalloc"), "{path:?}");
    }
}

/// The hardened libraries and those for memory checkers lie beside the stock one, under the names that mimalloc's have: a
/// program that frees a block twice is told so by each form of them.
#[test]
fn variants_are_found_and_differ() {
    let build = scratch("variants");
    let source = common::source("misuse/double_free_small.c");
    let lib = prefix().join("lib");
    for variant in ["-secure", "-debug", "-valgrind", "-asan"] {
        let name = format!("mimalloc{variant}");
        let mut ways = vec![
            ("shared", vec![format!("-L{}", lib.display()), format!("-l{name}")]),
            ("archive", vec![lib.join(format!("lib{name}.a")).display().to_string()]),
            ("object", vec![lib.join(format!("{name}.o")).display().to_string()]),
            ("own", vec![lib.join(format!("librimalloc{variant}.so")).display().to_string()]),
        ];
        if has_tool("pkg-config") {
            let mut tool = Command::new("pkg-config");
            tool.args(["--cflags", "--libs", &name]).env("PKG_CONFIG_PATH", lib.join("pkgconfig"));
            let output = run(&mut tool);
            let flags = text(&output.stdout).split_whitespace().map(str::to_owned).collect();
            ways.push(("pkg-config", flags));
        }
        for (way, flags) in ways {
            let path = build.join(format!("{name}.{way}"));
            let mut cc = Command::new("cc");
            cc.args(["-std=gnu11", "-fno-builtin", "-pthread", "-o"]).arg(&path).arg(&source);
            run(cc.arg("-I").arg(prefix().join("include")).args(flags).args(["-lgcc_s", "-ldl"]));
            let said = program(&path, prefix()).output().expect("the program starts");
            let said = text(&said.stderr);
            assert!(said.contains("double free detected"), "{name}, {way}: {said:?}");
            if way == "shared" {
                let soname = format!("lib{name}.so.2");
                assert!(needed(&path).contains(&soname), "{soname}: {:?}", needed(&path));
            }
        }
    }
    if has_tool("cmake") {
        let build = scratch("variants-cmake");
        cmake(&fixture("variants"), prefix(), &build);
        run(Command::new("cmake").arg("--build").arg(&build));
        for name in ["secure", "debug", "valgrind", "asan"] {
            for name in [name, &format!("{name}-static")] {
                let said = program(&build.join(name), prefix()).output();
                let said = said.expect("the program starts");
                assert!(text(&said.stderr).contains("double free detected"), "{name}: {said:?}");
            }
        }
    }
}

/// Whoever installs anew must not tear the library from under programs that run.
#[test]
fn installing_again_replaces_files() {
    let prefix = scratch("again");
    dist(&prefix, &[]);
    let library = prefix.join("lib/librimalloc.so");
    let old = fs::File::open(&library).expect("it was installed");
    dist(&prefix, &[]);
    let inode = |data: fs::Metadata| std::os::unix::fs::MetadataExt::ino(&data);
    let (old, new) = (old.metadata(), fs::metadata(&library));
    assert_ne!(inode(old.expect("it is open")), inode(new.expect("it was installed")));
    let leftover: Vec<_> = files(&prefix)
        .into_iter()
        .filter(|path| path.extension() == Some("new".as_ref()))
        .collect();
    assert_eq!(leftover, Vec::<PathBuf>::new());
}

/// The C library's own names come from the same list as those of the shared library; nothing of the
/// compiler's remains that another Rust library also has.
#[test]
fn the_single_object_defines_the_exports_alone() {
    let exports = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("exports.txt"));
    let exports = exports.expect("the list is part of the crate");
    let exports: BTreeSet<_> = exports.lines().filter(|line| !line.starts_with('#')).collect();
    let own: BTreeSet<_> = exports
        .iter()
        .copied()
        .filter(|name| name.starts_with("mi_") || name.starts_with("rimalloc_"))
        .collect();
    let files = [
        ("librimalloc.o", &exports),
        ("mimalloc.o", &exports),
        ("libmimalloc.a", &exports),
        ("mimalloc-valgrind.o", &exports),
        ("mimalloc-asan.o", &own),
        ("libmimalloc-asan.so", &own),
    ];
    for (file, exports) in files {
        let mut nm = Command::new("nm");
        nm.args(if file.ends_with(".so") { ["--dynamic"] } else { ["--extern-only"] });
        nm.args(["--defined-only", "--format=posix"]).arg(prefix().join("lib").join(file));
        let output = run(&mut nm);
        // An archive's members have a line each, which ends in a colon.
        let lines = text(&output.stdout).lines().filter(|line| !line.ends_with(':'));
        let found: BTreeSet<_> = lines.filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(found, *exports, "{file}");
    }
}

#[test]
fn the_single_object_links_beside_another_rust_library() {
    let build = scratch("beside-rust");
    let library = build.join("libbeside.a");
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--edition=2024", "--crate-type=staticlib", "-O", "-o"]).arg(&library);
    run(rustc.arg(fixture("rust_library.rs")));
    for ours in ["mimalloc.o", "libmimalloc.a"] {
        let program_path = build.join(ours).with_extension("program");
        let mut cc = Command::new("cc");
        cc.arg("-I").arg(prefix().join("include")).arg("-o").arg(&program_path);
        cc.arg(fixture("beside_rust.c")).arg(prefix().join("lib").join(ours)).arg(&library);
        run(cc.args(["-Wl,--fatal-warnings", "-lgcc_s", "-lpthread", "-lm", "-ldl"]));
        let output = run(&mut program(&program_path, prefix()));
        assert_eq!(text(&output.stdout), "thrown and caught\n", "{ours}");
    }
}

/// The same programs, not built anew, on two libraries.
#[test]
fn programs_linked_to_debians_mimalloc_run_on_the_tree() {
    let Some((include, libraries)) = debian() else { return };
    let build = scratch("debian");
    for name in DEBIAN {
        let path = build.join(name);
        let source = fixture("debian").join(name).with_extension("c");
        let mut cc = Command::new("cc");
        cc.args(["-std=gnu11", "-O1", "-fno-builtin", "-pthread", "-o"]).arg(&path);
        cc.arg("-I").arg(&include).arg(source).arg("-L").arg(&libraries);
        run(cc.arg("-lmimalloc"));
        let theirs = said_on(&path, &libraries);
        assert!(theirs.lines().count() > 20, "{name}: {theirs}");
        assert_eq!(said_on(&path, &prefix().join("lib")), theirs, "{name}");
    }
}

/// What a program says that finds its libmimalloc in this directory.
fn said_on(path: &Path, libraries: &Path) -> String {
    let mut program = common::program(path, Link::Shared);
    program.env("LD_LIBRARY_PATH", libraries);
    let said = text(&run(&mut program).stdout).to_owned();
    // The loader lists what it would load instead of starting the program.
    let loaded = run(program.env("LD_TRACE_LOADED_OBJECTS", "1"));
    let loaded = text(&loaded.stdout);
    let library = libraries.join("libmimalloc.so.2").display().to_string();
    assert!(loaded.contains(&library), "{library} is not in\n{loaded}");
    said
}

/// Where Debian's header and its library were unpacked.
fn debian() -> Option<(PathBuf, PathBuf)> {
    let usr = common::target_dir().join("debian/usr");
    let found = (usr.join("include"), usr.join(format!("lib/{}-linux-gnu", env::consts::ARCH)));
    if found.0.join("mimalloc.h").exists() && found.1.join("libmimalloc.so.2").exists() {
        return Some(found);
    }
    println!("skipped: .ci/run has not unpacked Debian's libmimalloc2.0 and libmimalloc-dev");
    None
}

/// The shared libraries that a program or a library asks the loader for.
fn needed(path: &Path) -> BTreeSet<String> {
    let output = run(Command::new("objdump").arg("--private-headers").arg(path));
    let lines = text(&output.stdout).lines();
    let name = |line: &str| Some(line.trim().strip_prefix("NEEDED")?.trim().to_owned());
    lines.filter_map(name).collect()
}

/// All files and links below a directory.
fn files(directory: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(directory).expect("the directory is there") {
        let entry = entry.expect("the directory can be read");
        if entry.file_type().expect("it has a type").is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.insert(entry.path());
        }
    }
    found
}
