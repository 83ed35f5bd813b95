//! The file of a trail: regular, reached through no link, and a trail.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use serde_json::Value;

/// How a line begins.
pub(super) const BEGINNING: &str = "{\"time\":";

/// How long another run may be at its line.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens a file for reading and writing, or makes it, its owner's only.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = regular(options.mode(0o600).custom_flags(flags()).open(path)?)?;
    if file.metadata()?.len() == 0 {
        // The umask may have taken the owner's own rights.
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

/// Opens a file for reading.
pub(super) fn open_existing(path: &Path) -> io::Result<File> {
    regular(
        OpenOptions::new()
            .read(true)
            .custom_flags(flags())
            .open(path)?,
    )
}

fn flags() -> i32 {
    (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed()
}

fn regular(file: File) -> io::Result<File> {
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    let reason = "it is not a regular file";
    Err(io::Error::new(io::ErrorKind::InvalidInput, reason))
}

/// The directory that holds a file.
pub(super) fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes the directory of a trail, if it is this program's own; anybody else's must be there.
pub(super) fn make_directory(path: &Path, own: &Path) -> io::Result<()> {
    let directory = directory(path);
    if directory == own {
        match DirBuilder::new().mode(0o700).create(own) {
            Ok(()) => File::open(self::directory(own))?.sync_all()?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    let is_directory = if directory == own {
        fs::symlink_metadata(directory)?.is_dir()
    } else {
        directory.is_dir()
    };
    if is_directory {
        Ok(())
    } else {
        Err(io::Error::from(io::ErrorKind::NotADirectory))
    }
}

/// Waits until no other run is writing, a while.
pub(super) fn lock(file: &File) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                sleep(Duration::from_millis(5));
            }
            Err(TryLockError::WouldBlock) => {
                let reason = "another program holds a lock on it";
                return Err(io::Error::new(io::ErrorKind::WouldBlock, reason));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Whether the first line of a file is one of a trail, so that lines may follow it. One that was cut
/// off is told by its beginning.
pub(super) fn is_first(text: Option<&[u8]>, whole: bool) -> bool {
    let Some(text) = text else { return false };
    if whole {
        let line: Option<Value> = serde_json::from_slice(text).ok();
        return line.is_some_and(|line| line["operation"].is_string() && line["time"].is_string());
    }
    let common = text.len().min(BEGINNING.len());
    text[..common] == BEGINNING.as_bytes()[..common]
}
