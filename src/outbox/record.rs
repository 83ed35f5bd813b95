//! What a run records about itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
    /// Into which audit trail the run's lines go.
    #[serde(default)]
    pub trail: TrailRecord,
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
