//! How the commits of a run reach the disk (<https://sqlite.org/wal.html>).
//!
//! A `-wal` holds the commits in their order, so one sync makes all of them durable that came before:
//! several users' transactions can share it. What one run writes is more than a thousand pages, after
//! which `SQLite` would copy the `-wal` into the database, and the same pages again and again.

use std::path::Path;

use rusqlite::Connection;
use rustix::fs::statvfs;

use super::{OldPages, is_wal, pages, pragma, set, write_back_now};
use crate::error::{Error, Result};

/// When a commit is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// When it has returned.
    AtOnce,
    /// When a later one is that is durable at once. Only a `-wal` can do that.
    WithALaterOne,
}

/// Sets when the commits that follow are durable, and answers when they are. Outside a transaction.
pub(crate) fn make_commits(connection: &Connection, durability: Durability) -> Result<Durability> {
    if durability == Durability::WithALaterOne && is_wal(connection)? {
        set(connection, "synchronous", "NORMAL", 1)?;
        return Ok(Durability::WithALaterOne);
    }
    set(connection, "synchronous", "EXTRA", 3)?;
    Ok(Durability::AtOnce)
}

/// The size in bytes to which a `-wal` may grow before it is copied into the database: that of the
/// database, within these bounds. A larger one is copied less often; a smaller one is written anew where
/// the system still has it in memory.
const LARGEST: u64 = 256 << 20;
const SMALLEST: u64 = 64 << 20;

/// Pages after which `SQLite` copies it unless told otherwise.
const USUAL: u64 = 1000;

/// Rare checkpoints. Dropped, they are as usual again, and the `-wal` is as small as readers allow.
#[derive(Debug)]
pub(crate) struct Rare<'c> {
    connection: &'c Connection,
}

impl<'c> Rare<'c> {
    /// Lets the `-wal` of the database at `path` grow to the size of that, within bounds, and to a quarter of
    /// the room there is at most.
    ///
    /// Fails where the database cannot be read.
    pub(crate) fn checkpoints(connection: &'c Connection, path: &Path) -> Result<Self> {
        let rare = Self { connection };
        let page: u64 = pragma(connection, "page_size")?;
        let size = u64::from(pages::count(connection)?).saturating_mul(page);
        let room = statvfs(path.parent().unwrap_or(path))
            .map_or(0, |room| room.f_bavail.saturating_mul(room.f_frsize));
        let bytes = size.clamp(SMALLEST, LARGEST).min(room / 4);
        let pages = bytes / page.max(1);
        after_pages(connection, pages.max(USUAL))?;
        Ok(rare)
    }
}

impl Drop for Rare<'_> {
    fn drop(&mut self) {
        let usual = after_pages(self.connection, USUAL);
        // Readers are not waited for: whoever closes the database last does the same.
        let shrunk = usual.and_then(|()| write_back_now(self.connection));
        if !matches!(shrunk, Ok(OldPages::Gone)) {
            log::debug!("the `-wal` stays as large as it is: {shrunk:?}");
        }
    }
}

fn after_pages(connection: &Connection, pages: u64) -> Result<()> {
    let sql = format!("PRAGMA wal_autocheckpoint = {pages}");
    connection.execute_batch(&sql).map_err(Error::surveying)
}
