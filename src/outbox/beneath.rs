//! What is still to be done below a directory.

use rusqlite::Connection;

use super::FileRecord;
use crate::error::{Error, Result};

/// Whether a file is still to be removed below a directory.
pub(crate) fn holds_beneath(connection: &Connection, directory: &FileRecord) -> Result<bool> {
    let (root, path) = &directory.path;
    let below = [path, &b"/"[..]].concat();
    let sql = "SELECT EXISTS (SELECT 1 FROM main._reset_app_outbox \
               WHERE kind = 'file' AND root = ?1 AND substr(path, 1, ?2) = ?3)";
    let mut statement = connection.prepare_cached(sql).map_err(Error::surveying)?;
    let length = i64::try_from(below.len()).unwrap_or(i64::MAX);
    statement
        .query_row((root, length, below), |row| row.get(0))
        .map_err(Error::surveying)
}
