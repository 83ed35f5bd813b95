//! Why a table is a user's, in which order it is emptied, and what stays: made from the graph and the
//! plan, for people to read. Pure.

mod evidence;
mod graph;

use std::collections::VecDeque;

pub use graph::{dot, mermaid};

use crate::full_text::FullText;
use crate::graph::{Graph, Reference};
use crate::manifest::{Manifest, Meaning, Notes, UserRows};
use crate::plan::{Feed, MentionFate, Plan};
use crate::schema::{Schema, TableKind};

/// What a plan does, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The users table.
    pub users: String,
    /// The column of the users' key.
    pub key: String,
    /// What the manifest notes of the users table.
    pub note: Option<String>,
    /// Whether the users table holds accounts, or data like any other.
    pub accounts: UserRows,
    /// The directories of one user, whose files go.
    pub directories: Vec<DirectoryOf>,
    /// The tables with users' rows, in the order in which their rows are deleted.
    pub steps: Vec<Step>,
    /// References of rows that stay to rows that go.
    pub mentions: Vec<Stay>,
    /// Tables that are nobody's.
    pub nobodys: Vec<Nobodys>,
    /// The user whose rows were counted, if one was named.
    pub user: Option<String>,
}

/// A table whose rows go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The table.
    pub table: String,
    /// Its place in the order, from 1. Tables of one place reach each other and are emptied together,
    /// row by row, deepest first.
    pub place: usize,
    /// The owner references that make its rows a user's.
    pub because: Vec<Because>,
    /// The references that keep its rows: a row goes with the last of them.
    pub kept_by: Vec<Because>,
    /// The shortest way to the users table, reference by reference.
    pub way: Vec<String>,
    /// Columns that name files.
    pub files: Vec<FilesOf>,
    /// Full-text indexes of its rows, and what takes a row out of them.
    pub indexes: Vec<(String, &'static str)>,
    /// How many rows of the user go.
    pub rows: Option<u64>,
}

/// A reference, and who says what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Because {
    /// The table that holds it.
    pub table: String,
    /// The table it names.
    pub parent: String,
    /// `table.column`.
    pub from: String,
    /// `table.column`.
    pub to: String,
    /// Who says so.
    pub evidence: String,
    /// What the manifest notes of it: the reason, and what the values show, where `init` wrote it.
    pub note: Option<String>,
}

/// A column that names files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilesOf {
    /// The column.
    pub column: String,
    /// Where in JSON the value stands.
    pub json: Option<String>,
    /// Where the file of a value stands, if not at the value itself.
    pub path: Option<String>,
    /// What the manifest notes of it.
    pub note: Option<String>,
}

/// A directory of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryOf {
    /// Its name, with `{user}` for the user.
    pub pattern: String,
    /// What the manifest notes of it.
    pub note: Option<String>,
}

/// A reference of a row that stays to a row that goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay {
    /// The reference.
    pub reference: Because,
    /// What becomes of it.
    pub becomes: String,
}

/// A table that is nobody's, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nobodys {
    /// The table.
    pub table: String,
    /// Why.
    pub reason: &'static str,
    /// What the manifest notes of it.
    pub note: Option<String>,
}

impl Explanation {
    /// Explains a plan.
    #[must_use]
    pub fn new(schema: &Schema, graph: &Graph, plan: &Plan, manifest: &Manifest) -> Self {
        let view = View {
            schema,
            graph,
            plan,
            manifest,
            notes: &Notes::of(&manifest.text),
        };
        Self {
            users: plan.tables[0].name.clone(),
            key: graph.user_key.clone(),
            note: view.notes.users().map(str::to_owned),
            accounts: graph.user_rows,
            directories: view.directories(),
            steps: view.steps(),
            mentions: view.mentions(),
            nobodys: view.nobodys(),
            user: None,
        }
    }

    /// Only what concerns one table; `None` where the database has no such table.
    #[must_use]
    pub fn of_table(mut self, table: &str) -> Option<Self> {
        let is = |name: &String| name.eq_ignore_ascii_case(table);
        let known = self.steps.iter().any(|step| is(&step.table))
            || self.nobodys.iter().any(|nobodys| is(&nobodys.table));
        self.steps.retain(|step| is(&step.table));
        self.mentions
            .retain(|stay| is(&stay.reference.table) || is(&stay.reference.parent));
        if !is(&self.users) {
            self.directories.clear();
        }
        self.nobodys.retain(|nobodys| is(&nobodys.table));
        known.then_some(self)
    }
}

struct View<'a> {
    schema: &'a Schema,
    graph: &'a Graph,
    plan: &'a Plan,
    manifest: &'a Manifest,
    notes: &'a Notes,
}

