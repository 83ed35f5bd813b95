//! Every command beside an application that holds the database open, with a read transaction or a
//! write transaction: how long it waits, what it says, and that nothing is half done.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::sync::Mutex;
use std::thread::scope;
use std::time::Duration;

use rusqlite::Connection;
use support::install::{Dump, Install, Tree, difference};
use support::run::{Outcome, has_tool, reset_app};
use support::small::small;
use support::sweep::{Journal, OUTBOX, strace};

/// What the application holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    /// A read transaction that has begun to read.
    Read,
    /// A write transaction that has written.
    Write,
}

/// What an install has behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Past {
    /// A snapshot called `old`.
    Saved,
    /// User 1 was erased since that snapshot, which was restored.
    Restored,
    /// A deletion was killed after its commits.
    Killed,
}

/// How a command ends beside the application: for each of WAL with a reader, WAL with a writer,
/// DELETE with a reader, DELETE with a writer, the exit code.
type Ends = [i32; 4];

/// Five seconds for each wait, of which no command has more than three, and as much for a busy machine.
const LONGEST: Duration = Duration::from_secs(30);

const READS: Ends = [0, 0, 0, 0];
/// Only another writer is in the way, and in a rollback mode whoever reads.
const WRITES: Ends = [0, 1, 1, 1];
/// The same, and in WAL mode a reader keeps the old content in the files.
const REPLACES: Ends = [3, 1, 1, 1];

const COMMANDS: &[(Past, &[&str], Ends)] = &[
    (Past::Saved, &["delete-all-user-data"], WRITES),
    (
        Past::Saved,
        &["delete-all-user-data", "--delete-accounts"],
        WRITES,
    ),
    (Past::Saved, &["delete-all-user-data", "--scrub"], REPLACES),
    (Past::Saved, &["delete-all-user-data", "--verify"], WRITES),
    (
        Past::Saved,
        &["delete-all-user-data", "--snapshot", "new"],
        WRITES,
    ),
    (Past::Saved, &["delete-user", "1"], WRITES),
    (
        Past::Saved,
        &["delete-user", "1", "--sessions-only"],
        WRITES,
    ),
    (Past::Saved, &["reset-complete"], REPLACES),
    (Past::Saved, &["snapshot", "restore", "old"], WRITES),
    (Past::Saved, &["snapshot", "save", "new"], [0, 1, 0, 1]),
    (Past::Saved, &["snapshot", "drop", "old"], READS),
    (Past::Saved, &["snapshot", "list"], READS),
    (Past::Saved, &["snapshot", "diff", "old"], READS),
    (Past::Saved, &["generate-secrets"], READS),
    (Past::Saved, &["resume"], READS),
    (Past::Saved, &["status"], READS),
    (Past::Saved, &["check"], READS),
    (Past::Saved, &["explain"], READS),
    (Past::Saved, &["verify", "--all"], READS),
    (Past::Restored, &["replay"], WRITES),
    (Past::Killed, &["resume"], WRITES),
    (Past::Killed, &["delete-all-user-data"], WRITES),
    (Past::Killed, &["status"], READS),
];

fn run(install: &Install, words: &[&str]) -> Outcome {
    let on = reset_app().root(install.root()).args(words);
    on.args(["--force", "--no-redis"]).run()
}

fn with_past(past: Past, journal: Journal) -> Install {
    let install = match journal {
        Journal::Wal => small().wal(),
        Journal::Delete => small(),
    };
    run(&install, &["snapshot", "save", "old"]).expect(0);
    match past {
        Past::Saved => {}
        Past::Restored => {
            run(&install, &["delete-user", "1"]).expect(0);
            run(&install, &["snapshot", "restore", "old"]).expect(0);
        }
        Past::Killed => {
            let deletion = reset_app().root(install.root());
            let deletion = deletion.args(["delete-all-user-data", "--force", "--no-redis"]);
            let killed = deletion.under(strace("signal=KILL", "renameat2", 1)).run();
            assert!(killed.was_killed(), "{killed}");
        }
    }
    install
}

