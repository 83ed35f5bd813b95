//! Everything the roots hold, by descriptor: what a snapshot takes and a restore compares.
//!
//! Directories are read by several threads, each whole by one of them.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rustix::fs::{Dir, FileType};

use super::beneath::Barrier;
use super::gate::is_reserved;
use super::identity::Kind;
use super::standing::{self, Standing};
use super::{Root, Roots};
use crate::parallel::together;

/// What a census finds at a path beneath a root; the empty path is the root itself.
#[derive(Debug)]
pub(crate) enum Found {
    /// Something, as it stands.
    Standing(Standing),
    /// It must not be touched, or could not be looked at, and was not entered.
    Barred(Barrier),
}

/// What one directory holds, but for what is protected and this program's own.
#[derive(Debug)]
pub(crate) struct Listing {
    /// The number of the root.
    pub(crate) root: usize,
    /// The directory, beneath the root; none where what is listed is the root itself, under no name.
    pub(crate) directory: Option<PathBuf>,
    /// By name, in byte order; or why that is not known.
    pub(crate) found: Result<Vec<(OsString, Found)>, Barrier>,
}

impl Listing {
    /// Everything by its path beneath the root; of a directory that could not be read, that alone.
    pub(crate) fn into_paths(self) -> Vec<(PathBuf, Found)> {
        let directory = self.directory.unwrap_or_default();
        match self.found {
            Err(barrier) => vec![(directory, Found::Barred(barrier))],
            Ok(found) => {
                let named = found.into_iter();
                named.map(|(name, it)| (directory.join(name), it)).collect()
            }
        }
    }
}

/// A directory that is still to be read.
type Place = (usize, PathBuf);

/// What is left of a census, shared by those who take it.
#[derive(Default)]
struct Rest {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<Place>,
    /// How many directories are being read, each of which may lead to more.
    busy: usize,
    /// How many threads wait for news.
    idle: usize,
}

impl Rest {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next directory; none when all are read.
    fn next(&self) -> Option<(Place, Turn<'_>)> {
        let mut state = self.lock();
        loop {
            if let Some(place) = state.waiting.pop() {
                state.busy += 1;
                return Some((place, Turn(self)));
            }
            if state.busy == 0 {
                return None;
            }
            state.idle += 1;
            let told = self.news.wait(state);
            state = told.unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    fn add(&self, places: impl IntoIterator<Item = Place>) {
        let mut state = self.lock();
        state.waiting.extend(places);
        self.tell(&state);
    }

    fn tell(&self, state: &State) {
        if state.idle > 0 && (state.busy == 0 || !state.waiting.is_empty()) {
            self.news.notify_all();
        }
    }
}

/// A directory is being read while this exists.
struct Turn<'a>(&'a Rest);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.busy -= 1;
        self.0.tell(&state);
    }
}

impl Roots {
    /// Shows `look` what every directory of these roots holds, and answers what that made of each: a
    /// directory before those in it, in byte order. A root that does not exist holds nothing.
    pub(crate) fn census<T: Send>(
        &self,
        roots: impl IntoIterator<Item = usize>,
        look: impl Fn(Listing) -> T + Sync,
    ) -> Vec<T> {
        let census = Census::of(self);
        let made = |listing: Listing| (listing.root, listing.directory.clone(), look(listing));
        let tops = roots.into_iter().filter_map(|root| census.top(root));
        let mut all: Vec<_> = tops.map(made).collect();
        all.extend(together(|| census.rest().map(made).collect()));
        all.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
        all.into_iter().map(|(.., made)| made).collect()
    }

    /// The same of one root, by this thread alone, which keeps nothing.
    pub(crate) fn listings(&self, root: usize) -> impl Iterator<Item = Listing> {
        let census = Census::of(self);
        let mut top = census.top(root);
        std::iter::from_fn(move || top.take().or_else(|| census.next()))
    }

    /// Protected paths in a root, relative to it.
    fn guarded_in(&self, root: &Root) -> Vec<PathBuf> {
        let within = |spelling: &PathBuf| {
            let paths = self.protected.paths();
            let relative = paths.filter_map(|path| path.strip_prefix(spelling).ok());
            relative.map(Path::to_owned).collect::<Vec<_>>()
        };
        root.spellings.iter().flat_map(within).collect()
    }
}

