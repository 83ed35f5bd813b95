//! Which tables are read, and what is known of their columns. Pure.

use crate::full_text::{Content, FullText};
use crate::graph::{Graph, Reference};
use crate::manifest::{Decision, Manifest, Meaning};
use crate::plan::{Plan, RowIdentity};
use crate::schema::{Column, ColumnKind, Identity, Schema, Table, TableKind};
use crate::sql::{identity, joined, main_table, quote};

use super::words::PersonWords;

/// A table that is read from its first row to its last.
#[derive(Clone, Debug)]
pub(crate) struct TableToRead {
    pub(crate) name: String,
    /// What tells its rows apart, if anything does.
    pub(crate) identity: Option<RowIdentity>,
    pub(crate) columns: Vec<ColumnToRead>,
    /// The same table as a position in the plan, if its rows can go.
    pub(crate) planned: Option<usize>,
    /// Planned tables whose triggers write it; only where it is a full-text index.
    pub(crate) fed_by: Vec<usize>,
    /// It is an ordinary table with a rowid, which can be read in parts.
    pub(crate) splits: bool,
}

/// One column of it.
#[derive(Clone, Debug)]
pub(crate) struct ColumnToRead {
    pub(crate) name: String,
    /// Its values are users' keys: a reference says so, or its name does.
    pub(crate) names_users: bool,
    /// A mention of a user: the row stays, and so does the value where the account does.
    pub(crate) mentions_users: bool,
}

/// What there is to search in a database.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    pub(crate) tables: Vec<TableToRead>,
    /// Indexes whose text is elsewhere or nowhere: they are asked for the words.
    pub(crate) indexes: Vec<IndexToAsk>,
    /// Virtual tables that are not read.
    pub(crate) unread: Vec<String>,
}

/// A full-text index that is asked for words.
#[derive(Clone, Debug)]
pub(crate) struct IndexToAsk {
    pub(crate) index: FullText,
    pub(crate) fed_by: Vec<usize>,
}

impl Reading {
    /// Every table of the schema: also those of nobody.
    pub(crate) fn of(schema: &Schema, graph: &Graph, plan: &Plan, manifest: &Manifest) -> Self {
        let persons = PersonWords::new(&plan.tables[0].name);
        let view = View {
            schema,
            graph,
            plan,
            manifest,
            persons,
        };
        let mut reading = Self::default();
        for (at, table) in schema.tables.iter().enumerate() {
            view.add(at, table, &mut reading);
        }
        reading
    }
}

struct View<'a> {
    schema: &'a Schema,
    graph: &'a Graph,
    plan: &'a Plan,
    manifest: &'a Manifest,
    persons: PersonWords,
}

