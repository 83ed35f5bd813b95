//! The structure of a database, as `SQLite` itself tells it.
//!
//! Plain data without a connection: the graph and the plan are made from it alone. Names are
//! compared as `SQLite` compares them, without regard to ASCII case.

use std::collections::BTreeSet;

mod module;
mod read;
mod types;

pub use module::{Module, unquoted};
pub use read::read;
pub use types::{Affinity, affinity};

/// Everything `sqlite_schema` describes.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// Tables of every kind but views, in the order of their names.
    pub tables: Vec<Table>,
    /// Names of views.
    pub views: Vec<String>,
    /// Triggers.
    pub triggers: Vec<Trigger>,
}

/// One table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name as declared.
    pub name: String,
    /// What kind of table it is.
    pub kind: TableKind,
    /// What a virtual table is made by.
    pub module: Option<Module>,
    /// Declared `STRICT`.
    pub strict: bool,
    /// Its rowid is `AUTOINCREMENT`.
    pub autoincrement: bool,
    /// Columns in order, hidden and generated ones included.
    pub columns: Vec<Column>,
    /// The columns of the primary key in key order, as positions in `columns`; empty without one.
    pub primary_key: Vec<usize>,
    /// How a row is told from every other.
    pub identity: Identity,
    /// Foreign keys this table declares.
    pub foreign_keys: Vec<ForeignKey>,
    /// Indexes on this table.
    pub indexes: Vec<Index>,
}

/// What kind of table it is (<https://sqlite.org/pragma.html#pragma_table_list>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    /// A table with a rowid.
    Rowid,
    /// `WITHOUT ROWID`.
    WithoutRowid,
    /// A virtual table.
    Virtual,
    /// A table in which a virtual table keeps its data.
    Shadow,
}

/// How a row is told from every other row of its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// By its rowid, through this name, which no column takes
    /// (<https://sqlite.org/lang_createtable.html#rowid>).
    Rowid(String),
    /// By the columns of its primary key (`WITHOUT ROWID`).
    Key(Vec<String>),
    /// Not at all: columns of the table take all three names of the rowid.
    None,
}

/// One column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name as declared.
    pub name: String,
    /// The declared type, empty if none was declared.
    pub declared_type: String,
    /// The affinity that type gives.
    pub affinity: Affinity,
    /// The collating sequence.
    pub collation: String,
    /// Declared `NOT NULL`, or part of the key of a `WITHOUT ROWID` table.
    pub not_null: bool,
    /// Whether a statement can set it.
    pub kind: ColumnKind,
}

/// Whether a statement can set a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// An ordinary column.
    Ordinary,
    /// Hidden in a virtual table.
    Hidden,
    /// Generated, stored or virtual.
    Generated,
}

/// One foreign key, resolved against its parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// The child's columns.
    pub columns: Vec<String>,
    /// The parent table as declared.
    pub parent: String,
    /// The parent's columns; an implicit parent key is filled in. Empty where it cannot be.
    pub parent_columns: Vec<String>,
    /// ON DELETE.
    pub on_delete: Action,
    /// Why `SQLite` will not enforce it, if it will not.
    pub fault: Option<ForeignKeyFault>,
}

/// A referential action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// `NO ACTION`, also where none was declared.
    NoAction,
    /// `RESTRICT`.
    Restrict,
    /// `SET NULL`.
    SetNull,
    /// `SET DEFAULT`.
    SetDefault,
    /// `CASCADE`.
    Cascade,
}

/// Errors of the structure that `SQLite` reports only when a statement meets them
/// (<https://sqlite.org/foreignkeys.html#fk_indexes>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignKeyFault {
    /// The parent table does not exist: a DELETE of the child fails.
    ParentMissing,
    /// The parent's columns are no key of it: a DELETE of the parent fails, and of the child.
    Mismatch,
}

