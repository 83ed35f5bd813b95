//! A place beneath a root: the only form in which a path reaches the file system.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::refusal::shown;

/// A path that has passed the gate: a root, and a normal relative path beneath it.
///
/// Only [`Roots::locate`](super::Roots::locate), [`Roots::restore`](super::Roots::restore) and
/// [`Roots::walk`](super::Roots::walk) make one, and it is meaningful only to the `Roots` that made
/// it. Two spellings of one path give equal places. `Display` is fit for a terminal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    pub(super) root: usize,
    pub(super) name: Arc<Path>,
    pub(super) relative: PathBuf,
}

impl Place {
    /// The root as the manifest names it; with [`relative`](Self::relative), what an outbox stores
    /// and [`Roots::restore`](super::Roots::restore) takes back.
    #[must_use]
    pub fn root_name(&self) -> &Path {
        &self.name
    }

    /// The path beneath the root: never empty, never absolute, no `.` and no `..`.
    #[must_use]
    pub fn relative(&self) -> &Path {
        &self.relative
    }

    /// The number of the root among the manifest's, in their order.
    #[must_use]
    pub fn root_index(&self) -> usize {
        self.root
    }

    /// Whether this place is `other` or lies beneath it.
    #[must_use]
    pub fn lies_in(&self, other: &Self) -> bool {
        self.root == other.root && self.relative.starts_with(&other.relative)
    }

    /// The directory that holds the place (the root itself is the empty path), and the last name.
    pub(crate) fn split(&self) -> (&Path, &OsStr) {
        let parent = self.relative.parent().unwrap_or(Path::new(""));
        (parent, self.relative.file_name().unwrap_or_default())
    }

    pub(super) fn enter(&mut self, name: &OsString) {
        self.relative.push(name);
    }

    pub(super) fn leave(&mut self) {
        self.relative.pop();
    }

    pub(super) fn child(&self, name: &OsStr) -> Self {
        Self {
            root: self.root,
            name: Arc::clone(&self.name),
            relative: self.relative.join(name),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&shown(&self.name.join(&self.relative)))
    }
}
