//! Real programs on rimalloc: each runs plainly and preloaded, has to print the same and end the
//! same, and has to show that the library was in use.

mod harness;

use core::fmt::Write as _;
use core::time::Duration;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use harness::{Program, all_installed, assert_same, compare, installed, scratch, watch};

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

#[test]
fn bash_pipelines() {
    if installed("bash").is_none() {
        return;
    }
    let script = "set -eu -o pipefail\n\
        seq 1 200000 | sort -rn | awk '{ s += $1; n[$1 % 97]++ } END { print s, length(n) }'\n\
        seq 1 50000 | sed 's/7/seven/g' | tr a-z A-Z | cksum\n\
        for i in $(seq 1 300); do words=\"${words:-} word$i\"; done; echo ${#words}\n\
        printf '%s\\n' $words | grep 9 | sort | uniq -c | wc -l\n\
        declare -A seen; for w in $words; do seen[$w]=${w#word}; done; echo ${#seen[@]}\n\
        text=$(cat <(seq 1 1000) <(seq 1 1000 | tac)); echo \"$text\" | cksum\n\
        (ulimit -n 64; exec sh -c 'echo in a subshell'); (exit 7) || echo status $?\n";
    let program = Program::new("bash", &scratch("bash")).args(["-c", script]);
    // As many programs as the script names, and more.
    compare(&program, 20);
}

#[test]
fn perl() {
    if installed("perl").is_none() {
        return;
    }
    let script = r#"
        my (%count, @lines);
        for my $n (1 .. 200_000) { $count{"key" . ($n * 7919 % 10_007)} .= chr(97 + $n % 26); }
        push @lines, "$_=" . length($count{$_}) for sort keys %count;
        my $text = join "\n", @lines;
        (my $copy = $text) =~ s/(\d+)=(\d+)/$2:$1/g;
        my $sum = unpack "%32C*", $copy;
        my @tree = map { [ $_, { name => "n$_", list => [ 1 .. $_ % 50 ] } ] } 1 .. 20_000;
        my $total = 0; $total += scalar @{ $_->[1]{list} } for @tree;
        print scalar(@lines), " ", length($copy), " $sum $total\n";
        my $pid = fork // die; if (!$pid) { my @more = map { "x" x $_ } 1 .. 1000; exit 3 }
        waitpid $pid, 0; print $? >> 8, "\n"; exit 5;
    "#;
    let (plain, _) = compare(&Program::new("perl", &scratch("perl")).args(["-e", script]), 2);
    assert_eq!(plain.status.code(), Some(5));
}

/// Runs one module of Python's own tests. Many of them read the stderr of their children, so the
/// proof is the mapping, not a table; of stdout only the verdict is free of times.
fn python_test(module: &str) {
    if installed("python3").is_none() {
        return;
    }
    let directory = scratch(&format!("python-{module}"));
    // A Python that was built from source may come first and lack a module that the system's has.
    let mut interpreters = ["python3", "/usr/bin/python3"].iter();
    let Some(python) = interpreters.find_map(|name| python_with(module, name, &directory)) else {
        println!("skipped: test.{module} of python3 not installed");
        return;
    };
    let program = Program::new(python.trim(), &directory).args(["-m", "test", module]);
    let plain = watch(&mut program.plain());
    let ours = watch(&mut program.on_rimalloc(&[]));
    let told = ours.stdout_text();
    assert_eq!(plain.status, ours.status, "{told}\n{}", ours.stderr);
    assert_eq!(verdict(&plain.stdout_text()), verdict(&told));
    assert!(ours.mapped, "the library was not mapped");
}

/// The interpreter itself, if it has the module: the `python3` of a version manager is a script,
/// whose mappings prove nothing.
fn python_with(module: &str, name: &str, directory: &Path) -> Option<String> {
    let look = format!("import sys, test.libregrtest, test.{module}; print(sys.executable)");
    let mut command = Command::new(name);
    let found = command.args(["-c", &look]).current_dir(directory).output().ok()?;
    found.status.success().then(|| String::from_utf8_lossy(&found.stdout).into_owned())
}

