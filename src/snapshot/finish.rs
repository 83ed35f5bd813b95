//! Finishing a restore that was interrupted: from the record of it that is in the database, or beside
//! it where no row had changed.

use rusqlite::Connection;

use super::error::SnapshotError;
use super::restore::Plan;
use super::{Archive, Keys, Restored, intent, restore, rows};
use crate::error::Result;
use crate::outbox::{self, Erased, RunRecord};
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

/// Finishes an interrupted restore, if there is one. The caller holds the run lock.
pub(crate) fn finish(target: &Target, connection: &Connection) -> Result<Option<Restored>> {
    let runs = if outbox::exists(connection)? {
        outbox::runs(connection)?
    } else {
        Vec::new()
    };
    if let Some(record) = runs.iter().find(|run| run.snapshot.is_some()) {
        return finish_run(target, record, &|| restore::forget_run(connection)).map(Some);
    }
    match intent::of(target)? {
        Some(record) => finish_run(target, &record, &|| intent::forget(target)).map(Some),
        None => Ok(None),
    }
}

/// `end` takes the record away when all is done.
fn finish_run(
    target: &Target,
    record: &RunRecord,
    end: &dyn Fn() -> Result<()>,
) -> Result<Restored> {
    let Some(snapshot) = &record.snapshot else {
        return Err(crate::error::Error::OutboxRow);
    };
    let lost = |why: String| SnapshotError::Lost {
        name: snapshot.name.clone(),
        why,
    };
    let base = target.root.display().to_string();
    if snapshot.database != target.database {
        return Err(SnapshotError::OtherDatabase {
            name: snapshot.name.clone(),
            theirs: snapshot.database.clone(),
            ours: target.database.clone(),
        }
        .into());
    }
    if record.base != base {
        return Err(crate::error::Error::OtherRoot {
            recorded: record.base.clone(),
            root: target.root.clone(),
        });
    }
    let plan = Plan::make(target, &snapshot.name, &snapshot.path);
    let mut plan = plan.map_err(|error| lost(error.to_string()))?;
    if snapshot.with_keys {
        let keys = plan.include(Keys::Included);
        keys.map_err(|error| lost(error.to_string()))?;
    }
    // The new rows, which the killed run had at hand; only where no database can say they are.
    Archive::of(target, None)?.remove_unfinished()?;
    let runs = std::slice::from_ref(&record.run);
    let mut trail = crate::audit::Trail::open(target, runs)?;
    // There is a record of it, so the rows are back (invariant 2).
    plan.put_back_files(record, &Erased(()), &mut trail, end)
}
