//! What the rows of a database say, read at a cost that stays linear: samples of every table, and
//! counts of values that are keys of another.

mod telling;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::names::is_plain;
use crate::error::{Error, Result};
use crate::manifest::Form;
use crate::schema::{Affinity, Identity, Schema, Table};
use crate::sql::{joined, main_table, quote, type_of};

/// So many values are compared; more are sampled.
const COMPARED: u32 = 100_000;
/// So many rows are looked at from each end of a table.
const SAMPLED: u32 = 200;
/// A value longer than this says nothing more.
const LONGEST: u32 = 16_384;

/// How many values of a column are keys of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Match {
    /// Values that are keys.
    pub(super) fitting: u64,
    /// Values compared: neither null nor 0 nor empty.
    pub(super) of: u64,
    /// There are more values than were compared.
    pub(super) sampled: Sampled,
}

/// Whether all values were compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sampled {
    #[default]
    All,
    First,
}

impl Match {
    /// At least so many of a hundred values fit, and there are some.
    pub(super) fn is_most(self, percent: u64) -> bool {
        self.of > 0 && self.fitting * 100 >= self.of * percent
    }

    /// As it is quoted: `1,204 of 1,204 values are users.id`.
    pub(super) fn sentence(self, target: &str) -> String {
        match (self.of, self.sampled) {
            (0, _) => "no values yet".into(),
            (of, Sampled::All) => format!(
                "{} of {} values are {target}",
                grouped(self.fitting),
                grouped(of)
            ),
            (of, Sampled::First) => format!(
                "{} of the first {} values are {target}",
                grouped(self.fitting),
                grouped(of)
            ),
        }
    }
}

/// A number with its thousands apart.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A column, in the form in which it names something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) table: &'a str,
    pub(super) column: &'a str,
    pub(super) form: &'a Form,
}

/// Two columns of a table, and two of another, that may hold the same pairs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pairs<'a> {
    /// The table whose rows are counted.
    pub(super) of: (&'a str, &'a str, &'a str),
    /// The table that may have the same pairs.
    pub(super) among: (&'a str, &'a str, &'a str),
}

/// The rows of a database, as far as they are looked at.
#[derive(Debug)]
pub(super) struct Evidence<'a> {
    connection: &'a Connection,
    schema: &'a Schema,
    samples: RefCell<BTreeMap<usize, Vec<Vec<Value>>>>,
    keys: RefCell<BTreeMap<(String, String), String>>,
    made: Cell<usize>,
}

impl<'a> Evidence<'a> {
    pub(super) fn new(connection: &'a Connection, schema: &'a Schema) -> Self {
        Self {
            connection,
            schema,
            samples: RefCell::default(),
            keys: RefCell::default(),
            made: Cell::new(0),
        }
    }

    /// How many rows a table has.
    pub(super) fn rows(&self, table: usize) -> Result<u64> {
        let table = &self.schema.tables[table];
        self.number(&format!("SELECT count(*) FROM {}", main_table(&table.name)))
    }

    /// Values of a column, of the first and the last rows; numbers and text only.
    pub(super) fn sample(&self, table: usize, column: usize) -> Result<Vec<Value>> {
        let cells = self.cells(table, column)?.into_iter();
        Ok(cells.filter(|value| *value != Value::Null).collect())
    }

    /// The same with null, where there is none.
    pub(super) fn cells(&self, table: usize, column: usize) -> Result<Vec<Value>> {
        if !self.samples.borrow().contains_key(&table) {
            let sample = self.read_sample(&self.schema.tables[table])?;
            self.samples.borrow_mut().insert(table, sample);
        }
        let samples = self.samples.borrow();
        let rows = samples.get(&table).into_iter().flatten();
        Ok(rows.filter_map(|row| row.get(column).cloned()).collect())
    }

    /// The text among them.
    pub(super) fn texts(&self, table: usize, column: usize) -> Result<Vec<String>> {
        let values = self.sample(table, column)?.into_iter();
        Ok(values
            .filter_map(|value| match value {
                Value::Text(text) => Some(text),
                _ => None,
            })
            .collect())
    }