fn verdict(report: &str) -> Vec<&str> {
    let is_verdict = |line: &&str| {
        ["Tests result:", "Result:"].iter().any(|start| line.starts_with(start))
            || line.ends_with("OK.")
    };
    report.lines().filter(is_verdict).collect()
}

#[test]
fn python_test_list() {
    python_test("test_list");
}

#[test]
fn python_test_dict() {
    python_test("test_dict");
}

#[test]
fn python_test_json() {
    python_test("test_json");
}

#[test]
fn python_test_threading() {
    python_test("test_threading");
}

#[test]
fn python_test_subprocess() {
    python_test("test_subprocess");
}

#[test]
fn python_test_multiprocessing_fork() {
    python_test("test_multiprocessing_fork");
}

#[test]
fn git() {
    if !all_installed(&["git", "bash"]) {
        return;
    }
    let script = "set -eu; rm -rf tree; git init -q tree; cd tree\n\
        for i in $(seq 1 200); do\n\
        echo \"line $i\" >> \"file$((i % 17))\"; seq 1 $i > \"numbers$((i % 5))\"; git add .\n\
        export GIT_AUTHOR_DATE=\"$((1600000000 + i)) +0000\" GIT_COMMITTER_DATE=\"$((1600000000 + i)) +0000\"\n\
        git commit -q -m \"commit $i\"; done\n\
        git rev-list --count HEAD; git rev-parse HEAD; git gc --quiet --prune=now; git fsck --full\n\
        git count-objects -v | grep -v size; git log --stat | cksum; git diff HEAD~100 | cksum\n\
        git blame file3 | cut -c1-8 | cksum\n";
    let directory = scratch("git");
    let program = Program::new("bash", &directory)
        .args(["-c", script])
        .env("HOME", &directory)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "A")
        .env("GIT_AUTHOR_EMAIL", "a@example.org")
        .env("GIT_COMMITTER_NAME", "C")
        .env("GIT_COMMITTER_EMAIL", "c@example.org");
    let (plain, _) = compare(&program, 400);
    assert_eq!(plain.stdout_text().lines().next(), Some("200"), "{}", plain.stderr);
}

/// Compiles `source` plainly and on rimalloc and compares the object code.
fn compare_objects(compiler: &str, file: &str, source: &str) {
    if installed(compiler).is_none() {
        return;
    }
    let directory = scratch(compiler);
    write(&directory.join(file), source);
    let program = Program::new(compiler, &directory).args(["-O1", "-c", file, "-o", "object.o"]);
    let object = directory.join("object.o");
    let take = || {
        let bytes = fs::read(&object).expect("the compiler leaves an object");
        fs::remove_file(&object).expect("the object can be removed");
        bytes
    };
    let plain = watch(&mut program.plain());
    assert!(plain.status.success(), "{}", plain.stderr);
    let expected = take();
    let ours = watch(&mut program.on_rimalloc(&["--stats"]));
    assert_same(&plain, &ours);
    assert!(take() == expected, "{compiler} made other object code");
    // The driver, the compiler proper and the assembler.
    assert!(ours.stats_tables() >= 3, "{}", ours.stderr);
}

#[test]
fn cc_on_a_large_source() {
    let mut source = String::from(
        "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <math.h>\n\
         struct node { struct node *left, *right; long key; char name[32]; };\n",
    );
    for n in 0..600 {
        let _ = writeln!(
            source,
            "struct node *insert{n}(struct node *t, long key) {{\n\
             if (!t) {{ t = calloc(1, sizeof *t); t->key = key * {n}; snprintf(t->name, 32, \"n%ld\", key); return t; }}\n\
             switch (key % 7) {{ case 0: t->left = insert{n}(t->left, key / 2); break;\n\
             case 3: t->right = insert{n}(t->right, key - {n}); break; default: t->key += strlen(t->name); }}\n\
             for (int i = 0; i < key; i++) t->key ^= (long)i * {n} + t->name[i % 32];\n return t; }}"
        );
    }
    compare_objects("cc", "large.c", &source);
}

