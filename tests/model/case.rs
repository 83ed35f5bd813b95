//! A case: tables, rows, decisions and a job, as small numbers that shrink well, and as the SQL and
//! the manifest that they stand for.

use std::fmt;

use reset_app::plan::Accounts;
use reset_app::run::Job;
use reset_app::survey::{Selection, Unowned};
use rusqlite::Connection;
use rusqlite::types::Value;

use super::value::{Affinity, literal};

#[derive(Clone)]
pub(crate) struct Case {
    /// The first is the users table.
    pub(crate) tables: Vec<Table>,
    pub(crate) rows: Vec<Row>,
    pub(crate) wal: bool,
    /// A trigger writes down what is deleted from this table.
    pub(crate) trigger: Option<u8>,
    pub(crate) whom: Whom,
    pub(crate) accounts: Accounts,
    /// Who is named instead of accounts that go.
    pub(crate) heir: Option<u8>,
    pub(crate) unowned: Unowned,
}

#[derive(Clone, Debug)]
pub(crate) enum Whom {
    All,
    Only(Vec<u8>),
    Except(Vec<u8>),
}

#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// 0 is a plain name.
    pub(crate) odd: u8,
    pub(crate) key: Key,
    pub(crate) key_not_null: bool,
    pub(crate) without_rowid: bool,
    pub(crate) strict: bool,
    /// How many names of the rowid columns take.
    pub(crate) shadowed: u8,
    pub(crate) unique: Type,
    pub(crate) references: Vec<Reference>,
}

/// A primary key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    None,
    One(Type),
    /// `INTEGER PRIMARY KEY DESC`, which is not the rowid.
    Descending,
    /// An integer and a text.
    Composite,
    /// The columns of all references: a link table, or a row that is its owner's own.
    References,
}

/// A column's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// `INTEGER`
    Integer,
    /// `INT`, never the rowid.
    Int,
    Real,
    Text,
    /// `TEXT COLLATE NOCASE`
    Nocase,
    Untyped,
}

#[derive(Clone, Debug)]
pub(crate) struct Reference {
    pub(crate) parent: u8,
    pub(crate) to: To,
    /// The columns' type; as the parent's where none is given.
    pub(crate) child: Option<Type>,
    pub(crate) not_null: bool,
    pub(crate) action: Action,
    pub(crate) decision: Option<Decision>,
    pub(crate) index: Index,
    pub(crate) deferred: bool,
    pub(crate) generated: bool,
}

/// What a reference names of its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    /// Its primary key, without naming columns.
    Implicit,
    /// Its primary key.
    Key,
    /// Its unique column.
    Unique,
    /// A column that is no key.
    Plain,
    /// No table at all.
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Cascade,
    SetNull,
    SetDefault,
    /// `SET DEFAULT`, to a value that may not exist.
    SetOne,
    Restrict,
    None,
    /// Only the manifest declares the reference.
    Undeclared,
}

impl Action {
    /// Whether it sets the row that names what goes.
    pub(crate) fn sets(self) -> bool {
        matches!(self, Self::SetNull | Self::SetDefault | Self::SetOne)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Owner,
    Mention,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Index {
    None,
    Whole,
    /// Holds every reference.
    NotNull,
    /// Leaves some out.
    Some,
}

#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) table: u8,
    pub(crate) key: u8,
    pub(crate) unique: u8,
    pub(crate) cells: [Cell; 3],
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Cell {
    Null,
    /// What the parent's row with these numbers is named by, spelt in some way.
    Names(u8, u8),
}

/// A column as it is created.
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Type,
}

impl Type {
    pub(crate) fn affinity(self) -> Affinity {
        match self {
            Self::Integer | Self::Int => Affinity::Integer,
            Self::Real => Affinity::Real,
            Self::Text | Self::Nocase => Affinity::Text,
            Self::Untyped => Affinity::Blob,
        }
    }

    fn sql(self, strict: bool) -> &'static str {
        match self {
            Self::Integer => "INTEGER",
            Self::Int => "INT",
            Self::Real => "REAL",
            Self::Text => "TEXT",
            Self::Nocase => "TEXT COLLATE NOCASE",
            Self::Untyped if strict => "ANY",
            Self::Untyped => "",
        }
    }

