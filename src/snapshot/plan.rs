//! What has to be done to restore a snapshot, and whether that may be done.

use std::fs::File;
use std::path::Path;

use rusqlite::Connection;

use super::compare::{self, Changes};
use super::coverage::Coverage;
use super::difference::{self, Difference};
use super::error::SnapshotError;
use super::index::{Entry, What};
use super::meta::{About, DATABASE, damaged};
use super::pages::Pages;
use super::place::Keys;
use super::{Structure, blob, keys, rows, stamps};
use crate::database;
use crate::error::{Error, Result};
use crate::keyspace::{Dump, KeyDifference};
use crate::survey::Kept;
use crate::target::{FilesChoice, Target};

/// A snapshot, read and checked, and what has to be done to restore it.
pub(super) struct Plan<'a> {
    pub(super) target: &'a Target,
    pub(super) about: About,
    /// Its directory.
    pub(super) path: &'a Path,
    pub(super) coverage: Coverage,
    pub(super) entries: Vec<Entry>,
    pub(super) changes: Changes,
    /// The stamp of the database that the last restore left.
    pub(super) rows: Option<database::Stamp>,
    /// The Redis keys to put back, where they are part of it.
    pub(super) keys: Option<Dump>,
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

    pub(super) fn compare(&mut self) -> Result<()> {
        let compared = compare::compare(&self.coverage, &self.entries, self.path);
        self.changes = compared.map_err(|error| self.unreadable(&error))?;
        Ok(())
    }

    fn unreadable(&self, error: &std::io::Error) -> Error {
        let found = format!("a file of it cannot be read: {error}");
        damaged(&self.about.name, found).into()
    }

    /// What is not as it was saved. Changes nothing.
    pub(super) fn difference(&self) -> Result<Difference> {
        let copy = self.path.join(DATABASE);
        let rows = database::look(&self.target.database, |now| difference::rows(now, &copy))?;
        Ok(Difference::of(self, rows))
    }

    /// The same, where the database is open already.
    pub(super) fn difference_from(&self, now: &Connection) -> Result<Difference> {
        let rows = difference::rows(now, &self.path.join(DATABASE))?;
        Ok(Difference::of(self, rows))
    }

    /// How the keys differ, where they are part of it, or why that cannot be told.
    pub(super) fn key_difference(&self) -> Option<std::result::Result<KeyDifference, Kept>> {
        Some(keys::compare(self.target, self.keys.as_ref()?))
    }

    /// Fails where anything that may be written from the snapshot is not as it was saved.
    pub(super) fn require_whole(&self) -> Result<()> {
        self.require_blobs()?;
        Ok(Pages::open(self.path, &self.about)?.require_all()?)
    }

    pub(super) fn require_blobs(&self) -> Result<()> {
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

    /// Fails where what a database keeps from its making is not alike in both.
    pub(super) fn require_form(&self, live: &Connection) -> Result<()> {
        let form = |copy: &Connection| database::difference_of_form(live, copy);
        let Some((what, ours, theirs)) = database::look(&self.path.join(DATABASE), form)? else {
            return Ok(());
        };
        Err(SnapshotError::OtherForm {
            name: self.about.name.clone(),
            what,
            ours,
            theirs,
        }
        .into())
    }

    /// Fails where the structure of the database is not the snapshot's, unless that is agreed to.
    pub(super) fn require_structure(&self, live: &Connection, agreed: Structure) -> Result<()> {
        if agreed == Structure::Any || rows::structure(live)? == self.about.database.structure {
            return Ok(());
        }
        let differences = difference::rows(live, &self.path.join(DATABASE))?.0;
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
}
