//! Opening the database: for the deed, and for a look that leaves no trace.
//!
//! Only `SQLite` opens the file. Closing any other handle on it would drop the POSIX locks that a
//! connection of this process holds (invariant 11, <https://sqlite.org/howtocorrupt.html>).

mod bounds;
mod checkpoints;
mod durability;
mod guests;
pub(crate) mod pages;
mod preview;
mod readers;
mod replace;
mod stamp;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags};

use crate::error::{DatabaseError, Error, Result};
pub(crate) use checkpoints::Rare;
pub(crate) use durability::{Durability, make_commits};
pub(crate) use guests::Guests;
pub(crate) use preview::immutable;
pub(crate) use preview::journal_mode;
pub use preview::look;
pub(crate) use preview::look_with_readers;
pub(crate) use readers::Readers;
pub(crate) use replace::{
    OldPages, cut_tail, difference_of_form, is_wal, replace, settle, write_back, write_back_now,
};
pub(crate) use stamp::Stamp;

/// How long a statement waits for a lock that another connection holds.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The path of an existing database: absolute, links resolved, a regular file with something in it.
///
/// Fails where it does not exist, is no regular file, or is empty: an empty file is a legal
/// database, but never one that holds users.
pub fn existing(path: &Path) -> Result<PathBuf> {
    let absolute = path.canonicalize().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::from(DatabaseError::Missing { path: path.into() }),
        _ => Error::from(DatabaseError::Unreadable {
            path: path.into(),
            error,
        }),
    })?;
    let metadata = fs::metadata(&absolute).map_err(|error| {
        Error::from(DatabaseError::Unreadable {
            path: path.into(),
            error,
        })
    })?;
    if !metadata.is_file() {
        return Err(Error::from(DatabaseError::NotAFile { path: path.into() }));
    }
    if metadata.len() == 0 {
        return Err(Error::from(DatabaseError::Empty { path: path.into() }));
    }
    Ok(absolute)
}

/// What `SQLite` puts beside a database.
const JOURNALS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// What stands in the place of a journal is one: a pipe would hold us up for ever, and through a
/// link `SQLite` would write elsewhere.
fn require_plain_neighbours(path: &Path) -> Result<()> {
    for name in JOURNALS.map(|suffix| neighbour(path, suffix)) {
        if fs::symlink_metadata(&name).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(Error::from(DatabaseError::JournalNotAFile { path: name }));
        }
    }
    Ok(())
}

/// A journal that lies beside a database, if one does.
pub(crate) fn journal_beside(database: &Path) -> Option<PathBuf> {
    let mut names = JOURNALS
        .map(|suffix| neighbour(database, suffix))
        .into_iter();
    names.find(|name| fs::symlink_metadata(name).is_ok())
}

