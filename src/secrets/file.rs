//! Replacing the file: the only place that writes, keeps or renames a `.env`.
//!
//! The order is what a crash at any instant must find:
//!
//! 1. the new text, whole and on disk, under a name of its own;
//! 2. a copy of the old file, whole and on disk, first under a name of its own, then as `.env.<time>`;
//! 3. both names on disk;
//! 4. the new file renamed to `.env`, over the old one;
//! 5. that name on disk.
//!
//! Each file has mode 0600 from the moment it exists. What a crash leaves of the first two is removed
//! by the next run.

use std::fs::{self, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use jiff::Timestamp;
use rustix::fs::OFlags;
use tempfile::NamedTempFile;

use super::{Existing, FILE_NAME, SecretsError};

/// What the files that are not yet whole are called, with six characters more.
const UNFINISHED: &str = ".env.reset-app-";

const OWNER_ONLY: u32 = 0o600;

/// So many files a second are kept under names of their own.
const MOST_KEPT: u32 = 100;

type Result<T> = std::result::Result<T, SecretsError>;

/// The file that is there, open.
pub(super) struct Old {
    file: File,
    metadata: Metadata,
}

/// What became of the old file.
pub(super) struct Replaced {
    /// Its new name, if there was one.
    pub(super) kept: Option<String>,
    pub(super) warnings: Vec<String>,
}

/// The file that is there, if one is. Fails where it may not be replaced, or not be read.
pub(super) fn look(root: &Path, existing: Existing) -> Result<Option<Old>> {
    let file = root.join(FILE_NAME);
    let unreadable = |error| SecretsError::Unreadable {
        file: file.clone(),
        error,
    };
    let kind = match file.symlink_metadata() {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    if !kind.is_file() {
        let found = match (kind.is_symlink(), kind.is_dir()) {
            (true, _) => "a symbolic link",
            (_, true) => "a directory",
            _ => "a pipe, socket or device",
        };
        return Err(SecretsError::NotAFile { file, found });
    }
    if existing == Existing::Refuse {
        return Err(SecretsError::Exists { file });
    }
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let mut options = OpenOptions::new();
    let opened = options.read(true).custom_flags(flags).open(&file);
    let opened = opened.and_then(|file| Ok((file.metadata()?, file)));
    let (metadata, file) = opened.map_err(unreadable)?;
    Ok(Some(Old { file, metadata }))
}

/// Puts a file with this content in the place of the one that is there, which is kept.
pub(super) fn replace(root: &Path, content: &[u8], existing: Existing) -> Result<Replaced> {
    let file = root.join(FILE_NAME);
    let failed = |error| SecretsError::Write {
        file: file.clone(),
        error,
    };
    let directory = File::open(root).map_err(failed)?;
    let mut warnings = Vec::new();
    if locked(&directory, root)? {
        remove_unfinished(root, &mut warnings);
    }
    let old = look(root, existing)?;
    let new = unfinished(root, old.as_ref(), &mut warnings, |mut new| {
        new.write_all(content)
    });
    let new = new.map_err(failed)?;
    let kept = match &old {
        Some(old) => Some(keep(root, old, &file)?),
        None => None,
    };
    directory.sync_all().map_err(failed)?;
    let renamed = match old {
        Some(_) => new.persist(&file),
        None => new.persist_noclobber(&file),
    };
    renamed.map_err(|refused| match refused.error.kind() {
        io::ErrorKind::AlreadyExists => SecretsError::Changed { file: file.clone() },
        _ => failed(refused.error),
    })?;
    match directory.sync_all() {
        Ok(()) => Ok(Replaced { kept, warnings }),
        Err(error) => Err(SecretsError::NotDurable { file, error }),
    }
}

/// Keeps other runs out. Where the file system has no locks there is none to wait for.
fn locked(directory: &File, root: &Path) -> Result<bool> {
    match directory.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Err(SecretsError::AnotherRun { root: root.into() }),
        Err(TryLockError::Error(error)) => {
            log::debug!("the directory cannot be locked: {error}");
            Ok(false)
        }
    }
}

/// Removes what a crash left; nobody else makes it while the lock is held.
fn remove_unfinished(root: &Path, warnings: &mut Vec<String>) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(UNFINISHED)
            && entry.file_type().is_ok_and(|kind| kind.is_file());
        if !ours {
            continue;
        }
        if let Err(error) = fs::remove_file(entry.path()) {
            warnings.push(format!(
                "an interrupted run left `{}`, which could not be removed: {error}; remove it",
                crate::roots::shown(&entry.path())
            ));
        }
    }
}

