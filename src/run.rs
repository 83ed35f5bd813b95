//! A run, from the survey to the report: the table of contents of the whole.
//!
//! The preview is the way of the deed, stopped before consent; nothing here asks which of the two
//! it is.

mod deed;
mod explaining;
mod forgotten;
mod inventory;
mod keys;
mod preview;
mod recovery;
mod replay;
mod reset;
mod scene;
mod verifying;
mod watched;

use rusqlite::Connection;

use crate::audit::Trail;
use crate::consent::Consent;
use crate::database;
use crate::error::{Error, Result};
use crate::outbox::{KeysRecord, RunRecord, TrailRecord, run_name};
use crate::plan::{Accounts, Extent};
use crate::report::{Report, Stage};
use crate::run_lock::RunLock;
use crate::scrub;
use crate::snapshot::{self, Archive, GivingUp, Snapshot};
use crate::survey::{Kept, Selection, Unowned};
use crate::target::{Settings, Target};
use crate::watch::Watch;
use deed::Noted;
pub use preview::Preview;
pub use reset::{Fate, Reset};
use scene::{Picture, Scene};

/// What to delete.
#[derive(Clone, Debug, Default)]
pub struct Job {
    /// The command.
    pub operation: Operation,
    /// Whose data.
    pub selection: Selection,
    /// Whether their accounts go too.
    pub accounts: Accounts,
    /// Who is given what mentions an account that goes and cannot be set to null, by key or name.
    pub reassign_to: Option<String>,
    /// Whether rows that nobody owns go too.
    pub unowned: Unowned,
    /// Whether rows of other users may go because they hang on what goes.
    pub others: Others,
    /// How much of the users' data.
    pub extent: Extent,
    /// The name of a snapshot to take first; without it nothing is deleted.
    pub snapshot: Option<String>,
    /// Whether everything is searched afterwards for what identified the users.
    pub afterwards: Afterwards,
    /// Whether deleted bytes are overwritten wherever they may be.
    pub bytes: Bytes,
}

/// How thoroughly deleted bytes are overwritten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bytes {
    /// Where they stood.
    #[default]
    InPlace,
    /// Also copies that the application left elsewhere in the database file and its journals.
    Scrub,
}

/// What follows a deletion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Afterwards {
    /// Nothing.
    #[default]
    Nothing,
    /// A search for what identified the users, who are remembered that long.
    Verify,
}

/// Which command a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Operation {
    /// Every user's data, or that of a selection.
    #[default]
    DeleteAllUserData,
    /// One user's.
    DeleteUser,
    /// That of users whom the audit trail names and who are back.
    Replay,
}

impl Operation {
    /// The command as it is typed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DeleteAllUserData => "delete-all-user-data",
            Self::DeleteUser => "delete-user",
            Self::Replay => "replay",
        }
    }
}

/// Whether rows of users who stay may go with those that go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Others {
    /// They go, and are reported.
    #[default]
    GoAlong,
    /// The run is refused.
    Refuse,
}

impl Job {
    /// Whose Redis keys go: where everyone is meant, also those of users whom the database no
    /// longer knows.
    fn keys(&self) -> KeysRecord {
        match self.selection {
            Selection::All => KeysRecord::Everyone,
            Selection::Only(_) | Selection::Except(_) | Selection::Accounts(_) => KeysRecord::Users,
        }
    }
}

/// An application whose data can be looked at and deleted.
#[derive(Debug)]
pub struct App {
    target: Target,
}

impl App {
    /// Finds an application by its settings.
    ///
    /// Fails as [`Target::find`] does.
    pub fn open(settings: &Settings) -> Result<Self> {
        Ok(Self::new(Target::find(settings)?))
    }

