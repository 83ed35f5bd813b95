//! What is wrong with the audit trail.

use std::io;
use std::path::PathBuf;

use super::Class;

/// Why the audit trail cannot be kept or gone by.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// It cannot be written.
    #[error("could not write the audit trail `{}`: {error}; `reset-app resume` writes what is missing", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It cannot be read.
    #[error("could not read the audit trail `{}`: {error}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Its key cannot be used.
    #[error(
        "could not use the key `{}` of the audit trail, by which it names users: {error}; \
         put the key back from a copy, or move it away to have a new one made", file.display()
    )]
    Key {
        /// The key's file.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another file.
    #[error(
        "`{}` is no audit trail: its first line is not one of a trail; name another file with `--audit-log`", file.display()
    )]
    NotATrail {
        /// The file.
        file: PathBuf,
    },
    /// A file that must not be written to.
    #[error("`{}` cannot be the audit trail: {reason}; name another file with `--audit-log`", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// Why not.
        reason: &'static str,
    },
    /// An interrupted run that writes into another trail.
    #[error(
        "unfinished work in the database is recorded in the audit trail `{recorded}`, not in {given}; \
         finish it with `reset-app resume --audit-log {recorded}`"
    )]
    OtherTrail {
        /// The trail recorded.
        recorded: String,
        /// The one given, or none.
        given: String,
    },
}

impl AuditError {
    pub(super) fn class(&self) -> Class {
        match self {
            Self::Write { .. } | Self::Read { .. } | Self::Key { .. } => Class::Failed,
            Self::NotATrail { .. } | Self::File { .. } | Self::OtherTrail { .. } => Class::Refused,
        }
    }
}
