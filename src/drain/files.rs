//! Files and directories of the outbox, in batches.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;

use rusqlite::params;

use super::{Drain, Drained};
use crate::database::data_version;
use crate::error::{Error, Result};
use crate::outbox::{self, FileRecord, Kind, shown_path};
use crate::roots::{Place, Refusal};
use crate::storage::{DirectoryRemoval, PurgeReport, Quarantine, Released, Taken};
use crate::survey::{NAMED_BY_ANOTHER, NamingRows, STILL_HOLDS, mark_shared, number};
use crate::watch::Watch;

/// How many files are taken under one hold of the write lock.
const BATCH: usize = 512;

/// One outbox row on its way through a batch.
pub(super) struct Taking {
    pub(super) record: FileRecord,
    /// It was taken, and counts once the purge has settled it.
    pub(super) counts: bool,
}

impl Drain<'_> {
    /// Removes every recorded file that no row names.
    pub(crate) fn files(&self, drained: &mut Drained, watch: &mut dyn Watch) -> Result<()> {
        let (_, mut pending) = outbox::pending(self.connection)?;
        watch.files(pending);
        let mut named = None;
        let mut after = 0;
        loop {
            let batch = outbox::paths(self.connection, Kind::File, after, BATCH)?;
            let Some(last) = batch.last() else {
                return Ok(());
            };
            after = last.id;
            let size = batch.len() as u64;
            for run in runs(batch) {
                self.batch(run, &mut named, drained)?;
            }
            pending = pending.saturating_sub(size);
            watch.files(pending);
        }
    }

    /// One batch of one run: under the lock drop what a row names and take the rest, then purge,
    /// then take the settled rows out.
    fn batch(
        &self,
        records: Vec<FileRecord>,
        named: &mut Option<i64>,
        drained: &mut Drained,
    ) -> Result<()> {
        let Some(run) = records.first().map(|record| record.run.clone()) else {
            return Ok(());
        };
        let quarantine = Quarantine::open(self.roots, &run, self.erased);
        let mut quarantine = quarantine.map_err(|_| Error::OutboxRow)?;
        let (mut taking, mut done) = (Vec::new(), Vec::new());
        self.in_transaction(|| {
            self.refresh_names(named)?;
            for record in records {
                match self.take(&mut quarantine, &record, drained)? {
                    Fate::Dropped => done.push(record.id),
                    Fate::Stays => {}
                    Fate::Taken { counts } => taking.push(Taking { record, counts }),
                }
            }
            Ok(())
        })?;
        let report = quarantine.purge();
        done.extend(settle(&taking, &report, drained));
        self.take_out(done)
    }

    fn take(
        &self,
        quarantine: &mut Quarantine,
        record: &FileRecord,
        drained: &mut Drained,
    ) -> Result<Fate> {
        let place = match self.standing(record, drained) {
            Ok(place) => place,
            Err(fate) => return Ok(fate),
        };
        if self.is_named(&place)? {
            return Ok(release(quarantine, record, place, drained));
        }
        Ok(take_listed(quarantine, record, &place, drained))
    }

    /// The same, of a file that no row is asked about.
    pub(super) fn take_unnamed(
        &self,
        quarantine: &mut Quarantine,
        record: &FileRecord,
        drained: &mut Drained,
    ) -> Fate {
        match self.standing(record, drained) {
            Ok(place) => take_listed(quarantine, record, &place, drained),
            Err(fate) => fate,
        }
    }

    fn place(&self, record: &FileRecord) -> std::result::Result<Place, Refusal> {
        let (root, path) = &record.path;
        let root = std::path::Path::new(std::ffi::OsStr::from_bytes(root));
        self.roots.restore(root, path)
    }

    /// The place of a record, through the gate. A record whose root is not there now (unmounted,
    /// renamed, no longer in the manifest) stays: its file may be there again.
    fn standing(
        &self,
        record: &FileRecord,
        drained: &mut Drained,
    ) -> std::result::Result<Place, Fate> {
        let root_is_missing = |place: &Place| {
            let name = place.root_name();
            self.roots.missing().any(|missing| missing == name)
        };
        match self.place(record) {
            Ok(place) if root_is_missing(&place) => {
                drained.leave(place.to_string(), &"its root does not exist");
                Err(Fate::Stays)
            }
            Ok(place) => Ok(place),
            Err(refusal @ Refusal::UnknownRoot(_)) => {
                drained.leave(shown_path(record), &refusal);
                Err(Fate::Stays)
            }
            Err(refusal) => {
                drained.refuse(shown_path(record), &refusal);
                Err(Fate::Dropped)
            }
        }
    }

    /// Marks which recorded files rows name: once, and again whenever another connection has
    /// committed since. Inside a transaction that holds the write lock.
    fn refresh_names(&self, named: &mut Option<i64>) -> Result<()> {
        let version = data_version(self.connection)?;
        if *named == Some(version) {
            return Ok(());
        }
        if named.is_none() {
            self.list_pending()?;
        } else {
            self.run("UPDATE temp.pending SET shared = 0")?;
        }
        mark_shared(
            self.connection,
            self.sources,
            self.roots,
            "temp.pending",
            NamingRows::All,
        )?;
        *named = Some(version);
        Ok(())
    }

    fn list_pending(&self) -> Result<()> {
        self.run("DROP TABLE IF EXISTS temp.pending")?;
        self.run(
            "CREATE TEMP TABLE pending(root INTEGER, path BLOB, shared INTEGER NOT NULL DEFAULT 0, \
             PRIMARY KEY (root, path)) WITHOUT ROWID",
        )?;
        let sql = "INSERT OR IGNORE INTO temp.pending(root, path) VALUES (?1, ?2)";
        let mut insert = self.connection.prepare(sql).map_err(Error::surveying)?;
        let mut after = 0;
        loop {
            let batch = outbox::paths(self.connection, Kind::File, after, BATCH)?;
            let Some(last) = batch.last() else {
                return Ok(());
            };
            after = last.id;
            for place in batch.iter().filter_map(|record| self.place(record).ok()) {
                let values = params![
                    number(place.root_index()),
                    place.relative().as_os_str().as_bytes()
                ];
                insert.execute(values).map_err(Error::surveying)?;
            }
        }
    }

    fn is_named(&self, place: &Place) -> Result<bool> {
        let sql =
            "SELECT EXISTS (SELECT 1 FROM temp.pending WHERE root = ?1 AND path = ?2 AND shared)";
        let mut statement = self
            .connection
            .prepare_cached(sql)
            .map_err(Error::surveying)?;
        let values = params![
            number(place.root_index()),
            place.relative().as_os_str().as_bytes()
        ];
        statement
            .query_row(values, |row| row.get(0))
            .map_err(Error::surveying)
    }

    fn run(&self, sql: &str) -> Result<()> {
        self.connection.execute_batch(sql).map_err(Error::surveying)
    }

    /// Removes every recorded directory that is empty; one that is not stays, and is no longer
    /// recorded.
    pub(crate) fn directories(&self, drained: &mut Drained) -> Result<()> {
        let mut after = 0;
        loop {
            let batch = outbox::paths(self.connection, Kind::Directory, after, BATCH)?;
            let Some(last) = batch.last() else {
                return Ok(());
            };
            after = last.id;
            for run in runs(batch) {
                self.directory_batch(run, drained)?;
            }
        }
    }

    fn directory_batch(&self, records: Vec<FileRecord>, drained: &mut Drained) -> Result<()> {
        let Some(run) = records.first().map(|record| record.run.clone()) else {
            return Ok(());
        };
        let quarantine = Quarantine::open(self.roots, &run, self.erased);
        let mut quarantine = quarantine.map_err(|_| Error::OutboxRow)?;
        let (mut taking, mut done) = (Vec::new(), Vec::new());
        for record in records {
            match self.remove_directory(&mut quarantine, &record, drained) {
                Fate::Dropped => done.push(record.id),
                Fate::Stays => {}
                Fate::Taken { counts } => taking.push(Taking { record, counts }),
            }
        }
        let report = quarantine.purge();
        done.extend(settle(&taking, &report, drained));
        self.take_out(done)
    }

    fn remove_directory(
        &self,
        quarantine: &mut Quarantine,
        record: &FileRecord,
        drained: &mut Drained,
    ) -> Fate {
        let place = match self.standing(record, drained) {
            Ok(place) => place,
            Err(fate) => return fate,
        };
        match quarantine.remove_directory(record.id, &place, &record.identity) {
            DirectoryRemoval::Removed => Fate::Taken {
                counts: !record.line.is_empty(),
            },
            DirectoryRemoval::Missing => Fate::Taken { counts: false },
            DirectoryRemoval::NotEmpty => {
                if !record.line.is_empty() {
                    drained.shared.insert(place, STILL_HOLDS.into());
                }
                Fate::Taken { counts: false }
            }
            DirectoryRemoval::Replaced => {
                drained.refuse(
                    place.to_string(),
                    &"another directory stands there than was listed",
                );
                Fate::Taken { counts: false }
            }
            DirectoryRemoval::Refused(refusal) => {
                drained.refuse(place.to_string(), &refusal);
                Fate::Dropped
            }
            DirectoryRemoval::Failed(error) => {
                drained.leave(place.to_string(), &error);
                Fate::Stays
            }
        }
    }
}

