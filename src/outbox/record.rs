//! What a run records about itself.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What a run records about itself, for whoever finishes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The run's name: in the quarantine's, the audit trail's and the report's.
    pub run: String,
    /// The command.
    pub operation: String,
    /// The application's root, for which the recorded paths hold.
    pub base: String,
    /// Whose Redis keys go.
    pub keys: KeysRecord,
    /// The snapshot that it restores: its files are still to be put back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotRecord>,
}

/// The snapshot that a run restores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRecord {
    /// Its name.
    pub name: String,
    /// Its directory.
    pub path: PathBuf,
    /// The database that it was restored to.
    pub database: PathBuf,
    /// How long the audit trail was when it was saved.
    pub position: Option<u64>,
}

/// A name that no other run has.
pub(crate) fn run_name() -> Result<String> {
    let mut random = [0; 4];
    getrandom::fill(&mut random).map_err(|error| Error::Random(error.to_string()))?;
    let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    Ok(format!("{time}-{:08x}", u32::from_be_bytes(random)))
}

/// Whose Redis keys a run clears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeysRecord {
    /// Nobody's.
    None,
    /// Those of the users erased.
    Users,
    /// Every key that belongs to a user.
    Everyone,
}
