//! `rimalloc run`: what passes through, what is refused, and with which words and status.

mod harness;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use harness::{RIMALLOC, STATS_TITLE, library, rimalloc, scratch};

fn output(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn run(arguments: &[&str]) -> Output {
    output(rimalloc().args(arguments))
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// One line on stderr, nothing on stdout.
fn assert_refused(output: &Output, status: i32, words: &[&str]) {
    let line = stderr(output);
    assert_eq!(output.status.code(), Some(status), "{line}");
    assert!(line.starts_with("rimalloc: ") && line.lines().count() == 1, "{line}");
    assert!(words.iter().all(|word| line.contains(word)), "{line}");
    assert!(output.stdout.is_empty());
}

fn write_executable(path: &Path, text: &str) {
    fs::write(path, text).expect("the script is written");
    set_mode(path, 0o755);
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the mode is set");
}

/// Compiles a C program; `None` if there is no compiler or it cannot do what the flags ask.
fn compile(directory: &Path, name: &str, source: &str, flags: &[&str]) -> Option<PathBuf> {
    harness::installed("cc")?;
    let (file, program) = (directory.join(format!("{name}.c")), directory.join(name));
    fs::write(&file, source).expect("the source is written");
    let built = output(Command::new("cc").arg(&file).arg("-o").arg(&program).args(flags));
    if built.status.success() {
        return Some(program);
    }
    println!("skipped: cc {flags:?} not installed: {}", stderr(&built));
    None
}

#[test]
fn the_exit_status_passes_through() {
    for status in [0, 1, 42, 125, 255] {
        let output = run(&["sh", "-c", &format!("exit {status}")]);
        assert_eq!(output.status.code(), Some(status));
        assert_eq!(stderr(&output), "");
    }
}

#[test]
fn death_by_signal_passes_through() {
    let output = run(&["sh", "-c", "kill -TERM $$"]);
    assert_eq!(output.status.signal(), Some(15));
    let line =
        format!("'{RIMALLOC}' run --library '{}' sh -c 'kill -9 $$'; echo $?", library().display());
    let shell = output_of_shell(&line);
    assert_eq!(stdout(&shell).trim(), "137");
}

fn output_of_shell(line: &str) -> Output {
    output(Command::new("sh").arg("-c").arg(line))
}

#[test]
fn stdout_and_stdin_are_the_program_s() {
    let text = "two  blanks, a tab\tand 'quotes' \"of both\" kinds *";
    let output = run(&["--stats", "--verbose", "--", "printf", "%s", text]);
    assert_eq!(stdout(&output), text);
    let line = format!("echo hello | '{RIMALLOC}' run --library '{}' cat -", library().display());
    assert_eq!(stdout(&output_of_shell(&line)), "hello\n");
}

#[test]
fn a_broken_pipe_ends_the_program_as_ever() {
    // A launcher that leaves SIGPIPE ignored makes `yes` complain and exit with 1.
    let line = format!(
        "{{ '{RIMALLOC}' run --library '{}' yes; echo $? >&2; }} | head -n 1",
        library().display()
    );
    let output = output_of_shell(&line);
    assert_eq!(stdout(&output), "y\n");
    assert_eq!(stderr(&output).trim(), "141");
}

#[test]
fn the_program_sees_its_own_name_and_arguments() {
    let output = run(&["sh", "-c", "echo \"$0\" \"$#\" \"$2\"", "zero", "--stats", "two words"]);
    assert_eq!(stdout(&output), "zero 2 two words\n");
    let cmdline = run(&["sh", "-c", "tr '\\0' ' ' </proc/$$/cmdline; : end"]);
    assert!(stdout(&cmdline).starts_with("sh -c "), "{}", stdout(&cmdline));
}

#[test]
fn the_library_is_loaded_into_the_program() {
    let output = run(&["cat", "/proc/self/maps"]);
    assert!(stdout(&output).contains("librimalloc.so"));
}

#[test]
fn stats_go_to_stderr() {
    let output = run(&["--stats", RIMALLOC, "--version"]);
    assert!(stdout(&output).starts_with("rimalloc ") && stdout(&output).lines().count() == 1);
    assert!(stderr(&output).contains(STATS_TITLE), "{}", stderr(&output));
}

#[test]
fn programs_that_close_stderr_show_stats_too() {
    // All of the coreutils do before they end.
    let output = run(&["--stats", "ls", "/"]);
    assert_eq!(stdout(&output), stdout(&self::output(Command::new("ls").arg("/"))));
    assert_eq!(stderr(&output).matches(STATS_TITLE).count(), 1, "{}", stderr(&output));
    assert!(stderr(&output).contains("peak rss"), "{}", stderr(&output));

    let few =
        format!("ulimit -n 64; '{RIMALLOC}' run --library '{}' --stats ls /", library().display());
    assert!(stderr(&output_of_shell(&few)).contains(STATS_TITLE));

    let closed =
        format!("'{RIMALLOC}' run --library '{}' --stats echo said 2>&-", library().display());
    let output = output_of_shell(&closed);
    assert!(output.status.success());
    assert_eq!((stdout(&output).as_str(), stderr(&output).as_str()), ("said\n", ""));
}

/// A daemon closes every descriptor, and the files that it opens then get any number.
#[test]
fn stats_never_get_into_files_of_the_program() {
    let directory = scratch("descriptors");
    let source = "#include <fcntl.h>\n#include <unistd.h>\n\
        int main(int count, char **words) {\n\
        for (int fd = 0; fd < 1024; fd++) close(fd);\n\
        int file = open(words[1], O_CREAT | O_WRONLY, 0600);\n\
        for (int fd = 3; fd < 1024; fd++) dup2(file, fd);\n\
        return file != 0 || count != 2; }\n";
    let Some(program) = compile(&directory, "daemon", source, &[]) else { return };
    let file = directory.join("file");
    let words = [program.display().to_string(), file.display().to_string()];
    let output = run(&["--stats", "--verbose", &words[0], &words[1]]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(&file).expect("the program makes the file"), "");
}

#[test]
fn without_options_the_program_has_no_descriptor_of_ours() {
    // One process, so that the numbers are always the same: a shell with a pipeline has its ends for a while.
    let list = ["ls", "/proc/self/fd"];
    assert_eq!(stdout(&run(&list)), stdout(&output(Command::new("ls").args(&list[1..]))));
}

#[test]
fn verbose_shows_that_the_library_is_there() {
    let output = run(&["--verbose", "true"]);
    assert!(output.status.success());
    assert!(!output.stderr.is_empty());
}

#[test]
fn without_options_there_is_no_word_from_us() {
    let output = run(&["true"]);
    assert!(output.status.success());
    assert!(output.stdout.is_empty() && output.stderr.is_empty(), "{}", stderr(&output));
}

#[test]
fn what_was_preloaded_stays_preloaded_behind_us() {
    let show = ["sh", "-c", "echo \"$LD_PRELOAD\""];
    let kept = output(rimalloc().args(show).env("LD_PRELOAD", "libm.so.6"));
    assert_eq!(stdout(&kept).trim(), format!("{}:libm.so.6", library().display()));
    let alone = output(rimalloc().args(show).env_remove("LD_PRELOAD"));
    assert_eq!(stdout(&alone).trim(), library().display().to_string());
}

#[test]
fn a_missing_program_is_127() {
    assert_refused(&run(&["no-such-program-here"]), 127, &["no-such-program-here", "not found"]);
    assert_refused(&run(&["/no/such/program"]), 127, &["/no/such/program", "not found"]);
}

#[test]
fn a_program_that_cannot_be_executed_is_126() {
    let file = scratch("not-executable").join("file");
    fs::write(&file, "text").expect("the file is written");
    set_mode(&file, 0o644);
    let path = file.display().to_string();
    assert_refused(&run(&[&path]), 126, &[&path, "permission denied"]);
    assert_refused(&run(&["/"]), 126, &["directory"]);
}

#[test]
fn a_static_program_is_refused() {
    let directory = scratch("static");
    let source = "#include <stdio.h>\nint main(void) { return puts(\"ran\") < 0; }\n";
    for (name, flag) in [("static", "-static"), ("static-pie", "-static-pie")] {
        let Some(program) = compile(&directory, name, source, &[flag]) else { continue };
        let path = program.display().to_string();
        assert_refused(&run(&[&path]), 125, &[&path, "static", "cannot be preloaded"]);
    }
    // The same source, linked as usual, is not.
    let Some(program) = compile(&directory, "dynamic", source, &[]) else { return };
    assert_eq!(stdout(&run(&[&program.display().to_string()])), "ran\n");
}

#[test]
fn a_script_is_judged_by_its_interpreter() {
    let directory = scratch("scripts");
    let script = directory.join("script");
    write_executable(&script, "#!/bin/sh\ngrep -c librimalloc.so /proc/self/maps\n");
    let output = run(&[&script.display().to_string()]);
    assert_ne!(stdout(&output).trim(), "0", "{}", stderr(&output));

    let bare = directory.join("bare");
    write_executable(&bare, "echo from the shell\n");
    assert_eq!(stdout(&run(&[&bare.display().to_string()])), "from the shell\n");

    let source = "int main(void) { return 0; }\n";
    let Some(interpreter) = compile(&directory, "static", source, &["-static"]) else { return };
    let strange = directory.join("strange");
    write_executable(&strange, &format!("#!{}\n", interpreter.display()));
    assert_refused(&run(&[&strange.display().to_string()]), 125, &["static"]);
}

#[test]
fn a_set_uid_or_set_gid_program_is_refused() {
    let directory = scratch("set-uid");
    for (name, mode, word) in [("uid", 0o4755, "set-uid"), ("gid", 0o2755, "set-gid")] {
        let program = directory.join(name);
        fs::copy("/bin/true", &program).expect("a copy of true");
        set_mode(&program, mode);
        let output = run(&[&program.display().to_string()]);
        assert_refused(&output, 125, &[word, "cannot be preloaded"]);
    }
}

#[test]
fn a_program_with_capabilities_is_refused() {
    let program = scratch("capabilities").join("true");
    fs::copy("/bin/true", &program).expect("a copy of true");
    let given = Command::new("setcap").arg("cap_net_raw+ep").arg(&program).output();
    if !given.is_ok_and(|output| output.status.success()) {
        println!("skipped: setcap not installed or not permitted");
        return;
    }
    let output = run(&[&program.display().to_string()]);
    assert_refused(&output, 125, &["capabilities", "cannot be preloaded"]);
}

#[test]
fn a_missing_library_is_named() {
    let option = output(Command::new(RIMALLOC).args(["run", "--library", "/no/lib.so", "true"]));
    assert_refused(&option, 125, &["--library", "/no/lib.so"]);
    let variable =
        output(Command::new(RIMALLOC).args(["run", "true"]).env("RIMALLOC_LIBRARY", "/no/lib.so"));
    assert_refused(&variable, 125, &["RIMALLOC_LIBRARY", "/no/lib.so"]);
}

#[test]
fn the_library_is_found_where_it_is_installed() {
    let prefix = scratch("installed");
    for directory in ["bin", "lib"] {
        fs::create_dir(prefix.join(directory)).expect("a directory of the prefix");
    }
    let (program, installed) = (prefix.join("bin/rimalloc"), prefix.join("lib/librimalloc.so"));
    fs::copy(RIMALLOC, &program).expect("a copy of the command");
    let show = ["run", "sh", "-c", "echo \"$LD_PRELOAD\""];
    let mut command = Command::new(&program);
    command.args(show).env_remove("LD_PRELOAD").env_remove("RIMALLOC_LIBRARY");
    assert_refused(&output(&mut command), 125, &["librimalloc.so not found"]);
    fs::copy(library(), &installed).expect("a copy of the library");
    assert_eq!(stdout(&output(&mut command)).trim(), installed.display().to_string());
}

#[test]
fn help_and_version_are_answers() {
    let version = output(Command::new(RIMALLOC).arg("--version"));
    assert_eq!(stdout(&version), format!("rimalloc {}\n", env!("CARGO_PKG_VERSION")));
    let help = output(Command::new(RIMALLOC).args(["run", "--help"]));
    assert!(help.status.success());
    for word in ["--stats", "--verbose", "--library", "PROGRAM", "127"] {
        assert!(stdout(&help).contains(word), "{word} is missing in\n{}", stdout(&help));
    }
}

#[test]
fn a_wrong_command_line_is_2() {
    for arguments in [&["run"][..], &["run", "--nonsense", "true"], &["walk"], &[]] {
        let output = output(Command::new(RIMALLOC).args(arguments));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
}
