//! Asking full-text indexes that keep no text of their own for the words of the identifiers.

use rusqlite::Connection;
use rusqlite::types::Value;

use super::collect::Collector;
use super::judge::{Judge, content_has_row};
use super::tables::IndexToAsk;
use crate::error::{Error, Result};
use crate::full_text::{Content, Version};
use crate::sql::{main_table, quote};
use crate::survey::Kept;

/// Beyond so many phrases, an index is not asked for each.
const MOST_PHRASES: usize = 5_000;

/// Tells the collector each row of an index that matches an identifier and has no text: where there is
/// text, its table is searched.
pub(super) fn ask(
    judge: &Judge<'_>,
    indexes: &[IndexToAsk],
    collector: &mut Collector,
) -> Result<()> {
    let phrases = &judge.identifiers.phrases;
    for asked in indexes {
        if phrases.len() > MOST_PHRASES {
            collector.unsearched.push(Kept {
                path: format!("the full-text index `{}`", asked.index.table),
                reason: format!(
                    "{} names are too many to ask it for; verify users one by one",
                    phrases.len()
                ),
            });
            continue;
        }
        let mut statement = match judge.connection.prepare(&sql(asked)) {
            Ok(statement) => statement,
            Err(error) => {
                collector.unsearched.push(unasked(asked, &error));
                continue;
            }
        };
        for (text, meaning) in phrases {
            let found = statement.query_map([phrase(asked, text)], |row| row.get::<_, Value>(0));
            let rows: rusqlite::Result<Vec<Value>> = found.and_then(Iterator::collect);
            match rows {
                Ok(rows) => {
                    for rowid in rows {
                        let verdict = judge.index(&asked.fed_by, &rowid)?;
                        collector.index(verdict, &asked.index.table, *meaning, &rowid);
                    }
                }
                Err(error) => {
                    collector.unsearched.push(unasked(asked, &error));
                    break;
                }
            }
        }
    }
    require_alive(judge.connection)
}

fn sql(asked: &IndexToAsk) -> String {
    let table = main_table(&asked.index.table);
    let without_text = match &asked.index.content {
        Content::Table { name, rowid } => {
            format!(" AND NOT EXISTS ({})", content_has_row(name, rowid))
        }
        Content::Own | Content::None(_) => String::new(),
    };
    format!(
        "SELECT i.rowid FROM {table} AS i WHERE i.{} MATCH ?1{without_text}",
        quote(&asked.index.table)
    )
}

fn phrase(asked: &IndexToAsk, text: &str) -> String {
    let quoted = match asked.index.version {
        Version::Five => text.replace('"', "\"\""),
        Version::Three | Version::Four => text.replace('"', " "),
    };
    format!("\"{quoted}\"")
}

fn unasked(asked: &IndexToAsk, error: &rusqlite::Error) -> Kept {
    Kept {
        path: format!("the full-text index `{}`", asked.index.table),
        reason: error.to_string(),
    }
}

/// An index that cannot be asked is told of; a database that cannot be read ends the search.
fn require_alive(connection: &Connection) -> Result<()> {
    let sql = "SELECT count(*) FROM main.sqlite_schema";
    let alive = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    alive.map(drop).map_err(Error::surveying)
}
