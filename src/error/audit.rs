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
    /// No trail to replay.
    #[error("there is no audit trail to replay: `--audit-log none` keeps none")]
    NoTrail,
    /// Nothing says what was put back.
    #[error(
        "the audit trail tells of no `snapshot restore`, so nothing says who came back; where the data was put back \
         by other means, name the position of that copy with `--since LINES` or `--since LINES:HASH`"
    )]
    NoRestore,
    /// A snapshot without a position.
    #[error(
        "the snapshot `{snapshot}` that was restored does not know its position in the audit trail; \
         name it with `--since LINES`"
    )]
    NoPosition {
        /// The snapshot.
        snapshot: String,
    },
    /// A position that the trail does not hold.
    #[error(
        "the audit trail, of {lines} lines, does not hold the position `{since}`: it was changed or cut since, or is \
         another one; nobody was erased; erase with `delete-user` whom you know of, or name another position with `--since`"
    )]
    NoSuchPosition {
        /// The position.
        since: String,
        /// The lines there are.
        lines: u64,
    },
    /// A chain broken where lines count.
    #[error(
        "line {line} of the audit trail does not follow from the line before, so nobody can tell whom the lines after \
         the position truly name; nobody was erased; erase with `delete-user` whom you know of"
    )]
    Broken {
        /// The line.
        line: u64,
    },
    /// No key.
    #[error(
        "the key `{}` is missing, without which nobody can tell whom the audit trail names; \
         put it back from a copy; nobody was erased", file.display()
    )]
    KeyMissing {
        /// The key's file.
        file: PathBuf,
    },
    /// Another key.
    #[error(
        "the key `{}` is not the one, or not the only one, under which the audit trail names users after the position; \
         put the key of those lines back from a copy; nobody was erased", file.display()
    )]
    OtherKey {
        /// The key's file.
        file: PathBuf,
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
            _ => Class::Refused,
        }
    }
}
