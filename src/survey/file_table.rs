//! The temporary table of files: each once, under its root and the path below it.

use std::os::unix::ffi::OsStrExt;

use rusqlite::{Connection, OptionalExtension, params};

use crate::error::{Error, Result};
use crate::roots::{Place, Roots};

/// What the survey of files knows of one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Missing = 0,
    Present = 1,
    Refused = 2,
}

/// Creates the table, and one of the users' directories.
pub(super) fn create(connection: &Connection) -> Result<()> {
    let sql = "CREATE TEMP TABLE file(root INTEGER, path BLOB, owner INTEGER NOT NULL, \
               line TEXT NOT NULL, state INTEGER NOT NULL, shared INTEGER NOT NULL DEFAULT 0, \
               PRIMARY KEY (root, path)) WITHOUT ROWID; \
               CREATE INDEX temp.file_owner ON file(owner); \
               CREATE TEMP TABLE directory(root INTEGER, path BLOB, first BLOB, last BLOB, \
               clean INTEGER NOT NULL, PRIMARY KEY (root, path)) WITHOUT ROWID;";
    connection.execute_batch(sql).map_err(Error::surveying)
}

/// A file that several users' rows name goes with the last of them. Whether it was listed.
pub(super) fn raise_owner(connection: &Connection, place: &Place, owner: i64) -> Result<bool> {
    change(connection, place, owner, "SET owner = max(owner, ?3)")
}

/// Listed anew with one user: what was known of others is out of date. Whether it was listed.
pub(super) fn renew(connection: &Connection, place: &Place, owner: i64) -> Result<bool> {
    change(
        connection,
        place,
        owner,
        "SET owner = ?3, shared = 0, state = 1",
    )
}

fn change(connection: &Connection, place: &Place, owner: i64, change: &str) -> Result<bool> {
    let sql = format!("UPDATE temp.file {change} WHERE root = ?1 AND path = ?2 RETURNING 1");
    let mut statement = connection.prepare_cached(&sql).map_err(Error::surveying)?;
    let values = params![number(place.root_index()), bytes(place), owner];
    let found: Option<i64> = statement
        .query_row(values, |row| row.get(0))
        .optional()
        .map_err(Error::surveying)?;
    Ok(found.is_some())
}

/// The least and the greatest path below a directory, in the order of bytes: computed here, because
/// `||` makes text of two blobs, and every blob is greater than any text.
pub(super) fn below(directory: &[u8]) -> (Vec<u8>, Vec<u8>) {
    ([directory, b"/"].concat(), [directory, b"0"].concat())
}

pub(super) fn insert(
    connection: &Connection,
    place: &Place,
    owner: i64,
    line: &str,
    state: State,
) -> Result<()> {
    let sql = "INSERT INTO temp.file(root, path, owner, line, state) VALUES (?1, ?2, ?3, ?4, ?5)";
    let values = params![
        number(place.root_index()),
        bytes(place),
        owner,
        line,
        state as i64
    ];
    execute(connection, sql, values)
}

pub(super) fn is_listed(connection: &Connection, place: &Place) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM temp.file WHERE root = ?1 AND path = ?2)";
    let mut statement = connection.prepare_cached(sql).map_err(Error::surveying)?;
    let values = params![number(place.root_index()), bytes(place)];
    statement
        .query_row(values, |row| row.get(0))
        .map_err(Error::surveying)
}

pub(super) fn execute(
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
) -> Result<()> {
    let mut statement = connection.prepare_cached(sql).map_err(Error::surveying)?;
    statement
        .execute(values)
        .map_err(Error::surveying)
        .map(drop)
}

/// An index as `SQLite` holds it.
pub(crate) fn number(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

pub(super) fn bytes(place: &Place) -> &[u8] {
    place.relative().as_os_str().as_bytes()
}

/// The places that a query of `root` and `path` finds.
pub(super) fn places(
    roots: &Roots,
    connection: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
) -> Result<Vec<Place>> {
    let mut statement = connection.prepare(sql).map_err(Error::surveying)?;
    let mut rows = statement.query(values).map_err(Error::surveying)?;
    let mut places = Vec::new();
    while let Some(row) = rows.next().map_err(Error::surveying)? {
        let root: i64 = row.get(0).map_err(Error::surveying)?;
        let path: Vec<u8> = row.get(1).map_err(Error::surveying)?;
        places.extend(
            roots
                .place_at(usize::try_from(root).unwrap_or(usize::MAX), &path)
                .ok(),
        );
    }
    Ok(places)
}
