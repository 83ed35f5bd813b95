//! Rows of users who are not meant, which go because they hang on a row that goes.

use std::collections::{BTreeMap, VecDeque};

use rusqlite::Connection;

use super::rows::set_name;
use super::targets::user_key;
use crate::error::{Error, Result};
use crate::plan::{Link, Plan};
use crate::sql::{identity, joined, main_table, names, quote, same_row, set_columns};
use crate::user::UserKey;

/// Rows of one table that belong to a user who stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collateral {
    /// The table.
    pub table: String,
    /// The user who stays.
    pub owner: UserKey,
    /// How many rows of theirs go.
    pub rows: u64,
}

/// Collateral of all targets, or of the one at `position`: by table and owner.
///
/// A row counts as another user's if one of its owner references leads to a row that stays, and
/// from there, by the shortest way, to a user who stays.
pub(crate) fn count(connection: &Connection, plan: &Plan, position: Option<i64>) -> Result<Vec<Collateral>> {
    let ways = shortest_ways(plan);
    let mut counts: BTreeMap<(String, UserKey), u64> = BTreeMap::new();
    for (at, table) in plan.tables.iter().enumerate().skip(1) {
        let sql = query(plan, &ways, at);
        let mut statement = connection.prepare_cached(&sql).map_err(Error::surveying)?;
        let mut rows = statement.query([position]).map_err(Error::surveying)?;
        while let Some(row) = rows.next().map_err(Error::surveying)? {
            let owner = user_key(row, 0)?;
            let rows: u64 = row.get(1).map_err(Error::surveying)?;
            *counts.entry((table.name.clone(), owner)).or_default() += rows;
        }
    }
    let collateral = counts.into_iter().map(|((table, owner), rows)| Collateral { table, owner, rows });
    Ok(collateral.collect())
}

fn query(plan: &Plan, ways: &[Option<&Link>], at: usize) -> String {
    let table = &plan.tables[at];
    let owners = table.owners.iter().map(|link| format!("({})", other_owner(plan, ways, link)));
    format!(
        "SELECT other, count(*) FROM (SELECT coalesce({}, NULL) AS other FROM {} AS s CROSS JOIN {} AS c ON {} \
         WHERE ?1 IS NULL OR s.owner = ?1) WHERE other IS NOT NULL GROUP BY other",
        joined(owners, ", "),
        set_name(at),
        main_table(&table.name),
        same_row("c", "s", &table.identity),
    )
}

/// The key of the user to whom the row leads that `link` of row `c` names, if that row stays.
fn other_owner(plan: &Plan, ways: &[Option<&Link>], link: &Link) -> String {
    let parent = &plan.tables[link.parent];
    let mut from = format!("{} AS w0", main_table(&parent.name));
    let (mut at, mut step) = (link.parent, 0);
    while let Some(way) = ways[at] {
        let next = &plan.tables[way.parent];
        let (child, alias) = (format!("w{step}"), format!("w{}", step + 1));
        from.push_str(&format!(
            " CROSS JOIN {} AS {alias} ON {}",
            main_table(&next.name),
            names(&child, &alias, way)
        ));
        (at, step) = (way.parent, step + 1);
    }
    let target = format!(
        "EXISTS (SELECT 1 FROM {} AS t WHERE ({}) = ({}))",
        set_name(0),
        set_columns("t.", &plan.tables[0].identity),
        identity(&format!("w{step}"), &plan.tables[0].identity)
    );
    format!(
        "SELECT w{step}.{} FROM {from} WHERE {} AND NOT EXISTS (SELECT 1 FROM {} AS g WHERE {}) AND NOT {target}",
        quote(&plan.user_key),
        names("c", "w0", link),
        set_name(link.parent),
        same_row("w0", "g", &parent.identity),
    )
}

/// For each table the owner link that leads to the users table in the fewest steps.
fn shortest_ways(plan: &Plan) -> Vec<Option<&Link>> {
    let mut ways: Vec<Option<&Link>> = vec![None; plan.tables.len()];
    let mut found = VecDeque::from([0]);
    while let Some(parent) = found.pop_front() {
        for (at, table) in plan.tables.iter().enumerate().skip(1) {
            let link = table.owners.iter().find(|link| link.parent == parent);
            if ways[at].is_none() && link.is_some() {
                ways[at] = link;
                found.push_back(at);
            }
        }
    }
    ways
}
