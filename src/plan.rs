//! The plan: which tables hold what belongs to a user, in which order they are emptied, and what
//! becomes of the rows that only mention what goes.
//!
//! Pure data, the same for every user of a database. Made once, printed by the preview and
//! executed by the deed, so that the two cannot disagree.

mod components;
mod dependents;
mod indexes;
mod links;
mod loose;
mod mentions;
mod person;
mod refusals;

pub(crate) use dependents::resolved;
pub use indexes::{Feed, PlannedIndex};
pub use mentions::{Keeps, Mention, MentionFate};
pub use person::PersonColumns;

use crate::error::{Error, Result};
use crate::graph::{Graph, Reference};
use crate::manifest::{FilePath, Form, Manifest, Meaning, UserRows};
use crate::schema::{Affinity, Identity, Schema, Table};
use links::{keepers, link};
use mentions::mentions;

/// Whether the users' own rows go too. They stay unless that is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Accounts {
    /// The rows of the users table stay.
    #[default]
    Keep,
    /// They go with everything else.
    Delete,
}

/// How much of the users' data goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    #[default]
    Everything,
    /// Only the rows of the tables that the manifest names as sessions.
    Sessions,
}

/// The ordered steps.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Whether the users' own rows go.
    pub accounts: Accounts,
    /// The column of the users' key.
    pub user_key: String,
    /// What tells an account from a later one of the same key.
    pub person: PersonColumns,
    /// How many rows of the users table are one user's.
    pub user_rows: UserRows,
    /// The users table first, then every table that holds users' rows, parents before children.
    pub tables: Vec<PlannedTable>,
    /// Runs of `tables`, parents before children. Rows are deleted in the opposite order.
    pub groups: Vec<Group>,
    /// References of rows that stay to rows that go.
    pub mentions: Vec<Mention>,
    /// Columns that name files.
    pub files: Vec<FileSource>,
    /// Full-text indexes of rows that go.
    pub indexes: Vec<PlannedIndex>,
    /// Foreign keys by which `SQLite` takes rows for children of what goes that do not name it.
    pub loose: Vec<Loose>,
    /// No table declares more foreign keys than so many.
    pub foreign_keys: usize,
    /// Triggers stand on tables that this plan changes.
    pub triggers: bool,
}

/// Tables that reach each other through owner references, or one table by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Positions in [`Plan::tables`].
    pub tables: std::ops::Range<usize>,
    /// The tables reach each other, or the one table itself: rows have levels.
    pub cyclic: bool,
}

/// A table whose rows go.
#[derive(Clone, Debug)]
pub struct PlannedTable {
    /// Its name.
    pub name: String,
    /// What tells its rows apart.
    pub identity: RowIdentity,
    /// The owner references by which its rows are found.
    pub owners: Vec<Link>,
    /// The references that keep its rows: a row goes with the last that keeps it.
    pub keepers: Vec<Keeper>,
}

/// A reference that keeps the row it names: its table, and what tells that table's rows apart.
#[derive(Clone, Debug)]
pub struct Keeper {
    /// The table that holds it.
    pub table: String,
    /// What tells that table's rows apart.
    pub identity: RowIdentity,
    /// The same table as a position in [`Plan::tables`], if its rows can go.
    pub planned: Option<usize>,
    /// What it names: the table that is kept.
    pub link: Link,
    /// Whether what it names goes with it.
    pub hold: Hold,
}

/// What a reference does to the row that it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// The row goes with the last of these.
    Carries,
    /// The row stays while one of these names it; it does not go because one of them goes.
    Holds,
}

/// A reference to a table of the plan.
#[derive(Clone, Debug)]
pub struct Link {
    /// The columns that hold it.
    pub columns: Vec<String>,
    /// The parent, as a position in [`Plan::tables`].
    pub parent: usize,
    /// The parent's columns.
    pub parent_columns: Vec<String>,
    /// The parent's one column is its rowid.
    pub parent_is_rowid: bool,
    /// Affinity and collation of each of the parent's columns: a foreign key compares with these
    /// (<https://sqlite.org/foreignkeys.html#fk_schemacommands>).
    pub parent_types: Vec<(Affinity, String)>,
    /// No two rows name the same one.
    pub one_each: bool,
    /// The SQL operator `=` compares the two as the foreign key does. Where it would not, the
    /// child's own affinity has to be kept out of it.
    pub plain_comparison: bool,
    /// How the value stands in the columns.
    pub form: Form,
}

/// A foreign key by which `SQLite` may take rows for children of a row that they do not name.
#[derive(Clone, Debug)]
pub struct Loose {
    /// The table that holds it.
    pub table: String,
    /// What it names.
    pub link: Link,
    /// How `SQLite` compares.
    pub compared: Compared,
}

/// How `SQLite` compares a row that goes with its children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// By the operator `=`, and as the child's column asks.
    AsColumns,
    /// As numbers: this or another foreign key has made a number of the parent's value.
    AsNumbers,
    /// As numbers, and the child's column holds a number as text would be written that is one.
    AsPlainNumbers,
}

/// What tells a row of a table from every other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowIdentity {
    /// The rowid, by a name that no column takes.
    Rowid(String),
    /// The columns of a key.
    Key(Vec<String>),
}

impl RowIdentity {
    /// The columns, or the name of the rowid.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        match self {
            Self::Rowid(name) => std::slice::from_ref(name),
            Self::Key(columns) => columns,
        }
    }
}

/// A column whose values name files.
#[derive(Clone, Debug)]
pub struct FileSource {
    /// The table.
    pub table: String,
    /// The same table as a position in [`Plan::tables`], if its rows can go.
    pub planned: Option<usize>,
    /// What tells its rows apart.
    pub identity: RowIdentity,
    /// The column.
    pub column: String,
    /// Where in it the value stands, and whatever else a form says.
    pub form: Form,
    /// Where the file of a value stands; at the value itself, unless given.
    pub path: Option<FilePath>,
    /// The summary line its files count for.
    pub line: String,
}

