//! Saving: the files first, then, while nobody can write rows, what changed of them meanwhile, and
//! the rows.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rustix::fs::readlinkat;

use super::blob;
use super::coverage::Coverage;
use super::error::SnapshotError;
use super::flush;
use super::index::{self, Entry, MODE, Stamp, What, now_ns};
use super::meta::{self, About, AboutDatabase, AboutFiles, BLOBS, DATABASE, INDEX, KEYS, PAGES};
use super::place::{Archive, Draft, Keys, private, saving, sync_directory};
use super::tree::{self, Seen};
use super::{Snapshot, keys, rows};
use crate::audit::{self, Position};
use crate::database;
use crate::error::Result;
use crate::roots::{Barrier, Kind, Standing};
use crate::storage;
use crate::target::Target;

/// How often a file is copied that changes while it is.
const ATTEMPTS: usize = 5;

/// Copies of files that were taken so far, by their place.
type Taken = BTreeMap<(usize, PathBuf), (Standing, Entry)>;

/// Takes a snapshot. The caller holds the run lock, and `connection` is a writer in no transaction.
pub(super) fn save(
    target: &Target,
    connection: &Connection,
    archive: &Archive,
    name: &str,
) -> Result<Snapshot> {
    rows::require_finished(target, connection)?;
    let position = audit::position(target)?;
    let draft = archive.begin(name)?;
    let coverage = Coverage::of(target)?;
    let mut taking = Taking {
        coverage: &coverage,
        draft: &draft,
        taken: Taken::new(),
        blobs: 0,
        unflushed: Vec::new(),
        disk: disk(&draft)?,
    };
    make(&draft.join(BLOBS))?;
    taking.files()?;
    let copy = draft.join(DATABASE);
    let (entries, keys) = database::without_writers(connection, || {
        let entries = taking.files()?;
        rows::copy(&target.database, &copy)?;
        let keys = (archive.keys == Keys::Included).then(|| keys::save(target));
        Ok((entries, keys.transpose()?))
    })?;
    taking.flush()?;
    let blobs = taking.blobs;
    let (database, digests) = rows::finish_copy(&copy, &target.database)?;
    write(&draft.join(PAGES), &digests)?;
    let files = write_index(&draft, &coverage, &entries)?;
    let mut about = about(target, name, position, database, files);
    if let Some((bytes, keys)) = keys {
        write(&draft.join(KEYS), &bytes)?;
        about.keys = Some(keys);
    }
    write(&draft.join(meta::FILE), about.text()?.as_bytes())?;
    for drawer in 0..=blobs.saturating_sub(1) / 1000 {
        sync(&draft.join(BLOBS).join(drawer.to_string()))?;
    }
    sync(&draft.join(BLOBS))?;
    let path = draft.publish()?;
    Ok(Snapshot {
        path,
        about,
        warnings: left_out(&coverage, &entries),
    })
}

fn left_out(coverage: &Coverage, entries: &[Entry]) -> Vec<String> {
    let sentence = |entry: &Entry| {
        let path = tree::shown(coverage, entry.top, &entry.path);
        format!("`{path}` is a pipe, a socket or a device: it is not part of the snapshot")
    };
    let others = entries.iter().filter(|entry| entry.what == What::Other);
    others.map(sentence).collect()
}

fn about(
    target: &Target,
    name: &str,
    position: Option<Position>,
    database: AboutDatabase,
    files: AboutFiles,
) -> About {
    let now = jiff::Timestamp::now();
    About {
        format: About::format(),
        name: name.into(),
        application: target.manifest.application.name.clone(),
        time: now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        seconds: now.as_second(),
        tool: concat!("reset-app ", env!("CARGO_PKG_VERSION")).into(),
        trail_position: position,
        database,
        files,
        keys: None,
    }
}

fn write_index(draft: &Draft, coverage: &Coverage, entries: &[Entry]) -> Result<AboutFiles> {
    let text = index::write(entries);
    write(&draft.join(INDEX), text.as_bytes())?;
    let size = |entry: &Entry| match entry.what {
        What::File { size, .. } => size,
        _ => 0,
    };
    Ok(AboutFiles {
        entries: entries.len() as u64,
        bytes: entries.iter().map(size).sum(),
        directories: coverage.directories.clone(),
        single: coverage.files.clone(),
        index_sha256: meta::digest(text.as_bytes()),
    })
}

struct Taking<'a> {
    coverage: &'a Coverage,
    draft: &'a Draft,
    taken: Taken,
    blobs: u64,
    /// Copies that are on their way to the disk.
    unflushed: Vec<(PathBuf, File)>,
    disk: flush::Disk,
}

