//! How bad an error is.

use super::Error;

/// How bad it is; the command line turns it into the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Refused before anything changed.
    Refused,
    /// Failed; what was committed is complete.
    Failed,
}

impl Error {
    /// How bad it is.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Database(error) => error.class(),
            Self::Secrets(error) => error.class(),
            Self::Reset(error) => error.class(),
            Self::Snapshot(error) => error.class(),
            Self::Audit(error) => error.class(),
            Self::Locked { .. }
            | Self::Full { .. }
            | Self::Constraint { .. }
            | Self::Sqlite { .. }
            | Self::Readers { .. }
            | Self::RowsKept { .. }
            | Self::RowsWritten
            | Self::NewViolation { .. }
            | Self::DefaultMissing { .. }
            | Self::NewCollateral { .. }
            | Self::FileTrouble { .. }
            | Self::UserGone
            | Self::KeysLeft { .. }
            | Self::SchemaChanged
            | Self::Commit { .. }
            | Self::Inference(super::InferenceError::NotDurable { .. })
            | Self::AnotherRun { .. }
            | Self::RunLock { .. }
            | Self::Random(_)
            | Self::Bug(_) => Class::Failed,
            _ => Class::Refused,
        }
    }
}
