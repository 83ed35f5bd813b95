//! What identifies the users of a run: read before their rows go, held in memory only.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params_from_iter};

use super::holders::{Holder, holders};
use super::tokens::{Gathered, Kind, Tokens};
use super::words::PersonWords;
use crate::error::{Error, Result};
use crate::manifest::Users;
use crate::plan::Plan;
use crate::schema::Schema;
use crate::sql::{joined, main_table, quote};
use crate::survey::Targets;
use crate::user::UserKey;

/// A name shorter than this would be found in half of all texts.
const SHORTEST: usize = 3;

/// Of more users only the whole addresses are searched for.
const MOST_WITH_HANDLES: usize = 50;

/// The identifiers of some users.
#[derive(Clone, Debug)]
pub(crate) struct Identifiers {
    pub(crate) tokens: Arc<Tokens>,
    /// The key of each position.
    pub(crate) keys: BTreeMap<i64, UserKey>,
    /// Names and addresses that are text, for full-text indexes.
    pub(crate) phrases: Vec<(String, (i64, Kind))>,
    /// What cannot be searched for, and why.
    pub(crate) unsearched: Vec<String>,
}

impl Identifiers {
    /// Those of the targets, as their rows hold them now.
    pub(crate) fn read(
        connection: &Connection,
        plan: &Plan,
        schema: &Schema,
        users: &Users,
    ) -> Result<Self> {
        let holders = holders(connection, schema, plan, users)?;
        let mut reading = Reading::new(connection);
        let mut next = Targets::next(connection, 0)?;
        while let Some(position) = next {
            if let Some(key) = Targets::key(connection, position)? {
                reading.add_key(position, &key);
            }
            next = Targets::next(connection, position)?;
        }
        for holder in &holders {
            reading.add_columns(holder)?;
        }
        let persons = PersonWords::new(&plan.tables[0].name);
        Ok(Self {
            tokens: Arc::new(reading.gathered.finish(persons)?),
            keys: reading.keys,
            phrases: reading.phrases,
            unsearched: reading.unsearched,
        })
    }
}

struct Reading<'c> {
    connection: &'c Connection,
    gathered: Gathered,
    keys: BTreeMap<i64, UserKey>,
    phrases: Vec<(String, (i64, Kind))>,
    unsearched: Vec<String>,
}

