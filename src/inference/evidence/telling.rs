//! What tells more than that values are keys: rows beside each other, keys that nothing meets by chance.

use std::collections::BTreeSet;

use rusqlite::types::Value;

use super::{Evidence, SAMPLED, short_text};
use crate::error::{Error, Result};
use crate::schema::{Identity, Table};
use crate::sql::{joined, main_table, quote};

impl Evidence<'_> {
    /// Rows of one table, each with the row of another behind it whose `key` it holds in `column`.
    pub(in crate::inference) fn beside(
        &self,
        (one, column): (usize, &str),
        (table, key): (usize, &str),
    ) -> Result<Vec<Vec<Value>>> {
        let (one, table) = (&self.schema.tables[one], &self.schema.tables[table]);
        let of = |alias: &str, table: &Table| {
            let columns = table
                .columns
                .iter()
                .map(|c| format!("{alias}.{}", quote(&c.name)));
            joined(columns.map(|column| short_text(&column)), ", ")
        };
        let sql = format!(
            "SELECT {}, {} FROM {} AS i JOIN {} AS t ON t.{} = i.{} LIMIT {SAMPLED}",
            of("i", one),
            of("t", table),
            main_table(&one.name),
            main_table(&table.name),
            quote(key),
            quote(column),
        );
        self.read_rows(&sql, one.columns.len() + table.columns.len())
    }

    /// So many different values are all keys of a table, of which only some of that size are keys: had
    /// they been drawn from numbers of that size, they would hardly be.
    pub(in crate::inference) fn hardly_by_chance(
        &self,
        values: &[Value],
        parent: usize,
        column: &str,
    ) -> Result<bool> {
        const UNGUESSED: usize = 12;
        // Each comes to one in a million: of so many numbers one is a key, and so many values are.
        const HARDLY: [(u64, usize); 3] = [(2, 20), (10, 6), (100, 3)];
        let mut numbers = Vec::new();
        for value in values {
            match value {
                Value::Integer(number) => numbers.push(*number),
                Value::Text(text) if text.len() >= UNGUESSED => {}
                _ => return Ok(false),
            }
        }
        let (Some(least), Some(most)) = (numbers.iter().min(), numbers.iter().max()) else {
            return Ok(!values.is_empty());
        };
        let column = quote(column);
        let keys = self.number(&format!(
            "SELECT count(*) FROM {} WHERE {column} BETWEEN {least} AND {most}",
            main_table(&self.schema.tables[parent].name)
        ))?;
        let of = most.abs_diff(*least).saturating_add(1) / keys.max(1);
        Ok(HARDLY
            .iter()
            .any(|(one_in, values)| of >= *one_in && numbers.len() >= *values))
    }

    /// Whether the rows of a table that hold `value` in a column are one for each different value of
    /// another, and the first of those that have it.
    pub(in crate::inference) fn marks_first(
        &self,
        table: usize,
        of: &str,
        (column, value): (&str, i64),
    ) -> Result<bool> {
        let table = &self.schema.tables[table];
        let order = match (&table.identity, &table.key()[..]) {
            (_, [key]) if table.is_rowid_alias(key) => quote(key),
            (Identity::Rowid(rowid), _) => quote(rowid),
            _ => return Ok(false),
        };
        let (from, of, column) = (main_table(&table.name), quote(of), quote(column));
        let sql = format!(
            "SELECT count(*), count(DISTINCT {of}), (SELECT count(DISTINCT {of}) FROM {from}), \
             coalesce(sum({order} IN (SELECT min({order}) FROM {from} GROUP BY {of})), 0) \
             FROM {from} WHERE {column} = {value}"
        );
        let counted = self.connection.query_row(&sql, [], |row| {
            Ok::<(u64, u64, u64, u64), _>((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        });
        let (rows, marked, all, first) = counted.map_err(Error::surveying)?;
        Ok(all > 1 && rows == marked && marked * 100 >= all * 98 && first * 100 >= rows * 95)
    }

    /// Whether a column of the rows that a table names holds in all of them the name of the user whom the
    /// same row names: `naming` are the table with the two columns that name them, each by a key.
    pub(in crate::inference) fn bear_names(
        &self,
        (naming, [to_part, to_user]): (usize, [&str; 2]),
        (part, part_key): (usize, &str),
        ((user, user_key), name): ((usize, &str), &str),
    ) -> Result<bool> {
        const SHORTEST: usize = 3;
        const LEAST: usize = 3;
        let [naming, part, user] = [naming, part, user].map(|at| &self.schema.tables[at]);
        let columns = part.columns.iter();
        let columns = columns.map(|c| short_text(&format!("p.{}", quote(&c.name))));
        let sql = format!(
            "SELECT u.{}, {} FROM {} AS n JOIN {} AS p ON p.{} = n.{} JOIN {} AS u ON u.{} = n.{} LIMIT {SAMPLED}",
            quote(name),
            joined(columns, ", "),
            main_table(&naming.name),
            main_table(&part.name),
            quote(part_key),
            quote(to_part),
            main_table(&user.name),
            quote(user_key),
            quote(to_user),
        );
        let rows = self.read_rows(&sql, part.columns.len() + 1)?;
        let text = |value: &Value| match value {
            Value::Text(text) => text.to_lowercase(),
            _ => String::new(),
        };
        let names: BTreeSet<String> = rows.iter().map(|row| text(&row[0])).collect();
        let bears = |at: usize| {
            rows.iter()
                .all(|row| text(&row[at]).contains(&text(&row[0])))
        };
        let long = names.iter().all(|name| name.chars().count() >= SHORTEST);
        Ok(long && names.len() > 1 && rows.len() >= LEAST && (1..=part.columns.len()).any(bears))
    }

    /// Whether some rows hold something in a column, and none of them in any of these.
    pub(in crate::inference) fn stands_alone(
        &self,
        table: usize,
        column: &str,
        others: &[&str],
    ) -> Result<bool> {
        let holds = |column: &str| format!("coalesce({} NOT IN (0, ''), 0)", quote(column));
        let others = joined(others.iter().map(|other| holds(other)), " OR ");
        let sql = format!(
            "SELECT count(*), coalesce(sum({others}), 0) FROM {} WHERE {}",
            main_table(&self.schema.tables[table].name),
            holds(column),
        );
        let counted = self.connection.query_row(&sql, [], |row| {
            Ok((row.get::<_, u64>(0)?, row.get::<_, u64>(1)?))
        });
        let (rows, beside) = counted.map_err(Error::surveying)?;
        Ok(rows > 0 && beside == 0)
    }

    /// Counts the rows of a table that hold `value` in a column, what they name by another, and all rows
    /// that name the same.
    pub(in crate::inference) fn marked(
        &self,
        table: usize,
        of: &str,
        (column, value): (&str, &str),
    ) -> Result<Marked> {
        let (from, of, column) = (
            main_table(&self.schema.tables[table].name),
            quote(of),
            quote(column),
        );
        let sql = format!(
            "SELECT count({of}), count(DISTINCT {of}), (SELECT count(*) FROM {from} WHERE {of} IN \
             (SELECT {of} FROM {from} WHERE {column} = ?1)) FROM {from} WHERE {column} = ?1"
        );
        let counted = self.connection.query_row(&sql, [value], |row| {
            Ok(Marked {
                rows: row.get(0)?,
                different: row.get(1)?,
                beside: row.get(2)?,
            })
        });
        counted.map_err(Error::surveying)
    }
}

/// How many rows hold a value, how many different rows they name, and how many rows name those.
#[derive(Clone, Copy, Debug)]
pub(in crate::inference) struct Marked {
    pub(in crate::inference) rows: u64,
    pub(in crate::inference) different: u64,
    pub(in crate::inference) beside: u64,
}
