//! Which file is the audit trail.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{AuditChoice, STATE_DIRECTORY, Target};
use crate::error::{AuditError, Error, Result};

/// How the names of a trail's key end, and of one that is not whole yet.
pub(crate) const KEYS: [&str; 2] = ["key", "key.new"];

pub(super) fn file(choice: &AuditChoice, root: &Path) -> Option<PathBuf> {
    match choice {
        AuditChoice::Default => Some(root.join(STATE_DIRECTORY).join("audit.jsonl")),
        AuditChoice::File(file) => Some(root.join(file)),
        AuditChoice::None => None,
    }
}

/// A trail is appended to, and its key written: neither may be a file of the application, under
/// whatever name. Nor may either be opened where it is the database (invariant 11).
pub(super) fn require_own_file(target: &Target) -> Result<()> {
    let Some(trail) = &target.audit else {
        return Ok(());
    };
    let refused = |reason| {
        let file = trail.clone();
        Error::from(AuditError::File { file, reason })
    };
    let is_name = |name: &std::ffi::OsStr| !name.to_string_lossy().ends_with('.');
    if !trail.file_name().is_some_and(is_name) || trail.is_dir() {
        return Err(refused("it is a directory"));
    }
    let keys = KEYS.map(|ending| trail.with_extension(ending));
    if keys.contains(trail) {
        return Err(refused("the key of a trail is kept under that name"));
    }
    for written in std::iter::once(trail).chain(&keys) {
        let mut files = target.application_files().into_iter();
        let state = target.root.join(STATE_DIRECTORY);
        if files.any(|file| file != state && is_same(written, &file)) {
            return Err(refused(
                "the application's own files are not to be written to",
            ));
        }
    }
    Ok(())
}

fn is_same(one: &Path, other: &Path) -> bool {
    let inode = |file: Metadata| (file.dev(), file.ino());
    let there = |path: &Path| path.metadata().ok().map(inode);
    resolved(one) == resolved(other) || there(one).is_some_and(|one| there(other) == Some(one))
}

/// The path with the links of its directory followed; the file itself may not be there yet.
fn resolved(path: &Path) -> PathBuf {
    let parent = path.parent().and_then(|parent| parent.canonicalize().ok());
    match (parent, path.file_name()) {
        (Some(parent), Some(name)) => parent.join(name),
        _ => path.into(),
    }
}
