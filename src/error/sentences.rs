//! Sentences that list what they are about.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::{Blocking, Undecided};
use crate::inference::UsersCandidate;
use crate::manifest::Columns;
use crate::survey::Collateral;

pub(super) fn undecided(references: &[Undecided]) -> String {
    let mut text = String::from(
        "neither the database nor the manifest says whether these rows belong to what they name or only mention it; \
         write one line each under [references] in the manifest, \"owner\" (the row goes too) or \"mention\" (it stays):",
    );
    for reference in references {
        let key = reference.columns.to_toml();
        let _ = write!(
            text,
            "\n  {key} = \"owner\"  # names a row of `{}`",
            reference.parent
        );
    }
    text
}

pub(super) fn foreign_key(columns: &str, parent: Option<&str>) -> String {
    match parent {
        Some(parent) => format!(
            "the foreign key `{columns}` does not fit a key of `{parent}`, so SQLite would refuse to delete rows \
             of either table; give the parent's columns a unique index"
        ),
        None => format!(
            "the foreign key `{columns}` names a table that does not exist, so SQLite would refuse to delete its rows; \
             create that table or remove the foreign key"
        ),
    }
}

pub(super) fn default_in_key(columns: &Columns) -> String {
    format!(
        "`ON DELETE SET DEFAULT` of `{columns}` sets a value in the key by which the rows of `{}` are told apart, \
         and a row that it changes could not be found again; declare another action, or, unless these rows form a \
         circle with what they name, let them go along: `{} = \"owner\"` under [references] in the manifest",
        columns.table,
        columns.to_toml()
    )
}

pub(super) fn loose(keys: &Blocking) -> String {
    let Blocking {
        column,
        parent,
        rows,
        ..
    } = keys;
    format!(
        "SQLite would take rows with `{column}` for children of {} of `{parent}` that are to go and \
         that they do not name: that column holds numbers, the key text, and `'01'` is the number 1; \
         give the column the type of the key, or write such keys in another way",
        counted(*rows)
    )
}

pub(super) fn blocked(blocking: &[Blocking]) -> String {
    let mut text = String::from(
        "rows that stay name what is to go and cannot be set to null; give them to another user with \
         `--delete-accounts --reassign-to USER` (where they name an account), let them name something else, let them go along \
         (\"dependent\" or \"owner\" in the manifest), leave those users out (`delete-all-user-data --except USER`), keep the \
         accounts (without `--delete-accounts`), or start afresh with `reset-complete`:",
    );
    for Blocking {
        column,
        parent,
        rows,
        later,
    } in blocking
    {
        let rows = counted(*rows);
        let _ = write!(
            text,
            "\n  {rows} with `{column}`, which names a row of `{parent}`"
        );
        if *later > 0 {
            let _ = write!(text, " ({later} of them would go with a later user)");
        }
    }
    if blocking.iter().any(|one| one.later > 0) {
        text.push_str(
            "\nwhat goes with a later user is gone once all users' data is: run first without \
             `--delete-accounts`, then with it",
        );
    }
    text
}

pub(super) fn heir_unfit(rows: &Blocking) -> String {
    let Blocking {
        column,
        parent,
        rows,
        ..
    } = rows;
    format!(
        "{} with `{column}` would not name the user of `--reassign-to`: what they would have to hold is null, or that \
         column refuses it or converts it, as one of numbers does `'01'` to 1, and then it is not the key of that row of \
         `{parent}`; name another user, or give the column the type of the key",
        counted(*rows)
    )
}

pub(super) fn unknown_user(
    name: &str,
    columns: &[String],
    near: Option<&str>,
    unfinished: bool,
) -> String {
    let columns = columns.join("`, `");
    let mut text =
        format!("no user has the key or name `{name}`; it was looked for in `{columns}`");
    if let Some(near) = near {
        let _ = write!(text, "; is `{near}` meant?");
    }
    if unfinished {
        text.push_str(
            "; if an earlier run has deleted the account: `reset-app resume` does what that run left",
        );
    }
    text
}

/// What a constraint of the database has to do with the deletion.
pub(super) fn constraint(doing: &str, error: &rusqlite::Error) -> String {
    use rusqlite::ffi;
    let kind = match error {
        rusqlite::Error::SqliteFailure(failure, _) => failure.extended_code,
        _ => ffi::SQLITE_CONSTRAINT,
    };
    let remedy = match kind {
        ffi::SQLITE_CONSTRAINT_UNIQUE
        | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        | ffi::SQLITE_CONSTRAINT_ROWID => {
            "a row that stays and is changed would be like another one; if it is given to the user of \
             `--reassign-to`, name another user, or change or delete one of the two rows"
        }
        ffi::SQLITE_CONSTRAINT_CHECK | ffi::SQLITE_CONSTRAINT_NOTNULL => {
            "a row that stays cannot do without what it names; change or delete that row first, or make \
             the reference an owner in the manifest"
        }
        ffi::SQLITE_CONSTRAINT_TRIGGER => {
            "a trigger of the database forbids it; do what it asks for, or drop it"
        }
        _ => {
            "rows that were broken already, which `PRAGMA foreign_key_check` lists, can be the reason"
        }
    };
    format!("{doing} failed: {error}; the user is left as before; {remedy}")
}

pub(super) fn counted(rows: u64) -> String {
    format!("{rows} row{}", if rows == 1 { "" } else { "s" })
}

pub(super) fn collateral(collateral: &[Collateral]) -> String {
    let mut text = String::from(
        "rows of other users hang on these and would go too; leave `--no-collateral` away if that \
         is meant:",
    );
    for Collateral { table, owner, rows } in collateral {
        let rows = counted(*rows);
        let _ = write!(text, "\n  {rows} of `{table}`, of user {owner}");
    }
    text
}

pub(super) fn users(candidates: &[UsersCandidate]) -> String {
    if candidates.is_empty() {
        return "no table looks like that of the users; name it with `--users TABLE`, or, where a user is only a name in \
                some column, with `--users table.column`"
            .into();
    }
    let mut text = String::from("several tables may be that of the users; say which with one of:");
    for candidate in candidates.iter().take(6) {
        let _ = write!(
            text,
            "\n  reset-app init --users '{}'  # {}",
            candidate.table.replace('\'', "'\\''"),
            candidate.reasons.join("; ")
        );
    }
    text
}

pub(super) fn databases(found: &[PathBuf]) -> String {
    if found.is_empty() {
        return "there is no SQLite database in the application's directory; name it with `--database`".into();
    }
    let mut text = String::from(
        "there are several SQLite databases in the application's directory; say which with one of:",
    );
    for path in found.iter().take(8) {
        let _ = write!(text, "\n  --database '{}'", path.display());
    }
    text
}