/// One index.
#[derive(Clone, Debug)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Declared `UNIQUE`, or made for a constraint.
    pub unique: bool,
    /// Has a WHERE clause.
    pub partial: bool,
    /// How it came to be.
    pub origin: IndexOrigin,
    /// Its key in order; `None` is an expression.
    pub columns: Vec<Option<IndexColumn>>,
}

/// How an index came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexOrigin {
    /// `CREATE INDEX`.
    Created,
    /// A UNIQUE constraint.
    Unique,
    /// The PRIMARY KEY.
    PrimaryKey,
}

/// A column of an index's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexColumn {
    /// The table's column.
    pub name: String,
    /// The collating sequence the index uses.
    pub collation: String,
}

/// One trigger.
#[derive(Clone, Debug)]
pub struct Trigger {
    /// Its name.
    pub name: String,
    /// The table or view it is on.
    pub table: String,
    /// What it answers.
    pub event: Event,
    /// Every name and word in its definition, without quotes, in lower case.
    pub words: BTreeSet<String>,
}

/// What a trigger answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// `DELETE`
    Delete,
    /// `INSERT` or `UPDATE`
    Other,
}

impl Trigger {
    /// Whether its definition names this table.
    #[must_use]
    pub fn names(&self, table: &str) -> bool {
        self.words.contains(&table.to_ascii_lowercase())
    }
}

impl Schema {
    /// The table of that name, if there is one.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables
            .iter()
            .find(|t| t.name.eq_ignore_ascii_case(name))
    }
}

impl Table {
    /// The column of that name, if there is one.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns
            .iter()
            .find(|c| c.name.eq_ignore_ascii_case(name))
    }

    /// The names of the primary key's columns.
    #[must_use]
    pub fn key(&self) -> Vec<&str> {
        self.primary_key
            .iter()
            .map(|&at| self.columns[at].name.as_str())
            .collect()
    }

    /// Whether these columns, in any order, are a key of this table to a foreign key: its primary
    /// key, or those of a unique, complete index with the columns' own collations.
    #[must_use]
    pub fn is_key(&self, columns: &[String]) -> bool {
        same_names(&self.key(), columns)
            || self
                .indexes
                .iter()
                .any(|index| self.is_key_index(index, columns))
    }

    fn is_key_index(&self, index: &Index, columns: &[String]) -> bool {
        let Some(keys) = index
            .columns
            .iter()
            .map(Option::as_ref)
            .collect::<Option<Vec<_>>>()
        else {
            return false;
        };
        let names: Vec<&str> = keys.iter().map(|k| k.name.as_str()).collect();
        let own_collation = |key: &IndexColumn| {
            self.column(&key.name)
                .is_some_and(|c| c.collation.eq_ignore_ascii_case(&key.collation))
        };
        index.unique
            && !index.partial
            && same_names(&names, columns)
            && keys.into_iter().all(own_collation)
    }

    /// Whether this column is the rowid under another name.
    #[must_use]
    pub fn is_rowid_alias(&self, column: &str) -> bool {
        let [at] = self.primary_key[..] else {
            return false;
        };
        let key = &self.columns[at];
        self.kind == TableKind::Rowid
            && key.name.eq_ignore_ascii_case(column)
            && key.declared_type.eq_ignore_ascii_case("INTEGER")
            && !self
                .indexes
                .iter()
                .any(|i| i.origin == IndexOrigin::PrimaryKey)
    }

    /// Whether one of these columns is part of what tells rows of this table apart.
    #[must_use]
    pub fn is_told_apart_by(&self, columns: &[String]) -> bool {
        columns.iter().any(|column| match &self.identity {
            Identity::Rowid(_) => self.is_rowid_alias(column),
            Identity::Key(key) => key.iter().any(|k| k.eq_ignore_ascii_case(column)),
            Identity::None => false,
        })
    }
}

fn same_names(left: &[&str], right: &[String]) -> bool {
    let has = |name: &str| right.iter().any(|r| r.eq_ignore_ascii_case(name));
    !left.is_empty() && left.len() == right.len() && left.iter().all(|l| has(l))
}

#[cfg(test)]
mod tests;
