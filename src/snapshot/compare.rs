//! What is not as the snapshot has it: sizes, times and stamps first, contents where those leave a
//! doubt.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::readlinkat;

use super::blob;
use super::coverage::Coverage;
use super::index::{Entry, Stamp, What, now_ns};
use super::tree::{self, Barred};
use crate::roots::{Barrier, Found, Kind, Listing, Standing};

/// What has to be done to have the files as they were saved.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Entries whose content is another, or that are missing: files and links.
    pub(super) write: Vec<usize>,
    /// Directories that are missing, outermost first.
    pub(super) make: Vec<usize>,
    /// Entries of which only mode, owner or time are others.
    pub(super) settings: Vec<usize>,
    /// What is not in the snapshot, or of another kind there: innermost first.
    pub(super) remove: Vec<Extra>,
    /// What can be neither compared nor touched.
    pub(super) barred: Vec<Barred>,
    /// Pipes and the like that are gone and cannot be made anew.
    pub(super) lost: Vec<usize>,
    /// How many of `write` replace something.
    pub(super) replaced: u64,
    /// How many of `remove` make room for something else.
    pub(super) displaced: u64,
    /// Stamps that are others now although nothing changed, by entry.
    pub(super) stamps: Vec<(usize, Stamp)>,
}

impl Changes {
    /// Whether nothing has to be done.
    pub(super) fn is_none(&self) -> bool {
        let some = [&self.write, &self.make, &self.settings];
        some.iter().all(|some| some.is_empty()) && self.remove.is_empty() && self.barred.is_empty()
    }

    fn add(&mut self, more: Self) {
        self.write.extend(more.write);
        self.make.extend(more.make);
        self.settings.extend(more.settings);
        self.remove.extend(more.remove);
        self.barred.extend(more.barred);
        self.lost.extend(more.lost);
        self.replaced += more.replaced;
        self.displaced += more.displaced;
        self.stamps.extend(more.stamps);
    }

    /// Into the order in which it can be done.
    fn sort(&mut self) {
        for numbers in [
            &mut self.write,
            &mut self.make,
            &mut self.settings,
            &mut self.lost,
        ] {
            numbers.sort_unstable();
        }
        // Whatever lies in a directory comes before it.
        let place = |extra: &Extra| (extra.top, extra.path.clone());
        self.remove
            .sort_by_cached_key(|extra| std::cmp::Reverse(place(extra)));
    }
}

/// Something that is not in the snapshot.
#[derive(Debug)]
pub(super) struct Extra {
    pub(super) top: usize,
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
}

/// Compares what is there with the index of the snapshot at `path`.
///
/// Fails where a blob of the snapshot cannot be read.
pub(super) fn compare(coverage: &Coverage, entries: &[Entry], path: &Path) -> io::Result<Changes> {
    let comparing = Comparing {
        coverage,
        entries,
        path,
        now: now_ns(),
        saved: by_directory(entries),
    };
    let compared = tree::census(coverage, |listing| {
        let directory = (listing.root, listing.directory.clone());
        (directory, comparing.listing(listing))
    });
    let (places, found): (Vec<_>, Vec<_>) = compared.into_iter().unzip();
    let mut changes = Changes::default();
    for found in found {
        changes.add(found?);
    }
    let places = places.iter();
    let seen: HashSet<Directory<'_>> = places
        .map(|(top, it)| (*top, bytes(it.as_deref())))
        .collect();
    for (directory, saved) in &comparing.saved {
        if !seen.contains(directory) {
            for at in saved {
                missing(*at, &entries[*at], &mut changes);
            }
        }
    }
    changes.sort();
    Ok(changes)
}

/// Where entries lie: the number of the covered directory or file, and the directory beneath that;
/// none for that itself.
type Directory<'a> = (usize, Option<&'a OsStr>);

/// The entries of each directory, by name in byte order.
fn by_directory(entries: &[Entry]) -> HashMap<Directory<'_>, Vec<usize>> {
    let mut all: HashMap<Directory<'_>, Vec<usize>> = HashMap::new();
    let mut first = 0;
    for run in entries.chunk_by(|one, other| directory(one) == directory(other)) {
        let numbers = first..first + run.len();
        first = numbers.end;
        all.entry(directory(&run[0])).or_default().extend(numbers);
    }
    for saved in all.values_mut() {
        saved.sort_unstable_by_key(|at| entries[*at].place().1);
    }
    all
}

fn directory(entry: &Entry) -> Directory<'_> {
    (entry.top, entry.place().0)
}

