//! Looks at a database whose application does not rest.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::scope;
use std::time::{Duration, SystemTime};

use rusqlite::Connection;

use super::super::{existing, open};
use super::{Way, look, neighbour};
use crate::error::{DatabaseError, Error};

struct World {
    _directory: tempfile::TempDir,
    path: std::path::PathBuf,
}

impl World {
    fn new(journal_mode: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.db");
        let sql = format!(
            "PRAGMA journal_mode = {journal_mode}; CREATE TABLE t(n); INSERT INTO t VALUES (1)"
        );
        Connection::open(&path)
            .unwrap()
            .execute_batch(&sql)
            .unwrap();
        Self {
            path: existing(&path).unwrap(),
            _directory: directory,
        }
    }

    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let entries = fs::read_dir(self.path.parent().unwrap()).unwrap();
        let mut files: Vec<_> = entries
            .map(|entry| entry.unwrap())
            .map(|entry| {
                (
                    entry.file_name().into_string().unwrap(),
                    fs::read(entry.path()).unwrap(),
                )
            })
            .collect();
        files.sort();
        files
    }
}

/// Tells the writer to end, also where the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn rows(connection: &Connection) -> crate::error::Result<i64> {
    let rows = connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0));
    rows.map_err(Error::surveying)
}

/// Looks while another thread writes as fast as it can, and connects anew each time where `anew`.
fn beside_a_writer(journal_mode: &str, connect: impl Fn(&World) -> Option<Connection> + Sync) {
    let world = World::new(journal_mode);
    let done = AtomicBool::new(false);
    scope(|threads| {
        threads.spawn(|| {
            let mut kept = connect(&world);
            while !done.load(Ordering::Relaxed) {
                let fresh = kept
                    .is_none()
                    .then(|| Connection::open(&world.path).unwrap());
                let writer = fresh.as_ref().or(kept.as_mut().map(|kept| &*kept)).unwrap();
                writer.busy_timeout(Duration::from_secs(30)).unwrap();
                let _ = writer.execute_batch("PRAGMA synchronous = OFF; UPDATE t SET n = n + 1");
            }
        });
        let _stop = Stop(&done);
        for _ in 0..100 {
            assert_eq!(look(&world.path, rows).unwrap(), 1, "{journal_mode}");
        }
    });
}

#[test]
fn a_writer_at_work_is_not_taken_for_a_dead_one() {
    for journal_mode in ["DELETE", "TRUNCATE", "PERSIST", "WAL"] {
        beside_a_writer(journal_mode, |world| {
            Some(Connection::open(&world.path).unwrap())
        });
    }
}

#[test]
fn an_application_that_comes_and_goes_is_looked_at() {
    for journal_mode in ["DELETE", "WAL"] {
        beside_a_writer(journal_mode, |_| None);
    }
}

/// Where no look without locks lasts, and nobody is met who holds the database open.
#[test]
fn what_changes_during_every_look_is_read_with_locks() {
    for (journal_mode, changing) in [("WAL", "-wal"), ("WAL", ""), ("DELETE", "")] {
        let world = World::new(journal_mode);
        let path = neighbour(&world.path, changing);
        let changed = fs::File::create_new(&path).or_else(|_| fs::File::open(&path));
        let changed = changed.unwrap();
        let mut looks = 0;
        let seen = look(&world.path, |connection| {
            looks += 1;
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(looks);
            changed.set_modified(time).unwrap();
            rows(connection)
        });
        assert_eq!(seen.unwrap(), 1, "{journal_mode}");
        assert!(looks > 1, "{journal_mode}: nothing changed");
    }
}

/// A `-wal` that nobody has open is read where it is: no copy of the data is made anywhere.
#[test]
fn a_wal_alone_is_read_in_place() {
    let world = World::new("WAL");
    let writer = Connection::open(&world.path).unwrap();
    writer
        .execute_batch("PRAGMA wal_autocheckpoint = 0; INSERT INTO t VALUES (2)")
        .unwrap();
    let left = World::new("DELETE");
    for suffix in ["", "-wal"] {
        fs::copy(
            neighbour(&world.path, suffix),
            neighbour(&left.path, suffix),
        )
        .unwrap();
    }
    drop(writer);
    assert_eq!(Way::now(&left.path), Way::Alone);
    let before = left.files();
    assert_eq!(look(&left.path, rows).unwrap(), 2);
    let temporary = |connection: &Connection| {
        let sql = "CREATE TEMP TABLE s AS SELECT n FROM t";
        connection.execute_batch(sql).map_err(Error::surveying)
    };
    look(&left.path, temporary).unwrap();
    assert!(left.files() == before, "the look left something behind");
    let write = |connection: &Connection| {
        let sql = "DELETE FROM t";
        connection.execute_batch(sql).map_err(Error::surveying)
    };
    look(&left.path, write).unwrap_err();
    assert!(left.files() == before, "the look wrote");
}

/// Opening a pipe waits for whoever writes to it: for ever.
#[test]
fn what_is_no_file_where_a_journal_belongs_is_refused() {
    for (mode, suffix) in [("WAL", "-wal"), ("WAL", "-shm"), ("DELETE", "-journal")] {
        for kind in ["pipe", "link"] {
            let world = World::new(mode);
            let name = neighbour(&world.path, suffix);
            match kind {
                "pipe" => assert!(
                    Command::new("mkfifo")
                        .arg(&name)
                        .status()
                        .unwrap()
                        .success()
                ),
                _ => std::os::unix::fs::symlink("elsewhere", &name).unwrap(),
            }
            for error in [
                look(&world.path, rows).map(drop),
                open(&world.path).map(drop),
            ] {
                let Err(Error::Database(DatabaseError::JournalNotAFile { path })) = error else {
                    panic!("{suffix} is a {kind}: {error:?}");
                };
                assert_eq!(path, name);
            }
        }
    }
}
