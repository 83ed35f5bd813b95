//! Deleting the rows of one user: one transaction, all of them or none (invariant 1).
//!
//! Never touches the file system: what is to become of files and Redis keys is handed in and
//! committed as the outbox (invariant 3).

mod counterweight;
mod indexes;
mod mentions;
mod rehearsal;

use rusqlite::Connection;
use rusqlite::types::Value;

use crate::database::{Durability, Guests, commit, data_version, make_commits, roll_back};
use crate::error::{Error, Result};
use crate::outbox::Erased;
use crate::plan::{Feed, Group, Plan, PlannedIndex, RowIdentity};
use crate::sql::{joined, main_table, quote, same_row, set_columns};
use crate::survey::{Rows, set_name};
use counterweight::Counterweight;
pub(crate) use indexes::{Restructured, adapt, restore};
pub(crate) use rehearsal::{Writes, rehearse};

/// A transaction that holds the write lock. Dropped without a commit, it is rolled back.
#[derive(Debug)]
pub(crate) struct Deletion<'c> {
    connection: &'c Connection,
    durability: Durability,
    open: bool,
    weight: Option<Counterweight>,
    guests: Guests,
}

/// How a commit ended.
#[derive(Debug)]
pub(crate) enum Commit {
    /// It happened, and here is the evidence that it is durable; none where only a later commit makes
    /// it so.
    Done(Option<Erased>),
    /// Nothing was changed, for this reason.
    RolledBack(Error),
    /// `SQLite` answered with an error that does not say whether the commit happened: only the
    /// database, opened anew, tells.
    Unknown(Error),
}

impl<'c> Deletion<'c> {
    /// Takes the write lock.
    ///
    /// Fails where another connection holds it for longer than the busy timeout; nothing is changed.
    pub(crate) fn begin(connection: &'c Connection, durability: Durability) -> Result<Self> {
        let durability = make_commits(connection, durability)?;
        connection
            .execute_batch("BEGIN IMMEDIATE")
            .map_err(Error::locking)?;
        let deletion = Self {
            connection,
            durability,
            open: true,
            weight: None,
            guests: Guests::default(),
        };
        defer_foreign_keys(connection)?;
        Ok(deletion)
    }

    /// Makes `SQLite` count right, for a user of whom COMMIT found a foreign key violated. Reads the
    /// whole database, so it is for nobody else.
    ///
    /// Fails where the foreign keys of the database cannot be checked.
    pub(crate) fn weigh(&mut self, plan: &Plan, owner: i64) -> Result<()> {
        self.weight = Some(Counterweight::put(self.connection, plan, owner)?);
        Ok(())
    }

    /// Whether other connections have left the database as it was at `version`.
    pub(crate) fn unchanged_since(&self, version: i64) -> Result<bool> {
        Ok(data_version(self.connection)? == version)
    }

    /// Sets mentions, deletes the rows in the sets of the user at `owner`, deepest first, and
    /// checks that none is left.
    ///
    /// Fails where a statement fails, where a trigger kept a row, or where a default names no row;
    /// the transaction is then only good for a rollback.
    pub(crate) fn delete_rows(
        &self,
        plan: &Plan,
        rows: &Rows,
        owner: i64,
        heir: Option<&Value>,
    ) -> Result<()> {
        mentions::set(self.connection, plan, owner, heir)?;
        for index in &plan.indexes {
            take_out_of_index(self.connection, plan, index, owner)?;
        }
        let mut direct = true;
        for group in plan.groups.iter().rev() {
            direct &= self.delete_group(plan, rows, group, owner)?;
        }
        if !direct || plan.triggers {
            for at in plan.going() {
                require_none_left(self.connection, plan, at, owner)?;
            }
        }
        mentions::require_defaults(self.connection, plan, owner)
    }

    /// Whether every row of the sets was deleted by its own statement.
    fn delete_group(&self, plan: &Plan, rows: &Rows, group: &Group, owner: i64) -> Result<bool> {
        if !plan.going().any(|at| group.tables.contains(&at)) {
            return Ok(true);
        }
        if !group.cyclic {
            let at = group.tables.start;
            let wanted = expected(self.connection, at, owner)?;
            return Ok(wanted == 0 || wanted == delete(self.connection, plan, at, owner, None)?);
        }
        let (mut deleted, mut wanted) = (0, 0);
        for at in group.tables.clone() {
            wanted += expected(self.connection, at, owner)?;
        }
        if wanted == 0 {
            return Ok(true);
        }
        for level in (0..=rows.levels(self.connection, group, owner)?).rev() {
            for at in group.tables.clone() {
                deleted += delete(self.connection, plan, at, owner, Some(level))?;
            }
        }
        Ok(deleted == wanted)
    }

    /// Who works under the lock of this transaction: it is held until they are done.
    pub(crate) fn guests(&mut self) -> &mut Guests {
        &mut self.guests
    }

