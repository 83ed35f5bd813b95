//! The rows of a snapshot on their way back: as they were saved, with the record of the run beside
//! them, so that both come with one commit (invariant 3).
//!
//! The record is made in a transaction on the snapshot's copy that never ends with a commit: nothing
//! of it reaches that file.

use std::io::Read;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::meta::{About, DATABASE};
use super::pages::Pages;
use crate::database::{self, pages};
use crate::error::{Error, Result};
use crate::outbox::{self, RunRecord};

/// The pages that have to be written, and what there is to take back afterwards.
#[derive(Debug, Default)]
pub(super) struct Differing {
    /// The live database is not as it was saved.
    pub(super) rows: bool,
    /// Pages of the image that the live database does not hold.
    written: Vec<u32>,
    /// Pages of the image that are others only because of the record.
    of_record: Vec<u32>,
}

/// The image, open.
#[derive(Debug)]
pub(super) struct Image {
    connection: Connection,
    saved: Pages,
}

impl Image {
    /// The image of the snapshot at `path`, without a record.
    ///
    /// Fails where the snapshot is damaged, as far as that shows.
    pub(super) fn open(path: &Path, about: &About) -> Result<Self> {
        let saved = Pages::open(path, about)?;
        // Of another journal mode, opening it would change it.
        saved.page(1)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || -> rusqlite::Result<_> {
            let connection = Connection::open_with_flags(path.join(DATABASE), flags)?;
            connection.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA cache_spill = OFF;")?;
            Ok(connection)
        };
        match open() {
            Ok(connection) => Ok(Self { connection, saved }),
            Err(error) => Err(saved.blamed(Error::copying(error))),
        }
    }

    /// Whether its pages can take the place of the live ones.
    pub(super) fn fits(&self, live: &Connection) -> Result<bool> {
        let fits = pages::can_be_exchanged(live, &self.connection);
        fits.map_err(|error| self.saved.blamed(error))
    }

    /// Adds the record of a run.
    pub(super) fn add(&self, record: &RunRecord) -> Result<()> {
        let begun = self.connection.execute_batch("BEGIN IMMEDIATE");
        begun
            .map_err(Error::copying)
            .and_then(|()| outbox::begin(&self.connection, record))
            .map_err(|error| self.saved.blamed(error))
    }

    /// Compares it with the live database, in a transaction of that, and checks each page that would be
    /// written against its digest.
    pub(super) fn compare(&self, live: &Connection) -> Result<Differing> {
        let mut found = Differing {
            rows: pages::count(live)? != self.saved.count(),
            ..Differing::default()
        };
        let unreadable = |error| super::place::access("read", Path::new(DATABASE), error);
        let mut saved = self.saved.reader().map_err(unreadable)?;
        let mut page = Vec::new();
        pages::side_by_side(live, &self.connection, |number, old, new| {
            if number > self.saved.count() {
                found.of_record.push(number);
                found.written.push(number);
                return Ok(());
            }
            page.resize(new.len(), 0);
            saved.read_exact(&mut page).map_err(unreadable)?;
            let is = |other: &[u8]| old.is_some_and(|old| pages::are_alike(number, old, other));
            if page != new {
                found.of_record.push(number);
            }
            found.rows |= !is(&page);
            if !is(new) || page != new {
                self.saved.require_whole(number, &page)?;
                found.written.push(number);
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Makes it the content of the live database, in a write transaction of that.
    pub(super) fn put_back(&self, live: &Connection, found: &Differing) -> Result<()> {
        let count = pages::count(&self.connection)?;
        pages::write(live, &found.written, count, |number| {
            let page = pages::read(&self.connection, number)?;
            page.ok_or(Error::Bug("a page of the image is gone"))
        })
    }

    /// Takes the record back out of the live database, which is then as it was saved. In a write
    /// transaction of that, and only where nobody has written since the record came.
    pub(super) fn take_back(&self, live: &Connection, found: &Differing) -> Result<()> {
        let numbers = found.of_record.iter().copied();
        let numbers: Vec<u32> = numbers.filter(|it| *it <= self.saved.count()).collect();
        pages::write(live, &numbers, self.saved.count(), |number| {
            Ok(self.saved.page(number)?)
        })
    }

    /// Does `work` in one write transaction of the live database, which can then be read again.
    pub(super) fn within<T>(live: &Connection, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let done = database::transaction(live, work);
        pages::forget_cache(live)?;
        done
    }
}
