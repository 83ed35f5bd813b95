//! Which indexes a run is better off without, and which it needs and the database has not.
//!
//! Pure: a decision by the structure and by counts. A transaction a user writes the pages of an index
//! as often as there are users whose entries share them; where most of a table goes, it is cheaper to
//! make the index again for what stays. And a foreign key without an index has `SQLite` read its whole
//! table for each row that it could name (<https://sqlite.org/foreignkeys.html#fk_indexes>).

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::Form;
use crate::plan::{Link, Plan};
use crate::schema::{ColumnKind, Index, IndexColumn, IndexOrigin, Schema, Table, TableKind};

/// Fewer entries lie in two or three pages.
const FEWEST_GOING: u64 = 256;

/// How many rows may be read in vain before a transaction that makes an index is cheaper; and before
/// an index is, where that transaction takes place anyway.
const READ_IN_VAIN: u64 = 200_000;
const READ_IN_VAIN_ANYWAY: u64 = 2_000;

/// Counts of rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    /// How many go, for each table of the plan.
    pub(super) going: Vec<u64>,
    /// How many users there are.
    pub(super) users: u64,
    /// How many there are of a table, by its name; [`cap`] of them at most.
    pub(super) rows: BTreeMap<String, u64>,
}

/// What to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Choice {
    /// Names of indexes.
    pub(super) drop: BTreeSet<String>,
    /// Tables, with the columns to index.
    pub(super) make: BTreeSet<(String, Vec<String>)>,
}

/// How many rows of a table have to be counted for a decision; none where none is to be made.
pub(super) fn cap(plan: &Plan, counts: &Counts, table: &Table) -> u64 {
    let going = going_of(plan, counts, table);
    let share = if going < FEWEST_GOING {
        0
    } else {
        going.saturating_mul(2).saturating_add(1)
    };
    let parents = unindexed(plan, table)
        .map(|(_, parent)| parents(plan, counts, parent))
        .filter(|parents| *parents > 0);
    let in_vain = parents.map(|parents| READ_IN_VAIN / parents + 1);
    in_vain.chain([share]).max().unwrap_or(0)
}

/// Decides. With triggers nothing is dropped: what they look up is not known.
pub(super) fn choose(schema: &Schema, plan: &Plan, counts: &Counts) -> Choice {
    let mut drop = BTreeSet::new();
    for table in schema.tables.iter().filter(|_| !plan.triggers) {
        let going = going_of(plan, counts, table);
        let rows = counts.rows.get(&table.name).copied().unwrap_or(u64::MAX);
        if going >= FEWEST_GOING && going.saturating_mul(2) >= rows {
            let needed = needed(schema, plan, table);
            let dispensable = table
                .indexes
                .iter()
                .filter(|i| is_dispensable(table, i, &needed));
            drop.extend(dispensable.map(|index| index.name.clone()));
        }
    }
    let limit = if drop.is_empty() {
        READ_IN_VAIN
    } else {
        READ_IN_VAIN_ANYWAY
    };
    let mut make = BTreeSet::new();
    for table in &schema.tables {
        let rows = counts.rows.get(&table.name).copied().unwrap_or(0);
        let slow = unindexed(plan, table)
            .filter(|(_, parent)| rows.saturating_mul(parents(plan, counts, *parent)) >= limit);
        make.extend(slow.map(|(columns, _)| (table.name.clone(), columns)));
    }
    Choice { drop, make }
}

fn position(plan: &Plan, table: &str) -> Option<usize> {
    plan.tables
        .iter()
        .position(|planned| planned.name.eq_ignore_ascii_case(table))
}

fn goes(plan: &Plan, at: usize) -> bool {
    plan.going().any(|going| going == at)
}

fn going_of(plan: &Plan, counts: &Counts, table: &Table) -> u64 {
    position(plan, &table.name)
        .filter(|at| goes(plan, *at))
        .and_then(|at| counts.going.get(at).copied())
        .unwrap_or(0)
}

/// For how many rows of a parent its children are looked up.
fn parents(plan: &Plan, counts: &Counts, parent: usize) -> u64 {
    if goes(plan, parent) {
        counts.going.get(parent).copied().unwrap_or(0)
    } else {
        counts.users
    }
}