/// The application's connection, which holds something.
fn application(install: &Install, held: Held) -> Connection {
    let connection = install.connect();
    let sql = match held {
        Held::Read => "BEGIN",
        Held::Write => {
            "BEGIN IMMEDIATE; INSERT INTO compliance_metrics (id, metric_name) VALUES (77, 'held')"
        }
    };
    connection.execute_batch(sql).unwrap();
    assert_eq!(metrics(&connection), i64::from(held == Held::Write));
    connection
}

fn metrics(connection: &Connection) -> i64 {
    let sql = "SELECT count(*) FROM compliance_metrics WHERE id = 77";
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Rows, and files but for those of this program and beside the database.
fn state(install: &Install) -> (Dump, Tree) {
    let tree = install.tree();
    let tree = tree.without(".reset-app").without("storage/database");
    (install.dump(), tree)
}

fn check(past: Past, words: &[&str], ends: Ends, at: usize) -> Result<(), String> {
    let journal = [Journal::Wal, Journal::Delete][at / 2];
    let held = [Held::Read, Held::Write][at % 2];
    let install = with_past(past, journal);
    let before = state(&install);
    let application = application(&install, held);
    let outcome = run(&install, words);
    let what = format!("{words:?} after {past:?}, {journal:?}, {held:?}: {outcome}");
    if metrics(&application) != i64::from(held == Held::Write) {
        return Err(format!("the application sees something else: {what}"));
    }
    application.execute_batch("ROLLBACK").unwrap();
    drop(application);
    if outcome.code() != Some(ends[at]) {
        return Err(format!("should end with {}: {what}", ends[at]));
    }
    if outcome.took > LONGEST {
        return Err(format!("waits for too long: {what}"));
    }
    if outcome.code() == Some(1) {
        if !outcome.stderr.contains("another program") {
            return Err(format!("does not say why: {what}"));
        }
        let after = state(&install);
        // What an interrupted run began was agreed to; it may come a part of the way.
        if before != after && past != Past::Killed {
            let rows = difference(&before.0, &after.0);
            let files = difference(&before.1, &after.1);
            return Err(format!("is half done: {rows}{files}\n{what}"));
        }
    }
    finish(&install, words, &outcome).map_err(|error| format!("{error}\n{what}"))
}

/// Once the application has ended, the same command does the rest, and leaves nothing to do.
fn finish(install: &Install, words: &[&str], held: &Outcome) -> Result<(), String> {
    let again = match held.code() {
        Some(0) => None,
        // The snapshot may have been taken before the rest failed.
        _ if words.contains(&"--snapshot") => Some(run(install, &words[..1])),
        Some(3) if words.contains(&"reset-complete") => Some(run(install, &["resume"])),
        _ => Some(run(install, words)),
    };
    if let Some(again) = again.filter(|again| again.code() != Some(0)) {
        return Err(format!("is not done afterwards: {again}"));
    }
    let intact = "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'";
    if install.query_count(intact) != 0 {
        return Err("the database is damaged".into());
    }
    let looks = [
        "status", "check", "explain", "verify", "list", "diff", "save", "drop",
    ];
    let finishes = !words.iter().any(|word| looks.contains(word)) && words != ["generate-secrets"];
    if finishes && install.dump().tables().any(|table| table == OUTBOX) {
        return Err("something is left to do".into());
    }
    Ok(())
}

#[test]
fn every_command_waits_for_the_application_for_a_while_and_does_all_or_nothing() {
    if !has_tool("strace", "no run was killed") {
        return;
    }
    let cases = COMMANDS
        .iter()
        .flat_map(|case| (0..4).map(move |at| (case, at)));
    // They wait most of the time.
    let (cases, failed) = (Mutex::new(cases), Mutex::new(Vec::new()));
    scope(|threads| {
        for _ in 0..12 {
            threads.spawn(|| {
                loop {
                    let next = cases.lock().unwrap().next();
                    let Some(((past, words, ends), at)) = next else {
                        return;
                    };
                    if let Err(error) = check(*past, words, *ends, at) {
                        failed.lock().unwrap().push(error);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}