/// What becomes of an outbox row.
pub(super) enum Fate {
    /// It is not to be done: it goes without ado.
    Dropped,
    /// It stays for the next run.
    Stays,
    /// The purge settles it.
    Taken { counts: bool },
}

fn take_listed(
    quarantine: &mut Quarantine,
    record: &FileRecord,
    place: &Place,
    drained: &mut Drained,
) -> Fate {
    match quarantine.take(record.id, place, &record.identity) {
        Taken::Quarantined | Taken::Removed => {
            drained.shared.remove(place);
            Fate::Taken { counts: true }
        }
        Taken::Missing => Fate::Taken { counts: false },
        Taken::Replaced => {
            drained.refuse(
                place.to_string(),
                &"another file stands there than was listed",
            );
            Fate::Taken { counts: false }
        }
        Taken::Stranded { held } => {
            let reason = format!(
                "another file than was listed is held in `{}`",
                crate::roots::shown(&held)
            );
            drained.leave(place.to_string(), &reason);
            Fate::Stays
        }
        Taken::Refused(refusal) => {
            drained.refuse(place.to_string(), &refusal);
            Fate::Dropped
        }
        Taken::Failed(error) => {
            drained.leave(place.to_string(), &error);
            Fate::Stays
        }
    }
}

fn release(
    quarantine: &mut Quarantine,
    record: &FileRecord,
    place: Place,
    drained: &mut Drained,
) -> Fate {
    match quarantine.release(record.id, &place) {
        Released::NotHeld | Released::Returned => {
            drained.shared.insert(place, NAMED_BY_ANOTHER.into());
            Fate::Taken { counts: false }
        }
        Released::Stranded { held } => {
            let reason = format!(
                "a row that stays names it, but it is held in `{}`",
                crate::roots::shown(&held)
            );
            drained.leave(place.to_string(), &reason);
            Fate::Stays
        }
        Released::Failed(error) => {
            drained.leave(place.to_string(), &error);
            Fate::Stays
        }
    }
}

