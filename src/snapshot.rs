//! Snapshots: a consistent copy of rows and files, to go back to.
//!
//! A snapshot is a directory of mode 0700 beside the application's own files:
//!
//! | in it | |
//! |---|---|
//! | `snapshot.json` | what it is of, and the digests of what follows; sealed by a digest of itself |
//! | `database.sqlite` | the rows, copied by `SQLite`'s backup API |
//! | `pages` | the digest of each of its pages |
//! | `files.tsv` | every covered file, link and directory: mode, owner, time, content |
//! | `content/` | the files' contents: shared with the originals where the file system can, else copied |
//! | `keys` | the application's Redis keys, if they were asked for |
//! | `stamps` | a hint for the next comparison |
//!
//! It is made under another name, flushed, and renamed: a crash leaves no half snapshot under a
//! snapshot's name.
//!
//! Restoring replaces the rows and records the intent in one commit (invariants 2 and 3), and puts
//! the files back afterwards; whoever finds the intent goes on from there. Where the rows are as they
//! were saved, the database is left alone, and the intent is a file of its own.

mod apply;
mod blob;
mod compare;
mod coverage;
mod difference;
mod error;
mod finish;
mod flush;
mod guard;
mod image;
mod index;
mod intent;
mod keys;
mod meta;
mod pages;
mod place;
mod plan;
mod restore;
mod rows;
mod save;
mod settings;
mod stamps;
mod tree;

use std::path::PathBuf;

use rusqlite::Connection;

use crate::consent::Consent;
use crate::database;
use crate::error::Result;
pub use crate::keyspace::KeyDifference;
use crate::outbox;
use crate::run_lock::RunLock;
use crate::survey::Kept;
use crate::target::Target;
pub use difference::{Difference, FileDifference, TableDifference};
pub use error::SnapshotError;
pub use finish::GivingUp;
pub(crate) use finish::{finish, give_up, may_be_given_up, require_no_unfinished_restore};
pub use guard::Guard;
pub(crate) use intent::of as unfinished_files;
pub use meta::{About, AboutDatabase, AboutFiles, AboutKeys};
pub use place::{Archive, Keys};
use plan::Plan;
pub(crate) use rows::unfinished_restore;

/// A snapshot that is there.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Its directory.
    pub path: PathBuf,
    /// What it is of.
    pub about: About,
    /// What a person should know of it.
    pub warnings: Vec<String>,
}

/// What a restore did.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The snapshot.
    pub about: About,
    /// The run.
    pub run: String,
    /// The rows.
    pub database: Rows,
    /// The files that were not as saved.
    pub files: FileDifference,
    /// How the Redis keys differed that were put back or removed; none where they are no part of it, or
    /// are among what is left.
    pub keys: Option<KeyDifference>,
    /// What is still not as saved, and why: `resume` tries again.
    pub left: Vec<Kept>,
    /// Whatever else a person should know.
    pub warnings: Vec<String>,
}

/// What a restore found and did of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// They were as saved.
    AsSaved,
    /// They were not, and are now.
    PutBack,
}

/// Whether a restore may change the structure of the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Structure {
    /// It must be the snapshot's already.
    #[default]
    Same,
    /// It becomes the snapshot's.
    Any,
}

/// Who is asked before a restore.
pub enum Asking<'a> {
    /// Nobody.
    Nobody,
    /// Somebody, who is shown what differs.
    Somebody(&'a mut dyn FnMut(&About, &Difference) -> Result<Consent>),
}

