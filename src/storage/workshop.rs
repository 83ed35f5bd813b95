//! Putting back what a snapshot holds: each file is made in the private directory of the run and
//! renamed into place, so that a reader sees the old one or the new one; what is not part of the
//! snapshot is renamed into it and removed there.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, openat, renameat, symlinkat, unlinkat};
#[cfg(target_os = "linux")]
use rustix::fs::{CWD, linkat};
use rustix::io::Errno;

use super::cell;
use super::take::label;
use super::touched::flush;
use crate::outbox::Erased;
use crate::roots::{RESERVED, names};

/// The private directory of one restore in one directory.
///
/// What a crash leaves in it is no part of the application: the same run, opening it again,
/// empties it.
#[derive(Debug)]
pub(crate) struct Workshop {
    parent: OwnedFd,
    name: String,
    cell: OwnedFd,
    next: i64,
}

impl Workshop {
    /// Makes, or finds and empties, the workshop of `run` in `parent`.
    pub(crate) fn open(parent: &OwnedFd, run: &str, _: &Erased) -> io::Result<Self> {
        let name = name(run);
        let cell = cell::create(parent, &name)?;
        let workshop = Self {
            parent: parent.try_clone()?,
            name,
            cell,
            next: 0,
        };
        workshop.empty()?;
        Ok(workshop)
    }

    /// The workshop of `run` in `parent`, if a crash has left one.
    pub(crate) fn left(parent: &OwnedFd, run: &str, proof: &Erased) -> io::Result<Option<Self>> {
        match cell::existing(parent, &name(run))? {
            None => Ok(None),
            Some(_) => Self::open(parent, run, proof).map(Some),
        }
    }

    /// An empty file that nobody else can read, to be filled and placed in `directory`: where the
    /// system can, it lies on the disk near what else is there.
    pub(crate) fn file(&self, label: &OsString, directory: &OwnedFd) -> io::Result<File> {
        #[cfg(target_os = "linux")]
        if let Some(file) = self.file_near(directory, label) {
            return Ok(file);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = directory;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = openat(&self.cell, label, flags, Mode::RUSR | Mode::WUSR)?;
        Ok(file.into())
    }

    /// Of a file without a name the first one is that in the workshop.
    #[cfg(target_os = "linux")]
    fn file_near(&self, directory: &OwnedFd, label: &OsString) -> Option<File> {
        use std::os::fd::AsRawFd;
        let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
        let file = openat(directory, ".", flags, Mode::RUSR | Mode::WUSR).ok()?;
        let open = format!("/proc/self/fd/{}", file.as_raw_fd());
        linkat(CWD, open, &self.cell, label, AtFlags::SYMLINK_FOLLOW).ok()?;
        Some(file.into())
    }

    /// A symbolic link, to be placed.
    pub(crate) fn link(&self, label: &OsString, target: &Path) -> io::Result<()> {
        Ok(symlinkat(target, &self.cell, label)?)
    }

    /// The directory in which made things lie until they are placed.
    pub(crate) fn directory(&self) -> &OwnedFd {
        &self.cell
    }

    /// Renames something made here to its place, over the file or link that may stand there.
    pub(crate) fn place(
        &self,
        label: &OsString,
        directory: &OwnedFd,
        name: &Path,
    ) -> io::Result<()> {
        Ok(renameat(&self.cell, label, directory, name)?)
    }

    /// Removes a file, or whatever is no directory. One that is gone already is fine.
    pub(crate) fn remove(&mut self, directory: &OwnedFd, name: &Path) -> io::Result<()> {
        let label = self.label();
        match renameat(directory, name, &self.cell, &label) {
            Ok(()) => Ok(unlinkat(&self.cell, &label, AtFlags::empty())?),
            Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes the workshop, durably.
    pub(crate) fn close(self) -> io::Result<()> {
        self.empty()?;
        unlinkat(&self.parent, &self.name, AtFlags::REMOVEDIR)?;
        Ok(flush(&self.parent)?)
    }

    fn empty(&self) -> io::Result<()> {
        for name in names(&self.cell)? {
            unlinkat(&self.cell, &name, AtFlags::empty())?;
        }
        Ok(())
    }

    /// A name that nothing in it has.
    pub(crate) fn label(&mut self) -> OsString {
        self.next += 1;
        label(self.next)
    }
}

/// Removes an empty directory. One that is gone already is fine.
pub(crate) fn remove_directory(directory: &OwnedFd, name: &Path, _: &Erased) -> io::Result<()> {
    match unlinkat(directory, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn name(run: &str) -> String {
    format!("{RESERVED}-{run}")
}

/// Removes a directory that this program made for a snapshot, with all that is in it; none is fine.
pub(crate) fn remove_snapshot(path: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
