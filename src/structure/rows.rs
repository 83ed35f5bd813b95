//! Rows that are kept: copied one by one, with their rowids and their sequence.

use rusqlite::{Connection, params_from_iter};

use super::script::reason;
use super::{cannot_keep, ordinary};
use crate::error::{Error, Result};
use crate::schema::{self, ColumnKind, Identity, Schema, Table};
use crate::sql::{joined, main_table, quote};

/// Rows of a table that were kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) table: String,
    pub(crate) rows: u64,
}

/// Copies the rows of `tables` from `live`, whose structure is `old`, to the image. Foreign keys are
/// off there, and no trigger exists that could fire.
pub(super) fn keep(
    live: &Connection,
    old: &Schema,
    image: &Connection,
    tables: &[String],
) -> Result<Vec<Kept>> {
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    let new = schema::read(image)?;
    let mut kept = Vec::new();
    for name in tables {
        let from = find(old, name)?;
        let to = find(&new, name)?;
        let rows = copy(live, from, image, to)?;
        if from.autoincrement && to.autoincrement {
            copy_sequence(live, image, from, to).map_err(|error| failed(name, &error))?;
        }
        kept.push(Kept {
            table: from.name.clone(),
            rows,
        });
    }
    for name in tables {
        require_parents(image, find(&new, name)?)?;
    }
    Ok(kept)
}

fn find<'s>(schema: &'s Schema, name: &str) -> Result<&'s Table> {
    ordinary(schema)
        .find(|table| table.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| cannot_keep(name, "it is no ordinary table"))
}

fn failed(table: &str, error: &rusqlite::Error) -> Error {
    cannot_keep(table, reason(error))
}

fn copy(live: &Connection, from: &Table, image: &Connection, to: &Table) -> Result<u64> {
    let (read, written) = columns(from, to)?;
    let select = format!(
        "SELECT {} FROM {}",
        joined(read.iter().cloned(), ", "),
        main_table(&from.name)
    );
    let places = joined((1..=written.len()).map(|at| format!("?{at}")), ", ");
    let insert = format!(
        "INSERT INTO {}({}) VALUES ({places})",
        main_table(&to.name),
        joined(written, ", ")
    );
    let error = |error: rusqlite::Error| failed(&from.name, &error);
    let mut select = live.prepare(&select).map_err(error)?;
    let mut insert = image.prepare(&insert).map_err(error)?;
    let mut rows = select.query([]).map_err(error)?;
    let mut copied = 0;
    while let Some(row) = rows.next().map_err(error)? {
        let values = (0..read.len()).map(|at| row.get_ref(at));
        let values: Vec<_> = values.collect::<Result<_, _>>().map_err(error)?;
        insert
            .execute(params_from_iter(values.into_iter().map(Borrowed)))
            .map_err(error)?;
        copied += 1;
    }
    Ok(copied)
}

/// The columns as they are read and as they are written, the rowid among them where it has a name
/// and is no column's other name.
fn columns(from: &Table, to: &Table) -> Result<(Vec<String>, Vec<String>)> {
    let mut read = Vec::new();
    for column in from
        .columns
        .iter()
        .filter(|c| c.kind == ColumnKind::Ordinary)
    {
        let there = to.column(&column.name).map(|there| there.kind);
        if there != Some(ColumnKind::Ordinary) {
            let text = format!(
                "the new table has no column `{}` that can be set",
                column.name
            );
            return Err(cannot_keep(&from.name, text));
        }
        read.push(quote(&column.name));
    }
    let mut written = read.clone();
    if let (Identity::Rowid(old), Identity::Rowid(new)) = (&from.identity, &to.identity) {
        read.push(quote(old));
        written.push(quote(new));
    }
    Ok((read, written))
}

struct Borrowed<'r>(rusqlite::types::ValueRef<'r>);

impl rusqlite::ToSql for Borrowed<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(rusqlite::types::ToSqlOutput::Borrowed(self.0))
    }
}

/// Ids of kept rows that are gone are not handed out again.
fn copy_sequence(
    live: &Connection,
    image: &Connection,
    from: &Table,
    to: &Table,
) -> rusqlite::Result<()> {
    let sql = "SELECT seq FROM main.sqlite_sequence WHERE name = ?1";
    let mut statement = live.prepare(sql)?;
    let mut rows = statement.query([&from.name])?;
    let Some(row) = rows.next()? else {
        return Ok(());
    };
    let sequence: i64 = row.get(0)?;
    let set = "UPDATE main.sqlite_sequence SET seq = ?2 WHERE name = ?1";
    if image.execute(set, (&to.name, sequence))? == 0 {
        let add = "INSERT INTO main.sqlite_sequence(name, seq) VALUES (?1, ?2)";
        image.execute(add, (&to.name, sequence))?;
    }
    Ok(())
}

/// Kept rows that name rows which go would be broken.
fn require_parents(image: &Connection, table: &Table) -> Result<()> {
    if table.foreign_keys.is_empty() {
        return Ok(());
    }
    let sql = "SELECT count(*) FROM pragma_foreign_key_check(?1)";
    let broken = image.query_row(sql, [&table.name], |row| row.get::<_, u64>(0));
    match broken.map_err(|error| failed(&table.name, &error))? {
        0 => Ok(()),
        broken => Err(cannot_keep(
            &table.name,
            format!("{broken} references of them name rows that go"),
        )),
    }
}
