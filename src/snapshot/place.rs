//! Where snapshots lie, what they may be called, and how one appears there whole or not at all.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::CWD;

use super::error::SnapshotError;
use crate::error::Result;
use crate::storage::{self, is_unsupported, rename_new};
use crate::target::{STATE_DIRECTORY, Target};

/// How the name of a directory begins that is no snapshot yet.
const UNFINISHED: &str = ".unfinished-";

const LONGEST_NAME: usize = 100;

/// The directory that holds an application's snapshots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archive {
    directory: PathBuf,
    pub(super) keys: Keys,
}

/// Whether the application's Redis keys are saved and put back, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keys {
    /// They are left as they are.
    #[default]
    Left,
    /// They are.
    Included,
}

impl Archive {
    /// `<root>/.reset-app/snapshots`, or a directory of the caller's choice. Changes nothing.
    ///
    /// Fails where that directory lies in one whose files are part of a snapshot.
    pub fn of(target: &Target, directory: Option<&Path>) -> Result<Self> {
        let Some(given) = directory else {
            let state = target.root.join(STATE_DIRECTORY);
            return Ok(Self {
                directory: state.join("snapshots"),
                keys: Keys::Left,
            });
        };
        let given = target.root.join(given);
        let directory = given.canonicalize().unwrap_or(given);
        let roots = super::coverage::directories(target);
        let inside = roots.iter().any(|name| {
            let root = target.root.join(name);
            directory.starts_with(root.canonicalize().unwrap_or(root))
        });
        if inside {
            return Err(SnapshotError::Inside { directory }.into());
        }
        Ok(Self {
            directory,
            keys: Keys::Left,
        })
    }

    /// The same, with or without the application's Redis keys in what is saved and put back.
    #[must_use]
    pub fn with(self, keys: Keys) -> Self {
        Self { keys, ..self }
    }

    /// The directory itself, which may not exist yet.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The path that a snapshot of this name has.
    ///
    /// Fails where no snapshot can have it.
    pub(super) fn path(&self, name: &str) -> Result<PathBuf> {
        validate(name)?;
        Ok(self.directory.join(name))
    }

    /// The names of all snapshots, in byte order. Changes nothing.
    pub(super) fn names(&self) -> Result<Vec<String>> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(access("read", &self.directory, error).into()),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| access("read", &self.directory, error))?;
            let name = entry.file_name().into_string().ok();
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            names.extend(name.filter(|name| is_directory && validate(name).is_ok()));
        }
        names.sort_unstable();
        Ok(names)
    }

    /// The names of snapshots that an interrupted save or drop left, or that are being saved. Changes
    /// nothing.
    pub(super) fn unfinished(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.directory).into_iter().flatten();
        let name = |entry: fs::DirEntry| entry.file_name().into_string().ok();
        let names = entries.flatten().filter_map(name);
        let mut names: Vec<String> = names
            .filter_map(|name| name.strip_prefix(UNFINISHED).map(str::to_owned))
            .collect();
        names.sort_unstable();
        names
    }

    /// A private directory that becomes the snapshot `name` when it is published. What interrupted
    /// saves left is removed first: the caller holds the run lock.
    pub(super) fn begin(&self, name: &str) -> Result<Draft> {
        let path = self.path(name)?;
        self.make()?;
        self.remove_unfinished()?;
        if path.symlink_metadata().is_ok() {
            return Err(SnapshotError::Exists { name: name.into() }.into());
        }
        let draft = self.directory.join(format!("{UNFINISHED}{name}"));
        private(&draft).map_err(|error| saving("make", &draft, error))?;
        Ok(Draft {
            making: draft,
            path,
            published: false,
        })
    }

    /// A private directory for what a restore needs on the way; it goes with the value, or with the
    /// next save.
    pub(super) fn scratch(&self, run: &str) -> Result<Draft> {
        let draft = self.directory.join(format!("{UNFINISHED}{run}"));
        private(&draft).map_err(|error| access("make", &draft, error))?;
        Ok(Draft {
            path: draft.clone(),
            making: draft,
            published: false,
        })
    }

    fn make(&self) -> Result<()> {
        let ensure = |directory: &Path| match private(directory) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Ok(()) => sync_directory(directory.parent().unwrap_or(directory)),
            Err(error) => Err(error),
        };
        let made = self
            .directory
            .parent()
            .map_or(Ok(()), |parent| match ensure(parent) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir_all(parent),
                made => made,
            })
            .and_then(|()| ensure(&self.directory));
        made.map_err(|error| saving("make", &self.directory, error))?;
        Ok(())
    }

    /// Removes what interrupted saves left. The caller holds the run lock.
    pub(super) fn remove_unfinished(&self) -> Result<()> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(access("read", &self.directory, error).into()),
        };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                let path = entry.path();
                storage::remove_snapshot(&path)
                    .map_err(|error| access("remove the unfinished", &path, error))?;
            }
        }
        Ok(())
    }

    /// Removes a snapshot: out of sight by one rename, then for good.
    pub(super) fn remove(&self, name: &str) -> Result<()> {
        let path = self.path(name)?;
        let hidden = self.directory.join(format!("{UNFINISHED}{name}"));
        let removed = storage::remove_snapshot(&hidden)
            .and_then(|()| fs::rename(&path, &hidden))
            .and_then(|()| sync_directory(&self.directory))
            .and_then(|()| storage::remove_snapshot(&hidden))
            .and_then(|()| sync_directory(&self.directory));
        Ok(removed.map_err(|error| access("remove", &path, error))?)
    }
}

