//! The record of a restore that writes files alone. The rows are as they were saved, so the database
//! is not written, not even to record the restore in it: the record is a file of its own, there before
//! the first change and gone after the last.

use std::io;

use super::error::SnapshotError;
use crate::error::{Error, Result};
use crate::outbox::RunRecord;
use crate::target::{Target, notes};

const FILE: &str = "unfinished-restore";

/// The restore that an interrupted run left, if one did.
///
/// Fails where what is there cannot be read, or is no such record.
pub(crate) fn of(target: &Target) -> Result<Option<RunRecord>> {
    let found = notes::read(&target.root, FILE).map_err(|error| failed(target, "read", error))?;
    let Some(text) = found else {
        return Ok(None);
    };
    let record = serde_json::from_slice(&text).map_err(io::Error::from);
    record
        .map(Some)
        .map_err(|error| failed(target, "make sense of", error))
}

/// Records a restore, durably.
pub(super) fn record(target: &Target, record: &RunRecord) -> Result<()> {
    let text = serde_json::to_vec(record).map_err(|_| Error::Bug("a run record is not JSON"))?;
    notes::write(&target.root, FILE, &text).map_err(|error| failed(target, "write", error))
}

/// Removes the record, durably.
pub(super) fn forget(target: &Target) -> Result<()> {
    notes::remove(&target.root, FILE).map_err(|error| failed(target, "remove", error))
}

fn failed(target: &Target, doing: &'static str, error: io::Error) -> Error {
    SnapshotError::Access {
        doing,
        path: notes::path(&target.root, FILE),
        error,
    }
    .into()
}
