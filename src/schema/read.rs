//! Reading the structure through `SQLite`'s own pragmas, never by parsing SQL.

use std::collections::HashMap;

use rusqlite::{Connection, Row};

use super::module::pieces;
use super::{
    Action, Affinity, Column, ColumnKind, Event, ForeignKey, ForeignKeyFault, Identity, Index,
    IndexColumn, IndexOrigin, Module, Schema, Table, TableKind, Trigger, affinity, unquoted,
};
use crate::error::{Error, Result};

/// Reads the structure of the main database.
///
/// Reads only. Fails where `SQLite` cannot parse the schema (a malformed or encrypted file) or the
/// database is locked.
pub fn read(connection: &Connection) -> Result<Schema> {
    read_all(connection).map_err(|error| Error::Schema { error })
}

fn read_all(connection: &Connection) -> rusqlite::Result<Schema> {
    let mut schema = Schema {
        triggers: triggers(connection)?,
        ..Schema::default()
    };
    let list = "SELECT name, type, wr, strict FROM pragma_table_list \
                WHERE schema = 'main' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    let mut statement = connection.prepare(list)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        match kind(row)? {
            Some(kind) => schema.tables.push(table(connection, row, kind)?),
            None => schema.views.push(row.get("name")?),
        }
    }
    resolve_foreign_keys(&mut schema);
    Ok(schema)
}

fn kind(row: &Row) -> rusqlite::Result<Option<TableKind>> {
    let kind: String = row.get("type")?;
    let without_rowid: bool = row.get("wr")?;
    Ok(match (kind.as_str(), without_rowid) {
        ("view", _) => None,
        ("virtual", _) => Some(TableKind::Virtual),
        ("shadow", _) => Some(TableKind::Shadow),
        (_, true) => Some(TableKind::WithoutRowid),
        (_, false) => Some(TableKind::Rowid),
    })
}

fn table(connection: &Connection, row: &Row, kind: TableKind) -> rusqlite::Result<Table> {
    let name: String = row.get("name")?;
    let strict = row.get("strict")?;
    let (mut columns, primary_key) = columns(connection, &name, kind)?;
    if strict {
        columns.iter_mut().for_each(keep_any);
    }
    let indexes = indexes(connection, &name)?;
    let identity = identity(kind, &columns, &primary_key, &indexes);
    Ok(Table {
        kind,
        module: module(connection, &name, kind)?,
        strict,
        autoincrement: autoincrement(connection, &name, kind, &columns, &primary_key)?,
        identity,
        foreign_keys: foreign_keys(connection, &name)?,
        indexes,
        columns,
        primary_key,
        name,
    })
}

fn module(
    connection: &Connection,
    table: &str,
    kind: TableKind,
) -> rusqlite::Result<Option<Module>> {
    if kind != TableKind::Virtual {
        return Ok(None);
    }
    let sql = "SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let sql: String = statement.query_row([table], |row| row.get(0))?;
    Ok(Module::of(&sql))
}

fn columns(
    connection: &Connection,
    table: &str,
    kind: TableKind,
) -> rusqlite::Result<(Vec<Column>, Vec<usize>)> {
    let sql = "SELECT name, type, \"notnull\", pk, hidden FROM pragma_table_xinfo(?1, 'main') ORDER BY cid";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([table])?;
    let (mut columns, mut key) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let position: usize = row.get("pk")?;
        if position > 0 {
            key.push((position, columns.len()));
        }
        columns.push(column(connection, table, kind, row)?);
    }
    key.sort_unstable();
    Ok((columns, key.into_iter().map(|(_, at)| at).collect()))
}

