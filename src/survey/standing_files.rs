//! Which files a value names: by what it spells, or by which paths hold it.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rusqlite::Connection;

use super::file_table::places;
use crate::error::Result;
use crate::manifest::{FilePath, Sought};
use crate::roots::{Entry, Kind, Place, Refusal, Roots, RootsError, entry, names};

/// The files that values of one column name.
#[derive(Debug)]
pub(super) enum Named<'p> {
    /// The value is a path.
    Spelt,
    /// The value is part of a path that says exactly where.
    At(&'p FilePath),
    /// Files that were looked through, by what their paths hold.
    Held(Search<'p>),
}

/// Files by what their paths hold.
#[derive(Debug)]
pub(super) struct Search<'p> {
    sought: Sought<'p>,
    files: HashMap<Vec<u8>, Vec<Vec<u8>>>,
    /// Directories that were not looked into.
    unseen: Vec<Unseen>,
}

/// A directory that was not looked into.
#[derive(Debug)]
pub(super) struct Unseen {
    pub(super) at: Place,
    spellings: Vec<PathBuf>,
    pub(super) reason: String,
}

impl<'p> Named<'p> {
    /// Looks through the files below the roots, if the pattern needs it. A file that cannot be looked
    /// at is one of them, for whoever comes to take it finds out.
    ///
    /// Fails where a root cannot be read.
    pub(super) fn below(roots: &Roots, path: Option<&'p FilePath>) -> Result<Self> {
        Self::from(roots, path, |held| {
            for (index, root, directory) in roots.present() {
                let mut spellings = roots.spellings(index).iter();
                if !spellings.any(|root| held.sought.may_stand_below(root)) {
                    continue;
                }
                let unreadable = |source| RootsError::Root {
                    path: root.to_owned(),
                    source,
                };
                for name in names(directory).map_err(unreadable)? {
                    let Ok(place) = roots.place_at(index, name.as_bytes()) else {
                        continue;
                    };
                    let _ = roots.walk(&place, &mut |entry| {
                        match entry {
                            Entry::File(file, _) => held.note(roots, &file),
                            Entry::Trouble(file, _) if is_file(roots, &file) => {
                                held.note(roots, &file);
                            }
                            Entry::Trouble(at, error) => {
                                let reason = format!("could not be looked into: {error}");
                                held.miss(roots, at, reason);
                            }
                            Entry::Refused(at, refusal) if is_unentered(&refusal) => {
                                held.miss(roots, at, refusal.to_string());
                            }
                            Entry::Directory(..) | Entry::Refused(..) => {}
                        }
                        ControlFlow::Continue(())
                    });
                }
            }
            Ok(())
        })
    }

    /// Looks through the files that a temporary table lists.
    pub(super) fn among(
        roots: &Roots,
        path: Option<&'p FilePath>,
        connection: &Connection,
        table: &str,
    ) -> Result<Self> {
        Self::from(roots, path, |held| {
            let sql = format!("SELECT root, path FROM {table}");
            for file in places(roots, connection, &sql, [])? {
                held.note(roots, &file);
            }
            Ok(())
        })
    }

    fn from(
        roots: &Roots,
        path: Option<&'p FilePath>,
        look: impl FnOnce(&mut Search) -> Result<()>,
    ) -> Result<Self> {
        let Some(pattern) = path else {
            return Ok(Self::Spelt);
        };
        if pattern.of(b"").is_some() {
            return Ok(Self::At(pattern));
        }
        let mut held = Search {
            sought: Sought::from(roots.base(), pattern),
            files: HashMap::new(),
            unseen: Vec::new(),
        };
        look(&mut held)?;
        Ok(Self::Held(held))
    }

    /// The paths that a value names.
    pub(super) fn by(&self, value: Vec<u8>) -> Vec<Vec<u8>> {
        match self {
            Self::Spelt => vec![value],
            Self::At(pattern) => pattern.of(&value).into_iter().collect(),
            Self::Held(held) => {
                let files = held.files.get(&*held.sought.held(&value));
                files.cloned().unwrap_or_default()
            }
        }
    }

    /// Takes out the directories below which a file that a value names may stand unseen.
    pub(super) fn unseen_of(&mut self, value: &[u8]) -> Vec<Unseen> {
        let Self::Held(Search { sought, unseen, .. }) = self else {
            return Vec::new();
        };
        let may_hold = |unseen: &mut Unseen| {
            let mut spellings = unseen.spellings.iter();
            spellings.any(|spelt| sought.of_value_may_stand_below(value, spelt))
        };
        unseen.extract_if(.., may_hold).collect()
    }
}

impl Search<'_> {
    fn note(&mut self, roots: &Roots, file: &Place) {
        for spelt in spellings(roots, file) {
            let readings = self.sought.readings(&spelt);
            if readings.is_empty() {
                continue;
            }
            for reading in readings {
                let files = self.files.entry(reading.to_vec()).or_default();
                files.push(spelt.as_os_str().as_bytes().to_vec());
            }
            return;
        }
    }

    fn miss(&mut self, roots: &Roots, at: Place, reason: String) {
        self.unseen.push(Unseen {
            spellings: spellings(roots, &at).collect(),
            at,
            reason,
        });
    }
}

/// Every absolute path of a place.
fn spellings(roots: &Roots, place: &Place) -> impl Iterator<Item = PathBuf> {
    let roots = roots.spellings(place.root_index()).iter();
    roots.map(|root| root.join(place.relative()))
}

/// What is protected is nobody's, and no link leads anywhere.
fn is_unentered(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::OtherMount(_) | Refusal::TooDeep)
}

fn is_file(roots: &Roots, place: &Place) -> bool {
    let parent = roots.open_parent(place);
    let found = parent.map(|(parent, name)| entry(parent, name));
    found.is_ok_and(|found| found.is_ok_and(|it| it.identity.kind != Kind::Directory))
}
