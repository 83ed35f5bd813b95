//! Where a complete reset that was interrupted finds its database again: `.env`, which may have named
//! it, is gone by the end. The pointer is written before the first change and removed after the last.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::STATE_DIRECTORY;
use crate::error::{Error, ResetError, Result};

/// The longest path that is believed.
const LONGEST: u64 = 8192;

fn pointer(root: &Path) -> PathBuf {
    root.join(STATE_DIRECTORY).join("unfinished-reset")
}

fn failed(root: &Path, error: io::Error) -> Error {
    Error::from(ResetError::Pointer {
        file: pointer(root),
        error,
    })
}

/// The database that the pointer names, if there is a pointer and that database exists.
pub(super) fn database(root: &Path) -> Option<PathBuf> {
    let file = File::open(pointer(root)).ok()?;
    if !file.metadata().is_ok_and(|found| found.is_file()) {
        return None;
    }
    let mut path = Vec::new();
    file.take(LONGEST).read_to_end(&mut path).ok()?;
    let path = PathBuf::from(OsString::from_vec(path));
    (path.is_absolute() && path.is_file()).then_some(path)
}

/// Writes the pointer, durably, and makes the directory of this program's own if there is none.
pub(crate) fn point_to(root: &Path, database: &Path) -> Result<()> {
    let write = || {
        match DirBuilder::new()
            .mode(0o700)
            .create(root.join(STATE_DIRECTORY))
        {
            Ok(()) => File::open(root)?.sync_all()?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        let (file, draft) = (pointer(root), pointer(root).with_extension("new"));
        let mut options = OpenOptions::new();
        let nofollow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        let mut out = options.custom_flags(nofollow).open(&draft)?;
        out.write_all(database.as_os_str().as_bytes())?;
        out.sync_all()?;
        fs::rename(&draft, &file)?;
        flush(root)
    };
    write().map_err(|error| failed(root, error))
}

/// Removes the pointer, durably, if it names this database: nothing is left to finish there.
pub(crate) fn forget(root: &Path, ours: &Path) -> Result<()> {
    if database(root).is_none_or(|database| database != ours) {
        return Ok(());
    }
    let removed = fs::remove_file(pointer(root)).and_then(|()| flush(root));
    removed.map_err(|error| failed(root, error))
}

fn flush(root: &Path) -> io::Result<()> {
    File::open(root.join(STATE_DIRECTORY))?.sync_all()
}
