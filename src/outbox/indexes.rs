//! Indexes that are made or missing for the sake of a run, until it ends.

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::{Kind, insert};
use crate::error::{Error, Result};

/// What a run changes about the indexes (invariant 8).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IndexChanges {
    /// Names of indexes that it makes.
    pub(crate) made: Vec<String>,
    /// Indexes that it drops.
    pub(crate) dropped: Vec<DroppedIndex>,
}

/// An index as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DroppedIndex {
    pub(crate) name: String,
    pub(crate) table: String,
    /// As `sqlite_schema` holds it.
    pub(crate) sql: String,
    /// What `sqlite_stat1` says of it, row by row.
    pub(crate) statistics: Vec<Option<String>>,
}

/// Records changes, in the transaction that makes them.
pub(crate) fn add_indexes(
    connection: &Connection,
    run: &str,
    changes: &IndexChanges,
) -> Result<()> {
    let detail =
        serde_json::to_string(changes).map_err(|_| Error::Bug("a list of indexes is not JSON"))?;
    insert(connection, run, Kind::Indexes, None, |row| {
        row.detail = Some(detail);
    })
}

/// The changes recorded, the last first, each with its outbox row.
pub(crate) fn indexes(connection: &Connection) -> Result<Vec<(i64, IndexChanges)>> {
    let sql = "SELECT id, detail FROM main._reset_app_outbox WHERE kind = ?1 ORDER BY id DESC";
    let mut statement = connection.prepare(sql).map_err(Error::surveying)?;
    let rows = statement
        .query_map(params![Kind::Indexes.name()], |row| {
            Ok((row.get(0)?, row.get::<_, String>(1)?))
        })
        .map_err(Error::surveying)?;
    let parse = |row: rusqlite::Result<(i64, String)>| {
        let (id, detail) = row.map_err(|_| Error::OutboxRow)?;
        let changes = serde_json::from_str(&detail).map_err(|_| Error::OutboxRow)?;
        Ok((id, changes))
    };
    rows.map(parse).collect()
}
