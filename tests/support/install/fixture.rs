//! The committed installs, and how they are built of their sources.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::description::unescape;
use super::{DATABASE, Entry, Places};

/// All installs in `fixtures/`.
pub(crate) const NAMES: [&str; 4] = ["busy", "empty", "example", "hostile"];

/// What a root holds that is written by hand.
const WRITTEN_BY_HAND: [&str; 2] = [".env", ".env.example"];

/// One directory of `fixtures/`.
#[derive(Clone)]
pub(crate) struct Fixture {
    directory: PathBuf,
}

impl Fixture {
    pub(crate) fn named(name: &str) -> Self {
        assert!(NAMES.contains(&name), "there is no fixture `{name}`");
        Self {
            directory: fixtures().join(name),
        }
    }

    /// The committed root of the application. Only to be read.
    pub(crate) fn root(&self) -> PathBuf {
        self.directory.join("root")
    }

    /// The committed database. Only to be read.
    pub(crate) fn database(&self) -> PathBuf {
        self.root().join(DATABASE)
    }

    /// The lines of `tree.txt`.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        Entry::parse_all(&fs::read_to_string(self.directory.join("tree.txt")).unwrap())
    }

    /// The commands of `redis.txt` that load the install's keys, each split into its arguments.
    pub(crate) fn redis_commands(&self) -> Vec<Vec<Vec<u8>>> {
        let text = fs::read_to_string(self.directory.join("redis.txt")).unwrap();
        text.lines().map(arguments).collect()
    }

    /// Builds of the sources what is committed in the root, except what is written by hand.
    pub(crate) fn build(&self, root: &Path) {
        let places = Places {
            root: root.to_owned(),
            outside: PathBuf::new(), // nothing outside is committed
        };
        for entry in self.entries().iter().filter(|entry| entry.is_committed()) {
            entry.make(&places);
        }
        let database = root.join(DATABASE);
        fs::create_dir_all(database.parent().unwrap()).unwrap();
        self.build_database(&database);
    }

    /// Builds the root anew in place.
    pub(crate) fn rebuild(&self) {
        for entry in fs::read_dir(self.root()).unwrap() {
            let entry = entry.unwrap();
            if WRITTEN_BY_HAND
                .iter()
                .any(|name| entry.file_name() == *name)
            {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                fs::remove_dir_all(entry.path()).unwrap();
            } else {
                fs::remove_file(entry.path()).unwrap();
            }
        }
        self.build(&self.root());
    }

    /// Structure and rows in one transaction, foreign keys off: some rows dangle on purpose.
    fn build_database(&self, path: &Path) {
        let schema = fs::read_to_string(fixtures().join("schema.sql")).unwrap();
        let data = fs::read_to_string(self.directory.join("data.sql")).unwrap();
        let connection = Connection::open(path).unwrap();
        connection
            .pragma_update(None, "foreign_keys", false)
            .unwrap();
        connection
            .execute_batch(&format!("BEGIN;\n{schema}\n{data}\nCOMMIT;"))
            .unwrap_or_else(|error| panic!("{}: {error}", self.directory.display()));
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Splits a command as redis-cli does: at blanks outside double quotes, in which `\` escapes.
fn arguments(line: &str) -> Vec<Vec<u8>> {
    let mut arguments = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (argument, after) = if let Some(quoted) = rest.strip_prefix('"') {
            let end = closing_quote(quoted);
            (unescape(&quoted[..end]), &quoted[end + 1..])
        } else {
            let (plain, after) = rest.split_at(rest.find(' ').unwrap_or(rest.len()));
            (plain.as_bytes().to_vec(), after)
        };
        arguments.push(argument);
        rest = after.trim_start();
    }
    arguments
}

fn closing_quote(quoted: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in quoted.char_indices() {
        match letter {
            '"' if !escaped => return at,
            _ => escaped = letter == '\\' && !escaped,
        }
    }
    panic!("redis.txt: no closing quote in `{quoted}`");
}

#[test]
fn redis_commands_are_split_as_redis_cli_does() {
    let set = arguments(r#"SET "a \"b\"" {\x41} "\xff""#);
    let expected: [&[u8]; 4] = [b"SET", br#"a "b""#, br"{\x41}", b"\xff"];
    assert_eq!(set, expected);
}
