//! Rows that `SQLite` would take along, or set, although they name nothing that goes.

use rusqlite::Connection;

use super::rows::set_name;
use crate::error::{Blocking, Error, Result};
use crate::manifest::Columns;
use crate::plan::{Compared, Link, Loose, Plan};
use crate::sql::{joined, main_table, names, quote, same_row};

/// Fails where such a row stands, so that nothing of anybody else is changed.
pub(super) fn refuse(connection: &Connection, plan: &Plan) -> Result<()> {
    let goes = |loose: &&Loose| plan.going().any(|at| at == loose.link.parent);
    for loose in plan.loose.iter().filter(goes) {
        let sql = query(plan, loose);
        log::trace!("{sql}");
        let rows: u64 = connection
            .query_row(&sql, [], |row| row.get(0))
            .map_err(Error::surveying)?;
        if rows > 0 {
            let columns = Columns {
                table: loose.table.clone(),
                columns: loose.link.columns.clone(),
            };
            return Err(Error::LooseKeys(Blocking {
                column: columns.to_string(),
                parent: plan.tables[loose.link.parent].name.clone(),
                rows,
                later: 0,
            }));
        }
    }
    Ok(())
}

/// Counts the rows that go and have such children.
fn query(plan: &Plan, loose: &Loose) -> String {
    let parent = &plan.tables[loose.link.parent];
    format!(
        "SELECT count(*) FROM {} AS s CROSS JOIN {} AS p ON {} WHERE {} AND EXISTS \
         (SELECT 1 FROM {} AS c WHERE ({}) AND ({}) IS NOT TRUE)",
        set_name(loose.link.parent),
        main_table(&parent.name),
        same_row("p", "s", &parent.identity),
        suspicious(loose),
        main_table(&loose.table),
        taken(loose),
        names("c", "p", &loose.link),
    )
}

/// Keys that can be equal to what they are not, so that few rows have to be looked at.
fn suspicious(loose: &Loose) -> String {
    let any = loose.link.parent_columns.iter().map(|column| {
        let p = format!("p.{}", quote(column));
        match loose.compared {
            Compared::AsColumns => format!("typeof({p}) IN ('integer', 'real')"),
            Compared::AsNumbers => is_number(&p),
            Compared::AsPlainNumbers => {
                format!(
                    "{} AND CAST(CAST({p} AS NUMERIC) AS TEXT) <> {p}",
                    is_number(&p)
                )
            }
        }
    });
    format!("({})", joined(any, " OR "))
}

fn taken(loose: &Loose) -> String {
    let all = |how: fn(&str, &str) -> String| {
        let pairs = pairs(&loose.link);
        joined(pairs.map(|(p, c)| how(&p, &c)), " AND ")
    };
    let (operator, asked) = (
        all(|p, c| format!("{p} = {c}")),
        all(|p, c| format!("+{p} = {c}")),
    );
    match loose.compared {
        Compared::AsColumns => format!("({operator}) OR ({asked})"),
        Compared::AsNumbers | Compared::AsPlainNumbers => {
            let number = all(|p, c| {
                let converted = format!("CAST({p} AS NUMERIC) = {c}");
                format!(
                    "CASE WHEN {} THEN {converted} ELSE {p} = {c} END",
                    is_number(p)
                )
            });
            format!("({operator}) OR ({asked}) OR ({number})")
        }
    }
}

/// The parent's columns and the child's.
fn pairs(link: &Link) -> impl Iterator<Item = (String, String)> {
    let pairs = link.parent_columns.iter().zip(&link.columns);
    pairs.map(|(p, c)| (format!("p.{}", quote(p)), format!("c.{}", quote(c))))
}

/// The text of this column is a number, however it is written: `CAST` gives the comparison an
/// affinity (<https://sqlite.org/datatype3.html#affinity_of_expressions>).
fn is_number(column: &str) -> String {
    format!("(typeof({column}) = 'text' AND CAST({column} AS NUMERIC) = {column})")
}
