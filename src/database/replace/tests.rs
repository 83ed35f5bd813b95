use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::database::{neighbour, open};

const SECRET: &str = "SECRET-OF-THE-OLD-CONTENT";

struct World {
    _directory: TempDir,
    path: PathBuf,
}

/// A database with pages enough to shrink, each full of the secret.
fn world(pragmas: &str) -> World {
    let directory = TempDir::new().unwrap();
    let path = directory.path().canonicalize().unwrap().join("live.db");
    let made = Connection::open(&path).unwrap();
    let rows = format!(
        "{pragmas} CREATE TABLE old(text);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
         INSERT INTO old SELECT replace(hex(zeroblob(40)), '00', '{SECRET}') FROM n;"
    );
    made.execute_batch(&rows).unwrap();
    drop(made);
    World {
        _directory: directory,
        path,
    }
}

fn image(pragmas: &str) -> Connection {
    let image = Connection::open_in_memory().unwrap();
    let rows = format!("{pragmas} CREATE TABLE new(a PRIMARY KEY); INSERT INTO new VALUES (7);");
    image.execute_batch(&rows).unwrap();
    image
}

impl World {
    /// Without the locks of anybody: only for a file that nobody in this process has open.
    fn holds_secret(&self) -> bool {
        ["", "-wal", "-journal"].iter().any(|suffix| {
            let bytes = fs::read(neighbour(&self.path, suffix)).unwrap_or_default();
            bytes
                .windows(SECRET.len())
                .any(|at| at == SECRET.as_bytes())
        })
    }

    fn application(&self) -> Connection {
        let application = Connection::open(&self.path).unwrap();
        application.busy_timeout(Duration::ZERO).unwrap();
        application
    }
}

fn tables(connection: &Connection) -> String {
    let sql = "SELECT group_concat(name) FROM sqlite_schema WHERE type = 'table'";
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn impatient(path: &Path) -> Connection {
    let live = open(path).unwrap();
    live.busy_timeout(Duration::from_millis(30)).unwrap();
    live
}

#[test]
fn no_byte_of_the_old_content_is_left_and_the_file_is_the_same() {
    for (mode, size) in [
        ("DELETE", 512),
        ("WAL", 4096),
        ("TRUNCATE", 4096),
        ("DELETE", 65536),
        ("WAL", 65536),
    ] {
        let pages = format!(
            "PRAGMA page_size = {size}; PRAGMA auto_vacuum = 2; PRAGMA encoding = 'UTF-16le';"
        );
        let world = world(&format!("{pages} PRAGMA journal_mode = {mode};"));
        let before = fs::metadata(&world.path).unwrap();
        let mut live = open(&world.path).unwrap();
        assert_eq!(replace(&mut live, &image(&pages)).unwrap(), OldPages::Gone);
        assert_eq!(journal_mode(&live).unwrap() == WAL, mode == "WAL");
        let pragmas = ["page_size", "auto_vacuum"].map(|name| pragma::<i64>(&live, name).unwrap());
        assert_eq!(pragmas, [size, 2]);
        drop(live);
        let after = fs::metadata(&world.path).unwrap();
        assert_eq!(after.ino(), before.ino());
        assert!(after.len() < before.len() / 2 && after.len().is_multiple_of(size.unsigned_abs()));
        assert!(!world.holds_secret(), "{mode} {size}");
        assert_eq!(tables(&world.application()), "new");
    }
}

#[test]
fn an_application_that_has_it_open_sees_the_new_content() {
    for mode in ["DELETE", "WAL"] {
        let world = world(&format!("PRAGMA journal_mode = {mode};"));
        let application = world.application();
        assert_eq!(tables(&application), "old");
        let mut live = open(&world.path).unwrap();
        replace(&mut live, &image("")).unwrap();
        assert_eq!(tables(&application), "new");
        application
            .execute_batch("INSERT INTO new VALUES (8)")
            .unwrap();
        let rows: i64 = live
            .query_row("SELECT count(*) FROM new", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 2);
    }
}

#[test]
fn whoever_holds_the_database_is_waited_for_and_then_named() {
    for (mode, begin) in [
        ("DELETE", "BEGIN IMMEDIATE"),
        ("WAL", "BEGIN IMMEDIATE"),
        ("DELETE", "BEGIN; SELECT * FROM old"),
    ] {
        let world = world(&format!("PRAGMA journal_mode = {mode};"));
        let application = world.application();
        application.execute_batch(begin).unwrap();
        let mut live = impatient(&world.path);
        let error = replace(&mut live, &image("")).unwrap_err();
        assert!(
            matches!(error, Error::Database(DatabaseError::Held { .. })),
            "{error}"
        );
        application.execute_batch("COMMIT").unwrap();
        assert_eq!(tables(&application), "old", "{mode} {begin}");
        replace(&mut live, &image("")).unwrap();
        assert_eq!(tables(&application), "new", "{mode} {begin}");
    }
}

#[test]
fn a_reader_in_wal_mode_keeps_the_old_content_until_it_ends_and_that_is_said() {
    let world = world("PRAGMA journal_mode = WAL;");
    let application = world.application();
    application
        .execute_batch("BEGIN; SELECT * FROM old")
        .unwrap();
    let mut live = impatient(&world.path);
    assert_eq!(
        replace(&mut live, &image("")).unwrap(),
        OldPages::HeldByReader
    );
    assert_eq!(tables(&application), "old");
    application.execute_batch("COMMIT").unwrap();
    assert_eq!(tables(&application), "new");
    cut_tail(&mut live, &world.path).unwrap();
    drop((application, live));
    assert!(!world.holds_secret());
}

/// As a crash between the commit and the cut leaves it.
#[test]
fn old_pages_behind_the_end_are_cut_off() {
    let world = world("");
    let whole = fs::read(&world.path).unwrap();
    let mut live = open(&world.path).unwrap();
    replace(&mut live, &image("")).unwrap();
    drop(live);
    let mut torn = fs::read(&world.path).unwrap();
    torn.extend_from_slice(&whole[torn.len()..]);
    fs::write(&world.path, torn).unwrap();
    assert!(world.holds_secret());
    let mut live = open(&world.path).unwrap();
    cut_tail(&mut live, &world.path).unwrap();
    assert_eq!(tables(&world.application()), "new");
    drop(live);
    assert!(!world.holds_secret());
    assert!(!neighbour(&world.path, "-journal").exists());
}

#[test]
fn an_image_of_another_form_is_refused() {
    let world = world("PRAGMA page_size = 4096;");
    let mut live = open(&world.path).unwrap();
    for pragmas in ["PRAGMA page_size = 512;", "PRAGMA encoding = 'UTF-16be';"] {
        let error = replace(&mut live, &image(pragmas)).unwrap_err();
        assert!(
            matches!(error, Error::Database(DatabaseError::Unlike { .. })),
            "{error}"
        );
    }
    assert_eq!(tables(&live), "old");
}