fn column(
    connection: &Connection,
    table: &str,
    kind: TableKind,
    row: &Row,
) -> rusqlite::Result<Column> {
    let name: String = row.get("name")?;
    let declared_type: String = row.get("type")?;
    let declared_not_null: bool = row.get("notnull")?;
    let position: usize = row.get("pk")?;
    let column_kind = match row.get("hidden")? {
        0 => ColumnKind::Ordinary,
        1 => ColumnKind::Hidden,
        _ => ColumnKind::Generated,
    };
    Ok(Column {
        affinity: affinity(&declared_type),
        collation: collation(connection, table, &name, kind)?,
        not_null: declared_not_null || (kind == TableKind::WithoutRowid && position > 0),
        kind: column_kind,
        declared_type,
        name,
    })
}

/// `ANY` converts nothing in a `STRICT` table (<https://sqlite.org/stricttables.html>); elsewhere it
/// is a type like any other.
fn keep_any(column: &mut Column) {
    if column.declared_type.eq_ignore_ascii_case("ANY") {
        column.affinity = Affinity::Blob;
    }
}

/// A virtual table's columns have no collation of their own, and asking would connect to its module.
fn collation(
    connection: &Connection,
    table: &str,
    column: &str,
    kind: TableKind,
) -> rusqlite::Result<String> {
    if kind == TableKind::Virtual {
        return Ok("BINARY".into());
    }
    let (_, collation, ..) = connection.column_metadata(Some("main"), table, column)?;
    Ok(collation.map_or_else(
        || "BINARY".into(),
        |name| name.to_string_lossy().into_owned(),
    ))
}

fn autoincrement(
    connection: &Connection,
    table: &str,
    kind: TableKind,
    columns: &[Column],
    key: &[usize],
) -> rusqlite::Result<bool> {
    match key {
        [at] if kind == TableKind::Rowid => {
            let column = columns[*at].name.as_str();
            let (.., autoincrement) = connection.column_metadata(Some("main"), table, column)?;
            Ok(autoincrement)
        }
        _ => Ok(false),
    }
}

fn identity(kind: TableKind, columns: &[Column], key: &[usize], indexes: &[Index]) -> Identity {
    if kind == TableKind::WithoutRowid {
        return Identity::Key(key.iter().map(|&at| columns[at].name.clone()).collect());
    }
    let free = |name: &&str| !columns.iter().any(|c| c.name.eq_ignore_ascii_case(name));
    match ["rowid", "_rowid_", "oid"].into_iter().find(free) {
        Some(name) => Identity::Rowid(name.into()),
        None => shadowed_identity(columns, key, indexes),
    }
}

/// All three names of the rowid are taken: an INTEGER PRIMARY KEY is still the rowid, under its
/// own name or another (but not with an index of its own, as after DESC), and other keys do where
/// every row has one.
fn shadowed_identity(columns: &[Column], key: &[usize], indexes: &[Index]) -> Identity {
    let has_own_index = indexes.iter().any(|i| i.origin == IndexOrigin::PrimaryKey);
    let certain = |&at: &usize| {
        let column: &Column = &columns[at];
        column.not_null || (!has_own_index && column.declared_type.eq_ignore_ascii_case("INTEGER"))
    };
    match key {
        [] => Identity::None,
        [at] if certain(at) => Identity::Key(vec![columns[*at].name.clone()]),
        several if several.iter().all(|&at| columns[at].not_null) => {
            Identity::Key(several.iter().map(|&at| columns[at].name.clone()).collect())
        }
        _ => Identity::None,
    }
}

fn foreign_keys(connection: &Connection, table: &str) -> rusqlite::Result<Vec<ForeignKey>> {
    let sql = "SELECT id, \"table\", \"from\", \"to\", on_delete \
               FROM pragma_foreign_key_list(?1, 'main') ORDER BY id, seq";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([table])?;
    let mut keys: Vec<(i64, ForeignKey)> = Vec::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get("id")?;
        if keys.last().is_none_or(|(last, _)| *last != id) {
            keys.push((id, foreign_key(row)?));
        }
        if let Some((_, key)) = keys.last_mut() {
            key.columns.push(row.get("from")?);
            key.parent_columns
                .extend(row.get::<_, Option<String>>("to")?);
        }
    }
    Ok(keys.into_iter().rev().map(|(_, key)| key).collect())
}

