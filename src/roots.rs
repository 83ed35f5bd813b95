//! The directories that hold users' files, seen read-only.
//!
//! A path from the database passes two gates. The first is lexical and pure ([`Roots::locate`]):
//! it makes a [`Place`], or a [`Refusal`]. The second is the file system's: every look at a place
//! goes by descriptor from its root, through no symbolic link and over no mount point (invariant 4).
//! Nothing here changes anything; what removes files is [`storage`](crate::storage).

mod beneath;
mod census;
mod gate;
mod identity;
mod inspect;
mod letters;
mod parents;
mod place;
mod protected;
mod refusal;
mod standing;
#[cfg(test)]
mod tests;
mod visit;
mod walk;
#[cfg(test)]
pub(crate) mod world;

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, Mode, openat};

pub(crate) use beneath::Barrier;
pub(crate) use census::{Found, Listing};
pub(crate) use gate::RESERVED;
pub use identity::{Identity, IdentityError, Kind};
pub use inspect::Inspection;
pub(crate) use parents::{Parent, Parents};
pub use place::Place;
use protected::Protected;
pub use refusal::{Refusal, shown};
pub(crate) use standing::{Standing, entry, entry_if_any, own};
pub(crate) use visit::{Visit, Visited};
pub use walk::{Entry, Sink};
pub(crate) use walk::{names, names_that};

/// The roots of an application, opened, and the files in them that are never touched.
#[derive(Debug)]
pub struct Roots {
    base: PathBuf,
    known: Vec<Root>,
    protected: Protected,
}

#[derive(Debug)]
struct Root {
    name: Arc<Path>,
    /// Absolute, first as the manifest spells it, then with its links resolved.
    spellings: Vec<PathBuf>,
    /// None if the root does not exist.
    directory: Option<OwnedFd>,
    device: u64,
    /// Which directory it is, however it is reached.
    inode: Option<(u64, u64)>,
    /// A protected directory lies inside: compare each step on the way with it.
    wary: bool,
    /// A protected path lies inside, or it lies in one: compare each path with them.
    guarded: bool,
    /// Names in it that differ only in case are one.
    ignores_case: bool,
}

