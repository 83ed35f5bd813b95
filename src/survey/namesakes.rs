//! Users who share a directory, because a column that names it holds the same in their rows.

use rusqlite::{Connection, OptionalExtension, params};

use super::files::Files;
use super::targets::Targets;
use crate::error::{Error, Result};
use crate::manifest::Directory;
use crate::sql::{main_table, quote};

/// Whose a directory is, that is named by a column of the users table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shared {
    /// This user's alone, or this user is the last of them who goes.
    Not,
    /// Also a later user's, who goes too.
    WithLater,
    /// Also that of a user who stays.
    WithWhoStays,
}

impl Files<'_> {
    /// Lists the values that several users have: all, or that of one user anew.
    pub(super) fn list_namesakes(&self, connection: &Connection, only: Option<i64>) -> Result<()> {
        let patterns = self.declared.directories.iter();
        for column in patterns.filter_map(Directory::column) {
            let mut value = None;
            if let Some(position) = only {
                value = Targets::value(connection, self.plan, position, column)?;
                if value.is_none() {
                    continue;
                }
            }
            let (key, held) = (quote(&self.plan.user_key), quote(column));
            let held = format!("CAST(u.{held} AS BLOB)");
            let forget = "DELETE FROM temp.namesake WHERE of = ?1 AND (?2 IS NULL OR value = ?2)";
            let list = format!(
                "INSERT OR IGNORE INTO temp.namesake \
                 SELECT ?1, {held}, max(t.position IS NULL), max(t.position) \
                 FROM {} AS u LEFT JOIN temp.target AS t ON u.{key} = t.key \
                 WHERE {held} IS NOT NULL AND (?2 IS NULL OR {held} = ?2) \
                 GROUP BY {held} HAVING count(DISTINCT u.{key}) + max(u.{key} IS NULL) > 1",
                main_table(&self.plan.tables[0].name)
            );
            for sql in [forget, &list] {
                let done = connection.execute(sql, params![column, value]);
                done.map_err(Error::surveying)?;
            }
        }
        Ok(())
    }
}

/// With whom the user at a position shares the directory that `column` names as `value`.
pub(super) fn shared(
    connection: &Connection,
    (column, value): (&str, &[u8]),
    position: i64,
) -> Result<Shared> {
    let sql = "SELECT stays, last > ?3 FROM temp.namesake WHERE of = ?1 AND value = ?2";
    let mut statement = connection.prepare_cached(sql).map_err(Error::surveying)?;
    let found = statement
        .query_row(params![column, value, position], |row| {
            Ok((row.get(0)?, row.get::<_, Option<bool>>(1)?))
        })
        .optional()
        .map_err(Error::surveying)?;
    Ok(match found {
        Some((true, _)) => Shared::WithWhoStays,
        Some((false, Some(true))) => Shared::WithLater,
        _ => Shared::Not,
    })
}
