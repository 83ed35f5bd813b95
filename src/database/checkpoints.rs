//! When the `-wal` of a run is copied into the database (<https://sqlite.org/wal.html>).
//!
//! What one run writes is more than a thousand pages, after which `SQLite` would copy the `-wal`, and
//! the same pages again and again. So it is copied rarely, and most of it by a connection of its own
//! while the run goes on: a checkpoint needs no lock that a writer needs.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use rustix::fs::statvfs;

use super::{OldPages, open, pages, pragma, write_back_now};
use crate::error::{Error, Result};

/// The size in bytes to which a `-wal` may grow before it is copied into the database: that of the
/// database, within these bounds. A larger one is copied less often; a smaller one is written anew where
/// the system still has it in memory.
const LARGEST: u64 = 256 << 20;
const SMALLEST: u64 = 64 << 20;

/// Pages after which `SQLite` copies it unless told otherwise.
const USUAL: u64 = 1000;

/// Rare checkpoints. Dropped, they are as usual again, and the `-wal` is as small as readers allow.
#[derive(Debug)]
pub(crate) struct Rare<'c> {
    connection: &'c Connection,
    database: PathBuf,
    /// To be copied beside the run from this many pages on.
    pages: u64,
    beside: Option<Beside>,
}

/// A thread that copies when it is asked.
#[derive(Debug)]
struct Beside {
    asked: SyncSender<()>,
    thread: JoinHandle<()>,
}

/// Pages of the `-wal` since it was last begun anew.
struct Wal {
    written: u64,
    copied: u64,
}

impl<'c> Rare<'c> {
    /// Lets the `-wal` of the database at `path` grow to the size of that, within bounds, and to a quarter of
    /// the room there is at most.
    ///
    /// Fails where the database cannot be read.
    pub(crate) fn checkpoints(connection: &'c Connection, path: &Path) -> Result<Self> {
        let mut rare = Self {
            connection,
            database: path.to_owned(),
            pages: USUAL,
            beside: None,
        };
        let page: u64 = pragma(connection, "page_size")?;
        let size = u64::from(pages::count(connection)?).saturating_mul(page);
        let room = statvfs(path.parent().unwrap_or(path))
            .map_or(0, |room| room.f_bavail.saturating_mul(room.f_frsize));
        let bytes = size.clamp(SMALLEST, LARGEST).min(room / 4);
        rare.pages = (bytes / page.max(1)).max(USUAL);
        after_pages(connection, rare.pages.saturating_mul(2))?;
        Ok(rare)
    }

    /// After a commit: has a `-wal` that is large copied, and when little of it is left, copies the rest,
    /// so that it is begun anew. Where none of this can be had, `SQLite` copies it before long.
    pub(crate) fn committed(&mut self) {
        let Some(wal) = wal(self.connection) else {
            return;
        };
        if wal.written < self.pages {
            return;
        }
        if wal.left() <= self.pages / 4 {
            copy(self.connection);
            return;
        }
        if self.beside.is_none() {
            self.beside = Beside::start(&self.database);
        }
        if let Some(beside) = &self.beside {
            // One that is at it does not listen.
            let _busy = beside.asked.try_send(());
        }
    }

    /// Waits until nothing is copied beside the run any more, which others might take for a reader.
    pub(crate) fn join(&mut self) {
        let Some(Beside { asked, thread }) = self.beside.take() else {
            return;
        };
        drop(asked);
        if thread.join().is_err() {
            log::debug!("the thread that copies the `-wal` has panicked");
        }
    }
}

impl Drop for Rare<'_> {
    fn drop(&mut self) {
        self.join();
        let usual = after_pages(self.connection, USUAL);
        // Readers are not waited for: whoever closes the database last does the same.
        let shrunk = usual.and_then(|()| write_back_now(self.connection));
        if !matches!(shrunk, Ok(OldPages::Gone)) {
            log::debug!("the `-wal` stays as large as it is: {shrunk:?}");
        }
    }
}

impl Wal {
    /// The two numbers are read one after the other, and others write and copy between the two.
    fn left(&self) -> u64 {
        self.written.saturating_sub(self.copied)
    }
}

impl Beside {
    /// None where the system gives no thread.
    fn start(database: &Path) -> Option<Self> {
        let (asked, of_asked) = sync_channel(0);
        let database = database.to_owned();
        let work = move || copy_when_asked(&database, &of_asked);
        let thread = thread::Builder::new().spawn(work).ok()?;
        Some(Self { asked, thread })
    }
}