/// A whole file on disk that has no name to last yet.
fn unfinished(
    root: &Path,
    old: Option<&Old>,
    warnings: &mut Vec<String>,
    fill: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<NamedTempFile> {
    let owner_only = Permissions::from_mode(OWNER_ONLY);
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED).permissions(owner_only.clone());
    let new = builder.tempfile_in(root)?;
    // The umask may have taken the owner's own rights.
    new.as_file().set_permissions(owner_only)?;
    if let Some(old) = old {
        warnings.extend(give_away(new.as_file(), &old.metadata)?);
    }
    fill(new.as_file())?;
    new.as_file().sync_all()?;
    Ok(new)
}

/// Gives a file to the owner and group of the old one; a warning where that is not permitted.
fn give_away(new: &File, old: &Metadata) -> io::Result<Option<String>> {
    let (uid, gid) = (old.uid(), old.gid());
    let own = new.metadata()?;
    if (own.uid(), own.gid()) == (uid, gid) {
        return Ok(None);
    }
    let given = fchown(new, Some(uid), Some(gid));
    Ok(given.err().map(|error| {
        format!(
            "`{FILE_NAME}` belonged to user {uid} and group {gid}, and belongs to user {} now: {error}; \
             `chown {uid}:{gid} {FILE_NAME}` if the application cannot read it",
            own.uid()
        )
    }))
}

/// Copies the old file to a name that nothing has; returns that name.
fn keep(root: &Path, old: &Old, file: &Path) -> Result<String> {
    let failed = |error| SecretsError::Write {
        file: file.into(),
        error,
    };
    // Who owns the copy was said of the new file.
    let copy = unfinished(root, Some(old), &mut Vec::new(), |mut copy| {
        io::copy(&mut &old.file, &mut copy).map(drop)
    });
    let mut copy = copy.map_err(failed)?;
    if !old.is_still(file) {
        return Err(SecretsError::Changed { file: file.into() });
    }
    for earlier in 0..MOST_KEPT {
        let name = kept_name(earlier);
        match copy.persist_noclobber(root.join(&name)) {
            Ok(_) => return Ok(name),
            Err(taken) if taken.error.kind() == io::ErrorKind::AlreadyExists => copy = taken.file,
            Err(refused) => return Err(failed(refused.error)),
        }
    }
    Err(failed(io::Error::from(io::ErrorKind::AlreadyExists)))
}

/// The name for a file that is kept now, after so many others in the same second.
pub(super) fn kept_name(earlier: u32) -> String {
    let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    match earlier {
        0 => format!("{FILE_NAME}.{time}"),
        _ => format!("{FILE_NAME}.{time}-{earlier:02}"),
    }
}

impl Old {
    /// Whether the path still leads to the file that was read, as it was.
    fn is_still(&self, path: &Path) -> bool {
        let stamp = |metadata: &Metadata| {
            let modified = (metadata.mtime(), metadata.mtime_nsec());
            let changed = (metadata.ctime(), metadata.ctime_nsec());
            (
                metadata.dev(),
                metadata.ino(),
                metadata.size(),
                modified,
                changed,
            )
        };
        path.symlink_metadata()
            .is_ok_and(|now| stamp(&now) == stamp(&self.metadata))
    }
}

#[cfg(test)]
mod tests;
