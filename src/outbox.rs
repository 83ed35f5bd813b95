//! The outbox: what is still to do after a commit, committed together with it (invariant 3).
//!
//! A table in the application's own database, the only place that is atomic with the deletion of
//! rows in every journal mode. It is made by the transaction of a run's first user and dropped when
//! it is empty. Its definition is plain SQL, because the application's `SQLite` may be old.

mod beneath;
mod indexes;
mod path;
mod record;

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::{Error, Result};
use crate::roots::{self, Identity, Place};
use crate::user::UserKey;
pub(crate) use beneath::{holds_beneath, list_files};
pub(crate) use indexes::{DroppedIndex, IndexChanges, add_indexes, indexes};
pub use path::FileRecord;
pub(crate) use path::{files_up_to, paths, shown_path};
pub(crate) use record::run_name;
pub use record::{KeysRecord, ResetRecord, RunRecord, SnapshotRecord, TrailRecord};

/// The outbox's name in the database.
pub const TABLE: &str = "_reset_app_outbox";

/// In the place of a number, says that the bytes beside it are a binary key, and no text.
const BINARY: &str = "blob";

/// Its definition, which `sqlite_schema` must hold to the byte.
const DEFINITION: &str = "CREATE TABLE _reset_app_outbox(\
id INTEGER PRIMARY KEY, run TEXT NOT NULL, kind TEXT NOT NULL, position INTEGER, \
root BLOB, path BLOB, identity TEXT, detail TEXT)";

/// Evidence that a commit which deletes rows is durable (invariant 2). Only a commit, or an outbox
/// found in the database (which only a commit can have left there), makes one; removing files and
/// Redis keys demands it.
#[derive(Clone, Debug)]
pub struct Erased(pub(crate) ());

/// What is recorded of a user whose rows are gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// The outbox row.
    pub id: i64,
    /// The run that erased the user.
    pub run: String,
    /// The user's key; none for rows that nobody owned.
    pub key: Option<UserKey>,
    /// The audit line, finished but for the files.
    pub detail: String,
}

/// What an outbox row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The run.
    Run,
    /// A user's Redis keys and audit line.
    User,
    /// A file.
    File,
    /// A directory, removed only when empty.
    Directory,
    /// The file that holds the environment, which goes last.
    Environment,
    /// What the run has changed about indexes, to be undone.
    Indexes,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::User => "user",
            Self::File => "file",
            Self::Directory => "directory",
            Self::Environment => "environment",
            Self::Indexes => "indexes",
        }
    }
}

/// Whether the database holds an outbox of ours.
///
/// Fails where a table of that name is not ours: what another program left there is not to be done.
pub fn exists(connection: &Connection) -> Result<bool> {
    let sql = "SELECT sql FROM main.sqlite_schema WHERE lower(name) = ?1";
    let mut statement = connection.prepare_cached(sql).map_err(Error::surveying)?;
    let found: Option<Option<String>> = statement
        .query_row([TABLE], |row| row.get(0))
        .optional()
        .map_err(Error::surveying)?;
    let others =
        "SELECT count(*) FROM main.sqlite_schema WHERE lower(tbl_name) = ?1 AND lower(name) <> ?1";
    let mut statement = connection
        .prepare_cached(others)
        .map_err(Error::surveying)?;
    let dependents: i64 = statement
        .query_row([TABLE], |row| row.get(0))
        .map_err(Error::surveying)?;
    match found {
        None => Ok(false),
        Some(Some(sql)) if sql == DEFINITION && dependents == 0 => Ok(true),
        Some(_) => Err(Error::ForeignOutbox),
    }
}

/// Records the run, making the outbox if there is none. Inside the first transaction of a run.
pub(crate) fn begin(connection: &Connection, run: &RunRecord) -> Result<()> {
    if exists(connection)? {
        let sql =
            "SELECT EXISTS (SELECT 1 FROM main._reset_app_outbox WHERE kind = 'run' AND run = ?1)";
        let mut statement = connection.prepare_cached(sql).map_err(Error::surveying)?;
        let recorded = statement.query_row([&run.run], |row| row.get(0));
        if recorded.map_err(Error::surveying)? {
            return Ok(());
        }
    } else {
        connection
            .execute_batch(DEFINITION)
            .map_err(Error::erasing)?;
    }
    let detail = serde_json::to_string(run).map_err(|_| Error::Bug("a run record is not JSON"))?;
    insert(connection, &run.run, Kind::Run, None, |row| {
        row.detail = Some(detail);
    })
}

