//! Changes that an application, or a test of one, may make.

use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;

use proptest::prelude::*;

use crate::support::install::Install;

/// One change.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Sql(&'static str),
    /// A file is made, or its content replaced.
    Write(u8, Vec<u8>),
    /// Bytes change in place; size and times are as before.
    Secretly(u8),
    Append(u8),
    Rename(u8, u8),
    Remove(u8),
    Mode(u8, u32),
    ReadOnlyDirectory(u8),
    /// A link in the place of whatever is there.
    Link(u8, &'static str),
    /// A directory in the place of whatever is there.
    Directory(u8),
    Touch(u8),
    HardLink(u8, u8),
    Pipe(u8),
}

const SQL: [&str; 12] = [
    "DELETE FROM images",
    "UPDATE users SET email = email || 'x'",
    "INSERT INTO compliance_metrics (metric_name) VALUES ('one')",
    "DELETE FROM job_audit_log; DELETE FROM user_sessions",
    "CREATE TABLE added(a PRIMARY KEY, b) WITHOUT ROWID; INSERT INTO added VALUES (1, x'00')",
    "DROP TABLE notifications",
    "ALTER TABLE posts ADD COLUMN extra TEXT",
    "CREATE INDEX added_index ON posts (post_content)",
    "CREATE TRIGGER added_trigger AFTER DELETE ON posts BEGIN SELECT 1; END",
    "CREATE VIEW added_view AS SELECT * FROM users",
    "INSERT INTO notifications SELECT hex(randomblob(8)), 1, 't', 'p', 'c', hex(randomblob(2000)), 'm', NULL, 'now'
     FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) SELECT i FROM n)",
    "VACUUM",
];

const PATHS: [&str; 12] = [
    "storage/images/crumbs.png",
    "storage/images/cats_2.jpg",
    "storage/images/user_1/bridge.jpg",
    "storage/images/user_1/bridge_2.jpg",
    "storage/images/user_2",
    "storage/images/user_2/bread.png",
    "storage/images/new.bin",
    "storage/images/deep/er/file",
    "storage/temp/user_2",
    "storage/temp/user_2/upload",
    "storage/backups/odd \u{fc}\n%name",
    ".env",
];

const DIRECTORIES: [&str; 4] = [
    "storage/images",
    "storage/images/user_1",
    "storage/temp",
    "storage/images/user_2",
];

/// What links lead to; the first is outside the install, and stays as it is.
const TARGETS: [&str; 3] = ["../../../../canary/canary.txt", "cats_2.jpg", "nowhere"];

pub(crate) fn change() -> impl Strategy<Value = Change> {
    let byte = || any::<u8>();
    prop_oneof![
        3 => prop::sample::select(&SQL[..]).prop_map(Change::Sql),
        2 => (byte(), prop::collection::vec(any::<u8>(), 0..50)).prop_map(|(p, c)| Change::Write(p, c)),
        2 => byte().prop_map(Change::Secretly),
        1 => byte().prop_map(Change::Append),
        1 => (byte(), byte()).prop_map(|(a, b)| Change::Rename(a, b)),
        2 => byte().prop_map(Change::Remove),
        1 => (byte(), prop::sample::select(&[0o400, 0o777, 0o4711, 0][..])).prop_map(|(p, m)| Change::Mode(p, m)),
        1 => byte().prop_map(Change::ReadOnlyDirectory),
        1 => (byte(), prop::sample::select(&TARGETS[..])).prop_map(|(p, t)| Change::Link(p, t)),
        1 => byte().prop_map(Change::Directory),
        1 => byte().prop_map(Change::Touch),
        1 => (byte(), byte()).prop_map(|(a, b)| Change::HardLink(a, b)),
        1 => byte().prop_map(Change::Pipe),
    ]
}

/// Does a change as far as what is there lets it.
pub(crate) fn apply(change: &Change, install: &Install) {
    let path = |at: &u8| install.path(PATHS[usize::from(*at) % PATHS.len()]);
    // Whoever opens a pipe waits for its other end, and whoever writes through a link writes elsewhere.
    let special = |at: &u8| {
        fs::symlink_metadata(path(at)).is_ok_and(|data| !data.is_file() && !data.is_dir())
    };
    match change {
        Change::Write(at, _) | Change::Append(at) | Change::Touch(at) if special(at) => {}
        Change::Sql(sql) => {
            let _ = install.connect().execute_batch(sql);
        }
        Change::Write(at, content) => {
            let _ = made(&path(at)).and_then(|()| fs::write(path(at), content));
        }
        Change::Secretly(at) => secretly(&path(at)),
        Change::Append(at) => {
            if let Ok(mut content) = fs::read(path(at)) {
                content.push(b'+');
                let _ = fs::write(path(at), content);
            }
        }
        Change::Rename(from, to) => {
            let _ = made(&path(to)).and_then(|()| fs::rename(path(from), path(to)));
        }
        Change::Remove(at) => remove(&path(at)),
        Change::Mode(at, mode) => {
            let _ = fs::set_permissions(path(at), Permissions::from_mode(*mode));
        }
        Change::ReadOnlyDirectory(at) => {
            let directory = install.path(DIRECTORIES[usize::from(*at) % DIRECTORIES.len()]);
            let _ = fs::set_permissions(directory, Permissions::from_mode(0o555));
        }
        Change::Link(at, target) => {
            remove(&path(at));
            let _ = made(&path(at)).and_then(|()| symlink(target, path(at)));
        }
        // What is in a directory that took the place of a single file is looked at by a person.
        Change::Directory(at) if path(at).ends_with(".env") => {}
        Change::Directory(at) => {
            remove(&path(at));
            let _ = fs::create_dir_all(path(at).join("inside"));
        }
        Change::Touch(at) => {
            if let Ok(file) = File::open(path(at)) {
                let now = FileTimes::new().set_modified(std::time::SystemTime::now());
                let _ = file.set_times(now);
            }
        }
        // Another name of `.env` is `.env`: protected, kept and named.
        Change::HardLink(from, to)
            if path(from).ends_with(".env") || path(to).ends_with(".env") => {}
        Change::HardLink(from, to) => {
            let _ = made(&path(to)).and_then(|()| fs::hard_link(path(from), path(to)));
        }
        Change::Pipe(at) => {
            remove(&path(at));
            let _ = made(&path(at));
            let _ = std::process::Command::new("mkfifo").arg(path(at)).status();
        }
    }
}

fn secretly(path: &PathBuf) {
    let Ok(data) = fs::symlink_metadata(path) else {
        return;
    };
    if !data.is_file() || data.size() == 0 {
        return;
    }
    let Ok(mut content) = fs::read(path) else {
        return;
    };
    content[0] ^= 1;
    fs::write(path, content).unwrap();
    let before = FileTimes::new()
        .set_modified(data.modified().unwrap())
        .set_accessed(data.accessed().unwrap());
    File::open(path).unwrap().set_times(before).unwrap();
    let after = fs::symlink_metadata(path).unwrap();
    assert_eq!(
        (after.size(), after.mtime_nsec()),
        (data.size(), data.mtime_nsec())
    );
}

fn made(path: &std::path::Path) -> std::io::Result<()> {
    fs::create_dir_all(path.parent().unwrap())
}

fn remove(path: &PathBuf) {
    if fs::symlink_metadata(path).is_ok_and(|data| data.is_dir()) {
        let _ = fs::remove_dir_all(path);
    } else {
        let _ = fs::remove_file(path);
    }
}
