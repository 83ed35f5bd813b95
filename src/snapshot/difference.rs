//! Which tables and files are not as a snapshot has them, by count.

use std::path::Path;

use rusqlite::Connection;

use super::compare::Changes;
use super::plan::Plan;
use crate::database;
use crate::error::{Error, Result};
use crate::keyspace::KeyDifference;
use crate::outbox;
use crate::schema::{self, Identity, Schema, Table, TableKind};
use crate::sql::quote;
use crate::survey::Kept;

/// What of an application is not as a snapshot has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// What differs in the structure, a line each.
    pub structure: Vec<String>,
    /// The tables whose rows differ, those of both structures.
    pub tables: Vec<TableDifference>,
    /// The files.
    pub files: FileDifference,
    /// The Redis keys, where they are part of it and can be compared.
    pub keys: Option<KeyDifference>,
    /// What can be neither compared nor touched.
    pub left: Vec<Kept>,
    /// Whatever else a person should know.
    pub warnings: Vec<String>,
}

/// A table whose rows differ. A row that was changed counts on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDifference {
    /// The table.
    pub table: String,
    /// Rows that are there now and not in the snapshot.
    pub now: u64,
    /// Rows that are in the snapshot and not there now.
    pub saved: u64,
}

/// Files, links and directories that differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileDifference {
    /// Those with another content.
    pub changed: u64,
    /// Those that are gone.
    pub missing: u64,
    /// Those that are not in the snapshot.
    pub new: u64,
    /// Those of which only mode, owner or time are others.
    pub settings: u64,
}

impl Difference {
    /// What was found of rows (see [`rows`]), files and keys.
    pub(super) fn of(plan: &Plan, rows: (Vec<String>, Vec<TableDifference>)) -> Self {
        let (keys, uncompared) = match plan.key_difference() {
            Some(Ok(keys)) => (Some(keys), None),
            Some(Err(kept)) => (None, Some(kept)),
            None => (None, None),
        };
        Self {
            structure: rows.0,
            tables: rows.1,
            files: FileDifference::of(&plan.changes),
            keys,
            left: plan.barred().into_iter().chain(uncompared).collect(),
            warnings: plan.lost(),
        }
    }

    /// Whether everything is as it was saved.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.structure.is_empty()
            && self.tables.is_empty()
            && self.files == FileDifference::default()
            && self.keys.is_none_or(|keys| keys.total() == 0)
            && self.left.is_empty()
    }
}

impl FileDifference {
    /// How many files, links and directories that are.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.changed + self.missing + self.new + self.settings
    }

    pub(super) fn of(changes: &Changes) -> Self {
        let written = changes.write.len() as u64;
        let missing = written - changes.replaced + changes.make.len() as u64;
        Self {
            changed: changes.replaced + changes.displaced,
            missing: missing - changes.displaced.min(missing),
            new: changes.remove.len() as u64 - changes.displaced,
            settings: changes.settings.len() as u64,
        }
    }
}

/// Compares the rows of the database behind `connection` with those of the copy at `saved`.
pub(super) fn rows(
    connection: &Connection,
    saved: &Path,
) -> Result<(Vec<String>, Vec<TableDifference>)> {
    let form = |copy: &Connection| database::difference_of_form(connection, copy);
    if let Some((what @ "encoding", ours, theirs)) = database::look(saved, form)? {
        let line = format!("the {what} is {ours}, and {theirs} in the snapshot");
        return Ok((vec![line], Vec::new()));
    }
    let uri = database::immutable(saved);
    connection
        .execute("ATTACH ?1 AS saved", [uri])
        .map_err(Error::surveying)?;
    let compared = compare(connection, saved);
    // Inside a transaction it stays as long as the connection.
    if connection.is_autocommit() {
        let detached = connection.execute_batch("DETACH saved");
        return compared.and_then(|found| detached.map(|()| found).map_err(Error::surveying));
    }
    compared
}

