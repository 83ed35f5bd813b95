//! One run per database at a time (invariant 11).

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use crate::database::{BUSY_TIMEOUT, neighbour};
use crate::error::{Error, Result};

/// What the lock's file is called, behind the database's name.
pub const SUFFIX: &str = ".reset-app-lock";

/// An exclusive `flock(2)` on a file of its own beside the database. The kernel gives it up when
/// the process ends, however it ends; the file goes when the lock is dropped.
#[derive(Debug)]
pub struct RunLock {
    file: File,
    path: PathBuf,
}

impl RunLock {
    /// Takes the lock, waiting as long as a statement would.
    ///
    /// Fails where another run holds it all that time, or the directory may not be written.
    pub fn take(database: &Path) -> Result<Self> {
        let path = neighbour(database, SUFFIX);
        let deadline = Instant::now() + BUSY_TIMEOUT;
        loop {
            if let Some(lock) = Self::try_take(&path).map_err(|error| Error::RunLock {
                path: path.clone(),
                error,
            })? {
                return Ok(lock);
            }
            if Instant::now() >= deadline {
                return Err(Error::AnotherRun {
                    database: database.into(),
                });
            }
            sleep(Duration::from_millis(50));
        }
    }

    fn try_take(path: &Path) -> io::Result<Option<Self>> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        // A pipe in the lock's place is an error, not a wait for its reader.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let file = options
            .custom_flags(flags.bits().cast_signed())
            .open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        // A run that ends removes the file while it holds the lock: what was locked may be gone.
        let (held, named) = (file.metadata()?, fs::metadata(path));
        let same = named.is_ok_and(|named| (named.dev(), named.ino()) == (held.dev(), held.ino()));
        Ok(same.then(|| Self {
            file,
            path: path.into(),
        }))
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            log::warn!(
                "could not remove the lock file `{}`: {error}",
                self.path.display()
            );
        }
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}
