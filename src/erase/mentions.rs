//! What becomes of rows that stay and mention what goes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::{execute, in_set};
use crate::error::{Error, Result};
use crate::plan::{Mention, MentionFate, Plan, RowIdentity};
use crate::sql::{joined, main_table, names, quote, same_row, set_columns};
use crate::survey::mention_set;

/// Sets to null what mentions rows of the user at `owner`, or hands it over to the heir.
pub(super) fn set(
    connection: &Connection,
    plan: &Plan,
    owner: i64,
    heir: Option<&Value>,
) -> Result<()> {
    for (at, mention) in plan.mentions.iter().enumerate() {
        if let MentionFate::SetNull(columns) = &mention.fate {
            let nulls = columns.iter().map(|c| format!("{} = NULL", quote(c)));
            let sql = format!(
                "UPDATE {} SET {} WHERE {}",
                main_table(&mention.table),
                joined(nulls, ", "),
                in_set(&mention.identity, &mention_set(at), "owner = ?1")
            );
            execute(connection, &sql, [owner])?;
        }
    }
    heir.map_or(Ok(()), |heir| hand_over(connection, plan, owner, heir))
}

/// Hands the mentions of the user at `owner` over. Whatever else is set in such rows has been set: a
/// mention that is part of a key changes what tells its row apart.
fn hand_over(connection: &Connection, plan: &Plan, owner: i64, heir: &Value) -> Result<()> {
    let mut tables: BTreeMap<&str, Vec<(usize, &Mention)>> = BTreeMap::new();
    let inherited = |(_, mention): &(usize, &Mention)| mention.can_be_inherited();
    for (at, mention) in plan.mentions.iter().enumerate().filter(inherited) {
        tables
            .entry(&mention.table)
            .or_default()
            .push((at, mention));
    }
    for (table, mentions) in tables {
        let sql = handing_over(plan, table, &mentions);
        execute(connection, &sql, rusqlite::params![owner, heir])?;
    }
    Ok(())
}

/// All mentions of a table at once: after the first, the row might not be found for the second.
fn handing_over(plan: &Plan, table: &str, mentions: &[(usize, &Mention)]) -> String {
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

/// What `ON DELETE SET DEFAULT` has set must name a row. COMMIT does not see to it: a row that
/// named nothing before and is deleted outweighs one that names nothing now.
pub(super) fn require_defaults(connection: &Connection, plan: &Plan, owner: i64) -> Result<()> {
    let mut mentions = plan.mentions.iter().enumerate();
    mentions.try_for_each(|(at, mention)| match mention.fate {
        MentionFate::SetDefault => require_default(connection, plan, (at, mention), owner),
        _ => Ok(()),
    })
}

fn require_default(
    connection: &Connection,
    plan: &Plan,
    (at, mention): (usize, &Mention),
    owner: i64,
) -> Result<()> {
    let parent = &plan.tables[mention.link.parent].name;
    let present = mention.link.columns.iter();
    let sql = format!(
        "SELECT count(*) FROM {} AS s CROSS JOIN {} AS c ON {} WHERE s.owner = ?1 AND {} \
         AND NOT EXISTS (SELECT 1 FROM {} AS p WHERE {})",
        mention_set(at),
        main_table(&mention.table),
        same_row("c", "s", &mention.identity),
        joined(
            present.map(|c| format!("c.{} IS NOT NULL", quote(c))),
            " AND "
        ),
        main_table(parent),
        names("c", "p", &mention.link)
    );
    let mut statement = connection.prepare_cached(&sql).map_err(Error::erasing)?;
    let rows: u64 = statement
        .query_row([owner], |row| row.get(0))
        .map_err(Error::erasing)?;
    if rows == 0 {
        return Ok(());
    }
    Err(Error::DefaultMissing {
        table: mention.table.clone(),
        parent: parent.clone(),
        rows,
    })
}