    /// The value with this number; two numbers may give values that are equal to some.
    fn value(self, number: u8) -> Value {
        let text = |at: u8| ["1", "a", "01", "A", "b", "2", "B", "3"][usize::from(at) % 8];
        match self {
            Self::Integer | Self::Int => Value::Integer(i64::from(number % 8) + 1),
            Self::Real => Value::Real(f64::from(number % 8) / 2.0),
            Self::Text | Self::Nocase => Value::Text(text(number).into()),
            Self::Untyped if number % 8 == 7 => Value::Blob(b"1".to_vec()),
            Self::Untyped if number.is_multiple_of(2) => {
                Value::Integer(i64::from(number % 8) / 2 + 1)
            }
            Self::Untyped => Value::Text(text(number / 2).into()),
        }
    }
}

impl Reference {
    /// What it names, if its parent has it: only a declared reference can name nothing.
    pub(crate) fn target(&self) -> To {
        match self.to {
            To::Plain | To::Nothing if self.action == Action::Undeclared => To::Plain,
            To::Implicit if self.action == Action::Undeclared => To::Key,
            to => to,
        }
    }
}

impl Case {
    pub(crate) fn table_name(&self, at: usize) -> String {
        if at == 0 && self.tables[at].odd == 0 {
            return "users".into();
        }
        let letter = ["a", "b", "c", "d", "e", "f", "g"][at % 7];
        match self.tables[at].odd {
            1 => format!("{letter}\"; DROP TABLE users--"),
            2 => ["order", "select", "table", "from", "group", "index", "null"][at % 7].into(),
            3 => format!("{letter}.x,y'z"),
            4 => format!("gone_{at}"),
            _ => letter.into(),
        }
    }

    pub(crate) fn parent(&self, reference: &Reference) -> usize {
        usize::from(reference.parent) % self.tables.len()
    }

    /// The columns of the primary key.
    pub(crate) fn key(&self, at: usize) -> Vec<Column> {
        let column = |name: &str, kind| Column {
            name: name.into(),
            kind,
        };
        match self.tables[at].key {
            Key::None => vec![],
            Key::One(kind) => vec![column("id", kind)],
            Key::Descending => vec![column("id", Type::Integer)],
            Key::Composite => vec![column("k1", Type::Integer), column("k2", Type::Text)],
            Key::References => (0..self.tables[at].references.len())
                .flat_map(|reference| self.columns(at, reference))
                .collect(),
        }
    }

    /// The primary key of a table can be named by others.
    fn has_plain_key(&self, at: usize) -> bool {
        !matches!(self.tables[at].key, Key::None | Key::References)
    }

    /// The parent's columns.
    pub(crate) fn parent_columns(&self, reference: &Reference) -> Vec<Column> {
        let parent = self.parent(reference);
        let unique = || Column {
            name: "u".into(),
            kind: self.tables[parent].unique,
        };
        match reference.target() {
            To::Implicit | To::Key if self.has_plain_key(parent) => self.key(parent),
            To::Plain => vec![Column {
                name: "plain".into(),
                kind: Type::Integer,
            }],
            To::Implicit | To::Key | To::Unique | To::Nothing => vec![unique()],
        }
    }

    /// The child's columns.
    pub(crate) fn columns(&self, at: usize, number: usize) -> Vec<Column> {
        let table = &self.tables[at];
        let reference = &table.references[number];
        let odd = ["", "\"x", "", ".,'", ""][usize::from(table.odd) % 5];
        let parents = self.parent_columns(reference);
        let several = parents.len() > 1;
        let column = |(part, parent): (usize, Column)| Column {
            name: format!(
                "r{number}{odd}{}",
                if several { ["a", "b"][part] } else { "" }
            ),
            kind: reference.child.unwrap_or(parent.kind),
        };
        parents.into_iter().enumerate().map(column).collect()
    }

    pub(crate) fn is_key_part(&self, at: usize) -> bool {
        self.tables[at].key == Key::References && !self.tables[at].references.is_empty()
    }

    pub(crate) fn is_without_rowid(&self, at: usize) -> bool {
        self.tables[at].without_rowid && !self.key(at).is_empty()
    }

    /// The column that the primary key is, and the rowid with it.
    pub(crate) fn is_rowid_alias(&self, at: usize) -> bool {
        let key = self.key(at);
        !self.is_without_rowid(at)
            && self.tables[at].key != Key::Descending
            && key.len() == 1
            && key[0].kind == Type::Integer
    }

    pub(crate) fn is_generated(&self, at: usize, number: usize) -> bool {
        self.tables[at].references[number].generated && !self.is_key_part(at)
    }

    /// Whether a statement can set the columns of a reference to null.
    pub(crate) fn is_nullable(&self, at: usize, number: usize) -> bool {
        let strict = self.is_without_rowid(at) || self.tables[at].strict;
        let never_null_key = self.is_key_part(at) && (strict || self.is_rowid_alias(at));
        let not_null = self.tables[at].references[number].not_null;
        !(not_null || never_null_key || self.is_generated(at, number))
    }

