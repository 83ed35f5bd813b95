//! The rows of a snapshot: a copy of the database, made by `SQLite` alone.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::blob;
use super::error::SnapshotError;
use super::intent;
use super::meta::{self, AboutDatabase};
use super::pages;
use super::place::{Archive, access, saving};
use crate::database::{self, BUSY_TIMEOUT};
use crate::error::{Error, Result};
use crate::outbox::{self, Erased, RunRecord};
use crate::target::Target;

/// Fails where an interrupted run has left work: a snapshot of half a run is of no use.
pub(super) fn require_finished(target: &Target, connection: &Connection) -> Result<()> {
    match unfinished_restore(target, connection)? {
        Some(name) => Err(SnapshotError::UnfinishedRestore { name }.into()),
        None if outbox::exists(connection)? => Err(SnapshotError::Unfinished.into()),
        None => Ok(()),
    }
}

/// The snapshot whose restore was interrupted, if one was.
pub(crate) fn unfinished_restore(
    target: &Target,
    connection: &Connection,
) -> Result<Option<String>> {
    let mut runs: Vec<RunRecord> = intent::of(target)?.into_iter().collect();
    if outbox::exists(connection)? {
        runs.extend(outbox::runs(connection)?);
    }
    let snapshot = runs.into_iter().rev().find_map(|run| run.snapshot);
    Ok(snapshot.map(|snapshot| snapshot.name))
}

/// Copies the database in one view of it. Another connection of this process may hold the write
/// lock, and keep the rows as they are, but may have written nothing.
pub(super) fn copy(database: &Path, copy: &Path) -> Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(database, flags).map_err(Error::opening)?;
    source.busy_timeout(BUSY_TIMEOUT).map_err(Error::opening)?;
    let mut made = Connection::open(copy).map_err(copying)?;
    // The copy is whole only once the snapshot has its name: until then no journal protects it.
    made.pragma_update(None, "journal_mode", "OFF")
        .map_err(copying)?;
    let backup = Backup::new(&source, &mut made).map_err(copying)?;
    match backup.step(-1).map_err(copying)? {
        StepResult::Done => Ok(()),
        StepResult::Busy | StepResult::Locked => {
            Err(Error::locking(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
                None,
            )))
        }
        _ => Err(Error::Bug("a backup of all pages was not done in one step")),
    }
}

/// Checks the copy, makes it durable, and describes it. Answers the digests of its pages, too.
pub(super) fn finish_copy(copy: &Path, database: &Path) -> Result<(AboutDatabase, Vec<u8>)> {
    let (page_size, structure) = check(copy)?;
    if let Some(journal) = database::journal_beside(copy) {
        let found = format!("its journal `{}` could not be removed", journal.display());
        return Err(SnapshotError::DamagedCopy { found }.into());
    }
    let finished = || -> io::Result<(Vec<u8>, u64, bool)> {
        fs::set_permissions(copy, Permissions::from_mode(0o600))?;
        let file = File::open(copy)?;
        file.sync_all()?;
        let digests = pages::digests(&file, page_size)?;
        Ok((digests, file.metadata()?.len(), pages::stands_alone(&file)?))
    };
    let (digests, bytes, alone) = finished().map_err(|error| saving("write", copy, error))?;
    if !alone {
        let found = "its journal mode could not be changed".into();
        return Err(SnapshotError::DamagedCopy { found }.into());
    }
    let about = AboutDatabase {
        path: database.display().to_string(),
        bytes,
        page_size,
        pages_sha256: meta::digest(&digests),
        structure,
    };
    Ok((about, digests))
}

fn check(copy: &Path) -> Result<(usize, String)> {
    let connection = Connection::open(copy).map_err(copying)?;
    // A copy stands alone: it needs no `-wal` beside it.
    let mode: String = connection
        .query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))
        .map_err(copying)?;
    if mode != "delete" {
        return Err(Error::Bug("the copy of a database kept its journal mode"));
    }
    let found: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .unwrap_or_else(|error| error.to_string());
    // What only the application knows, a function or a collation, cannot be checked here.
    if found != "ok" && !found.starts_with("no such ") {
        return Err(SnapshotError::DamagedCopy { found }.into());
    }
    let page_size = connection.query_row("PRAGMA page_size", [], |row| row.get(0));
    Ok((page_size.map_err(copying)?, structure(&connection)?))
}

/// Replaces the rows by those of the copy, and records the run, in one commit.
pub(super) fn put_back(
    live: &mut Connection,
    copy: &Path,
    archive: &Archive,
    record: &RunRecord,
) -> Result<Erased> {
    let scratch = archive.scratch(&record.run)?;
    let path = scratch.join("image.sqlite");
    let copied = || -> io::Result<()> {
        let from = File::open(copy)?;
        blob::copy(&from, &File::create_new(&path)?)
    };
    copied().map_err(|error| access("copy the database of the snapshot to", &path, error))?;
    let image = Connection::open(&path).map_err(copying)?;
    image
        .execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
        .map_err(copying)?;
    outbox::begin(&image, record)?;
    database::replace(live, &image)?;
    Ok(Erased(()))
}

/// A digest of everything that is declared in a database; not of what `SQLite` adds for itself, nor
/// of the outbox.
pub(super) fn structure(connection: &Connection) -> Result<String> {
    let sql = "SELECT type, name, tbl_name, coalesce(sql, '') FROM main.sqlite_schema \
               WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND lower(tbl_name) <> ?1 ORDER BY 1, 2, 3";
    let mut statement = connection.prepare(sql).map_err(Error::surveying)?;
    let mut rows = statement.query([outbox::TABLE]).map_err(Error::surveying)?;
    let mut text = Vec::new();
    while let Some(row) = rows.next().map_err(Error::surveying)? {
        for column in 0..4 {
            let value = row.get_ref(column).map_err(Error::surveying)?;
            text.extend_from_slice(value.as_bytes().unwrap_or_default());
            text.push(0);
        }
    }
    Ok(meta::digest(&text))
}

fn copying(error: rusqlite::Error) -> Error {
    Error::copying(error)
}
