//! Which users a run is about, in the order in which they are processed.

use std::collections::BTreeMap;

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::rows::set_name;
use crate::error::{Error, HeirError, Result};
use crate::manifest::Users;
use crate::nearest::nearest;
use crate::outbox;
use crate::plan::Plan;
use crate::sql::{identity, joined, main_table, quote, set_columns};
use crate::user::UserKey;

/// Which users.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// Every user.
    #[default]
    All,
    /// These, by key or by a column of [`Users::names`].
    Only(Vec<String>),
    /// Every user but these.
    Except(Vec<String>),
    /// These, by key alone; each with the name by which the audit trail knows that account, and no
    /// other one that has the key when it comes to the deed.
    Accounts(BTreeMap<UserKey, String>),
}

/// The users of a run, held in a temporary table of one connection under their positions, from 1 up.
#[derive(Clone, Debug)]
pub(crate) struct Targets {
    /// How many.
    pub(crate) count: i64,
    /// The highest of their positions.
    pub(crate) last: i64,
    /// They are all the users there are.
    pub(crate) everyone: bool,
}

impl Targets {
    /// Resolves a selection.
    ///
    /// Fails where a name fits no user, or several.
    pub(crate) fn resolve(
        connection: &Connection,
        plan: &Plan,
        users: &Users,
        selection: &Selection,
    ) -> Result<Self> {
        let create = "CREATE TEMP TABLE target(position INTEGER PRIMARY KEY, key UNIQUE NOT NULL)";
        connection.execute_batch(create).map_err(Error::surveying)?;
        match selection {
            Selection::Accounts(accounts) => insert_accounts(connection, accounts)?,
            Selection::All => insert_all(connection, plan)?,
            Selection::Only(names) => {
                for name in names {
                    insert_named(connection, plan, users, name)?;
                }
            }
            Selection::Except(names) => {
                insert_all(connection, plan)?;
                for name in names {
                    let key = find(connection, plan, users, name)?;
                    remove(connection, &key)?;
                }
            }
        }
        let sql = "SELECT count(*), coalesce(max(position), 0) FROM temp.target";
        let (count, last) = connection
            .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(Error::surveying)?;
        Ok(Self {
            count,
            last,
            everyone: *selection == Selection::All,
        })
    }

    /// The user at a position; `None` past the end.
    pub(crate) fn key(connection: &Connection, position: i64) -> Result<Option<UserKey>> {
        let sql = "SELECT key FROM temp.target WHERE position = ?1";
        let mut statement = connection.prepare_cached(sql).map_err(Error::surveying)?;
        let mut rows = statement.query([position]).map_err(Error::surveying)?;
        match rows.next().map_err(Error::surveying)? {
            Some(row) => user_key(row, 0).map(Some),
            None => Ok(None),
        }
    }

    /// What the row of the user at a position holds in a column, as it stands in a path.
    pub(super) fn value(
        connection: &Connection,
        plan: &Plan,
        position: i64,
        column: &str,
    ) -> Result<Option<Vec<u8>>> {
        let sql = format!(
            "SELECT CAST(u.{} AS BLOB) FROM temp.target AS t CROSS JOIN {} AS u ON u.{} = t.key \
             WHERE t.position = ?1 LIMIT 1",
            quote(column),
            main_table(&plan.tables[0].name),
            quote(&plan.user_key),
        );
        let mut statement = connection.prepare_cached(&sql).map_err(Error::surveying)?;
        let value = statement.query_row([position], |row| row.get(0)).optional();
        value.map(Option::flatten).map_err(Error::surveying)
    }

    /// The positions in order, from the first after `position`.
    pub(crate) fn next(connection: &Connection, position: i64) -> Result<Option<i64>> {
        let sql = "SELECT min(position) FROM temp.target WHERE position > ?1";
        let mut statement = connection.prepare_cached(sql).map_err(Error::surveying)?;
        statement
            .query_row([position], |row| row.get(0))
            .map_err(Error::surveying)
    }

    /// How many there are after `position`.
    pub(crate) fn after(connection: &Connection, position: i64) -> Result<u64> {
        let sql = "SELECT count(*) FROM temp.target WHERE position > ?1";
        let count = connection.query_row(sql, [position], |row| row.get(0));
        count.map_err(Error::surveying)
    }

