//! After `--scrub` no byte of a deleted value is in the database file or beside it (promise 14).
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::HashSet;
use std::fs;

use rusqlite::Connection;
use support::application::Application;

const MANIFEST: &str = "[users]\ntable = \"users\"\nnames = [\"name\"]\n[references]\n";

const MODES: [&str; 4] = ["delete", "truncate", "persist", "wal"];

/// The shortest text that may not be left is of eight letters: a number of 64 bits.
const SHORTEST: usize = 8;

fn windows(bytes: &[u8]) -> impl Iterator<Item = u64> {
    bytes
        .windows(SHORTEST)
        .map(|window| u64::from_le_bytes(window.try_into().unwrap()))
}

/// Words that nothing else in a database holds, and that differ in every eight letters.
fn words(seed: u64, count: usize) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut text = String::new();
    for _ in 0..count {
        for _ in 0..11 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            text.push(char::from(b'a' + u8::try_from(state % 26).unwrap()));
        }
        text.push(' ');
    }
    text
}

fn kinds() -> [(&'static str, &'static str, &'static str, &'static str); 5] {
    let own = "\"idx.rowid\" = { is = \"owner\", to = \"posts.id\" }\n";
    let fill = "INSERT INTO idx(rowid, body) SELECT id, body FROM posts;";
    let rebuild = "INSERT INTO idx(idx) VALUES ('rebuild');";
    [
        ("fts3", "fts3(body)", fill, own),
        ("fts4", "fts4(body)", fill, own),
        ("fts5", "fts5(body)", fill, own),
        ("fts4, external", "fts4(body, content='posts')", rebuild, ""),
        (
            "fts5, external",
            "fts5(body, content='posts', content_rowid='id')",
            rebuild,
            "",
        ),
    ]
}

/// An application that never overwrote anything: rows were changed, moved and deleted before.
fn application(mode: &str, kind: &(&str, &str, &str, &str)) -> (Application, Vec<String>) {
    let (_, using, fill, references) = kind;
    let sql = format!(
        "PRAGMA secure_delete = OFF; PRAGMA journal_mode = {mode};
         CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT);
         INSERT INTO users VALUES (1, 'annabel'), (2, 'ben');
         CREATE TABLE posts(id INTEGER PRIMARY KEY, u INTEGER NOT NULL REFERENCES users ON DELETE CASCADE, body TEXT, more BLOB);
         CREATE INDEX posts_body ON posts(body);
         CREATE VIRTUAL TABLE idx USING {using};"
    );
    let application = Application::new(&sql, &format!("{MANIFEST}{references}"));
    let database = application.database();
    database
        .execute_batch(&format!(
            "PRAGMA synchronous = OFF; PRAGMA secure_delete = OFF; PRAGMA journal_mode = {mode}"
        ))
        .unwrap();
    let mut gone = Vec::new();
    for n in 1..60_u64 {
        let (body, blob) = (words(n, 12), words(n + 1000, 100));
        let user = if n % 3 == 0 { 2 } else { 1 };
        let sql = "INSERT INTO posts VALUES (?1, ?2, ?3, CAST(?4 AS BLOB))";
        database
            .execute(sql, rusqlite::params![n.cast_signed(), user, body, blob])
            .unwrap();
        if user == 1 {
            gone.extend([body, blob]);
        }
    }
    database.execute_batch(fill).unwrap();
    // Leaves copies of what is deleted later, in free pages and in the free space of others.
    database.execute_batch("
        UPDATE posts SET more = zeroblob(5000) || more WHERE id % 5 = 0; UPDATE posts SET more = substr(more, 5001) WHERE id % 5 = 0;
        CREATE TABLE copies AS SELECT * FROM posts; DELETE FROM copies; DROP TABLE copies;").unwrap();
    (application, gone)
}

/// Eight letters of deleted values that no surviving value holds.
fn needles(gone: &[String], database: &Connection) -> HashSet<u64> {
    let mut statement = database
        .prepare("SELECT body || ' ' || CAST(more AS TEXT) FROM posts")
        .unwrap();
    let kept: Vec<String> = statement
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let kept: HashSet<u64> = kept
        .iter()
        .flat_map(|text| windows(text.as_bytes()))
        .collect();
    let mut needles: HashSet<u64> = gone
        .iter()
        .flat_map(|text| windows(text.as_bytes()))
        .collect();
    needles.retain(|needle| !kept.contains(needle));
    needles
}

fn left(application: &Application, needles: &HashSet<u64>) -> Vec<String> {
    let mut left = Vec::new();
    for entry in fs::read_dir(application.root.path()).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_file() {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let found = windows(&bytes)
            .filter(|window| needles.contains(window))
            .count();
        if found > 0 {
            left.push(format!("{}: {found}", path.display()));
        }
    }
    left
}

#[test]
fn no_byte_of_a_deleted_value_is_left() {
    for mode in MODES {
        for kind in &kinds() {
            let (application, gone) = application(mode, kind);
            application.run(&["delete-user", "1", "--scrub"]).expect(0);
            let needles = needles(&gone, &application.database());
            assert!(needles.len() > 1000);
            assert_eq!(left(&application, &needles), [""; 0], "{mode}, {}", kind.0);
            assert_eq!(application.count("SELECT count(*) FROM posts"), 19);
            assert_eq!(
                application.count("SELECT count(*) FROM pragma_integrity_check"),
                1
            );
        }
    }
}

#[test]
fn the_test_finds_what_is_left_without_it() {
    let (application, gone) = application("delete", &kinds()[0]);
    application.run(&["delete-user", "1"]).expect(0);
    let needles = needles(&gone, &application.database());
    assert!(!left(&application, &needles).is_empty());
}

#[test]
fn a_reader_that_holds_up_the_checkpoint_is_told_of() {
    let (application, _) = application("wal", &kinds()[2]);
    let reader = application.database();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM posts;")
        .unwrap();
    let outcome = application.run(&["delete-user", "1", "--scrub"]).expect(3);
    outcome.says(["`-wal`", "a reader holds old pages", "--scrub"]);
    reader.execute_batch("COMMIT").unwrap();
    drop(reader);
    application.run(&["delete-user", "1", "--scrub"]).expect(0);
}

#[test]
fn rows_that_an_index_knows_by_number_are_not_renumbered() {
    let sql = "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT); INSERT INTO users VALUES (1, 'annabel');
        CREATE TABLE posts(u INTEGER REFERENCES users ON DELETE CASCADE, body TEXT);
        INSERT INTO posts VALUES (1, 'x'); CREATE VIRTUAL TABLE idx USING fts5(body, content='posts');";
    let application = Application::new(sql, MANIFEST);
    application
        .run(&["delete-user", "1", "--scrub"])
        .expect(3)
        .says(["`VACUUM`", "`idx`"]);
}
