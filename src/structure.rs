//! A fresh image of a database: its structure made anew, the books of migration tools kept, a seed
//! sown. The live database is only read.
//!
//! The image is a temporary database without a name, which no crash leaves behind. Virtual tables
//! are made by their own statement, which makes the tables they keep their data in; rows are kept
//! before triggers exist, so that none fires for them. What the database or a file of SQL says
//! runs under an authorizer that knows no other file.

mod objects;
mod rows;
mod script;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::types::Value;

use crate::error::{Error, ResetError, Result};
use crate::outbox;
use crate::schema::{self, Schema, TableKind};
use objects::Object;
pub(crate) use rows::Kept;
pub(crate) use script::Script;

/// What an image is made of beside what the database itself says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blueprint {
    /// Makes the structure, instead of the database's own statements.
    pub(crate) structure: Option<Script>,
    /// Fills it.
    pub(crate) seed: Option<Script>,
    /// The tables whose rows are kept.
    pub(crate) keep: Vec<String>,
}

/// A database that is to take the place of the live one.
#[derive(Debug)]
pub(crate) struct Image {
    /// The connection to it; nothing is under way on it.
    pub(crate) connection: Connection,
    /// Its structure.
    pub(crate) schema: Schema,
    /// Rows that were kept, by table.
    pub(crate) kept: Vec<Kept>,
}

impl Image {
    /// Makes the image of `live`, which is read in the caller's read transaction.
    ///
    /// Fails where part of the structure cannot be made by this program's `SQLite` (a function, a
    /// collation or a module of the application), where it would not be the same, where a statement
    /// of a script fails, or where rows cannot be kept.
    pub(crate) fn build(live: &Connection, blueprint: &Blueprint) -> Result<Self> {
        let image = empty_like(live)?;
        image
            .execute_batch("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; BEGIN")
            .map_err(Error::imaging)?;
        let old = schema::read(live)?;
        let objects = objects::of(live, &old)?;
        let kept = match &blueprint.structure {
            Some(script) => {
                script.run(&image)?;
                objects::make_missing(&image, &objects, &blueprint.keep)?;
                rows::keep(live, &old, &image, &blueprint.keep)?
            }
            None => copy(live, &old, &image, &objects, &blueprint.keep)?,
        };
        image
            .execute_batch(
                "COMMIT; PRAGMA ignore_check_constraints = OFF; PRAGMA foreign_keys = ON",
            )
            .map_err(Error::imaging)?;
        if let Some(seed) = &blueprint.seed {
            sow(&image, seed)?;
        }
        if blueprint.structure.is_none() {
            objects::require_same(live, &old, &image)?;
        }
        Ok(Self {
            schema: schema::read(&image)?,
            connection: image,
            kept,
        })
    }
}

fn sow(image: &Connection, seed: &Script) -> Result<()> {
    image.execute_batch("BEGIN").map_err(Error::imaging)?;
    let statements = seed.run(image)?;
    let committed = image.execute_batch("COMMIT");
    committed.map_err(|error| seed.failed(statements, &error))
}

/// Tables, rows, then whatever stands on tables.
fn copy(
    live: &Connection,
    old: &Schema,
    image: &Connection,
    objects: &[Object],
    keep: &[String],
) -> Result<Vec<Kept>> {
    let (tables, others): (Vec<_>, Vec<_>) = objects.iter().partition(|one| one.is("table"));
    objects::make(image, tables)?;
    objects::make_internal(live, image)?;
    let kept = rows::keep(live, old, image, keep)?;
    for kind in ["index", "view", "trigger"] {
        objects::make(image, others.iter().copied().filter(|one| one.is(kind)))?;
    }
    Ok(kept)
}

/// An empty database with the pragmas of `live` that its file holds.
fn empty_like(live: &Connection) -> Result<Connection> {
    let image = Connection::open("").map_err(Error::imaging)?;
    for (setting, value) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        // An old structure may quote strings like names, as its SQLite let it.
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, true),
    ] {
        image
            .set_db_config(setting, value)
            .map_err(Error::imaging)?;
    }
    for pragma in [
        "page_size",
        "encoding",
        "auto_vacuum",
        "application_id",
        "user_version",
    ] {
        let value = live.pragma_query_value(Some("main"), pragma, |row| row.get(0));
        let value: Value = value.map_err(Error::surveying)?;
        let set = image.pragma_update(Some("main"), pragma, value);
        set.map_err(Error::imaging)?;
    }
    Ok(image)
}

/// Tables of this schema that hold rows of their own and are not this program's.
fn ordinary(schema: &Schema) -> impl Iterator<Item = &schema::Table> {
    schema.tables.iter().filter(|table| {
        matches!(table.kind, TableKind::Rowid | TableKind::WithoutRowid)
            && !table.name.eq_ignore_ascii_case(outbox::TABLE)
    })
}

fn cannot_keep(table: &str, reason: impl Into<String>) -> Error {
    Error::from(ResetError::Keep {
        table: table.into(),
        reason: reason.into(),
    })
}

#[cfg(test)]
mod tests;
