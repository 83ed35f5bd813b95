//! Finishing what an interrupted run left: it was consented to, and its rows are gone.

use rusqlite::Connection;

use super::{Reset, forgotten};
use crate::audit::Trail;
use crate::database::cut_tail;
use crate::drain::{Drain, Drained};
use crate::erase::{self, Restructured};
use crate::error::{AuditError, Error, ResetError, Result};
use crate::outbox::{self, Erased, RunRecord, TrailRecord};
use crate::plan::{FileSource, file_sources};
use crate::report::{Recovery, Report, Stage};
use crate::roots::{Roots, shown};
use crate::schema;
use crate::snapshot::{self, Restored};
use crate::summary::{self, Counts};
use crate::target::{Target, unfinished};
use crate::watch::Watch;

/// The command that finishes an interrupted run.
pub(super) const RESUME: &str = "resume";

/// What was recovered before a new run.
#[derive(Debug, Default)]
pub(super) struct Recovered {
    pub(super) erased: Option<Erased>,
    /// Indexes are as before that run.
    pub(super) restructured: Option<Restructured>,
    pub(super) drained: Drained,
    pub(super) recovery: Option<Recovery>,
}

/// The unfinished work in a database, if there is any.
pub(super) fn pending(target: &Target, connection: &Connection) -> Result<Option<Recovery>> {
    let runs = records(target, connection)?;
    if runs.is_empty() && !outbox::exists(connection)? {
        return Ok(None);
    }
    let (users, paths) = if outbox::exists(connection)? {
        outbox::pending(connection)?
    } else {
        (0, 0)
    };
    let reset: u64 = runs
        .iter()
        .flat_map(|run| &run.reset)
        .map(|reset| reset.users)
        .sum();
    let users = users + reset;
    Ok(Some(Recovery { users, paths }))
}

/// The names of all runs that may have lines in the trail: those recorded, and the new one.
pub(super) fn runs(connection: &Connection, new: &RunRecord) -> Result<Vec<String>> {
    let mut runs = if outbox::exists(connection)? {
        recorded(connection)?
    } else {
        Vec::new()
    };
    runs.push(new.run.clone());
    Ok(runs)
}

/// What interrupted runs left of themselves, in the database or beside it.
pub(super) fn records(target: &Target, connection: &Connection) -> Result<Vec<RunRecord>> {
    let mut runs = if outbox::exists(connection)? {
        outbox::runs(connection)?
    } else {
        Vec::new()
    };
    runs.extend(snapshot::unfinished_files(target)?);
    Ok(runs)
}

/// The names of the runs recorded.
fn recorded(connection: &Connection) -> Result<Vec<String>> {
    let runs = outbox::runs(connection)?.into_iter();
    Ok(runs.map(|run| run.run).collect())
}

/// Removes the files of an interrupted run, before a new one. Its directories, keys and lines are
/// finished with the new run's: a directory may still hold a file that goes with the new run.
pub(super) fn files(
    target: &Target,
    connection: &Connection,
    sources: &[FileSource],
    roots: &Roots,
    watch: &mut dyn Watch,
) -> Result<Recovered> {
    let Some(recovery) = pending(target, connection)? else {
        return Ok(Recovered::default());
    };
    require_same_root(target, connection)?;
    let mut drained = Drained::default();
    let restructured = restore_indexes(connection, &mut drained);
    if !outbox::exists(connection)? {
        return Ok(Recovered {
            restructured,
            recovery: Some(recovery),
            ..Recovered::default()
        });
    }
    let erased = Erased(());
    let drain = Drain {
        connection,
        target,
        roots,
        sources,
        erased: &erased,
    };
    drain.files(&mut drained, watch)?;
    Ok(Recovered {
        erased: Some(erased),
        restructured,
        drained,
        recovery: Some(recovery),
    })
}

/// Undoes what a run has changed about indexes. Where that fails, it stays recorded, and is said.
pub(super) fn restore_indexes(
    connection: &Connection,
    drained: &mut Drained,
) -> Option<Restructured> {
    erase::restore(connection).unwrap_or_else(|error| {
        drained.leave("indexes that the run did without".into(), &error);
        None
    })
}