    /// Whether the set of the users table is empty: the one user looked for is not there.
    pub(super) fn is_gone(connection: &Connection) -> Result<bool> {
        let sql = format!("SELECT NOT EXISTS (SELECT 1 FROM {})", set_name(0));
        let mut statement = connection.prepare_cached(&sql).map_err(Error::surveying)?;
        statement
            .query_row([], |row| row.get(0))
            .map_err(Error::surveying)
    }

    /// Puts every user who is not there yet into the set of the users table, at one position.
    pub(super) fn seed_others(connection: &Connection, plan: &Plan, position: i64) -> Result<()> {
        let users = &plan.tables[0];
        let sql = format!(
            "INSERT OR IGNORE INTO {} ({}, owner) SELECT {}, ?1 FROM {} AS u WHERE u.{} IS NOT NULL",
            set_name(0),
            set_columns("", &users.identity),
            identity("u", &users.identity),
            main_table(&users.name),
            quote(&plan.user_key),
        );
        connection
            .execute(&sql, [position])
            .map_err(Error::surveying)
            .map(drop)
    }

    /// Puts the targets' own rows into the set of the users table: all, or the one at `only`.
    pub(super) fn seed(connection: &Connection, plan: &Plan, only: Option<i64>) -> Result<()> {
        let users = &plan.tables[0];
        let sql = format!(
            "INSERT INTO {} ({}, owner) SELECT {}, t.position FROM temp.target AS t \
             CROSS JOIN {} AS u ON u.{} = t.key WHERE ?1 IS NULL OR t.position = ?1",
            set_name(0),
            set_columns("", &users.identity),
            identity("u", &users.identity),
            main_table(&users.name),
            quote(&plan.user_key),
        );
        connection
            .execute(&sql, [only])
            .map_err(Error::surveying)
            .map(drop)
    }
}

/// A user's key as it stands in a column of a row.
///
/// Fails where it is neither an integer nor text nor binary.
pub(crate) fn user_key(row: &Row, column: usize) -> Result<UserKey> {
    match row.get_ref(column).map_err(Error::surveying)? {
        ValueRef::Integer(number) => Ok(UserKey::Integer(number)),
        ValueRef::Text(text) => Ok(UserKey::Text(text.to_vec())),
        ValueRef::Blob(bytes) => Ok(UserKey::Blob(bytes.to_vec())),
        other => Err(Error::UserKeyType {
            found: other.data_type().to_string(),
        }),
    }
}

fn insert_all(connection: &Connection, plan: &Plan) -> Result<()> {
    let sql = format!(
        "INSERT INTO temp.target(key) SELECT DISTINCT u.{key} FROM {} AS u WHERE u.{key} IS NOT NULL ORDER BY u.{key}",
        main_table(&plan.tables[0].name),
        key = quote(&plan.user_key),
    );
    connection
        .execute(&sql, [])
        .map_err(Error::surveying)
        .map(drop)
}

/// The key of the user who inherits. Fails where there is no such user, or that user goes too.
pub(super) fn heir(
    connection: &Connection,
    plan: &Plan,
    users: &Users,
    name: &str,
) -> Result<Value> {
    let key = find(connection, plan, users, name)?;
    let sql = "SELECT EXISTS (SELECT 1 FROM temp.target WHERE key = ?1)";
    let goes = connection.query_row(sql, [&key], |row| row.get(0));
    if goes.map_err(Error::surveying)? {
        return Err(Error::from(HeirError::Goes { name: name.into() }));
    }
    Ok(key)
}

/// What a user is called: the first of the columns that name users, if it holds text, else the key.
pub(crate) fn name_of(
    connection: &Connection,
    plan: &Plan,
    users: &Users,
    position: i64,
) -> Result<Option<String>> {
    let table = main_table(&plan.tables[0].name);
    let key = quote(&plan.user_key);
    let column = users.names.first().unwrap_or(&plan.user_key);
    let sql = format!(
        "SELECT u.{} FROM temp.target AS t CROSS JOIN {table} AS u ON u.{key} = t.key \
         WHERE t.position = ?1 LIMIT 1",
        quote(column)
    );
    let name: Option<Value> = connection
        .query_row(&sql, [position], |row| row.get(0))
        .optional()
        .map_err(Error::surveying)?;
    let key = Targets::key(connection, position)?.map(|key| key.to_string());
    Ok(match name {
        Some(Value::Text(name)) if !name.trim().is_empty() => Some(name),
        _ => key,
    })
}

