//! What a database holds, whatever its bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::Lines;

/// The structure of a database and the rows of every table, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dump {
    /// `type name table sql` of every object.
    schema: Vec<String>,
    /// `column=value …` of every row, by table.
    tables: BTreeMap<String, Vec<String>>,
}

impl Dump {
    /// Reads the database at `path`.
    pub(crate) fn of(path: &Path) -> Self {
        Self::after(path, "")
    }

    /// The same after `sql`, which is run on a copy.
    pub(crate) fn after(path: &Path, sql: &str) -> Self {
        with_reader(path, |reader| {
            reader.execute_batch(sql).unwrap();
            Self::read(reader)
        })
    }

    /// Reads what a connection sees.
    pub(crate) fn read(reader: &Connection) -> Self {
        Self {
            schema: schema_of(reader),
            tables: table_names(reader)
                .into_iter()
                .map(|table| (table.clone(), rows_of(reader, &table)))
                .collect(),
        }
    }

    /// The same wherever the install lies: `text` in the rows becomes `placeholder`.
    pub(crate) fn replacing(mut self, text: &str, placeholder: &str) -> Self {
        for row in self.tables.values_mut().flatten() {
            if row.contains(text) {
                *row = row.replace(text, placeholder);
            }
        }
        self
    }

    /// The rows of one table.
    pub(crate) fn table(&self, name: &str) -> &[String] {
        &self.tables[name]
    }

    /// The names of the tables.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().map(String::as_str)
    }

    /// The structure: `type name table sql` of every object.
    pub(crate) fn schema(&self) -> &[String] {
        &self.schema
    }

    /// The same without the rows of some tables: to compare what should not have changed.
    pub(crate) fn without(mut self, tables: &[&str]) -> Self {
        self.tables
            .retain(|name, _| !tables.contains(&name.as_str()));
        self
    }

    /// The same as if a table did not exist.
    pub(crate) fn without_table(mut self, table: &str) -> Self {
        self.tables.remove(table);
        let of_table = |object: &String| object.split(' ').nth(2) == Some(table);
        self.schema.retain(|object| !of_table(object));
        self
    }
}

impl Lines for Dump {
    fn lines(&self) -> Vec<String> {
        let schema = self.schema.iter().map(|object| format!("schema: {object}"));
        let rows = self
            .tables
            .iter()
            .flat_map(|(table, rows)| rows.iter().map(move |row| format!("{table}: {row}")));
        schema.chain(rows).collect()
    }
}

/// Reads a private copy of the database and its journals: a reader of the original could roll a hot
/// journal back, checkpoint a WAL, or drop the locks that `SQLite` holds in this process.
pub(crate) fn with_reader<T>(database: &Path, read: impl FnOnce(&Connection) -> T) -> T {
    let directory = super::scratch();
    let copy = directory.path().join(database.file_name().unwrap());
    for suffix in ["", "-journal", "-wal"] {
        let from = append(database, suffix);
        if from.exists() {
            fs::copy(from, append(&copy, suffix)).unwrap();
        }
    }
    read(&Connection::open(&copy).unwrap())
}

fn append(path: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn schema_of(reader: &Connection) -> Vec<String> {
    strings(
        reader,
        "SELECT concat_ws(' ', type, name, tbl_name, sql) FROM sqlite_schema ORDER BY 1",
    )
}

fn table_names(reader: &Connection) -> Vec<String> {
    strings(
        reader,
        "SELECT name FROM sqlite_schema WHERE type = 'table'",
    )
}

fn strings(reader: &Connection, sql: &str) -> Vec<String> {
    let mut statement = reader.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn rows_of(reader: &Connection, table: &str) -> Vec<String> {
    let quoted = table.replace('"', "\"\"");
    let mut statement = reader
        .prepare(&format!("SELECT * FROM \"{quoted}\""))
        .unwrap();
    let columns: Vec<String> = statement
        .column_names()
        .into_iter()
        .map(String::from)
        .collect();
    let rows = statement
        .query_map([], |row| Ok(row_line(&columns, row)))
        .unwrap();
    let mut lines: Vec<String> = rows.collect::<Result<_, _>>().unwrap();
    lines.sort();
    lines
}

fn row_line(columns: &[String], row: &Row<'_>) -> String {
    let fields = columns.iter().enumerate();
    let fields =
        fields.map(|(at, column)| format!("{column}={}", literal(row.get_ref(at).unwrap())));
    fields.collect::<Vec<_>>().join(" ")
}

/// The value, so that no two different ones look alike.
fn literal(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".into(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => format!("{number:?}"),
        ValueRef::Text(bytes) => format!("'{}'", bytes.escape_ascii()),
        ValueRef::Blob(bytes) => format!("blob '{}'", bytes.escape_ascii()),
    }
}
