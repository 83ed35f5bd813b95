//! A complete reset: the database made anew, its directories emptied, its keys cleared, its
//! environment removed, in this order.
//!
//! What follows the replacement of the content is recorded in the new content itself, so that the
//! one commit decides both (invariant 3).

mod sketch;

use std::path::PathBuf;

use rusqlite::Connection;

use super::{App, Preview, in_one_view, recovery, scene};
use crate::audit::Trail;
use crate::consent::Consent;
use crate::database::{self, OldPages, replace};
use crate::drain::Drain;
use crate::drain::Drained;
use crate::error::{Error, ResetError, Result};
use crate::keyspace::Scope;
use crate::outbox::{self, Erased, KeysRecord, ResetRecord, RunRecord, TrailRecord, run_name};
use crate::report::{Report, ResetReport, Stage};
use crate::roots::{Roots, shown};
use crate::run_lock::RunLock;
use crate::snapshot;
use crate::summary;
use crate::survey::Emptied;
use crate::target::{Target, unfinished};
use crate::watch::Watch;
use sketch::Sketch;

const OPERATION: &str = "reset-complete";

/// What a complete reset leaves alone, and whether there is a way back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reset {
    /// The file that holds the environment.
    pub environment: Fate,
    /// What the roots hold.
    pub storage: Fate,
    /// What the other directories hold that the manifest empties.
    pub logs: Fate,
    /// The name of a snapshot to take first; without it nothing is reset.
    pub snapshot: Option<String>,
}

/// What becomes of a part of the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fate {
    /// It goes.
    #[default]
    Goes,
    /// It stays as it is.
    Stays,
}

impl App {
    /// What a complete reset would take. Changes nothing, as [`App::preview`] does.
    ///
    /// Fails as the reset would be refused.
    pub fn preview_reset(&self, job: &Reset) -> Result<Report> {
        if database::look(&self.target.database, outbox::holds_reset)? {
            let unfinished = self.preview_resume()?;
            return Ok(Report {
                operation: OPERATION,
                ..unfinished
            });
        }
        let mut report = database::look(&self.target.database, |connection| {
            snapshot::require_no_unfinished_restore(&self.target, connection)?;
            recovery::require_same_trail(&self.target, connection)?;
            self.require_snapshot_possible(connection, job.snapshot.as_deref())?;
            let roots = self.target.roots_emptied(job)?;
            Sketch::draw(&self.target, connection, job, &roots)?.report(connection)
        })?;
        scene::count_keys(&self.target, &Scope::Application, &mut report);
        Ok(report)
    }

