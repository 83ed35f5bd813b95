use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::database::{open, transaction};

const ROWS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
    INSERT INTO t(a, b) SELECT i, hex(randomblob(100)) FROM n;";

/// A database, and an image of what it was.
struct World {
    _directory: TempDir,
    path: PathBuf,
    image: Connection,
}

impl World {
    fn new(pragmas: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path().canonicalize().unwrap().join("live.db");
        let made = Connection::open(&path).unwrap();
        let sql = format!(
            "{pragmas} CREATE TABLE t(a PRIMARY KEY, b); CREATE INDEX i ON t(b); {ROWS}
             DELETE FROM t WHERE a % 3 = 0;"
        );
        made.execute_batch(&sql).unwrap();
        made.execute(
            "VACUUM INTO ?1",
            [directory.path().join("image.db").to_str()],
        )
        .unwrap();
        made.execute_batch("VACUUM").unwrap();
        let image = Connection::open(directory.path().join("image.db")).unwrap();
        Self {
            path,
            image,
            _directory: directory,
        }
    }

    fn exchange(&self, live: &Connection) -> Vec<u32> {
        let numbers = transaction(live, || {
            let mut numbers = Vec::new();
            side_by_side(live, &self.image, |number, old, new| {
                if !old.is_some_and(|old| are_alike(number, old, new)) {
                    numbers.push(number);
                }
                Ok(())
            })?;
            let page = |number| Ok(read(&self.image, number)?.unwrap());
            write(live, &numbers, count(&self.image)?, page)?;
            Ok(numbers)
        });
        forget_cache(live).unwrap();
        numbers.unwrap()
    }
}

fn content(of: &Connection) -> Vec<String> {
    let sql = "SELECT sql FROM sqlite_schema UNION ALL SELECT quote(a) || b FROM t ORDER BY 1";
    let mut rows = of.prepare(sql).unwrap();
    let rows = rows
        .query_map([], |row| row.get::<_, Option<String>>(0))
        .unwrap();
    rows.map(|row| row.unwrap().unwrap_or_default()).collect()
}

fn assert_whole(of: &Connection) {
    let found: String = of
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(found, "ok");
}

const CHANGES: [&str; 6] = [
    "UPDATE t SET b = 'x' WHERE a = 7",
    "DELETE FROM t",
    "DROP INDEX i; ALTER TABLE t ADD COLUMN c; CREATE TABLE u(a)",
    "DROP TABLE t; CREATE TABLE u(a); CREATE TABLE t(b, a)",
    "UPDATE t SET b = zeroblob(9000)",
    "UPDATE t SET b = 'x' WHERE a > 200; VACUUM",
];

/// Also on the connection that wrote the pages, which had parsed others, and for whoever has the
/// database open meanwhile.
#[test]
fn whatever_was_changed_the_pages_make_it_as_it_was() {
    for mode in ["DELETE", "TRUNCATE", "PERSIST", "WAL"] {
        for vacuum in 0..3 {
            for size in [512, 4096, 65536] {
                let world = World::new(&format!(
                    "PRAGMA page_size = {size}; PRAGMA auto_vacuum = {vacuum}; PRAGMA journal_mode = {mode};"
                ));
                let live = open(&world.path).unwrap();
                assert!(can_be_exchanged(&live, &world.image).unwrap());
                let before = content(&live);
                for change in CHANGES {
                    let application = Connection::open(&world.path).unwrap();
                    application.execute_batch(change).unwrap();
                    let _ = application.query_row("SELECT count(*) FROM t", [], |_| Ok(()));
                    let _ = live.query_row("SELECT count(*) FROM t", [], |_| Ok(()));
                    world.exchange(&live);
                    for one in [&application, &live] {
                        assert_eq!(content(one), before, "{mode} {vacuum} {size} {change}");
                        assert_whole(one);
                    }
                    application
                        .execute_batch("DELETE FROM t WHERE a = 1")
                        .unwrap();
                    assert_whole(&live);
                    world.exchange(&live);
                }
            }
        }
    }
}

#[test]
fn only_pages_that_differ_are_written() {
    let world = World::new("");
    let live = open(&world.path).unwrap();
    world.exchange(&live);
    assert!(world.exchange(&live).is_empty());
    live.execute_batch("UPDATE t SET b = b || 'x' WHERE a = 7")
        .unwrap();
    let written = world.exchange(&live).len();
    assert!((1..10).contains(&written), "{written}");
}

#[test]
fn a_structure_that_was_seen_is_not_taken_for_the_one_that_came_back() {
    let world = World::new("");
    let live = open(&world.path).unwrap();
    let application = Connection::open(&world.path).unwrap();
    application.execute_batch("CREATE TABLE seen(a)").unwrap();
    let count = |table: &str| {
        let sql = format!("SELECT count(*) FROM {table}");
        application.query_row(&sql, [], |row| row.get::<_, i64>(0))
    };
    assert_eq!(count("seen").unwrap(), 0);
    world.exchange(&live);
    live.execute_batch("CREATE TABLE other(a, b, c)").unwrap();
    assert!(count("seen").is_err());
    assert_eq!(count("other").unwrap(), 0);
}

#[test]
fn what_fails_in_between_is_rolled_back() {
    for mode in ["DELETE", "WAL"] {
        let world = World::new(&format!("PRAGMA journal_mode = {mode};"));
        let live = open(&world.path).unwrap();
        live.execute_batch("DELETE FROM t WHERE a < 200").unwrap();
        let before = content(&live);
        let failed = transaction(&live, || {
            let numbers: Vec<u32> = (1..=count(&world.image)?).collect();
            write(&live, &numbers, count(&world.image)?, |number| {
                let page = read(&world.image, number)?.unwrap();
                if number > 5 {
                    Err(Error::Bug("on purpose"))
                } else {
                    Ok(page)
                }
            })
        });
        assert!(failed.is_err());
        forget_cache(&live).unwrap();
        assert_eq!(content(&live), before);
        assert_whole(&live);
    }
}

#[test]
fn another_form_is_not_exchanged() {
    let world = World::new("PRAGMA page_size = 4096;");
    let live = open(&world.path).unwrap();
    for pragmas in ["PRAGMA page_size = 512;", "PRAGMA encoding = 'UTF-16be';"] {
        let other = Connection::open_in_memory().unwrap();
        other
            .execute_batch(&format!("{pragmas} CREATE TABLE t(a)"))
            .unwrap();
        assert!(!can_be_exchanged(&live, &other).unwrap());
    }
}