/// Records how many users a run has erased, which is a commit if nothing else is.
pub(crate) fn record_progress(connection: &Connection, run: &str, users: u64) -> Result<()> {
    let sql = "UPDATE main._reset_app_outbox SET position = ?2 WHERE kind = 'run' AND run = ?1";
    connection
        .execute(sql, params![run, users])
        .map_err(Error::erasing)
        .map(drop)
}

/// Records a user, in the transaction that deletes the user's rows. `detail` is the audit line.
pub(crate) fn add_user(
    connection: &Connection,
    run: &str,
    position: i64,
    key: Option<&UserKey>,
    detail: String,
) -> Result<()> {
    insert(connection, run, Kind::User, Some(position), |row| {
        row.detail = Some(detail);
        match key {
            Some(key @ UserKey::Integer(_)) => row.identity = Some(key.to_string()),
            Some(UserKey::Text(text)) => row.path = Some(text.clone()),
            Some(UserKey::Blob(bytes)) => {
                row.identity = Some(BINARY.into());
                row.path = Some(bytes.clone());
            }
            None => {}
        }
    })
}

/// Records a file, or a directory, in the transaction that deletes the rows naming it.
pub(crate) fn add_path(
    connection: &Connection,
    run: &str,
    position: i64,
    place: &Place,
    identity: &Identity,
    line: &str,
) -> Result<()> {
    let kind = match identity.kind {
        roots::Kind::Directory => Kind::Directory,
        _ => Kind::File,
    };
    add_place(connection, (run, kind, position), place, identity, line)
}

/// Records the file that holds the environment, which goes after everything else.
pub(crate) fn add_environment(
    connection: &Connection,
    run: &str,
    place: &Place,
    identity: &Identity,
) -> Result<()> {
    add_place(connection, (run, Kind::Environment, 0), place, identity, "")
}

fn add_place(
    connection: &Connection,
    (run, kind, position): (&str, Kind, i64),
    place: &Place,
    identity: &Identity,
    line: &str,
) -> Result<()> {
    insert(connection, run, kind, Some(position), |row| {
        row.root = Some(bytes(place.root_name()));
        row.path = Some(bytes(place.relative()));
        row.identity = Some(identity.to_string());
        row.detail = Some(line.to_owned());
    })
}

fn bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_vec()
}

#[derive(Default)]
struct NewRow {
    root: Option<Vec<u8>>,
    path: Option<Vec<u8>>,
    identity: Option<String>,
    detail: Option<String>,
}

fn insert(
    connection: &Connection,
    run: &str,
    kind: Kind,
    position: Option<i64>,
    fill: impl FnOnce(&mut NewRow),
) -> Result<()> {
    let mut row = NewRow::default();
    fill(&mut row);
    let sql = "INSERT INTO main._reset_app_outbox(run, kind, position, root, path, identity, detail) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let mut statement = connection.prepare_cached(sql).map_err(Error::erasing)?;
    let values = params![
        run,
        kind.name(),
        position,
        row.root,
        row.path,
        row.identity,
        row.detail
    ];
    statement.execute(values).map_err(Error::erasing).map(drop)
}

/// The runs recorded, oldest first.
pub fn runs(connection: &Connection) -> Result<Vec<RunRecord>> {
    let sql = "SELECT detail FROM main._reset_app_outbox WHERE kind = 'run' ORDER BY id";
    let mut statement = connection.prepare(sql).map_err(Error::surveying)?;
    let details = statement
        .query_map([], |row| row.get::<_, String>(0))
        .map_err(Error::surveying)?;
    let parse = |detail: rusqlite::Result<String>| {
        let detail = detail.map_err(|_| Error::OutboxRow)?;
        serde_json::from_str(&detail).map_err(|_| Error::OutboxRow)
    };
    details.map(parse).collect()
}

/// How many users and files are recorded.
pub fn pending(connection: &Connection) -> Result<(u64, u64)> {
    let sql = "SELECT count(*) FILTER (WHERE kind = 'user'), count(*) FILTER (WHERE kind IN ('file', 'directory')) \
               FROM main._reset_app_outbox";
    let row = connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)));
    row.map_err(Error::surveying)
}