    /// The rows cannot be told apart: all names of the rowid are taken, and keys may be null.
    pub(crate) fn lacks_identity(&self, at: usize) -> bool {
        let table = &self.tables[at];
        let not_null = match table.key {
            Key::None => false,
            Key::References => {
                table.strict
                    || (!table.references.is_empty() && table.references.iter().all(|r| r.not_null))
            }
            _ => table.key_not_null || table.strict,
        };
        !self.is_without_rowid(at)
            && table.shadowed >= 3
            && (self.key(at).is_empty() || !(not_null || self.is_rowid_alias(at)))
    }

    /// The columns of the references tell rows apart.
    pub(crate) fn tells_apart_by_references(&self, at: usize) -> bool {
        let rowid = self.tables[at].shadowed < 3 && !self.is_rowid_alias(at);
        let by_key = self.is_without_rowid(at) || !rowid;
        self.is_key_part(at) && by_key && !self.lacks_identity(at)
    }

    /// The column that names a user.
    pub(crate) fn user_key(&self) -> Column {
        let mut key = self.key(0);
        match self.tables[0].key {
            Key::One(_) | Key::Descending => key.remove(0),
            _ => Column {
                name: "u".into(),
                kind: self.tables[0].unique,
            },
        }
    }

    fn names_user_key(&self) -> bool {
        self.user_key().name == "u"
    }

    pub(crate) fn job(&self, keys: &[Value]) -> Job {
        let name = |number: &u8| match keys.get(usize::from(*number) % keys.len().max(1)) {
            Some(Value::Integer(key)) => key.to_string(),
            Some(Value::Text(key)) => key.clone(),
            _ => "nobody".into(),
        };
        let named = |numbers: &[u8]| numbers.iter().map(name).collect();
        Job {
            selection: match &self.whom {
                Whom::All => Selection::All,
                Whom::Only(numbers) => Selection::Only(named(numbers)),
                Whom::Except(numbers) => Selection::Except(named(numbers)),
            },
            accounts: self.accounts,
            reassign_to: self.heir.as_ref().map(name),
            unowned: self.unowned,
            ..Job::default()
        }
    }

    /// The statements that make the tables.
    pub(crate) fn schema(&self) -> Vec<String> {
        let mut statements: Vec<String> = (0..self.tables.len())
            .flat_map(|at| self.create(at))
            .collect();
        if let Some(table) = self.trigger_table() {
            statements.push("CREATE TABLE trail(tag INTEGER)".into());
            statements.push(format!(
                "CREATE TRIGGER deleted AFTER DELETE ON {} BEGIN INSERT INTO trail VALUES (old.tag); END",
                quote(&self.table_name(table))
            ));
        }
        statements
    }

    pub(crate) fn trigger_table(&self) -> Option<usize> {
        self.trigger.map(|at| usize::from(at) % self.tables.len())
    }

    fn create(&self, at: usize) -> Vec<String> {
        let table = &self.tables[at];
        let mut parts = vec![
            "tag INTEGER NOT NULL".to_owned(),
            "plain INTEGER".to_owned(),
        ];
        let not_null = if table.key_not_null { " NOT NULL" } else { "" };
        match table.key {
            Key::One(kind) => parts.push(format!(
                "id {} PRIMARY KEY{not_null}",
                kind.sql(table.strict)
            )),
            Key::Descending => parts.push(format!("id INTEGER PRIMARY KEY DESC{not_null}")),
            Key::Composite => parts.push(format!("k1 INTEGER{not_null}, k2 TEXT{not_null}")),
            Key::None | Key::References => {}
        }
        parts.push(format!("u {} UNIQUE", table.unique.sql(table.strict)));
        let shadows = ["rowid", "_rowid_", "oid"]
            .into_iter()
            .take(table.shadowed.into());
        parts.extend(shadows.map(|name| format!("{name} INTEGER")));
        parts.push("made INTEGER AS (tag * 2)".into());
        for number in 0..table.references.len() {
            parts.extend(self.column_definitions(at, number));
        }
        match table.key {
            Key::Composite => parts.push("PRIMARY KEY (k1, k2)".into()),
            Key::References if !table.references.is_empty() => {
                parts.push(format!("PRIMARY KEY ({})", names(&self.key(at))));
            }
            _ => {}
        }
        for number in 0..table.references.len() {
            parts.extend(self.foreign_key(at, number));
        }
        let options = [
            (self.is_without_rowid(at), "WITHOUT ROWID"),
            (table.strict, "STRICT"),
        ];
        let options: Vec<&str> = options
            .iter()
            .filter(|(on, _)| *on)
            .map(|(_, text)| *text)
            .collect();
        let name = quote(&self.table_name(at));
        let create = format!(
            "CREATE TABLE {name}(\n  {}\n) {}",
            parts.join(",\n  "),
            options.join(", ")
        );
        let indexes = (0..table.references.len()).filter_map(|number| self.index(at, number));
        std::iter::once(create.trim_end().to_owned())
            .chain(indexes)
            .collect()
    }

