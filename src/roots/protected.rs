//! Files that are never touched, even inside a root.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::CWD;

use super::identity::{Identity, Kind};
use super::refusal::{Refusal, shown};
use super::standing;

/// The protected paths, as given and as the file system resolves them, and the inodes that stand
/// there now: another hard link of the database is the database.
#[derive(Debug, Default)]
pub(super) struct Protected {
    paths: Vec<PathBuf>,
    directories: Vec<PathBuf>,
    inodes: HashMap<(u64, u64), Inode>,
}

/// Where an inode was seen.
#[derive(Debug)]
struct Inode {
    spelling: PathBuf,
    given: PathBuf,
}

impl Protected {
    /// Adds an absolute path; one that does not exist yet is protected by its path alone.
    pub(super) fn add(&mut self, path: &Path) -> io::Result<()> {
        let resolved = resolved(path)?;
        let parent = resolved_parent(path)?;
        for spelling in [path, &resolved, &parent] {
            if !self.paths.iter().any(|known| known == spelling) {
                self.paths.push(spelling.to_owned());
            }
            match standing::entry(CWD, spelling) {
                Ok(standing) => self.remember(spelling, path, &standing.identity),
                Err(error) if is_absent(&io::Error::from(error)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn remember(&mut self, spelling: &Path, given: &Path, identity: &Identity) {
        let seen = Inode {
            spelling: spelling.to_owned(),
            given: given.to_owned(),
        };
        self.inodes.insert(identity.inode(), seen);
        if identity.kind == Kind::Directory {
            self.directories.push(spelling.to_owned());
        }
    }

    /// Every protected path, in every spelling.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.paths.iter().map(PathBuf::as_path)
    }

    /// Refuses a path that is a protected one or lies beneath one.
    pub(super) fn refuse_path(&self, path: &Path) -> Result<(), Refusal> {
        match self
            .paths
            .iter()
            .find(|protected| path.starts_with(protected))
        {
            Some(protected) => Err(Refusal::Protected(shown(protected))),
            None => Ok(()),
        }
    }

    /// Refuses what is a protected file under whatever name. A journal comes and goes, and another
    /// file may get its inode: what counts is what stands at the protected path now.
    pub(super) fn refuse_inode(&self, identity: &Identity) -> Result<(), Refusal> {
        let Some(seen) = self.inodes.get(&identity.inode()) else {
            return Ok(());
        };
        match standing::entry(CWD, &seen.spelling) {
            Ok(standing) if standing.identity.inode() != identity.inode() => Ok(()),
            Err(error) if is_absent(&io::Error::from(error)) => Ok(()),
            Ok(_) | Err(_) => Err(Refusal::Protected(shown(&seen.given))),
        }
    }

    /// Whether a path below a directory of these spellings can be refused by [`refuse_path`](Self::refuse_path).
    pub(super) fn concerns(&self, spellings: &[PathBuf]) -> bool {
        let mut pairs = self
            .paths
            .iter()
            .flat_map(|path| spellings.iter().map(move |spelling| (path, spelling)));
        pairs.any(|(path, spelling)| path.starts_with(spelling) || spelling.starts_with(path))
    }

    /// Whether a protected directory lies beneath `root`, so that each step must be compared.
    pub(super) fn has_directory_in(&self, root: &Path) -> bool {
        self.directories
            .iter()
            .any(|directory| directory.starts_with(root))
    }
}

/// The path with every link followed; what does not exist is kept as it is spelt.
fn resolved(path: &Path) -> io::Result<PathBuf> {
    match path.canonicalize() {
        Err(error) if is_absent(&error) => resolved_parent(path),
        answer => answer,
    }
}

/// The path with every link but the last component followed.
fn resolved_parent(path: &Path) -> io::Result<PathBuf> {
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => Ok(resolved(parent)?.join(name)),
        _ => Ok(path.to_owned()),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
