//! Everything that can stop a run, as a sentence for the person at the terminal: what was tried,
//! on what, why it failed, and what to do next.

mod audit;
mod class;
mod database;
mod heir;
mod inference;
mod listed;
mod manifest;
mod reset;
mod sentences;
mod sqlite;

use std::io;
use std::path::PathBuf;

pub use audit::AuditError;
pub use class::Class;
pub use database::DatabaseError;
pub use heir::HeirError;
pub use inference::InferenceError;
pub use listed::{Blocking, Undecided};
pub use manifest::ManifestError;
pub use reset::ResetError;

use crate::keyspace::KeyspaceError;
use crate::manifest::Columns;
use crate::roots::RootsError;
use crate::secrets::SecretsError;
use crate::snapshot::SnapshotError;
use crate::survey::Collateral;

/// The result of everything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What stopped a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The manifest cannot be used, or not with this database.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// No manifest can be inferred, or written.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// The application cannot be reset completely.
    #[error(transparent)]
    Reset(#[from] ResetError),
    /// `SQLite` found damage.
    #[error(
        "the database is damaged: {error}; nothing is changed in a damaged database: repair it, or, with the application \
         stopped, put a copy in its place (a snapshot holds one, `database.sqlite` in its directory)"
    )]
    Damaged {
        /// What `SQLite` said.
        error: rusqlite::Error,
    },
    /// Another connection holds the lock.
    #[error(
        "the database is locked by another program: {error}; nothing more was changed, stop that program or try again"
    )]
    Locked {
        /// What `SQLite` said.
        error: rusqlite::Error,
    },
    /// No room.
    #[error("no space is left for the database or its journal: {error}; make room and run again")]
    Full {
        /// What `SQLite` said.
        error: rusqlite::Error,
    },
    /// A constraint of the database stands in the way.
    #[error("{}", sentences::constraint(doing, error))]
    Constraint {
        /// What was tried.
        doing: &'static str,
        /// What `SQLite` said.
        error: rusqlite::Error,
    },
    /// Any other answer of `SQLite`.
    #[error("{doing} failed: {error}")]
    Sqlite {
        /// What was tried.
        doing: &'static str,
        /// What `SQLite` said.
        error: rusqlite::Error,
    },
    /// The pool of read connections cannot be made.
    #[error("could not open further connections to the database, to read it in parallel: {reason}")]
    Readers {
        /// Why.
        reason: String,
    },
    /// The structure cannot be read.
    #[error("could not read the structure of the database: {error}")]
    Schema {
        /// What `SQLite` said.
        error: rusqlite::Error,
    },
    /// A user's key that is neither a number nor text.
    #[error(
        "a user's key is a {found}; only integers, text and blobs can name a user: name another column as `key` in [users]"
    )]
    UserKeyType {
        /// What it is.
        found: String,
    },
    /// References of which nobody says what they mean.
    #[error("{}", sentences::undecided(.0))]
    UndecidedReferences(Vec<Undecided>),
    /// A foreign key that makes the deletion fail.
    #[error("{}", sentences::foreign_key(columns, parent.as_deref()))]
    ForeignKey {
        /// The child's columns.
        columns: String,
        /// The parent; none where it does not exist.
        parent: Option<String>,
    },
    /// A foreign key whose default is set where it tells rows apart.
    #[error("{}", sentences::default_in_key(.0))]
    DefaultInKey(Columns),
    /// Rows that cannot be told apart.
    #[error(
        "the rows of `{table}` cannot be told apart: columns take all three names of its rowid, \
         and it has no primary key that is never null; give it one, or rename one of these columns"
    )]
    NoIdentity {
        /// The table.
        table: String,
    },
    /// Mentions that stop the run.
    #[error("{}", sentences::blocked(.0))]
    Blocked(Vec<Blocking>),
    /// Keys by which `SQLite` would take along rows that do not name them.
    #[error("{}", sentences::loose(.0))]
    LooseKeys(Blocking),
    /// A name that fits nobody.
    #[error("{}", sentences::unknown_user(name, columns, near.as_deref(), *unfinished))]
    UnknownUser {
        /// What was asked for.
        name: String,
        /// Where it was looked for.
        columns: Vec<String>,
        /// Who may be meant.
        near: Option<String>,
        /// An earlier run, which may have deleted the account, has left something to do.
        unfinished: bool,
    },
    /// A name that fits several.
    #[error("`{name}` fits several users, with the keys {}; name one of them by a column that only it has", keys.join(", "))]
    AmbiguousUser {
        /// What was asked for.
        name: String,
        /// The keys of those it fits.
        keys: Vec<String>,
    },
    /// Nobody can be given what mentions the account.
    #[error(transparent)]
    Heir(#[from] HeirError),
    /// Rows of other users would go, which was ruled out.
    #[error("{}", sentences::collateral(.0))]
    Collateral(Vec<Collateral>),
    /// The manifest names no sessions.
    #[error(
        "{source_name} names no tables of sessions, so `--sessions-only` would end none; \
         write `tables = [...]` under [sessions]"
    )]
    NoSessions {
        /// The manifest.
        source_name: String,
    },
    /// A table of sessions that no owner reference ties to users.
    #[error(
        "the table `{table}` in [sessions] has no reference to the users by which its rows are theirs; \
         write `\"{table}.column\" = \"owner\"` under [references]"
    )]
    SessionsUnowned {
        /// The table.
        table: String,
    },
    /// A trigger goes on writing rows of the user.
    #[error(
        "a trigger of the database writes rows of the user whenever rows of the user are deleted; \
         the user is left as before; drop that trigger for the run"
    )]
    RowsWritten,
    /// Several sources name several databases.
    #[error("{first} names the database `{}`, but {second} names `{}`; say which with `--database`", one.display(), other.display())]
    TwoDatabases {
        /// One source.
        first: &'static str,
        /// Its database.
        one: PathBuf,
        /// The other source.
        second: &'static str,
        /// Its database.
        other: PathBuf,
    },
    /// A URL of something that is not `SQLite`.
    #[error(
        "{place} names a database that is not SQLite (`{scheme}`); reset-app works on SQLite only"
    )]
    OtherEngine {
        /// The source.
        place: &'static str,
        /// The scheme of the URL.
        scheme: String,
    },
    /// Nothing says where the database is.
    #[error(
        "nothing names the database: not the manifest, not `DATABASE_URL`, not `.env`; name it with `--database`"
    )]
    NoDatabaseNamed,
    /// The `.env` cannot be read.
    #[error("could not read `{}`: {reason}; mend it, for it may say which database is meant", file.display())]
    Dotenv {
        /// The file.
        file: PathBuf,
        /// Why, without its content.
        reason: String,
    },
    /// The application's directory cannot be used.
    #[error("could not use the application's directory `{}`: {error}; name another with `--root`", root.display())]
    Root {
        /// The directory.
        root: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The roots cannot be used.
    #[error(transparent)]
    Roots(#[from] RootsError),
    /// The files are not where the rows say.
    #[error(
        "{reason}: `{}` seems to be the wrong directory; name the application's with `--root`, \
         or leave all files alone with `--no-files`", root.display()
    )]
    WrongRoot {
        /// The application's directory.
        root: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// No Redis is known.
    #[error("{reason}, so there is no Redis to clear; name it with `--redis`")]
    NoRedis {
        /// Why there is none.
        reason: String,
    },
    /// Redis was not cleared, or not to the end.
    #[error("{trouble}; {cleared} keys were cleared; run again when Redis answers")]
    KeysLeft {
        /// Keys that are gone.
        cleared: u64,
        /// What happened.
        trouble: Box<KeyspaceError>,
    },
    /// Redis cannot be addressed.
    #[error(transparent)]
    Redis(#[from] KeyspaceError),
    /// No `.env` was written.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// A snapshot was not saved, or not restored.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The structure changed under the run.
    #[error(
        "the structure of the database was changed during the run; what was committed is complete, run again"
    )]
    SchemaChanged,
    /// A commit whose outcome was in doubt.
    #[error("{cause}; {}", if *happened { "the commit had happened, `reset-app resume` finishes what is left of it" } else { "nothing of this user was changed" })]
    Commit {
        /// What `SQLite` said.
        cause: Box<Error>,
        /// What the database, opened anew, tells.
        happened: bool,
    },
    /// Another run is under way.
    #[error("another run works on `{}`; wait until it ends", database.display())]
    AnotherRun {
        /// The database.
        database: PathBuf,
    },
    /// The lock cannot be taken.
    #[error("could not lock `{}`, without which nothing is deleted: {error}", path.display())]
    RunLock {
        /// The lock's file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// An outbox that is not ours.
    #[error(
        "the database holds a table `_reset_app_outbox` that this program did not make (or an older one did); \
         look at it, and drop it if it is not needed"
    )]
    ForeignOutbox,
    /// An outbox made for another directory.
    #[error(
        "unfinished work in the database belongs to the application's directory `{recorded}`, not to `{}`; \
         finish it with `reset-app resume --root {recorded}`", root.display()
    )]
    OtherRoot {
        /// The directory recorded.
        recorded: String,
        /// The one given.
        root: PathBuf,
    },
    /// A row of the outbox that this program did not write.
    #[error(
        "the outbox in the database holds a row of another form than this program writes; nothing is done from it: \
         finish it with the version that wrote it, or look at `_reset_app_outbox`"
    )]
    OutboxRow,
    /// A trigger or constraint kept rows.
    #[error(
        "after the deletion {} of `{table}` {} still there: a trigger of the database keeps what it is told to delete; \
         the user is left as before; drop that trigger for the run",
        sentences::counted(*rows), if *rows == 1 { "is" } else { "are" }
    )]
    RowsKept {
        /// The table.
        table: String,
        /// How many.
        rows: u64,
    },
    /// A row would name nothing that names something now.
    #[error(
        "a row of `{table}` would name no row of `{parent}` any more; the user is left as before"
    )]
    NewViolation {
        /// The table.
        table: String,
        /// What its row would have to name.
        parent: String,
    },
    /// A default that names no row.
    #[error(
        "{} of `{table}` that would stay would be set to a default that names no row of `{parent}`; \
         decide on that reference in the manifest, or give the column another default; \
         the user is left as before",
        sentences::counted(*rows)
    )]
    DefaultMissing {
        /// The table.
        table: String,
        /// What the default should name.
        parent: String,
        /// How many.
        rows: u64,
    },
    /// More of other users would go than was agreed to.
    #[error(
        "{rows} more rows of other users hang on this user than when you were asked; the user is left as before, look again"
    )]
    NewCollateral {
        /// How many more.
        rows: u64,
    },
    /// A user whose files cannot be reached.
    #[error(
        "a file of the user, `{path}`, cannot be removed: {error}; the user is left as before; mend that and run again"
    )]
    FileTrouble {
        /// The file.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// The user's row is gone.
    #[error("the user is gone since the preview; there is nothing more to delete")]
    UserGone,
    /// The consent names something else.
    #[error("not confirmed: the answer is not `{target}`; nothing was changed")]
    NotConfirmed {
        /// What had to be typed.
        target: String,
    },
    /// Nobody can be asked.
    #[error(
        "there is no terminal to ask at, and nothing is deleted unasked; nothing was changed; `--force` asks nobody"
    )]
    NoTerminal,
    /// The audit trail cannot be kept.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// Random bytes cannot be had.
    #[error("the operating system gives no random bytes: {0}")]
    Random(String),
    /// A state that this program's own logic rules out.
    #[error("BUG: {0}; nothing more was changed, please report it")]
    Bug(&'static str),
}
