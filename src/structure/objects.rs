//! The objects of a structure, made by the statements that made them.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::script::{reason, restrained};
use crate::error::{Error, ResetError, Result};
use crate::outbox;
use crate::schema::{Schema, TableKind};

/// A row of `sqlite_schema` that a statement makes.
#[derive(Debug)]
pub(super) struct Object {
    kind: String,
    name: String,
    table: String,
    sql: String,
}

impl Object {
    pub(super) fn is(&self, kind: &str) -> bool {
        self.kind == kind
    }
}

/// What the statements of `live` make, in their order: without what `SQLite`, virtual tables and
/// this program make themselves.
pub(super) fn of(live: &Connection, schema: &Schema) -> Result<Vec<Object>> {
    let sql = "SELECT type, name, tbl_name, sql FROM main.sqlite_schema \
               WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid";
    let mut statement = live.prepare(sql).map_err(Error::surveying)?;
    let objects = statement.query_map([], |row| {
        Ok(Object {
            kind: row.get(0)?,
            name: row.get(1)?,
            table: row.get(2)?,
            sql: row.get(3)?,
        })
    });
    let objects: Vec<Object> = objects
        .and_then(Iterator::collect)
        .map_err(Error::surveying)?;
    let made_by_others = |object: &Object| {
        object.table.eq_ignore_ascii_case(outbox::TABLE) || is_shadow(schema, &object.table)
    };
    Ok(objects
        .into_iter()
        .filter(|object| !made_by_others(object))
        .collect())
}

fn is_shadow(schema: &Schema, table: &str) -> bool {
    let found = schema.table(table);
    found.is_some_and(|table| table.kind == TableKind::Shadow)
}

/// Makes objects.
pub(super) fn make<'o>(
    image: &Connection,
    objects: impl IntoIterator<Item = &'o Object>,
) -> Result<()> {
    restrained(image, || {
        objects.into_iter().try_for_each(|object| {
            log::trace!("{}", object.sql);
            // One statement, whatever else the text holds.
            let made = image.execute(&object.sql, []);
            made.map(drop).map_err(|error| {
                Error::from(ResetError::Object {
                    kind: object.kind.clone(),
                    name: object.name.clone(),
                    reason: reason(&error),
                })
            })
        })
    })
}

/// Makes those of the tables `keep` that the image lacks, with their indexes.
pub(super) fn make_missing(image: &Connection, objects: &[Object], keep: &[String]) -> Result<()> {
    let kept = |object: &&Object| {
        keep.iter()
            .any(|table| table.eq_ignore_ascii_case(&object.table))
            && (object.is("table") || object.is("index"))
    };
    let sql = "SELECT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE lower(name) = lower(?1))";
    for object in objects.iter().filter(kept) {
        let there = image.query_row(sql, [&object.name], |row| row.get(0));
        if !there.map_err(Error::imaging)? {
            make(image, [object])?;
        }
    }
    Ok(())
}

/// The tables that `SQLite` makes when it first needs them: sequences, and statistics (empty).
pub(super) fn make_internal(live: &Connection, image: &Connection) -> Result<()> {
    let has = |connection: &Connection, name: &str| {
        let sql = "SELECT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE name = ?1)";
        connection.query_row(sql, [name], |row| row.get::<_, bool>(0))
    };
    let make = |name: &str, sql: &str| -> rusqlite::Result<()> {
        if has(live, name)? && !has(image, name)? {
            image.execute_batch(sql)?;
        }
        Ok(())
    };
    let sequence = "CREATE TABLE _reset_app_once(id INTEGER PRIMARY KEY AUTOINCREMENT); \
                    DROP TABLE _reset_app_once";
    let statistics = "CREATE TABLE _reset_app_once(id); ANALYZE main._reset_app_once; \
                      DROP TABLE _reset_app_once";
    make("sqlite_sequence", sequence)
        .and_then(|()| make("sqlite_stat1", statistics))
        .and_then(|()| {
            if has(image, "sqlite_stat4")? && !has(live, "sqlite_stat4")? {
                image.execute_batch("DROP TABLE sqlite_stat4")?;
            }
            Ok(())
        })
        .map_err(Error::imaging)
}

/// Fails unless both have the same objects (invariant 8). Tables in which virtual tables keep their
/// data are compared by name: another version of a module may word their statements otherwise.
pub(super) fn require_same(live: &Connection, schema: &Schema, image: &Connection) -> Result<()> {
    let (ours, theirs) = (signatures(live, schema)?, signatures(image, schema)?);
    match ours.symmetric_difference(&theirs).next() {
        None => Ok(()),
        Some((_, name, ..)) => Err(Error::from(ResetError::Differs { name: name.clone() })),
    }
}

type Signature = (String, String, String, Option<String>);

fn signatures(connection: &Connection, schema: &Schema) -> Result<BTreeSet<Signature>> {
    let sql = "SELECT type, name, tbl_name, sql FROM main.sqlite_schema \
               WHERE name NOT LIKE 'sqlite\\_stat_' ESCAPE '\\'";
    let mut statement = connection.prepare(sql).map_err(Error::surveying)?;
    let rows = statement.query_map([], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    });
    let rows: Vec<Signature> = rows.and_then(Iterator::collect).map_err(Error::surveying)?;
    let ours = rows
        .into_iter()
        .filter(|(_, _, table, _)| !table.eq_ignore_ascii_case(outbox::TABLE));
    Ok(ours
        .map(|(kind, name, table, sql)| {
            let sql = sql.filter(|_| !is_shadow(schema, &table));
            (kind, name, table, sql)
        })
        .collect())
}
