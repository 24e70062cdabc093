//! Real programs on data of our own making, where they are installed.

mod data;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::peers::output_of;
use crate::{bench_directory, work_directory};

/// A program to measure.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// What to look for in the path; the first that is there is taken.
    executables: &'static [&'static str],
    /// Debian's packages that have it.
    packages: &'static str,
    prepare: fn(&Path) -> Result<Prepared>,
}

/// A command that is ready to run, any number of times.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prepared {
    pub(crate) command: Vec<String>,
    pub(crate) variables: Vec<(String, String)>,
    pub(crate) client: Option<Client>,
}

/// What makes the command a server: its time is that of its client, which runs plainly.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// Succeeds once the server is up.
    pub(crate) ready: Vec<String>,
    /// What is timed.
    pub(crate) load: Vec<String>,
    /// Ends the server.
    pub(crate) stop: Vec<String>,
}

pub(crate) const ALL: &[Program] = &[
    Program {
        name: "python-objects",
        about: "python3 without an allocator of its own: small objects with links",
        executables: &["python3"],
        packages: "python3",
        prepare: |python| {
            script(&interpreter(python)?, &[], "objects.py", &[("PYTHONMALLOC", "malloc")])
        },
    },
    Program {
        name: "python-text",
        about: "python3 as it is: JSON, strings, regular expressions",
        executables: &["python3"],
        packages: "python3",
        prepare: |python| script(&interpreter(python)?, &[], "text.py", &[]),
    },
    Program {
        name: "perl",
        about: "perl: hashes of strings, lists of lists",
        executables: &["perl"],
        packages: "perl",
        prepare: |perl| script(perl, &[], "words.pl", &[("PERL_HASH_SEED", "0")]),
    },
    Program {
        name: "lua",
        about: "lua: tables that become garbage soon",
        executables: &["lua5.4", "lua", "lua5.3"],
        packages: "lua5.4",
        prepare: |lua| script(lua, &[], "tables.lua", &[]),
    },
    Program {
        name: "sqlite",
        about: "sqlite3: a database in memory",
        executables: &["sqlite3"],
        packages: "sqlite3",
        prepare: |sqlite| {
            let queries = bench_directory().join("programs/queries.sql");
            Ok(plain([text(sqlite), ":memory:".into(), format!(".read {}", queries.display())]))
        },
    },
    Program {
        name: "redis",
        about: "redis-server under redis-benchmark, by a local socket",
        executables: &["redis-server"],
        packages: "redis-server redis-tools",
        prepare: redis,
    },
    Program {
        name: "c++",
        about: "the C++ compiler on a large source",
        executables: &["g++", "c++"],
        packages: "g++",
        prepare: |compiler| {
            let directory = work_directory("data")?;
            let source = directory.join("large.cpp");
            data::write(&source, data::cxx_source)?;
            let assembly = directory.join("large.s");
            let fixed = ["-std=c++17", "-O1", "-S", "-o"].map(String::from);
            Ok(plain(
                [text(compiler)].into_iter().chain(fixed).chain([text(&assembly), text(&source)]),
            ))
        },
    },
    Program {
        name: "git",
        about: "git repack, the work of git gc, on a history of 1000 commits",
        executables: &["git"],
        packages: "git",
        prepare: git,
    },
    Program {
        name: "xmllint",
        about: "xmllint: a large document as a tree",
        executables: &["xmllint"],
        packages: "libxml2-utils",
        prepare: |xmllint| {
            let document = work_directory("data")?.join("large.xml");
            data::write(&document, data::xml_document)?;
            Ok(plain([text(xmllint), "--noout".into(), text(&document)]))
        },
    },
];

impl Program {
    /// The command; the error says what is missing and how to get it.
    pub(crate) fn prepare(&self) -> Result<Prepared> {
        let executable = self.executables.iter().find_map(|name| in_path(name));
        let missing = || format!("not installed: apt-get install {}", self.packages);
        (self.prepare)(&executable.with_context(missing)?)
    }
}

/// The first file of this name in the directories that are searched for commands.
pub(crate) fn in_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|directory| directory.join(name)).find(|file| file.is_file())
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn plain(command: impl IntoIterator<Item = String>) -> Prepared {
    Prepared { command: command.into_iter().collect(), ..Prepared::default() }
}

fn script(
    program: &Path,
    options: &[&str],
    name: &str,
    variables: &[(&str, &str)],
) -> Result<Prepared> {
    let script = bench_directory().join("programs").join(name);
    ensure!(script.exists(), "{} is missing", script.display());
    let options = options.iter().map(|option| (*option).to_owned());
    let mut prepared = plain([text(program)].into_iter().chain(options).chain([text(&script)]));
    prepared.variables =
        variables.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    // Where strings land in hash tables is then the same in each run.
    prepared.variables.push(("PYTHONHASHSEED".into(), "0".into()));
    Ok(prepared)
}

/// The interpreter itself: the `python3` of a version manager is a script.
fn interpreter(python: &Path) -> Result<PathBuf> {
    let show = ["-c", "import sys; print(sys.executable)"];
    Ok(PathBuf::from(output_of(Command::new(python).args(show))?.trim()))
}

fn redis(server: &Path) -> Result<Prepared> {
    let tool = |name| in_path(name).context("not installed: apt-get install redis-tools");
    let [benchmark, client] = [text(&tool("redis-benchmark")?), text(&tool("redis-cli")?)];
    // A path to a socket has about 100 characters at most, less than some directories.
    let socket = text(&env::temp_dir().join(format!("rimalloc-bench-{}", std::process::id())));
    let words = |line: String| line.split(' ').map(String::from).collect::<Vec<_>>();
    let server = text(server);
    let options = "--port 0 --appendonly no --daemonize no --loglevel warning";
    let mut command = words(format!("{server} {options} --unixsocket {socket} --save"));
    command.push(String::new());
    let load =
        "-q -n 100000 -c 20 -P 16 -r 100000 -d 100 -t set,get,incr,lpush,lpop,sadd,hset,zadd";
    Ok(Prepared {
        command,
        variables: Vec::new(),
        client: Some(Client {
            ready: words(format!("{client} -s {socket} ping")),
            load: words(format!("{benchmark} -s {socket} {load}")),
            stop: words(format!("{client} -s {socket} shutdown nosave")),
        }),
    })
}

/// The repository is made once; `repack -f` does all of the work again in each run.
fn git(git: &Path) -> Result<Prepared> {
    let directory = work_directory("data")?;
    let history = directory.join("history");
    data::write(&history, data::git_history)?;
    let repository = directory.join("repository");
    let isolated = [("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null")];
    if !repository.join("made").exists() {
        if repository.exists() {
            fs::remove_dir_all(&repository)?;
        }
        let mut init = Command::new(git);
        output_of(init.args(["init", "--quiet", "--bare"]).arg(&repository).envs(isolated))?;
        let mut import = Command::new(git);
        import.arg("-C").arg(&repository).args(["fast-import", "--quiet"]).envs(isolated);
        output_of(import.stdin(fs::File::open(&history)?))?;
        fs::write(repository.join("made"), "")?;
    }
    let repack = "-c pack.threads=2 repack -a -d -f -q";
    let words = repack.split(' ').map(String::from);
    let mut prepared = plain([text(git), "-C".into(), text(&repository)].into_iter().chain(words));
    prepared.variables =
        isolated.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    Ok(prepared)
}
