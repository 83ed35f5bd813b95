//! The plan: which tables hold what belongs to a user, in which order they are emptied, and what
//! becomes of the rows that only mention what goes.
//!
//! Pure data, the same for every user of a database. Made once, printed by the preview and
//! executed by the deed, so that the two cannot disagree.

mod components;
mod person;
mod refusals;

pub use person::PersonColumns;

use crate::error::{Error, Result};
use crate::graph::{Graph, Reference};
use crate::manifest::{Manifest, Meaning};
use crate::schema::{Action, Affinity, Identity, Schema, Table};

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
    /// The users table first, then every table that holds users' rows, parents before children.
    pub tables: Vec<PlannedTable>,
    /// Runs of `tables`, parents before children. Rows are deleted in the opposite order.
    pub groups: Vec<Group>,
    /// References of rows that stay to rows that go.
    pub mentions: Vec<Mention>,
    /// Columns that name files.
    pub files: Vec<FileSource>,
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
    /// The SQL operator `=` compares the two as the foreign key does. Where it would not, the
    /// child's own affinity has to be kept out of it.
    pub plain_comparison: bool,
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
    /// The summary line its files count for.
    pub line: String,
}

/// A reference of a row that stays to a row that goes.
#[derive(Clone, Debug)]
pub struct Mention {
    /// The table that holds it.
    pub table: String,
    /// What tells that table's rows apart.
    pub identity: RowIdentity,
    /// The same table as a position in [`Plan::tables`], if its rows can go as well.
    pub planned: Option<usize>,
    /// What it names.
    pub link: Link,
    /// What becomes of it.
    pub fate: MentionFate,
}

impl Mention {
    /// Whether it names an account and can only be kept by naming another one.
    #[must_use]
    pub fn can_be_inherited(&self) -> bool {
        self.fate == MentionFate::Blocks && self.link.parent == 0
    }
}

/// What becomes of a mention whose row stays when what it names goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MentionFate {
    /// These columns are set to null.
    SetNull(Vec<String>),
    /// `SQLite` sets the declared default.
    SetDefault,
    /// Nothing can be set: the run is refused.
    Blocks,
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
        let owned = components::reachable(schema.tables.len(), graph);
        refusals::undecided(schema, graph, &owned)?;
        refusals::faults(schema, graph, &owned, accounts)?;
        let (order, groups) = components::ordered(graph, &owned);
        let mut step = vec![None; schema.tables.len()];
        for (at, &table) in order.iter().enumerate() {
            step[table] = Some(at);
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
            .map(|&table| planned(schema, &owners[table], &step, table));
        Ok(Self {
            accounts,
            user_key: graph.user_key.clone(),
            person: PersonColumns::of(&schema.tables[graph.users], manifest)?,
            tables: tables.collect::<Result<_>>()?,
            groups,
            mentions: mentions(schema, graph, &step, accounts)?,
            files: file_sources(schema, manifest, &step)?,
            triggers: has_triggers(schema, graph, &step),
        })
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
    owners: &[&Reference],
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
    })
}

fn link(schema: &Schema, step: &[Option<usize>], reference: &Reference) -> Option<Link> {
    let (child, parent) = (
        &schema.tables[reference.child],
        &schema.tables[reference.parent?],
    );
    let (columns, parent_columns) = (&reference.columns, &reference.parent_columns);
    let is_rowid = |name: &String| {
        parent.is_rowid_alias(name) && matches!(parent.identity, Identity::Rowid(_))
    };
    let parent_is_rowid = parent_columns.len() == 1 && parent_columns.iter().all(is_rowid);
    let affinity =
        |table: &Table, name: &String| table.column(name).map_or(Affinity::Blob, |c| c.affinity);
    let pairs = || columns.iter().zip(parent_columns);
    Some(Link {
        columns: columns.clone(),
        parent: step[reference.parent?]?,
        parent_columns: parent_columns.clone(),
        parent_is_rowid,
        parent_types: parent_columns
            .iter()
            .map(|name| column_type(parent, name))
            .collect(),
        plain_comparison: pairs()
            .all(|(c, p)| compares_plainly(affinity(child, c), affinity(parent, p))),
    })
}

fn column_type(table: &Table, name: &str) -> (Affinity, String) {
    let binary = (Affinity::Blob, "BINARY".to_owned());
    table
        .column(name)
        .map_or(binary, |c| (c.affinity, c.collation.clone()))
}

/// A comparison of two columns converts towards numbers, whichever side asks for it, and never
/// towards text (<https://sqlite.org/datatype3.html#type_conversions_prior_to_comparison>); a
/// foreign key converts as its parent asks. They agree where only a parent of numbers asks, or nobody.
fn compares_plainly(child: Affinity, parent: Affinity) -> bool {
    match parent {
        Affinity::Integer | Affinity::Real | Affinity::Numeric => true,
        Affinity::Text => child == Affinity::Text,
        Affinity::Blob => child == Affinity::Blob,
    }
}

fn mentions(
    schema: &Schema,
    graph: &Graph,
    step: &[Option<usize>],
    accounts: Accounts,
) -> Result<Vec<Mention>> {
    let goes = |parent: usize| parent != graph.users || accounts == Accounts::Delete;
    let meant = |r: &&Reference| r.meaning == Meaning::Mention && r.parent.is_some_and(goes);
    let mut mentions = Vec::new();
    for reference in graph.references.iter().filter(meant) {
        let (Some(link), Some(fate)) = (link(schema, step, reference), fate(graph, reference))
        else {
            continue;
        };
        let table = &schema.tables[reference.child];
        mentions.push(Mention {
            table: table.name.clone(),
            identity: identity(table)?,
            planned: step[reference.child],
            link,
            fate,
        });
    }
    Ok(mentions)
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
            line: file.line.clone(),
        });
    }
    Ok(sources)
}

/// The columns of a mention that are set to null: one of several is enough to name nothing, so
/// those that other references share, such as a tenant's, are left alone where others do.
fn own_columns(graph: &Graph, reference: &Reference) -> Vec<String> {
    let others = |r: &&Reference| r.child == reference.child && r.columns != reference.columns;
    let shared = |name: &&String| {
        let mut others = graph.references.iter().filter(others);
        others.any(|r| r.columns.iter().any(|c| c.eq_ignore_ascii_case(name)))
    };
    let nullable = reference.nullable.iter();
    let own: Vec<String> = nullable.filter(|name| !shared(name)).cloned().collect();
    if own.is_empty() {
        reference.nullable.clone()
    } else {
        own
    }
}

/// `None`: nothing enforces the reference and nothing can be set, so it is left as it is.
fn fate(graph: &Graph, reference: &Reference) -> Option<MentionFate> {
    match reference.on_delete {
        Some(Action::SetDefault) => Some(MentionFate::SetDefault),
        _ if !reference.nullable.is_empty() => {
            Some(MentionFate::SetNull(own_columns(graph, reference)))
        }
        Some(_) => Some(MentionFate::Blocks),
        None => None,
    }
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