impl View<'_> {
    fn name(&self, table: usize) -> &str {
        &self.schema.tables[table].name
    }

    fn steps(&self) -> Vec<Step> {
        let groups = self.plan.groups.iter().rev().enumerate();
        groups
            .flat_map(|(place, group)| group.tables.clone().map(move |at| (place + 1, at)))
            .map(|(place, at)| self.step(place, at))
            .collect()
    }

    fn step(&self, place: usize, at: usize) -> Step {
        let table = &self.plan.tables[at].name;
        let references = || self.graph.references.iter();
        let owns = |r: &&Reference| r.meaning == Meaning::Owner && self.name(r.child) == table;
        let keeps = |r: &&Reference| {
            r.meaning == Meaning::Keeper
                && r.parent.is_some_and(|parent| self.name(parent) == table)
        };
        Step {
            table: table.clone(),
            place,
            because: references().filter(owns).map(|r| self.because(r)).collect(),
            kept_by: references()
                .filter(keeps)
                .map(|r| self.because(r))
                .collect(),
            way: self.way(table),
            files: self.files(at),
            indexes: self.indexes(at),
            rows: None,
        }
    }

    /// The shortest way over owner references, breadth first.
    fn way(&self, table: &str) -> Vec<String> {
        let Some(start) = self.schema.tables.iter().position(|t| t.name == table) else {
            return Vec::new();
        };
        let mut seen = vec![false; self.schema.tables.len()];
        let mut waiting = VecDeque::from([(start, Vec::new())]);
        while let Some((at, way)) = waiting.pop_front() {
            if at == self.graph.users {
                return way;
            }
            let owners = self.graph.references.iter();
            for reference in owners.filter(|r| r.child == at && r.meaning == Meaning::Owner) {
                let Some(parent) = reference.parent.filter(|&parent| !seen[parent]) else {
                    continue;
                };
                seen[parent] = true;
                let mut longer: Vec<String> = way.clone();
                let Because { from, to, .. } = self.because(reference);
                longer.push(format!("{from} → {to}"));
                waiting.push_back((parent, longer));
            }
        }
        Vec::new()
    }

    fn indexes(&self, at: usize) -> Vec<(String, &'static str)> {
        let table = &self.plan.tables[at].name;
        let feeds = |index: &str| {
            let mut triggers = self.schema.triggers.iter();
            triggers.any(|t| t.table.eq_ignore_ascii_case(table) && t.names(index))
        };
        let how = |feed: &Feed, index: &str| match feed {
            Feed::Nothing { content, .. } => {
                (*content == at).then_some("nothing keeps it in step, so the run does")
            }
            Feed::Trigger | Feed::Itself => feeds(index).then_some("its triggers keep it in step"),
            Feed::View => None,
        };
        let indexes = self.plan.indexes.iter();
        indexes
            .filter_map(|index| Some((index.table.clone(), how(&index.feed, &index.table)?)))
            .collect()
    }

    fn mentions(&self) -> Vec<Stay> {
        let mentions = self.plan.mentions.iter();
        let found = mentions.filter_map(|mention| {
            let parent = &self.plan.tables[mention.link.parent].name;
            let is = |r: &&Reference| {
                self.name(r.child) == mention.table
                    && r.columns == mention.link.columns
                    && r.form == mention.link.form
                    && r.parent.is_some_and(|at| self.name(at) == parent)
            };
            let reference = self.graph.references.iter().find(is)?;
            Some(Stay {
                reference: self.because(reference),
                becomes: fate(&mention.fate),
            })
        });
        found.collect()
    }

    fn nobodys(&self) -> Vec<Nobodys> {
        let named =
            |list: &[String], table: &str| list.iter().any(|t| t.eq_ignore_ascii_case(table));
        let is_planned = |table: &str| self.plan.tables.iter().any(|t| t.name == table);
        let is_index = |table: &str| self.plan.indexes.iter().any(|i| i.table == table);
        let reason = |table: &crate::schema::Table| {
            let name = table.name.as_str();
            if named(&self.manifest.tables.kept, name) {
                "the manifest keeps it"
            } else if named(&self.manifest.tables.shared, name) {
                "the manifest says that users share it"
            } else if FullText::of(table).is_some() {
                "a full-text index that nothing ties to users' rows"
            } else {
                "no owner reference leads from it to a user"
            }
        };
        let tables = self.schema.tables.iter();
        tables
            .filter(|t| t.kind != TableKind::Shadow && !is_planned(&t.name) && !is_index(&t.name))
            .map(|table| Nobodys {
                table: table.name.clone(),
                reason: reason(table),
                note: self.notes.table(&table.name).map(str::to_owned),
            })
            .collect()
    }
}

fn fate(fate: &MentionFate) -> String {
    match fate {
        MentionFate::SetNull(columns) => format!("`{}` is set to null", columns.join("`, `")),
        MentionFate::SetDefault => "SQLite sets the default".into(),
        MentionFate::NeedsHeir => {
            "it can neither stay nor be set: refused, unless `--reassign-to` names another account"
                .into()
        }
        MentionFate::Blocks => "it can neither stay nor be set: refused".into(),
        MentionFate::Stays => "nothing can be set; it stays, and is reported".into(),
    }
}

#[cfg(test)]
mod tests;
