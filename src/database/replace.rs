//! Replacing the whole content of the live database by that of another, the image; single pages are
//! in [`pages`](super::pages).
//!
//! `SQLite`'s backup API writes the pages of the image over those of the live file, in one transaction
//! of the live database: whoever has it open sees the old content or the new, and stays on the same
//! file. Killed anywhere, the journal or the `-wal` decides which of the two it is.
//!
//! | live database | who is waited for | where old pages may be left, and until when |
//! |---|---|---|
//! | rollback journal | readers and writers | behind the new end of the file, if a crash comes between the commit and the cut: see [`cut_tail`] |
//! | WAL | writers | in the file and the `-wal`, as long as a reader of the old content holds up the checkpoint |

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::{BUSY_TIMEOUT, pragma, transaction};
use crate::error::{DatabaseError, Error, Result};

/// Where the old content is once it has been replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OldPages {
    /// No byte of it is in the database file or its journals.
    Gone,
    /// A reader that began before the replacement still holds it: the checkpoint that overwrites it
    /// comes when that reader has ended.
    HeldByReader,
}

/// Makes `image` the content of `live`, durably, and overwrites or cuts off every old page as far as
/// no reader stands in the way. The live journal mode is kept; the schema version goes up.
///
/// `live` comes from [`open`](super::open) and is in no transaction, and none of its statements is
/// under way; `image` has its page size and encoding, and is in no write transaction. What `live`
/// holds in temporary tables stays.
///
/// Fails where another program holds the database for longer than the busy timeout, or where the
/// image cannot take its place; the old content is then complete.
pub(crate) fn replace(live: &mut Connection, image: &Connection) -> Result<OldPages> {
    require_alike(live, image)?;
    match Backup::new(image, live).and_then(|backup| backup.step(-1)) {
        Ok(StepResult::Done) => settle(live),
        Ok(StepResult::Busy | StepResult::Locked) => Err(held(live)),
        Ok(_) => Err(Error::Bug("a backup of all pages was not done in one step")),
        Err(error) => Err(Error::replacing(error)),
    }
}

/// Cuts off what lies behind the end of the database in its file: a crash between the commit of a
/// replacement and the cut leaves old pages there. Does nothing where nothing does.
///
/// `path` is the file of `live`, which is in no transaction. Fails as [`replace`] does.
pub(crate) fn cut_tail(live: &mut Connection, path: &Path) -> Result<()> {
    if is_wal(live)? {
        return settle(live).map(drop);
    }
    let unreadable = |error| {
        Error::from(DatabaseError::Unreadable {
            path: path.into(),
            error,
        })
    };
    let pages = pragma::<u64>(live, "page_count")? * pragma::<u64>(live, "page_size")?;
    if std::fs::metadata(path).map_err(unreadable)?.len() <= pages {
        return Ok(());
    }
    log::debug!("old pages lie behind the end of the database, and are cut off");
    // Nobody may write between the two copies: in this mode a lock outlives its transaction.
    lock_mode(live, "EXCLUSIVE")?;
    let cut = transaction(live, || Ok(())).and_then(|()| {
        let mut copy = Connection::open_in_memory().map_err(Error::replacing)?;
        let copied = Backup::new(live, &mut copy).and_then(|backup| backup.step(-1));
        copied.map_err(Error::replacing)?;
        replace(live, &copy)
    });
    lock_mode(live, "NORMAL")?;
    cut.map(drop)
}

const WAL: &str = "wal";

/// The first of page size and encoding that is not alike in both, and what it is in each.
pub(crate) fn difference_of_form(
    live: &Connection,
    image: &Connection,
) -> Result<Option<(&'static str, String, String)>> {
    for what in ["page_size", "encoding"] {
        let (ours, theirs) = (pragma_text(live, what)?, pragma_text(image, what)?);
        if ours != theirs {
            return Ok(Some((what, ours, theirs)));
        }
    }
    Ok(None)
}

/// What the backup API would refuse late, or carry over silently.
fn require_alike(live: &Connection, image: &Connection) -> Result<()> {
    if let Some((what, ours, theirs)) = difference_of_form(live, image)? {
        return Err(Error::from(DatabaseError::Unlike { what, ours, theirs }));
    }
    // The mode stands in the first page, which is copied (<https://sqlite.org/fileformat2.html>).
    let (ours, theirs) = (journal_mode(live)?, journal_mode(image)?);
    if theirs == WAL && ours != WAL {
        let what = "journal_mode";
        return Err(Error::from(DatabaseError::Unlike { what, ours, theirs }));
    }
    Ok(())
}

/// Writes the `-wal` back and empties it, which overwrites the old content, where there is one. A
/// reader is waited for, and that is said.
pub(crate) fn write_back(live: &Connection) -> Result<OldPages> {
    if write_back_now(live)? == OldPages::Gone {
        return Ok(OldPages::Gone);
    }
    log::warn!(
        "another program still reads the old content; its end is waited for, {} s at most",
        BUSY_TIMEOUT.as_secs()
    );
    checkpoint(live)
}

/// As [`write_back`], and waits for nobody.
pub(crate) fn write_back_now(live: &Connection) -> Result<OldPages> {
    if !is_wal(live)? {
        return Ok(OldPages::Gone);
    }
    let timeout = |timeout| live.busy_timeout(timeout).map_err(Error::replacing);
    timeout(Duration::ZERO)?;
    let written = checkpoint(live);
    timeout(BUSY_TIMEOUT)?;
    written
}

fn checkpoint(live: &Connection) -> Result<OldPages> {
    let busy = live.query_row("PRAGMA main.wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
    Ok(if busy.map_err(Error::replacing)? {
        OldPages::HeldByReader
    } else {
        OldPages::Gone
    })
}

/// Ends the old content. After a commit with a rollback journal the file was cut, but that is only
/// durable with a sync, which the next commit makes; a `-wal` is written back and emptied.
pub(crate) fn settle(live: &Connection) -> Result<OldPages> {
    if is_wal(live)? {
        return write_back(live);
    }
    transaction(live, || {
        let version: i64 = pragma(live, "user_version")?;
        live.pragma_update(Some("main"), "user_version", version)
            .map_err(Error::replacing)
    })?;
    Ok(OldPages::Gone)
}

fn lock_mode(live: &Connection, mode: &str) -> Result<()> {
    // The read gives up a lock that the mode no longer holds.
    let sql =
        format!("PRAGMA main.locking_mode = {mode}; SELECT count(*) FROM main.sqlite_schema;");
    live.execute_batch(&sql).map_err(Error::locking)
}

fn held(live: &Connection) -> Error {
    let path = live.path().unwrap_or_default().into();
    Error::from(DatabaseError::Held { path })
}

/// Whether the journal is a `-wal`.
pub(crate) fn is_wal(connection: &Connection) -> Result<bool> {
    Ok(journal_mode(connection)? == WAL)
}

fn journal_mode(connection: &Connection) -> Result<String> {
    pragma(connection, "journal_mode")
}

/// A pragma's value as text, whatever it is.
fn pragma_text(connection: &Connection, name: &str) -> Result<String> {
    use rusqlite::types::Value;
    Ok(match pragma(connection, name)? {
        Value::Text(text) => text,
        Value::Integer(number) => number.to_string(),
        _ => String::new(),
    })
}

#[cfg(test)]
mod tests;
