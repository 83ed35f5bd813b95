//! Restoring: rows and intent in one commit, then the files, then the line of the audit trail.

use std::fs::{self, File};
use std::path::Path;

use rusqlite::Connection;

use super::apply::Applying;
use super::compare::{self, Changes};
use super::coverage::Coverage;
use super::difference::FileDifference;
use super::error::SnapshotError;
use super::image::Image;
use super::index::{Entry, What};
use super::meta::{About, DATABASE, damaged};
use super::pages::Pages;
use super::place::{Archive, Keys};
use super::{Restored, Rows, Structure, blob, intent, keys, place, rows, stamps};
use crate::audit::{RESTORE, Trail};
use crate::database;
use crate::error::{Error, Result};
use crate::keyspace::Dump;
use crate::outbox::{self, Erased, KeysRecord, RunRecord, SnapshotRecord, TrailRecord};
use crate::survey::Kept;
use crate::target::{FilesChoice, Target};

/// A snapshot, read and checked, and what has to be done to restore it.
pub(super) struct Plan<'a> {
    target: &'a Target,
    pub(super) about: About,
    /// Its directory.
    path: &'a Path,
    pub(super) coverage: Coverage,
    pub(super) entries: Vec<Entry>,
    pub(super) changes: Changes,
    /// The stamp of the database that the last restore left.
    rows: Option<database::Stamp>,
    /// The Redis keys to put back, where they are part of it.
    keys: Option<Dump>,
}

impl<'a> Plan<'a> {
    /// Reads the snapshot at `path` and compares its files with what is there. Changes nothing.
    ///
    /// Fails where it is damaged, or another application's.
    pub(super) fn make(target: &'a Target, name: &str, path: &'a Path) -> Result<Self> {
        let about = About::read(name, path)?;
        let ours = &target.manifest.application.name;
        if about.application != *ours {
            return Err(SnapshotError::OtherApplication {
                name: name.into(),
                theirs: about.application,
                ours: ours.clone(),
            }
            .into());
        }
        let mut entries = about.index(path)?;
        let (directories, single) = match target.files {
            FilesChoice::Remove => (about.files.directories.clone(), about.files.single.clone()),
            FilesChoice::Leave => {
                entries.clear();
                (Vec::new(), Vec::new())
            }
        };
        let rows = stamps::freshen(path, &about, &mut entries);
        let coverage = Coverage::open(target, directories, single)?;
        let mut plan = Self {
            target,
            about,
            path,
            coverage,
            entries,
            rows,
            keys: None,
            changes: Changes::default(),
        };
        plan.compare()?;
        Ok(plan)
    }

    /// Reads the keys, where they are to be part of it.
    ///
    /// Fails where the snapshot holds none, or there is no Redis.
    pub(super) fn include(&mut self, included: Keys) -> Result<()> {
        if included == Keys::Included {
            self.keys = Some(keys::read(self.target, self.path, &self.about)?);
        }
        Ok(())
    }

    fn compare(&mut self) -> Result<()> {
        let compared = compare::compare(&self.coverage, &self.entries, self.path);
        self.changes = compared.map_err(|error| self.unreadable(&error))?;
        Ok(())
    }

    fn unreadable(&self, error: &std::io::Error) -> Error {
        let found = format!("a file of it cannot be read: {error}");
        damaged(&self.about.name, found).into()
    }

    /// Fails where anything that may be written from the snapshot is not as it was saved.
    pub(super) fn require_whole(&self) -> Result<()> {
        self.require_blobs()?;
        Ok(Pages::open(self.path, &self.about)?.require_all()?)
    }

    fn require_blobs(&self) -> Result<()> {
        let all: Vec<usize> = (0..self.entries.len()).collect();
        // What cannot be compared may have to be written too.
        let needed = if self.changes.barred.is_empty() {
            &self.changes.write
        } else {
            &all
        };
        for entry in needed.iter().map(|at| &self.entries[*at]) {
            let What::File { blob, size, sha256 } = &entry.what else {
                continue;
            };
            let file = blob::path(self.path, *blob);
            let read = File::open(&file).and_then(|file| blob::digest(&file));
            let found = read.map_err(|error| self.unreadable(&error))?;
            if found != (*sha256, *size) {
                let found = format!("`{}` is not as it was saved", file.display());
                return Err(damaged(&self.about.name, found).into());
            }
        }
        Ok(())
    }

    /// What cannot be compared, as a report names it.
    pub(super) fn barred(&self) -> Vec<Kept> {
        let barred = self.changes.barred.iter();
        let kept = |one: &super::tree::Barred| Kept {
            path: super::tree::shown(&self.coverage, one.top, &one.path),
            reason: one.reason(),
        };
        barred.map(kept).collect()
    }

    /// What cannot be made anew.
    pub(super) fn lost(&self) -> Vec<String> {
        let lost = self.changes.lost.iter().map(|at| &self.entries[*at]);
        let sentence = |entry: &Entry| {
            format!(
                "`{}`, a pipe, a socket or a device, is gone: a snapshot does not hold such things",
                super::tree::shown(&self.coverage, entry.top, &entry.path)
            )
        };
        lost.map(sentence).collect()
    }

    /// Fails where the structure of the database is not the snapshot's, unless that is agreed to.
    pub(super) fn require_structure(&self, live: &Connection, agreed: Structure) -> Result<()> {
        if agreed == Structure::Any || rows::structure(live)? == self.about.database.structure {
            return Ok(());
        }
        let differences = super::difference::rows(live, &self.path.join(DATABASE))?.0;
        Err(SnapshotError::OtherStructure {
            name: self.about.name.clone(),
            differences,
        }
        .into())
    }

    /// Whether the rows are those that an earlier restore found as they were saved, as far as a look at
    /// the file system tells.
    pub(super) fn rows_are_as_saved(&self) -> bool {
        let now = database::Stamp::of(&self.target.database);
        now.is_ok_and(|now| now.is_some() && now == self.rows)
    }

    /// Whether nothing but rows may have to be put back.
    pub(super) fn is_done(&self) -> bool {
        self.changes.is_none() && self.keys.is_none()
    }

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
        let mut applying =
            Applying::new(&self.coverage, &self.entries, self.path, &record.run, proof);
        applying.apply(&self.changes);
        let (mut left, mut warnings) = (applying.left, applying.warnings);
        left.extend(self.barred());
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

    /// What is left of the keys, where they are part of it; `count` says how many were not as saved.
    fn put_back_keys(&mut self, proof: &Erased, count: &mut Option<u64>) -> Option<Kept> {
        let (changed, left) = keys::put_back(self.target, self.keys.take()?, proof);
        *count = Some(changed);
        left
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
