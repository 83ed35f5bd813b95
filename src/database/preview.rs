//! A look at the database that changes no byte of it, its journals or its directory (invariant 6).
//!
//! | beside the database | how it is read |
//! |---|---|
//! | `-wal` and `-shm` | read-only, the wal-index opened read-only too: an application may be writing; where that index was left half made, as below |
//! | `-wal` alone | without locks, the wal-index kept in memory: nobody holds it open, and an ordinary reader would make a `-shm` |
//! | a `-journal` with content | read-only with locks; a hot one is refused, only a writer may roll it back |
//! | neither | as immutable, for a read-only handle on an idle WAL database would leave files behind |
//!
//! A reader without locks finds out afterwards whether the file has changed meanwhile; if it has,
//! the look is taken again. A database that keeps changing is read with locks: beside whoever writes
//! it, or as by any reader, which leaves nothing behind in a rollback mode, and in WAL mode no more
//! than what its application makes each time it comes, a `-wal` and a `-shm`.
//!
//! A reader that may not write can meet a writer in the middle of things and take it for a dead one:
//! `SQLite` would find out by trying to recover, which is not for a look to do. So what seems to need
//! recovery is looked at again for a while before it is believed.

use std::fs;
use std::io;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{
    BUSY_TIMEOUT, JOURNALS, Readers, bounds, first_read, harden, neighbour,
    require_plain_neighbours,
};
use crate::error::{DatabaseError, Error, Result};

/// How often an unlocked look is taken before locks are used.
const ATTEMPTS: usize = 4;

/// How often what seems to need recovery is looked at before it is believed, and how long after
/// each time.
const DOUBTS: usize = 20;
const PAUSE: Duration = Duration::from_millis(25);

/// How long after a lock was refused, or nobody was met, it is tried again.
const BETWEEN_TRIES: Duration = Duration::from_millis(1);

/// How often somebody is looked for who has the database open.
const MEETINGS: usize = 500;

/// File times are only as fine as the kernel's tick: a file that changed this recently could
/// change again without showing it.
const TICK: Duration = Duration::from_millis(20);

/// A way to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Among the users of a `-wal`.
    Shared,
    /// A `-wal` that nobody has open.
    Alone,
    /// With the locks of any reader.
    Locked,
    /// A file that is all there is.
    Immutable,
}

impl Way {
    fn now(path: &Path) -> Self {
        let [wal, shm, journal] = JOURNALS.map(|suffix| neighbour(path, suffix));
        match (wal.exists(), shm.exists()) {
            (true, true) => Self::Shared,
            (true, false) => Self::Alone,
            _ if fs::metadata(journal).is_ok_and(|journal| journal.len() > 0) => Self::Locked,
            _ => Self::Immutable,
        }
    }

    /// <https://sqlite.org/uri.html>
    fn parameters(self) -> &'static str {
        match self {
            Self::Shared => "mode=ro&readonly_shm=1",
            Self::Alone => "mode=ro&vfs=unix-none",
            Self::Locked => "mode=ro",
            Self::Immutable => "immutable=1",
        }
    }
}

/// Which journal the database at `path` keeps: `wal` or `rollback`. That is all its header says; an
/// immutable connection does not even say that.
///
/// A connection that takes no locks cannot open a database in WAL mode, and no other reason keeps it
/// from one that could be looked at before.
pub(crate) fn journal_mode(path: &Path) -> Result<&'static str> {
    let uri = uri(path, "mode=ro&nolock=1");
    let connection = Connection::open_with_flags(uri, Opening::FLAGS).map_err(Error::opening)?;
    let sql = "SELECT count(*) FROM main.sqlite_schema";
    match connection.query_row(sql, [], |row| row.get::<_, i64>(0)) {
        Ok(_) => Ok("rollback"),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::CannotOpen) => Ok("wal"),
        Err(error) => Err(Error::first_read(path, error)),
    }
}

/// Reads the database at `path` (from [`existing`](super::existing)) with `read`, which may make
/// temporary tables and may be called more than once.
///
/// Fails as [`open`](super::open) does, and where a hot journal has to be rolled back first.
pub fn look<T>(path: &Path, mut read: impl FnMut(&Connection) -> Result<T>) -> Result<T> {
    look_with(path, &|_| Ok(()), &mut |connection, ()| read(connection))
}

/// As [`look`], with `count` more connections that see the same. They last as long as the look.
pub(crate) fn look_with_readers<T>(
    path: &Path,
    count: u32,
    mut read: impl FnMut(&Connection, &Readers) -> Result<T>,
) -> Result<T> {
    let open = |opening: &Opening| Readers::open(opening.clone(), count);
    look_with(path, &open, &mut |connection, readers| {
        read(connection, &readers)
    })
}

/// How one connection of a look is opened, for more like it.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    way: Way,
    pub(super) uri: String,
}

impl Opening {
    pub(super) const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_READ_ONLY
        .union(OpenFlags::SQLITE_OPEN_URI)
        .union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

    /// Before the first statement that reads.
    pub(super) fn prepare(&self, connection: &Connection) -> rusqlite::Result<()> {
        if self.way == Way::Alone {
            keep_index_in_memory(connection)?;
        }
        Ok(())
    }
}

/// Opens what else a look needs.
type Open<'o, R> = dyn Fn(&Opening) -> Result<R> + 'o;

