//! What is not as the snapshot has it: sizes, times and stamps first, contents where those leave a
//! doubt.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::readlinkat;

use super::blob;
use super::coverage::Coverage;
use super::index::{Entry, Stamp, What, now_ns};
use super::tree::{self, Barred, Seen};
use crate::roots::{Barrier, Kind, Standing};

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
    pub(super) stamps: BTreeMap<usize, Stamp>,
}

impl Changes {
    /// Whether nothing has to be done.
    pub(super) fn is_none(&self) -> bool {
        let some = [&self.write, &self.make, &self.settings];
        some.iter().all(|some| some.is_empty()) && self.remove.is_empty() && self.barred.is_empty()
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
    let (seen, barred) = tree::look(coverage);
    let mut there: HashMap<(usize, &OsStr), &Seen> = HashMap::with_capacity(seen.len());
    for seen in &seen {
        there.insert((seen.top, seen.path.as_os_str()), seen);
    }
    let comparing = Comparing {
        coverage,
        path,
        now: now_ns(),
    };
    let mut changes = Changes::default();
    for (at, entry) in entries.iter().enumerate() {
        let standing = there.remove(&(entry.top, entry.path.as_os_str()));
        comparing.entry(at, entry, standing, &mut changes)?;
    }
    changes.remove.extend(extras(&there));
    // Whatever lies in a directory comes before it.
    changes
        .remove
        .sort_unstable_by(|one, other| (other.top, &other.path).cmp(&(one.top, &one.path)));
    changes.barred = barred;
    Ok(changes)
}

/// What is there and not in the index; never a root itself.
fn extras(there: &HashMap<(usize, &OsStr), &Seen>) -> Vec<Extra> {
    let mut extras = Vec::new();
    for seen in there.values() {
        let kind = seen.standing.identity.kind;
        if kind == Kind::Directory && seen.path.as_os_str().is_empty() {
            continue;
        }
        extras.push(extra(seen));
    }
    extras
}

fn extra(seen: &Seen) -> Extra {
    Extra {
        top: seen.top,
        path: seen.path.clone(),
        kind: seen.standing.identity.kind,
    }
}

struct Comparing<'a> {
    coverage: &'a Coverage,
    path: &'a Path,
    now: i128,
}

impl Comparing<'_> {
    fn entry(
        &self,
        at: usize,
        entry: &Entry,
        seen: Option<&Seen>,
        changes: &mut Changes,
    ) -> io::Result<()> {
        let Some(seen) = seen else {
            missing(at, entry, changes);
            return Ok(());
        };
        let standing = &seen.standing;
        if standing.identity.kind != entry.kind() {
            changes.remove.push(extra(seen));
            changes.displaced += 1;
            missing(at, entry, changes);
            return Ok(());
        }
        if !self.has_content(entry, standing)? {
            changes.replaced += 1;
            changes.write.push(at);
        } else if entry.kind() != Kind::Other && !entry.has_settings_of(standing) {
            changes.settings.push(at);
        } else if !entry.stamp.is_still(standing) {
            changes.stamps.insert(at, Stamp::of(standing, self.now));
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
