//! Whether `SQLite` could run every statement of a deletion, found out before the first of them.
//!
//! A statement that deletes from a table is compiled together with the table's triggers, indexes and
//! foreign keys. Where these use a function, a collation or a module that only the application has,
//! compiling fails; and while it compiles, `SQLite` tells which table each trigger writes
//! (<https://sqlite.org/c3ref/set_authorizer.html>).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{Connection, ErrorCode};

use crate::error::{DatabaseError, Error, Result};
use crate::plan::{MentionFate, Plan};
use crate::sql::{joined, main_table, quote};

/// The tables that triggers insert into or update, each with the triggers that do.
pub(crate) type Writes = BTreeMap<String, BTreeSet<String>>;

/// Compiles the statements of a plan and runs none.
///
/// Fails with all that `SQLite` here does not know.
pub(crate) fn rehearse(connection: &Connection, plan: &Plan) -> Result<Writes> {
    let writes = Arc::new(Mutex::new(Writes::new()));
    let noted = Arc::clone(&writes);
    let note = move |context: AuthContext<'_>| {
        if let (Some(table), Some(trigger), Ok(mut noted)) =
            (written(&context.action), context.accessor, noted.lock())
        {
            noted
                .entry(table.to_owned())
                .or_default()
                .insert(trigger.to_owned());
        }
        Authorization::Allow
    };
    connection
        .authorizer(Some(note))
        .map_err(Error::surveying)?;
    let compiled = compile(connection, plan);
    let nobody: Option<fn(AuthContext<'_>) -> Authorization> = None;
    connection.authorizer(nobody).map_err(Error::surveying)?;
    let reasons = compiled?;
    if !reasons.is_empty() {
        return Err(Error::from(DatabaseError::UnknownCode { reasons }));
    }
    let writes = writes
        .lock()
        .map_err(|_| Error::Bug("a rehearsal was broken off"))?;
    Ok(writes.clone())
}

fn written<'c>(action: &AuthAction<'c>) -> Option<&'c str> {
    match action {
        AuthAction::Insert { table_name } | AuthAction::Update { table_name, .. } => {
            Some(table_name)
        }
        _ => None,
    }
}

/// What cannot be compiled: the table, and what `SQLite` said.
fn compile(connection: &Connection, plan: &Plan) -> Result<BTreeSet<String>> {
    let mut reasons = BTreeSet::new();
    for (table, sql) in statements(plan) {
        let Err(error) = connection.prepare(&sql) else {
            continue;
        };
        let reason = match &error {
            rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
            rusqlite::Error::SqliteFailure(failure, Some(message))
                if failure.code == ErrorCode::Unknown =>
            {
                message.clone()
            }
            _ => return Err(Error::surveying(error)),
        };
        reasons.insert(format!("`{table}`: {reason}"));
    }
    Ok(reasons)
}

fn statements(plan: &Plan) -> impl Iterator<Item = (&str, String)> {
    let tables = plan.going().map(|at| plan.tables[at].name.as_str());
    let deletes = tables.map(|table| (table, format!("DELETE FROM {} WHERE 0", main_table(table))));
    let updates = plan.mentions.iter().filter_map(|mention| {
        let columns = match &mention.fate {
            MentionFate::SetNull(columns) => columns,
            MentionFate::NeedsHeir => &mention.link.columns,
            _ => return None,
        };
        let set = joined(columns.iter().map(|c| format!("{} = NULL", quote(c))), ", ");
        let sql = format!("UPDATE {} SET {set} WHERE 0", main_table(&mention.table));
        Some((mention.table.as_str(), sql))
    });
    deletes.chain(updates)
}
