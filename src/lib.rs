//! Deletes what belongs to an application's users: rows in its `SQLite` database, files, Redis keys.
//!
//! Synchronous and offline. What belongs to whom follows from the database's own foreign keys and
//! from a [manifest]; the way from there to a deletion is always the same:
//!
//! ```text
//! Settings ─▶ target                 which directory, manifest, database, Redis
//!   manifest, schema ─▶ graph ─▶ plan    pure: what each reference means, in which order rows go
//!   survey                           read only: rows, then files, then keys; the preview ends here
//!   consent                          names its target
//!   erase                            one transaction a user: outbox, mentions, rows, deepest first
//!   drain: outbox ─▶ storage, redis, audit    what follows a commit, and after a crash
//!   report
//! ```
//!
//! # Invariants
//!
//! 1. One user, one transaction, foreign keys on. All of a user's rows go, or none.
//! 2. No file is touched before the commit that deletes the rows naming it is durable.
//! 3. What remains to be done (files, Redis, audit line) is committed in that same transaction, for
//!    every user. A crash at any point loses no work: the next run finishes it and does not do it twice.
//! 4. Nothing outside a root, and no protected file inside one, is ever renamed or removed, whatever
//!    the database says.
//! 5. A file that a surviving row names stays; so does a file that is newer than the list, and a
//!    directory that still holds one.
//! 6. A preview changes no byte of the database, its journals, the files or Redis, leaves no file
//!    behind, and its counts are the run's counts.
//! 7. "Deleted" is never reported for something that is still there, nor a count for something that
//!    was not looked at.
//! 8. The structure afterwards is the structure before. What a run changes about indexes for its own
//!    sake is recorded in the outbox by the transaction that changes it, and undone by this run, by
//!    `resume` or by the next run.
//! 9. Redis can neither fail nor delay the rest past its deadline.
//! 10. In doubt between keeping and deleting: keep, name it and the remedy.
//! 11. One run per database at a time. No handle but `SQLite`'s is opened on the database file.
//!
//! Tests cite these numbers.
//!
//! # Words
//!
//! A *user* is a row of the users table. A *reference* is a column, or several, that names a row of
//! another table. An *owner reference* makes the row belong to what it names; a *mention* only names
//! it. *Collateral* are rows of a user who stays that hang on a row that goes. An *unowned* row is one
//! of a user-data table whose owner is null or gone. A *root* is a directory that holds users' files.
//! The *outbox* is the list of what is still to do after a commit.
//!
//! # Example
//!
//! ```no_run
//! use reset_app::consent::Consent;
//! use reset_app::run::{App, Job};
//! use reset_app::target::Settings;
//! use reset_app::watch::Nobody;
//!
//! # fn main() -> reset_app::error::Result<()> {
//! let app = App::open(&Settings {
//!     root: Some("/srv/app".into()),
//!     ..Settings::default()
//! })?;
//! let job = Job::default();
//! println!("{} items", app.preview(&job)?.total_items());
//! let report = app.erase(&job, &mut |_| Ok(Consent::forced()), &mut Nobody)?;
//! assert!(report.is_complete());
//! # Ok(())
//! # }
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod audit;
pub mod check;
pub mod consent;
pub mod database;
mod drain;
mod erase;
pub mod error;
pub mod explain;
pub mod full_text;
pub mod graph;
pub mod inference;
pub mod init;
pub mod keyspace;
pub mod manifest;
mod nearest;
pub mod outbox;
mod parallel;
pub mod plan;
pub mod redis;
pub mod report;
pub mod roots;
pub mod run;
pub mod run_lock;
pub mod schema;
mod scrub;
pub mod secrets;
pub mod snapshot;
mod sql;
pub mod status;
pub mod storage;
mod structure;
mod summary;
pub mod survey;
pub mod target;
pub mod user;
pub mod verify;
pub mod watch;
