//! Making the files what the snapshot holds. It repeats safely: what is done already is found done.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, mkdirat};
use rustix::io::Errno;

use super::blob;
use super::compare::{Changes, Extra};
use super::coverage::Coverage;
use super::flush::{BATCH, Disk};
use super::index::{Entry, What};
use super::settings;
use super::tree;
use crate::outbox::Erased;
use crate::roots::{Barrier, Kind};
use crate::storage::{self, Touched, Workshop, remove_directory};
use crate::survey::Kept;

/// What makes the files what they were.
pub(super) struct Applying<'a> {
    coverage: &'a Coverage,
    entries: &'a [Entry],
    /// The snapshot's directory.
    path: &'a Path,
    run: &'a str,
    proof: &'a Erased,
    workshops: BTreeMap<usize, Workshop>,
    /// Where the covered directories lie that are written to.
    disks: BTreeMap<usize, Disk>,
    touched: Touched,
    /// Directories whose entries changed, and so their times.
    stirred: BTreeSet<(usize, PathBuf)>,
    /// What is not as it was saved, and why.
    pub(super) left: Vec<Kept>,
    pub(super) warnings: BTreeSet<String>,
}

/// A file or link on its way to its place.
struct Made {
    at: usize,
    /// Its name in the workshop.
    label: OsString,
    /// None of a link.
    file: Option<File>,
    /// Where it goes: the directory, and the name there.
    place: (OwnedFd, PathBuf),
}

impl<'a> Applying<'a> {
    pub(super) fn new(
        coverage: &'a Coverage,
        entries: &'a [Entry],
        path: &'a Path,
        run: &'a str,
        proof: &'a Erased,
    ) -> Self {
        Self {
            coverage,
            entries,
            path,
            run,
            proof,
            workshops: BTreeMap::new(),
            disks: BTreeMap::new(),
            touched: Touched::default(),
            stirred: BTreeSet::new(),
            left: Vec::new(),
            warnings: BTreeSet::new(),
        }
    }

    /// Does all of it, durably; what could not be done is in `left`.
    pub(super) fn apply(&mut self, changes: &Changes) {
        for extra in &changes.remove {
            let removed = self.remove(extra);
            self.note(extra.top, &extra.path, removed);
        }
        for at in &changes.make {
            let entry = &self.entries[*at];
            let made = self.make(entry);
            self.note(entry.top, &entry.path, made);
        }
        for batch in changes.write.chunks(BATCH) {
            self.write(batch);
        }
        self.close();
        self.settle(changes);
        for (_, error) in self.touched.flush() {
            self.leave("a directory that was changed".into(), &error);
        }
    }

    fn note(&mut self, top: usize, path: &Path, done: Result<(), Barrier>) {
        let why = match done {
            Ok(()) => return,
            Err(Barrier::Refused(refusal)) => refusal.to_string(),
            Err(Barrier::Trouble(error)) => error.to_string(),
            Err(Barrier::Missing(_)) => "the directory that holds it is gone".into(),
        };
        self.leave(tree::shown(self.coverage, top, path), &why);
    }

    fn note_at(&mut self, at: usize, done: Result<(), Barrier>) {
        let entry = &self.entries[at];
        self.note(entry.top, &entry.path, done);
    }

    fn leave(&mut self, path: String, why: &dyn ToString) {
        let reason = why.to_string();
        self.left.push(Kept { path, reason });
    }

    /// The directory that holds a path, about to change, and the name there.
    fn stir(&mut self, top: usize, path: &Path) -> Result<(OwnedFd, PathBuf), Barrier> {
        let (directory, name) = blob::parent(self.coverage, top, path)?;
        settings::open_up(&directory)?;
        match path.parent() {
            Some(parent) => drop(self.stirred.insert((top, parent.to_owned()))),
            // It is no part of the snapshot, and its time is left alone.
            None => self.touched.add(0, &directory),
        }
        Ok((directory, name))
    }

    /// The directory in which the workshop of a covered directory or file stands.
    fn home(&self, top: usize) -> Result<OwnedFd, Barrier> {
        match self.coverage.roots.directory(top) {
            Some(root) => Ok(root.try_clone()?),
            None => Ok(blob::parent(self.coverage, top, Path::new(""))?.0),
        }
    }

    fn workshop(&mut self, top: usize) -> Result<&mut Workshop, Barrier> {
        if !self.workshops.contains_key(&top) {
            let parent = self.home(top)?;
            settings::open_up(&parent)?;
            let workshop = Workshop::open(&parent, self.run, self.proof)?;
            self.workshops.insert(top, workshop);
            self.disks.insert(top, Disk::of(&parent));
            self.stirred.insert((top, PathBuf::new()));
        }
        let known = self.workshops.get_mut(&top);
        known.ok_or_else(|| Errno::NOENT.into())
    }

    fn remove(&mut self, extra: &Extra) -> Result<(), Barrier> {
        let (directory, name) = match self.stir(extra.top, &extra.path) {
            Err(Barrier::Missing(_)) => return Ok(()),
            stirred => stirred?,
        };
        if extra.kind == Kind::Directory {
            return Ok(remove_directory(&directory, &name, self.proof)?);
        }
        Ok(self.workshop(extra.top)?.remove(&directory, &name)?)
    }