    fn read_sample(&self, table: &Table) -> Result<Vec<Vec<Value>>> {
        let columns = joined(
            table.columns.iter().map(|c| short_text(&quote(&c.name))),
            ", ",
        );
        let from = main_table(&table.name);
        let mut rows = self.read_rows(
            &format!("SELECT {columns} FROM {from} LIMIT {SAMPLED}"),
            table.columns.len(),
        )?;
        if let (Identity::Rowid(rowid), true) = (&table.identity, is_plain(table))
            && rows.len() >= SAMPLED as usize
        {
            let rowid = quote(rowid);
            let sql = format!("SELECT {columns} FROM {from} ORDER BY {rowid} DESC LIMIT {SAMPLED}");
            rows.extend(self.read_rows(&sql, table.columns.len())?);
        }
        Ok(rows)
    }

    fn read_rows(&self, sql: &str, width: usize) -> Result<Vec<Vec<Value>>> {
        let mut statement = self.connection.prepare(sql).map_err(Error::surveying)?;
        let mut rows = statement.query([]).map_err(Error::surveying)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(Error::surveying)? {
            let value = |at: usize| match row.get_ref(at) {
                Ok(rusqlite::types::ValueRef::Integer(number)) => Value::Integer(number),
                Ok(rusqlite::types::ValueRef::Text(text)) => {
                    Value::Text(String::from_utf8_lossy(text).into_owned())
                }
                _ => Value::Null,
            };
            found.push((0..width).map(value).collect());
        }
        Ok(found)
    }

    /// How many values at `place` are values of a column of `parent`.
    pub(super) fn matches(&self, place: Place, parent: usize, column: &str) -> Result<Match> {
        let known = self.known(parent, column)?;
        let values = values(place);
        let sql = format!(
            "SELECT count(*), coalesce(sum(EXISTS (SELECT 1 FROM {known} AS k WHERE k.{known_column} = +x.v)), 0) \
             FROM ({values} LIMIT {COMPARED}) AS x",
            known = known.0,
            known_column = known.1,
        );
        let (of, fitting): (u64, u64) = self
            .connection
            .query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(Error::surveying)?;
        let sampled = if of == u64::from(COMPARED) {
            Sampled::First
        } else {
            Sampled::All
        };
        Ok(Match {
            fitting,
            of,
            sampled,
        })
    }

