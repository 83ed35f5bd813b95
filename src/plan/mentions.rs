//! The references of rows that stay to rows that go, and what becomes of each.

use super::links::link;
use super::{Accounts, Link, RowIdentity, identity};
use crate::error::Result;
use crate::graph::{Graph, Reference};
use crate::manifest::Meaning;
use crate::schema::{Action, Affinity, ColumnKind, Identity, Schema, Table};

/// A reference of a row that stays to a row that goes.
#[derive(Clone, Debug)]
pub struct Mention {
    /// The table that holds it.
    pub table: String,
    /// What tells that table's rows apart.
    pub identity: RowIdentity,
    /// The same table as a position in [`Plan::tables`](super::Plan::tables), if its rows can go as well.
    pub planned: Option<usize>,
    /// What it names.
    pub link: Link,
    /// What each of its columns makes of a value.
    pub keeps: Vec<Keeps>,
    /// What becomes of it.
    pub fate: MentionFate,
    /// To set it changes what tells the row apart.
    pub in_identity: bool,
}

impl Mention {
    /// Whether it names an account and can only be kept by naming another one.
    #[must_use]
    pub fn can_be_inherited(&self) -> bool {
        self.fate == MentionFate::NeedsHeir
    }
}

/// What a column makes of a value that is put into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeps {
    /// What its affinity makes of it.
    Anything(Affinity),
    /// The same, if it is of that type then.
    Only(Affinity),
}

fn keeps(table: &Table, column: &str) -> Keeps {
    let affinity = table.column(column).map_or(Affinity::Blob, |c| c.affinity);
    if table.strict || table.is_rowid_alias(column) {
        Keeps::Only(affinity)
    } else {
        Keeps::Anything(affinity)
    }
}

/// What becomes of a mention whose row stays when what it names goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MentionFate {
    /// These columns are set to null.
    SetNull(Vec<String>),
    /// `SQLite` sets the declared default.
    SetDefault,
    /// An account that goes is named where null may not stand: refused, unless somebody inherits it.
    NeedsHeir,
    /// Nothing can be set: the run is refused.
    Blocks,
    /// Nothing can be set, and nothing enforces the reference: it stays, and is reported.
    Stays,
}

pub(super) fn mentions(
    schema: &Schema,
    graph: &Graph,
    step: &[Option<usize>],
    accounts: Accounts,
) -> Result<Vec<Mention>> {
    let goes = |parent: usize| parent != graph.users || accounts == Accounts::Delete;
    let names = |r: &Reference| matches!(r.meaning, Meaning::Mention | Meaning::Keeper);
    let meant = |r: &&Reference| names(r) && r.parent.is_some_and(goes);
    let mut mentions = Vec::new();
    for reference in graph.references.iter().filter(meant) {
        let Some(link) = link(schema, step, reference) else {
            continue;
        };
        let table = &schema.tables[reference.child];
        let fate = fate(graph, reference, table);
        if fate == MentionFate::Stays && table.identity == Identity::None {
            continue;
        }
        mentions.push(Mention {
            table: table.name.clone(),
            identity: identity(table)?,
            planned: step[reference.child],
            link,
            keeps: reference.columns.iter().map(|c| keeps(table, c)).collect(),
            fate,
            in_identity: table.is_told_apart_by(&reference.columns),
        });
    }
    Ok(mentions)
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

fn fate(graph: &Graph, reference: &Reference, table: &Table) -> MentionFate {
    let can_be_set = |name: &String| {
        let column = table.column(name);
        column.is_some_and(|column| column.kind == ColumnKind::Ordinary)
    };
    let names_account = reference.parent == Some(graph.users);
    match reference.on_delete {
        Some(Action::SetDefault) => MentionFate::SetDefault,
        _ if !reference.nullable.is_empty() => MentionFate::SetNull(own_columns(graph, reference)),
        Some(_) if names_account && reference.columns.iter().all(can_be_set) => {
            MentionFate::NeedsHeir
        }
        Some(_) => MentionFate::Blocks,
        None => MentionFate::Stays,
    }
}