fn insert_named(connection: &Connection, plan: &Plan, users: &Users, name: &str) -> Result<()> {
    let key = match find(connection, plan, users, name) {
        // An interrupted run deleted this account; finishing that run is all that is left to do.
        Err(Error::UnknownUser { .. }) if outbox::names_user(connection, name)? => return Ok(()),
        found => found?,
    };
    let sql = "INSERT OR IGNORE INTO temp.target(key) VALUES (?1)";
    connection
        .execute(sql, [key])
        .map_err(Error::surveying)
        .map(drop)
}

fn insert_accounts(connection: &Connection, accounts: &BTreeMap<UserKey, String>) -> Result<()> {
    let sql = "INSERT OR IGNORE INTO temp.target(key) VALUES (?1)";
    let mut statement = connection.prepare(sql).map_err(Error::surveying)?;
    for key in accounts.keys() {
        let key = match key {
            UserKey::Integer(number) => ToSqlOutput::from(*number),
            UserKey::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text)),
            UserKey::Blob(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        };
        statement.execute([key]).map_err(Error::surveying)?;
    }
    Ok(())
}

fn remove(connection: &Connection, key: &Value) -> Result<()> {
    let sql = "DELETE FROM temp.target WHERE key = ?1";
    connection
        .execute(sql, [key])
        .map_err(Error::surveying)
        .map(drop)
}

/// The key of the one user that a name fits, as `SQLite` holds it.
fn find(connection: &Connection, plan: &Plan, users: &Users, name: &str) -> Result<Value> {
    if name.is_empty() {
        return Err(unknown(connection, plan, users, name));
    }
    let key = quote(&plan.user_key);
    let columns = users.names.iter();
    let named = columns.map(|column| format!(" OR u.{} = ?1", quote(column)));
    // A number as text: the affinity of its column would take `05` for 5.
    let sql = format!(
        "SELECT DISTINCT u.{key} FROM {} AS u WHERE (typeof(u.{key}) = 'text' AND u.{key} = ?1) \
         OR (typeof(u.{key}) = 'integer' AND CAST(u.{key} AS TEXT) = ?1) \
         OR (typeof(u.{key}) = 'blob' AND u.{key} = ?2){} LIMIT 6",
        main_table(&plan.tables[0].name),
        joined(named, ""),
    );
    let mut statement = connection.prepare(&sql).map_err(Error::surveying)?;
    let found = statement
        .query_map(params![name, UserKey::binary(name)], |row| row.get(0))
        .map_err(Error::surveying)?;
    let mut found: Vec<Value> = found.collect::<Result<_, _>>().map_err(Error::surveying)?;
    match (found.pop(), found.is_empty()) {
        (None, _) => Err(unknown(connection, plan, users, name)),
        (Some(one), true) => Ok(one),
        (Some(last), false) => {
            found.push(last);
            Err(Error::AmbiguousUser {
                name: name.into(),
                keys: found.iter().map(shown).collect(),
            })
        }
    }
}

/// Says where a name was looked for, and who may be meant by it.
fn unknown(connection: &Connection, plan: &Plan, users: &Users, name: &str) -> Error {
    let table = &plan.tables[0].name;
    let columns = std::iter::once(&plan.user_key).chain(&users.names);
    Error::UnknownUser {
        name: name.into(),
        columns: columns.map(|column| format!("{table}.{column}")).collect(),
        near: match near(connection, table, users, name) {
            Ok(near) => near,
            Err(error) => {
                log::debug!("no similar name was looked for: {error}");
                None
            }
        },
        // Another program's outbox is not what is complained of here.
        unfinished: outbox::exists(connection).unwrap_or_default(),
    }
}

/// The name most like this one, among the first users'.
fn near(
    connection: &Connection,
    table: &str,
    users: &Users,
    name: &str,
) -> rusqlite::Result<Option<String>> {
    let mut names: Vec<String> = Vec::new();
    for column in &users.names {
        let sql = format!(
            "SELECT u.{0} FROM {1} AS u WHERE typeof(u.{0}) = 'text' LIMIT 10000",
            quote(column),
            main_table(table)
        );
        let mut statement = connection.prepare(&sql)?;
        let found = statement.query_map([], |row| row.get(0))?;
        names.extend(found.filter_map(Result::ok));
    }
    let names = names.iter().map(String::as_str);
    Ok(nearest(name, names).map(str::to_owned))
}

fn shown(value: &Value) -> String {
    match value {
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => text.escape_debug().to_string(),
        Value::Blob(bytes) => UserKey::Blob(bytes.clone()).to_string(),
        Value::Real(_) | Value::Null => format!("{value:?}"),
    }
}
