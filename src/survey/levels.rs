//! The order in which rows that own each other are deleted: children first.
//!
//! A cascade deeper than 1,000 levels fails in `SQLite`
//! (<https://sqlite.org/limits.html#max_trigger_depth>), so no row is deleted before those below it.

use rusqlite::{Connection, params};

use super::rows::{Rows, execute, inner_links, set_name};
use crate::error::Result;
use crate::plan::{Group, Link};
use crate::sql::set_columns;

impl Rows<'_> {
    /// Gives each row of one user in a cyclic group its level: rows on level 0 name no other row
    /// that goes, rows on level n + 1 name one on level n. Returns the highest level.
    ///
    /// Rows are peeled off as those they name are numbered (A. Kahn, Topological sorting of large
    /// networks, CACM 5(11), 1962); what is left names itself in a circle and counts as deepest.
    pub(crate) fn levels(&self, connection: &Connection, group: &Group, owner: i64) -> Result<i64> {
        for (at, link) in inner_links(self.plan, group) {
            self.count_parents(connection, at, link, owner)?;
        }
        let mut level = 0;
        while number_free_rows(connection, group, owner, level)? {
            for (at, link) in inner_links(self.plan, group) {
                self.release_children(connection, at, link, owner, level)?;
            }
            level += 1;
        }
        for at in group.tables.clone() {
            let sql = format!(
                "UPDATE {} SET level = ?2 WHERE owner = ?1 AND level IS NULL",
                set_name(at)
            );
            execute(connection, &sql, params![owner, level])?;
        }
        Ok(level)
    }

    fn count_parents(
        &self,
        connection: &Connection,
        at: usize,
        link: &Link,
        owner: i64,
    ) -> Result<()> {
        let sql = self.change_waits(connection, at, link, "+ 1", "")?;
        execute(connection, &sql, params![owner]).map(drop)
    }

    fn release_children(
        &self,
        connection: &Connection,
        at: usize,
        link: &Link,
        owner: i64,
        level: i64,
    ) -> Result<()> {
        let sql = self.change_waits(connection, at, link, "- 1", "AND s.level = ?2")?;
        execute(connection, &sql, params![owner, level]).map(drop)
    }

    fn change_waits(
        &self,
        connection: &Connection,
        at: usize,
        link: &Link,
        change: &str,
        condition: &str,
    ) -> Result<String> {
        let table = &self.plan.tables[at];
        let found = self
            .lookups
            .find(connection, &table.name, link, &set_name(link.parent))?;
        let other = if link.parent == at {
            format!(
                "AND ({}) <> ({})",
                set_columns("s.", &table.identity),
                found.identity
            )
        } else {
            String::new()
        };
        Ok(format!(
            "UPDATE {} SET waits = waits {change} WHERE +owner = ?1 AND ({}) IN \
             (SELECT {} FROM {} WHERE s.owner = ?1 {condition} AND {} {other})",
            set_name(at),
            set_columns("", &table.identity),
            found.identity,
            found.from,
            found.condition,
        ))
    }
}

fn number_free_rows(
    connection: &Connection,
    group: &Group,
    owner: i64,
    level: i64,
) -> Result<bool> {
    let mut more = false;
    for at in group.tables.clone() {
        let sql = format!(
            "UPDATE {} SET level = ?2 WHERE owner = ?1 AND level IS NULL AND waits = 0",
            set_name(at)
        );
        more |= execute(connection, &sql, params![owner, level])? > 0;
    }
    Ok(more)
}