fn copy_when_asked(database: &Path, asked: &Receiver<()>) {
    match open(database) {
        Ok(connection) => asked.iter().for_each(|()| copy(&connection)),
        Err(error) => log::debug!("the `-wal` is not copied beside the run: {error}"),
    }
}

/// Copies as much as readers allow, and waits for nobody.
fn copy(connection: &Connection) {
    let copied = connection.query_row("PRAGMA main.wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    if let Err(error) = copied {
        log::debug!("the `-wal` was not copied: {error}");
    }
}

/// None where there is no `-wal`.
fn wal(connection: &Connection) -> Option<Wal> {
    let sql = "PRAGMA main.wal_checkpoint(NOOP)";
    let mut statement = connection.prepare_cached(sql).ok()?;
    let (written, copied): (i64, i64) = statement
        .query_row([], |row| Ok((row.get(1)?, row.get(2)?)))
        .ok()?;
    Some(Wal {
        written: written.try_into().ok()?,
        copied: copied.try_into().ok()?,
    })
}

fn after_pages(connection: &Connection, pages: u64) -> Result<()> {
    let sql = format!("PRAGMA wal_autocheckpoint = {pages}");
    connection.execute_batch(&sql).map_err(Error::surveying)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::{Duration, Instant};

    use tempfile::TempDir;

    use super::*;
    use crate::database::neighbour;

    const PAGES: u64 = 64;

    /// A database in WAL mode, and checkpoints which nothing but the code below makes.
    fn database() -> (TempDir, PathBuf, Connection) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("app.db");
        let made = Connection::open(&path).unwrap();
        let sql = "PRAGMA journal_mode = WAL; CREATE TABLE t(x); INSERT INTO t VALUES (0)";
        made.execute_batch(sql).unwrap();
        let connection = open(&path).unwrap();
        (directory, path, connection)
    }

    fn rare<'c>(connection: &'c Connection, path: &Path) -> Rare<'c> {
        let mut rare = Rare::checkpoints(connection, path).unwrap();
        after_pages(connection, 0).unwrap();
        rare.pages = PAGES;
        rare
    }

    fn write(rare: &mut Rare, pages: u64) {
        let sql = "UPDATE t SET x = randomblob(4096 * ?1)";
        rare.connection.execute(sql, [pages]).unwrap();
        rare.committed();
    }

    fn wait_until(happened: impl Fn() -> bool) {
        let start = Instant::now();
        while !happened() {
            assert!(start.elapsed() < Duration::from_secs(20), "it never did");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn a_large_wal_is_copied_beside_the_run_and_begun_anew() {
        let (_directory, path, connection) = database();
        let mut rare = rare(&connection, &path);
        write(&mut rare, PAGES / 2);
        assert!(rare.beside.is_none());
        write(&mut rare, PAGES);
        // The thread may not have listened when it was first asked.
        wait_until(|| {
            let Wal { written, copied } = wal(&connection).unwrap();
            rare.beside.as_ref().unwrap().asked.try_send(()).ok();
            written > PAGES && copied == written
        });
        let before = wal(&connection).unwrap().written;
        write(&mut rare, PAGES / 4);
        assert!(wal(&connection).unwrap().written < before);
        drop(rare);
        assert_eq!(neighbour(&path, "-wal").metadata().unwrap().len(), 0);
    }

    #[test]
    fn of_a_wal_that_others_copied_further_meanwhile_nothing_is_left() {
        let left = |written, copied| Wal { written, copied }.left();
        assert_eq!([left(9, 2), left(9, 9), left(9, 12)], [7, 0, 0]);
    }

    #[test]
    fn a_reader_keeps_the_wal_and_hinders_nobody() {
        let (_directory, path, connection) = database();
        let reader = open(&path).unwrap();
        let old = |reader: &Connection| -> String {
            let sql = "SELECT typeof(x) FROM t";
            reader.query_row(sql, [], |row| row.get(0)).unwrap()
        };
        reader.execute_batch("BEGIN").unwrap();
        assert_eq!(old(&reader), "integer");
        let mut rare = rare(&connection, &path);
        for _ in 0..8 {
            write(&mut rare, PAGES);
        }
        assert!(wal(&connection).unwrap().written > 8 * PAGES);
        drop(rare);
        assert_eq!(old(&reader), "integer");
        reader.execute_batch("COMMIT").unwrap();
        assert_eq!(old(&reader), "blob");
        assert_eq!(write_back_now(&connection).unwrap(), OldPages::Gone);
    }
}