#[test]
fn cxx_on_a_template_heavy_source() {
    let mut source = String::from(
        "#include <algorithm>\n#include <functional>\n#include <iostream>\n#include <map>\n\
         #include <memory>\n#include <regex>\n#include <set>\n#include <string>\n\
         #include <unordered_map>\n#include <vector>\n",
    );
    for n in 0..40 {
        let _ = writeln!(
            source,
            "struct S{n} {{ int a; std::string b; bool operator<(const S{n} &o) const {{ return b < o.b; }} }};\n\
             int f{n}(const std::string &s) {{\n\
             std::map<std::string, std::vector<S{n}>> m; std::set<S{n}> q;\n\
             std::regex r(\"(a+)(b|c)*{n}\"); std::smatch k;\n\
             if (std::regex_search(s, k, r)) m[k[1]].push_back(S{n}{{{n}, k[2]}});\n\
             for (auto &e : m) {{ std::sort(e.second.begin(), e.second.end()); q.insert(e.second.front()); }}\n\
             std::function<int(int)> g = [&](int x) {{ return x + (int)m.size() + (int)q.size(); }};\n\
             return g({n}); }}"
        );
    }
    compare_objects("c++", "templates.cpp", &source);
}

/// A crate whose procedural macro, which rustc loads and runs, keeps what rustc has mapped.
fn write_crate(directory: &Path) {
    for part in ["src", "witness/src"] {
        fs::create_dir_all(directory.join(part)).expect("a source directory");
    }
    write(
        &directory.join("Cargo.toml"),
        "[package]\nname = \"small\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
         [dependencies]\nwitness = { path = \"witness\" }\n[workspace]\n",
    );
    write(
        &directory.join("witness/Cargo.toml"),
        "[package]\nname = \"witness\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
         [lib]\nproc-macro = true\n",
    );
    write(
        &directory.join("witness/src/lib.rs"),
        "#[proc_macro]\npub fn keep_maps(_: proc_macro::TokenStream) -> proc_macro::TokenStream {\n\
         let path = std::env::var(\"WITNESS\").expect(\"a path\");\n\
         std::fs::copy(\"/proc/self/maps\", path).expect(\"a copy\");\n\
         Default::default()\n}\n",
    );
    write(
        &directory.join("src/main.rs"),
        "mod words;\nuse std::collections::BTreeMap;\nwitness::keep_maps!();\nfn main() {\n\
         let mut m = BTreeMap::new();\n\
         for w in words::list() { *m.entry(w.len()).or_insert(0u32) += 1; }\n\
         println!(\"{m:?}\");\n}\n",
    );
    let mut words = String::from("pub fn list() -> Vec<String> {\n    let mut v = Vec::new();\n");
    for n in 0..500 {
        let _ = writeln!(words, "    v.push(format!(\"{{}}-{{:?}}\", {n}, Some({n})));");
    }
    write(&directory.join("src/words.rs"), &(words + "    v\n}\n"));
}

/// Cargo and the linker take their memory from the library. So does a rustc that has no allocator
/// of its own; one that has, as those of rustup do, uses the library for its other functions only:
/// that it has it loaded is what is proved.
#[test]
fn cargo_build() {
    if installed("cargo").is_none() {
        return;
    }
    let directory = scratch("cargo");
    write_crate(&directory);
    let (target, maps) = (directory.join("target"), directory.join("rustc-maps"));
    let program = Program::new("cargo", &directory)
        .args(["build", "--offline", "--quiet"])
        .env("CARGO_TARGET_DIR", &target)
        .env("WITNESS", &maps)
        .env("RUSTFLAGS", "");
    let built = |run: harness::Run| {
        assert!(run.status.success(), "{}", run.stderr);
        let answer = watch(&mut Command::new(target.join("debug/small"))).stdout_text();
        fs::remove_dir_all(&target).expect("the target directory goes away");
        let mapped = fs::read_to_string(&maps).expect("rustc ran the macro");
        (run.status, run.stdout, answer, mapped.contains("librimalloc.so"))
    };
    let plain = built(watch(&mut program.plain()));
    let run = watch(&mut program.on_rimalloc(&["--stats"]));
    // Cargo passes on what rustc writes: at least one table of each.
    assert!(run.mapped && run.stats_tables() >= 2, "{}", run.stderr);
    let ours = built(run);
    assert_eq!((plain.0, &plain.1, &plain.2), (ours.0, &ours.1, &ours.2));
    assert_eq!((plain.3, ours.3), (false, true), "rustc has the library mapped");
    assert!(plain.2.starts_with('{'));
}

#[test]
fn sqlite3_with_a_million_rows() {
    if installed("sqlite3").is_none() {
        return;
    }
    let script = "PRAGMA cache_size = -65536;\n\
        CREATE TABLE t(id INTEGER PRIMARY KEY, k INTEGER, name TEXT);\n\
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)\n\
        INSERT INTO t SELECT i, (i * 7919) % 10007, 'name ' || (i % 1000) FROM n;\n\
        CREATE INDEX by_k ON t(k, name);\n\
        SELECT count(*), sum(k), max(name) FROM t;\n\
        SELECT k, count(*), group_concat(id % 10, '') FROM t WHERE k < 20 GROUP BY k ORDER BY k;\n\
        DELETE FROM t WHERE id % 3 = 0; SELECT count(*), total(length(name)) FROM t;\n\
        PRAGMA integrity_check;\n";
    let program = Program::new("sqlite3", &scratch("sqlite3")).args([":memory:", script]);
    let (plain, _) = compare(&program, 1);
    assert!(plain.stdout_text().starts_with("1000000|"), "{}", plain.stderr);
}

#[test]
fn node_with_worker_threads() {
    if installed("node").is_none() {
        return;
    }
    let directory = scratch("node");
    let script = directory.join("workers.js");
    write(
        &script,
        "const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');\n\
         if (isMainThread) {\n\
           const results = new Array(8);\n\
           let left = results.length;\n\
           for (let n = 0; n < results.length; n++) {\n\
             const worker = new Worker(__filename, { workerData: n });\n\
             worker.on('message', (m) => { results[n] = m; });\n\
             worker.on('exit', () => { if (--left === 0) { console.log(JSON.stringify(results)); process.exitCode = 4; } });\n\
           }\n\
         } else {\n\
           const buffers = []; let sum = 0;\n\
           for (let i = 0; i < 3000; i++) {\n\
             const b = Buffer.alloc(100 + (i * 37) % 9000, workerData + 1);\n\
             sum += b.reduce((x, y) => x + y, 0); buffers[i % 100] = b;\n\
           }\n\
           const z = require('zlib');\n\
           const packed = z.deflateSync(Buffer.concat(buffers));\n\
           const same = z.inflateSync(packed).equals(Buffer.concat(buffers));\n\
           parentPort.postMessage({ n: workerData, sum, same });\n\
         }\n",
    );
    let (plain, _) = compare(&Program::new("node", &directory).arg(script), 1);
    assert_eq!(plain.status.code(), Some(4), "{}", plain.stderr);
}

#[test]
fn cxx_program_catching_bad_alloc() {
    if installed("c++").is_none() {
        return;
    }
    let directory = scratch("bad-alloc");
    let source = directory.join("catch.cpp");
    write(
        &source,
        "#include <cstdint>\n#include <cstdio>\n#include <new>\n#include <string>\n#include <vector>\n\
         static int handled;\n\
         static void handler() { if (++handled == 3) std::set_new_handler(nullptr); }\n\
         int main() {\n\
           volatile std::size_t huge = PTRDIFF_MAX - 4096;\n\
           try { ::operator delete(::operator new(huge)); std::puts(\"no\"); } catch (const std::bad_alloc &) { std::puts(\"scalar\"); }\n\
           try { char *p = new char[huge]; std::printf(\"%p\\n\", (void *)p); } catch (const std::bad_alloc &) { std::puts(\"array\"); }\n\
           try { ::operator new(huge, std::align_val_t(64)); std::puts(\"no\"); } catch (const std::bad_alloc &) { std::puts(\"aligned\"); }\n\
           std::printf(\"%d\\n\", ::operator new(huge, std::nothrow) == nullptr);\n\
           std::set_new_handler(handler);\n\
           try { ::operator new(huge); std::puts(\"no\"); } catch (const std::bad_alloc &) { std::printf(\"handler %d\\n\", handled); }\n\
           std::vector<std::string> v; for (int i = 0; i < 10000; i++) v.push_back(std::string(i % 200, 'x'));\n\
           std::size_t n = 0; for (auto &s : v) n += s.size(); std::printf(\"%zu\\n\", n);\n\
           return 9;\n\
         }\n",
    );
    let program = directory.join("catch");
    let mut compiler = Command::new("c++");
    compiler.args(["-std=c++17", "-O1"]).arg(&source).arg("-o").arg(&program);
    let built = watch(&mut compiler);
    assert!(built.status.success(), "{}", built.stderr);
    let (plain, _) = compare(&Program::new(program, &directory), 1);
    assert_eq!(plain.status.code(), Some(9));
    assert!(plain.stdout_text().contains("handler 3\n"), "{}", plain.stdout_text());
}

const REQUESTS: u64 = 20_000;

/// What a server answered while `redis-benchmark` asked it.
struct RedisRun {
    mapped: bool,
    exit: Option<i32>,
    /// The benchmarks that ran to their end.
    benchmarks: Vec<String>,
    /// Answered calls by command.
    calls: BTreeMap<String, u64>,
    keys: String,
}

#[test]
fn redis_under_fifty_clients() {
    if !all_installed(&["redis-server", "redis-benchmark"]) {
        return;
    }
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port on the loopback")
        .port();
    let server = Program::new("redis-server", &scratch("redis"))
        .args(["--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--port"])
        .arg(port.to_string());
    let plain = benchmark_redis(server.plain(), port);
    let ours = benchmark_redis(server.on_rimalloc(&[]), port);
    assert!(ours.mapped, "the library was not mapped");
    assert_eq!(plain.calls.get("set"), Some(&REQUESTS));
    assert_eq!(plain.calls, ours.calls, "not all requests were answered");
    assert_eq!(plain.benchmarks, ours.benchmarks);
    assert_eq!((plain.exit, plain.keys), (ours.exit, ours.keys));
}

fn benchmark_redis(mut command: Command, port: u16) -> RedisRun {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut server = Server(command.spawn().expect("redis-server starts"));
    server.wait_until_ready(port);
    let mapped = harness::maps_library(&server.0);
    let mut benchmark = Command::new("redis-benchmark");
    benchmark.args(["-p", &port.to_string(), "-c", "50", "-n", &REQUESTS.to_string(), "--csv"]);
    benchmark.args(["-d", "300", "-t", "set,get,incr,lpush,rpop,sadd,hset,zadd,lrange_300,mset"]);
    let benchmark = watch(&mut benchmark);
    assert!(benchmark.status.success(), "{}", benchmark.stderr);
    let keys = ask(port, "DBSIZE").expect("the server answers");
    let calls = ask(port, "INFO commandstats").expect("the server answers");
    // The server closes the connection without an answer.
    let _ = ask(port, "SHUTDOWN NOSAVE");
    let exit = server.0.wait().expect("the server can be waited for").code();
    let benchmarks = benchmark.stdout_text();
    RedisRun {
        mapped,
        exit,
        benchmarks: benchmarks
            .lines()
            .filter_map(|line| line.split(',').next())
            .map(String::from)
            .collect(),
        calls: calls.lines().filter_map(calls_of).collect(),
        keys,
    }
}

/// `cmdstat_get:calls=20000,usec=…` as a pair; only commands that a benchmark sends.
fn calls_of(line: &str) -> Option<(String, u64)> {
    let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
    let calls = rest.split(',').next()?.parse().ok()?;
    (!["info", "config|get", "ping", "dbsize"].contains(&name)).then(|| (name.to_owned(), calls))
}

/// A server that does not outlive a failing test.
struct Server(Child);

impl Server {
    fn wait_until_ready(&mut self, port: u16) {
        for _ in 0..500 {
            if ask(port, "PING").is_ok_and(|answer| answer.contains("PONG")) {
                return;
            }
            assert!(
                self.0.try_wait().is_ok_and(|ended| ended.is_none()),
                "redis-server ended early"
            );
            thread::sleep(Duration::from_millis(20));
        }
        panic!("redis-server does not answer");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has usually ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ask(port: u16, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    write!(stream, "{request}\r\nQUIT\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
