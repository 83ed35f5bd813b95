//! Full-text indexes after a deletion: in step with their text, and without the words that went.
//!
//! A deleted row's words stay in the segments of an index until these are merged; `optimize` merges
//! them (<https://sqlite.org/fts5.html#the_optimize_command>). An index whose text is in another
//! table can be out of step with it, and then still matches what is gone: `integrity-check` with
//! rank 1 tells, and `rebuild` mends it.

use rusqlite::{Connection, ErrorCode};

use crate::database::transaction;
use crate::error::{Error, Result};
use crate::full_text::Version;
use crate::plan::{Feed, Plan, PlannedIndex};
use crate::sql::{main_table, quote};

/// Puts every index of the plan in step with its text and merges its segments, each in a
/// transaction of its own.
///
/// Returns the indexes for which that failed, with the reason; they are as they were.
pub(crate) fn keep_in_step(connection: &Connection, plan: &Plan) -> Vec<(String, Error)> {
    let indexes = plan.indexes.iter();
    indexes
        .filter_map(|index| {
            let kept = transaction(connection, || {
                if index.feed != Feed::Itself {
                    mend(connection, index)?;
                }
                command(connection, index, "optimize")
            });
            kept.err().map(|error| (index.table.clone(), error))
        })
        .collect()
}

fn mend(connection: &Connection, index: &PlannedIndex) -> Result<()> {
    match check(connection, index) {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => {
            log::info!(
                "the full-text index `{}` was not in step with its text and is made anew",
                index.table
            );
            command(connection, index, "rebuild")
        }
        checked => checked.map_err(Error::surveying),
    }
}

fn check(connection: &Connection, index: &PlannedIndex) -> rusqlite::Result<()> {
    let table = main_table(&index.table);
    let sql = match index.version {
        Version::Five => format!(
            "INSERT INTO {table}({}, rank) VALUES ('integrity-check', 1)",
            quote(&index.table)
        ),
        Version::Three | Version::Four => {
            format!(
                "INSERT INTO {table}({}) VALUES ('integrity-check')",
                quote(&index.table)
            )
        }
    };
    connection.execute(&sql, []).map(drop)
}

fn command(connection: &Connection, index: &PlannedIndex, name: &str) -> Result<()> {
    let table = main_table(&index.table);
    let sql = format!("INSERT INTO {table}({}) VALUES (?1)", quote(&index.table));
    connection
        .execute(&sql, [name])
        .map_err(Error::erasing)
        .map(drop)
}
