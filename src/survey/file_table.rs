//! The temporary table of files: each once, under its root and the path below it.

use std::os::unix::ffi::OsStrExt;

use rusqlite::{Connection, params};

use crate::error::{Error, Result};
use crate::roots::{Place, Roots};

/// What the survey of files knows of one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Missing = 0,
    Present = 1,
    Refused = 2,
}

/// Creates the table, one of the users' directories, and one of users who share theirs.
pub(super) fn create(connection: &Connection) -> Result<()> {
    let sql = "CREATE TEMP TABLE file(root INTEGER, path BLOB, owner INTEGER NOT NULL, \
               line TEXT NOT NULL, state INTEGER NOT NULL, shared INTEGER NOT NULL DEFAULT 0, \
               PRIMARY KEY (root, path)) WITHOUT ROWID; \
               CREATE INDEX temp.file_owner ON file(owner); \
               CREATE TEMP TABLE directory(root INTEGER, path BLOB, first BLOB, last BLOB, \
               clean INTEGER NOT NULL, PRIMARY KEY (root, path)) WITHOUT ROWID; \
               CREATE TEMP TABLE namesake(of TEXT, value BLOB, stays INTEGER NOT NULL, last INTEGER, \
               PRIMARY KEY (of, value)) WITHOUT ROWID;";
    connection.execute_batch(sql).map_err(Error::surveying)
}

/// Lists a file, as present. One that several users' rows name goes with the last of them. Whether it
/// was listed before.
pub(super) fn list_or_raise_owner(
    connection: &Connection,
    place: &Place,
    owner: i64,
    line: &str,
) -> Result<bool> {
    let raise = "owner = max(owner, ?3)";
    Ok(!list(connection, place, owner, line)? && change(connection, place, owner, raise)?)
}

/// The same, anew with one user: what was known of others is out of date.
pub(super) fn list_or_renew(
    connection: &Connection,
    place: &Place,
    owner: i64,
    line: &str,
) -> Result<bool> {
    let renew = "owner = ?3, shared = 0, state = 1";
    Ok(!list(connection, place, owner, line)? && change(connection, place, owner, renew)?)
}

/// What stands there after all.
pub(super) fn set_state(connection: &Connection, place: &Place, state: State) -> Result<()> {
    change(connection, place, state as i64, "state = ?3").map(drop)
}

fn change(connection: &Connection, place: &Place, value: i64, change: &str) -> Result<bool> {
    let sql = format!("UPDATE temp.file SET {change} WHERE root = ?1 AND path = ?2");
    let values = params![number(place.root_index()), bytes(place), value];
    Ok(execute(connection, &sql, values)? > 0)
}

/// The least and the greatest path below a directory, in the order of bytes: computed here, because
/// `||` makes text of two blobs, and every blob is greater than any text.
pub(super) fn below(directory: &[u8]) -> (Vec<u8>, Vec<u8>) {
    ([directory, b"/"].concat(), [directory, b"0"].concat())
}

/// Lists a file as present, if it is not listed yet. Whether it was not.
pub(super) fn list(connection: &Connection, place: &Place, owner: i64, line: &str) -> Result<bool> {
    let sql = "INSERT OR IGNORE INTO temp.file(root, path, owner, line, state) VALUES (?1, ?2, ?3, ?4, ?5)";
    let present = State::Present as i64;
    let values = params![
        number(place.root_index()),
        bytes(place),
        owner,
        line,
        present
    ];
    Ok(execute(connection, sql, values)? > 0)
}

/// As a walk asks it. Where it cannot be asked, whoever is then told of the file asks again, and fails.
pub(super) fn is_known(connection: &Connection) -> impl Fn(&Place) -> bool {
    |place| is_listed(connection, place).unwrap_or(false)
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
) -> Result<usize> {
    let mut statement = connection.prepare_cached(sql).map_err(Error::surveying)?;
    statement.execute(values).map_err(Error::surveying)
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