/// A neighbour of the database: the same path with `suffix` behind it, such as `-wal`.
#[must_use]
pub fn neighbour(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Opens the database for the deed: read-write, never created, durable commits, foreign keys on,
/// deleted content overwritten, the schema not trusted. Every setting is read back.
///
/// `path` comes from [`existing`]. Fails where the file is no database, may not be written, or a
/// setting does not take. A hot journal is rolled back by `SQLite` here, as by any writer.
pub fn open(path: &Path) -> Result<Connection> {
    require_plain_neighbours(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(Error::opening)?;
    harden(&connection)?;
    // Before the pragmas that read the file too, for it knows what to say of a file that is none.
    first_read(&connection, path)?;
    bounds::set(&connection)?;
    set(&connection, "foreign_keys", "ON", 1)?;
    set(&connection, "synchronous", "EXTRA", 3)?;
    // On Apple's systems, without these, what is synchronised is still in the memory of the disk.
    set(&connection, "fullfsync", "ON", 1)?;
    set(&connection, "checkpoint_fullfsync", "ON", 1)?;
    set(&connection, "secure_delete", "ON", 1)?;
    set(&connection, "cache_size", "-8192", -8192)?;
    if connection.is_readonly(MAIN_DB).map_err(Error::opening)? {
        return Err(Error::from(DatabaseError::ReadOnly { path: path.into() }));
    }
    Ok(connection)
}

/// What holds for every connection (<https://sqlite.org/security.html>).
fn harden(connection: &Connection) -> Result<()> {
    connection
        .busy_timeout(BUSY_TIMEOUT)
        .map_err(Error::opening)?;
    connection.set_prepared_statement_cache_capacity(256);
    for (setting, value) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
    ] {
        if connection
            .set_db_config(setting, value)
            .map_err(Error::opening)?
            != value
        {
            return Err(Error::Bug("SQLite refused a security setting"));
        }
    }
    set(connection, "cell_size_check", "ON", 1)?;
    set(connection, "automatic_index", "OFF", 0)
}

/// Sets a pragma and reads it back: `SQLite` ignores what it does not know or cannot do now.
fn set(connection: &Connection, pragma: &'static str, value: &str, expected: i64) -> Result<()> {
    let sql = format!("PRAGMA {pragma} = {value}");
    connection.execute_batch(&sql).map_err(Error::opening)?;
    let sql = format!("PRAGMA {pragma}");
    let found: i64 = connection
        .query_row(&sql, [], |row| row.get(0))
        .map_err(Error::opening)?;
    if found == expected {
        Ok(())
    } else {
        Err(Error::from(DatabaseError::Pragma {
            pragma,
            value: value.into(),
        }))
    }
}

/// `SQLite` opens lazily: the first statement finds out what the file is.
fn first_read(connection: &Connection, path: &Path) -> Result<()> {
    let sql = "SELECT count(*) FROM main.sqlite_schema";
    connection
        .query_row(sql, [], |row| row.get::<_, i64>(0))
        .map(drop)
        .map_err(|error| Error::first_read(path, error))
}

/// A number that changes whenever another connection commits, and only then
/// (<https://sqlite.org/pragma.html#pragma_data_version>).
///
/// It tells of commits that the current transaction can see: read it inside the transaction.
pub(crate) fn data_version(connection: &Connection) -> Result<i64> {
    let mut statement = connection
        .prepare_cached("PRAGMA data_version")
        .map_err(Error::surveying)?;
    statement
        .query_row([], |row| row.get(0))
        .map_err(Error::surveying)
}

/// Does `work` inside `BEGIN IMMEDIATE` … `COMMIT`; rolled back where it fails.
pub(crate) fn transaction<T>(
    connection: &Connection,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    connection
        .execute_batch("BEGIN IMMEDIATE")
        .map_err(Error::locking)?;
    match work() {
        Ok(value) => {
            let committed = commit(connection).map_err(Error::committing);
            roll_back(connection);
            committed.map(|()| value)
        }
        Err(error) => {
            roll_back(connection);
            Err(error)
        }
    }
}

/// Does `work`, which writes nothing, while nobody else can write. Readers are in nobody's way: to
/// commit even nothing would wait for them in a rollback journal mode.
pub(crate) fn without_writers<T>(
    connection: &Connection,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    connection
        .execute_batch("BEGIN IMMEDIATE")
        .map_err(Error::locking)?;
    let done = work();
    roll_back(connection);
    done
}

/// Commits. A reader in a rollback journal mode makes COMMIT answer BUSY and leaves the transaction
/// open, so it is tried again for a while (<https://sqlite.org/lang_transaction.html>).
///
/// On an error the transaction may still be open.
pub(crate) fn commit(connection: &Connection) -> std::result::Result<(), rusqlite::Error> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        let error = match connection.execute_batch("COMMIT") {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let busy = error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy);
        if busy && !connection.is_autocommit() && Instant::now() < deadline {
            sleep(Duration::from_millis(20));
            continue;
        }
        return Err(error);
    }
}

/// An error may have rolled the transaction back already
/// (<https://sqlite.org/c3ref/get_autocommit.html>).
pub(crate) fn roll_back(connection: &Connection) {
    if connection.is_autocommit() {
        return;
    }
    if let Err(error) = connection.execute_batch("ROLLBACK") {
        log::error!("could not roll back, which closing the database will do: {error}");
    }
}

/// A number that changes with the structure, whoever changes it
/// (<https://sqlite.org/pragma.html#pragma_schema_version>).
pub(crate) fn schema_version(connection: &Connection) -> Result<i64> {
    let version = connection.query_row("PRAGMA schema_version", [], |row| row.get(0));
    version.map_err(Error::surveying)
}

fn pragma<T: rusqlite::types::FromSql>(connection: &Connection, name: &str) -> Result<T> {
    let value = connection.pragma_query_value(Some("main"), name, |row| row.get(0));
    value.map_err(Error::surveying)
}
