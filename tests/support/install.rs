//! A private copy of one of the installs in `fixtures/`, to delete from.
//!
//! ```text
//! <temporary directory>
//! ├── app      the application's root: @ROOT@
//! └── canary   beside it, to stay untouched: @OUTSIDE@
//! ```

mod description;
mod difference;
mod dump;
mod fixture;
mod tree;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use tempfile::TempDir;

pub(crate) use description::{Entry, Places};
pub(crate) use difference::{Lines, assert_same, difference};
pub(crate) use dump::Dump;
pub(crate) use fixture::{Fixture, NAMES};
pub(crate) use tree::{Kind, Node, Tree};

/// The database of an install, relative to its root.
pub(crate) const DATABASE: &str = "storage/database/vedfolnir.db";

/// One copied install. It is removed when dropped; the fixture is never touched.
pub(crate) struct Install {
    /// None where the place is somebody else's.
    _directory: Option<TempDir>,
    fixture: Fixture,
    places: Places,
}

impl Install {
    /// Copies the fixture `name`, in rollback journal mode, and makes of its `tree.txt` what git
    /// cannot hold: empty directories, links, pipes, odd names, the canaries outside the root.
    pub(crate) fn copy(name: &str) -> Self {
        Self::copy_in(name, TempDir::new().unwrap())
    }

    /// The same in a directory that is removed with it.
    pub(crate) fn copy_in(name: &str, directory: TempDir) -> Self {
        // Canonical, so that an absolute path in the database is spelled as the tool sees it.
        let base = directory.path().canonicalize().unwrap();
        let install = Self {
            _directory: Some(directory),
            fixture: Fixture::named(name),
            places: Places {
                root: base.join("app"),
                outside: base.join("canary"),
            },
        };
        copy_directory(&install.fixture.root(), install.root());
        fs::create_dir(install.outside()).unwrap();
        fs::write(install.outside().join("canary.txt"), "must stay\n").unwrap();
        for entry in install.fixture.entries() {
            entry.make(&install.places);
        }
        install.fill_in_places();
        install
    }

    /// A second install with the same content. For installs of plain files and directories, in which
    /// no row holds an absolute path.
    ///
    /// It lies in memory where that is possible: what a killed process leaves is the same there, and
    /// an fsync costs nothing.
    pub(crate) fn again(&self) -> Self {
        self.again_in(scratch())
    }

    /// The same in a directory that is removed with it.
    pub(crate) fn again_in(&self, directory: TempDir) -> Self {
        let install = self.standing_at(&directory.path().canonicalize().unwrap());
        copy_directory(self.root(), install.root());
        copy_directory(self.outside(), install.outside());
        Self {
            _directory: Some(directory),
            ..install
        }
    }

    /// The install that stands at `base`: one that was copied there, or will be.
    pub(crate) fn standing_at(&self, base: &Path) -> Self {
        Self {
            _directory: None,
            fixture: self.fixture.clone(),
            places: Places {
                root: base.join("app"),
                outside: base.join("canary"),
            },
        }
    }

    /// Copies it to `base`, where some of its directories may stand already.
    pub(crate) fn copy_to(&self, base: &Path) {
        let there = self.standing_at(base);
        copy_directory(self.root(), there.root());
        copy_directory(self.outside(), there.outside());
    }

    /// The same in WAL mode, checkpointed: without `-wal` and `-shm`.
    pub(crate) fn wal(self) -> Self {
        let mode: String = self
            .connect()
            .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
            .unwrap();
        assert_eq!(mode, "wal");
        self
    }

    /// The application's root.
    pub(crate) fn root(&self) -> &Path {
        &self.places.root
    }

    /// The directory beside the root that nothing may touch.
    pub(crate) fn outside(&self) -> &Path {
        &self.places.outside
    }

    /// The database file.
    pub(crate) fn database(&self) -> PathBuf {
        self.root().join(DATABASE)
    }

    /// The file that a path of the database or of `tree.txt` means, relative to the root.
    pub(crate) fn path(&self, relative: impl AsRef<[u8]>) -> PathBuf {
        self.root().join(OsStr::from_bytes(relative.as_ref()))
    }

    /// Whether something is there, be it a dangling link.
    pub(crate) fn has(&self, relative: impl AsRef<[u8]>) -> bool {
        self.path(relative).symlink_metadata().is_ok()
    }

    /// A read-write connection to the copy, foreign keys off, as an application has it.
    pub(crate) fn connect(&self) -> Connection {
        let connection = Connection::open(self.database()).unwrap();
        connection
            .pragma_update(None, "foreign_keys", false)
            .unwrap();
        connection
    }