/// Consecutive records of one run each.
fn runs(batch: Vec<FileRecord>) -> Vec<Vec<FileRecord>> {
    let mut runs: Vec<Vec<FileRecord>> = Vec::new();
    for record in batch {
        match runs.last_mut() {
            Some(run) if run.last().is_some_and(|last| last.run == record.run) => run.push(record),
            _ => runs.push(vec![record]),
        }
    }
    runs
}

/// Counts what is settled, reports what is not, and returns the outbox rows that may go.
pub(super) fn settle(taking: &[Taking], report: &PurgeReport, drained: &mut Drained) -> Vec<i64> {
    let settled: BTreeSet<i64> = report.settled.iter().copied().collect();
    let mut done = Vec::new();
    for Taking { record, counts } in taking {
        if settled.contains(&record.id) {
            done.push(record.id);
            if *counts {
                log::debug!("removed `{}`", shown_path(record));
                drained.count(record);
            }
        }
    }
    for failure in &report.failed {
        let record = taking.iter().find(|taking| taking.record.id == failure.id);
        let path = record.map_or_else(String::new, |taking| shown_path(&taking.record));
        drained.leave(path, &failure.error);
    }
    for remaining in &report.remaining {
        drained.leave(crate::roots::shown(&remaining.path), &remaining.error);
    }
    done
}
