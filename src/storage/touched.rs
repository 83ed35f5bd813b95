//! The directories whose entries changed, each to be flushed once.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::{Errno, retry_on_intr};

use crate::roots::{Parent, own};

/// More open directories than this are flushed at once, so that descriptors stay few.
const MOST: usize = 128;

/// Open directories by inode, each with the outbox rows that wait for its flush.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    open: HashMap<(u64, u64), (OwnedFd, Vec<i64>)>,
    failed: Vec<(i64, io::Error)>,
}

impl Touched {
    /// Row `id` waits for the flush of `directory`. What goes wrong is told by [`flush`](Self::flush).
    pub(crate) fn add(&mut self, id: i64, directory: &OwnedFd) {
        let added = self.try_add(id, directory);
        self.added(id, added);
    }

    /// The same, of a directory that is known.
    pub(crate) fn add_parent(&mut self, id: i64, parent: &Parent) {
        let added = self.try_add_known(id, parent.directory(), parent.inode());
        self.added(id, added);
    }

    fn added(&mut self, id: i64, added: Result<(), Errno>) {
        if let Err(error) = added {
            self.failed.push((id, error.into()));
        }
        if self.open.len() > MOST {
            self.flush_open();
        }
    }

    fn try_add(&mut self, id: i64, directory: &OwnedFd) -> Result<(), Errno> {
        let inode = own(directory)?.identity.inode();
        self.try_add_known(id, directory, inode)
    }

    fn try_add_known(
        &mut self,
        id: i64,
        directory: &OwnedFd,
        inode: (u64, u64),
    ) -> Result<(), Errno> {
        if let Some((_, waiting)) = self.open.get_mut(&inode) {
            waiting.push(id);
            return Ok(());
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let kept = match openat(directory, ".", flags, Mode::empty()) {
            // A directory that has been removed meanwhile has nothing left to flush.
            Err(Errno::NOENT) => return Ok(()),
            answer => answer?,
        };
        self.open.insert(inode, (kept, vec![id]));
        Ok(())
    }

    /// Flushes every directory; answers the rows for which that failed, now or earlier.
    pub(crate) fn flush(&mut self) -> Vec<(i64, io::Error)> {
        self.flush_open();
        std::mem::take(&mut self.failed)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    fn flush_open(&mut self) {
        for (_, (directory, waiting)) in self.open.drain() {
            if let Err(error) = flush(&directory) {
                self.failed
                    .extend(waiting.into_iter().map(|id| (id, error.into())));
            }
        }
    }
}

/// Waits until an open file, or the entries of a directory, are on the disk.
///
/// On Apple's systems `fsync` leaves them in the memory of the disk, and what tells it to write that is
/// unknown to some file systems.
pub(crate) fn flush(file: impl AsFd) -> Result<(), Errno> {
    let file = file.as_fd();
    #[cfg(target_vendor = "apple")]
    if retry_on_intr(|| rustix::fs::fcntl_fullfsync(file)).is_ok() {
        return Ok(());
    }
    retry_on_intr(|| rustix::fs::fsync(file))
}