    /// How many of these values are values of a column of `parent`.
    pub(super) fn fitting(&self, values: &[Value], parent: usize, column: &str) -> Result<u64> {
        let (known, known_column) = self.known(parent, column)?;
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {known} AS k WHERE k.{known_column} = ?1)");
        let mut statement = self
            .connection
            .prepare_cached(&sql)
            .map_err(Error::surveying)?;
        let mut fitting = 0;
        for value in values {
            let fits: bool = statement
                .query_row([value], |row| row.get(0))
                .map_err(Error::surveying)?;
            fitting += u64::from(fits);
        }
        Ok(fitting)
    }

    /// How many rows of a table have, in two columns, what a row of another has in two of its own; of
    /// all that name something in both.
    pub(super) fn pairs(&self, pairs: Pairs) -> Result<Match> {
        let (of, one, other) = pairs.of;
        let (among, of_one, of_other) = pairs.among;
        let sql = format!(
            "SELECT count(*), coalesce(sum((x.a, x.b) IN (SELECT {}, {} FROM {})), 0) \
             FROM (SELECT {} AS a, {} AS b FROM {}) AS x \
             WHERE x.a IS NOT NULL AND x.b NOT IN (0, '', -1, '0')",
            quote(of_one),
            quote(of_other),
            main_table(among),
            quote(one),
            quote(other),
            main_table(of),
        );
        let counted = self.connection.query_row(&sql, [], |row| {
            Ok(Match {
                of: row.get(0)?,
                fitting: row.get::<_, Option<u64>>(1)?.unwrap_or_default(),
                sampled: Sampled::All,
            })
        });
        counted.map_err(Error::surveying)
    }

    /// How many different values stand at `place`, up to the number that is compared.
    pub(super) fn distinct(&self, place: Place) -> Result<u64> {
        self.number(&format!(
            "SELECT count(DISTINCT v) FROM ({} LIMIT {COMPARED})",
            values(place)
        ))
    }

    /// Some of the values at `place`.
    pub(super) fn values(&self, place: Place) -> Result<Vec<Value>> {
        let rows = self.read_rows(&format!("{} LIMIT {SAMPLED}", values(place)), 1)?;
        Ok(rows.into_iter().flatten().collect())
    }

    /// The different values of a column that has few; `None` where it has many.
    pub(super) fn few(
        &self,
        table: &str,
        column: &str,
        most: u32,
    ) -> Result<Option<Vec<(Value, u64)>>> {
        let form = Form::default();
        let sql = format!(
            "SELECT v, count(*) FROM ({} LIMIT {COMPARED}) GROUP BY v ORDER BY v LIMIT {}",
            values(Place {
                table,
                column,
                form: &form
            }),
            most + 1
        );
        let mut statement = self.connection.prepare(&sql).map_err(Error::surveying)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        let found: std::result::Result<Vec<(Value, u64)>, _> =
            rows.map_err(Error::surveying)?.collect();
        let found = found.map_err(Error::surveying)?;
        Ok((found.len() <= most as usize).then_some(found))
    }

    /// One value, for each of the others: the rows of a small catalogue.
    pub(super) fn catalogue(
        &self,
        table: &str,
        columns: [&str; 3],
    ) -> Result<Vec<(Value, String, String)>> {
        let columns = joined(columns.map(quote), ", ");
        let sql = format!("SELECT {columns} FROM {} LIMIT 2000", main_table(table));
        let mut statement = self.connection.prepare(&sql).map_err(Error::surveying)?;
        let rows = statement.query_map([], |row| {
            let text = |at| {
                row.get::<_, Option<String>>(at)
                    .map(Option::unwrap_or_default)
            };
            Ok((
                row.get(0)?,
                text(1).unwrap_or_default(),
                text(2).unwrap_or_default(),
            ))
        });
        let rows: std::result::Result<Vec<_>, _> = rows.map_err(Error::surveying)?.collect();
        rows.map_err(Error::surveying)
    }

    fn number(&self, sql: &str) -> Result<u64> {
        let number = self.connection.query_row(sql, [], |row| row.get(0));
        number.map_err(Error::surveying)
    }

    /// A table and column with an index in which values of this column are looked up: its own, or a
    /// temporary one made once.
    fn known(&self, table: usize, column: &str) -> Result<(String, String)> {
        let table = &self.schema.tables[table];
        let first = |index: &crate::schema::Index| {
            let first = index.columns.first().and_then(Option::as_ref);
            !index.partial && first.is_some_and(|c| c.name.eq_ignore_ascii_case(column))
        };
        if table.is_rowid_alias(column) || table.indexes.iter().any(first) {
            return Ok((main_table(&table.name), quote(column)));
        }
        let key = (table.name.clone(), column.to_owned());
        if let Some(known) = self.keys.borrow().get(&key) {
            return Ok((known.clone(), "v".into()));
        }
        let name = format!("known_{}", self.made.replace(self.made.get() + 1));
        let affinity = table.column(column).map_or(Affinity::Blob, |c| c.affinity);
        let sql = format!(
            "CREATE TEMP TABLE {name}(v {}); INSERT INTO {name} SELECT {column} FROM {} WHERE {column} IS NOT NULL; \
             CREATE INDEX temp.{name}_v ON {name}(v);",
            type_of(affinity),
            main_table(&table.name),
            column = quote(column),
        );
        self.connection
            .execute_batch(&sql)
            .map_err(Error::surveying)?;
        self.keys.borrow_mut().insert(key, format!("temp.{name}"));
        Ok((format!("temp.{name}"), "v".into()))
    }
}

/// The value of a column, without what is too long to say anything.
fn short_text(column: &str) -> String {
    format!(
        "CASE typeof({column}) WHEN 'integer' THEN {column} WHEN 'text' THEN substr({column}, 1, {LONGEST}) \
         WHEN 'blob' THEN CASE WHEN length({column}) <= 255 THEN CAST({column} AS TEXT) END END"
    )
}

/// The values at a place: those that can name something.
fn values(place: Place) -> String {
    let value = crate::sql::held(&format!("c.{}", quote(place.column)), place.form);
    let when = crate::sql::counts("c", place.form).map(|condition| format!(" AND {condition}"));
    format!(
        "SELECT v FROM (SELECT {value} AS v FROM {} AS c WHERE true{}) WHERE v IS NOT NULL AND v NOT IN (0, '', -1, '0')",
        main_table(place.table),
        joined(when, "")
    )
}
