//! Reading every table, by as many threads as there are readers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Row};

use super::encoded::decoded;
use super::tables::TableToRead;
use super::tokens::{Kind, Meaning, Reading, Tokens};
use crate::database::Readers;
use crate::error::{Error, Result};
use crate::plan::RowIdentity;
use crate::sql::{main_table, quote};

/// A table of more rowids than this is read in parts.
const PART: i64 = 20_000;

/// The most parts of one table.
const PARTS: i64 = 64;

/// An identifier found in a column of a row.
#[derive(Debug)]
pub(crate) struct Hit {
    /// Positions among the tables and their columns.
    pub(crate) table: usize,
    pub(crate) column: usize,
    pub(crate) meaning: Meaning,
    /// What tells the row.
    pub(crate) row: Vec<Value>,
}

/// What the threads tell.
enum Message {
    Hits(Vec<Hit>),
    /// A part is read, with so many rows.
    Part(u64),
    Failed(Error),
}

#[derive(Clone, Copy, Debug)]
struct Part {
    table: usize,
    range: (i64, i64),
}

/// What the scan tells of itself: parts done, parts in all.
pub(crate) type Progress<'p> = dyn FnMut(u64, u64) + 'p;

/// Tells `found` every identifier in every row. Returns how many rows there are.
pub(crate) fn scan(
    readers: &Readers,
    tables: &[TableToRead],
    tokens: &Tokens,
    progress: &mut Progress<'_>,
    found: &mut dyn FnMut(Hit) -> Result<()>,
) -> Result<u64> {
    let parts = parts(&*readers.get()?, tables)?;
    let next = AtomicUsize::new(0);
    let (sender, messages) = sync_channel(64);
    thread::scope(|scope| {
        for _ in 0..readers.count() {
            let (sender, next, parts) = (sender.clone(), &next, &parts);
            scope.spawn(move || {
                let work = || -> Result<()> {
                    let reader = readers.get()?;
                    while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
                        read(&reader, tables, *part, tokens, &sender)?;
                    }
                    Ok(())
                };
                if let Err(error) = work() {
                    let _ = sender.send(Message::Failed(error));
                }
            });
        }
        drop(sender);
        receive(messages, parts.len() as u64, progress, found)
    })
}

/// An error drops the receiver, which ends the threads.
fn receive(
    messages: Receiver<Message>,
    total: u64,
    progress: &mut Progress<'_>,
    found: &mut dyn FnMut(Hit) -> Result<()>,
) -> Result<u64> {
    let (mut done, mut rows) = (0, 0);
    for message in messages {
        match message {
            Message::Hits(hits) => hits.into_iter().try_for_each(&mut *found)?,
            Message::Part(read) => {
                done += 1;
                rows += read;
                progress(done, total);
            }
            Message::Failed(error) => return Err(error),
        }
    }
    Ok(rows)
}

fn parts(connection: &Connection, tables: &[TableToRead]) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    for (at, table) in tables.iter().enumerate() {
        let whole = Part {
            table: at,
            range: (i64::MIN, i64::MAX),
        };
        match &table.identity {
            Some(RowIdentity::Rowid(name)) if table.splits => {
                let name = quote(name);
                let sql = format!(
                    "SELECT (SELECT min({name}) FROM {table}), (SELECT max({name}) FROM {table})",
                    table = main_table(&table.name)
                );
                let ends = connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)));
                let (first, last): (Option<i64>, Option<i64>) = ends.map_err(Error::surveying)?;
                if let (Some(first), Some(last)) = (first, last) {
                    parts.extend(split(first, last).map(|range| Part { table: at, range }));
                }
            }
            _ => parts.push(whole),
        }
    }
    Ok(parts)
}

/// The rowids from `first` to `last` in parts of the same width.
fn split(first: i64, last: i64) -> impl Iterator<Item = (i64, i64)> {
    let width = last.saturating_sub(first).saturating_add(1);
    let count = (width / PART).clamp(1, PARTS);
    let step = width / count;
    (0..count).map(move |at| {
        let start = if at == 0 { i64::MIN } else { first + at * step };
        let end = if at + 1 == count {
            i64::MAX
        } else {
            first + (at + 1) * step - 1
        };
        (start, end)
    })
}

fn read(
    reader: &Connection,
    tables: &[TableToRead],
    part: Part,
    tokens: &Tokens,
    sender: &SyncSender<Message>,
) -> Result<()> {
    const BATCH: usize = 256;
    let table = &tables[part.table];
    let mut statement = reader.prepare(&table.sql()).map_err(Error::surveying)?;
    let mut rows = statement
        .query([part.range.0, part.range.1])
        .map_err(Error::surveying)?;
    let (mut hits, mut count) = (Vec::new(), 0);
    // Whoever listens no more has failed, and says so.
    let gone = |_| Error::Bug("the scan goes on although it has failed");
    while let Some(row) = rows.next().map_err(Error::surveying)? {
        count += 1;
        search_row(row, part.table, table, tokens, &mut hits)?;
        if hits.len() >= BATCH {
            let batch = std::mem::take(&mut hits);
            sender.send(Message::Hits(batch)).map_err(gone)?;
        }
    }
    sender.send(Message::Hits(hits)).map_err(gone)?;
    sender.send(Message::Part(count)).map_err(gone)
}

fn search_row(
    row: &Row<'_>,
    at: usize,
    table: &TableToRead,
    tokens: &Tokens,
    hits: &mut Vec<Hit>,
) -> Result<()> {
    let first = table.identity_columns();
    for (number, column) in table.columns.iter().enumerate() {
        let mut found: Vec<Meaning> = Vec::new();
        let mut add = |meaning| {
            if !found.contains(&meaning) {
                found.push(meaning);
            }
        };
        match row.get_ref(first + number).map_err(Error::surveying)? {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                tokens.search(bytes, Reading::Text, &mut add);
                for text in decoded(bytes) {
                    tokens.search(&text, Reading::Text, &mut add);
                }
                if column.names_users {
                    tokens.users_of(bytes, &mut |user| add((user, Kind::Key)));
                }
            }
            ValueRef::Integer(number) if column.names_users => {
                if let Some(user) = tokens.user_of(number) {
                    add((user, Kind::Key));
                }
            }
            ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Null => {}
        }
        for meaning in found {
            let row: rusqlite::Result<Vec<Value>> =
                (0..first).map(|k| row.get_ref(k).map(owned)).collect();
            hits.push(Hit {
                table: at,
                column: number,
                meaning,
                row: row.map_err(Error::surveying)?,
            });
        }
    }
    Ok(())
}

/// Text that is no text tells its row as well as any other.
fn owned(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::Blob(bytes.to_vec()),
        },
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_meet_and_cover_everything() {
        for (first, last) in [
            (1, 1),
            (1, 100_000),
            (-5, 5),
            (i64::MIN, i64::MAX),
            (0, 12_345_678),
        ] {
            let parts: Vec<(i64, i64)> = split(first, last).collect();
            assert_eq!(parts.first().map(|part| part.0), Some(i64::MIN));
            assert_eq!(parts.last().map(|part| part.1), Some(i64::MAX));
            assert!(
                parts.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0),
                "{first} {last}"
            );
        }
    }
}