impl<'c> Reading<'c> {
    fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            gathered: Gathered::default(),
            keys: BTreeMap::new(),
            phrases: Vec::new(),
            unsearched: Vec::new(),
        }
    }

    fn add_key(&mut self, position: i64, key: &UserKey) {
        match key {
            UserKey::Integer(number) => self.gathered.add_number(*number, position),
            UserKey::Text(text) => {
                self.gathered.add_value(text, position);
                if let Ok(text) = std::str::from_utf8(text) {
                    self.add(position, Kind::Key, text);
                }
            }
            UserKey::Blob(bytes) => {
                self.gathered.add_value(bytes, position);
                self.add(position, Kind::Key, &key.to_string());
            }
        }
        self.keys.insert(position, key.clone());
    }

    fn add(&mut self, position: i64, kind: Kind, text: &str) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        if text.chars().count() < SHORTEST {
            let user = self.keys.get(&position);
            let user = user.map_or_else(String::new, |key| format!(" of user {key}"));
            self.unsearched.push(format!(
                "a {}{user} is shorter than {SHORTEST} letters and was not searched for",
                kind.name()
            ));
            return;
        }
        self.gathered.add(text, (position, kind));
        self.phrases.push((text.to_owned(), (position, kind)));
    }

    /// Names and addresses of the targets; one that users who are no targets have too tells nobody.
    fn add_columns(&mut self, holder: &Holder) -> Result<()> {
        let (table, theirs) = (&holder.table, holder.of_target());
        let of_others = holder.of_no_target();
        for (column, kind) in &holder.columns {
            let column = quote(column);
            let sql = format!(
                "SELECT t.position, h.{column}, coalesce(a.rows, 0) \
                 FROM temp.target AS t CROSS JOIN {table} AS h ON {theirs} LEFT JOIN \
                 (SELECT o.{column} AS value, count(*) AS rows FROM {table} AS o WHERE {of_others} GROUP BY o.{column}) \
                 AS a ON a.value = h.{column} WHERE h.{column} IS NOT NULL",
            );
            let mut statement = self.connection.prepare(&sql).map_err(Error::surveying)?;
            let mut rows = statement.query([]).map_err(Error::surveying)?;
            while let Some(row) = rows.next().map_err(Error::surveying)? {
                let position = row.get(0).map_err(Error::surveying)?;
                let others: i64 = row.get(2).map_err(Error::surveying)?;
                let ValueRef::Text(text) = row.get_ref(1).map_err(Error::surveying)? else {
                    continue;
                };
                let Ok(text) = std::str::from_utf8(text) else {
                    self.unsearched.push(format!(
                        "a {} is not UTF-8 and was not searched for",
                        kind.name()
                    ));
                    continue;
                };
                if others > 0 {
                    let user = self.keys.get(&position).map(ToString::to_string);
                    self.unsearched.push(format!(
                        "a {} of user {} is also that of {others} others and was not searched for",
                        kind.name(),
                        user.unwrap_or_default()
                    ));
                    continue;
                }
                let kind = if text.contains('@') {
                    Kind::Email
                } else {
                    *kind
                };
                self.add(position, kind, text);
                if kind == Kind::Email && self.keys.len() <= MOST_WITH_HANDLES {
                    self.add_handles(position, text, (holder, &column))?;
                }
            }
        }
        Ok(())
    }

    /// The parts of an address that only this user has.
    fn add_handles(
        &mut self,
        position: i64,
        address: &str,
        (holder, column): (&Holder, &str),
    ) -> Result<()> {
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM {} AS o WHERE instr(lower(o.{column}), lower(?1)) AND {})",
            holder.table,
            holder.of_no_target()
        );
        for handle in handles(address) {
            let mut statement = self
                .connection
                .prepare_cached(&sql)
                .map_err(Error::surveying)?;
            let shared: bool = statement
                .query_row([handle], |row| row.get(0))
                .map_err(Error::surveying)?;
            if !shared {
                self.gathered.add(handle, (position, Kind::Handle));
                self.phrases
                    .push((handle.to_owned(), (position, Kind::Handle)));
            }
        }
        Ok(())
    }
}

/// What stands before the `@` and between its dots, where it has letters and digits.
fn handles(address: &str) -> impl Iterator<Item = &str> {
    const SHORTEST: usize = 6;
    let local = address.split('@').next().unwrap_or_default();
    let parts = std::iter::once(local).chain(local.split(['.', '+']));
    parts.filter(|part| {
        let has = |is: fn(&u8) -> bool| part.bytes().any(|byte| is(&byte));
        part.len() >= SHORTEST && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
    })
}

/// The key that a row of the users table holds.
pub(crate) fn key_of_row(
    connection: &Connection,
    plan: &Plan,
    row: &[Value],
) -> Result<Option<Value>> {
    let users = &plan.tables[0];
    let pairs = users.identity.columns().iter().enumerate();
    let condition = joined(
        pairs.map(|(at, column)| format!("u.{} = ?{}", quote(column), at + 1)),
        " AND ",
    );
    let sql = format!(
        "SELECT u.{} FROM {} AS u WHERE {condition}",
        quote(&plan.user_key),
        main_table(&users.name)
    );
    let mut statement = connection.prepare_cached(&sql).map_err(Error::surveying)?;
    let mut rows = statement
        .query(params_from_iter(row))
        .map_err(Error::surveying)?;
    match rows.next().map_err(Error::surveying)? {
        Some(row) => row.get(0).map(Some).map_err(Error::surveying),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::handles;

    #[test]
    fn a_handle_has_letters_and_digits_and_is_no_short_word() {
        let of = |address| handles(address).collect::<Vec<_>>();
        assert_eq!(of("jane1985@x.example"), ["jane1985", "jane1985"]);
        assert_eq!(of("jane.doe_85@x.example"), ["jane.doe_85", "doe_85"]);
        assert!(of("jane.doe@x.example").is_empty());
        assert!(of("j1@x.example").is_empty());
        assert!(of("12345678@x.example").is_empty());
    }
}
