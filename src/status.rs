//! What is there: the same survey as a preview, of everyone, and all else that a person wants to know
//! before a deletion. Changes nothing (invariant 6); what was not looked at is not counted
//! (invariant 7).

mod environment;
mod redis;

use crate::audit;
use crate::database;
use crate::error::{DatabaseError, Error, Result};
use crate::report::{Line, Recovery};
use crate::roots::Roots;
use crate::run::App;
use crate::snapshot::{self, Archive, Snapshot};
pub use crate::survey::Held;
use crate::survey::{self, Kept, TableCount};
use crate::target::{FilesChoice, Target};
pub use environment::EnvironmentStatus;
pub use redis::RedisStatus;

/// What an application holds.
#[derive(Clone, Debug)]
pub struct Status {
    /// Its name; empty where the manifest gives none.
    pub application: String,
    /// Its directory.
    pub root: String,
    /// Its database.
    pub database: String,
    /// Which source named the database.
    pub database_source: &'static str,
    /// The size of the database file, and of its write-ahead log.
    pub database_bytes: u64,
    /// Which journal it keeps: `wal` or `rollback`.
    pub journal: &'static str,
    /// Which manifest serves.
    pub manifest: String,
    /// Its Redis, or why there is none.
    pub redis: RedisStatus,
    /// How many accounts there are.
    pub accounts: u64,
    /// What belongs to users, by summary line.
    pub summary: Vec<Line>,
    /// Rows of users' tables that nobody owns.
    pub unowned: Vec<TableCount>,
    /// What lies in the roots; none where files are left alone.
    pub storage: Option<Vec<Held>>,
    /// What lies in the directories that a complete reset empties beside the roots, such as logs; none
    /// where files are left alone.
    pub logs: Option<Vec<Held>>,
    /// Which variables `.env` sets; none where that could not be found out.
    pub environment: Option<EnvironmentStatus>,
    /// The snapshots; none where they could not be listed.
    pub snapshots: Option<Vec<Saved>>,
    /// Snapshots that cannot be read, and why.
    pub broken_snapshots: Vec<Kept>,
    /// The audit trail.
    pub audit: AuditStatus,
    /// What an interrupted run left to do.
    pub unfinished: Option<Recovery>,
    /// What was not checked.
    pub warnings: Vec<String>,
}

/// What is known of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditStatus {
    /// None is kept.
    None,
    /// This is what it holds.
    Kept(audit::Seen),
    /// It cannot be read, for this reason.
    Unreadable(String),
}

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Its name.
    pub name: String,
    /// When it was taken.
    pub time: String,
    /// How many seconds ago.
    pub age: i64,
    /// The bytes of what it holds.
    pub bytes: u64,
}

impl App {
    /// Looks at everything and changes nothing, as [`App::preview`] does.
    ///
    /// Fails where the database cannot be looked at; what else cannot is in the warnings.
    pub fn status(&self) -> Result<Status> {
        let inventory = self.inventory()?;
        let (report, target) = (inventory.report, self.target());
        let answered = report.counts.keys.is_some();
        let mut warnings = report.warnings;
        let mut broken = Vec::new();
        let mut tell = |what: &str, error: Error| warnings.push(format!("{what}: {error}"));
        Ok(Status {
            application: target.manifest.application.name.clone(),
            root: crate::roots::shown(&target.root),
            database: crate::roots::shown(&target.database),
            database_source: target.database_source,
            database_bytes: bytes(target)?,
            journal: inventory.journal,
            manifest: target.manifest.source.to_string(),
            redis: redis::look(target, answered),
            accounts: report.users_processed,
            summary: report.summary,
            unowned: report.unowned,
            storage: inventory.storage,
            logs: match target.files {
                FilesChoice::Leave => None,
                FilesChoice::Remove => {
                    known("the logs were not looked at", logs(target), &mut tell)
                }
            },
            environment: known(
                "the variables of `.env` were not looked at",
                environment::look(target),
                &mut tell,
            ),
            snapshots: known(
                "the snapshots were not listed",
                snapshots(target, &mut broken),
                &mut tell,
            ),
            broken_snapshots: broken,
            audit: match audit::look(target) {
                Ok(Some(seen)) => AuditStatus::Kept(seen),
                Ok(None) => AuditStatus::None,
                Err(error) => AuditStatus::Unreadable(error.to_string()),
            },
            unfinished: report.recovery,
            warnings,
        })
    }
}

/// What is known; what is not, is told.
fn known<T>(what: &str, found: Result<T>, tell: &mut dyn FnMut(&str, Error)) -> Option<T> {
    found.map_err(|error| tell(what, error)).ok()
}

fn bytes(target: &Target) -> Result<u64> {
    let metadata = std::fs::metadata(&target.database).map_err(|error| {
        Error::from(DatabaseError::Unreadable {
            path: target.database.clone(),
            error,
        })
    })?;
    let wal = std::fs::metadata(database::neighbour(&target.database, "-wal"));
    Ok(metadata.len() + wal.map_or(0, |wal| wal.len()))
}

fn logs(target: &Target) -> Result<Vec<Held>> {
    let directories = &target.manifest.reset.empty;
    let roots = Roots::open(&target.root, directories, &target.protected())?;
    Ok(survey::held(&roots, directories))
}

fn snapshots(target: &Target, unreadable: &mut Vec<Kept>) -> Result<Vec<Saved>> {
    let now = snapshot::now();
    let (there, broken) = Snapshot::list(&Archive::of(target, None)?)?;
    unreadable.extend(broken);
    let saved = |Snapshot { about, .. }: Snapshot| Saved {
        age: now - about.seconds,
        bytes: about.database.bytes + about.files.bytes,
        name: about.name,
        time: about.time,
    };
    Ok(there.into_iter().map(saved).collect())
}
