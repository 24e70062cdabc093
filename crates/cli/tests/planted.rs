//! Mistakes that are planted in running programs are noticed by guarded blocks, as many as the rate of sampling says.

mod harness;

use core::time::Duration;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use harness::{Program, all_installed, installed, scratch, watch};

/// What each kind of mistake is made so many times, and how many allocations there are to a guarded one.
const PLANTED: usize = 20_000;
const RATE: &str = "MIMALLOC_GUARDED_SAMPLE_RATE";

/// Builds the library that makes the mistakes.
fn planter(directory: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/planted.c");
    let library = directory.join("planted.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-fno-builtin", "-pthread"]);
    let built = compiler.arg(source).arg("-o").arg(&library).status().expect("cc can be started");
    assert!(built.success(), "the planter does not build");
    library
}

/// Distances between guarded blocks are anything from one to twice the rate: of `PLANTED / 100` that are expected, the
/// number has a standard deviation of 8. More than seven of them are no chance.
fn is_as_expected(found: usize) -> bool {
    found.abs_diff(PLANTED / 100) < 60
}

/// The numbers in a text.
fn numbers(text: &str) -> Vec<usize> {
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

const SCRIPT: &str = "
import ctypes, json, sys
planter = ctypes.CDLL(sys.argv[1])
found = [0, 0]
for turn in range(100):
    text = json.dumps({str(n): [n] * 10 for n in range(200)})
    assert len(json.loads(text)) == 200
    for kind in 0, 1:
        found[kind] += planter.plant(200, kind)
print(*found)
";

#[test]
fn mistakes_in_python_are_noticed_at_the_rate() {
    if !all_installed(&["python3", "cc"]) {
        return;
    }
    let directory = scratch("planted-python");
    let python = installed("python3").expect("asked above");
    let planter = planter(&directory);
    let run = |rate: &str| {
        let program = Program::new(&python, &directory).args(["-c", SCRIPT]).arg(&planter);
        let run = watch(&mut program.env(RATE, rate).on_rimalloc(&[]));
        assert!(run.status.success(), "{}", run.stderr);
        numbers(&run.stdout_text())
    };
    assert_eq!(run("0"), [0, 0]);
    let found = run("100");
    assert!(found.len() == 2 && found.iter().all(|&found| is_as_expected(found)), "{found:?}");
}

/// A server that does not outlive a failing test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn mistakes_in_redis_are_noticed_at_the_rate() {
    if !all_installed(&["redis-server", "redis-benchmark", "cc"]) {
        return;
    }
    let directory = scratch("planted-redis");
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port on the loopback")
        .port()
        .to_string();
    let program = Program::new("redis-server", &directory)
        .args(["--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--port", &port])
        .env("PLANT", "1")
        .env(RATE, "100");
    let mut command = program.on_rimalloc(&[]);
    command.env("LD_PRELOAD", planter(&directory)).stdout(Stdio::null()).stderr(Stdio::null());
    let _server = Server(command.spawn().expect("redis-server starts"));
    let wait_for = |holds: &dyn Fn() -> bool| {
        let in_time = (0..6000).any(|_| {
            holds() || {
                thread::sleep(Duration::from_millis(10));
                false
            }
        });
        assert!(in_time, "redis-server does not get on");
    };
    wait_for(&|| TcpStream::connect(format!("127.0.0.1:{port}")).is_ok());
    fs::write(directory.join("go"), "").expect("the scratch directory is writable");
    let mut benchmark = Command::new("redis-benchmark");
    benchmark.args(["-p", &port, "-c", "10", "-n", "5000", "-q", "-t", "set,get,lpush,hset"]);
    let benchmark = watch(&mut benchmark);
    assert!(benchmark.status.success(), "{}", benchmark.stderr);
    wait_for(&|| directory.join("found").exists());
    let found = numbers(&fs::read_to_string(directory.join("found")).expect("it is there"));
    assert!(found.len() == 2 && found.iter().all(|&found| is_as_expected(found)), "{found:?}");
}