/// Whether a complete reset is among the runs recorded.
pub(crate) fn holds_reset(connection: &Connection) -> Result<bool> {
    Ok(exists(connection)? && runs(connection)?.iter().any(|run| run.reset.is_some()))
}

/// Up to `limit` recorded users after the row `after`.
pub(crate) fn users(connection: &Connection, after: i64, limit: usize) -> Result<Vec<UserRecord>> {
    let sql = "SELECT id, run, identity, path, detail FROM main._reset_app_outbox \
               WHERE kind = 'user' AND id > ?1 ORDER BY id LIMIT ?2";
    collect(connection, sql, params![after, limit_of(limit)], |row| {
        let identity: Option<String> = row.get(2)?;
        let bytes: Option<Vec<u8>> = row.get(3)?;
        let key = match (identity.as_deref(), bytes) {
            (Some(BINARY), Some(bytes)) => Some(UserKey::Blob(bytes)),
            (None, Some(bytes)) => Some(UserKey::Text(bytes)),
            (number, _) => { number }
                .and_then(|number| number.parse().ok())
                .map(UserKey::Integer),
        };
        Ok(UserRecord {
            id: row.get(0)?,
            run: row.get(1)?,
            key,
            detail: row.get(4)?,
        })
    })
}

fn limit_of(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

fn collect<T>(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
    read: impl FnMut(&Row) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let mut statement = connection.prepare_cached(sql).map_err(Error::surveying)?;
    let rows = statement
        .query_map(values, read)
        .map_err(Error::surveying)?;
    rows.collect::<Result<_, _>>().map_err(|_| Error::OutboxRow)
}

/// Whether the user at `position` of `run` is recorded: the token of a commit that answered with
/// an error.
pub(crate) fn holds_user(connection: &Connection, run: &str, position: i64) -> Result<bool> {
    if !exists(connection)? {
        return Ok(false);
    }
    let sql = "SELECT EXISTS (SELECT 1 FROM main._reset_app_outbox \
               WHERE kind = 'user' AND run = ?1 AND position = ?2)";
    connection
        .query_row(sql, params![run, position], |row| row.get(0))
        .map_err(Error::surveying)
}

/// Whether a user of this key is recorded: an interrupted run has deleted the user's rows.
pub(crate) fn names_user(connection: &Connection, key: &str) -> Result<bool> {
    if !exists(connection)? {
        return Ok(false);
    }
    let sql = "SELECT EXISTS (SELECT 1 FROM main._reset_app_outbox \
               WHERE kind = 'user' AND (identity = ?1 OR path = ?2 OR (identity = ?3 AND path = ?4)))";
    let values = params![key, key.as_bytes(), BINARY, UserKey::binary(key)];
    connection
        .query_row(sql, values, |row| row.get(0))
        .map_err(Error::surveying)
}

/// Takes rows out: what they stood for is done, durably.
pub(crate) fn remove(connection: &Connection, ids: impl IntoIterator<Item = i64>) -> Result<()> {
    let sql = "DELETE FROM main._reset_app_outbox WHERE id = ?1";
    let mut statement = connection.prepare_cached(sql).map_err(Error::erasing)?;
    for id in ids {
        statement.execute([id]).map_err(Error::erasing)?;
    }
    Ok(())
}

/// Takes every user out: their keys are cleared and their audit lines written, durably.
pub(crate) fn remove_users(connection: &Connection) -> Result<()> {
    let sql = "DELETE FROM main._reset_app_outbox WHERE kind = 'user'";
    connection
        .execute(sql, [])
        .map_err(Error::erasing)
        .map(drop)
}

/// Drops the outbox if nothing but runs is left in it. Inside a transaction. Whether it did.
pub(crate) fn drop_if_done(connection: &Connection) -> Result<bool> {
    let sql = "SELECT NOT EXISTS (SELECT 1 FROM main._reset_app_outbox WHERE kind <> 'run')";
    let done: bool = connection
        .query_row(sql, [], |row| row.get(0))
        .map_err(Error::surveying)?;
    if done {
        connection
            .execute_batch("DROP TABLE main._reset_app_outbox")
            .map_err(Error::erasing)?;
    }
    Ok(done)
}
