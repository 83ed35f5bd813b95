//! What is still to be done below a directory.

use rusqlite::Connection;

use super::FileRecord;
use crate::error::{Error, Result};

/// Lists by their paths the files that are still to be removed, for [`holds_beneath`]: the outbox has no
/// index by which each directory could ask it.
pub(crate) fn list_files(connection: &Connection) -> Result<()> {
    let sql = "DROP TABLE IF EXISTS temp.unremoved; \
               CREATE TEMP TABLE unremoved(root, path, PRIMARY KEY (root, path)) WITHOUT ROWID; \
               INSERT OR IGNORE INTO temp.unremoved \
               SELECT root, path FROM main._reset_app_outbox WHERE kind = 'file'";
    connection.execute_batch(sql).map_err(Error::surveying)
}

/// Whether a file that was listed is below a directory.
pub(crate) fn holds_beneath(connection: &Connection, directory: &FileRecord) -> Result<bool> {
    let (root, path) = &directory.path;
    let [from, to] = [b"/", b"0"].map(|end| [path, &end[..]].concat());
    let sql =
        "SELECT EXISTS (SELECT 1 FROM temp.unremoved WHERE root = ?1 AND path > ?2 AND path < ?3)";
    let mut statement = connection.prepare_cached(sql).map_err(Error::surveying)?;
    statement
        .query_row((root, from, to), |row| row.get(0))
        .map_err(Error::surveying)
}
