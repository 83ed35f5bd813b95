//! Restoring: rows and intent in one commit, then the files, then the line of the audit trail.

use std::fs;

use rusqlite::Connection;

use super::apply::Applying;
use super::coverage::Coverage;
use super::difference::FileDifference;
use super::image::Image;
use super::index::What;
use super::meta::DATABASE;
use super::pages::Pages;
use super::place::Archive;
use super::plan::Plan;
use super::tree::Barred;
use super::{Restored, Rows, intent, keys, place, rows, settings, stamps};
use crate::audit::{RESTORE, Trail};
use crate::database;
use crate::error::Result;
use crate::keyspace::KeyDifference;
use crate::outbox::{self, Erased, KeysRecord, RunRecord, SnapshotRecord, TrailRecord};
use crate::survey::Kept;

/// So many closed directories are opened at most that lie each in the one before.
const DEEPEST: usize = 100;

impl Plan<'_> {
    /// The report where nothing had to be done.
    pub(super) fn nothing_done(&self, run: String) -> Restored {
        Restored {
            database: Rows::AsSaved,
            files: FileDifference::default(),
            keys: None,
            left: Vec::new(),
            warnings: self.lost(),
            about: self.about.clone(),
            run,
        }
    }

    /// Puts everything back that is not as it was saved. The caller holds the run lock and has consent;
    /// `live` is in no transaction, and no work of an interrupted run is left in it.
    pub(super) fn restore(
        mut self,
        mut live: Connection,
        archive: &Archive,
        run: String,
    ) -> Result<Restored> {
        self.require_blobs()?;
        let record = self.record(run);
        let image = Image::open(self.path, &self.about)?;
        if image.fits(&live)? {
            return self.restore_pages(live, &image, record);
        }
        Pages::open(self.path, &self.about)?.require_all()?;
        self.require_form(&live)?;
        let mut trail = Trail::open(self.target, std::slice::from_ref(&record.run))?;
        archive.remove_unfinished()?;
        let proof = rows::put_back(&mut live, &self.path.join(DATABASE), archive, &record)?;
        let end = || forget_run(&live);
        let restored = self.put_back_files(&record, &proof, &mut trail, &end)?;
        Ok(self.close(live, restored))
    }

    /// As [`restore`](Self::restore), where the rows are as they were saved: the database is not opened.
    pub(super) fn restore_files(mut self, run: String) -> Result<Restored> {
        self.require_blobs()?;
        let record = self.record(run);
        let mut trail = Trail::open(self.target, std::slice::from_ref(&record.run))?;
        intent::record(self.target, &record)?;
        let end = || intent::forget(self.target);
        // No row has changed, so no commit has to come first (invariant 2).
        let mut restored = self.put_back_files(&record, &Erased(()), &mut trail, &end)?;
        restored.database = Rows::AsSaved;
        self.remember_stamps(self.rows);
        Ok(restored)
    }

    /// As [`restore`](Self::restore), page by page: what is alike is not written.
    fn restore_pages(
        mut self,
        live: Connection,
        image: &Image,
        record: RunRecord,
    ) -> Result<Restored> {
        image.add(&record)?;
        let begun = Image::within(&live, || {
            let found = image.compare(&live)?;
            if !found.rows && self.changes.is_none() {
                return Ok(None);
            }
            let trail = Trail::open(self.target, std::slice::from_ref(&record.run))?;
            let version = database::data_version(&live)?;
            image.put_back(&live, &found)?;
            Ok(Some((found, trail, version)))
        })?;
        let Some((found, mut trail, version)) = begun else {
            let mut nothing = self.nothing_done(record.run);
            // No row and no file has changed, so no commit has to come first (invariant 2).
            nothing
                .left
                .extend(self.put_back_keys(&Erased(()), &mut nothing.keys));
            return Ok(self.close(live, nothing));
        };
        let end = || {
            let exact = Image::within(&live, || {
                let same = database::data_version(&live)? == version;
                if same {
                    image.take_back(&live, &found)?;
                }
                Ok(same)
            });
            match exact {
                Ok(true) => Ok(()),
                Ok(false) => forget_run(&live),
                // All is back, whatever became of the snapshot meanwhile.
                Err(error) => {
                    log::debug!("the record of the restore is deleted as any row is: {error}");
                    forget_run(&live)
                }
            }
        };
        let mut restored = self.put_back_files(&record, &Erased(()), &mut trail, &end)?;
        if !found.rows {
            restored.database = Rows::AsSaved;
        }
        Ok(restored)
    }

    /// Closes the database, which may write its `-wal` back, and remembers what all is like then.
    fn close(&mut self, live: Connection, done: Restored) -> Restored {
        drop(live);
        let rows = database::Stamp::of(&self.target.database).unwrap_or_default();
        self.remember_stamps(rows.filter(|_| done.left.is_empty()));
        done
    }

    fn record(&self, run: String) -> RunRecord {
        RunRecord {
            run,
            operation: RESTORE.into(),
            base: self.target.root.display().to_string(),
            keys: KeysRecord::None,
            trail: TrailRecord::of(self.target),
            snapshot: Some(SnapshotRecord {
                name: self.about.name.clone(),
                path: self.path.into(),
                database: self.target.database.clone(),
                position: self.about.trail_position.clone(),
                with_keys: self.keys.is_some(),
            }),
            reset: None,
        }
    }

    /// What follows the commit, in a run and in one that finishes it. `end` takes the record of the run
    /// away.
    pub(super) fn put_back_files(
        &mut self,
        record: &RunRecord,
        proof: &Erased,
        trail: &mut Trail,
        end: &dyn Fn() -> Result<()>,
    ) -> Result<Restored> {
        let files = FileDifference::of(&self.changes);
        self.make_roots()?;
        self.open_closed_directories()?;
        let mut applying =
            Applying::new(&self.coverage, &self.entries, self.path, &record.run, proof);
        applying.apply(&self.changes);
        let (mut left, mut warnings) = (applying.left, applying.warnings);
        left.extend(self.barred());
        left.sort_by(|one, other| one.path.cmp(&other.path));
        left.dedup_by(|one, other| one.path == other.path);
        warnings.extend(self.lost());
        let mut keys = None;
        left.extend(self.put_back_keys(proof, &mut keys));
        let restored = Restored {
            keys,
            about: self.about.clone(),
            run: record.run.clone(),
            database: Rows::PutBack,
            files,
            left,
            warnings: warnings.into_iter().collect(),
        };
        if restored.left.is_empty() {
            let position = self.about.trail_position.as_ref();
            trail.restored(&record.run, &self.about.name, position)?;
            end()?;
        }
        Ok(restored)
    }

    /// What is left of the keys, where they are part of it; `done` says how they differed.
    fn put_back_keys(&mut self, proof: &Erased, done: &mut Option<KeyDifference>) -> Option<Kept> {
        match keys::put_back(self.target, self.keys.take()?, proof) {
            Ok(difference) => {
                *done = Some(difference);
                None
            }
            Err(left) => Some(left),
        }
    }

    /// A covered directory that is gone is made first, so that it can be opened.
    fn make_roots(&mut self) -> Result<()> {
        let tops = self
            .entries
            .iter()
            .filter(|entry| entry.path.as_os_str().is_empty() && entry.what == What::Directory);
        let mut made = false;
        for entry in tops {
            if self.coverage.roots.directory(entry.top).is_some() {
                continue;
            }
            if let Some(name) = self.coverage.name(entry.top) {
                let path = self.target.root.join(name);
                fs::create_dir_all(&path).map_err(|error| place::access("make", &path, error))?;
                made = true;
            }
        }
        if made {
            let (directories, files) = (
                self.coverage.directories.clone(),
                self.coverage.files.clone(),
            );
            self.coverage = Coverage::open(self.target, directories, files)?;
            self.compare()?;
        }
        Ok(())
    }

    /// What lies in a directory that its owner has closed to everybody is known only once that is open. Its
    /// mode goes back with all others.
    fn open_closed_directories(&mut self) -> Result<()> {
        for _ in 0..DEEPEST {
            let barred = self.changes.barred.iter();
            let open = |some, it: &Barred| some | settings::open_closed(&self.coverage, it);
            if !barred.fold(false, open) {
                break;
            }
            self.compare()?;
        }
        Ok(())
    }

    /// So that the next comparison need not read what this one has read. What was written is not among
    /// it: an application may have written it again since.
    fn remember_stamps(&mut self, rows: Option<database::Stamp>) {
        if self.changes.stamps.is_empty() && rows == self.rows {
            return;
        }
        for (at, stamp) in &self.changes.stamps {
            self.entries[*at].stamp = *stamp;
        }
        if let Err(error) = stamps::write(self.path, &self.about, &self.entries, rows) {
            log::debug!("the next comparison will read more than it needs: {error}");
        }
    }
}

/// Takes the record of a run out of the database, with all others that are done.
pub(super) fn forget_run(live: &Connection) -> Result<()> {
    database::transaction(live, || outbox::drop_if_done(live)).map(drop)
}