impl Plan {
    /// Makes the plan.
    ///
    /// Fails with every undecided reference that a run would meet, with a foreign key that would
    /// make the deletion fail half way, or with a table whose rows cannot be told apart.
    pub fn new(
        schema: &Schema,
        graph: &Graph,
        manifest: &Manifest,
        accounts: Accounts,
    ) -> Result<Self> {
        // Where there are no accounts, the rows that hold the key are data like any other.
        let accounts = match graph.user_rows {
            UserRows::One => accounts,
            UserRows::Many => Accounts::Delete,
        };
        let graph = &resolved(graph, accounts);
        let owned = components::reachable(schema.tables.len(), graph);
        refusals::undecided(schema, graph, &owned)?;
        refusals::faults(schema, graph, &owned, accounts)?;
        let (order, groups) = components::ordered(graph, &owned);
        refusals::defaults(schema, graph, (&order, &groups), accounts)?;
        let mut step = vec![None; schema.tables.len()];
        for (at, &table) in order.iter().enumerate() {
            step[table] = Some(at);
        }
        let mut naming = vec![Vec::new(); schema.tables.len()];
        for reference in &graph.references {
            if let Some(parent) = reference.parent {
                naming[parent].push(reference);
            }
        }
        let mut owners = vec![Vec::new(); schema.tables.len()];
        for reference in graph
            .references
            .iter()
            .filter(|r| r.meaning == Meaning::Owner)
        {
            owners[reference.child].push(reference);
        }
        let tables = order
            .iter()
            .map(|&table| planned(schema, (&owners[table], &naming[table]), &step, table));
        Ok(Self {
            accounts,
            user_key: graph.user_key.clone(),
            person: PersonColumns::of(&schema.tables[graph.users], graph, manifest)?,
            user_rows: graph.user_rows,
            tables: tables.collect::<Result<_>>()?,
            groups,
            mentions: mentions(schema, graph, &step, accounts)?,
            files: file_sources(schema, manifest, &step)?,
            indexes: indexes::of(schema, &step),
            loose: loose::of(schema, graph, &step),
            foreign_keys: schema
                .tables
                .iter()
                .map(|t| t.foreign_keys.len())
                .max()
                .unwrap_or(0),
            triggers: has_triggers(schema, graph, &step),
        })
    }

    /// Whether rows that stay may name other rows, or be told apart by other values, once a user has
    /// gone: triggers write, defaults are set, an heir stands in a key.
    pub(crate) fn renames(&self) -> bool {
        let renames = |mention: &Mention| match mention.fate {
            MentionFate::SetDefault => true,
            MentionFate::NeedsHeir => mention.in_identity,
            MentionFate::SetNull(_) | MentionFate::Blocks | MentionFate::Stays => false,
        };
        self.triggers || self.mentions.iter().any(renames)
    }

    /// The positions of the tables whose rows go, parents first.
    #[must_use]
    pub fn going(&self) -> impl DoubleEndedIterator<Item = usize> + use<> {
        let first = usize::from(self.accounts == Accounts::Keep);
        first..self.tables.len()
    }
}

fn identity(table: &Table) -> Result<RowIdentity> {
    match &table.identity {
        Identity::Rowid(name) => Ok(RowIdentity::Rowid(name.clone())),
        Identity::Key(columns) => Ok(RowIdentity::Key(columns.clone())),
        Identity::None => Err(Error::NoIdentity {
            table: table.name.clone(),
        }),
    }
}

fn planned(
    schema: &Schema,
    (owners, naming): (&[&Reference], &[&Reference]),
    step: &[Option<usize>],
    table: usize,
) -> Result<PlannedTable> {
    Ok(PlannedTable {
        name: schema.tables[table].name.clone(),
        identity: identity(&schema.tables[table])?,
        owners: owners
            .iter()
            .filter_map(|r| link(schema, step, r))
            .collect(),
        keepers: keepers(schema, naming, step)?,
    })
}

/// The columns that name files. `step` gives, for each table of the schema, its position in the
/// plan, if it has one.
///
/// Fails where the rows of such a table cannot be told apart.
pub(crate) fn file_sources(
    schema: &Schema,
    manifest: &Manifest,
    step: &[Option<usize>],
) -> Result<Vec<FileSource>> {
    let mut sources = Vec::new();
    for file in &manifest.files.columns {
        let named = |t: &Table| t.name.eq_ignore_ascii_case(&file.column.table);
        let Some(at) = schema.tables.iter().position(named) else {
            continue;
        };
        sources.push(FileSource {
            table: schema.tables[at].name.clone(),
            planned: step.get(at).copied().flatten(),
            identity: identity(&schema.tables[at])?,
            column: file.column.columns.concat(),
            form: Form {
                json: file.json.clone(),
                ..Form::default()
            },
            path: file.path.clone(),
            line: file.line.clone(),
        });
    }
    Ok(sources)
}

fn has_triggers(schema: &Schema, graph: &Graph, step: &[Option<usize>]) -> bool {
    let changed = |table: usize| {
        step[table].is_some()
            || graph.references.iter().any(|r| {
                r.child == table
                    && r.meaning == Meaning::Mention
                    && r.parent.is_some_and(|p| step[p].is_some())
            })
    };
    schema.triggers.iter().any(|trigger| {
        let table = schema
            .tables
            .iter()
            .position(|t| t.name.eq_ignore_ascii_case(&trigger.table));
        table.is_some_and(changed)
    })
}

#[cfg(test)]
mod tests;
