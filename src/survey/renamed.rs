//! Rows that are told apart by another key once they name the heir: the sets know them by that one
//! from then on.

use rusqlite::Connection;

use super::mentioned::noted_set;
use super::rows::mention_set;
use crate::error::{Error, Result};
use crate::plan::{Mention, Plan};
use crate::sql::{joined, main_table, quote};

/// Lets the sets of mentions follow, for as long as the connection lasts.
pub(super) fn follow(connection: &Connection, plan: &Plan) -> Result<()> {
    let renamed = |table: &str| {
        let mut mentions = plan.mentions.iter().filter(|m| m.table == table);
        mentions.any(|m| m.can_be_inherited() && m.in_identity)
    };
    let mentions = plan.mentions.iter().enumerate();
    let mentions = mentions.filter(|(_, mention)| renamed(&mention.table));
    for set in mentions
        .flat_map(|(at, mention)| [mention_set(at), noted_set(at)].map(|set| (set, mention)))
    {
        connection
            .execute_batch(&trigger(&set.0, set.1))
            .map_err(Error::surveying)?;
    }
    Ok(())
}

/// In a trigger no table that is written may be called by its schema; its own comes first.
fn trigger(set: &str, mention: &Mention) -> String {
    let columns = || mention.identity.columns().iter().enumerate();
    let (new, old) = (
        columns().map(|(at, column)| format!("k{at} = NEW.{}", quote(column))),
        columns().map(|(at, column)| format!("k{at} = +OLD.{}", quote(column))),
    );
    format!(
        "CREATE TEMP TRIGGER {}_follows AFTER UPDATE ON {} BEGIN UPDATE OR REPLACE {} SET {} WHERE {}; END",
        set.trim_start_matches("temp."),
        main_table(&mention.table),
        set.trim_start_matches("temp."),
        joined(new, ", "),
        joined(old, " AND ")
    )
}
