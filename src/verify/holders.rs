//! The tables that hold what users are called: their own, and those of which each row is one user's.

use rusqlite::Connection;

use super::tokens::Kind;
use crate::error::{Error, Result};
use crate::manifest::Users;
use crate::plan::{Link, Plan, PlannedTable};
use crate::schema::{Column, Schema, Table};
use crate::sql::{main_table, quote};

/// Columns of a users table that hold what a person is called, beside those of the manifest.
const NAMES: &[&str] = &[
    "name",
    "username",
    "login",
    "nick",
    "nickname",
    "handle",
    "displayname",
    "fullname",
    "realname",
    "screenname",
];

/// A table that holds names or addresses of users, and how its rows name them.
pub(super) struct Holder {
    pub(super) table: String,
    /// Of a row of it, the column that names a user, and the column of the users table it is.
    link: (String, String),
    users: String,
    user_key: String,
    pub(super) columns: Vec<(String, Kind)>,
}

impl Holder {
    fn new(plan: &Plan, table: &str, link: (&str, &str), columns: Vec<(String, Kind)>) -> Self {
        Self {
            table: main_table(table),
            link: (quote(link.0), quote(link.1)),
            users: main_table(&plan.tables[0].name),
            user_key: quote(&plan.user_key),
            columns,
        }
    }

    /// The condition that a row `h` is that of the target `t`.
    pub(super) fn of_target(&self) -> String {
        let (users, key, (own, named)) = (&self.users, &self.user_key, &self.link);
        if self.table == *users {
            return format!("h.{own} = t.key");
        }
        format!("h.{own} = (SELECT u.{named} FROM {users} AS u WHERE u.{key} = t.key)")
    }

    /// The condition that a row `o` is nobody's who is a target. The user is found first: of targets
    /// there may be as many.
    pub(super) fn of_no_target(&self) -> String {
        let (users, key, (own, named)) = (&self.users, &self.user_key, &self.link);
        if self.table == *users {
            return format!("NOT EXISTS (SELECT 1 FROM temp.target AS x WHERE x.key = o.{own})");
        }
        format!(
            "NOT EXISTS (SELECT 1 FROM {users} AS u CROSS JOIN temp.target AS x ON x.key = u.{key} \
             WHERE u.{named} = o.{own})"
        )
    }
}

/// The users table, and the tables of which each row is one user's, which hold addresses.
pub(super) fn holders(
    connection: &Connection,
    schema: &Schema,
    plan: &Plan,
    users: &Users,
) -> Result<Vec<Holder>> {
    let key = plan.user_key.as_str();
    let own = columns(schema, plan, users);
    let mut holders = vec![Holder::new(plan, &plan.tables[0].name, (key, key), own)];
    for planned in &plan.tables[1..] {
        let Some(table) = schema.table(&planned.name) else {
            continue;
        };
        let addresses = table.columns.iter().filter(|column| holds_address(column));
        let addresses: Vec<_> = addresses.map(|c| (c.name.clone(), Kind::Email)).collect();
        if addresses.is_empty() {
            continue;
        }
        if let Some(link) = one_each(connection, plan, planned, table)? {
            let link = (link.columns[0].as_str(), link.parent_columns[0].as_str());
            holders.push(Holder::new(plan, &planned.name, link, addresses));
        }
    }
    Ok(holders)
}

/// The reference by which each row is one user's: a key of its table, or one that no two rows hold
/// of a table that is called for the users.
fn one_each<'p>(
    connection: &Connection,
    plan: &Plan,
    planned: &'p PlannedTable,
    table: &Table,
) -> Result<Option<&'p Link>> {
    let name = |name: &str| name.trim_end_matches(['s', 'S']).to_ascii_lowercase();
    let named_for = name(&planned.name).starts_with(&name(&plan.tables[0].name));
    let of_user = |link: &&Link| {
        let simple = link.form.is_plain() && link.plain_comparison && link.columns.len() == 1;
        link.parent == 0 && simple
    };
    for link in planned.owners.iter().filter(of_user) {
        let is_one_each =
            table.is_key(&link.columns) || (named_for && differs(connection, planned, link)?);
        if is_one_each {
            return Ok(Some(link));
        }
    }
    Ok(None)
}

/// Whether no two rows of a table hold the same user.
fn differs(connection: &Connection, planned: &PlannedTable, link: &Link) -> Result<bool> {
    let (table, column) = (main_table(&planned.name), quote(&link.columns[0]));
    let sql = format!(
        "SELECT NOT EXISTS (SELECT 1 FROM {table} WHERE {column} IS NOT NULL GROUP BY {column} HAVING count(*) > 1)"
    );
    let answer = connection.query_row(&sql, [], |row| row.get(0));
    answer.map_err(Error::surveying)
}

/// A column's name in small letters and digits alone.
fn plain_name(column: &Column) -> String {
    let letters = column.name.chars().filter(|c| c.is_alphanumeric());
    letters.collect::<String>().to_ascii_lowercase()
}

fn holds_address(column: &Column) -> bool {
    let name = plain_name(column);
    name.contains("mail") && !name.contains("verif")
}

/// The columns of the users table that hold names and addresses.
fn columns(schema: &Schema, plan: &Plan, users: &Users) -> Vec<(String, Kind)> {
    let Some(table) = schema.table(&plan.tables[0].name) else {
        return Vec::new();
    };
    let kind = |column: &Column| {
        let name = plain_name(column);
        let declared = users
            .names
            .iter()
            .any(|n| n.eq_ignore_ascii_case(&column.name));
        if holds_address(column) {
            Some(Kind::Email)
        } else if declared
            || NAMES
                .iter()
                .any(|known| name.ends_with(known) && !is_part(&name))
        {
            Some(Kind::Name)
        } else {
            None
        }
    };
    let found = table.columns.iter();
    found
        .filter(|column| !column.name.eq_ignore_ascii_case(&plan.user_key))
        .filter_map(|column| Some((column.name.clone(), kind(column)?)))
        .collect()
}

/// First and last names alone are many people's.
fn is_part(name: &str) -> bool {
    ["first", "last", "given", "family", "middle", "file", "sur"]
        .iter()
        .any(|part| name.starts_with(part))
}