fn compare(connection: &Connection, saved: &Path) -> Result<(Vec<String>, Vec<TableDifference>)> {
    let now = schema::read(connection)?;
    let then = database::look(saved, schema::read)?;
    let mut lines = structure(&now, &then);
    if lines.is_empty() {
        lines = declarations(connection)?;
    }
    let mut tables = Vec::new();
    for table in &now.tables {
        let Some(other) = then.table(&table.name) else {
            continue;
        };
        if table.kind == TableKind::Virtual || columns(table) != columns(other) {
            continue;
        }
        let difference = table_rows(connection, table)?;
        tables.extend(Some(difference).filter(|found| (found.now, found.saved) != (0, 0)));
    }
    Ok((lines, tables))
}

/// Rows by all their values, each with its type, and by the rowid where there is one.
fn table_rows(connection: &Connection, table: &Table) -> Result<TableDifference> {
    let rowid = match &table.identity {
        Identity::Rowid(name) => Some(quote(name)),
        Identity::Key(_) | Identity::None => None,
    };
    let values = table
        .columns
        .iter()
        .map(|one| format!("quote({})", quote(&one.name)));
    let columns = rowid
        .into_iter()
        .chain(values)
        .collect::<Vec<_>>()
        .join(", ");
    let name = quote(&table.name);
    let only = |one: &str, other: &str| {
        let sql = format!(
            "SELECT count(*) FROM (SELECT {columns} FROM {one}.{name} \
             EXCEPT SELECT {columns} FROM {other}.{name})"
        );
        connection
            .query_row(&sql, [], |row| row.get(0))
            .map_err(Error::surveying)
    };
    Ok(TableDifference {
        table: table.name.clone(),
        now: only("main", "saved")?,
        saved: only("saved", "main")?,
    })
}

fn columns(table: &Table) -> Vec<&str> {
    let names = table.columns.iter();
    names.map(|column| column.name.as_str()).collect()
}

/// Tables and columns that only one side has.
fn structure(now: &Schema, then: &Schema) -> Vec<String> {
    let mut lines = Vec::new();
    for (here, there, side) in [
        (now, then, "is not in the snapshot"),
        (then, now, "is only in the snapshot"),
    ] {
        let own = |table: &&Table| !table.name.eq_ignore_ascii_case(outbox::TABLE);
        for table in here.tables.iter().filter(own) {
            let Some(other) = there.table(&table.name) else {
                lines.push(format!("the table `{}` {side}", table.name));
                continue;
            };
            let only = table.columns.iter();
            let only = only.filter(|column| other.column(&column.name).is_none());
            lines
                .extend(only.map(|one| format!("the column `{}.{}` {side}", table.name, one.name)));
        }
    }
    lines
}

/// Whatever is declared otherwise, where tables and columns have the same names.
fn declarations(connection: &Connection) -> Result<Vec<String>> {
    let listed = "name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND lower(tbl_name) <> ?1";
    let sql = format!(
        "SELECT DISTINCT type, name FROM (
           SELECT * FROM (SELECT type, name, tbl_name, sql FROM main.sqlite_schema WHERE {listed}
             EXCEPT SELECT type, name, tbl_name, sql FROM saved.sqlite_schema)
           UNION ALL
           SELECT * FROM (SELECT type, name, tbl_name, sql FROM saved.sqlite_schema WHERE {listed}
             EXCEPT SELECT type, name, tbl_name, sql FROM main.sqlite_schema)) ORDER BY 1, 2"
    );
    let mut statement = connection.prepare(&sql).map_err(Error::surveying)?;
    let lines = statement.query_map([outbox::TABLE], |row| {
        let (kind, name): (String, String) = (row.get(0)?, row.get(1)?);
        Ok(format!(
            "the {kind} `{name}` is declared otherwise, or only on one side"
        ))
    });
    lines.and_then(Iterator::collect).map_err(Error::surveying)
}
