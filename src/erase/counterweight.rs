//! Keeps `SQLite`'s count of violated foreign keys right where rows go, or are updated, that named
//! nothing before.
//!
//! A row that names nothing is one violation less when it goes. But `SQLite` looks at it only while
//! there is any violation at all (`OP_FkIfZero` in `fkLookupParent`), so the count depends on the
//! order of things, and COMMIT demands exactly none:
//!
//! - An update of a row looks at the foreign keys of its table to itself, whatever columns change:
//!   the old row is not counted off, the new one, as it was, is counted.
//! - A row that goes before the one that names it leaves a violation behind; until that one goes, a
//!   row that named nothing before is counted off by a deferred foreign key, and was never counted.
//!
//! With enough other violations in the count, rows of temporary tables, every row is looked at; when
//! those go, the count ends at none, and not below. It could then hide a violation that is new, so
//! the database is checked before and after.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::{execute, held};
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::sql::quote;
use crate::survey::{mention_set, set_name};

/// Deferred foreign keys count for themselves, and are counted off as long as any other is violated:
/// so their weights go last.
const WEIGHTS: [(&str, &str); 2] = [
    ("weight", ""),
    ("deferred_weight", "DEFERRABLE INITIALLY DEFERRED"),
];

/// Rows that name nothing, by table, rowid, parent and foreign key. Those without a rowid are counted.
type Violations = BTreeMap<(String, Option<i64>, String, i64), u64>;

/// What was put in the count, and what was violated before.
#[derive(Debug)]
pub(super) struct Counterweight {
    before: Violations,
}

impl Counterweight {
    /// Outweighs all that can be counted off while the rows of the user at `owner` go.
    pub(super) fn put(connection: &Connection, plan: &Plan, owner: i64) -> Result<Self> {
        let before = violations(connection)?;
        let sets = (0..plan.tables.len()).map(set_name);
        let mut rows = 1_u64;
        for set in sets.chain((0..plan.mentions.len()).map(mention_set)) {
            rows = rows.saturating_add(held(connection, &set, owner)?);
        }
        let each = u64::try_from(plan.foreign_keys).unwrap_or(u64::MAX);
        let weight = rows.saturating_mul(each);
        for (name, kind) in WEIGHTS {
            let create = format!(
                "CREATE TEMP TABLE {name}(n INTEGER PRIMARY KEY, named REFERENCES {name} {kind})"
            );
            connection.execute_batch(&create).map_err(Error::erasing)?;
            let put = format!(
                "WITH RECURSIVE weights(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM weights \
                 WHERE n < ?1) INSERT INTO temp.{name} SELECT n, -n FROM weights"
            );
            execute(connection, &put, [weight])?;
        }
        Ok(Self { before })
    }

    /// Takes the weights away, and fails where something is violated that was not before.
    pub(super) fn take(self, connection: &Connection) -> Result<()> {
        for (name, _) in WEIGHTS {
            execute(connection, &format!("DELETE FROM temp.{name}"), [])?;
            let drop = format!("DROP TABLE temp.{name}");
            connection.execute_batch(&drop).map_err(Error::erasing)?;
        }
        let after = violations(connection)?;
        let known = |at| self.before.get(at).copied().unwrap_or_default();
        match after.iter().find(|(at, rows)| **rows > known(at)) {
            Some(((table, _, parent, _), _)) => Err(Error::NewViolation {
                table: table.clone(),
                parent: parent.clone(),
            }),
            None => Ok(()),
        }
    }
}

/// Of all foreign keys that name a key. One that does not is violated by nothing a deletion does: `SQLite`
/// compiles no statement that would have to look at it.
fn violations(connection: &Connection) -> Result<Violations> {
    let mut violations = Violations::new();
    let tables = "SELECT name FROM main.sqlite_schema WHERE type = 'table'";
    let mut tables = connection.prepare(tables).map_err(Error::erasing)?;
    let names = tables.query_map([], |row| row.get(0));
    for name in names.map_err(Error::erasing)? {
        let name: String = name.map_err(Error::erasing)?;
        add_violations(connection, &name, &mut violations)?;
    }
    Ok(violations)
}

fn add_violations(connection: &Connection, table: &str, to: &mut Violations) -> Result<()> {
    let check = format!("PRAGMA main.foreign_key_check({})", quote(table));
    let mut statement = match connection.prepare(&check) {
        Err(error) if error.to_string().contains("foreign key mismatch") => return Ok(()),
        statement => statement.map_err(Error::erasing)?,
    };
    let rows = statement.query_map([], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    });
    for row in rows.map_err(Error::erasing)? {
        *to.entry(row.map_err(Error::erasing)?).or_default() += 1;
    }
    Ok(())
}
