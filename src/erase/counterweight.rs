//! Keeps `SQLite`'s count of violated foreign keys right while rows are updated that named nothing
//! before.
//!
//! `SQLite` looks at a foreign key of a table to itself whenever a row of that table is updated,
//! whatever columns change: the old row, if it names nothing, is one violation less, the new one is
//! one more. But while there is none at all it does not look at the old row (`OP_FkIfZero` in
//! `fkLookupParent`), counts one more, and COMMIT fails for a row that is as it was. With other
//! violations in the count, rows of a temporary table, it comes out even.

use rusqlite::{Connection, params};

use super::execute;
use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::survey::mention_set;

/// Does `update`, which changes the rows of the mention `at` because of the user at `owner`.
pub(super) fn hold(
    connection: &Connection,
    plan: &Plan,
    at: usize,
    owner: i64,
    update: impl FnOnce() -> Result<()>,
) -> Result<()> {
    if plan.mentions[at].self_references == 0 {
        return update();
    }
    let create = "CREATE TEMP TABLE IF NOT EXISTS weight(n INTEGER PRIMARY KEY, \
                  named REFERENCES weight)";
    connection.execute_batch(create).map_err(Error::erasing)?;
    // One for each row and foreign key, and as many more: an update that mends a row takes one away.
    let put = format!(
        "WITH RECURSIVE weights(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM weights \
         WHERE n < (SELECT count(*) + 1 FROM {} WHERE owner = ?1) * ?2) \
         INSERT INTO temp.weight SELECT n, -n FROM weights",
        mention_set(at)
    );
    let each = crate::survey::number(plan.mentions[at].self_references);
    execute(connection, &put, params![owner, each])?;
    update()?;
    execute(connection, "DELETE FROM temp.weight", []).map(drop)
}