/// Finishes an interrupted run and nothing else.
pub(super) fn resume(
    target: &Target,
    connection: &mut Connection,
    watch: &mut dyn Watch,
) -> Result<Report> {
    let mut report = Report::empty(target, Stage::Done, RESUME);
    let Some(recovery) = pending(target, connection)? else {
        report.warnings = forgotten::warnings(target, connection, &target.roots()?)?;
        return Ok(report);
    };
    require_same_root(target, connection)?;
    require_same_trail(target, connection)?;
    let reset = outbox::holds_reset(connection)?;
    if reset {
        cut_tail(connection, &target.database)?;
    }
    let connection = &*connection;
    let mut drained = Drained::default();
    restore_indexes(connection, &mut drained);
    if !outbox::exists(connection)? {
        report.recovery = Some(recovery);
        return Ok(report);
    }
    let runs = recorded(connection)?;
    let sources = file_sources(&schema::read(connection)?, &target.manifest, &[])?;
    let roots = if reset {
        target.roots_emptied(&Reset::default())?
    } else {
        target.roots()?
    };
    let mut trail = Trail::open(target, &runs)?;
    let drain = Drain {
        connection,
        target,
        roots: &roots,
        sources: &sources,
        erased: &Erased(()),
    };
    let mut counts = Counts {
        files_checked: true,
        ..Counts::default()
    };
    counts.keys = drain.everything(&mut trail, &mut drained, watch)?;
    for (line, files) in &drained.removed {
        counts.add_files(line, *files);
    }
    if reset {
        report.reset = Some(super::reset::report_of(target, &roots, &drained));
    }
    report.run = runs.last().cloned();
    report.recovery = Some(recovery);
    report.users_processed = recovery.users;
    report.summary = summary::lines(&target.manifest, &counts);
    report.shared = drained.shared_paths();
    report.refused = drained.refused;
    report.left = drained.left;
    report.warnings = drained.warnings;
    report.warnings.extend(trail.warnings());
    Ok(report)
}

/// A complete reset that was interrupted is finished before anything else begins, by itself.
pub(super) fn require_no_reset(connection: &Connection) -> Result<()> {
    if outbox::holds_reset(connection)? {
        return Err(Error::from(ResetError::Unfinished));
    }
    Ok(())
}

/// Closes the database, and forgets that a reset of it was under way if nothing is left to do: only
/// then, for without its environment it is found by that alone.
pub(super) fn close(target: &Target, connection: Connection) -> Result<()> {
    let unfinished = outbox::exists(&connection)?;
    drop(connection);
    if unfinished {
        return Ok(());
    }
    unfinished::forget(&target.root, &target.database)
}

/// Finishes what an interrupted run left, all of it, before what cannot be done beside it.
pub(super) fn finish_earlier(
    target: &Target,
    connection: &mut Connection,
    watch: &mut dyn Watch,
) -> Result<Option<Recovery>> {
    let finished = resume(target, connection, watch)?;
    if !outbox::exists(connection)? {
        return Ok(finished.recovery);
    }
    let left = finished.left.first();
    let reason = left.map_or_else(String::new, |left| {
        format!("{}: {}", left.path, left.reason)
    });
    Err(Error::from(ResetError::Earlier { reason }))
}

/// What finishing a restore came to, as a report of `resume`.
pub(super) fn of_restore(target: &Target, restored: Restored) -> Report {
    Report {
        run: Some(restored.run),
        recovery: Some(Recovery {
            users: 0,
            paths: restored.files.total(),
        }),
        snapshot: Some(restored.about.name),
        left: restored.left,
        warnings: restored.warnings,
        ..Report::empty(target, Stage::Done, RESUME)
    }
}

/// Recorded paths hold for the directory they were recorded in.
pub(super) fn require_same_root(target: &Target, connection: &Connection) -> Result<()> {
    let root = target.root.display().to_string();
    for run in records(target, connection)? {
        if run.base != root {
            return Err(Error::OtherRoot {
                recorded: run.base,
                root: target.root.clone(),
            });
        }
    }
    Ok(())
}

/// The lines of a recorded run belong into the trail it began with: in another one they might be
/// there twice, and under another key name nobody.
pub(super) fn require_same_trail(target: &Target, connection: &Connection) -> Result<()> {
    let given = TrailRecord::of(target);
    for run in records(target, connection)? {
        let TrailRecord::File(recorded) = run.trail else {
            continue;
        };
        if given != TrailRecord::File(recorded.clone()) {
            let given = match &target.audit {
                Some(file) => format!("`{}`", shown(file)),
                None => "none".into(),
            };
            return Err(Error::from(AuditError::OtherTrail { recorded, given }));
        }
    }
    Ok(())
}
