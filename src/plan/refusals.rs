//! What a plan refuses: references that nobody has decided, and foreign keys that would make the
//! deletion fail half way.

use super::{Accounts, Group, components};
use crate::error::{Error, Result, Undecided};
use crate::graph::{Graph, Reference};
use crate::manifest::{Columns, Meaning};
use crate::schema::{Action, ForeignKeyFault, Schema};

/// A reference into the users table or a table of users' rows must be decided, also where the
/// accounts stay: the tool would not know whether the row is the user's.
pub(super) fn undecided(schema: &Schema, graph: &Graph, owned: &[bool]) -> Result<()> {
    let met = |r: &&Reference| {
        r.meaning == Meaning::Undecided && r.parent.is_some_and(|parent| owned[parent])
    };
    let undecided: Vec<Undecided> = graph
        .references
        .iter()
        .filter(met)
        .map(|r| Undecided {
            columns: Columns {
                table: schema.tables[r.child].name.clone(),
                columns: r.columns.clone(),
            },
            parent: r
                .parent
                .map_or_else(String::new, |p| schema.tables[p].name.clone()),
        })
        .collect();
    if undecided.is_empty() {
        Ok(())
    } else {
        Err(Error::UndecidedReferences(undecided))
    }
}

/// `SQLite` looks at the foreign keys of every table from which a statement could delete, also by
/// a cascade that meets no row, and at those that name a table which it updates.
pub(super) fn faults(
    schema: &Schema,
    graph: &Graph,
    owned: &[bool],
    accounts: Accounts,
) -> Result<()> {
    if graph.references.iter().all(|r| r.fault.is_none()) {
        return Ok(());
    }
    let goes =
        |table: usize| owned[table] && (table != graph.users || accounts == Accounts::Delete);
    let deleted = components::cascaded(graph, (0..owned.len()).map(goes).collect());
    let goes = |table: usize| deleted[table];
    let is_set = |r: &Reference| {
        let sets = matches!(r.on_delete, Some(Action::SetNull | Action::SetDefault));
        (sets || r.meaning == Meaning::Mention) && r.parent.is_some_and(goes)
    };
    let is_updated = |table| {
        graph
            .references
            .iter()
            .any(|r| r.child == table && is_set(r))
    };
    for reference in &graph.references {
        let fails = match reference.fault {
            Some(ForeignKeyFault::ParentMissing) => goes(reference.child),
            Some(ForeignKeyFault::Mismatch) => {
                goes(reference.child) || reference.parent.is_some_and(|p| goes(p) || is_updated(p))
            }
            None => false,
        };
        if fails {
            return Err(Error::ForeignKey {
                columns: Columns {
                    table: schema.tables[reference.child].name.clone(),
                    columns: reference.columns.clone(),
                }
                .to_string(),
                parent: reference.parent.map(|p| schema.tables[p].name.clone()),
            });
        }
    }
    Ok(())
}

/// A default that `SQLite` sets in what tells a row apart: the row could not be found again, whether it
/// stays or goes with others. Where rows go before those that they name, no default is set.
pub(super) fn defaults(
    schema: &Schema,
    graph: &Graph,
    (order, groups): (&[usize], &[Group]),
    accounts: Accounts,
) -> Result<()> {
    let goes = |table: usize| {
        order.contains(&table) && (table != graph.users || accounts == Accounts::Delete)
    };
    let in_circle = |r: &Reference| {
        let holds = |group: &Group, table: usize| order[group.tables.clone()].contains(&table);
        let both =
            |group: &Group| holds(group, r.child) && r.parent.is_some_and(|p| holds(group, p));
        groups.iter().any(both)
    };
    for reference in &graph.references {
        let table = &schema.tables[reference.child];
        if reference.on_delete == Some(Action::SetDefault)
            && reference.parent.is_some_and(goes)
            && table.is_told_apart_by(&reference.columns)
            && (reference.meaning != Meaning::Owner || in_circle(reference))
        {
            return Err(Error::DefaultInKey(Columns {
                table: table.name.clone(),
                columns: reference.columns.clone(),
            }));
        }
    }
    Ok(())
}