fn foreign_key(row: &Row) -> rusqlite::Result<ForeignKey> {
    let action: String = row.get("on_delete")?;
    Ok(ForeignKey {
        columns: Vec::new(),
        parent: row.get("table")?,
        parent_columns: Vec::new(),
        on_delete: match action.as_str() {
            "CASCADE" => Action::Cascade,
            "SET NULL" => Action::SetNull,
            "SET DEFAULT" => Action::SetDefault,
            "RESTRICT" => Action::Restrict,
            _ => Action::NoAction,
        },
        fault: None,
    })
}

fn resolve_foreign_keys(schema: &mut Schema) {
    let known = schema.clone();
    let names = known.tables.iter();
    let tables: HashMap<String, &Table> = names
        .map(|table| (table.name.to_ascii_lowercase(), table))
        .collect();
    for key in schema.tables.iter_mut().flat_map(|t| &mut t.foreign_keys) {
        let Some(parent) = tables.get(&key.parent.to_ascii_lowercase()) else {
            key.fault = Some(ForeignKeyFault::ParentMissing);
            continue;
        };
        key.parent.clone_from(&parent.name);
        if key.parent_columns.is_empty() {
            key.parent_columns = parent.key().into_iter().map(str::to_owned).collect();
        }
        if key.parent_columns.len() != key.columns.len() || !parent.is_key(&key.parent_columns) {
            key.fault = Some(ForeignKeyFault::Mismatch);
        }
    }
}

fn indexes(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Index>> {
    let sql =
        "SELECT name, \"unique\", origin, partial FROM pragma_index_list(?1, 'main') ORDER BY seq";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([table])?;
    let mut indexes = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get("name")?;
        let origin: String = row.get("origin")?;
        indexes.push(Index {
            columns: index_columns(connection, &name)?,
            unique: row.get("unique")?,
            partial: row.get("partial")?,
            origin: match origin.as_str() {
                "pk" => IndexOrigin::PrimaryKey,
                "u" => IndexOrigin::Unique,
                _ => IndexOrigin::Created,
            },
            name,
        });
    }
    Ok(indexes)
}

fn index_columns(
    connection: &Connection,
    index: &str,
) -> rusqlite::Result<Vec<Option<IndexColumn>>> {
    let sql = "SELECT name, coll FROM pragma_index_xinfo(?1, 'main') WHERE key ORDER BY seqno";
    let mut statement = connection.prepare_cached(sql)?;
    let columns = statement.query_map([index], |row| {
        let collation: Option<String> = row.get("coll")?;
        Ok(row
            .get::<_, Option<String>>("name")?
            .map(|name| IndexColumn {
                name,
                collation: collation.unwrap_or_else(|| "BINARY".into()),
            }))
    })?;
    columns.collect()
}

fn triggers(connection: &Connection) -> rusqlite::Result<Vec<Trigger>> {
    let sql =
        "SELECT name, tbl_name, sql FROM main.sqlite_schema WHERE type = 'trigger' ORDER BY name";
    let mut statement = connection.prepare(sql)?;
    let triggers = statement.query_map([], |row| {
        let sql: String = row.get(2)?;
        let words = pieces(&sql);
        let on = words
            .iter()
            .position(|word| word.eq_ignore_ascii_case("on"));
        let event = on.and_then(|on| words.get(on.checked_sub(1)?));
        Ok(Trigger {
            name: row.get(0)?,
            table: row.get(1)?,
            event: match event {
                Some(word) if word.eq_ignore_ascii_case("delete") => Event::Delete,
                _ => Event::Other,
            },
            words: words
                .iter()
                .map(|word| unquoted(word).to_ascii_lowercase())
                .collect(),
        })
    })?;
    triggers.collect()
}
