//! Making many files durable at little more than the price of one: the writing of all of them is begun
//! before the first is waited for, so that the file system commits them together.

use std::os::fd::AsFd;

use rustix::io::{Result, retry_on_intr};

/// So many files are open at most, begun and not yet waited for.
pub(super) const BATCH: usize = 200;

/// Begins to write an open file to the disk. Nothing relies on it: only [`finish`] tells.
pub(super) fn begin(file: impl AsFd) {
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

/// Waits until an open file or directory is on the disk.
pub(super) fn finish(file: impl AsFd) -> Result<()> {
    let file = file.as_fd();
    #[cfg(target_vendor = "apple")]
    return retry_on_intr(|| rustix::fs::fcntl_fullfsync(file));
    #[cfg(not(target_vendor = "apple"))]
    retry_on_intr(|| rustix::fs::fsync(file))
}
