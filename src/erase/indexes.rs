//! Indexes for the run: what stands in its way is dropped, what it needs is made, in a transaction
//! before the first user's; and all is as before after the last (invariant 8).
//!
//! What is changed is recorded in the outbox by the transaction that changes it, and taken out by the
//! one that undoes it, be it this run's, that of `resume` or the next run's.

mod choice;

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::Deletion;
use crate::database::{Durability, make_commits, schema_version, transaction};
use crate::error::{Error, Result};
use crate::outbox::{self, DroppedIndex, IndexChanges, RunRecord};
use crate::plan::Plan;
use crate::schema::{self, Schema};
use crate::sql::{joined, main_table, quote};
use crate::survey::set_name;
use choice::{Choice, Counts, cap, choose};

/// What the definition of an index starts with in `sqlite_schema`.
const CREATE: &str = "CREATE INDEX ";

/// The structure's version before a change and after it.
pub(crate) type Restructured = (i64, i64);

/// Adapts the indexes to a run that erases `users` users, whose rows are in the sets. Durable, if there
/// is anything to change.
///
/// Fails where the change fails; then nothing is changed.
pub(crate) fn adapt(
    connection: &Connection,
    plan: &Plan,
    users: u64,
    run: &RunRecord,
) -> Result<Option<Restructured>> {
    let before = schema_version(connection)?;
    let schema = schema::read(connection)?;
    let counts = count(connection, &schema, plan, users)?;
    let choice = choose(&schema, plan, &counts);
    if choice == Choice::default() {
        return Ok(None);
    }
    let deletion = Deletion::begin(connection, Durability::AtOnce)?;
    if schema_version(connection)? != before {
        return Err(Error::SchemaChanged);
    }
    outbox::begin(connection, run)?;
    change(connection, choice, &run.run)?;
    deletion.commit_or_error()?;
    Ok(Some((before, schema_version(connection)?)))
}

fn count(connection: &Connection, schema: &Schema, plan: &Plan, users: u64) -> Result<Counts> {
    let going = (0..plan.tables.len()).map(|at| {
        number(
            connection,
            &format!("SELECT count(*) FROM {}", set_name(at)),
        )
    });
    let mut counts = Counts {
        going: going.collect::<Result<_>>()?,
        users,
        rows: BTreeMap::new(),
    };
    for table in &schema.tables {
        let cap = cap(plan, &counts, table);
        if cap > 0 {
            let sql = format!(
                "SELECT count(*) FROM (SELECT 1 FROM {} LIMIT {cap})",
                main_table(&table.name)
            );
            counts
                .rows
                .insert(table.name.clone(), number(connection, &sql)?);
        }
    }
    Ok(counts)
}

fn number(connection: &Connection, sql: &str) -> Result<u64> {
    let row = connection.query_row(sql, [], |row| row.get(0));
    row.map_err(Error::surveying)
}

fn change(connection: &Connection, choice: Choice, run: &str) -> Result<()> {
    let mut changes = IndexChanges::default();
    for name in choice.drop {
        changes.dropped.extend(definition(connection, &name)?);
    }
    let makes = choice.make.into_iter().enumerate();
    let makes = makes.map(|(number, of)| (format!("_reset_app_run_{number}"), of));
    let makes: Vec<_> = makes.collect();
    changes.made = makes.iter().map(|(name, _)| name.clone()).collect();
    outbox::add_indexes(connection, run, &changes)?;
    for index in &changes.dropped {
        log::debug!(
            "without the index `{}` until the end of the run",
            index.name
        );
        run_sql(
            connection,
            &format!("DROP INDEX main.{}", quote(&index.name)),
        )?;
    }
    for (name, (table, columns)) in makes {
        let columns = joined(columns.iter().map(|column| quote(column)), ", ");
        let sql = format!("CREATE INDEX main.{name} ON {}({columns})", quote(&table));
        log::debug!("an index of `{table}` ({columns}) until the end of the run");
        run_sql(connection, &sql)?;
    }
    Ok(())
}