    fn column_definitions(&self, at: usize, number: usize) -> Vec<String> {
        let (table, reference) = (&self.tables[at], &self.tables[at].references[number]);
        let not_null = if reference.not_null { " NOT NULL" } else { "" };
        let mut definitions = Vec::new();
        for column in self.columns(at, number) {
            let (name, kind) = (quote(&column.name), column.kind.sql(table.strict));
            if self.is_generated(at, number) {
                let base = quote(&format!("{} base", column.name));
                definitions.push(format!("{base} {kind}"));
                definitions.push(format!("{name} {kind}{not_null} AS ({base}) STORED"));
            } else {
                let one = if reference.action == Action::SetOne {
                    " DEFAULT 1"
                } else {
                    ""
                };
                definitions.push(format!("{name} {kind}{not_null}{one}"));
            }
        }
        definitions
    }

    fn foreign_key(&self, at: usize, number: usize) -> Option<String> {
        let reference = &self.tables[at].references[number];
        let action = match reference.action {
            Action::Cascade => " ON DELETE CASCADE",
            Action::SetNull => " ON DELETE SET NULL",
            Action::SetDefault | Action::SetOne => " ON DELETE SET DEFAULT",
            Action::Restrict => " ON DELETE RESTRICT",
            Action::None => "",
            Action::Undeclared => return None,
        };
        let parent = self.parent(reference);
        let name = match reference.to {
            To::Nothing => "\"no such table\"".into(),
            _ => quote(&self.table_name(parent)),
        };
        let columns = match reference.to {
            To::Implicit if self.has_plain_key(parent) => String::new(),
            _ => format!("({})", names(&self.parent_columns(reference))),
        };
        let deferred = if reference.deferred {
            " DEFERRABLE INITIALLY DEFERRED"
        } else {
            ""
        };
        let own = names(&self.columns(at, number));
        Some(format!(
            "FOREIGN KEY ({own}) REFERENCES {name}{columns}{action}{deferred}"
        ))
    }

    fn index(&self, at: usize, number: usize) -> Option<String> {
        let columns = names(&self.columns(at, number));
        let first = quote(&self.columns(at, number)[0].name);
        let condition = match self.tables[at].references[number].index {
            Index::None => return None,
            Index::Whole => String::new(),
            Index::NotNull => format!(" WHERE {first} IS NOT NULL"),
            Index::Some => " WHERE tag % 2".into(),
        };
        let name = quote(&self.table_name(at));
        Some(format!(
            "CREATE INDEX i{at}_{number} ON {name}({columns}){condition}"
        ))
    }

    /// The statements that make the rows; those that a constraint forbids are left out.
    pub(crate) fn inserts(&self) -> Vec<String> {
        self.rows
            .iter()
            .enumerate()
            .map(|(tag, row)| self.insert(tag, row))
            .collect()
    }

    /// Only those that no constraint forbids.
    fn accepted_inserts(&self) -> Vec<String> {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("PRAGMA foreign_keys = OFF")
            .unwrap();
        for statement in self.schema() {
            connection.execute_batch(&statement).unwrap();
        }
        let accepted = |statement: &String| connection.execute_batch(statement).is_ok();
        self.inserts().into_iter().filter(accepted).collect()
    }

    fn insert(&self, tag: usize, row: &Row) -> String {
        let at = usize::from(row.table) % self.tables.len();
        let table = &self.tables[at];
        let mut columns = vec!["tag".to_owned(), "plain".to_owned(), "u".to_owned()];
        let mut values = vec![
            Value::Integer(i64::try_from(tag).unwrap()),
            Value::Integer(i64::from(row.unique % 3)),
            table.unique.value(row.unique),
        ];
        if table.key != Key::References {
            columns.extend(self.key(at).into_iter().map(|column| column.name));
            values.extend(self.key_value(at, row.key));
        }
        for name in ["rowid", "_rowid_", "oid"]
            .into_iter()
            .take(table.shadowed.into())
        {
            columns.push(name.into());
            values.push(Value::Integer(i64::from(row.key % 3)));
        }
        for (number, reference) in table.references.iter().enumerate() {
            let base = if self.is_generated(at, number) {
                " base"
            } else {
                ""
            };
            let own = self.columns(at, number);
            columns.extend(
                own.iter()
                    .map(|column| quote(&format!("{}{base}", column.name))),
            );
            values.extend(self.cell(reference, row.cells[number], own.len()));
        }
        let values: Vec<String> = values.iter().map(literal).collect();
        let (name, columns) = (quote(&self.table_name(at)), columns.join(", "));
        format!(
            "INSERT INTO {name}({columns}) VALUES ({})",
            values.join(", ")
        )
    }

