//! Which recorded files rows name, asked under the write lock.

use std::os::unix::ffi::OsStrExt;

use rusqlite::params;

use super::Drain;
use super::files::BATCH;
use crate::database::data_version;
use crate::error::{Error, Result};
use crate::outbox::{self, Kind};
use crate::roots::Place;
use crate::survey::{NamingRows, mark_shared, number};

impl Drain<'_> {
    /// Marks which recorded files rows name: once, and again whenever another connection has
    /// committed since. Inside a transaction that holds the write lock.
    pub(super) fn refresh_names(&self, named: &mut Option<i64>) -> Result<()> {
        let version = data_version(self.connection)?;
        if *named == Some(version) {
            return Ok(());
        }
        if named.is_none() {
            self.list_pending()?;
        } else {
            self.run("UPDATE temp.pending SET shared = 0")?;
        }
        mark_shared(
            self.connection,
            self.sources,
            self.roots,
            "temp.pending",
            NamingRows::All,
        )?;
        *named = Some(version);
        Ok(())
    }

    fn list_pending(&self) -> Result<()> {
        self.run("DROP TABLE IF EXISTS temp.pending")?;
        self.run(
            "CREATE TEMP TABLE pending(root INTEGER, path BLOB, shared INTEGER NOT NULL DEFAULT 0, \
             PRIMARY KEY (root, path)) WITHOUT ROWID",
        )?;
        let sql = "INSERT OR IGNORE INTO temp.pending(root, path) VALUES (?1, ?2)";
        let mut insert = self.connection.prepare(sql).map_err(Error::surveying)?;
        let mut after = 0;
        loop {
            let batch = outbox::paths(self.connection, Kind::File, after, BATCH)?;
            let Some(last) = batch.last() else {
                return Ok(());
            };
            after = last.id;
            for place in batch
                .iter()
                .filter_map(|record| record.place(self.roots).ok())
            {
                let values = params![
                    number(place.root_index()),
                    place.relative().as_os_str().as_bytes()
                ];
                insert.execute(values).map_err(Error::surveying)?;
            }
        }
    }

    pub(super) fn is_named(&self, place: &Place) -> Result<bool> {
        let sql =
            "SELECT EXISTS (SELECT 1 FROM temp.pending WHERE root = ?1 AND path = ?2 AND shared)";
        let mut statement = self
            .connection
            .prepare_cached(sql)
            .map_err(Error::surveying)?;
        let values = params![
            number(place.root_index()),
            place.relative().as_os_str().as_bytes()
        ];
        statement
            .query_row(values, |row| row.get(0))
            .map_err(Error::surveying)
    }

    fn run(&self, sql: &str) -> Result<()> {
        self.connection.execute_batch(sql).map_err(Error::surveying)
    }
}
