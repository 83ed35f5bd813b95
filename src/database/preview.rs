//! A look at the database that changes no byte of it, its journals or its directory (invariant 6).
//!
//! | beside the database | how it is read |
//! |---|---|
//! | `-wal` and `-shm` | read-only, the wal-index opened read-only too: an application may be writing; where that index was left half made, as below |
//! | `-wal` alone | a private copy: nobody holds it open, and reading it in place would make a `-shm` |
//! | a `-journal` with content | read-only with locks; a hot one is refused, only a writer may roll it back |
//! | neither | as immutable, for a read-only handle on an idle WAL database would leave files behind |
//!
//! An immutable reader takes no locks, so whether the file has changed meanwhile is checked
//! afterwards; if it has, the look is taken again. A database that keeps changing without a `-wal`
//! is in a rollback mode, where locks leave nothing behind.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rusqlite::{Connection, OpenFlags};

use super::{first_read, harden, neighbour};
use crate::error::{DatabaseError, Error, Result};

/// How often an unlocked look is taken before locks are used.
const ATTEMPTS: usize = 4;

/// File times are only as fine as the kernel's tick: a file that changed this recently could
/// change again without showing it.
const TICK: Duration = Duration::from_millis(20);

/// Reads the database at `path` (from [`existing`](super::existing)) with `read`, which may make
/// temporary tables and may be called more than once.
///
/// Fails as [`open`](super::open) does, and where a hot journal has to be rolled back first.
pub fn look<T>(path: &Path, mut read: impl FnMut(&Connection) -> Result<T>) -> Result<T> {
    let (wal, shm) = (neighbour(path, "-wal"), neighbour(path, "-shm"));
    for _ in 0..ATTEMPTS {
        if wal.exists() {
            if shm.exists() {
                return match look_with(path, "mode=ro&readonly_shm=1", || (), &mut read) {
                    Err(error) if error.is_locking_protocol() => {
                        look_at_copy(path, &wal, &mut read)
                    }
                    seen => seen,
                };
            }
            return look_at_copy(path, &wal, &mut read);
        }
        if fs::metadata(neighbour(path, "-journal")).is_ok_and(|journal| journal.len() > 0) {
            break;
        }
        let before = State::settled(path)?;
        let seen = look_with(path, "immutable=1", || (), &mut read);
        if State::of(path)? == before {
            return seen;
        }
        log::debug!("the database changed during the look, which is taken again");
    }
    look_with(path, "mode=ro", || (), &mut read)
}

fn look_with<T>(
    path: &Path,
    parameters: &str,
    opened: impl FnOnce(),
    read: &mut impl FnMut(&Connection) -> Result<T>,
) -> Result<T> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(uri(path, parameters), flags).map_err(Error::opening)?;
    harden(&connection)?;
    connection.execute_batch("BEGIN").map_err(Error::opening)?;
    first_read(&connection, path)?;
    opened();
    read(&connection)
}

/// A URI by which a file that nobody writes can be attached.
pub(crate) fn immutable(path: &Path) -> String {
    uri(path, "immutable=1")
}

/// <https://sqlite.org/uri.html>
fn uri(path: &Path, parameters: &str) -> String {
    const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'/')
        .remove(b'-')
        .remove(b'_')
        .remove(b'.');
    format!(
        "file:{}?{parameters}",
        percent_encode(path.as_os_str().as_bytes(), PLAIN)
    )
}

fn look_at_copy<T>(
    path: &Path,
    wal: &Path,
    read: &mut impl FnMut(&Connection) -> Result<T>,
) -> Result<T> {
    let unreadable = |error| {
        Error::from(DatabaseError::Unreadable {
            path: path.into(),
            error,
        })
    };
    let directory = tempfile::tempdir().map_err(unreadable)?;
    let copy = directory.path().join("copy.db");
    fs::copy(path, &copy).map_err(unreadable)?;
    fs::copy(wal, neighbour(&copy, "-wal")).map_err(unreadable)?;
    // Once it is open the copy needs no name: an interrupted look leaves none behind.
    look_with(&copy, "mode=ro", move || drop(directory), read)
}

/// What tells whether a file, or its journal, changed.
#[derive(Debug, PartialEq, Eq)]
struct State {
    database: (u64, u64, i64, i64, i64, i64),
    journals: Vec<(PathBuf, u64)>,
}

impl State {
    fn of(path: &Path) -> Result<Self> {
        let unreadable = |error| {
            Error::from(DatabaseError::Unreadable {
                path: path.into(),
                error,
            })
        };
        let m = fs::metadata(path).map_err(unreadable)?;
        let mut journals = Vec::new();
        for name in ["-wal", "-journal"].map(|suffix| neighbour(path, suffix)) {
            match fs::metadata(&name) {
                Ok(journal) => journals.push((name, journal.len())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(unreadable(error)),
            }
        }
        Ok(Self {
            database: (
                m.ino(),
                m.size(),
                m.mtime(),
                m.mtime_nsec(),
                m.ctime(),
                m.ctime_nsec(),
            ),
            journals,
        })
    }

    /// The state, taken when the last change is at least a tick ago.
    fn settled(path: &Path) -> Result<Self> {
        let changed = fs::metadata(path).and_then(|m| m.modified());
        let age = changed
            .ok()
            .and_then(|at| SystemTime::now().duration_since(at).ok());
        if age.is_none_or(|age| age < TICK) {
            sleep(TICK);
        }
        Self::of(path)
    }
}
