//! What is wrong with a snapshot, or with saving or restoring one.

use std::io;
use std::path::PathBuf;

use crate::error::Class;
use crate::keyspace::KeyspaceError;

/// Why a snapshot cannot be saved, found, or put back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// A name that no snapshot can have.
    #[error("`{}` cannot name a snapshot: {why}", name.escape_debug())]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The name is taken.
    #[error(
        "there is a snapshot `{name}` already; give another name, or drop it first: `reset-app snapshot drop {name}`"
    )]
    Exists {
        /// The name.
        name: String,
    },
    /// No such snapshot.
    #[error("there is no snapshot `{name}` in `{}`; {}", directory.display(), if known.is_empty() { "there is none at all".to_owned() } else { format!("there are: {}", known.join(", ")) })]
    Unknown {
        /// The name.
        name: String,
        /// Where it was looked for.
        directory: PathBuf,
        /// Those that are there.
        known: Vec<String>,
    },
    /// The directory of snapshots lies where files come and go.
    #[error(
        "snapshots cannot lie in `{}`, which is itself part of a snapshot; name another directory with `--to`",
        directory.display()
    )]
    Inside {
        /// The directory.
        directory: PathBuf,
    },
    /// It was not taken.
    #[error("the snapshot was not saved, and nothing of it is left: could not {doing} `{}`: {error}", path.display())]
    Save {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file that cannot be part of it.
    #[error(
        "the snapshot was not saved, and nothing of it is left: `{path}` cannot be part of it: {why}"
    )]
    File {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// A file that never held still.
    #[error(
        "the snapshot was not saved, and nothing of it is left: `{path}` was written again and again while it was copied; \
         stop the application, or try again"
    )]
    Restless {
        /// The file.
        path: String,
    },
    /// The copy is not what was copied.
    #[error(
        "the snapshot was not saved, and nothing of it is left: its copy of the database is damaged: {found}"
    )]
    DamagedCopy {
        /// What `SQLite` said.
        found: String,
    },
    /// It is not as it was saved.
    #[error("the snapshot `{name}` is damaged, and nothing was changed: {found}")]
    Damaged {
        /// The snapshot.
        name: String,
        /// What was found.
        found: String,
    },
    /// It is of another program's making.
    #[error(
        "the snapshot `{name}` has the format {format}, which this version does not know; use the version that saved it"
    )]
    Format {
        /// The snapshot.
        name: String,
        /// Its format.
        format: u64,
    },
    /// It is not this application's.
    #[error("the snapshot `{name}` is one of `{theirs}`, not of `{ours}`; nothing was changed")]
    OtherApplication {
        /// The snapshot.
        name: String,
        /// Its application.
        theirs: String,
        /// The one given.
        ours: String,
    },
    /// The structure of the database is another now.
    #[error(
        "the structure of the database is not that of the snapshot `{name}`; nothing was changed:\n  {}\n\
         `--other-structure` goes back to the structure of the snapshot",
        differences.join("\n  ")
    )]
    OtherStructure {
        /// The snapshot.
        name: String,
        /// What differs, a line each.
        differences: Vec<String>,
    },
    /// The database was made in another form, which a copy of pages cannot change.
    #[error(
        "the snapshot `{name}` has the {what} {theirs} and the database {ours}, so its rows cannot be put back; nothing was changed; {}",
        alike(what, theirs)
    )]
    OtherForm {
        /// The snapshot.
        name: String,
        /// The pragma in which they differ.
        what: &'static str,
        /// The database's value.
        ours: String,
        /// The snapshot's.
        theirs: String,
    },
    /// It holds no Redis keys.
    #[error(
        "the snapshot `{name}` holds no Redis keys, for it was saved without `--with-redis`; nothing was changed"
    )]
    NoKeys {
        /// The snapshot.
        name: String,
    },
    /// Redis keys were asked for, and there is no Redis.
    #[error("`--with-redis` needs a Redis: {reason}; nothing was changed")]
    NoRedis {
        /// Why there is none.
        reason: String,
    },
    /// The Redis keys could not be read.
    #[error("the snapshot was not saved, and nothing of it is left: {error}")]
    Keys {
        /// Why.
        error: Box<KeyspaceError>,
    },
    /// An interrupted run has to be finished first.
    #[error(
        "the database holds unfinished work of an interrupted run; finish it with `reset-app resume` first; \
         nothing was changed"
    )]
    Unfinished,
    /// An interrupted restore has to be finished first.
    #[error(
        "a restore of the snapshot `{name}` was interrupted; finish it with `reset-app resume` first; \
         nothing was changed"
    )]
    UnfinishedRestore {
        /// The snapshot.
        name: String,
    },
    /// An interrupted restore was one of another database.
    #[error(
        "the restore of the snapshot `{name}` that was interrupted was one of the database `{}`, not of `{}`; \
         nothing was changed; finish it with `reset-app resume --database {}`",
        theirs.display(), ours.display(), theirs.display()
    )]
    OtherDatabase {
        /// The snapshot.
        name: String,
        /// The database of the restore.
        theirs: PathBuf,
        /// The one given.
        ours: PathBuf,
    },
    /// The snapshot of an interrupted restore cannot be used any more.
    #[error(
        "the restore of the snapshot `{name}` was interrupted after the rows were back, and cannot be finished: {why}; \
         the files may still be those of before; mend that and run `reset-app resume` again, or leave the files as they are: \
         `reset-app resume --give-up`"
    )]
    Lost {
        /// The snapshot.
        name: String,
        /// Why.
        why: String,
    },
    /// An interrupted restore was to be given up that can be finished.
    #[error(
        "the snapshot `{name}`, whose restore was interrupted, is whole; nothing was changed; `reset-app resume` finishes the restore; \
         `reset-app resume --give-up --force` gives it up all the same"
    )]
    NotLost {
        /// The snapshot.
        name: String,
    },
    /// The snapshot cannot be read or removed.
    #[error("could not {doing} `{}`: {error}", path.display())]
    Access {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// How two databases come to be of one form.
fn alike(what: &str, theirs: &str) -> String {
    if what == "page_size" {
        return format!(
            "`PRAGMA page_size = {theirs}; VACUUM;` makes them alike (in WAL mode after `PRAGMA journal_mode = DELETE;`)"
        );
    }
    "a database keeps the encoding that it was made with".into()
}

impl SnapshotError {
    pub(super) fn keys(error: KeyspaceError) -> Self {
        let error = Box::new(error);
        Self::Keys { error }
    }

    /// How bad it is.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Save { .. }
            | Self::Keys { .. }
            | Self::Restless { .. }
            | Self::DamagedCopy { .. }
            | Self::Lost { .. }
            | Self::Access { .. } => Class::Failed,
            _ => Class::Refused,
        }
    }
}
