//! A Redis server of the test's own: on a free port, in a directory of its own, gone when it is dropped.

#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use std::io::{ErrorKind, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use ::redis::{Client, Connection, Value, cmd};
use tempfile::TempDir;

/// A running `redis-server` without persistence.
pub(crate) struct RedisServer {
    child: Child,
    port: u16,
    password: Option<String>,
    tls_port: Option<u16>,
    directory: TempDir,
}

impl RedisServer {
    /// Starts one. `None`, said aloud, where none is installed; with `CI` set that is a failure.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(None)
    }

    /// Starts one that speaks TLS as well, with a certificate for `localhost`. `None`, said aloud, where
    /// openssl or TLS in redis-server is missing.
    pub(crate) fn start_with_tls() -> Option<Self> {
        let mut plain = Self::start()?;
        let directory = plain.directory.path();
        let made = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
            ])
            .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
            .args(["-addext", "subjectAltName=DNS:localhost"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-keyout", "key.pem", "-out", "certificate.pem"])
            .current_dir(directory)
            .stderr(Stdio::null())
            .status();
        let port = free_port();
        let enabled = made.is_ok_and(|status| status.success()) && plain.enable_tls(port);
        if !enabled {
            say("SKIPPED: openssl or TLS in redis-server is missing, TLS was not tested");
        }
        plain.tls_port = enabled.then_some(port);
        enabled.then_some(plain)
    }

    fn enable_tls(&self, port: u16) -> bool {
        let path = |name| {
            self.directory
                .path()
                .join(name)
                .to_str()
                .unwrap()
                .to_owned()
        };
        let mut command = cmd("CONFIG");
        command
            .arg("SET")
            .arg("tls-cert-file")
            .arg(path("certificate.pem"));
        command
            .arg("tls-key-file")
            .arg(path("key.pem"))
            .arg("tls-auth-clients")
            .arg("no");
        command.arg("tls-ca-cert-file").arg(path("certificate.pem"));
        command
            .arg("tls-port")
            .arg(port)
            .exec(&mut self.connect(0))
            .is_ok()
    }

    pub(crate) fn tls_url(&self) -> String {
        format!("rediss://localhost:{}/0", self.tls_port.unwrap())
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.directory.path().join("certificate.pem")
    }

    /// Starts one that demands a password.
    pub(crate) fn start_with(password: Option<&str>) -> Option<Self> {
        for _ in 0..5 {
            let mut server = Self::spawn(password)?;
            if server.is_ready() {
                return Some(server);
            }
        }
        panic!("redis-server does not answer")
    }

    fn spawn(password: Option<&str>) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let port = free_port();
        let mut command = Command::new("redis-server");
        command.args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
        ]);
        command.args(["--requirepass", password.unwrap_or_default()]);
        command.arg("--dir").arg(directory.path());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        match command.spawn() {
            Ok(child) => {
                let password = password.map(str::to_owned);
                Some(Self {
                    child,
                    port,
                    password,
                    tls_port: None,
                    directory,
                })
            }
            Err(error)
                if error.kind() == ErrorKind::NotFound && std::env::var_os("CI").is_none() =>
            {
                say("SKIPPED: redis-server is not installed, nothing was tested");
                None
            }
            Err(error) => panic!("redis-server cannot be started: {error}"),
        }
    }

    fn is_ready(&mut self) -> bool {
        for _ in 0..250 {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            let client = Client::open(self.url(0)).unwrap();
            if client
                .get_connection()
                .is_ok_and(|mut it| cmd("PING").exec(&mut it).is_ok())
            {
                return true;
            }
            sleep(Duration::from_millis(20));
        }
        false
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The URL of one of its databases, with the password.
    pub(crate) fn url(&self, db: u32) -> String {
        let login = self
            .password
            .as_ref()
            .map(|it| format!(":{it}@"))
            .unwrap_or_default();
        format!("redis://{login}127.0.0.1:{}/{db}", self.port)
    }

    pub(crate) fn connect(&self, db: u32) -> Connection {
        Client::open(self.url(db))
            .unwrap()
            .get_connection()
            .unwrap()
    }

    /// Runs one command on database 0.
    pub(crate) fn run<A: AsRef<[u8]>>(&self, words: &[A]) -> Value {
        run(&mut self.connect(0), words)
    }

    /// All keys of a database, sorted.
    pub(crate) fn keys(&self, db: u32) -> Vec<Vec<u8>> {
        let mut keys: Vec<Vec<u8>> = cmd("KEYS").arg("*").query(&mut self.connect(db)).unwrap();
        keys.sort();
        keys
    }

    /// All keys of a database with their serialized values, sorted.
    pub(crate) fn dump(&self, db: u32) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut connection = self.connect(db);
        let keys = self.keys(db).into_iter();
        let dumped = keys.map(|key| {
            let value = cmd("DUMP").arg(&key).query(&mut connection).unwrap();
            (key, value)
        });
        dumped.collect()
    }

    /// Runs a file of redis-cli commands, one a line; empty lines and those that begin with `#` are
    /// passed over.
    pub(crate) fn feed(&self, file: &Path) {
        let text = std::fs::read(file).unwrap();
        self.feed_text(&text);
    }

    pub(crate) fn feed_text(&self, text: &[u8]) {
        let mut connection = self.connect(0);
        for line in text.split(|byte| *byte == b'\n') {
            let words = words(line);
            if words.first().is_some_and(|word| !word.starts_with(b"#")) {
                run(&mut connection, &words);
            }
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Past the test harness, which swallows what a successful test prints.
fn say(line: &str) {
    std::io::stderr()
        .write_all(format!("{line}\n").as_bytes())
        .unwrap();
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn run<A: AsRef<[u8]>>(connection: &mut Connection, words: &[A]) -> Value {
    let mut command = ::redis::Cmd::new();
    for word in words {
        command.arg(word.as_ref());
    }
    command.query(connection).unwrap()
}

/// The words of a line as redis-cli reads it: `"…"` with `\n \r \t \xHH \" \\`, `'…'`, or bare.
fn words(line: &[u8]) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut rest = line.trim_ascii();
    while let Some(first) = rest.first() {
        let (word, used) = match first {
            b'"' => quoted(&rest[1..]),
            b'\'' => {
                let end = rest[1..].iter().position(|byte| *byte == b'\'').unwrap();
                (rest[1..=end].to_vec(), end + 1)
            }
            _ => {
                let end = rest
                    .iter()
                    .position(u8::is_ascii_whitespace)
                    .unwrap_or(rest.len());
                (rest[..end].to_vec(), end)
            }
        };
        words.push(word);
        rest = rest[(used + usize::from(matches!(first, b'"' | b'\''))).min(rest.len())..]
            .trim_ascii_start();
    }
    words
}

/// The word up to the closing quote, and how many bytes it took with that quote.
fn quoted(text: &[u8]) -> (Vec<u8>, usize) {
    let mut word = Vec::new();
    let mut at = 0;
    loop {
        let (byte, used) = match text[at..] {
            [b'"', ..] => return (word, at + 1),
            [b'\\', b'x', high, low, ..] => {
                let hex = [high, low];
                (
                    u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap(),
                    4,
                )
            }
            [b'\\', b'n', ..] => (b'\n', 2),
            [b'\\', b'r', ..] => (b'\r', 2),
            [b'\\', b't', ..] => (b'\t', 2),
            [b'\\', byte, ..] => (byte, 2),
            [byte, ..] => (byte, 1),
            [] => panic!("a quote is not closed"),
        };
        word.push(byte);
        at += used;
    }
}