/// Why the roots cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// The base directory cannot be resolved.
    #[error("cannot find the directory `{}`: {source}", shown(path))]
    Base {
        /// The directory as given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A root exists and cannot be opened.
    #[error("cannot open the root `{}`: {source}", shown(path))]
    Root {
        /// The root as the manifest names it.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A root is the whole file system.
    #[error(
        "the root `{}` is the whole file system; name the directory that holds users' files",
        shown(path)
    )]
    WholeFileSystem {
        /// The root as the manifest names it.
        path: PathBuf,
    },
    /// Two roots are one directory, or one lies in the other by way of a link: a file would have two
    /// places.
    #[error(
        "the roots `{}` and `{}` are the same directory, or one leads into the other through a link; \
         name one of them",
        shown(one),
        shown(other)
    )]
    Alias {
        /// The one, as the manifest names it.
        one: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// It cannot be told which file a row names.
    #[error(
        "cannot tell where `{}`, which a row names, leads: {source}",
        shown(path)
    )]
    Unresolved {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A protected file cannot be looked at, so it could not be recognised.
    #[error("cannot look at the protected `{}`: {source}", shown(path))]
    Protected {
        /// The protected path as given.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Roots {
    /// Opens the roots `names`, each relative to `base` or absolute.
    ///
    /// A root that does not exist is remembered as missing; a root that is a symbolic link is followed
    /// once, here. `protected` paths, relative to `base` or absolute, are never touched, under
    /// whatever name or hard link, nor is anything beneath one that is a directory.
    ///
    /// # Errors
    /// If a root exists and is no directory or cannot be read, is `/`, or if a protected path cannot be
    /// looked at.
    pub fn open(base: &Path, names: &[PathBuf], protected: &[PathBuf]) -> Result<Self, RootsError> {
        let base = absolute(base)?;
        let mut guarded = Protected::default();
        for path in protected {
            guarded
                .add(&base.join(path))
                .map_err(|source| RootsError::Protected {
                    path: path.clone(),
                    source,
                })?;
        }
        let roots = names.iter().map(|name| Root::open(&base, name, &guarded));
        let known: Vec<Root> = roots.collect::<Result<_, _>>()?;
        refuse_aliases(&known)?;
        Ok(Self {
            known,
            protected: guarded,
            base,
        })
    }

    /// The application's directory, absolute, to which relative paths refer.
    #[must_use]
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// The roots that do not exist, as the manifest names them.
    pub fn missing(&self) -> impl Iterator<Item = &Path> {
        self.known
            .iter()
            .filter(|root| root.directory.is_none())
            .map(|root| &*root.name)
    }

    /// Every root that exists: its number, its name in the manifest, its directory.
    pub(crate) fn present(&self) -> impl Iterator<Item = (usize, &Path, &OwnedFd)> {
        let numbered = self.known.iter().enumerate();
        numbered.filter_map(|(index, root)| Some((index, &*root.name, root.directory.as_ref()?)))
    }

    /// Every absolute path of one root, first as the manifest spells it.
    pub(crate) fn spellings(&self, root: usize) -> &[PathBuf] {
        self.known.get(root).map_or(&[], |root| &root.spellings)
    }

    /// The directory of one root, if it exists.
    pub(crate) fn directory(&self, root: usize) -> Option<&OwnedFd> {
        self.known.get(root)?.directory.as_ref()
    }
}

impl Root {
    fn open(base: &Path, name: &Path, protected: &Protected) -> Result<Self, RootsError> {
        let failed = |source| RootsError::Root {
            path: name.to_owned(),
            source,
        };
        let given = lexical(&base.join(name));
        let canonical = match base.join(name).canonicalize() {
            Ok(canonical) => canonical,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self::missing(base, name, given, protected));
            }
            Err(error) => return Err(failed(error)),
        };
        if canonical.parent().is_none() {
            return Err(RootsError::WholeFileSystem {
                path: name.to_owned(),
            });
        }
        let directory = openat(CWD, &canonical, beneath::READ, Mode::empty())
            .map_err(|error| failed(error.into()))?;
        let standing = own(&directory).map_err(|error| failed(error.into()))?;
        let wary = protected.has_directory_in(&canonical);
        let ignores_case = letters::ignores_case(&directory, &canonical);
        let spellings = spellings(base, name, given, Some(canonical));
        Ok(Self {
            device: standing.identity.dev,
            inode: Some(standing.identity.inode()),
            guarded: protected.concerns(&spellings),
            spellings,
            directory: Some(directory),
            name: name.into(),
            wary,
            ignores_case,
        })
    }

    fn missing(base: &Path, name: &Path, given: PathBuf, protected: &Protected) -> Self {
        let spellings = spellings(base, name, given, None);
        Self {
            name: name.into(),
            guarded: protected.concerns(&spellings),
            spellings,
            directory: None,
            device: 0,
            inode: None,
            wary: false,
            ignores_case: false,
        }
    }
}

/// The last spelling of a root that exists is its resolved one.
fn refuse_aliases(roots: &[Root]) -> Result<(), RootsError> {
    for (at, one) in roots.iter().enumerate() {
        for (number, other) in roots.iter().enumerate() {
            let (Some(given), Some(resolved)) = (other.spellings.first(), other.spellings.last())
            else {
                continue;
            };
            let inside = one
                .spellings
                .last()
                .is_some_and(|root| resolved.starts_with(root));
            let spelt_inside = one
                .spellings
                .first()
                .is_some_and(|root| given.starts_with(root));
            let is_one = one.inode.is_some() && one.inode == other.inode;
            let twice = number > at && (is_one || one.spellings == other.spellings);
            if number != at && (twice || (inside && !spelt_inside)) {
                return Err(RootsError::Alias {
                    one: one.name.to_path_buf(),
                    other: other.name.to_path_buf(),
                });
            }
        }
    }
    Ok(())
}

/// As spelt in the manifest, beneath the resolved base, and resolved itself.
fn spellings(base: &Path, name: &Path, given: PathBuf, canonical: Option<PathBuf>) -> Vec<PathBuf> {
    let beneath = base
        .canonicalize()
        .ok()
        .map(|base| lexical(&base.join(name)));
    let mut spellings = vec![given];
    for spelling in [beneath, canonical].into_iter().flatten() {
        if !spellings.contains(&spelling) {
            spellings.push(spelling);
        }
    }
    spellings
}

fn absolute(base: &Path) -> Result<PathBuf, RootsError> {
    match std::path::absolute(base) {
        Ok(base) => Ok(lexical(&base)),
        Err(source) => Err(RootsError::Base {
            path: base.to_owned(),
            source,
        }),
    }
}

/// Without `.`, and without `..` where what stands before it is a name.
fn lexical(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}