    fn make(&mut self, entry: &Entry) -> Result<(), Barrier> {
        let (directory, name) = self.stir(entry.top, &entry.path)?;
        match mkdirat(&directory, &name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        self.stirred.insert((entry.top, entry.path.clone()));
        Ok(())
    }

    /// Makes a batch, flushes it, then renames each to its place: no name ever leads to content that
    /// is not on disk. One thread does it: several wait for each other in the file system.
    fn write(&mut self, batch: &[usize]) {
        let mut made = Vec::with_capacity(batch.len());
        for at in batch {
            match self.fill(*at, batch.len()) {
                Ok(one) => made.push(one),
                Err(barrier) => self.note_at(*at, Err(barrier)),
            }
        }
        let together = self.flushed_together(made.iter().map(|one| one.at));
        made.retain(|one| {
            together.contains(&self.entries[one.at].top)
                || self.is_flushed(one.at, one.file.as_ref())
        });
        for one in made {
            let placed = self.place(&one);
            self.note_at(one.at, placed);
        }
    }

    /// Makes one of so many, and gives it what was saved of it.
    fn fill(&mut self, at: usize, all: usize) -> Result<Made, Barrier> {
        let entry = &self.entries[at];
        let place = self.stir(entry.top, &entry.path)?;
        let workshop = self.workshop(entry.top)?;
        let label = workshop.label();
        let (file, warning) = match &entry.what {
            What::File { blob, .. } => {
                let file = workshop.file(&label, &place.0)?;
                blob::copy(&File::open(blob::path(self.path, *blob))?, &file)?;
                let warning = settings::of_open(&file, entry)?;
                if let Some(disk) = self.disks.get(&entry.top) {
                    disk.begin(all, &file);
                }
                (Some(file), warning)
            }
            What::Link(target) => {
                workshop.link(&label, target)?;
                let name = Path::new(&label);
                (None, settings::of_link(workshop.directory(), name, entry)?)
            }
            What::Directory | What::Other => return Err(Errno::INVAL.into()),
        };
        self.warnings.extend(warning);
        Ok(Made {
            at,
            label,
            file,
            place,
        })
    }

    /// The covered directories of which all these entries are on the disk by one call.
    fn flushed_together(&self, entries: impl Iterator<Item = usize>) -> BTreeSet<usize> {
        let mut count = BTreeMap::<usize, usize>::new();
        for at in entries {
            *count.entry(self.entries[at].top).or_default() += 1;
        }
        let flushed = |(top, count): (usize, usize)| {
            let disk = self.disks.get(&top);
            let flushed = disk.is_some_and(|disk| disk.finish_all(count));
            flushed.then_some(top)
        };
        count.into_iter().filter_map(flushed).collect()
    }

    /// Whether what was made or set of an entry is on the disk; where not, that is noted.
    fn is_flushed(&mut self, at: usize, file: Option<&impl AsFd>) -> bool {
        let flushed = file.map_or(Ok(()), storage::flush);
        let is_flushed = flushed.is_ok();
        let entry = &self.entries[at];
        self.note(entry.top, &entry.path, flushed.map_err(Barrier::from));
        is_flushed
    }

    fn place(&mut self, made: &Made) -> Result<(), Barrier> {
        let (directory, name) = &made.place;
        let workshop = self.workshop(self.entries[made.at].top)?;
        Ok(workshop.place(&made.label, directory, name)?)
    }

    /// Removes the workshops, also those that only a crash left.
    fn close(&mut self) {
        for top in 0..self.coverage.directories.len() + self.coverage.files.len() {
            let open = self.workshops.remove(&top).map_or_else(
                || match self.home(top) {
                    Ok(parent) => Workshop::left(&parent, self.run, self.proof),
                    Err(_) => Ok(None),
                },
                |open| Ok(Some(open)),
            );
            let closed = open.and_then(|open| {
                let Some(open) = open else {
                    return Ok(());
                };
                self.stirred.insert((top, PathBuf::new()));
                open.close()
            });
            if let Err(error) = closed {
                self.note(top, Path::new(""), Err(error.into()));
            }
        }
    }

    /// Modes, owners and times, durably, with the entries of directories; innermost first: whatever
    /// changes in a directory changes its time.
    fn settle(&mut self, changes: &Changes) {
        let differ: BTreeSet<usize> = changes.settings.iter().copied().collect();
        let mut set = Vec::new();
        for (at, entry) in self.entries.iter().enumerate().rev() {
            let stirred = entry.what == What::Directory
                && self.stirred.contains(&(entry.top, entry.path.clone()));
            if !stirred && !differ.contains(&at) {
                continue;
            }
            match settings::of_path(self.coverage, entry) {
                Ok((warning, open)) => {
                    self.warnings.extend(warning);
                    set.extend(open.map(|open| (at, open)));
                }
                Err(barrier) => self.note(entry.top, &entry.path, Err(barrier)),
            }
            if set.len() == BATCH {
                self.flush(&mut set);
            }
        }
        self.flush(&mut set);
    }

    fn flush(&mut self, set: &mut Vec<(usize, OwnedFd)>) {
        let together = self.flushed_together(set.iter().map(|(at, _)| *at));
        for (at, open) in set.drain(..) {
            if !together.contains(&self.entries[at].top) {
                self.is_flushed(at, Some(&open));
            }
        }
    }
}
