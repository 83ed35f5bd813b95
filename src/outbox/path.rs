//! Files and directories of the outbox.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};

use super::{Kind, collect, limit_of};
use crate::error::Result;
use crate::roots::{Identity, Place, Refusal, Roots, shown};

/// A file that is to go.
#[derive(Clone, Debug)]
pub struct FileRecord {
    /// The outbox row, also its name in the quarantine.
    pub id: i64,
    /// The run whose quarantine takes it.
    pub run: String,
    /// The root's name and the path below it, as stored: to pass the gate again.
    pub path: (Vec<u8>, Vec<u8>),
    /// What stood there when the user was erased.
    pub identity: Identity,
    /// The summary line it counts for.
    pub line: String,
}

impl FileRecord {
    /// The place it names, through the gate.
    ///
    /// Fails as [`Roots::restore`] does.
    pub(crate) fn place(&self, roots: &Roots) -> std::result::Result<Place, Refusal> {
        let (root, path) = &self.path;
        roots.restore(Path::new(OsStr::from_bytes(root)), path)
    }
}

/// Up to `limit` recorded files, or directories, after the row `after`.
///
/// Fails where a row is not of the form this program writes.
pub(crate) fn paths(
    connection: &Connection,
    kind: Kind,
    after: i64,
    limit: usize,
) -> Result<Vec<FileRecord>> {
    let sql = format!(
        "SELECT id, run, root, path, identity, detail FROM main._reset_app_outbox \
         WHERE kind = '{}' AND id > ?1 ORDER BY id LIMIT ?2",
        kind.name()
    );
    collect(
        connection,
        &sql,
        params![after, limit_of(limit)],
        file_record,
    )
}

/// The same, of the files of one run's users up to a position.
pub(crate) fn files_up_to(
    connection: &Connection,
    (run, position): (&str, i64),
    after: i64,
    limit: usize,
) -> Result<Vec<FileRecord>> {
    let sql = "SELECT id, run, root, path, identity, detail FROM main._reset_app_outbox \
               WHERE kind = 'file' AND run = ?3 AND position <= ?4 AND id > ?1 ORDER BY id LIMIT ?2";
    let values = params![after, limit_of(limit), run, position];
    collect(connection, sql, values, file_record)
}

fn file_record(row: &Row) -> rusqlite::Result<FileRecord> {
    let identity: String = row.get(4)?;
    Ok(FileRecord {
        id: row.get(0)?,
        run: row.get(1)?,
        path: (blob(row, 2)?, blob(row, 3)?),
        identity: identity
            .parse()
            .map_err(|_| rusqlite::Error::InvalidQuery)?,
        line: row.get(5)?,
    })
}

fn blob(row: &Row, column: usize) -> rusqlite::Result<Vec<u8>> {
    match row.get_ref(column)? {
        ValueRef::Blob(bytes) => Ok(bytes.to_vec()),
        _ => Err(rusqlite::Error::InvalidQuery),
    }
}

/// A recorded path as a person reads it.
pub(crate) fn shown_path(record: &FileRecord) -> String {
    let (root, path) = &record.path;
    let whole = Path::new(OsStr::from_bytes(root)).join(OsStr::from_bytes(path));
    shown(&whole)
}
