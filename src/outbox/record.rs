//! What a run records about itself.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::Position;
use crate::error::{Error, Result};
use crate::roots::shown;
use crate::target::Target;

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
    /// What a complete reset has done and has to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset: Option<ResetRecord>,
    /// The snapshot that it restores: its files are still to be put back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotRecord>,
    /// Into which audit trail the run's lines go.
    #[serde(default)]
    pub trail: TrailRecord,
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
    /// Where the audit trail ended when it was saved, if there was one.
    pub position: Option<Position>,
    /// Whether its Redis keys are put back, too.
    #[serde(default)]
    pub with_keys: bool,
}

/// A name that no other run has.
pub(crate) fn run_name() -> Result<String> {
    let mut random = [0; 4];
    getrandom::fill(&mut random).map_err(|error| Error::Random(error.to_string()))?;
    let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    Ok(format!("{time}-{:08x}", u32::from_be_bytes(random)))
}

/// An audit trail, as a run records it: to be compared, never to be opened, for the database may
/// say anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrailRecord {
    /// A version wrote this that knew one trail only.
    #[default]
    Unknown,
    /// None is kept.
    None,
    /// This file.
    File(String),
}

impl TrailRecord {
    /// The trail of an application.
    pub(crate) fn of(target: &Target) -> Self {
        match &target.audit {
            Some(file) => Self::File(shown(file)),
            None => Self::None,
        }
    }
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
    /// Every key of the application.
    Application,
}

/// What a complete reset records beside that: its audit line is made from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetRecord {
    /// Accounts that are gone.
    pub users: u64,
    /// Rows that are gone, by table.
    pub rows: BTreeMap<String, u64>,
    /// Files and directories that were to go.
    pub paths: u64,
    /// The file that holds the environment was to go.
    pub environment: bool,
}