    /// Commits, and says how that ended.
    pub(crate) fn commit(mut self) -> Commit {
        self.guests = Guests::default();
        if let Some(Err(error)) = self
            .weight
            .take()
            .map(|weight| weight.take(self.connection))
        {
            return Commit::RolledBack(error);
        }
        self.open = false;
        let Err(error) = commit(self.connection) else {
            return Commit::Done(match self.durability {
                Durability::AtOnce => Some(Erased(())),
                Durability::WithALaterOne => None,
            });
        };
        let error = Error::committing(error);
        if self.connection.is_autocommit() {
            return Commit::Unknown(error);
        }
        roll_back(self.connection);
        Commit::RolledBack(error)
    }
}

impl Deletion<'_> {
    /// The same where it makes no difference how a commit failed.
    pub(crate) fn commit_or_error(self) -> Result<Option<Erased>> {
        match self.commit() {
            Commit::Done(erased) => Ok(erased),
            Commit::RolledBack(error) | Commit::Unknown(error) => Err(error),
        }
    }
}

impl Drop for Deletion<'_> {
    fn drop(&mut self) {
        self.guests = Guests::default();
        if self.open {
            roll_back(self.connection);
        }
    }
}

/// Until COMMIT, which forgets it. Preparing the pragma sets it; running it would also have `SQLite`
/// compile every statement anew for every user (<https://sqlite.org/pragma.html>: "some pragmas run
/// during the SQL compilation stage"). Where that is not so, it is run.
fn defer_foreign_keys(connection: &Connection) -> Result<()> {
    let defer = "PRAGMA defer_foreign_keys = ON";
    connection.prepare(defer).map_err(Error::erasing)?;
    let deferred = connection.query_row("PRAGMA defer_foreign_keys", [], |row| row.get(0));
    if deferred.map_err(Error::erasing)? {
        return Ok(());
    }
    connection.execute_batch(defer).map_err(Error::erasing)
}

fn delete(
    connection: &Connection,
    plan: &Plan,
    at: usize,
    owner: i64,
    level: Option<i64>,
) -> Result<u64> {
    let table = &plan.tables[at];
    let (condition, parameters) = match level {
        Some(level) => ("owner = ?1 AND level = ?2", vec![owner, level]),
        None => ("owner = ?1", vec![owner]),
    };
    let rows = in_set(&table.identity, &set_name(at), condition);
    let sql = format!("DELETE FROM {} WHERE {rows}", main_table(&table.name));
    execute(connection, &sql, rusqlite::params_from_iter(parameters))
}

/// The words of rows that go are taken out of an index that nothing else keeps in step, while the
/// text that tells them is still there.
fn take_out_of_index(
    connection: &Connection,
    plan: &Plan,
    index: &PlannedIndex,
    owner: i64,
) -> Result<()> {
    let Feed::Nothing { content, rowid } = &index.feed else {
        return Ok(());
    };
    if !plan.going().any(|at| at == *content) {
        return Ok(());
    }
    let table = &plan.tables[*content];
    let sql = format!(
        "DELETE FROM {} WHERE rowid IN (SELECT c.{} FROM {} AS s CROSS JOIN {} AS c ON {} WHERE s.owner = ?1)",
        main_table(&index.table),
        quote(rowid),
        set_name(*content),
        main_table(&table.name),
        same_row("c", "s", &table.identity)
    );
    match execute(connection, &sql, [owner]) {
        // It was out of step with its text before; it is made anew when the last user is done.
        Err(Error::Damaged { error }) => {
            log::debug!("`{}`: {error}", index.table);
            Ok(())
        }
        done => done.map(drop),
    }
}

fn in_set(row: &RowIdentity, set: &str, condition: &str) -> String {
    let columns = joined(row.columns().iter().map(|c| quote(c)), ", ");
    format!(
        "({columns}) IN (SELECT {} FROM {set} WHERE {condition})",
        set_columns("", row)
    )
}

fn expected(connection: &Connection, at: usize, owner: i64) -> Result<u64> {
    held(connection, &set_name(at), owner)
}

/// Rows of one user in a set.
fn held(connection: &Connection, set: &str, owner: i64) -> Result<u64> {
    let sql = format!("SELECT count(*) FROM {set} WHERE owner = ?1");
    let mut statement = connection.prepare_cached(&sql).map_err(Error::erasing)?;
    statement
        .query_row([owner], |row| row.get(0))
        .map_err(Error::erasing)
}

fn require_none_left(connection: &Connection, plan: &Plan, at: usize, owner: i64) -> Result<()> {
    let table = &plan.tables[at];
    let sql = format!(
        "SELECT count(*) FROM {} AS s CROSS JOIN {} AS c ON {} WHERE s.owner = ?1",
        set_name(at),
        main_table(&table.name),
        same_row("c", "s", &table.identity)
    );
    let mut statement = connection.prepare_cached(&sql).map_err(Error::erasing)?;
    let left: u64 = statement
        .query_row([owner], |row| row.get(0))
        .map_err(Error::erasing)?;
    if left == 0 {
        return Ok(());
    }
    Err(Error::RowsKept {
        table: table.name.clone(),
        rows: left,
    })
}

fn execute(connection: &Connection, sql: &str, parameters: impl rusqlite::Params) -> Result<u64> {
    log::trace!("{sql}");
    let mut statement = connection.prepare_cached(sql).map_err(Error::erasing)?;
    let changed = statement.execute(parameters).map_err(Error::erasing)?;
    Ok(changed as u64)
}