    /// Runs SQL on the copy.
    pub(crate) fn execute(&self, sql: &str) {
        self.connect().execute_batch(sql).unwrap();
    }

    /// The one number that `sql` selects. Reading changes nothing, see [`dump::with_reader`].
    pub(crate) fn query_count(&self, sql: &str) -> i64 {
        dump::with_reader(&self.database(), |reader| {
            reader.query_row(sql, [], |row| row.get(0)).unwrap()
        })
    }

    /// The first column of what `sql` selects, as bytes; a number as its digits.
    pub(crate) fn query_bytes(&self, sql: &str) -> Vec<Vec<u8>> {
        dump::with_reader(&self.database(), |reader| {
            let mut statement = reader.prepare(sql).unwrap();
            let values = statement.query_map([], |row| Ok(bytes_of(row.get_ref(0)?)));
            values.unwrap().collect::<Result<_, _>>().unwrap()
        })
    }

    /// Structure and rows of every table.
    pub(crate) fn dump(&self) -> Dump {
        Dump::of(&self.database())
    }

    /// The same wherever the install lies, also where a row holds an absolute path.
    pub(crate) fn placeless_dump(&self) -> Dump {
        self.placeless_dump_after("")
    }

    /// The same after `sql`, which is run on a copy.
    pub(crate) fn placeless_dump_after(&self, sql: &str) -> Dump {
        let mut dump = Dump::after(&self.database(), sql);
        for (placeholder, place) in self.places.placeholders() {
            dump = dump.replacing(place.to_str().unwrap(), placeholder);
        }
        dump
    }

    /// Everything below the root, the database included.
    pub(crate) fn tree(&self) -> Tree {
        Tree::of(self.root())
    }

    /// One line for the whole root: equal if nothing was changed.
    pub(crate) fn digest(&self) -> String {
        self.tree().digest()
    }

    /// What may not change whatever the database says: all beside the root, and `canary` in it.
    pub(crate) fn canaries(&self) -> Tree {
        let mut canaries = Tree::of(self.outside()).moved_to("@OUTSIDE@");
        canaries.extend(self.tree().below("canary"));
        canaries
    }

    /// The files in the root that `tree.txt` says `must stay` when users' data goes; a complete
    /// reset may take those of them that lie in a root of storage.
    pub(crate) fn bystanders(&self) -> Tree {
        let bystanders = self.fixture.entries().into_iter();
        let bystanders: Vec<_> = bystanders
            .filter(Entry::must_stay)
            .map(|entry| entry.path)
            .collect();
        self.tree()
            .retain(|path| bystanders.iter().any(|one| one == path))
    }

    /// Replaces the placeholders in the paths of the copied database.
    fn fill_in_places(&self) {
        let connection = self.connect();
        for (placeholder, place) in self.places.placeholders() {
            connection
                .execute(
                    "UPDATE images SET local_path = replace(local_path, ?1, ?2)
                     WHERE typeof(local_path) = 'text' AND instr(local_path, ?1)",
                    (placeholder, place.to_str().unwrap()),
                )
                .unwrap();
        }
    }
}

/// A temporary directory in memory, if there is room for one.
pub(crate) fn scratch() -> TempDir {
    TempDir::new_in("/dev/shm")
        .or_else(|_| TempDir::new())
        .unwrap()
}

fn bytes_of(value: ValueRef<'_>) -> Vec<u8> {
    match value {
        ValueRef::Null => Vec::new(),
        ValueRef::Integer(number) => number.to_string().into_bytes(),
        ValueRef::Real(number) => number.to_string().into_bytes(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.to_vec(),
    }
}

/// Copies files, directories and links, with their modes and times.
fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy_directory(&source, &target);
        } else if kind.is_symlink() {
            symlink(fs::read_link(&source).unwrap(), &target).unwrap();
        } else {
            fs::copy(&source, &target).unwrap();
        }
        copy_times(&entry.metadata().unwrap(), &target);
    }
    let metadata = from.metadata().unwrap();
    fs::set_permissions(to, metadata.permissions()).unwrap();
    copy_times(&metadata, to);
}

fn copy_times(from: &fs::Metadata, to: &Path) {
    let time = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
    let times = Timestamps {
        last_access: time(from.atime(), from.atime_nsec()),
        last_modification: time(from.mtime(), from.mtime_nsec()),
    };
    utimensat(CWD, to, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}
