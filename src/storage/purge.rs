//! Removing what lies in quarantine, and making every removal durable.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::fs::{AtFlags, unlinkat};
use rustix::io::Errno;

use super::Quarantine;
use super::take::label;
use super::touched::flush;
use crate::roots::entry_if_any;

/// What a purge did.
#[derive(Debug, Default)]
pub struct PurgeReport {
    /// Outbox rows with nothing left to do on disk, durably: they may be deleted.
    pub settled: Vec<i64>,
    /// Outbox rows whose file is still there, or whose removal may not survive a power loss.
    pub failed: Vec<Failure>,
    /// Private directories that still stand, and why.
    pub remaining: Vec<Remaining>,
}

/// An outbox row that is not finished.
#[derive(Debug)]
pub struct Failure {
    /// The outbox row.
    pub id: i64,
    /// What the system said.
    pub error: io::Error,
}

/// A private directory that could not be removed.
#[derive(Debug)]
pub struct Remaining {
    /// The directory, from the name of its root on.
    pub path: PathBuf,
    /// What the system said; usually that something is stranded in it.
    pub error: io::Error,
}

impl Quarantine<'_> {
    /// Removes every file that was taken, checks that it is gone, flushes every directory
    /// concerned, removes the private directories and flushes their roots.
    ///
    /// Needs no lock. What fails is in the report, by outbox row; nothing is reported as settled
    /// that is not durable.
    #[must_use]
    pub fn purge(self) -> PurgeReport {
        self.purge_and(Self::dissolve)
    }

    /// The same while other batches of the run are under way: the private directories, which are
    /// theirs too, stay.
    #[must_use]
    pub fn purge_beside_others(self) -> PurgeReport {
        self.purge_and(|_, _, cell, _| flush(cell))
    }

    fn purge_and(
        mut self,
        end: impl Fn(&Self, usize, &OwnedFd, &mut Vec<Remaining>) -> Result<(), Errno>,
    ) -> PurgeReport {
        self.remove_taken();
        let mut failures = std::mem::take(&mut self.failed);
        for (id, error) in self.touched.flush() {
            failures.entry(id).or_insert(error);
        }
        let mut report = PurgeReport::default();
        for (root, cell) in std::mem::take(&mut self.cells) {
            if let Err(error) = end(&self, root, &cell.directory, &mut report.remaining) {
                self.fail_root(root, error, &mut failures);
            }
        }
        report.settled = self
            .settled
            .into_keys()
            .filter(|id| !failures.contains_key(id))
            .collect();
        report.failed = failures
            .into_iter()
            .map(|(id, error)| Failure { id, error })
            .collect();
        report
    }

    /// Removes every file that was taken so far. More may be taken then; the coming purge makes it
    /// durable, and tells what failed.
    pub fn remove_taken(&mut self) {
        self.parents.forget();
        for (id, root) in std::mem::take(&mut self.held) {
            let cell = self.cells.get(&root);
            let removed = cell.map_or(Ok(()), |cell| remove(&cell.directory, id));
            if let Err(error) = removed {
                self.failed.insert(id, error);
            }
            self.settled.insert(id, root);
        }
    }

    /// Flushes and removes a private directory, then flushes its root.
    fn dissolve(
        &self,
        root: usize,
        cell: &OwnedFd,
        remaining: &mut Vec<Remaining>,
    ) -> Result<(), Errno> {
        flush(cell)?;
        let Some((_, name, top)) = self.roots.present().find(|(index, ..)| *index == root) else {
            return Ok(());
        };
        match unlinkat(top, &self.name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => {
                let path = name.join(&self.name);
                remaining.push(Remaining {
                    path,
                    error: error.into(),
                });
            }
        }
        flush(top)
    }

    /// Nothing of this root is known to be durable.
    fn fail_root(&self, root: usize, error: Errno, failures: &mut BTreeMap<i64, io::Error>) {
        for (id, _) in self.settled.iter().filter(|(_, of)| **of == root) {
            failures.entry(*id).or_insert_with(|| error.into());
        }
    }
}

/// Removes one file. Where that fails, `fs_extra` tries, and only the file's absence is believed:
/// `fs_extra` answers `Ok` for a dangling link that it leaves.
fn remove(cell: &OwnedFd, id: i64) -> io::Result<()> {
    let error = match unlinkat(cell, label(id), AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(error) => error,
    };
    remove_by_path(cell, id);
    match entry_if_any(cell, label(id))? {
        None => Ok(()),
        Some(_) => Err(error.into()),
    }
}

/// The path goes through the descriptor, so that no swap of a directory above can lead it astray.
#[cfg(target_os = "linux")]
fn remove_by_path(cell: &OwnedFd, id: i64) {
    use std::os::fd::AsRawFd;

    let path = format!("/proc/self/fd/{}/{id}", cell.as_raw_fd());
    if let Err(error) = fs_extra::file::remove(&path) {
        log::debug!("outbox row {id}: {:?}", error.kind);
    }
}

/// No path leads through a descriptor here.
#[cfg(not(target_os = "linux"))]
fn remove_by_path(_: &OwnedFd, _: i64) {}
