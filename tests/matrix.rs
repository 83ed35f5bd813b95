//! Each command on a copy of each fixture: previewed and done, with Redis and without, in WAL and
//! rollback mode, in text and JSON. The preview changes nothing and says what the deed says; what a
//! command is not about stays.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::path::PathBuf;
use std::thread::scope;

use serde_json::{Value, json};
use support::install::{Install, NAMES, assert_same};
use support::redis_server::RedisServer;
use support::run::{Outcome, reset_app};
use support::sweep::{Journal, OUTBOX};

const COMMANDS: &[&[&str]] = &[
    &["delete-all-user-data"],
    &["delete-all-user-data", "--unowned"],
    &["delete-all-user-data", "--delete-accounts"],
    &["delete-user", "1"],
    &["delete-user", "1", "--sessions-only"],
    &["reset-complete"],
    &[
        "reset-complete",
        "--keep-env",
        "--keep-storage",
        "--keep-logs",
    ],
    &["clear-redis"],
];

/// What a command is tried with.
struct Try<'a> {
    fixture: &'static str,
    journal: Journal,
    /// The server that the fixture's keys were fed to, if Redis is there.
    server: Option<&'a RedisServer>,
    words: &'static [&'static str],
}

impl Try<'_> {
    fn install(&self) -> Install {
        match self.journal {
            Journal::Wal => Install::copy(self.fixture).wal(),
            Journal::Delete => Install::copy(self.fixture),
        }
    }

    fn run(&self, install: &Install, more: &[&str]) -> Outcome {
        let on = reset_app().root(install.root()).args(self.words).args(more);
        match self.server {
            Some(server) => on.args(["--redis", &server.url(0)]).run(),
            None => on.args(["--no-redis"]).run(),
        }
    }

    fn keys(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.server.map(|server| server.dump(0)).unwrap_or_default()
    }

    /// Previewed in both formats, then done in one of them.
    fn check(&self, format: &'static str) {
        if let Some(server) = self.server {
            server.feed(&PathBuf::from(format!(
                "fixtures/{}/redis.txt",
                self.fixture
            )));
        }
        let install = self.install();
        let (tree, keys) = (install.tree(), self.keys());
        let text = self.run(&install, &["--dry-run"]);
        let object = self.run(&install, &["--dry-run", "--format", "json"]);
        assert_same("the root after previews", &tree, &install.tree());
        assert_eq!(keys, self.keys(), "Redis after previews");
        assert_eq!(text.code(), object.code(), "{text}\n{object}");
        let before = (install.dump(), broken(&install));
        let deed = self.run(&install, &["--force", "--format", format]);
        if text.code() != Some(0) {
            assert_eq!(text.code(), deed.code(), "{text}\n{deed}");
            assert_eq!(text.stderr, deed.stderr);
            assert_same("the database", &before.0, &install.dump());
            assert_eq!(keys, self.keys(), "Redis");
            return;
        }
        assert!(matches!(deed.code(), Some(0 | 3)), "{deed}");
        let previewed = block(&object);
        assert_eq!(
            block(&text),
            previewed,
            "text and JSON disagree: {text}{object}"
        );
        assert_eq!(
            block(&deed),
            previewed,
            "preview and deed disagree: {text}{deed}"
        );
        self.check_end(&install, &before);
    }

    fn check_end(&self, install: &Install, (dump, broken_before): &(support::install::Dump, i64)) {
        let after = install.dump();
        assert_eq!(dump.schema(), after.schema(), "the structure");
        assert!(
            after.tables().all(|table| table != OUTBOX),
            "{:?}",
            self.words
        );
        assert!(broken(install) <= *broken_before, "foreign keys");
        let mode: String = install
            .connect()
            .query_row("PRAGMA journal_mode", [], |row| row.get(0))
            .unwrap();
        let expected = match self.journal {
            Journal::Wal => "wal",
            Journal::Delete => "delete",
        };
        assert_eq!(mode, expected);
        if self.words == ["clear-redis"] {
            assert_same("the database", dump, &after);
        }
        let again = self.run(install, &["--force"]);
        let unknown = self.words.contains(&"--delete-accounts") && again.code() == Some(4);
        assert!(unknown || matches!(again.code(), Some(0 | 3)), "{again}");
        let keeps = self.words.contains(&"--keep-storage") || again.code() == Some(4);
        if !keeps {
            assert_eq!(again.line("Total Items"), Some(0), "{again}");
        }
    }
}

/// Rows whose foreign keys name nothing.
fn broken(install: &Install) -> i64 {
    install.query_count("SELECT count(*) FROM pragma_foreign_key_check")
}

/// Users, lines and total, whichever way they were printed.
fn block(outcome: &Outcome) -> Value {
    if outcome.stdout.starts_with('{') {
        let object = outcome.json();
        let (users, total) = (&object["users_processed"], &object["total_items"]);
        return json!({"users": users, "lines": object["summary"], "total": total});
    }
    let lines = outcome.summary();
    let mut lines = lines.iter().map(|line| {
        let (name, count) = line.rsplit_once(": ").unwrap();
        json!({"line": name, "count": count.parse::<u64>().ok()})
    });
    let users = lines.next().unwrap()["count"].clone();
    let mut lines: Vec<Value> = lines.collect();
    let total = lines.pop().unwrap()["count"].clone();
    json!({"users": users, "lines": lines, "total": total})
}

fn all(fixture: &'static str, journal: Journal, server: Option<&RedisServer>) {
    for (words, format) in COMMANDS.iter().zip(["text", "json"].into_iter().cycle()) {
        let tried = Try {
            fixture,
            journal,
            server,
            words,
        };
        // Which of the two formats a deed has changes from case to case.
        let other = journal == Journal::Wal && format == "text";
        tried.check(if other { "json" } else { format });
    }
}

#[test]
fn each_command_does_what_its_preview_says_on_each_fixture() {
    scope(|threads| {
        for journal in [Journal::Wal, Journal::Delete] {
            threads.spawn(move || {
                let server = RedisServer::start();
                for fixture in NAMES {
                    all(fixture, journal, None);
                    if let Some(server) = &server {
                        all(fixture, journal, Some(server));
                    }
                }
            });
        }
    });
}
