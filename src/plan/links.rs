//! References as links between tables of the plan, and what keeps the rows of a table.

use super::{Hold, Keeper, Link, identity};
use crate::error::Result;
use crate::graph::Reference;
use crate::manifest::Meaning;
use crate::schema::{Affinity, Identity, Schema, Table};

pub(super) fn link(schema: &Schema, step: &[Option<usize>], reference: &Reference) -> Option<Link> {
    let parent = &schema.tables[reference.parent?];
    let (columns, parent_columns) = (&reference.columns, &reference.parent_columns);
    let is_rowid = |name: &String| {
        parent.is_rowid_alias(name) && matches!(parent.identity, Identity::Rowid(_))
    };
    let parent_is_rowid = parent_columns.len() == 1 && parent_columns.iter().all(is_rowid);
    Some(Link {
        columns: columns.clone(),
        parent: step[reference.parent?]?,
        parent_columns: parent_columns.clone(),
        parent_is_rowid,
        parent_types: parent_columns
            .iter()
            .map(|name| column_type(parent, name))
            .collect(),
        one_each: reference.form.is_plain()
            && schema.tables[reference.child].is_key(&reference.columns),
        plain_comparison: types(schema, reference).all(|(c, p)| compares_plainly(c, p)),
        form: reference.form.clone(),
    })
}

/// The affinities of each column of a reference and of the parent's that it names.
pub(super) fn types(
    schema: &Schema,
    reference: &Reference,
) -> impl Iterator<Item = (Affinity, Affinity)> {
    let affinity = |table: usize, name: &str| {
        let column = schema.tables[table].column(name);
        column.map_or(Affinity::Blob, |c| c.affinity)
    };
    let parent = reference.parent.unwrap_or(reference.child);
    let pairs = reference.columns.iter().zip(&reference.parent_columns);
    pairs.map(move |(c, p)| (affinity(reference.child, c), affinity(parent, p)))
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

/// What keeps the rows of a table, of the references that name them. Where something carries them,
/// every other reference holds them, but for those of rows that belong to them.
pub(super) fn keepers(
    schema: &Schema,
    naming: &[&Reference],
    step: &[Option<usize>],
) -> Result<Vec<Keeper>> {
    if !naming.iter().any(|r| r.meaning == Meaning::Keeper) {
        return Ok(Vec::new());
    }
    let mut keepers = Vec::new();
    let holds = |r: &&&Reference| r.meaning != Meaning::Owner && r.form.list.is_none();
    for reference in naming.iter().filter(holds) {
        let Some(link) = link(schema, step, reference) else {
            continue;
        };
        let child = &schema.tables[reference.child];
        keepers.push(Keeper {
            table: child.name.clone(),
            identity: identity(child)?,
            planned: step[reference.child],
            link,
            hold: match reference.meaning {
                Meaning::Keeper => Hold::Carries,
                _ => Hold::Holds,
            },
        });
    }
    Ok(keepers)
}
