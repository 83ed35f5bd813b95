//! What an answer of `SQLite` means for the run.

use std::path::Path;

use rusqlite::ErrorCode;

use super::{DatabaseError, Error};

const COMMITTING: &str = "committing";

impl Error {
    pub(crate) fn opening(error: rusqlite::Error) -> Self {
        Self::sqlite("opening the database", error)
    }

    pub(crate) fn surveying(error: rusqlite::Error) -> Self {
        Self::sqlite("reading the database", error)
    }

    pub(crate) fn locking(error: rusqlite::Error) -> Self {
        Self::sqlite("taking the write lock", error)
    }

    pub(crate) fn erasing(error: rusqlite::Error) -> Self {
        Self::sqlite("deleting rows", error)
    }

    pub(crate) fn copying(error: rusqlite::Error) -> Self {
        Self::sqlite("copying the database", error)
    }

    pub(crate) fn committing(error: rusqlite::Error) -> Self {
        Self::sqlite(COMMITTING, error)
    }

    pub(crate) fn replacing(error: rusqlite::Error) -> Self {
        Self::sqlite("replacing the content of the database", error)
    }

    pub(crate) fn imaging(error: rusqlite::Error) -> Self {
        Self::sqlite("making the new content of the database", error)
    }

    /// What the first statement on a database says about the file.
    pub(crate) fn first_read(path: &Path, error: rusqlite::Error) -> Self {
        let extended = match &error {
            rusqlite::Error::SqliteFailure(failure, _) => failure.extended_code,
            _ => 0,
        };
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::from(DatabaseError::NotADatabase {
                path: path.into(),
                error,
            }),
            _ if extended == rusqlite::ffi::SQLITE_READONLY_ROLLBACK => {
                Self::from(DatabaseError::HotJournal { path: path.into() })
            }
            _ if extended == rusqlite::ffi::SQLITE_READONLY_RECOVERY => {
                Self::from(DatabaseError::WalIndex { path: path.into() })
            }
            Some(ErrorCode::ReadOnly) => Self::from(DatabaseError::ReadOnly { path: path.into() }),
            _ => Self::opening(error),
        }
    }

    /// Whether `SQLite` gave up on a wal-index that a dead writer left half made.
    pub(crate) fn is_locking_protocol(&self) -> bool {
        matches!(self, Self::Sqlite { error, .. }
            if error.sqlite_error_code() == Some(ErrorCode::FileLockingProtocolFailed))
    }

    /// Whether COMMIT found a foreign key violated.
    pub(crate) fn is_violation(&self) -> bool {
        let foreign_key = rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY;
        matches!(self, Self::Constraint { doing: COMMITTING, error: rusqlite::Error::SqliteFailure(failure, _) }
            if failure.extended_code == foreign_key)
    }

    /// Whether a reader that met a writer in the middle of things sees this as well: it may be
    /// otherwise in a moment.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Database(DatabaseError::HotJournal { .. } | DatabaseError::WalIndex { .. }) => {
                true
            }
            Self::Sqlite { error, .. } => error.sqlite_error_code() == Some(ErrorCode::CannotOpen),
            _ => false,
        }
    }

    fn sqlite(doing: &'static str, error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { error },
            Some(ErrorCode::DiskFull) => Self::Full { error },
            Some(ErrorCode::ConstraintViolation) => Self::Constraint { doing, error },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged { error },
            Some(ErrorCode::OperationInterrupted) => {
                Self::from(DatabaseError::Endless { doing, error })
            }
            _ => Self::Sqlite { doing, error },
        }
    }
}