impl Snapshot {
    /// Saves rows and files of an application together, under a name.
    ///
    /// Files are copied first; then, while nobody can write rows, what changed of them meanwhile, and
    /// the rows. What was copied is read back and checked. Fails where the name is taken, a run is
    /// under way or unfinished, a file keeps changing or cannot be part of it, or there is no room;
    /// nothing is left then.
    ///
    /// ```no_run
    /// use reset_app::run::App;
    /// use reset_app::snapshot::{Archive, Asking, Snapshot, Structure};
    /// use reset_app::target::Settings;
    ///
    /// # fn main() -> reset_app::error::Result<()> {
    /// let app = App::open(&Settings::default())?;
    /// let archive = Archive::of(app.target(), None)?;
    /// Snapshot::save(app.target(), &archive, "clean")?;
    /// // … whatever changes rows and files …
    /// let restored = Snapshot::restore(
    ///     app.target(), &archive, "clean", Structure::Same, Asking::Nobody,
    /// )?;
    /// assert!(restored.left.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn save(target: &Target, archive: &Archive, name: &str) -> Result<Self> {
        let _lock = RunLock::take(&target.database)?;
        let connection = database::open(&target.database)?;
        save::save(target, &connection, archive, name)
    }

    /// As [`save`](Self::save), under the lock and with the connection of a run.
    pub(crate) fn save_within(
        target: &Target,
        connection: &Connection,
        archive: &Archive,
        name: &str,
    ) -> Result<Self> {
        save::save(target, connection, archive, name)
    }

    /// All snapshots, in the order of their names. One that cannot be read, or is not whole, is named
    /// in the second list, with the reason. Changes nothing.
    pub fn list(archive: &Archive) -> Result<(Vec<Self>, Vec<Kept>)> {
        let (mut snapshots, mut broken) = (Vec::new(), Vec::new());
        for name in archive.names()? {
            let path = archive.path(&name)?;
            match About::read(&name, &path) {
                Ok(about) => snapshots.push(Self {
                    path,
                    about,
                    warnings: Vec::new(),
                }),
                Err(error) => broken.push(Kept {
                    path: name,
                    reason: error.to_string(),
                }),
            }
        }
        for name in archive.unfinished() {
            let reason = format!(
                "`{name}` is not whole: it is being made, or an interrupted command left it; \
                 `reset-app snapshot drop {name}` removes it then"
            );
            broken.push(Kept { path: name, reason });
        }
        Ok((snapshots, broken))
    }

    /// Whether a snapshot of this name could be saved, as far as can be told without saving it.
    /// Changes nothing.
    ///
    /// Fails as [`save`](Self::save) would.
    pub fn may_be_saved(target: &Target, archive: &Archive, name: &str) -> Result<()> {
        database::look(&target.database, |connection| {
            Self::may_be_saved_within(target, connection, archive, name)
        })
    }

    /// As [`may_be_saved`](Self::may_be_saved), with the connection of a run or its preview.
    pub(crate) fn may_be_saved_within(
        target: &Target,
        connection: &Connection,
        archive: &Archive,
        name: &str,
    ) -> Result<()> {
        if archive.path(name)?.symlink_metadata().is_ok() {
            return Err(SnapshotError::Exists { name: name.into() }.into());
        }
        rows::require_finished(target, connection)
    }

    /// Whether a snapshot could be removed. Changes nothing.
    ///
    /// Fails where there is none of this name, nor what an interrupted save or drop left of one, or an
    /// interrupted restore of it is not finished.
    pub fn may_be_dropped(target: &Target, archive: &Archive, name: &str) -> Result<()> {
        if !archive.unfinished().iter().any(|left| left == name) {
            find(archive, name)?;
        }
        let unfinished = database::look(&target.database, |connection| {
            rows::unfinished_restore(target, connection)
        })?;
        match unfinished.filter(|unfinished| unfinished == name) {
            Some(name) => Err(SnapshotError::UnfinishedRestore { name }.into()),
            None => Ok(()),
        }
    }

    /// Removes a snapshot, whatever state it is in, and what interrupted saves left.
    ///
    /// Fails where a run is under way, and as [`may_be_dropped`](Self::may_be_dropped) does.
    pub fn drop(target: &Target, archive: &Archive, name: &str) -> Result<()> {
        let _lock = RunLock::take(&target.database)?;
        Self::may_be_dropped(target, archive, name)?;
        archive.remove_unfinished()?;
        match find(archive, name) {
            Ok(_) => archive.remove(name),
            // It was what is removed by now.
            Err(_) => Ok(()),
        }
    }

    /// What of an application is not as the snapshot has it. Changes nothing.
    ///
    /// Fails where the snapshot is damaged or another application's, or was to be compared with Redis keys
    /// too, and holds none.
    pub fn diff(target: &Target, archive: &Archive, name: &str) -> Result<(About, Difference)> {
        let path = find(archive, name)?;
        let mut plan = Plan::make(target, name, &path)?;
        plan.include(archive.keys)?;
        let difference = plan.difference()?;
        Ok((plan.about, difference))
    }

    /// What a restore would put back. Changes nothing.
    ///
    /// Fails as [`restore`](Self::restore) would before anything is changed.
    pub fn preview(
        target: &Target,
        archive: &Archive,
        name: &str,
        structure: Structure,
    ) -> Result<(About, Difference)> {
        let path = find(archive, name)?;
        let mut plan = Plan::make(target, name, &path)?;
        plan.include(archive.keys)?;
        database::look(&target.database, |connection| {
            if rows::unfinished_restore(target, connection)?.as_deref() != Some(name) {
                rows::require_finished(target, connection)?;
            }
            plan.require_form(connection)?;
            plan.require_structure(connection, structure)
        })?;
        plan.require_whole()?;
        let difference = plan.difference()?;
        Ok((plan.about, difference))
    }

    /// Puts rows and files back as they were saved. `ask` is shown what differs first.
    ///
    /// Fails before anything is changed where the snapshot is damaged, another application's or of
    /// another structure, a run is under way or unfinished, or nobody consents. What fails after the
    /// rows are back is in the report, and `resume` goes on with it. An example is at
    /// [`save`](Self::save).
    pub fn restore(
        target: &Target,
        archive: &Archive,
        name: &str,
        structure: Structure,
        asking: Asking<'_>,
    ) -> Result<Restored> {
        let path = find(archive, name)?;
        let _lock = RunLock::take(&target.database)?;
        let mut plan = Plan::make(target, name, &path)?;
        plan.include(archive.keys)?;
        let run = outbox::run_name()?;
        if plan.rows_are_as_saved() && intent::of(target)?.is_none() {
            if plan.is_done() {
                return Ok(plan.nothing_done(run));
            }
            if matches!(asking, Asking::Nobody) {
                return plan.restore_files(run);
            }
        }
        let mut connection = database::open(&target.database)?;
        if rows::unfinished_restore(target, &connection)?.as_deref() == Some(name) {
            let finished = finish(target, &connection)?;
            if let Some(stuck) = finished.filter(|finished| !finished.left.is_empty()) {
                return Ok(stuck);
            }
            connection = database::open(&target.database)?;
            plan = Plan::make(target, name, &path)?;
            plan.include(archive.keys)?;
        }
        rows::require_finished(target, &connection)?;
        plan.require_structure(&connection, structure)?;
        if let Asking::Somebody(ask) = asking {
            plan.require_form(&connection)?;
            let difference = plan.difference_from(&connection)?;
            ask(&plan.about, &difference)?.require(&target.name())?;
        }
        plan.restore(connection, archive, run)
    }
}

fn find(archive: &Archive, name: &str) -> Result<PathBuf> {
    let path = archive.path(name)?;
    if path.is_dir() {
        return Ok(path);
    }
    Err(SnapshotError::Unknown {
        name: name.into(),
        directory: archive.directory().into(),
        known: archive.names()?,
    }
    .into())
}

/// The time, in seconds since 1970, as [`About::seconds`] gives it.
#[must_use]
pub fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}
