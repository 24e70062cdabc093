//! The headers: each is valid alone, says of its functions what is true, and compiles what was written for mimalloc.

mod common;
mod interface;

use common::Link;
use interface::{DECLARING, header, include_dir};
use rimalloc_core::options::Opt;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// A compiler that is strict and keeps nothing.
fn checker(cxx: bool, standard: &str) -> Command {
    let mut command = Command::new(if cxx { "c++" } else { "cc" });
    command.args(["-Wall", "-Wextra", "-pedantic", "-Werror", "-c", "-o", "/dev/null"]);
    command.arg(if cxx { "-Wold-style-cast" } else { "-Wstrict-prototypes" });
    command.arg(format!("-std={standard}")).arg("-I").arg(include_dir());
    command.args(["-x", if cxx { "c++" } else { "c" }]);
    command
}

/// The names of all headers.
fn all_headers() -> Vec<String> {
    let entries = fs::read_dir(include_dir()).expect("the directory is part of the crate");
    let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("an ASCII name");
    entries.map(|entry| name(entry.expect("readable"))).collect()
}

#[test]
fn every_header_is_valid_alone() {
    let headers = all_headers();
    assert!(headers.len() >= 6, "{headers:?}");
    for name in &headers {
        for standard in ["c99", "c11", "gnu17"] {
            common::run(checker(false, standard).args(["-include", name, "/dev/null"]));
        }
        for standard in ["c++11", "c++14", "c++17", "c++20"] {
            common::run(checker(true, standard).args(["-include", name, "/dev/null"]));
        }
    }
}

/// Any order, and each of them twice.
#[test]
fn headers_are_valid_together() {
    for cxx in [false, true] {
        let mut compiler = checker(cxx, if cxx { "c++17" } else { "c11" });
        let mut names = all_headers();
        names.sort();
        for name in names.iter().rev().chain(&names) {
            compiler.args(["-include", name]);
        }
        common::run(compiler.arg("/dev/null"));
    }
}

#[test]
fn sources_written_for_mimalloc_compile() {
    common::run(checker(false, "c11").arg(common::source("header_forms.c")));
    common::run(checker(false, "gnu17").arg(common::source("header_forms.c")));
    for standard in ["c++11", "c++17", "c++20"] {
        // The typed macros cast as C does.
        let mut compiler = checker(true, standard);
        common::run(compiler.arg("-Wno-old-style-cast").arg(common::source("header_forms.cpp")));
    }
}

#[test]
fn cxx_headers_need_neither_exceptions_nor_type_information() {
    for name in ["memory_resources.cpp", "new_delete_header.cpp"] {
        let mut compiler = checker(true, "c++17");
        compiler.args(["-fno-exceptions", "-fno-rtti", "-Wno-old-style-cast"]);
        common::run(compiler.arg(common::source(name)));
    }
}

#[test]
fn option_numbers_are_those_of_the_engine() {
    let mut program = String::from("#include \"mimalloc.h\"\n");
    let mut expect = |name: &str, number: usize| {
        program += &format!("_Static_assert({name} == {number}, \"{name}\");\n");
    };
    for option in Opt::ALL {
        expect(&format!("mi_option_{}", option.name()), option.index());
        let legacy = option.info().legacy;
        // An environment variable of early versions that never was a value of the enumeration.
        if !legacy.is_empty() && legacy != "decommit_extend_delay" {
            expect(&format!("mi_option_{legacy}"), option.index());
        }
    }
    expect("_mi_option_last", Opt::ALL.len());
    compile_text(&program, true);
}

#[test]
fn dropped_results_are_noticed() {
    for call in ["mi_malloc(1)", "mi_heap_new()", "mi_realloc(0, 1)", "mi_usable_size(0)"] {
        compile_text(&format!("#include \"mimalloc.h\"\nvoid f(void) {{ {call}; }}\n"), false);
    }
    for call in ["mi_heap_get_default()", "mi_collect(true)", "mi_expand(0, 1)"] {
        compile_text(&format!("#include \"mimalloc.h\"\nvoid f(void) {{ {call}; }}\n"), true);
    }
}

