//! Making many files durable at little more than the price of one: the writing of all of them is begun
//! before the first is waited for, so that the file system commits them together.

use std::os::fd::{AsFd, OwnedFd};

#[cfg(target_os = "linux")]
use rustix::fs::syncfs as everything_on;
use rustix::io::retry_on_intr;

/// So many files are open at most, begun and not yet waited for.
pub(super) const BATCH: usize = 200;

/// From so many files on, one call for all is less work than one for each.
const MANY: usize = 4;

/// A file system that can write everything at once.
#[derive(Debug)]
pub(super) struct Disk(Option<OwnedFd>);

impl Disk {
    /// The one on which `directory` lies. Files that it is asked about are written afterwards: it tells
    /// of no failure before.
    pub(super) fn of(directory: impl AsFd) -> Self {
        let directory = directory.as_fd();
        Self(
            tells_failures(directory)
                .then(|| directory.try_clone_to_owned().ok())
                .flatten(),
        )
    }

    /// Begins to write an open file, of so many that are to be flushed, where each is waited for by
    /// itself.
    pub(super) fn begin(&self, files: usize, file: impl AsFd) {
        if !self.finishes(files) {
            begin(file);
        }
    }

    /// Whether so many files are flushed by one call.
    fn finishes(&self, files: usize) -> bool {
        self.0.is_some() && files >= MANY
    }

    /// Whether so many files, and whatever else was written, are on the disk by one call. If not, each
    /// has to be waited for, and tells why.
    pub(super) fn finish_all(&self, files: usize) -> bool {
        let Some(disk) = self.0.as_ref().filter(|_| self.finishes(files)) else {
            return false;
        };
        retry_on_intr(|| everything_on(disk))
            .inspect_err(|error| log::debug!("files are flushed one by one: {error}"))
            .is_ok()
    }
}

/// Begins to write an open file to the disk. Nothing relies on it: only the flush tells.
fn begin(file: impl AsFd) {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{Advice, fadvise};
        // What it drops from memory are pages that are on the disk; the others it begins to write.
        if let Err(error) = fadvise(file, 0, None, Advice::DontNeed) {
            log::debug!("files are written one after the other: {error}");
        }
    }
    #[cfg(not(target_os = "linux"))]
    drop(file);
}

#[cfg(not(target_os = "linux"))]
fn everything_on(_: &OwnedFd) -> rustix::io::Result<()> {
    Err(rustix::io::Errno::NOSYS)
}

/// Whether a failure to write one of its files is told by `syncfs`: on Linux since 5.8, which also
/// began to tell the mount of a file, on file systems that end it with a flush of the device.
#[cfg(target_os = "linux")]
fn tells_failures(directory: std::os::fd::BorrowedFd<'_>) -> bool {
    use rustix::fs::{AtFlags, StatxFlags, fstatfs, statx};
    const EXT4: u64 = 0xef53;
    const XFS: u64 = 0x5846_5342;
    const BTRFS: u64 = 0x9123_683e;
    let mount = StatxFlags::MNT_ID;
    let recent = statx(directory, "", AtFlags::EMPTY_PATH, mount)
        .is_ok_and(|told| StatxFlags::from_bits_retain(told.stx_mask).contains(mount));
    let kind = fstatfs(directory).ok();
    let kind = kind.and_then(|it| u64::try_from(it.f_type).ok());
    recent && kind.is_some_and(|kind| [EXT4, XFS, BTRFS].contains(&kind))
}

#[cfg(not(target_os = "linux"))]
fn tells_failures(_: std::os::fd::BorrowedFd<'_>) -> bool {
    false
}
