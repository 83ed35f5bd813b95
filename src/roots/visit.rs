//! Everything that stands below the roots, for whoever only reads.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, fstat, openat};

use super::beneath::Barrier;
use super::identity::Kind;
use super::{Refusal, Roots, names, standing};

/// One thing below a root.
#[derive(Debug)]
pub(crate) enum Visit {
    /// An entry.
    Entry(Visited),
    /// What cannot be looked at: its path, from the name of its root on, and why.
    Trouble(PathBuf, String),
}

/// An entry below a root: of a link, the link itself.
#[derive(Clone, Debug)]
pub(crate) struct Visited {
    /// The number of the root.
    pub(crate) root: usize,
    /// The root as the manifest names it.
    pub(crate) name: PathBuf,
    /// The path below it.
    pub(crate) relative: PathBuf,
    /// What it is.
    pub(crate) kind: Kind,
}

impl Visited {
    /// Its path, from the name of its root on.
    pub(crate) fn path(&self) -> PathBuf {
        self.name.join(&self.relative)
    }
}

impl Roots {
    /// Tells `sink` everything below the roots, each directory before its contents, through no link and
    /// over no mount. Protected files are left out: they are not the users'.
    pub(crate) fn visit(&self, sink: &mut dyn FnMut(Visit) -> ControlFlow<()>) -> ControlFlow<()> {
        for (root, name, _) in self.present() {
            let mut pending = vec![PathBuf::new()];
            while let Some(directory) = pending.pop() {
                self.visit_directory((root, name), &directory, &mut pending, sink)?;
            }
        }
        ControlFlow::Continue(())
    }

    fn visit_directory(
        &self,
        (root, name): (usize, &Path),
        relative: &Path,
        pending: &mut Vec<PathBuf>,
        sink: &mut dyn FnMut(Visit) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let trouble = |reason: String| Visit::Trouble(name.join(relative), reason);
        let opened = match self.open_directory(root, relative) {
            Ok(opened) => opened,
            Err(Barrier::Missing(_) | Barrier::Refused(Refusal::Protected(_))) => {
                return ControlFlow::Continue(());
            }
            Err(Barrier::Refused(refusal)) => return sink(trouble(refusal.to_string())),
            Err(Barrier::Trouble(error)) => return sink(trouble(error.to_string())),
        };
        let found = match names(&opened) {
            Ok(found) => found,
            Err(error) => return sink(trouble(error.to_string())),
        };
        let mut below = Vec::new();
        for entry in found {
            let relative = relative.join(&entry);
            match standing::entry_if_any(&opened, &entry) {
                Ok(None) => {}
                Ok(Some(standing)) if self.is_left_out(root, &relative, &standing.identity) => {}
                Ok(Some(standing)) => {
                    let kind = standing.identity.kind;
                    let visited = Visited {
                        root,
                        name: name.into(),
                        relative: relative.clone(),
                        kind,
                    };
                    sink(Visit::Entry(visited))?;
                    if kind == Kind::Directory {
                        below.push(relative);
                    }
                }
                Err(error) => {
                    let error = io::Error::from(error).to_string();
                    sink(Visit::Trouble(name.join(&relative), error))?;
                }
            }
        }
        pending.extend(below.into_iter().rev());
        ControlFlow::Continue(())
    }

    /// Protected, or another root, which is visited on its own.
    fn is_left_out(&self, root: usize, relative: &Path, identity: &super::Identity) -> bool {
        let protected = self.protected.refuse_inode(identity).is_err()
            || self
                .known
                .get(root)
                .is_some_and(|root| self.refuse_protected(root, relative).is_err());
        let is_root = |directory| {
            standing::own(directory).is_ok_and(|own| own.identity.inode() == identity.inode())
        };
        protected || self.present().any(|(_, _, directory)| is_root(directory))
    }

    /// Opens a regular file for reading.
    ///
    /// # Errors
    /// If it is none, or cannot be reached or read.
    pub(crate) fn open_file(&self, visited: &Visited) -> io::Result<File> {
        let parent = visited.relative.parent().unwrap_or(Path::new(""));
        let name: OsString = visited.relative.file_name().unwrap_or_default().into();
        let directory =
            self.open_directory(visited.root, parent)
                .map_err(|barrier| match barrier {
                    Barrier::Trouble(error) => error,
                    Barrier::Missing(_) => io::ErrorKind::NotFound.into(),
                    Barrier::Refused(refusal) => io::Error::other(refusal.to_string()),
                })?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(&directory, &name, flags, Mode::empty())?;
        let kind = rustix::fs::FileType::from_raw_mode(fstat(&file)?.st_mode);
        if kind != rustix::fs::FileType::RegularFile {
            return Err(io::Error::other("it is no regular file any more"));
        }
        Ok(File::from(file))
    }
}
