//! Which recorded files rows name, asked under the write lock.

use std::os::unix::ffi::OsStrExt;

use rusqlite::{OptionalExtension, params};

use super::Drain;
use super::files::BATCH;
use crate::database::data_version;
use crate::error::{Error, Result};
use crate::outbox::{self, Kind};
use crate::roots::Place;
use crate::survey::{Doubts, NAMED, NamingRows, mark_shared, number};

/// What rows say of the recorded files, as of one state of the database.
#[derive(Debug)]
pub(super) struct Names {
    version: i64,
    doubts: Doubts,
}

/// Whether a row names a file.
pub(super) enum Naming {
    Nothing,
    Row,
    /// One may, for this reason.
    InDoubt(String),
}

impl Drain<'_> {
    /// Marks which recorded files rows name: once, and again whenever another connection has
    /// committed since. Inside a transaction that holds the write lock.
    pub(super) fn refresh_names(&self, names: Option<Names>) -> Result<Names> {
        let version = data_version(self.connection)?;
        match names {
            Some(names) if names.version == version => return Ok(names),
            Some(_) => self.run("UPDATE temp.pending SET shared = 0")?,
            None => self.list_pending()?,
        }
        let doubts = mark_shared(
            self.connection,
            self.sources,
            self.roots,
            "temp.pending",
            NamingRows::All,
        )?;
        Ok(Names { version, doubts })
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

    pub(super) fn naming(&self, place: &Place, names: &Names) -> Result<Naming> {
        let sql = "SELECT shared FROM temp.pending WHERE root = ?1 AND path = ?2";
        let mut statement = self
            .connection
            .prepare_cached(sql)
            .map_err(Error::surveying)?;
        let values = params![
            number(place.root_index()),
            place.relative().as_os_str().as_bytes()
        ];
        let shared: Option<i64> = statement
            .query_row(values, |row| row.get(0))
            .optional()
            .map_err(Error::surveying)?;
        Ok(match shared {
            None | Some(0) => Naming::Nothing,
            Some(NAMED) => Naming::Row,
            Some(_) => Naming::InDoubt(names.doubts.about(place.relative()).unwrap_or_default()),
        })
    }

    fn run(&self, sql: &str) -> Result<()> {
        self.connection.execute_batch(sql).map_err(Error::surveying)
    }
}