/// Every reference of the plan that `table` holds.
fn links<'p>(plan: &'p Plan, table: &'p Table) -> impl Iterator<Item = &'p Link> {
    let named = |name: &str| name.eq_ignore_ascii_case(&table.name);
    let owners = plan.tables.iter().filter(move |t| named(&t.name));
    let mentions = plan.mentions.iter().filter(move |m| named(&m.table));
    let keepers = plan.tables.iter().flat_map(|t| &t.keepers);
    owners
        .flat_map(|t| &t.owners)
        .chain(mentions.map(|m| &m.link))
        .chain(keepers.filter(move |k| named(&k.table)).map(|k| &k.link))
}

/// The columns by which a table's rows are looked up while rows go: as children, as parents, as users.
fn needed(schema: &Schema, plan: &Plan, table: &Table) -> BTreeSet<String> {
    let mut needed = BTreeSet::new();
    let of_going = links(plan, table).filter(|link| goes(plan, link.parent));
    needed.extend(of_going.flat_map(|link| link.columns.clone()));
    for (key, parent) in foreign_keys(plan, table) {
        if goes(plan, parent) {
            needed.extend(key.iter().cloned());
        }
    }
    if let Some(at) = position(plan, &table.name) {
        let all = schema.tables.iter().flat_map(|child| links(plan, child));
        let naming = all.filter(|link| link.parent == at);
        needed.extend(naming.flat_map(|link| link.parent_columns.clone()));
        needed.extend((at == 0).then(|| plan.user_key.clone()));
    }
    needed
        .into_iter()
        .map(|name| name.to_ascii_lowercase())
        .collect()
}

fn foreign_keys<'p>(
    plan: &'p Plan,
    table: &'p Table,
) -> impl Iterator<Item = (&'p [String], usize)> {
    let keys = table.foreign_keys.iter().filter(|key| key.fault.is_none());
    keys.filter_map(|key| Some((&key.columns[..], position(plan, &key.parent)?)))
}

/// It can be made again from its definition alone, and nothing looks anything up in it.
fn is_dispensable(table: &Table, index: &Index, needed: &BTreeSet<String>) -> bool {
    let plain = |column: &Option<IndexColumn>| {
        column.as_ref().is_some_and(|column| {
            let ordinary = table
                .column(&column.name)
                .is_some_and(|c| c.kind == ColumnKind::Ordinary);
            let known = ["BINARY", "NOCASE", "RTRIM"];
            ordinary
                && known
                    .iter()
                    .any(|name| name.eq_ignore_ascii_case(&column.collation))
        })
    };
    let first = index.columns.first().and_then(Option::as_ref);
    index.origin == IndexOrigin::Created
        && !index.unique
        && !index.partial
        && index.columns.iter().all(plain)
        && first.is_some_and(|first| !needed.contains(&first.name.to_ascii_lowercase()))
}

/// References without an index that `SQLite` follows for rows that go; and, where triggers have every
/// user surveyed anew, those by which rows are found.
fn unindexed<'p>(plan: &'p Plan, table: &'p Table) -> impl Iterator<Item = (Vec<String>, usize)> {
    let followed = foreign_keys(plan, table).filter(|(_, parent)| goes(plan, *parent));
    let found = links(plan, table).filter(|link| plan.triggers && link.form == Form::default());
    let found = found.map(|link| (&link.columns[..], link.parent));
    let ordinary = matches!(table.kind, TableKind::Rowid | TableKind::WithoutRowid);
    followed
        .chain(found)
        .filter(move |(columns, _)| ordinary && !has_index(table, columns))
        .map(|(columns, parent)| (columns.to_vec(), parent))
}

fn has_index(table: &Table, columns: &[String]) -> bool {
    let among = |name: &str| columns.iter().any(|c| c.eq_ignore_ascii_case(name));
    let complete = table.indexes.iter().filter(|index| !index.partial);
    let mut firsts = complete.filter_map(|index| index.columns.first()?.as_ref());
    let key = table.key();
    firsts.any(|first| among(&first.name)) || key.first().is_some_and(|first| among(first))
}

#[cfg(test)]
mod tests;
