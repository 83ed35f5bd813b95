//! Whose a row is that belongs to nobody, and goes with the last row that kept it: theirs whose row that
//! was; and not somebody else's, where one of those was the target's.

use rusqlite::Connection;

use super::{Ways, natural_owner};
use crate::error::Result;
use crate::plan::{Hold, Keeper, Plan, RowIdentity};
use crate::sql::{create_set, identity, main_table, names, quote, same_row, set_columns};
use crate::survey::rows::{execute, set_name};

fn whose(at: usize) -> String {
    format!("temp.whose_{at}")
}

/// Creates the set of the rows of a kept table with the user whose each is.
pub(in crate::survey) fn whose_sql(at: usize, identity: &RowIdentity) -> String {
    create_set(&format!("whose_{at}"), identity, ", theirs")
}

/// Notes whose the rows of table `at` are that go with the users that `which` counts. The tables that
/// keep them stand before it in the plan.
pub(super) fn note(
    connection: &Connection,
    plan: &Plan,
    (ways, at): (&Ways, usize),
    (which, position): (&str, Option<i64>),
) -> Result<()> {
    let table = &plan.tables[at];
    execute(connection, &format!("DELETE FROM {}", whose(at)), [])?;
    let carries = |keeper: &&Keeper| keeper.hold == Hold::Carries;
    for keeper in table.keepers.iter().filter(carries) {
        let Some(from) = keeper.planned.filter(|from| *from < at) else {
            continue;
        };
        let Some(theirs) = owner_of_keeper(plan, ways, from) else {
            continue;
        };
        let keys = set_columns("", &table.identity);
        let sql = format!(
            "INSERT INTO {} ({keys}, theirs) SELECT {}, {theirs} AS theirs FROM {} AS s \
             CROSS JOIN {} AS c ON {} CROSS JOIN {} AS p ON {} CROSS JOIN {} AS g ON {} \
             WHERE {which} AND g.owner = s.owner AND theirs IS NOT NULL \
             ON CONFLICT ({keys}) DO UPDATE SET theirs = excluded.theirs \
             WHERE EXISTS (SELECT 1 FROM temp.target AS t WHERE t.key = excluded.theirs)",
            whose(at),
            identity("p", &table.identity),
            set_name(from),
            main_table(&keeper.table),
            same_row("c", "s", &keeper.identity),
            main_table(&table.name),
            names("c", "p", &keeper.link),
            set_name(at),
            same_row("p", "g", &table.identity),
        );
        execute(connection, &sql, [position])?;
    }
    Ok(())
}

/// The key of the user whose the row `c` of a table is that keeps rows.
fn owner_of_keeper(plan: &Plan, ways: &Ways, from: usize) -> Option<String> {
    let table = &plan.tables[from];
    if from == 0 {
        return Some(format!("c.{}", quote(&plan.user_key)));
    }
    natural_owner(plan, ways, from).or_else(|| {
        let kept = !table.keepers.is_empty();
        kept.then(|| {
            let same = same_row("c", "w", &table.identity);
            format!("(SELECT w.theirs FROM {} AS w WHERE {same})", whose(from))
        })
    })
}

/// Counts them by user, without those of the targets.
pub(super) fn query(at: usize) -> String {
    format!(
        "SELECT theirs, count(*) FROM {} WHERE NOT EXISTS (SELECT 1 FROM temp.target AS t WHERE t.key = theirs) \
         GROUP BY theirs",
        whose(at)
    )
}
