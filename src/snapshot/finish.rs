//! Finishing a restore that was interrupted: from the record of it that is in the database, or beside
//! it where no row had changed.

use rusqlite::Connection;

use super::error::SnapshotError;
use super::plan::Plan;
use super::{Archive, Keys, Restored, intent, restore, rows};
use crate::audit::Trail;
use crate::error::{Error, Result};
use crate::outbox::{self, Erased, RunRecord, SnapshotRecord};
use crate::storage::Workshop;
use crate::target::Target;

/// Fails where a restore was interrupted: nothing else is to be done before it is finished.
pub(crate) fn require_no_unfinished_restore(
    target: &Target,
    connection: &Connection,
) -> Result<()> {
    match rows::unfinished_restore(target, connection)? {
        Some(name) => Err(SnapshotError::UnfinishedRestore { name }.into()),
        None => Ok(()),
    }
}

/// An interrupted restore.
struct Unfinished {
    run: RunRecord,
    snapshot: SnapshotRecord,
    place: Place,
}

/// Where its record is.
enum Place {
    Database,
    Beside,
}

impl Unfinished {
    fn find(target: &Target, connection: &Connection) -> Result<Option<Self>> {
        let recorded = if outbox::exists(connection)? {
            outbox::runs(connection)?
        } else {
            Vec::new()
        };
        let recorded = recorded.into_iter().map(|run| (run, Place::Database));
        let beside = intent::of(target)?.map(|run| (run, Place::Beside));
        let found = recorded.chain(beside).find_map(|(run, place)| {
            let snapshot = run.snapshot.clone()?;
            Some(Self {
                run,
                snapshot,
                place,
            })
        });
        found.map(|found| found.of_this(target)).transpose()
    }

    /// Fails where it is one of another database, or of another directory.
    fn of_this(self, target: &Target) -> Result<Self> {
        if self.snapshot.database != target.database {
            return Err(SnapshotError::OtherDatabase {
                name: self.snapshot.name,
                theirs: self.snapshot.database,
                ours: target.database.clone(),
            }
            .into());
        }
        if self.run.base != target.root.display().to_string() {
            return Err(Error::OtherRoot {
                recorded: self.run.base,
                root: target.root.clone(),
            });
        }
        Ok(self)
    }

    /// What is left of it to do, as far as the snapshot still tells.
    fn plan<'a>(&'a self, target: &'a Target) -> Result<Plan<'a>> {
        let SnapshotRecord { name, path, .. } = &self.snapshot;
        let mut plan = Plan::make(target, name, path)?;
        if self.snapshot.with_keys {
            plan.include(Keys::Included)?;
        }
        Ok(plan)
    }

    /// Takes the record away.
    fn forget(&self, target: &Target, connection: &Connection) -> Result<()> {
        match self.place {
            Place::Database => restore::forget_run(connection),
            Place::Beside => intent::forget(target),
        }
    }

    fn trail(&self, target: &Target) -> Result<Trail> {
        Trail::open(target, std::slice::from_ref(&self.run.run))
    }
}

/// Finishes an interrupted restore, if there is one. The caller holds the run lock.
pub(crate) fn finish(target: &Target, connection: &Connection) -> Result<Option<Restored>> {
    let Some(found) = Unfinished::find(target, connection)? else {
        return Ok(None);
    };
    let snapshot = &found.snapshot;
    let lost = |error: Error| SnapshotError::Lost {
        name: snapshot.name.clone(),
        why: error.to_string(),
    };
    let mut plan = found.plan(target).map_err(lost)?;
    // The new rows, which the killed run had at hand; only where no database can say they are.
    Archive::of(target, None)?.remove_unfinished()?;
    let end = || found.forget(target, connection);
    // There is a record of it, so the rows are back (invariant 2).
    let restored = plan.put_back_files(&found.run, &Erased(()), &mut found.trail(target)?, &end)?;
    Ok(Some(restored))
}

/// Which interrupted restores may be given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GivingUp {
    /// Those whose snapshot is lost or damaged.
    #[default]
    Lost,
    /// Those that could be finished, too.
    Any,
}

/// The snapshot of an interrupted restore that may be given up, if there is one. Changes nothing.
///
/// Fails where it could be finished, unless that is given up too.
pub(crate) fn may_be_given_up(
    target: &Target,
    connection: &Connection,
    which: GivingUp,
) -> Result<Option<String>> {
    let Some(found) = Unfinished::find(target, connection)? else {
        return Ok(None);
    };
    let name = found.snapshot.name.clone();
    let is_whole = || found.plan(target)?.require_whole();
    if which == GivingUp::Lost && is_whole().is_ok() {
        return Err(SnapshotError::NotLost { name }.into());
    }
    Ok(Some(name))
}

/// Gives an interrupted restore up, if there is one: its rows are back, and its files and keys stay as
/// they are. The name of its snapshot. The caller holds the run lock.
///
/// Fails as [`may_be_given_up`] does.
pub(crate) fn give_up(
    target: &Target,
    connection: &Connection,
    which: GivingUp,
) -> Result<Option<String>> {
    may_be_given_up(target, connection, which)?;
    let Some(found) = Unfinished::find(target, connection)? else {
        return Ok(None);
    };
    let SnapshotRecord { name, position, .. } = &found.snapshot;
    // `replay` has to know of rows that are back.
    let mut trail = found.trail(target)?;
    trail.restored(&found.run.run, name, position.as_ref())?;
    let roots = target.roots()?;
    for (_, root, top) in roots.present() {
        let left = Workshop::left(top, &found.run.run, &Erased(()));
        let closed = left.and_then(|left| left.map_or(Ok(()), Workshop::close));
        if let Err(error) = closed {
            // Whoever looks at the roots next tells of it.
            log::debug!(
                "`{}`: what was made for it is left: {error}",
                root.display()
            );
        }
    }
    found.forget(target, connection)?;
    Ok(Some(name.clone()))
}