/// Compiles a C program strictly and checks whether it is accepted.
fn compile_text(program: &str, accepted: bool) {
    let mut compiler = checker(false, "c11");
    compiler.arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = compiler.spawn().expect("there is a compiler");
    let mut input = child.stdin.take().expect("piped above");
    std::io::Write::write_all(&mut input, program.as_bytes()).expect("the compiler reads");
    drop(input);
    let output = child.wait_with_output().expect("the compiler ends");
    let said = common::text(&output.stderr);
    assert_eq!(output.status.success(), accepted, "{program}\n{said}");
}

/// The compiler believes what it is told of sizes and alignments: it must be told of the right arguments.
#[test]
fn attributes_name_the_right_arguments() {
    let (mut checked, mut written) = (0, 0);
    for name in DECLARING {
        let text = without_comments(&header(name));
        let text =
            text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
        written += ["MI_FN_SIZE(", "MI_FN_SIZE2(", "MI_FN_ALIGN("]
            .map(|a| text.matches(a).count())
            .iter()
            .sum::<usize>();
        for declaration in text.split(';').filter(|text| text.contains("MI_FN")) {
            let (_, rest) = declaration.rsplit_once("MI_FN_RESULT").unwrap_or(("", declaration));
            let Some((prototype, attributes)) = rest.split_once(')') else { continue };
            let arguments = prototype.split_once('(').map_or("", |(_, arguments)| arguments);
            let arguments: Vec<&str> = arguments.split(',').map(argument_name).collect();
            let mut expect = |attribute: &str, kinds: &[&[&str]]| {
                let Some((_, rest)) = attributes.split_once(attribute) else { return };
                let numbers = rest.split_once(')').expect("closed").0.split(',');
                let numbers: Vec<usize> = numbers.map(|n| n.trim().parse().expect("one")).collect();
                assert_eq!(numbers.len(), kinds.len(), "{declaration}");
                for (number, kinds) in numbers.into_iter().zip(kinds) {
                    assert!(kinds.contains(&arguments[number - 1]), "{attribute}: {declaration}");
                }
                checked += 1;
            };
            expect("MI_FN_SIZE(", &[&["size", "newsize"]]);
            expect("MI_FN_SIZE2(", &[&["count", "newcount"], &["size"]]);
            expect("MI_FN_ALIGN(", &[&["alignment"]]);
        }
    }
    assert!(checked == written && checked > 0, "{checked} attributes of {written} were checked");
}

fn argument_name(argument: &str) -> &str {
    argument.rsplit([' ', '*']).next().unwrap_or(argument)
}

fn without_comments(text: &str) -> String {
    let mut pieces = text.split("/*");
    let first = pieces.next().unwrap_or("").to_owned();
    pieces.fold(first, |text, piece| text + piece.split_once("*/").map_or("", |(_, code)| code))
}

/// Runs a program of `tests/c` that includes the headers, in all ways of linking.
fn check(name: &str) {
    let include = format!("-I{}", include_dir().display());
    for link in [Link::Shared, Link::Archive, Link::Static] {
        run(&common::compile_with(name, link, &[&include]), link);
    }
}

fn run(program: &Path, link: Link) {
    let output = common::run(&mut common::program(program, link));
    assert_eq!(common::text(&output.stderr), "");
    common::discard(program);
}

#[test]
fn calls_are_overridden_by_the_header() {
    check("override_header.c");
    check("override_header.cpp");
}

#[test]
fn operators_are_defined_by_the_header() {
    // The archive has the operators too: which of the two is the program's depends on what else it needs.
    let include = format!("-I{}", include_dir().display());
    run(&common::compile_with("new_delete_header.cpp", Link::Shared, &[&include]), Link::Shared);
}

#[test]
fn containers_use_the_allocators() {
    check("stl_allocators.cpp");
}

#[test]
fn containers_use_the_memory_resources() {
    check("memory_resources.cpp");
}
