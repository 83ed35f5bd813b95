//! What a snapshot covers beside the rows: every file that a command of this program can remove.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::roots::Roots;
use crate::target::{FilesChoice, Target};

/// The directories and single files that a snapshot covers, opened.
#[derive(Debug)]
pub(super) struct Coverage {
    /// The directories, as the manifest names them; none lies in another.
    pub(super) directories: Vec<PathBuf>,
    /// The single files, relative to the application's directory.
    pub(super) files: Vec<PathBuf>,
    pub(super) roots: Roots,
}

/// The directories that are covered, the outermost only.
pub(super) fn directories(target: &Target) -> Vec<PathBuf> {
    let manifest = &target.manifest;
    let emptied = manifest.reset.empty.iter().cloned();
    let mut names: Vec<PathBuf> = emptied.chain(manifest.files.roots.clone()).collect();
    names.sort();
    names.dedup();
    let all = names.clone();
    let inner = |name: &PathBuf| {
        let path = target.root.join(name);
        let outer = |other: &&PathBuf| *other != name && path.starts_with(target.root.join(other));
        all.iter().any(|other| outer(&other))
    };
    names.retain(|name| !inner(name));
    names
}

impl Coverage {
    /// What a snapshot of this application covers now; nothing where files are left out.
    ///
    /// Fails where a directory cannot be opened.
    pub(super) fn of(target: &Target) -> Result<Self> {
        if target.files == FilesChoice::Leave {
            return Self::open(target, Vec::new(), Vec::new());
        }
        Self::open(
            target,
            directories(target),
            vec![target.manifest.reset.environment_file.clone()],
        )
    }

    /// What a snapshot covered when it was saved.
    pub(super) fn open(
        target: &Target,
        directories: Vec<PathBuf>,
        files: Vec<PathBuf>,
    ) -> Result<Self> {
        let roots = Roots::open(&target.root, &directories, &target.protected())?;
        Ok(Self {
            directories,
            files,
            roots,
        })
    }

    /// The name of a directory or file by its number in the index: directories first.
    pub(super) fn name(&self, top: usize) -> Option<&Path> {
        let files = top.checked_sub(self.directories.len());
        let name = match files {
            None => self.directories.get(top),
            Some(at) => self.files.get(at),
        };
        name.map(PathBuf::as_path)
    }
}
