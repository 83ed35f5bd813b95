//! Foreign keys between columns of unlike types.
//!
//! A row names another by a comparison that converts as the parent's column asks. But when the other
//! goes, `SQLite` finds its children by one that converts as either column asks, and acts on them: a
//! parent `'01'` of text takes along the children of the parent `'1'` that hold the number 1. Where a
//! column of numbers names the parent, the value is even converted in place, for every foreign key
//! that `SQLite` looks at afterwards (`sqlite3FkCheck`, `fkScanChildren`).

use std::collections::HashSet;

use super::links::{link, types};
use super::{Compared, Loose};
use crate::graph::{Graph, Reference};
use crate::schema::{Affinity, Schema};

pub(super) fn of(schema: &Schema, graph: &Graph, step: &[Option<usize>]) -> Vec<Loose> {
    let mut loose = Vec::new();
    let declared = |r: &&Reference| r.on_delete.is_some() && r.parent.is_some();
    let converting = |r: &&Reference| declared(r) && types(schema, r).any(is_converted);
    let converted = graph.references.iter().filter(converting);
    let converted: HashSet<Option<usize>> = converted.map(|r| r.parent).collect();
    for reference in graph.references.iter().filter(declared) {
        let Some(link) = link(schema, step, reference) else {
            continue;
        };
        let as_numbers = if types(schema, reference).all(is_integer_for_text) {
            Some(Compared::AsPlainNumbers)
        } else {
            let converts = converted.contains(&reference.parent);
            converts.then_some(Compared::AsNumbers)
        };
        let as_columns = types(schema, reference).any(is_text_for_any);
        let as_columns = as_columns.then_some(Compared::AsColumns);
        loose.extend(
            as_columns
                .into_iter()
                .chain(as_numbers)
                .map(|compared| Loose {
                    table: schema.tables[reference.child].name.clone(),
                    link: link.clone(),
                    compared,
                }),
        );
    }
    loose
}

/// A column of numbers names one that holds none.
fn is_converted((child, parent): (Affinity, Affinity)) -> bool {
    is_number(child) && !is_number(parent)
}

/// A column that holds 1 as 1, never as 1.0, names one of text.
fn is_integer_for_text((child, parent): (Affinity, Affinity)) -> bool {
    is_number(child) && child != Affinity::Real && parent == Affinity::Text
}

fn is_number(affinity: Affinity) -> bool {
    matches!(
        affinity,
        Affinity::Integer | Affinity::Real | Affinity::Numeric
    )
}

/// A column of text names one that holds anything.
fn is_text_for_any((child, parent): (Affinity, Affinity)) -> bool {
    child == Affinity::Text && parent == Affinity::Blob
}
