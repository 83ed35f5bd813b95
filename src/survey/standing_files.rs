//! Which files a value names: by what it spells, or by which paths hold it.

use std::collections::HashMap;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;

use rusqlite::Connection;

use super::file_table::places;
use crate::error::Result;
use crate::manifest::FilePath;
use crate::roots::{Entry, Kind, Place, Roots, RootsError, entry, names};

/// The files that values of one column name.
#[derive(Debug)]
pub(super) enum Named<'p> {
    /// The value is a path.
    Spelt,
    /// The value is part of a path that says exactly where.
    At(&'p FilePath),
    /// Files that were looked through, by what their paths hold.
    Held(&'p FilePath, HashMap<Vec<u8>, Vec<Vec<u8>>>),
}

impl<'p> Named<'p> {
    /// Looks through the files below the roots, if the pattern needs it. A file that cannot be looked
    /// at is one of them, for whoever comes to take it finds out; a directory that cannot be looked into
    /// is told `unseen`.
    ///
    /// Fails where a root cannot be read.
    pub(super) fn below(
        roots: &Roots,
        path: Option<&'p FilePath>,
        unseen: &mut dyn FnMut(&Place, &io::Error),
    ) -> Result<Self> {
        Self::from(path, |pattern, held| {
            for (index, root, directory) in roots.present() {
                let spelt = root.as_os_str().as_bytes();
                let top = pattern.top().as_bytes();
                if !spelt.starts_with(top) && !top.starts_with(spelt) {
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
                            Entry::File(file, _) => note(pattern, &file, held),
                            Entry::Trouble(file, _) if is_file(roots, &file) => {
                                note(pattern, &file, held);
                            }
                            Entry::Trouble(at, error) => unseen(&at, &error),
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
        Self::from(path, |pattern, held| {
            let sql = format!("SELECT root, path FROM {table}");
            for file in places(roots, connection, &sql, [])? {
                note(pattern, &file, held);
            }
            Ok(())
        })
    }

    fn from(
        path: Option<&'p FilePath>,
        look: impl FnOnce(&FilePath, &mut HashMap<Vec<u8>, Vec<Vec<u8>>>) -> Result<()>,
    ) -> Result<Self> {
        let Some(pattern) = path else {
            return Ok(Self::Spelt);
        };
        if pattern.of(b"").is_some() {
            return Ok(Self::At(pattern));
        }
        let mut held = HashMap::new();
        look(pattern, &mut held)?;
        Ok(Self::Held(pattern, held))
    }

    /// The paths that a value names.
    pub(super) fn by(&self, value: Vec<u8>) -> Vec<Vec<u8>> {
        match self {
            Self::Spelt => vec![value],
            Self::At(pattern) => pattern.of(&value).into_iter().collect(),
            Self::Held(pattern, held) => held
                .get(&*pattern.held(&value))
                .cloned()
                .unwrap_or_default(),
        }
    }
}

fn is_file(roots: &Roots, place: &Place) -> bool {
    let parent = roots.open_parent(place);
    let found = parent.map(|(parent, name)| entry(parent, name));
    found.is_ok_and(|found| found.is_ok_and(|it| it.identity.kind != Kind::Directory))
}

fn note(pattern: &FilePath, file: &Place, held: &mut HashMap<Vec<u8>, Vec<Vec<u8>>>) {
    let path = file.root_name().join(file.relative());
    let path = path.as_os_str().as_bytes();
    for reading in pattern.readings(path) {
        held.entry(reading.to_vec())
            .or_default()
            .push(path.to_vec());
    }
}
