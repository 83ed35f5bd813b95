//! Where a complete reset that was interrupted finds its database again: `.env`, which may have named
//! it, is gone by the end. The pointer is written before the first change and removed after the last.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::notes;
use crate::error::{Error, ResetError, Result};

const POINTER: &str = "unfinished-reset";

fn failed(root: &Path, error: io::Error) -> Error {
    Error::from(ResetError::Pointer {
        file: notes::path(root, POINTER),
        error,
    })
}

/// The database that the pointer names, if there is a pointer and that database exists.
pub(super) fn database(root: &Path) -> Option<PathBuf> {
    let path = named(root).ok().flatten()?;
    (path.is_absolute() && path.is_file()).then_some(path)
}

fn named(root: &Path) -> io::Result<Option<PathBuf>> {
    let path = notes::read(root, POINTER)?;
    Ok(path.map(|path| PathBuf::from(OsString::from_vec(path))))
}

/// Writes the pointer, durably.
pub(crate) fn point_to(root: &Path, database: &Path) -> Result<()> {
    let written = notes::write(root, POINTER, database.as_os_str().as_bytes());
    written.map_err(|error| failed(root, error))
}

/// Removes the pointer, durably, if it names this database: nothing is left to finish there.
pub(crate) fn forget(root: &Path, ours: &Path) -> Result<()> {
    let named = named(root).map_err(|error| failed(root, error))?;
    if named.is_none_or(|named| named != ours) {
        return Ok(());
    }
    notes::remove(root, POINTER).map_err(|error| failed(root, error))
}
