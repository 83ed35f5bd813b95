//! How the commits of a run reach the disk (<https://sqlite.org/wal.html>).
//!
//! A `-wal` holds the commits in their order, so one sync makes all of them durable that came before:
//! several users' transactions can share it.

use rusqlite::Connection;

use super::{is_wal, set};
use crate::error::Result;

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