    /// Resets the application, after `ask` has seen the preview and consented.
    ///
    /// A reset that was interrupted is finished, and nothing else done. Fails before anything is
    /// changed where the reset is refused, locked out or not consented to, or where another program
    /// holds the database for longer than the busy timeout; what fails after the new content is
    /// committed is in the report, and left to `resume`.
    ///
    /// ```no_run
    /// use reset_app::consent::Consent;
    /// use reset_app::run::{App, Reset};
    /// use reset_app::target::Settings;
    /// use reset_app::watch::Nobody;
    ///
    /// # fn main() -> reset_app::error::Result<()> {
    /// let app = App::open(&Settings::default())?;
    /// let report = app.reset(&Reset::default(), &mut |_| Ok(Consent::forced()), &mut Nobody)?;
    /// assert!(report.is_complete());
    /// # Ok(())
    /// # }
    /// ```
    pub fn reset(
        &self,
        job: &Reset,
        ask: &mut dyn FnMut(&Preview<'_>) -> Result<Consent>,
        watch: &mut dyn Watch,
    ) -> Result<Report> {
        let target = &self.target;
        let _lock = RunLock::take(&target.database)?;
        let mut connection = database::open(&target.database)?;
        snapshot::require_no_unfinished_restore(&self.target, &connection)?;
        recovery::require_same_root(target, &connection)?;
        recovery::require_same_trail(target, &connection)?;
        if outbox::holds_reset(&connection)? {
            let preview = self.preview_of_rest(&connection)?;
            Preview::put_to(ask, &preview, &|_| Ok(()))?;
            let finished = recovery::resume(target, &mut connection, watch)?;
            recovery::close(target, connection)?;
            return Ok(Report {
                operation: OPERATION,
                ..finished
            });
        }
        self.require_snapshot_possible(&connection, job.snapshot.as_deref())?;
        let preview = in_one_view(&connection, || {
            let roots = target.roots_emptied(job)?;
            Sketch::draw(target, &connection, job, &roots)?.report(&connection)
        })?;
        Preview::put_to(ask, &preview, &|report| {
            scene::count_keys(target, &Scope::Application, report);
            Ok(())
        })?;
        // Its record would be gone with the old content.
        let recovery = recovery::finish_earlier(target, &mut connection, watch)?;
        let snapshot = self.snapshot_first(&connection, job.snapshot.as_deref())?;
        let report = self.make_anew(job, &mut connection, watch)?;
        recovery::close(target, connection)?;
        Ok(Report {
            recovery,
            snapshot,
            ..report
        })
    }

    fn preview_of_rest(&self, connection: &Connection) -> Result<Report> {
        let recovery = recovery::pending(&self.target, connection)?;
        Ok(Report {
            recovery,
            users_processed: recovery.map_or(0, |recovery| recovery.users),
            ..Report::empty(&self.target, Stage::Preview, OPERATION)
        })
    }

    fn make_anew(
        &self,
        job: &Reset,
        connection: &mut Connection,
        watch: &mut dyn Watch,
    ) -> Result<Report> {
        let target = &self.target;
        let roots = target.roots_emptied(job)?;
        let run = run_name()?;
        let mut trail = Trail::open(target, std::slice::from_ref(&run))?;
        let sketch = in_one_view(connection, || Sketch::draw(target, connection, job, &roots))?;
        sketch.require_reachable()?;
        let record = RunRecord {
            run,
            operation: OPERATION.into(),
            base: target.root.display().to_string(),
            keys: KeysRecord::Application,
            reset: Some(sketch.record(connection)?),
            snapshot: None,
            trail: TrailRecord::of(target),
        };
        sketch.record_work(connection, &record)?;
        let mut report = sketch.report(connection)?;
        report.stage = Stage::Done;
        report.run = Some(record.run.clone());
        if watch.stop() {
            return Ok(Report {
                run: None,
                stopped: true,
                ..Report::empty(target, Stage::Done, OPERATION)
            });
        }
        let erased = commit(target, connection, &sketch, &record)?;
        let drain = Drain {
            connection,
            target,
            roots: &roots,
            sources: &sketch.sources,
            erased: &erased,
        };
        let mut drained = Drained::default();
        let keys = drain.everything(&mut trail, &mut drained, watch);
        report.counts.keys = keys.unwrap_or_else(|error| {
            drained.leave(
                "what follows the replacement of the database".into(),
                &error,
            );
            None
        });
        report.warnings.extend(trail.warnings());
        Ok(done(target, report, &roots, drained))
    }
}

/// The report of what was found, made that of what was done.
fn done(target: &Target, mut report: Report, roots: &Roots, drained: Drained) -> Report {
    report.counts.files = drained.removed.clone();
    report.summary = summary::lines(&target.manifest, &report.counts);
    let mut reset = report.reset.take().unwrap_or_default();
    let ResetReport {
        emptied,
        environment_file,
        ..
    } = report_of(target, roots, &drained);
    reset.emptied = emptied;
    reset.environment_file = environment_file;
    report.reset = Some(reset);
    report.shared = drained.shared_paths();
    report.refused.extend(drained.refused);
    report.left = drained.left;
    report.warnings.extend(drained.warnings);
    report
}

/// What a drain says of a reset.
pub(super) fn report_of(target: &Target, roots: &Roots, drained: &Drained) -> ResetReport {
    let emptied = |name: &std::path::Path| {
        let directory = shown(name);
        let entries = drained.by_root(&directory);
        Emptied { directory, entries }
    };
    ResetReport {
        emptied: roots.present().map(|(_, name, _)| emptied(name)).collect(),
        environment_file: drained.environment.clone(),
        next_steps: target.manifest.reset.next_steps.clone(),
        ..ResetReport::default()
    }
}

/// The one commit. The pointer comes first: from here on the environment may go.
fn commit(
    target: &Target,
    connection: &mut Connection,
    sketch: &Sketch<'_>,
    record: &RunRecord,
) -> Result<Erased> {
    let environment = record.reset.as_ref().is_some_and(|reset| reset.environment);
    if environment {
        unfinished::point_to(&target.root, &target.database)?;
    }
    match replace(connection, &sketch.image.connection) {
        Ok(OldPages::Gone | OldPages::HeldByReader) => Ok(Erased(())),
        Err(error) => {
            let fresh = database::open(&target.database)?;
            let happened = outbox::exists(&fresh)?
                && outbox::runs(&fresh)?
                    .iter()
                    .any(|run| run.run == record.run);
            if happened {
                let cause = Box::new(error);
                return Err(Error::Commit { happened, cause });
            }
            unfinished::forget(&target.root, &target.database)?;
            Err(error)
        }
    }
}

impl Target {
    /// The directories that a reset empties, opened.
    pub(super) fn roots_emptied(&self, job: &Reset) -> Result<Roots> {
        let names: Vec<PathBuf> = self.emptied(job).cloned().collect();
        Roots::open(&self.root, &names, &self.protected()).map_err(Error::from)
    }

    fn emptied(&self, job: &Reset) -> impl Iterator<Item = &PathBuf> {
        let roots = self.manifest.files.roots.iter();
        let others = self.manifest.reset.empty.iter();
        let goes = |fate: Fate| if fate == Fate::Goes { usize::MAX } else { 0 };
        roots
            .take(goes(job.storage))
            .chain(others.take(goes(job.logs)))
    }

    /// Fails where one of them is the application's own directory, or holds it.
    fn require_emptiable(&self, job: &Reset) -> Result<()> {
        for name in self.emptied(job) {
            let directory = self.root.join(name);
            let resolved = directory.canonicalize().unwrap_or(directory);
            if self.root.starts_with(&resolved) {
                let directory = name.clone();
                return Err(Error::from(ResetError::HoldsApplication { directory }));
            }
        }
        Ok(())
    }
}

impl Sketch<'_> {
    fn record(&self, connection: &Connection) -> Result<ResetRecord> {
        Ok(ResetRecord {
            users: self.users,
            rows: self
                .rows()
                .filter(|(_, rows)| *rows > 0)
                .map(|(table, rows)| (table.to_owned(), rows))
                .collect(),
            paths: self.paths(connection)?,
            environment: self.environment.is_some(),
        })
    }
}
