//! By which other paths a row may name a file.

use std::collections::{BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::roots::{Place, Roots, RootsError, shown};

/// Names of files that rows name by paths which this program may not follow, each with the first of
/// these paths and what the system said of it.
#[derive(Debug, Default)]
pub(crate) struct Doubts(HashMap<OsString, String>);

impl Doubts {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Why a row may name the file at this path, if one may.
    pub(crate) fn about(&self, path: &Path) -> Option<String> {
        let unknown = self.0.get(path.file_name()?)?;
        Some(format!(
            "a row that stays may name it: it cannot be told where {unknown}"
        ))
    }

    fn add(&mut self, path: &Path, name: &OsStr, error: &io::Error) {
        let reason = || format!("`{}` leads: {error}", shown(path));
        self.0.entry(name.to_owned()).or_insert_with(reason);
    }
}

/// The places that a path means: as it is spelt, and as its links resolve.
pub(super) struct Aliases<'r> {
    roots: &'r Roots,
    directories: HashMap<PathBuf, Directory>,
    /// Whether a file in a directory has no other name by it, of those that were asked about.
    plain: HashMap<PathBuf, bool>,
}

/// A directory that rows name, looked at once.
enum Directory {
    Nowhere,
    Unknown(io::Error),
    At {
        canonical: PathBuf,
        /// The links in it; nothing where it cannot be listed, and every name may be one.
        links: Option<BTreeSet<OsString>>,
    },
}

impl<'r> Aliases<'r> {
    pub(super) fn new(roots: &'r Roots) -> Self {
        Self {
            roots,
            directories: HashMap::new(),
            plain: HashMap::new(),
        }
    }

    /// Whether a file that is spelt like this has no other name by its directory. Looks at each
    /// directory once.
    pub(super) fn are_none(&mut self, raw: &[u8]) -> Result<bool> {
        let Some(parent) = Path::new(OsStr::from_bytes(raw)).parent() else {
            return Ok(false);
        };
        let spelt = self.roots.base().join(parent);
        if let Some(known) = self.plain.get(&spelt) {
            return Ok(*known);
        }
        let place = |directory: &Path| {
            let file = directory.join("file");
            self.roots.locate_kept(file.as_os_str().as_bytes()).ok()
        };
        let none = match Directory::look(&spelt)? {
            Directory::Nowhere => true,
            Directory::Unknown(_) => false,
            Directory::At { canonical, links } => {
                links.as_ref().is_some_and(BTreeSet::is_empty) && place(&spelt) == place(&canonical)
            }
        };
        self.plain.insert(spelt, none);
        Ok(none)
    }

    /// The places that a path means, as far as it can be told.
    pub(super) fn places(&mut self, raw: &[u8], doubts: &mut Doubts) -> Result<BTreeSet<Place>> {
        let mut places = BTreeSet::new();
        places.extend(self.roots.locate_kept(raw).ok());
        if raw.contains(&0) {
            return Ok(places);
        }
        let path = self.roots.base().join(OsStr::from_bytes(raw));
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Ok(places);
        };
        if !self.directories.contains_key(parent) {
            let directory = Directory::look(parent)?;
            self.directories.insert(parent.to_owned(), directory);
        }
        let (canonical, links) = match self.directories.get(parent) {
            None | Some(Directory::Nowhere) => return Ok(places),
            Some(Directory::Unknown(error)) => {
                doubts.add(&path, name, error);
                return Ok(places);
            }
            Some(Directory::At { canonical, links }) => (canonical.join(name), links),
        };
        let may_link = links.as_ref().is_none_or(|links| links.contains(name));
        if may_link {
            match led(&canonical)? {
                Led::Nowhere => {}
                Led::To(path) => places.extend(self.located(&path)),
                Led::Unknown(error) => doubts.add(&path, name, &error),
            }
        }
        places.extend(self.located(&canonical));
        Ok(places)
    }

    fn located(&self, path: &Path) -> Option<Place> {
        self.roots.locate_kept(path.as_os_str().as_bytes()).ok()
    }
}

/// Where a path leads.
enum Led {
    To(PathBuf),
    /// Nowhere, whoever follows it.
    Nowhere,
    /// Others may be able to follow it.
    Unknown(io::Error),
}

/// Fails where the system cannot tell: a file that a row names by it would not be known.
fn led(path: &Path) -> Result<Led> {
    let error = match path.canonicalize() {
        Ok(resolved) => return Ok(Led::To(resolved)),
        Err(error) => error,
    };
    match Errno::from_io_error(&error) {
        Some(Errno::NOENT | Errno::NOTDIR) => Ok(Led::Nowhere),
        Some(Errno::ACCESS | Errno::PERM) => Ok(Led::Unknown(error)),
        // The path that it resolves to may be too long although it can be followed.
        Some(Errno::LOOP | Errno::NAMETOOLONG) => match path.metadata() {
            Err(same) if same.raw_os_error() == error.raw_os_error() => Ok(Led::Nowhere),
            Ok(_) | Err(_) => Ok(Led::Unknown(error)),
        },
        _ => Err(Error::from(RootsError::Unresolved {
            path: path.to_owned(),
            source: error,
        })),
    }
}

impl Directory {
    fn look(path: &Path) -> Result<Self> {
        Ok(match led(path)? {
            Led::Nowhere => Self::Nowhere,
            Led::Unknown(error) => Self::Unknown(error),
            Led::To(canonical) => {
                let links = links(&canonical);
                if let Err(error) = &links {
                    log::debug!("`{}`: {error}", shown(path));
                }
                Self::At {
                    links: links.ok(),
                    canonical,
                }
            }
        })
    }
}

fn links(directory: &Path) -> io::Result<BTreeSet<OsString>> {
    let mut links = BTreeSet::new();
    for entry in directory.read_dir()? {
        let entry = entry?;
        if entry.file_type()?.is_symlink() {
            links.insert(entry.file_name());
        }
    }
    Ok(links)
}
