//! What is there: the same survey as a preview, of everyone.

use crate::audit;
use crate::database;
use crate::error::{DatabaseError, Error, Result};
use crate::report::{Line, Recovery, Report};
use crate::run::{App, Job};
use crate::survey::TableCount;
use crate::target::FilesChoice;

/// What an application holds.
#[derive(Clone, Debug)]
pub struct Status {
    /// Its name.
    pub application: String,
    /// Its database.
    pub database: String,
    /// Which source named the database.
    pub database_source: &'static str,
    /// The size of the database file.
    pub database_bytes: u64,
    /// Which manifest serves.
    pub manifest: String,
    /// Its Redis, or why there is none.
    pub redis: String,
    /// How many accounts there are.
    pub accounts: u64,
    /// What belongs to users, by summary line.
    pub summary: Vec<Line>,
    /// Rows of users' tables that nobody owns.
    pub unowned: Vec<TableCount>,
    /// The audit trail, if one is kept.
    pub audit: Option<audit::Seen>,
    /// What an interrupted run left to do.
    pub unfinished: Option<Recovery>,
    /// What was not checked.
    pub warnings: Vec<String>,
}

impl App {
    /// Looks at everything and changes nothing, as [`App::preview`] does.
    pub fn status(&self) -> Result<Status> {
        let report = match self.looked(&Job::default(), &|_| Ok(())) {
            Err(error @ Error::WrongRoot { .. }) => self.without_files(&error)?,
            other => other?,
        };
        let target = self.target();
        let metadata = std::fs::metadata(&target.database).map_err(|error| {
            Error::from(DatabaseError::Unreadable {
                path: target.database.clone(),
                error,
            })
        })?;
        Ok(Status {
            application: target.manifest.application.name.clone(),
            database: crate::roots::shown(&target.database),
            database_source: target.database_source,
            database_bytes: metadata.len() + wal_bytes(&target.database),
            manifest: target.manifest.source.to_string(),
            redis: match &target.redis {
                Ok(server) => server.to_string(),
                Err(reason) => reason.to_string(),
            },
            accounts: report.users_processed,
            summary: report.summary,
            unowned: report.unowned,
            audit: audit::look(target)?,
            unfinished: report.recovery,
            warnings: report.warnings,
        })
    }

    /// Where the files are not what the rows say, everything else can still be looked at.
    fn without_files(&self, error: &Error) -> Result<Report> {
        let mut target = self.target().clone();
        target.files = FilesChoice::Leave;
        let mut report = Self::new(target).looked(&Job::default(), &|_| Ok(()))?;
        report
            .warnings
            .push(format!("files were not checked: {error}"));
        Ok(report)
    }
}

fn wal_bytes(database: &std::path::Path) -> u64 {
    std::fs::metadata(database::neighbour(database, "-wal")).map_or(0, |wal| wal.len())
}
