//! What a database may cost: its own triggers, views and expressions cannot keep a run for ever, nor
//! fill the memory with one value (<https://sqlite.org/security.html>).

use rusqlite::Connection;
use rusqlite::limits::Limit;

use crate::error::{Error, Result};

/// Steps of `SQLite`'s virtual machine, of which a second has some ten to a hundred million, that a
/// connection may take for a database however small, and for each page more. Reading every row for
/// every other of some hundred thousand is within.
const STEPS: u64 = 20_000_000_000;
const STEPS_PER_PAGE: u64 = 100_000_000;

/// How many steps `SQLite` takes before it asks whether to go on.
const INTERVAL: u16 = 10_000;

/// The longest value in bytes that a database smaller than that may compute.
const LONGEST: u64 = 1 << 28;

/// Bounds what a connection may cost, by the size of its database.
pub(super) fn set(connection: &Connection) -> Result<()> {
    let number = |pragma: &str| {
        let sql = format!("PRAGMA main.{pragma}");
        let row = connection.query_row(&sql, [], |row| row.get::<_, u64>(0));
        row.map_err(Error::opening)
    };
    let (pages, page) = (number("page_count")?, number("page_size")?);
    let longest = pages.saturating_mul(page).max(LONGEST);
    let longest = i32::try_from(longest).unwrap_or(i32::MAX);
    connection
        .set_limit(Limit::SQLITE_LIMIT_LENGTH, longest)
        .map_err(Error::opening)?;
    stop_after(
        connection,
        STEPS.saturating_add(pages.saturating_mul(STEPS_PER_PAGE)),
    )
}

/// Ends the statement that takes one step more.
fn stop_after(connection: &Connection, steps: u64) -> Result<()> {
    let mut left = steps / u64::from(INTERVAL);
    let is_enough = move || {
        left = left.saturating_sub(1);
        left == 0
    };
    connection
        .progress_handler(i32::from(INTERVAL), Some(is_enough))
        .map_err(Error::opening)
}

#[cfg(test)]
mod tests {
    use super::{set, stop_after};
    use crate::error::Error;
    use rusqlite::Connection;

    const ENDLESS: &str = "CREATE TABLE t(x);
        INSERT INTO t VALUES (1);
        CREATE TRIGGER endless AFTER DELETE ON t BEGIN
            SELECT count(*) FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
                                  SELECT i FROM n);
        END;";

    #[test]
    fn a_trigger_without_end_is_ended_and_its_statement_undone() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(ENDLESS).unwrap();
        stop_after(&connection, 1_000_000).unwrap();
        let error = connection.execute("DELETE FROM t", []).unwrap_err();
        let error = Error::erasing(error);
        assert!(error.to_string().contains("came to no end"), "{error}");
        let rows: i64 = connection
            .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 1);
    }

    #[test]
    fn a_value_that_fills_the_memory_is_not_computed() {
        let connection = Connection::open_in_memory().unwrap();
        set(&connection).unwrap();
        let huge = "SELECT length(hex(zeroblob(400000000)))";
        let huge = connection.query_row(huge, [], |row| row.get::<_, i64>(0));
        assert!(huge.is_err());
    }
}
