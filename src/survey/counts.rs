//! Counts over the sets: distinct rows, by table.

use rusqlite::Connection;

use super::rows::{mention_set, set_name};
use crate::error::{Blocking, Error, Result};
use crate::plan::{Mention, MentionFate, Plan, PlannedTable};
use crate::sql::{main_table, set_columns};

/// Rows of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableCount {
    /// The table.
    pub table: String,
    /// Rows of it.
    pub rows: u64,
}

/// Rows that go, of each table of the plan: with every user, or with the one at `owner`.
pub(crate) fn going(
    connection: &Connection,
    plan: &Plan,
    owner: Option<i64>,
) -> Result<Vec<TableCount>> {
    let count = |at: usize| {
        let (condition, owner) = match owner {
            Some(_) => ("WHERE owner = ?1", vec![owner]),
            None => ("", vec![]),
        };
        let sql = format!("SELECT count(*) FROM {} {condition}", set_name(at));
        Ok(TableCount {
            table: plan.tables[at].name.clone(),
            rows: number(connection, &sql, &owner)?,
        })
    };
    plan.going().map(count).collect()
}

/// Rows of the plan's tables that no set holds; of tables that have some. Meaningful only where
/// every user of the database was surveyed.
pub(crate) fn unowned(connection: &Connection, plan: &Plan) -> Result<Vec<TableCount>> {
    let mut unowned = Vec::new();
    let owned = |(_, table): &(usize, &PlannedTable)| !table.owners.is_empty();
    for (at, table) in plan.tables.iter().enumerate().skip(1).filter(owned) {
        let all = number(
            connection,
            &format!("SELECT count(*) FROM {}", main_table(&table.name)),
            &[],
        )?;
        let owned = number(
            connection,
            &format!("SELECT count(*) FROM {}", set_name(at)),
            &[],
        )?;
        let rows = all.saturating_sub(owned);
        if rows > 0 {
            unowned.push(TableCount {
                table: table.name.clone(),
                rows,
            });
        }
    }
    Ok(unowned)
}

/// Rows that stay, and mention what goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MentionCount {
    /// `table.column`.
    pub column: String,
    /// How many rows.
    pub rows: u64,
}

/// Mentions by rows that stay of what goes, by what becomes of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mentions {
    /// Set to null or their default.
    pub(crate) set: Vec<MentionCount>,
    /// Given to the heir.
    pub(crate) reassigned: Vec<MentionCount>,
    /// Left as they are.
    pub(crate) still_named: Vec<MentionCount>,
}

impl Mentions {
    /// Sorts what counts of each mention of the plan.
    pub(super) fn sorted(plan: &Plan, rows: impl Fn(usize) -> Result<u64>) -> Result<Self> {
        let mut mentions = Self::default();
        for (at, mention) in plan.mentions.iter().enumerate() {
            let list = match mention.fate {
                MentionFate::SetNull(_) | MentionFate::SetDefault => &mut mentions.set,
                MentionFate::NeedsHeir => &mut mentions.reassigned,
                MentionFate::Stays => &mut mentions.still_named,
                MentionFate::Blocks => continue,
            };
            let rows = rows(at)?;
            if rows > 0 {
                let column = column_of(plan, at);
                list.push(MentionCount { column, rows });
            }
        }
        Ok(mentions)
    }
}

/// Mentions of what goes with anybody.
pub(crate) fn mentions(connection: &Connection, plan: &Plan) -> Result<Mentions> {
    Mentions::sorted(plan, |at| staying(connection, plan, at))
}

/// Mentions that can neither stay nor be set, by rows that stand when what they mention goes. With
/// an heir, those of accounts do not count.
pub(crate) fn blocking(connection: &Connection, plan: &Plan, heir: bool) -> Result<Vec<Blocking>> {
    let mut blocking = Vec::new();
    for (at, mention) in plan.mentions.iter().enumerate() {
        let blocks = match mention.fate {
            MentionFate::Blocks => true,
            MentionFate::NeedsHeir => !heir,
            _ => false,
        };
        if !blocks {
            continue;
        }
        let rows = number(
            connection,
            &format!("SELECT count(*) FROM {}", mention_set(at)),
            &[],
        )?;
        if rows > 0 {
            blocking.push(Blocking {
                column: column_of(plan, at),
                parent: plan.tables[mention.link.parent].name.clone(),
                rows,
                later: rows.saturating_sub(staying(connection, plan, at)?),
            });
        }
    }
    Ok(blocking)
}

pub(super) fn column_of(plan: &Plan, at: usize) -> String {
    let mention = &plan.mentions[at];
    let columns = crate::manifest::Columns {
        table: mention.table.clone(),
        columns: mention.link.columns.clone(),
    };
    columns.to_string()
}

/// The place in the plan of the table that holds a mention, if rows of it go.
pub(super) fn going_table(plan: &Plan, mention: &Mention) -> Option<usize> {
    let table = mention.planned;
    table.filter(|table| plan.going().any(|going| going == *table))
}

fn staying(connection: &Connection, plan: &Plan, at: usize) -> Result<u64> {
    let mention = &plan.mentions[at];
    let gone = match going_table(plan, mention) {
        Some(table) => format!(
            "WHERE NOT EXISTS (SELECT 1 FROM {} AS g WHERE ({}) = ({}))",
            set_name(table),
            set_columns("g.", &mention.identity),
            set_columns("m.", &mention.identity)
        ),
        None => String::new(),
    };
    let sql = format!("SELECT count(*) FROM {} AS m {gone}", mention_set(at));
    number(connection, &sql, &[])
}

pub(super) fn number(connection: &Connection, sql: &str, params: &[Option<i64>]) -> Result<u64> {
    let mut statement = connection.prepare_cached(sql).map_err(Error::surveying)?;
    let params = rusqlite::params_from_iter(params);
    statement
        .query_row(params, |row| row.get(0))
        .map_err(Error::surveying)
}
