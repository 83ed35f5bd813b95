//! What is there: every row and file, and whose tokens each holds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

/// Whose tokens a row holds, by column.
pub(crate) type Held = BTreeSet<(String, String)>;

pub(crate) struct State {
    /// By table and rowid.
    pub(crate) rows: BTreeMap<String, BTreeMap<i64, Held>>,
    /// By path: whose tokens its name or content holds.
    pub(crate) files: BTreeMap<String, BTreeSet<String>>,
    /// What the integrity checks say.
    pub(crate) complaints: Vec<String>,
}

impl State {
    pub(crate) fn read(root: &Path, name: &str, tokens: &BTreeMap<String, String>) -> Self {
        let database = Connection::open(root.join(name)).unwrap();
        let sql = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual') \
                   AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND NOT wr";
        let mut tables = database.prepare(sql).unwrap();
        let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let rows = tables.map(|table| {
            let table = table.unwrap();
            let rows = rows(&database, &table, tokens);
            (table, rows)
        });
        Self {
            rows: rows.collect(),
            files: files(root, name, tokens),
            complaints: complaints(&database),
        }
    }
}

fn holders<'t>(
    bytes: &[u8],
    tokens: &'t BTreeMap<String, String>,
) -> impl Iterator<Item = &'t str> {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    let held = tokens
        .iter()
        .filter(move |(_, token)| text.contains(*token));
    held.map(|(user, _)| user.as_str())
}

fn rows(
    database: &Connection,
    table: &str,
    tokens: &BTreeMap<String, String>,
) -> BTreeMap<i64, Held> {
    let mut statement = database
        .prepare(&format!("SELECT rowid, * FROM \"{table}\""))
        .unwrap();
    let columns: Vec<String> = statement
        .column_names()
        .into_iter()
        .map(str::to_owned)
        .collect();
    let mut rows = statement.query([]).unwrap();
    let mut found = BTreeMap::new();
    while let Some(row) = rows.next().unwrap() {
        let mut held = Held::new();
        for (at, column) in columns.iter().enumerate().skip(1) {
            if let ValueRef::Text(bytes) | ValueRef::Blob(bytes) = row.get_ref(at).unwrap() {
                let holders = holders(bytes, tokens);
                held.extend(holders.map(|user| (user.to_owned(), column.clone())));
            }
        }
        found.insert(row.get(0).unwrap(), held);
    }
    found
}

fn files(
    root: &Path,
    database: &str,
    tokens: &BTreeMap<String, String>,
) -> BTreeMap<String, BTreeSet<String>> {
    let own = |name: &str| {
        name.starts_with(database) || name.starts_with(".reset-app") || name == "reset-app.toml"
    };
    let mut found = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            if own(&name) {
                continue;
            }
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let mut bytes = fs::read(&path).unwrap();
            bytes.extend(name.as_bytes());
            found.insert(name, holders(&bytes, tokens).map(str::to_owned).collect());
        }
    }
    found
}

fn complaints(database: &Connection) -> Vec<String> {
    let mut found = Vec::new();
    for pragma in ["integrity_check", "foreign_key_check"] {
        let mut statement = database.prepare(&format!("PRAGMA {pragma}")).unwrap();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let what: String = row.get::<_, Option<String>>(0).unwrap().unwrap_or_default();
            found.push(format!("{pragma}: {what}"));
        }
    }
    found
}