/// A snapshot that is not there yet. Dropped without [`publish`](Self::publish) it is removed.
#[derive(Debug)]
pub(super) struct Draft {
    making: PathBuf,
    path: PathBuf,
    published: bool,
}

impl Draft {
    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.making.join(name)
    }

    /// Gives it its name, durably. Everything in it is on disk already.
    pub(super) fn publish(mut self) -> Result<PathBuf> {
        let parent = self.path.parent().unwrap_or(&self.path).to_owned();
        let named = sync_directory(&self.making)
            .and_then(|()| {
                match rename_new(CWD, &self.making, CWD, &self.path) {
                    // Over a snapshot, which is no empty directory, this one fails too.
                    Err(error) if is_unsupported(error) => fs::rename(&self.making, &self.path),
                    renamed => Ok(renamed?),
                }
            })
            .and_then(|()| {
                self.published = true;
                sync_directory(&parent)
            });
        named.map_err(|error| saving("name", &self.path, error))?;
        Ok(self.path.clone())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.published {
            return;
        }
        if let Err(error) = storage::remove_snapshot(&self.making) {
            log::warn!(
                "could not remove the unfinished `{}`, which the next save removes: {error}",
                self.making.display()
            );
        }
    }
}

/// Makes a directory that nobody else may enter.
pub(super) fn private(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn validate(name: &str) -> Result<()> {
    let why = match name {
        "" => "it is empty",
        _ if name.len() > LONGEST_NAME => "it is longer than 100 bytes",
        _ if name.starts_with(['.', '-']) => "it begins with a dot or a hyphen",
        _ if name.contains(['/', '\\']) => "it holds a slash",
        _ if name.contains(char::is_control) => "it holds a control character",
        _ if name.trim() != name => "it begins or ends with a space",
        _ => return Ok(()),
    };
    Err(SnapshotError::Name {
        name: name.into(),
        why,
    }
    .into())
}

pub(super) fn saving(doing: &'static str, path: &Path, error: io::Error) -> SnapshotError {
    SnapshotError::Save {
        doing,
        path: path.into(),
        error,
    }
}

pub(super) fn access(doing: &'static str, path: &Path, error: io::Error) -> SnapshotError {
    SnapshotError::Access {
        doing,
        path: path.into(),
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_but_into_its_directory() {
        for name in [
            "", ".", "..", ".hidden", "a/b", "/", "-f", "a\nb", "a\0", " a", "a\\b",
        ] {
            assert!(validate(name).is_err(), "{name:?}");
        }
        for name in ["clean", "before-2.0", "jürgen", "a b", "2026-11-24T03:00"] {
            assert!(validate(name).is_ok(), "{name:?}");
        }
    }
}
