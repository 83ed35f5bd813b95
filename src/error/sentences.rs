//! Sentences that list what they are about.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::{Blocking, Undecided};
use crate::inference::UsersCandidate;
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

pub(super) fn loose(keys: &Blocking) -> String {
    let Blocking {
        column,
        parent,
        rows,
    } = keys;
    format!(
        "SQLite would take rows with `{column}` for children of {rows} rows of `{parent}` that are to go and \
         that they do not name: that column holds numbers, the key text, and `'01'` is the number 1; \
         give the column the type of the key, or write such keys in another way"
    )
}

pub(super) fn blocked(blocking: &[Blocking]) -> String {
    let mut text = String::from(
        "rows that stay name what is to go and cannot be set to null; give them to another user with \
         `--reassign-to USER` (where they name an account), leave those users out with `--except`, \
         keep the accounts (without `--delete-accounts`), or start afresh with `reset-complete`:",
    );
    for Blocking {
        column,
        parent,
        rows,
    } in blocking
    {
        let _ = write!(
            text,
            "\n  {rows} rows with `{column}`, which names a row of `{parent}`"
        );
    }
    text
}

pub(super) fn collateral(collateral: &[Collateral]) -> String {
    let mut text = String::from(
        "rows of other users hang on these and would go too; leave `--no-collateral` away if that \
         is meant:",
    );
    for Collateral { table, owner, rows } in collateral {
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
