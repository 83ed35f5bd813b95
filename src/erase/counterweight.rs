//! Keeps `SQLite`'s count of violated foreign keys right while rows go, or are updated, that named
//! nothing before.
//!
//! A row that names nothing is one violation less when it goes. But `SQLite` looks at it only while
//! there is any violation at all (`OP_FkIfZero` in `fkLookupParent`), so the count depends on the
//! order of things, and COMMIT demands exactly none:
//!
//! - An update of a row looks at the foreign keys of its table to itself, whatever columns change:
//!   the old row is not counted off, the new one, as it was, is counted.
//! - Of rows that name each other in a circle the first to go leaves a violation behind; a row that
//!   named nothing before is then counted off, and was never counted.
//!
//! With enough other violations in the count, rows of a temporary table, every row is looked at; when
//! those go, the count ends at none, and not below.

use rusqlite::Connection;

use super::execute;
use crate::error::{Error, Result};

/// Foreign keys that are deferred count for themselves, and are counted off as long as any other is
/// violated: so their weights go last.
const WEIGHTS: [(&str, &str); 2] = [
    ("weight", ""),
    ("deferred_weight", "DEFERRABLE INITIALLY DEFERRED"),
];

/// What outweighs so many rows with so many foreign keys each.
pub(super) fn of(rows: u64, foreign_keys: usize) -> u64 {
    rows.saturating_add(1)
        .saturating_mul(u64::try_from(foreign_keys).unwrap_or(u64::MAX))
}

/// Does `work` with so much in the count.
pub(super) fn hold(
    connection: &Connection,
    weight: u64,
    work: impl FnOnce() -> Result<()>,
) -> Result<()> {
    if weight == 0 {
        return work();
    }
    for (name, kind) in WEIGHTS {
        let create = format!(
            "CREATE TEMP TABLE IF NOT EXISTS {name}(n INTEGER PRIMARY KEY, named REFERENCES {name} {kind})"
        );
        connection.execute_batch(&create).map_err(Error::erasing)?;
        let put = format!(
            "WITH RECURSIVE weights(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM weights \
             WHERE n < ?1) INSERT INTO temp.{name} SELECT n, -n FROM weights"
        );
        execute(connection, &put, [weight])?;
    }
    work()?;
    for (name, _) in WEIGHTS {
        execute(connection, &format!("DELETE FROM temp.{name}"), [])?;
    }
    Ok(())
}
