//! Deleted bytes in the database file and its journals.
//!
//! `secure_delete` overwrites what this program deletes where it stands. What it cannot reach are
//! copies that the application left when it moved or changed rows without it: in free pages, and in the
//! free space of pages in use. `VACUUM` writes every page anew (<https://sqlite.org/lang_vacuum.html>);
//! nothing else rules them out, so it always runs where it is safe.

use std::path::Path;

use rusqlite::Connection;
use rustix::fs::statvfs;

use super::keep_in_step;
use crate::database::{OldPages, neighbour, settle};
use crate::error::{Error, Result};
use crate::full_text::{Content, FullText};
use crate::plan::Plan;
use crate::schema::{Schema, Table};
use crate::sql::quote;

/// Something that may still hold deleted bytes, and why.
pub(crate) type Unscrubbed = (String, String);

/// Overwrites whatever may still hold deleted bytes: segments of full-text indexes, samples of the
/// planner, free space, the `-wal` and a kept journal. After the last commit of a run, and before the
/// connection is closed.
///
/// What cannot be done is told, with its remedy; the database is whole in any case.
pub(crate) fn scrub(
    connection: &Connection,
    path: &Path,
    schema: &Schema,
    plan: &Plan,
) -> Vec<Unscrubbed> {
    let indexes = keep_in_step(connection, plan).into_iter();
    let indexes =
        indexes.map(|(table, error)| (format!("the full-text index `{table}`"), again(&error)));
    let mut left: Vec<Unscrubbed> = indexes.collect();
    if let Err(error) = renew_samples(connection) {
        left.push(("samples of values in `sqlite_stat4`".into(), again(&error)));
    }
    let unsafe_for = rowids_that_count(schema);
    let file = "free space in the database file".to_owned();
    match unsafe_for {
        Some(index) => left.push((
            file,
            format!(
                "`VACUUM` may renumber the rows that the full-text index `{index}` knows by number; \
                 give its table an INTEGER PRIMARY KEY, or run `VACUUM` and rebuild the index yourself"
            ),
        )),
        None => left.extend(vacuum(connection, path).err().map(|reason| (file, reason))),
    }
    left.extend(empty_journals(connection, path));
    left
}

fn again(error: &Error) -> String {
    format!("{error}; run again with `--scrub`")
}

/// `sqlite_stat4` holds values of indexed columns (<https://sqlite.org/fileformat2.html#stat4tab>).
fn renew_samples(connection: &Connection) -> Result<()> {
    let known = "SELECT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE name = 'sqlite_stat4')";
    let known: bool = connection
        .query_row(known, [], |row| row.get(0))
        .map_err(Error::surveying)?;
    if !known {
        return Ok(());
    }
    let sql = "SELECT DISTINCT tbl FROM main.sqlite_stat4";
    let mut statement = connection.prepare(sql).map_err(Error::surveying)?;
    let tables = statement
        .query_map([], |row| row.get(0))
        .map_err(Error::surveying)?;
    let tables: rusqlite::Result<Vec<String>> = tables.collect();
    for table in tables.map_err(Error::surveying)? {
        let sql = format!("ANALYZE main.{}", quote(&table));
        connection.execute_batch(&sql).map_err(Error::erasing)?;
    }
    Ok(())
}

/// A full-text index that knows the rows of a table by rowids which `VACUUM` may change.
fn rowids_that_count(schema: &Schema) -> Option<String> {
    let is_fixed = |table: &Table| {
        table
            .key()
            .first()
            .is_some_and(|key| table.is_rowid_alias(key))
    };
    FullText::all(schema).find_map(|index| {
        let Content::Table { name, .. } = &index.content else {
            return None;
        };
        let table = schema.table(name)?;
        (!is_fixed(table)).then_some(index.table)
    })
}

/// Needs room for the database twice: for the new one, and for the old pages in a journal.
fn vacuum(connection: &Connection, path: &Path) -> std::result::Result<(), String> {
    let size = std::fs::metadata(path)
        .map_err(|error| error.to_string())?
        .len();
    let directory = path.parent().unwrap_or(path);
    let room = statvfs(directory).map_err(|error| std::io::Error::from(error).to_string())?;
    let (room, needed) = (
        room.f_bavail.saturating_mul(room.f_frsize),
        size.saturating_mul(2),
    );
    if room < needed {
        return Err(format!(
            "`VACUUM` needs {needed} bytes of room beside the database, where {room} are left; make room and run again with `--scrub`"
        ));
    }
    let done = connection.execute_batch("VACUUM main");
    done.map_err(|error| again(&Error::erasing(error)))
}

fn empty_journals(connection: &Connection, path: &Path) -> Vec<Unscrubbed> {
    let mut left = Vec::new();
    match settle(connection) {
        Ok(OldPages::Gone) => {}
        Ok(OldPages::HeldByReader) => left.push((
            "the database file and its `-wal`".into(),
            "a reader holds old pages, so that the checkpoint could not end; close it and run again with `--scrub`"
                .into(),
        )),
        Err(error) => left.push(("the journal of the database".into(), again(&error))),
    }
    let journal = neighbour(path, "-journal");
    if std::fs::metadata(&journal).is_ok_and(|journal| journal.len() > 0) {
        left.push((
            crate::roots::shown(&journal),
            "another program keeps this journal; stop it and run again with `--scrub`".into(),
        ));
    }
    left
}