fn bytes(directory: Option<&Path>) -> Option<&OsStr> {
    directory.map(Path::as_os_str)
}

struct Comparing<'a> {
    coverage: &'a Coverage,
    entries: &'a [Entry],
    path: &'a Path,
    now: i128,
    saved: HashMap<Directory<'a>, Vec<usize>>,
}

impl Comparing<'_> {
    /// What of one directory is not as it was saved.
    fn listing(&self, listing: Listing) -> io::Result<Changes> {
        let mut changes = Changes::default();
        let (top, directory) = (listing.root, listing.directory.as_deref());
        let saved = self.saved.get(&(top, bytes(directory)));
        let mut saved = saved.into_iter().flatten().copied().peekable();
        let name_of = |at: usize| self.entries[at].place().1;
        let directory = directory.unwrap_or(Path::new(""));
        let found = listing.found.unwrap_or_else(|why| {
            let path = directory.to_owned();
            changes.barred.push(Barred { top, path, why });
            Vec::new()
        });
        for (name, found) in found {
            while let Some(gone) = saved.next_if(|at| name_of(*at) < name.as_os_str()) {
                missing(gone, &self.entries[gone], &mut changes);
            }
            let at = saved.next_if(|at| name_of(*at) == name);
            let path = || directory.join(&name);
            match (found, at) {
                (Found::Standing(standing), Some(at)) => {
                    self.entry(at, &standing, &mut changes)?;
                }
                (Found::Standing(standing), None) => {
                    let kind = standing.identity.kind;
                    // A covered directory itself stays.
                    if kind != Kind::Directory || !path().as_os_str().is_empty() {
                        let path = path();
                        changes.remove.push(Extra { top, path, kind });
                    }
                }
                (Found::Barred(why), at) => {
                    let path = path();
                    changes.barred.push(Barred { top, path, why });
                    if let Some(at) = at {
                        missing(at, &self.entries[at], &mut changes);
                    }
                }
            }
        }
        saved.for_each(|gone| missing(gone, &self.entries[gone], &mut changes));
        Ok(changes)
    }

    fn entry(&self, at: usize, standing: &Standing, changes: &mut Changes) -> io::Result<()> {
        let entry = &self.entries[at];
        let kind = standing.identity.kind;
        if kind != entry.kind() {
            let (top, path) = (entry.top, entry.path.clone());
            changes.remove.push(Extra { top, path, kind });
            changes.displaced += 1;
            missing(at, entry, changes);
        } else if !self.has_content(entry, standing)? {
            changes.replaced += 1;
            changes.write.push(at);
        } else if kind != Kind::Other && !entry.has_settings_of(standing) {
            changes.settings.push(at);
        } else if !entry.stamp.is_still(standing) {
            changes.stamps.push((at, Stamp::of(standing, self.now)));
        }
        Ok(())
    }

    fn has_content(&self, entry: &Entry, standing: &Standing) -> io::Result<bool> {
        match &entry.what {
            What::Directory | What::Other => Ok(true),
            What::Link(target) => Ok(self.target(entry).is_some_and(|now| now == *target)),
            What::File { size, .. } if *size != standing.identity.size => Ok(false),
            What::File { .. } if entry.stamp.is_still(standing) => Ok(true),
            What::File { blob, .. } => self.same(entry, *blob),
        }
    }

    fn target(&self, entry: &Entry) -> Option<PathBuf> {
        use std::os::unix::ffi::OsStringExt;
        let (directory, name) = blob::parent(self.coverage, entry.top, &entry.path).ok()?;
        let target = readlinkat(&directory, &name, Vec::new()).ok()?;
        Some(std::ffi::OsString::from_vec(target.into_bytes()).into())
    }

    /// A file that cannot be read is as good as another.
    fn same(&self, entry: &Entry, number: u64) -> io::Result<bool> {
        let saved = File::open(blob::path(self.path, number))?;
        match blob::open(self.coverage, entry.top, &entry.path) {
            Ok(now) => Ok(blob::same(&now, &saved).unwrap_or(false)),
            Err(Barrier::Missing(_) | Barrier::Refused(_) | Barrier::Trouble(_)) => Ok(false),
        }
    }
}

fn missing(at: usize, entry: &Entry, changes: &mut Changes) {
    match entry.what {
        What::File { .. } | What::Link(_) => changes.write.push(at),
        What::Directory => changes.make.push(at),
        What::Other => changes.lost.push(at),
    }
}