impl Taking<'_> {
    /// Copies every file that is not copied as it stands now.
    fn files(&mut self) -> Result<Vec<Entry>> {
        let (seen, barred) = tree::look(self.coverage);
        if let Some(barred) = barred.first() {
            let path = tree::shown(self.coverage, barred.top, &barred.path);
            let why = barred.reason();
            return Err(SnapshotError::File { path, why }.into());
        }
        let mut entries = Vec::with_capacity(seen.len());
        for seen in seen {
            entries.extend(self.entry(seen)?);
        }
        Ok(entries)
    }

    /// None for what went away meanwhile.
    fn entry(&mut self, seen: Seen) -> Result<Option<Entry>> {
        let place = (seen.top, seen.path.clone());
        if let Some((standing, entry)) = self.taken.get(&place)
            && is_same(standing, &seen.standing)
        {
            return Ok(Some(entry.clone()));
        }
        let what = match seen.standing.identity.kind {
            Kind::Directory => Some((What::Directory, seen.standing.clone())),
            Kind::Other => Some((What::Other, seen.standing.clone())),
            Kind::Symlink => self.link(&seen)?,
            Kind::File => self.file(&seen)?,
        };
        let Some((what, standing)) = what else {
            return Ok(None);
        };
        let entry = Entry {
            top: seen.top,
            path: seen.path,
            what,
            mode: standing.mode & MODE,
            owner: standing.owner,
            group: standing.group,
            mtime_ns: standing.identity.mtime_ns,
            stamp: Stamp::of(&standing, now_ns()),
        };
        self.taken.insert(place, (standing, entry.clone()));
        Ok(Some(entry))
    }

    fn link(&self, seen: &Seen) -> Result<Option<(What, Standing)>> {
        let read = blob::parent(self.coverage, seen.top, &seen.path)
            .and_then(|(directory, name)| Ok(readlinkat(&directory, &name, Vec::new())?));
        match read {
            Ok(target) => {
                use std::os::unix::ffi::OsStringExt;
                let target = std::ffi::OsString::from_vec(target.into_bytes());
                Ok(Some((What::Link(target.into()), seen.standing.clone())))
            }
            Err(barrier) => self.gone_or(seen, barrier),
        }
    }

    /// A copy during which the file did not change.
    fn file(&mut self, seen: &Seen) -> Result<Option<(What, Standing)>> {
        for _ in 0..ATTEMPTS {
            let opened = blob::open(self.coverage, seen.top, &seen.path)
                .and_then(|file| Ok((crate::roots::own(&file)?, file)));
            let (before, file) = match opened {
                Ok(opened) => opened,
                Err(barrier) => return self.gone_or(seen, barrier),
            };
            if before.identity.kind != Kind::File {
                return Ok(None);
            }
            // A file that was written a moment ago could be written again without showing it.
            if Stamp::of(&before, now_ns()) == Stamp::unsettled(&before) {
                std::thread::sleep(index::TICK);
            }
            let what = self.blob(&file)?;
            let after = crate::roots::own(&file)
                .map_err(|error| saving("look at", &seen.path, error.into()))?;
            let whole = matches!(what, What::File { size, .. } if size == after.identity.size);
            if whole && is_same(&before, &after) {
                return Ok(Some((what, after)));
            }
        }
        let path = tree::shown(self.coverage, seen.top, &seen.path);
        Err(SnapshotError::Restless { path }.into())
    }

    fn blob(&mut self, file: &File) -> Result<What> {
        let number = self.blobs;
        self.blobs += 1;
        let path = self.draft.join("").join(blob::path(Path::new(""), number));
        let drawer = self.draft.join("").join(blob::drawer(number));
        if number.is_multiple_of(1000) {
            make(&drawer)?;
        }
        let copied = || -> io::Result<_> {
            let copy = create(&path)?;
            blob::copy(file, &copy)?;
            self.disk.begin(flush::BATCH, &copy);
            // What is in the snapshot is what counts, so that is what is read.
            Ok((blob::digest(&File::open(&path)?)?, copy))
        };
        let copied = copied().map_err(|error| saving("copy a file to", &path, error))?;
        let ((sha256, size), copy) = copied;
        self.unflushed.push((path, copy));
        if self.unflushed.len() == flush::BATCH {
            self.flush()?;
        }
        Ok(What::File {
            blob: number,
            size,
            sha256,
        })
    }

    fn flush(&mut self) -> Result<()> {
        if self.disk.finish_all(self.unflushed.len()) {
            self.unflushed.clear();
        }
        for (path, copy) in self.unflushed.drain(..) {
            storage::flush(&copy).map_err(|error| saving("flush", &path, error.into()))?;
        }
        Ok(())
    }

    fn gone_or<T>(&self, seen: &Seen, barrier: Barrier) -> Result<Option<T>> {
        let gone = match &barrier {
            Barrier::Missing(_) => true,
            Barrier::Trouble(error) => error.kind() == io::ErrorKind::NotFound,
            Barrier::Refused(_) => false,
        };
        if gone {
            return Ok(None);
        }
        let (top, path) = (seen.top, seen.path.clone());
        let why = tree::Barred {
            top,
            path,
            why: barrier,
        }
        .reason();
        let path = tree::shown(self.coverage, seen.top, &seen.path);
        Err(SnapshotError::File { path, why }.into())
    }
}

/// Nothing was written to it, renamed over it or set of it in between.
fn is_same(one: &Standing, other: &Standing) -> bool {
    one.identity == other.identity && one.ctime_ns == other.ctime_ns
}

fn disk(draft: &Draft) -> Result<flush::Disk> {
    let path = draft.join("");
    let directory = File::open(&path).map_err(|error| saving("open", &path, error))?;
    Ok(flush::Disk::of(&directory))
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    let written = create(path).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    Ok(written.map_err(|error| saving("write", path, error))?)
}

fn make(path: &Path) -> Result<()> {
    Ok(private(path).map_err(|error| saving("make", path, error))?)
}

fn sync(path: &Path) -> Result<()> {
    match fs::exists(path) {
        Ok(false) => Ok(()),
        _ => Ok(sync_directory(path).map_err(|error| saving("flush", path, error))?),
    }
}
