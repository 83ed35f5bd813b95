//! A user as the audit trail tells one from another who got the same key.

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Row, ToSql};

use super::targets::user_key;
use crate::error::{Error, Result};
use crate::manifest::UserRows;
use crate::plan::Plan;
use crate::sql::{main_table, quote};
use crate::user::{Mark, Person};

/// The user at a position of the targets; none where the row is gone.
pub(crate) fn person_at(
    connection: &Connection,
    plan: &Plan,
    position: i64,
) -> Result<Option<Person>> {
    let of = "u.{} = (SELECT key FROM temp.target WHERE position = ?1)";
    one(connection, plan, of, &position)
}

/// The user of a key.
pub(crate) fn person_of(
    connection: &Connection,
    plan: &Plan,
    key: &Value,
) -> Result<Option<Person>> {
    one(connection, plan, "u.{} = ?1", key)
}

fn one(
    connection: &Connection,
    plan: &Plan,
    of: &str,
    value: &dyn ToSql,
) -> Result<Option<Person>> {
    let sql = format!(
        "SELECT {} FROM {} AS u WHERE {}",
        columns(plan),
        main_table(&plan.tables[0].name),
        of.replace("{}", &quote(&plan.user_key)),
    );
    let mut statement = connection.prepare_cached(&sql).map_err(Error::surveying)?;
    let mut rows = statement.query([value]).map_err(Error::surveying)?;
    match rows.next().map_err(Error::surveying)? {
        Some(row) => person(row).map(Some),
        None => Ok(None),
    }
}

/// Hands every user of the database to `work`.
pub(crate) fn each_person(
    connection: &Connection,
    plan: &Plan,
    work: &mut dyn FnMut(Person) -> Result<()>,
) -> Result<()> {
    let distinct = match plan.user_rows {
        UserRows::One => "",
        UserRows::Many => "DISTINCT",
    };
    let sql = format!(
        "SELECT {distinct} {} FROM {} AS u WHERE u.{} IS NOT NULL",
        columns(plan),
        main_table(&plan.tables[0].name),
        quote(&plan.user_key),
    );
    let mut statement = connection.prepare(&sql).map_err(Error::surveying)?;
    let mut rows = statement.query([]).map_err(Error::surveying)?;
    while let Some(row) = rows.next().map_err(Error::surveying)? {
        work(person(row)?)?;
    }
    Ok(())
}

fn columns(plan: &Plan) -> String {
    let column = |name: &Option<String>| match name {
        Some(name) => format!("u.{}", quote(name)),
        None => "NULL".into(),
    };
    let created = column(&plan.person.created);
    let name = column(&plan.person.name);
    format!("u.{}, {created}, {name}", quote(&plan.user_key))
}

fn person(row: &Row) -> Result<Person> {
    let value = |at| row.get_ref(at).map(bytes).map_err(Error::surveying);
    let mark = match (value(1)?, value(2)?) {
        (Some(created), _) => Mark::Created(created),
        (None, Some(name)) => Mark::Name(name),
        (None, None) => Mark::None,
    };
    Ok(Person {
        key: user_key(row, 0)?,
        mark,
    })
}

/// A value and its type; none where it says nothing.
fn bytes(value: ValueRef) -> Option<Vec<u8>> {
    let (kind, bytes) = match value {
        ValueRef::Null => return None,
        ValueRef::Text(text) if text.trim_ascii().is_empty() => return None,
        ValueRef::Integer(number) => (b'i', number.to_be_bytes().to_vec()),
        ValueRef::Real(number) => (b'r', number.to_bits().to_be_bytes().to_vec()),
        ValueRef::Text(text) => (b't', text.to_vec()),
        ValueRef::Blob(bytes) => (b'b', bytes.to_vec()),
    };
    Some([&[kind], &bytes[..]].concat())
}
