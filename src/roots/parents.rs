//! The directories that hold places, each opened once for many places.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::beneath::Barrier;
use super::inspect::permits;
use super::standing::{self, Standing};
use super::{Place, Roots};

/// Neighbours among the files of an application lie in few directories.
const MOST: usize = 8;

/// An open directory beneath a root.
#[derive(Debug)]
pub(crate) struct Parent {
    directory: OwnedFd,
    standing: Standing,
    permits: OnceLock<()>,
}

/// The directories used last. Each is the one that stood at its path when it was opened: whoever
/// renames or removes forgets them after each batch.
#[derive(Debug)]
pub(crate) struct Parents<'r> {
    roots: &'r Roots,
    open: VecDeque<(usize, PathBuf, Arc<Parent>)>,
}

impl<'r> Parents<'r> {
    /// None opened yet.
    pub(crate) fn new(roots: &'r Roots) -> Self {
        Self {
            roots,
            open: VecDeque::new(),
        }
    }

    /// The roots they lie in.
    pub(crate) fn roots(&self) -> &'r Roots {
        self.roots
    }

    /// The directory that holds `place`, and the name of the place in it.
    pub(crate) fn of<'p>(&mut self, place: &'p Place) -> Result<(Arc<Parent>, &'p OsStr), Barrier> {
        let (path, name) = place.split();
        let parent = match self.known(place.root, path) {
            Some(parent) => parent,
            None => self.enter(place.root, path)?,
        };
        Ok((parent, name))
    }

    /// Forgets them: from here on each is looked up by its path again.
    pub(crate) fn forget(&mut self) {
        self.open.clear();
    }

    fn known(&self, root: usize, path: &Path) -> Option<Arc<Parent>> {
        let mut open = self.open.iter();
        let known = open.find(|(of, known, _)| *of == root && known == path);
        known.map(|(.., parent)| Arc::clone(parent))
    }

    fn enter(&mut self, root: usize, path: &Path) -> Result<Arc<Parent>, Barrier> {
        let directory = self.roots.open_directory(root, path)?;
        let parent = Arc::new(Parent {
            standing: standing::own(&directory)?,
            directory,
            permits: OnceLock::new(),
        });
        if self.open.len() >= MOST {
            self.open.pop_back();
        }
        self.open
            .push_front((root, path.to_owned(), Arc::clone(&parent)));
        Ok(parent)
    }
}

impl Parent {
    /// Its descriptor.
    pub(crate) fn directory(&self) -> &OwnedFd {
        &self.directory
    }

    /// Which directory it is.
    pub(crate) fn inode(&self) -> (u64, u64) {
        self.standing.identity.inode()
    }

    /// The directory, if entries may be removed from it. Asked until it is so.
    pub(super) fn permits(&self) -> io::Result<&Standing> {
        if self.permits.get().is_none() {
            permits(&self.directory)?;
            let _ = self.permits.set(());
        }
        Ok(&self.standing)
    }
}