struct Census<'a> {
    roots: &'a Roots,
    /// What is protected in each root.
    guarded: Vec<Vec<PathBuf>>,
    rest: Rest,
}

impl<'a> Census<'a> {
    fn of(roots: &'a Roots) -> Self {
        let guarded = roots.known.iter().map(|root| roots.guarded_in(root));
        Self {
            guarded: guarded.collect(),
            rest: Rest::default(),
            roots,
        }
    }

    /// A root itself, if it exists. What it holds is still to be read.
    fn top(&self, root: usize) -> Option<Listing> {
        let top = self.roots.known.get(root)?.directory.as_ref()?;
        let own = standing::own(top).map(|own| vec![(OsString::new(), Found::Standing(own))]);
        if own.is_ok() {
            self.rest.add([(root, PathBuf::new())]);
        }
        Some(Listing {
            root,
            directory: None,
            found: own.map_err(Barrier::from),
        })
    }

    /// What is still to be read, shared with whoever else asks.
    fn rest(&self) -> impl Iterator<Item = Listing> {
        std::iter::from_fn(|| self.next())
    }

    fn next(&self) -> Option<Listing> {
        loop {
            let ((root, directory), _turn) = self.rest.next()?;
            let found = match self.list(root, &directory) {
                Err(Barrier::Missing(_)) => continue,
                found => found,
            };
            return Some(Listing {
                root,
                directory: Some(directory),
                found,
            });
        }
    }

    /// What a directory holds. Those in it may be read as soon as they are known, by others too.
    fn list(&self, root: usize, here: &Path) -> Result<Vec<(OsString, Found)>, Barrier> {
        let directory = self.roots.open_directory(root, here)?;
        let guarded = self.guarded[root].iter();
        let guarded: Vec<&OsStr> = guarded
            .filter(|path| path.parent() == Some(here))
            .filter_map(|path| path.file_name())
            .collect();
        let top = here.as_os_str().is_empty();
        let is_left_out =
            |name: &OsStr| guarded.contains(&name) || (top && is_reserved(name.as_bytes()));
        let (mut directories, mut others) = (Vec::new(), Vec::new());
        for entry in Dir::read_from(&directory)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." || is_left_out(name) {
                continue;
            }
            match entry.file_type() {
                FileType::Directory | FileType::Unknown => directories.push(name.to_owned()),
                _ => others.push(name.to_owned()),
            }
        }
        directories.sort_unstable();
        others.sort_unstable();
        let look = |name: OsString| {
            let found = self.found(root, here, &directory, &name)?;
            Some((name, found))
        };
        let mut all = Vec::with_capacity(directories.len() + others.len());
        all.extend(directories.into_iter().filter_map(look));
        self.rest.add(deeper(root, here, &all));
        all.extend(others.into_iter().filter_map(look));
        // Two runs in order, which this sort merges.
        all.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(all)
    }

    /// One entry of an open directory; none where it is gone.
    fn found(&self, root: usize, here: &Path, directory: &OwnedFd, name: &OsStr) -> Option<Found> {
        let entry = match standing::entry_if_any(directory, name) {
            Ok(entry) => entry?,
            Err(error) => return Some(Found::Barred(error.into())),
        };
        Some(match self.refuse(root, here, name, &entry) {
            Ok(()) => Found::Standing(entry),
            Err(barrier) => Found::Barred(barrier),
        })
    }

    fn refuse(
        &self,
        root: usize,
        here: &Path,
        name: &OsStr,
        entry: &Standing,
    ) -> Result<(), Barrier> {
        let protected = &self.roots.protected;
        protected
            .refuse_inode(&entry.identity)
            .map_err(Barrier::Refused)?;
        if entry.crosses(self.roots.known[root].device) {
            let path = super::shown(&here.join(name));
            return Err(Barrier::Refused(super::Refusal::OtherMount(path)));
        }
        Ok(())
    }
}

/// The directories among what a directory holds; the first is to be read next. What was no directory
/// when it was listed is not among them: it is compared as what it was.
fn deeper(root: usize, here: &Path, found: &[(OsString, Found)]) -> Vec<Place> {
    let is_directory =
        |found: &Found| matches!(found, Found::Standing(it) if it.identity.kind == Kind::Directory);
    let directories = found.iter().rev().filter(|(_, found)| is_directory(found));
    let place = |(name, _): &(OsString, Found)| (root, here.join(name));
    directories.map(place).collect()
}
