//! What a person decided about a case: `truth.json` and `expected_alice.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

/// Rows by table.
pub(crate) type Rows = BTreeMap<String, BTreeSet<i64>>;

/// What is to become of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Goes,
    Stays,
    /// Either can be defended.
    Open,
    /// Nobody decided.
    Untold,
}

/// What is to become of everything when `user` goes.
pub(crate) struct Expected {
    pub(crate) user: String,
    /// The token of each user.
    pub(crate) tokens: BTreeMap<String, String>,
    pub(crate) to_go: Rows,
    pub(crate) to_stay: Rows,
    /// Rows of which either can be defended.
    pub(crate) open: Rows,
    pub(crate) files_to_go: BTreeSet<String>,
}

impl Expected {
    pub(crate) fn read(source: &Path) -> Self {
        let json = |name: &str| -> Value {
            serde_json::from_str(&fs::read_to_string(source.join(name)).unwrap()).unwrap()
        };
        let (truth, expected) = (json("truth.json"), json("expected_alice.json"));
        let users = truth["users"].as_object().unwrap().iter();
        let token = |user: &Value| user["token"].as_str().unwrap().to_owned();
        let mut open = Rows::new();
        for (key, tables) in expected.as_object().unwrap() {
            if key.starts_with("scrub_remove") || key.starts_with("must_scrub") {
                for (table, rows) in rows(tables) {
                    open.entry(table).or_default().extend(rows);
                }
            }
        }
        let files = expected["files"]["must_delete"].as_array().unwrap().iter();
        Self {
            user: expected["user"].as_str().unwrap().to_owned(),
            tokens: users
                .map(|(name, user)| (name.clone(), token(user)))
                .collect(),
            to_go: rows(&expected["must_delete"]),
            to_stay: rows(&expected["must_stay"]),
            open,
            files_to_go: files.map(|f| f.as_str().unwrap().to_owned()).collect(),
        }
    }

    pub(crate) fn fate(&self, table: &str, row: i64) -> Fate {
        let is_in = |rows: &Rows| rows.get(table).is_some_and(|rows| rows.contains(&row));
        match (is_in(&self.to_go), is_in(&self.to_stay), is_in(&self.open)) {
            (true, ..) => Fate::Goes,
            (_, true, _) => Fate::Stays,
            (_, _, true) => Fate::Open,
            _ => Fate::Untold,
        }
    }

    /// The key or name of the user in the table of users that `init` found.
    pub(crate) fn name_of_user(&self, database: &Path, users: &Value) -> String {
        let database =
            Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let table = users["table"].as_str().unwrap();
        let names = users["names"].as_array().unwrap().iter();
        let found = names.filter_map(Value::as_str).find_map(|column| {
            let sql = format!(
                "SELECT \"{column}\" FROM \"{table}\" WHERE lower(CAST(\"{column}\" AS TEXT)) = ?1 \
                 OR instr(\"{column}\", ?2)"
            );
            let known = database.query_row(&sql, [&self.user, &self.tokens[&self.user]], |row| {
                let name: Vec<u8> = row.get_ref(0)?.as_bytes()?.to_vec();
                Ok(name)
            });
            known.ok()
        });
        let name = found.unwrap_or_else(|| panic!("nobody in `{table}` is {}", self.user));
        String::from_utf8(name).unwrap()
    }
}

fn rows(tables: &Value) -> Rows {
    let rows = |rows: &Value| {
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| row.as_i64().unwrap()).collect()
    };
    let tables = tables.as_object().unwrap().iter();
    tables
        .map(|(table, of)| (table.clone(), rows(of)))
        .collect()
}
