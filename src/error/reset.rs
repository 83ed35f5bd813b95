//! Why an application cannot be reset completely.

use std::io;
use std::path::PathBuf;

/// Why a complete reset is refused. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResetError {
    /// Part of the structure cannot be made anew.
    #[error(
        "the {kind} `{name}` cannot be made anew: {reason}; nothing was changed; \
         name a file of SQL that makes the structure as `structure` in [reset]"
    )]
    Object {
        /// Table, index, view or trigger.
        kind: String,
        /// Its name.
        name: String,
        /// What `SQLite` said.
        reason: String,
    },
    /// The structure made anew is another one.
    #[error(
        "the structure made anew would differ from that of the database in `{name}`; nothing was changed; \
         name a file of SQL that makes the structure as `structure` in [reset]"
    )]
    Differs {
        /// The first object that differs.
        name: String,
    },
    /// A file of SQL cannot be read.
    #[error("could not read the file of SQL `{}` that the manifest names: {error}; nothing was changed", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A statement of a file of SQL failed.
    #[error(
        "statement {number} of `{}` failed: {reason}; nothing was changed; such a file may make and fill tables, \
         and has no ATTACH, VACUUM, ROLLBACK, SAVEPOINT and no PRAGMA but `foreign_keys`", file.display()
    )]
    Script {
        /// The file.
        file: PathBuf,
        /// Which of its statements, from 1 up.
        number: usize,
        /// What `SQLite` said, without the statement, which may hold secrets.
        reason: String,
    },
    /// Rows that cannot be kept.
    #[error(
        "the rows of `{table}` cannot be kept: {reason}; nothing was changed; see `keep` in [reset]"
    )]
    Keep {
        /// The table.
        table: String,
        /// Why.
        reason: String,
    },
    /// A directory that must not be emptied.
    #[error(
        "`{}` is the application's own directory or holds it, so it is not emptied; nothing was changed; \
         name the directories that hold users' files as roots, or leave them alone with `--keep-storage`",
        directory.display()
    )]
    HoldsApplication {
        /// The directory.
        directory: PathBuf,
    },
    /// Something in a directory that is emptied could not be removed.
    #[error(
        "`{path}` cannot be removed: {error}; nothing was changed; mend that, or leave the files alone with \
         `--keep-storage` and `--keep-logs`"
    )]
    Trouble {
        /// The file.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// A complete reset is not finished.
    #[error(
        "a complete reset of this application was interrupted; finish it with `reset-app resume`, then run again; \
         nothing was changed"
    )]
    Unfinished,
    /// An earlier run is not finished, and cannot be now.
    #[error(
        "the work that an interrupted run left could not be finished, so nothing else is done yet: {reason}; \
         mend that, then `reset-app resume`"
    )]
    Earlier {
        /// What was left.
        reason: String,
    },
    /// The pointer to a database that is being reset cannot be written or removed.
    #[error("could not read, write or remove `{}`, by which an interrupted reset finds its database again: {error}", file.display())]
    Pointer {
        /// The file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl ResetError {
    pub(super) fn class(&self) -> super::Class {
        match self {
            Self::Unreadable { .. }
            | Self::Trouble { .. }
            | Self::Earlier { .. }
            | Self::Pointer { .. } => super::Class::Failed,
            _ => super::Class::Refused,
        }
    }
}
