//! What mentioned an account that goes mentions the heir from now on.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::{execute, in_set};
use crate::error::Result;
use crate::plan::{Mention, Plan, RowIdentity};
use crate::sql::{joined, main_table, quote, set_columns};
use crate::survey::mention_set;

/// Hands the mentions of the user at `owner` over. Whatever else is set in such rows has been set: a
/// mention that is part of a key changes what tells its row apart.
pub(super) fn hand_over(
    connection: &Connection,
    plan: &Plan,
    owner: i64,
    heir: &Value,
) -> Result<()> {
    let mut tables: BTreeMap<&str, Vec<(usize, &Mention)>> = BTreeMap::new();
    let inherited = |(_, mention): &(usize, &Mention)| mention.can_be_inherited();
    for (at, mention) in plan.mentions.iter().enumerate().filter(inherited) {
        tables
            .entry(&mention.table)
            .or_default()
            .push((at, mention));
    }
    for (table, mentions) in tables {
        let sql = statement(plan, table, &mentions);
        execute(connection, &sql, rusqlite::params![owner, heir])?;
    }
    Ok(())
}

/// All mentions of a table at once: after the first, the row might not be found for the second.
fn statement(plan: &Plan, table: &str, mentions: &[(usize, &Mention)]) -> String {
    let (users, key) = (main_table(&plan.tables[0].name), quote(&plan.user_key));
    let mut cases: BTreeMap<String, String> = BTreeMap::new();
    for (at, mention) in mentions {
        let row = in_set(&mention.identity, &mention_set(*at), "owner = ?1");
        let link = &mention.link;
        for (column, parent) in link.columns.iter().zip(&link.parent_columns) {
            let _ = write!(
                cases.entry(quote(column)).or_default(),
                " WHEN {row} THEN (SELECT u.{} FROM {users} AS u WHERE u.{key} = ?2)",
                quote(parent)
            );
        }
    }
    let set = cases
        .into_iter()
        .map(|(column, cases)| format!("{column} = CASE{cases} ELSE {column} END"));
    let rows = mentions.iter().map(|(at, mention)| {
        let keys = set_columns("", &mention.identity);
        format!("SELECT {keys} FROM {} WHERE owner = ?1", mention_set(*at))
    });
    let identity = mentions.first().map(|(_, mention)| &mention.identity);
    let columns = identity.into_iter().flat_map(RowIdentity::columns);
    format!(
        "UPDATE {} SET {} WHERE ({}) IN ({})",
        main_table(table),
        joined(set, ", "),
        joined(columns.map(|column| quote(column)), ", "),
        joined(rows, " UNION ALL ")
    )
}