    /// An application that was found already.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self { target }
    }

    /// What this application consists of.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// What a deletion would delete. Changes no byte of the database, its journals, the files or
    /// Redis, and leaves no file behind (invariant 6).
    ///
    /// Fails as the deletion would be refused.
    pub fn preview(&self, job: &Job) -> Result<Report> {
        let roots = self.target.roots()?;
        let (mut report, scope) = database::look(&self.target.database, |connection| {
            recovery::require_no_reset(connection)?;
            snapshot::require_no_unfinished_restore(&self.target, connection)?;
            recovery::require_same_trail(&self.target, connection)?;
            self.require_snapshot_possible(connection, job.snapshot.as_deref())?;
            let mut scene = Scene::set(&self.target, connection, job)?;
            scene.rehearse(connection)?;
            let picture = Picture::take(&self.target, &scene, &roots, connection, job)?;
            Ok((picture.report(connection)?, picture.scope(connection)?))
        })?;
        scene::count_keys(&self.target, &scope, &mut report);
        Ok(report)
    }

    /// Deletes, after `ask` has seen the preview and consented.
    ///
    /// Unfinished work of an earlier run is finished first; before the question where a snapshot is to
    /// be taken, which cannot hold such work. Fails before anything else is changed where
    /// the deletion is refused, locked out, or not consented to; what fails later, user by user, is
    /// in the report, and what was committed is complete or recorded in the outbox.
    pub fn erase(
        &self,
        job: &Job,
        ask: &mut dyn FnMut(&Preview<'_>) -> Result<Consent>,
        watch: &mut dyn Watch,
    ) -> Result<Report> {
        let _lock = RunLock::take(&self.target.database)?;
        let mut connection = database::open(&self.target.database)?;
        recovery::require_no_reset(&connection)?;
        snapshot::require_no_unfinished_restore(&self.target, &connection)?;
        recovery::require_same_trail(&self.target, &connection)?;
        let earlier = match job.snapshot {
            Some(_) => recovery::finish_earlier(&self.target, &mut connection, watch)?,
            None => None,
        };
        self.require_snapshot_possible(&connection, job.snapshot.as_deref())?;
        let mut scene = Scene::set(&self.target, &connection, job)?;
        scene.rehearse(&connection)?;
        let roots = self.target.roots()?;
        let picture = in_one_view(&connection, || {
            Picture::take(&self.target, &scene, &roots, &connection, job)
        })?;
        let preview = picture.report(&connection)?;
        Preview::put_to(ask, &preview, &|report| {
            picture.count_keys(&connection, report)
        })?;
        let mut warnings = preview.warnings;
        let taken = self.snapshot_first(&connection, job.snapshot.as_deref())?;
        let record = self.record(job)?;
        let identifiers = self.remember(job, &connection, &scene.plan)?;
        let mut trail = Trail::open(&self.target, &recovery::runs(&connection, &record)?)?;
        warnings.extend(trail.warnings());
        let recovered = recovery::files(&self.target, &connection, &scene.sources, &roots, watch)?;
        let noted = Noted {
            subject: preview.subject,
            unowned: preview.unowned,
            warnings,
        };
        let mut report = deed::delete(
            &connection,
            (picture, noted),
            record,
            recovered,
            &mut trail,
            watch,
        )?;
        let nothing_done = report.users_processed == 0 && !report.failed.is_empty();
        if job.bytes == Bytes::Scrub && !nothing_done {
            let path = &self.target.database;
            let left = scrub::scrub(&connection, path, &scene.schema, &scene.plan).into_iter();
            report
                .left
                .extend(left.map(|(path, reason)| Kept { path, reason }));
        }
        drop(connection);
        report.snapshot = taken;
        report.recovery = earlier.or(report.recovery);
        self.verify_deleted(job, identifiers.as_ref(), &mut report, watch);
        Ok(report)
    }

    fn record(&self, job: &Job) -> Result<RunRecord> {
        Ok(RunRecord {
            run: run_name()?,
            operation: job.operation.name().into(),
            base: self.target.root.display().to_string(),
            keys: job.keys(),
            snapshot: None,
            trail: TrailRecord::of(&self.target),
            reset: None,
        })
    }

    /// Fails where the snapshot that a job asks for could not be taken: before anybody is asked.
    fn require_snapshot_possible(&self, connection: &Connection, name: Option<&str>) -> Result<()> {
        let Some(name) = name else {
            return Ok(());
        };
        let archive = Archive::of(&self.target, None)?;
        Snapshot::may_be_saved_within(&self.target, connection, &archive, name)
    }

    /// Takes the snapshot that a job asks for. Its path; none where none is asked for.
    fn snapshot_first(
        &self,
        connection: &Connection,
        name: Option<&str>,
    ) -> Result<Option<String>> {
        let Some(name) = name else {
            return Ok(None);
        };
        let archive = Archive::of(&self.target, None)?;
        let taken = Snapshot::save_within(&self.target, connection, &archive, name)?;
        Ok(Some(crate::roots::shown(&taken.path)))
    }

    /// What an interrupted run left to do. Changes nothing, as [`App::preview`] does.
    pub fn preview_resume(&self) -> Result<Report> {
        let (recovery, snapshot) = database::look(&self.target.database, |connection| {
            recovery::require_same_root(&self.target, connection)?;
            recovery::require_same_trail(&self.target, connection)?;
            let snapshot = snapshot::unfinished_restore(&self.target, connection)?;
            Ok((recovery::pending(&self.target, connection)?, snapshot))
        })?;
        Ok(Report {
            recovery,
            snapshot,
            users_processed: recovery.map_or(0, |recovery| recovery.users),
            ..Report::empty(&self.target, Stage::Preview, recovery::RESUME)
        })
    }

    /// Finishes what an interrupted run left to do. Without such work nothing is changed.
    pub fn resume(&self, watch: &mut dyn Watch) -> Result<Report> {
        let _lock = RunLock::take(&self.target.database)?;
        let mut connection = database::open(&self.target.database)?;
        recovery::require_same_trail(&self.target, &connection)?;
        if let Some(restored) = snapshot::finish(&self.target, &connection)? {
            return Ok(recovery::of_restore(&self.target, restored));
        }
        let report = recovery::resume(&self.target, &mut connection, watch)?;
        recovery::close(&self.target, connection)?;
        Ok(report)
    }

    /// The snapshot of an interrupted restore that [`give_up_restore`](Self::give_up_restore) would give
    /// up; none where no restore was interrupted. Changes nothing.
    ///
    /// Fails where the restore could be finished, unless that is given up too.
    pub fn preview_giving_up(&self, which: GivingUp) -> Result<Option<String>> {
        database::look(&self.target.database, |connection| {
            snapshot::may_be_given_up(&self.target, connection, which)
        })
    }

    /// Gives up an interrupted restore that cannot be finished, for its snapshot is lost or damaged: the
    /// rows are back, and files and Redis keys stay as they are. The name of the snapshot; none where no
    /// restore was interrupted.
    ///
    /// Fails where the restore could be finished, unless that is given up too, where another run is under way, or the restore was one of another database, directory or
    /// audit trail, or the trail cannot be written; the restore is then as unfinished as before.
    pub fn give_up_restore(&self, which: GivingUp) -> Result<Option<String>> {
        let _lock = RunLock::take(&self.target.database)?;
        let connection = database::open(&self.target.database)?;
        recovery::require_same_trail(&self.target, &connection)?;
        snapshot::give_up(&self.target, &connection, which)
    }
}

/// Reads within one read transaction.
fn in_one_view<T>(connection: &Connection, read: impl FnOnce() -> Result<T>) -> Result<T> {
    connection
        .execute_batch("BEGIN")
        .map_err(Error::surveying)?;
    let seen = read();
    let ended = connection.execute_batch("COMMIT").map_err(Error::surveying);
    seen.and_then(|seen| ended.map(|()| seen))
}