/// The index as it is to be again; none where that cannot be told exactly.
fn definition(connection: &Connection, name: &str) -> Result<Option<DroppedIndex>> {
    let sql = "SELECT tbl_name, sql FROM main.sqlite_schema WHERE type = 'index' AND name = ?1";
    let (table, sql): (String, String) = connection
        .query_row(sql, [name], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(Error::surveying)?;
    // Samples hold values of rows: they are not copied.
    let sampled = ["sqlite_stat2", "sqlite_stat3", "sqlite_stat4"];
    for samples in sampled {
        if !statistics(connection, samples, &table, name)?.is_empty() {
            return Ok(None);
        }
    }
    Ok(one_statement(&sql).is_some().then_some(DroppedIndex {
        statistics: statistics(connection, "sqlite_stat1", &table, name)?,
        name: name.to_owned(),
        table,
        sql,
    }))
}

/// What follows `CREATE INDEX` in the one statement that a text is: whoever can write to the database
/// can write another behind it, and that one could open any file.
fn one_statement(sql: &str) -> Option<&str> {
    sql.strip_prefix(CREATE).filter(|rest| !rest.contains(';'))
}

/// What a table of the planner's says of an index; nothing where there is no such table.
fn statistics(
    connection: &Connection,
    of: &str,
    table: &str,
    index: &str,
) -> Result<Vec<Option<String>>> {
    if !exists(connection, "table", of)? {
        return Ok(Vec::new());
    }
    let column = if of == "sqlite_stat1" { "stat" } else { "NULL" };
    let sql = format!("SELECT {column} FROM main.{of} WHERE tbl = ?1 AND idx = ?2");
    let mut statement = connection.prepare(&sql).map_err(Error::surveying)?;
    let rows = statement
        .query_map([table, index], |row| row.get(0))
        .map_err(Error::surveying)?;
    rows.collect::<Result<_, _>>().map_err(Error::surveying)
}

/// Undoes, durably, what runs have changed about indexes. Drops the outbox if nothing else was in it.
///
/// Fails where an index cannot be made again, as for lack of room; nothing is changed then.
pub(crate) fn restore(connection: &Connection) -> Result<Option<Restructured>> {
    if !outbox::exists(connection)? || outbox::indexes(connection)?.is_empty() {
        return Ok(None);
    }
    make_commits(connection, Durability::AtOnce)?;
    let before = transaction(connection, || {
        let before = schema_version(connection)?;
        for (id, changes) in outbox::indexes(connection)? {
            for name in &changes.made {
                run_sql(
                    connection,
                    &format!("DROP INDEX IF EXISTS main.{}", quote(name)),
                )?;
            }
            for index in &changes.dropped {
                make_again(connection, index)?;
            }
            outbox::remove(connection, [id])?;
        }
        outbox::drop_if_done(connection)?;
        Ok(before)
    })?;
    Ok(Some((before, schema_version(connection)?)))
}

/// What the application has made of it meanwhile stays: its table dropped, or the index made anew.
fn make_again(connection: &Connection, index: &DroppedIndex) -> Result<()> {
    if exists(connection, "index", &index.name)? || !exists(connection, "table", &index.table)? {
        return Ok(());
    }
    let rest = one_statement(&index.sql).ok_or(Error::OutboxRow)?;
    // Else a temporary table of that name would be taken for the application's.
    run_sql(connection, &format!("{CREATE}main.{rest}"))?;
    let sql = "SELECT sql FROM main.sqlite_schema WHERE type = 'index' AND name = ?1";
    let made: String = connection
        .query_row(sql, [&index.name], |row| row.get(0))
        .map_err(Error::surveying)?;
    if made != index.sql {
        return Err(Error::OutboxRow);
    }
    if !exists(connection, "table", "sqlite_stat1")? {
        return Ok(());
    }
    for statistics in &index.statistics {
        let sql = "INSERT INTO main.sqlite_stat1(tbl, idx, stat) VALUES (?1, ?2, ?3)";
        connection
            .execute(sql, params![index.table, index.name, statistics])
            .map_err(Error::erasing)?;
    }
    Ok(())
}

fn exists(connection: &Connection, kind: &str, name: &str) -> Result<bool> {
    let sql = "SELECT 1 FROM main.sqlite_schema WHERE type = ?1 AND lower(name) = lower(?2)";
    let found = connection.query_row(sql, [kind, name], |_| Ok(()));
    Ok(found.optional().map_err(Error::surveying)?.is_some())
}

fn run_sql(connection: &Connection, sql: &str) -> Result<()> {
    log::trace!("{sql}");
    connection.execute_batch(sql).map_err(Error::erasing)
}
