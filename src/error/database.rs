//! What is wrong with a database file.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use super::Class;

/// Why a database cannot be used. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// No such file.
    #[error("there is no database at `{}`; name it with `--database`, or its application with `--root`", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file cannot be reached or read.
    #[error("could not read the database `{}`: {error}", path.display())]
    Unreadable {
        /// The database.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A directory, a device, a pipe.
    #[error("`{}` is not a regular file, so it is no database", path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// A pipe, a link or a directory where a journal of the database belongs.
    #[error("`{}` stands where SQLite keeps a journal of the database and is not a regular file; move it away", path.display())]
    JournalNotAFile {
        /// What stands there.
        path: PathBuf,
    },
    /// A file of zero bytes.
    #[error("the database `{}` is empty: it holds no users to delete; is it the right file?", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Not a database, encrypted, or damaged at its very start.
    #[error("`{}` is not a SQLite database, or it is encrypted: {error}", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
        /// What `SQLite` said.
        error: rusqlite::Error,
    },
    /// A file or directory that may not be written.
    #[error("the database `{}` may not be written; check the permissions of the file and its directory", path.display())]
    ReadOnly {
        /// The database.
        path: PathBuf,
    },
    /// A journal of a writer that died.
    #[error(
        "the database `{}` has a hot journal: a program died while writing, and only a writer may roll it back; \
         `reset-app resume` does so, and nothing else", path.display()
    )]
    HotJournal {
        /// The database.
        path: PathBuf,
    },
    /// A `-wal` of which a writer that died left the index unfinished.
    #[error(
        "the index of the `-wal` of `{}` has to be made anew, which only a writer may do; \
         `reset-app resume` does so, and nothing else", path.display()
    )]
    WalIndex {
        /// The database.
        path: PathBuf,
    },
    /// Somebody reads or writes it all the time.
    #[error(
        "another program holds the database `{}` and did not let go of it in time; nothing was changed, \
         stop that program or let it end its transaction, then run again", path.display()
    )]
    Held {
        /// The database.
        path: PathBuf,
    },
    /// An image that cannot take the place of the database's content.
    #[error(
        "the image has the {what} `{theirs}` and the database `{ours}`, so it cannot take its place; nothing was changed"
    )]
    Unlike {
        /// The pragma in which they differ.
        what: &'static str,
        /// The database's value.
        ours: String,
        /// The image's.
        theirs: String,
    },
    /// Triggers, indexes or virtual tables that only the application can run.
    #[error(
        "deleting from these tables needs functions, collations or modules that only the application has, or does \
         what SQLite cannot do; nothing was changed; have the application remove what does so first, or delete these \
         rows itself:\n  {}",
        reasons.iter().map(String::as_str).collect::<Vec<_>>().join("\n  ")
    )]
    UnknownCode {
        /// The tables, and what `SQLite` does not know.
        reasons: BTreeSet<String>,
    },
    /// A setting did not take.
    #[error("SQLite did not accept `PRAGMA {pragma} = {value}`, without which nothing is deleted")]
    Pragma {
        /// The pragma.
        pragma: &'static str,
        /// The value.
        value: String,
    },
    /// A statement took more steps than a database of this size can need.
    #[error(
        "{doing} came to no end: what triggers, views or expressions of this database do was given up \
         (`{error}`); the user is left as before; look at the triggers of the tables that go"
    )]
    Endless {
        /// What was tried.
        doing: &'static str,
        /// What `SQLite` said.
        error: rusqlite::Error,
    },
}

impl DatabaseError {
    pub(super) fn class(&self) -> Class {
        match self {
            Self::Unreadable { .. }
            | Self::ReadOnly { .. }
            | Self::Held { .. }
            | Self::Endless { .. } => Class::Failed,
            _ => Class::Refused,
        }
    }
}