    /// The key with this number; the last is null, or has a null, where the rowid is not the key.
    fn key_value(&self, at: usize, number: u8) -> Vec<Value> {
        let null = number == 15 && !self.is_rowid_alias(at);
        match self.tables[at].key {
            Key::Composite => {
                let second = if null {
                    Value::Null
                } else {
                    Type::Text.value(number / 4)
                };
                vec![Type::Integer.value(number % 4), second]
            }
            Key::None | Key::References => vec![],
            Key::One(_) | Key::Descending if null => vec![Value::Null],
            Key::One(kind) => vec![kind.value(number)],
            Key::Descending => vec![Type::Integer.value(number)],
        }
    }

    fn cell(&self, reference: &Reference, cell: Cell, columns: usize) -> Vec<Value> {
        let Cell::Names(number, spelling) = cell else {
            return vec![Value::Null; columns];
        };
        let parent = self.parent(reference);
        let unique = || vec![self.tables[parent].unique.value(number)];
        let values = match reference.target() {
            To::Implicit | To::Key if self.has_plain_key(parent) => self.key_value(parent, number),
            To::Plain => vec![Value::Integer(i64::from(number % 3))],
            _ => unique(),
        };
        values
            .into_iter()
            .map(|value| spelt(value, spelling))
            .collect()
    }

    pub(crate) fn manifest(&self) -> String {
        let string =
            |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let mut text = format!("[users]\ntable = {}\n", string(&self.table_name(0)));
        if self.names_user_key() {
            text.push_str("key = \"u\"\n");
        }
        text.push_str("[references]\n");
        for at in 0..self.tables.len() {
            for (number, reference) in self.tables[at].references.iter().enumerate() {
                let from = string(&dotted(&self.table_name(at), &self.columns(at, number)));
                let is = match (reference.decision, reference.action) {
                    (Some(Decision::Owner), _) => "\"owner\"",
                    (Some(Decision::Mention), _) | (None, Action::Undeclared) => "\"mention\"",
                    (None, _) => continue,
                };
                let parent = self.table_name(self.parent(reference));
                let to = string(&dotted(&parent, &self.parent_columns(reference)));
                let decision = match reference.action {
                    Action::Undeclared => format!("{{ is = {is}, to = {to} }}"),
                    _ => is.to_owned(),
                };
                text.extend([&from, " = ", &decision, "\n"]);
            }
        }
        text
    }
}

/// Another spelling of a value, which some columns take for the same.
fn spelt(value: Value, spelling: u8) -> Value {
    match (value, spelling % 4) {
        (Value::Integer(number), 1) => Value::Text(number.to_string()),
        (Value::Text(text), 1) => text.parse().map_or(Value::Text(text), Value::Integer),
        (Value::Text(text), 2) if text == text.to_ascii_uppercase() => {
            Value::Text(text.to_ascii_lowercase())
        }
        (Value::Text(text), 2) => Value::Text(text.to_ascii_uppercase()),
        (Value::Text(text), 3) => Value::Text(format!("0{text}")),
        (Value::Integer(number), 3) => Value::Integer(number + 1),
        (value, _) => value,
    }
}

pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn names(columns: &[Column]) -> String {
    let names: Vec<String> = columns.iter().map(|column| quote(&column.name)).collect();
    names.join(", ")
}

fn dotted(table: &str, columns: &[Column]) -> String {
    let names: Vec<String> = columns.iter().map(|column| quote(&column.name)).collect();
    format!("{}.{}", quote(table), names.join(","))
}

impl fmt::Debug for Case {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out)?;
        if self.wal {
            writeln!(out, "PRAGMA journal_mode = WAL;")?;
        }
        for statement in self.schema().iter().chain(&self.accepted_inserts()) {
            writeln!(out, "{statement};")?;
        }
        writeln!(out, "-- reset-app.toml\n{}", self.manifest())?;
        writeln!(
            out,
            "-- whom: {:?}, accounts: {:?}, heir: {:?}, unowned: {:?}",
            self.whom, self.accounts, self.heir, self.unowned
        )
    }
}
