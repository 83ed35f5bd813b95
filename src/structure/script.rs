//! Files of SQL that the manifest names: run on the image alone, and not everything in them.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization, TransactionOperation};
use rusqlite::{Batch, Connection};

use crate::error::{Error, ResetError, Result};

/// A file of SQL, read.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    file: PathBuf,
    text: String,
}

impl Script {
    /// Reads the file that the manifest names, relative to the application's directory.
    ///
    /// Fails where it cannot be read, or is not UTF-8.
    pub(crate) fn read(root: &Path, file: &Path) -> Result<Self> {
        let unreadable = |error| {
            Error::from(ResetError::Unreadable {
                file: file.into(),
                error,
            })
        };
        let path = root.join(file);
        if !fs::metadata(&path).map_err(unreadable)?.is_file() {
            let text = "it is not a regular file";
            return Err(unreadable(std::io::Error::other(text)));
        }
        Ok(Self {
            text: fs::read_to_string(&path).map_err(unreadable)?,
            file: file.into(),
        })
    }

    /// Runs every statement, and says how many there are.
    pub(super) fn run(&self, image: &Connection) -> Result<usize> {
        restrained(image, || {
            let mut batch = Batch::new(image, &self.text);
            let mut done = 0;
            loop {
                let failed = |error: rusqlite::Error| self.failed(done + 1, &error);
                let Some(mut statement) = batch.next().map_err(failed)? else {
                    return Ok(done);
                };
                let mut rows = statement.raw_query();
                while rows.next().map_err(failed)?.is_some() {}
                done += 1;
            }
        })
    }

    /// What went wrong in a statement.
    pub(super) fn failed(&self, number: usize, error: &rusqlite::Error) -> Error {
        Error::from(ResetError::Script {
            file: self.file.clone(),
            number,
            reason: reason(error),
        })
    }
}

/// What `SQLite` said, without the statement.
pub(super) fn reason(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    }
}

/// Does `work`, whose statements reach nothing but the image.
pub(super) fn restrained<T>(image: &Connection, work: impl FnOnce() -> Result<T>) -> Result<T> {
    image.authorizer(Some(judge)).map_err(Error::imaging)?;
    let done = work();
    let none: Option<fn(AuthContext<'_>) -> Authorization> = None;
    image.authorizer(none).map_err(Error::imaging)?;
    done
}

fn judge(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Attach { .. }
        | AuthAction::Detach { .. }
        | AuthAction::Savepoint { .. }
        | AuthAction::Unknown { .. }
        | AuthAction::Function {
            function_name: "load_extension",
        }
        | AuthAction::Transaction {
            operation: TransactionOperation::Rollback,
        } => Authorization::Deny,
        // What a dump begins and ends with is in one transaction as it is.
        AuthAction::Transaction { .. } => Authorization::Ignore,
        AuthAction::Pragma {
            pragma_name,
            pragma_value,
        } => match (pragma_name, pragma_value) {
            ("foreign_keys" | "defer_foreign_keys", _) => Authorization::Ignore,
            // Modules of full-text search ask for the page size.
            (_, None) => Authorization::Allow,
            _ => Authorization::Deny,
        },
        _ => Authorization::Allow,
    }
}