impl View<'_> {
    fn add(&self, at: usize, table: &Table, reading: &mut Reading) {
        let index = FullText::of(table);
        let fed_by = self.fed_by(&table.name);
        match (table.kind, index) {
            (TableKind::Virtual, Some(index)) if index.content != Content::Own => {
                reading.indexes.push(IndexToAsk { index, fed_by });
            }
            // R-trees and geopoly hold numbers only.
            (TableKind::Virtual, None) if is_of_numbers(table) => {}
            (TableKind::Virtual, None) => reading.unread.push(table.name.clone()),
            (TableKind::Shadow, _) if self.is_read_through(table) => {}
            _ => reading.tables.push(self.table(at, table, fed_by)),
        }
    }

    /// The rows of a full-text index are read through it.
    fn is_read_through(&self, shadow: &Table) -> bool {
        FullText::all(self.schema).any(|index| index.keeps_data_in(shadow))
    }

    fn fed_by(&self, table: &str) -> Vec<usize> {
        let tables = self.plan.tables.iter().enumerate();
        let feeds = |name: &str| {
            let mut triggers = self.schema.triggers.iter();
            triggers.any(|t| t.table.eq_ignore_ascii_case(name) && t.names(table))
        };
        tables
            .filter(|(_, planned)| feeds(&planned.name))
            .map(|(at, _)| at)
            .collect()
    }

    fn table(&self, at: usize, table: &Table, fed_by: Vec<usize>) -> TableToRead {
        let ordinary = |column: &&Column| column.kind == ColumnKind::Ordinary;
        let mut planned = self.plan.tables.iter();
        TableToRead {
            identity: match &table.identity {
                Identity::Rowid(name) => Some(RowIdentity::Rowid(name.clone())),
                Identity::Key(columns) => Some(RowIdentity::Key(columns.clone())),
                Identity::None => None,
            },
            columns: table
                .columns
                .iter()
                .filter(ordinary)
                .map(|column| self.column(at, table, column))
                .collect(),
            planned: planned.position(|p| p.name == table.name),
            fed_by: if table.kind == TableKind::Virtual {
                fed_by
            } else {
                Vec::new()
            },
            splits: table.kind == TableKind::Rowid,
            name: table.name.clone(),
        }
    }

    fn column(&self, at: usize, table: &Table, column: &Column) -> ColumnToRead {
        let holds = |r: &&Reference| {
            r.child == at
                && r.columns
                    .iter()
                    .any(|c| c.eq_ignore_ascii_case(&column.name))
        };
        let references: Vec<&Reference> = self.graph.references.iter().filter(holds).collect();
        let names_user = |r: &&&Reference| {
            let key = std::slice::from_ref(&self.graph.user_key);
            r.parent == Some(self.graph.users)
                && r.columns.len() == 1
                && r.form.json.is_none()
                && same(&r.parent_columns, key)
        };
        let mentions_user = |r: &&Reference| {
            let names = matches!(r.meaning, Meaning::Mention | Meaning::Dependent);
            names && r.parent == Some(self.graph.users)
        };
        let looks_so = references.is_empty()
            && at != self.graph.users
            && !self.names_nothing(table, column)
            && self.persons.name_a_user(&column.name);
        ColumnToRead {
            name: column.name.clone(),
            names_users: looks_so || references.iter().any(|r| names_user(&r)),
            mentions_users: references.iter().any(mentions_user),
        }
    }

    fn names_nothing(&self, table: &Table, column: &Column) -> bool {
        let mut decisions = self.manifest.references.iter();
        decisions.any(|(from, decision)| {
            *decision == Decision::Declared(Meaning::Nothing)
                && from.table.eq_ignore_ascii_case(&table.name)
                && from
                    .columns
                    .iter()
                    .any(|c| c.eq_ignore_ascii_case(&column.name))
        })
    }
}

fn same(left: &[String], right: &[String]) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .all(|(l, r)| l.eq_ignore_ascii_case(r))
}

fn is_of_numbers(table: &Table) -> bool {
    let module = table.module.as_ref().map(|module| &*module.name);
    matches!(
        module,
        Some("rtree" | "rtree_i32" | "geopoly" | "fts5vocab" | "fts4aux")
    )
}

impl TableToRead {
    /// The statement that reads it: what tells a row, then its columns. With `splits`, between two rowids.
    pub(crate) fn sql(&self) -> String {
        let identity = self.identity.as_ref().map(|id| identity("c", id));
        let columns = self.columns.iter().map(|c| format!("c.{}", quote(&c.name)));
        let all = identity.into_iter().chain(columns);
        let condition = match (&self.identity, self.splits) {
            (Some(RowIdentity::Rowid(name)), true) => {
                format!(" WHERE c.{0} >= ?1 AND c.{0} <= ?2", quote(name))
            }
            _ => " WHERE ?1 <= ?2".into(),
        };
        format!(
            "SELECT {} FROM {} AS c{condition}",
            joined(all, ", "),
            main_table(&self.name)
        )
    }

    /// How many columns tell a row.
    pub(crate) fn identity_columns(&self) -> usize {
        self.identity.as_ref().map_or(0, |id| id.columns().len())
    }
}
