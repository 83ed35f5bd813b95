//! Why no manifest can be inferred, or written.

use std::io;
use std::path::PathBuf;

use crate::inference::UsersCandidate;

/// Why there is no manifest. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InferenceError {
    /// No table, or several.
    #[error("{}", super::sentences::users(candidates))]
    Users {
        /// The tables that may be it.
        candidates: Vec<UsersCandidate>,
    },
    /// The table that was named is not there.
    #[error("`--users {text}` names no table of the database, and no `table.column`")]
    NoSuchUsers {
        /// What was named.
        text: String,
    },
    /// The users have no key.
    #[error(
        "the table `{table}` has no primary key by which a user is known; name a column: `--users {table}.column`"
    )]
    NoKey {
        /// The table.
        table: String,
    },
    /// Nothing says which of several files is the database.
    #[error("{}", super::sentences::databases(.0))]
    WhichDatabase(Vec<PathBuf>),
    /// A manifest is there already.
    #[error("`{}` is there already; `--force` replaces it, `--output` writes another", file.display())]
    Exists {
        /// The file.
        file: PathBuf,
    },
    /// The manifest is there, but may be gone after a power failure.
    #[error(
        "the manifest `{}` is written, but may not be on the disk yet: {error}; run `sync`",
        file.display()
    )]
    NotDurable {
        /// The file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The manifest cannot be written.
    #[error("could not write the manifest `{}`: {error}", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
}
