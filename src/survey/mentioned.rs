//! The rows that mention what a deed has deleted, as long as they stand themselves.
//!
//! While one user goes, nobody may know whose rows go later: where the database has changed, users are
//! surveyed one by one. So the rows are noted with each user, and struck off when they go. In the
//! transaction of that user: what is rolled back is not noted.

use rusqlite::{Connection, params};

use super::counts::{self, Mentions};
use super::rows::{execute, is_empty, mention_set, set_name};
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::sql::{create_set, set_columns};

pub(super) fn noted_set(at: usize) -> String {
    format!("temp.mentioned_{at}")
}

/// Makes the sets, empty.
pub(super) fn prepare(connection: &Connection, plan: &Plan) -> Result<()> {
    for (at, mention) in plan.mentions.iter().enumerate() {
        let set = create_set(&format!("mentioned_{at}"), &mention.identity, "");
        connection.execute_batch(&set).map_err(Error::surveying)?;
    }
    Ok(())
}

/// Notes what mentions the rows of the user at `owner`, and strikes these off themselves.
pub(super) fn note(connection: &Connection, plan: &Plan, owner: i64) -> Result<()> {
    for (at, mention) in plan.mentions.iter().enumerate() {
        let (set, keys) = (noted_set(at), set_columns("", &mention.identity));
        let note = format!(
            "INSERT OR IGNORE INTO {set} ({keys}) SELECT {keys} FROM {} WHERE owner = ?1",
            mention_set(at)
        );
        execute(connection, &note, params![owner])?;
        let Some(table) = counts::going_table(plan, mention) else {
            continue;
        };
        if !is_empty(connection, &set)? {
            let strike = format!(
                "DELETE FROM {set} WHERE ({keys}) IN (SELECT {keys} FROM {} WHERE owner = ?1)",
                set_name(table)
            );
            execute(connection, &strike, params![owner])?;
        }
    }
    Ok(())
}

/// How many of the rows noted stand.
pub(super) fn count(connection: &Connection, plan: &Plan) -> Result<Mentions> {
    Mentions::sorted(plan, |at| {
        let sql = format!("SELECT count(*) FROM {}", noted_set(at));
        counts::number(connection, &sql, &[])
    })
}
