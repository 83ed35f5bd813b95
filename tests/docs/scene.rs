//! A place where the commands of a transcript are run.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::markdown::Readme;
use crate::repository;
use crate::support::install::Install;
use crate::support::redis_server::RedisServer;

/// What a transcript shows in place of the temporary directory.
const SHOWN: &str = "/srv/app";

/// An application's directory, its Redis, and how its last command ended.
pub(crate) struct Scene {
    root: PathBuf,
    redis: Option<RedisServer>,
    code: i32,
    _held: Held,
}

/// What goes when the scene does.
enum Held {
    Install { _install: Install },
    Directory { _directory: TempDir },
}

impl Scene {
    /// The scene of a transcript; none, said aloud, where what it needs is not installed.
    pub(crate) fn named(readme: &Readme, name: &str) -> Option<Self> {
        if let Some(rest) = name.strip_prefix("blog") {
            let without = rest.strip_prefix(" without ");
            return Some(Self::blog(readme, without));
        }
        // A second word sets the scene again, for a transcript that begins anew.
        let name = name.split(' ').next().unwrap_or(name);
        let redis = RedisServer::start()?;
        redis.feed(&repository().join("fixtures").join(name).join("redis.txt"));
        Some(Self {
            redis: Some(redis),
            ..Self::of_fixture(name)
        })
    }

    /// A copy of a fixture, without Redis.
    pub(crate) fn of_fixture(name: &str) -> Self {
        let install = Install::copy(name);
        let root = install.root().to_owned();
        Self {
            root,
            redis: None,
            code: 0,
            _held: Held::Install { _install: install },
        }
    }

    /// The blog of the README: its database, its manifest but for lines that hold `without`, its files.
    pub(crate) fn blog(readme: &Readme, without: Option<&str>) -> Self {
        let directory = TempDir::new().unwrap();
        let root = directory.path().canonicalize().unwrap();
        let database = rusqlite::Connection::open(root.join("blog.db")).unwrap();
        database.execute_batch(readme.file("blog.sql")).unwrap();
        let manifest = readme.file("reset-app.toml").lines();
        let manifest =
            manifest.filter(|line| without.is_none_or(|without| !line.contains(without)));
        fs::write(
            root.join("reset-app.toml"),
            manifest.collect::<Vec<_>>().join("\n"),
        )
        .unwrap();
        fs::create_dir_all(root.join("uploads/user_1")).unwrap();
        for file in ["bread.jpg", "tea.jpg", "user_1/draft.txt"] {
            fs::write(root.join("uploads").join(file), file).unwrap();
        }
        Self {
            root,
            redis: None,
            code: 0,
            _held: Held::Directory {
                _directory: directory,
            },
        }
    }

    pub(crate) fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join(relative)
    }

    /// How the last command ended.
    pub(crate) fn last_code(&self) -> i32 {
        self.code
    }

    /// Runs a command of the shell, without a terminal.
    pub(crate) fn run(&mut self, line: &str) -> String {
        let line = line.replace("$?", &self.code.to_string());
        let mut bash = self.process("bash");
        let output = bash
            .args(["-c", &format!("exec 2>&1\n{line}")])
            .stdin(Stdio::null())
            .output();
        let output = output.unwrap();
        self.code = output.status.code().unwrap();
        self.shown(&output.stdout)
    }

    /// Runs a command on a terminal, and types the answer once it asks.
    pub(crate) fn answer(&mut self, line: &str, answer: &str) -> String {
        let mut script = self.process("script");
        script
            .args(["-qec", line, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = script.spawn().expect("script(1) of util-linux is needed");
        let mut keyboard = process.stdin.take().unwrap();
        let mut screen = process.stdout.take().unwrap();
        let mut printed = Vec::new();
        let mut byte = [0];
        while screen.read(&mut byte).unwrap() == 1 {
            printed.push(byte[0]);
            if printed.ends_with(b"to delete this: ") {
                writeln!(keyboard, "{answer}").unwrap();
            }
        }
        self.code = process.wait().unwrap().code().unwrap();
        self.shown(&printed)
    }

    /// A process to which nothing names another database or Redis.
    fn process(&self, program: &str) -> Command {
        let binary = Path::new(env!("CARGO_BIN_EXE_reset-app"));
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", binary.parent().unwrap().display());
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", path)
            .env("TERM", "dumb")
            .env("LC_ALL", "C");
        command.current_dir(&self.root);
        if let Some(redis) = &self.redis {
            command.env("REDIS_URL", redis.url(0));
        }
        command
    }

    fn shown(&self, printed: &[u8]) -> String {
        let printed = String::from_utf8(printed.to_vec())
            .unwrap()
            .replace("\r\n", "\n");
        printed.replace(self.root.to_str().unwrap(), SHOWN)
    }
}
