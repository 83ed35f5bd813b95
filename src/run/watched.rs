//! Tables that triggers write while rows are deleted, and how many rows they get.

use std::collections::BTreeSet;

use rusqlite::Connection;

use crate::erase::Writes;
use crate::error::{Error, Result};
use crate::manifest::Manifest;
use crate::outbox;
use crate::plan::{Accounts, Plan};
use crate::report::Written;
use crate::schema::{Identity, Schema, TableKind};
use crate::sql::{main_table, quote};

/// A table that triggers write.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    table: String,
    triggers: BTreeSet<String>,
    /// The name of its rowid, if it has one: the rows written last have the greatest.
    rowid: Option<String>,
    /// The manifest says that it is nobody's.
    kept: bool,
}

/// The tables to watch. Indexes are not: what triggers write there is taken care of with their rows.
/// Nor are tables of the plan where the accounts stay: what a trigger writes there for the user is
/// deleted again.
pub(super) fn of(
    schema: &Schema,
    plan: &Plan,
    manifest: &Manifest,
    writes: Writes,
) -> Vec<Watched> {
    let is_planned = |name: &str| {
        plan.tables
            .iter()
            .any(|t| t.name.eq_ignore_ascii_case(name))
    };
    let watched = writes.into_iter().filter_map(|(name, triggers)| {
        let table = schema.table(&name)?;
        let ordinary = matches!(table.kind, TableKind::Rowid | TableKind::WithoutRowid);
        let again = plan.accounts == Accounts::Keep && is_planned(&name);
        (ordinary && !again && name != outbox::TABLE).then(|| Watched {
            kept: manifest
                .tables
                .kept
                .iter()
                .any(|kept| kept.eq_ignore_ascii_case(&name)),
            rowid: match &table.identity {
                Identity::Rowid(name) => Some(name.clone()),
                Identity::Key(_) | Identity::None => None,
            },
            table: name,
            triggers,
        })
    });
    watched.collect()
}

impl Watched {
    /// What a preview says.
    pub(super) fn warning(&self) -> String {
        let triggers: Vec<String> = self
            .triggers
            .iter()
            .map(|trigger| format!("`{trigger}`"))
            .collect();
        format!(
            "rows that go make {} write `{}`; rows that are written there stay, and are counted",
            triggers.join(", "),
            self.table
        )
    }

    /// A mark by which rows written later are told from those that are there: the greatest rowid, or how
    /// many rows there are.
    pub(super) fn mark(&self, connection: &Connection) -> Result<i64> {
        let table = main_table(&self.table);
        let sql = match &self.rowid {
            Some(rowid) => format!(
                "SELECT coalesce(max({}), {}) FROM {table}",
                quote(rowid),
                i64::MIN
            ),
            None => format!("SELECT count(*) FROM {table}"),
        };
        self.number(connection, &sql, [])
    }

    /// How many rows were written since the mark.
    pub(super) fn since(&self, connection: &Connection, mark: i64) -> Result<u64> {
        let table = main_table(&self.table);
        let rows = match &self.rowid {
            Some(rowid) => {
                let sql = format!("SELECT count(*) FROM {table} WHERE {} > ?1", quote(rowid));
                self.number(connection, &sql, [mark])?
            }
            None => self.number(connection, &format!("SELECT count(*) FROM {table}"), [])? - mark,
        };
        Ok(u64::try_from(rows).unwrap_or(0))
    }

    fn number(
        &self,
        connection: &Connection,
        sql: &str,
        values: impl rusqlite::Params,
    ) -> Result<i64> {
        log::trace!("watching `{}`: {sql}", self.table);
        let mut statement = connection.prepare_cached(sql).map_err(Error::erasing)?;
        statement
            .query_row(values, |row| row.get(0))
            .map_err(Error::erasing)
    }

    /// As it is reported.
    pub(super) fn written(&self, rows: u64) -> Written {
        Written {
            table: self.table.clone(),
            triggers: self.triggers.iter().cloned().collect(),
            rows,
            kept: self.kept,
        }
    }
}