/// What a look does.
type Read<'r, R, T> = dyn FnMut(&Connection, R) -> Result<T> + 'r;

fn look_with<R, T>(path: &Path, open: &Open<'_, R>, read: &mut Read<'_, R, T>) -> Result<T> {
    let (mut attempts, mut doubts) = (0..ATTEMPTS, 0..DOUBTS);
    loop {
        require_plain_neighbours(path)?;
        match look_now(path, &mut attempts, open, read) {
            Err(error) if error.may_pass() && doubts.next().is_some() => {
                log::debug!("{error}; the look is taken again");
                sleep(PAUSE);
            }
            seen => return seen,
        }
    }
}

fn look_now<R, T>(
    path: &Path,
    attempts: &mut Range<usize>,
    open: &Open<'_, R>,
    read: &mut Read<'_, R, T>,
) -> Result<T> {
    for _ in attempts {
        let seen = match Way::now(path) {
            Way::Shared => match look_by(Way::Shared, path, open, read) {
                Err(error) if error.is_locking_protocol() => {
                    look_unlocked(Way::Alone, path, open, read)?
                }
                seen => return seen,
            },
            Way::Locked => break,
            way => look_unlocked(way, path, open, read)?,
        };
        if let Some(seen) = seen {
            return seen;
        }
        log::debug!("the database changed during the look, which is taken again");
    }
    look_by(locking_way(path), path, open, read)
}

/// A way that nobody has to rest for: in company, as soon as somebody is met there, for that leaves
/// nothing behind.
fn locking_way(path: &Path) -> Way {
    let met = (0..MEETINGS).find_map(|_| match Way::now(path) {
        way @ (Way::Shared | Way::Locked) => Some(way),
        Way::Alone | Way::Immutable => {
            sleep(BETWEEN_TRIES);
            None
        }
    });
    met.unwrap_or(Way::Locked)
}

/// What was seen; `None` where the file changed meanwhile.
fn look_unlocked<R, T>(
    way: Way,
    path: &Path,
    open: &Open<'_, R>,
    read: &mut Read<'_, R, T>,
) -> Result<Option<Result<T>>> {
    let before = State::settled(path)?;
    let seen = look_by(way, path, open, read);
    Ok((State::of(path)? == before).then_some(seen))
}

fn look_by<R, T>(
    way: Way,
    path: &Path,
    open: &Open<'_, R>,
    read: &mut Read<'_, R, T>,
) -> Result<T> {
    let opening = Opening {
        way,
        uri: uri(path, way.parameters()),
    };
    let connection =
        Connection::open_with_flags(&opening.uri, Opening::FLAGS).map_err(Error::opening)?;
    harden(&connection)?;
    let handled = connection.busy_handler(Some(try_again));
    handled.map_err(Error::opening)?;
    opening.prepare(&connection).map_err(Error::opening)?;
    connection.execute_batch("BEGIN").map_err(Error::opening)?;
    first_read(&connection, path)?;
    bounds::set(&connection)?;
    let more = open(&opening)?;
    read(&connection, more)
}

/// Whether a lock is tried again, so many times tried. In a rollback mode a program that commits one
/// thing after another leaves moments between them, which are missed by who looks once in a while.
fn try_again(tries: i32) -> bool {
    sleep(BETWEEN_TRIES);
    BETWEEN_TRIES.saturating_mul(tries.unsigned_abs()) < BUSY_TIMEOUT
}

/// A URI by which a file that nobody writes can be attached.
pub(crate) fn immutable(path: &Path) -> String {
    uri(path, "immutable=1")
}

/// <https://sqlite.org/wal.html#noshm>; and closing the `-wal` is no reason to work it off.
fn keep_index_in_memory(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.query_row("PRAGMA main.locking_mode = EXCLUSIVE", [], |_| Ok(()))
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

/// What tells whether a file, or its journal, changed: of each that is there, its inode, size and
/// the time of its last change. Not the ctime: where root looks, `SQLite` gives a `-wal` the owner
/// that it has.
#[derive(Debug, PartialEq, Eq)]
struct State(Vec<(PathBuf, [u64; 2], [i64; 2])>);

impl State {
    fn of(path: &Path) -> Result<Self> {
        let mut files = Vec::new();
        for suffix in ["", "-wal", "-journal"] {
            let name = neighbour(path, suffix);
            let m = match fs::metadata(&name) {
                Ok(m) => m,
                Err(error) if error.kind() == io::ErrorKind::NotFound && !suffix.is_empty() => {
                    continue;
                }
                Err(error) => {
                    let path = path.into();
                    return Err(Error::from(DatabaseError::Unreadable { path, error }));
                }
            };
            files.push((name, [m.ino(), m.size()], [m.mtime(), m.mtime_nsec()]));
        }
        Ok(Self(files))
    }

    /// The state, taken when the last change is at least a tick ago.
    fn settled(path: &Path) -> Result<Self> {
        let changed = ["", "-wal"].map(|suffix| fs::metadata(neighbour(path, suffix)));
        let ages = changed.into_iter().flatten().map(|m| {
            let at = m.modified().ok()?;
            SystemTime::now().duration_since(at).ok()
        });
        if ages.into_iter().any(|age| age.is_none_or(|age| age < TICK)) {
            sleep(TICK);
        }
        Self::of(path)
    }
}

#[cfg(test)]
mod tests;
