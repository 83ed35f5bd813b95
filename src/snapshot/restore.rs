//! Restoring: rows and intent in one commit, then the files, then the line of the audit trail.

use std::fs::{self, File};
use std::path::Path;

use rusqlite::Connection;

use super::apply::Applying;
use super::compare::{self, Changes};
use super::coverage::Coverage;
use super::difference::FileDifference;
use super::error::SnapshotError;
use super::index::{Entry, Stamp, What, hex, now_ns};
use super::meta::{About, DATABASE, damaged};
use super::place::Archive;
use super::{Restored, Structure, blob, place, rows, stamps};
use crate::audit::{RESTORE, Trail};
use crate::database;
use crate::error::{Error, Result};
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
        stamps::freshen(path, &about, &mut entries);
        let coverage = Coverage::open(target, directories, single)?;
        let mut plan = Self {
            target,
            about,
            path,
            coverage,
            entries,
            changes: Changes::default(),
        };
        plan.compare()?;
        Ok(plan)
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

    /// Fails where anything that will be written from the snapshot is not as it was saved.
    pub(super) fn require_whole(&self) -> Result<()> {
        self.require_blobs()?;
        let copy = self.path.join(DATABASE);
        let read = File::open(&copy).and_then(|copy| blob::digest(&copy));
        let (sha256, bytes) = read.map_err(|error| self.unreadable(&error))?;
        if hex(&sha256) != self.about.database.sha256 || bytes != self.about.database.bytes {
            let found = "its copy of the database is not as it was saved".into();
            return Err(damaged(&self.about.name, found).into());
        }
        Ok(())
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

    /// Puts everything back. The caller holds the run lock and has consent; `live` is in no
    /// transaction, and no work of an interrupted run is left in it.
    pub(super) fn restore(
        mut self,
        mut live: Connection,
        archive: &Archive,
        run: String,
    ) -> Result<Restored> {
        self.require_whole()?;
        let record = RunRecord {
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
            }),
            reset: None,
        };
        let mut trail = Trail::open(self.target, std::slice::from_ref(&record.run))?;
        archive.remove_unfinished()?;
        let proof = rows::put_back(&mut live, &self.path.join(DATABASE), archive, &record)?;
        self.put_back_files(&live, &record, &proof, &mut trail)
    }

    /// What follows the commit, in a run and in one that finishes it.
    pub(super) fn put_back_files(
        &mut self,
        live: &Connection,
        record: &RunRecord,
        proof: &Erased,
        trail: &mut Trail,
    ) -> Result<Restored> {
        let files = FileDifference::of(&self.changes);
        self.make_roots()?;
        let mut applying =
            Applying::new(&self.coverage, &self.entries, self.path, &record.run, proof);
        applying.apply(&self.changes);
        let (mut left, mut warnings) = (applying.left, applying.warnings);
        left.extend(self.barred());
        warnings.extend(self.lost());
        let restored = Restored {
            about: self.about.clone(),
            run: record.run.clone(),
            files,
            left,
            warnings: warnings.into_iter().collect(),
        };
        if restored.left.is_empty() {
            let position = self.about.trail_position.as_ref();
            trail.restored(&record.run, &self.about.name, position)?;
            database::transaction(live, || outbox::drop_if_done(live))?;
        }
        self.remember_stamps();
        Ok(restored)
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

    /// So that the next comparison need not read what this one has read or written.
    fn remember_stamps(&mut self) {
        let written = self.changes.write.iter().chain(&self.changes.settings);
        let mut fresh: Vec<(usize, Stamp)> = Vec::new();
        for at in written {
            let entry = &self.entries[*at];
            let found = blob::parent(&self.coverage, entry.top, &entry.path)
                .ok()
                .and_then(|(directory, name)| {
                    crate::roots::entry_if_any(&directory, &name).ok()?
                });
            fresh.extend(found.map(|standing| (*at, Stamp::of(&standing, now_ns()))));
        }
        fresh.extend(self.changes.stamps.iter().map(|(at, stamp)| (*at, *stamp)));
        if fresh.is_empty() {
            return;
        }
        for (at, stamp) in fresh {
            self.entries[at].stamp = stamp;
        }
        if let Err(error) = stamps::write(self.path, &self.about, &self.entries) {
            log::debug!("the next comparison will read more than it needs: {error}");
        }
    }
}
