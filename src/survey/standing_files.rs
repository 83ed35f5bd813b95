//! Which files a value names: by what it spells, or by which paths hold it.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rusqlite::Connection;

use super::file_table::places;
use crate::error::Result;
use crate::manifest::{FilePath, Sought};
use crate::roots::{Entry, Kind, Parents, Place, Refusal, Roots, RootsError, entry, names, own};

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
    /// The others, each with the time of its last change, and when the search began.
    looked_into: Vec<(Place, i128)>,
    roots: Vec<(usize, i128)>,
    began: i128,
}

/// Of what changed so shortly before it was looked into, its time does not tell whether it changed again.
const UNSETTLED: i128 = 2_000_000_000;

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
                let top = own(directory).map_err(|error| unreadable(error.into()))?;
                held.roots.push((index, top.ctime_ns));
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
                            Entry::Directory(at, _) => held.note_directory(roots, at),
                            Entry::Refused(..) => {}
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
            looked_into: Vec::new(),
            roots: Vec::new(),
            began: now(),
        };
        look(&mut held)?;
        Ok(Self::Held(held))
    }

    /// Whether looking again would find the same: no directory has got or lost an entry.
    pub(super) fn is_current(&self, roots: &Roots) -> bool {
        let Self::Held(search) = self else {
            return true;
        };
        let settled = |time: i128| time < search.began - UNSETTLED;
        let mut parents = Parents::new(roots);
        let tops = search.roots.iter().all(|(root, time)| {
            let top = roots.directory(*root).and_then(|top| own(top).ok());
            settled(*time) && top.is_some_and(|top| top.ctime_ns == *time)
        });
        tops && search
            .looked_into
            .iter()
            .all(|(at, time)| settled(*time) && changed(&mut parents, at) == Some(*time))
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

    fn note_directory(&mut self, roots: &Roots, at: Place) {
        // What cannot be told never settles.
        let time = changed(&mut Parents::new(roots), &at).unwrap_or(i128::MAX);
        self.looked_into.push((at, time));
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

/// When a directory last got or lost an entry, or changed otherwise.
fn changed(parents: &mut Parents, at: &Place) -> Option<i128> {
    let (parent, name) = parents.of(at).ok()?;
    let standing = entry(parent.directory(), name).ok()?;
    Some(standing.ctime_ns)
}

fn now() -> i128 {
    jiff::Timestamp::now().as_nanosecond()
}

fn is_file(roots: &Roots, place: &Place) -> bool {
    let parent = roots.open_parent(place);
    let found = parent.map(|(parent, name)| entry(parent, name));
    found.is_ok_and(|found| found.is_ok_and(|it| it.identity.kind != Kind::Directory))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;
    use crate::roots::world::World;

    #[test]
    fn a_search_is_current_until_a_directory_gets_or_loses_an_entry() {
        let pattern = FilePath::try_from("storage/images/*/{value}".to_owned()).unwrap();
        let changes: [fn(&World); 3] = [
            |world| drop(world.file("storage/images/1/new", "x")),
            |world| drop(world.file("storage/images/new/a", "x")),
            |world| {
                fs::rename(
                    world.path("storage/images/1/a"),
                    world.path("storage/images/1/c"),
                )
                .unwrap();
            },
        ];
        let worlds = changes.map(|change| {
            let world = World::new();
            world.file("storage/images/1/a", "x");
            world.file("storage/images/1/2/b", "x");
            (world, change)
        });
        let search = |roots: &Roots| {
            Named::below(roots, Some(&pattern))
                .unwrap()
                .is_current(roots)
        };
        assert!(
            !search(&worlds[0].0.roots()),
            "what is so new may change unseen"
        );
        std::thread::sleep(Duration::from_millis(2_100));
        for (world, change) in worlds {
            let roots = world.roots();
            let named = Named::below(&roots, Some(&pattern)).unwrap();
            assert!(named.is_current(&roots));
            fs::write(world.path("storage/images/1/a"), "other content").unwrap();
            assert!(named.is_current(&roots), "the same files");
            change(&world);
            assert!(!named.is_current(&roots));
        }
    }
}
