//! Single pages of a database, read and written by `SQLite` itself, through its own locks, cache and
//! journal (<https://sqlite.org/dbpage.html>): what is alike need not be written.
//!
//! Whoever has the live database open sees the old pages or the new, as with any transaction.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension};

use super::pragma;
use crate::error::{Error, Result};

/// Bytes of the first page that are a file's own affair: the journal mode, the change counter, the
/// schema cookie, and which `SQLite` wrote it (<https://sqlite.org/fileformat2.html#database_header>).
const OWN: [std::ops::Range<usize>; 4] = [18..20, 24..28, 40..44, 92..100];
const HEADER: usize = 100;
/// How many bytes at the end of each page are not `SQLite`'s.
const RESERVED: usize = 20;

/// Whether pages of `image` can take the place of those of `live`: this build of `SQLite` can write
/// pages, and theirs are of the same form.
pub(crate) fn can_be_exchanged(live: &Connection, image: &Connection) -> Result<bool> {
    let known = "SELECT EXISTS (SELECT 1 FROM pragma_module_list WHERE name = 'sqlite_dbpage') \
                 AND NOT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE lower(name) = 'sqlite_dbpage')";
    let known: bool = live
        .query_row(known, [], |row| row.get(0))
        .map_err(Error::surveying)?;
    if !known {
        return Ok(false);
    }
    // Where pages may be moved by a commit is among what the live connection knows of its file.
    for name in ["page_size", "encoding", "auto_vacuum"] {
        let value = |of: &Connection| pragma::<rusqlite::types::Value>(of, name);
        if value(live)? != value(image)? {
            return Ok(false);
        }
    }
    let reserved = |of| Ok::<_, Error>(read(of, 1)?.and_then(|page| page.get(RESERVED).copied()));
    Ok(reserved(live)? == reserved(image)?)
}

/// Shows `visit` every page of the image, by number, with the live one of that number if there is one.
/// Each of the two is in a transaction, or nobody else writes it.
pub(crate) fn side_by_side(
    live: &Connection,
    image: &Connection,
    mut visit: impl FnMut(u32, Option<&[u8]>, &[u8]) -> Result<()>,
) -> Result<()> {
    const ALL: &str = "SELECT data FROM sqlite_dbpage";
    let _passing = [Passing::through(live)?, Passing::through(image)?];
    let mut ours = live.prepare(ALL).map_err(Error::surveying)?;
    let mut theirs = image.prepare(ALL).map_err(Error::copying)?;
    let mut ours = ours.query([]).map_err(Error::surveying)?;
    let mut theirs = theirs.query([]).map_err(Error::copying)?;
    for number in 1.. {
        let Some(new) = theirs.next().map_err(Error::copying)? else {
            return Ok(());
        };
        let new = new.get_ref(0).map_err(Error::copying)?;
        let old = ours.next().map_err(Error::surveying)?;
        let old = old.map(|row| row.get_ref(0)).transpose();
        let old = old.map_err(Error::surveying)?;
        let old = old.and_then(|old| old.as_blob().ok());
        visit(number, old, new.as_blob().unwrap_or_default())?;
    }
    Err(Error::Bug("a database has more pages than there can be"))
}

/// A small cache while every page is looked at once: to keep them all would cost more than to read them.
struct Passing<'a> {
    connection: &'a Connection,
    before: i64,
}

impl<'a> Passing<'a> {
    /// In KiB, negative as `SQLite` has it.
    const CACHE: i64 = -256;

    fn through(connection: &'a Connection) -> Result<Self> {
        let before = pragma(connection, "cache_size")?;
        let passing = Self { connection, before };
        passing.set(Self::CACHE).map_err(Error::surveying)?;
        Ok(passing)
    }

    fn set(&self, size: i64) -> rusqlite::Result<()> {
        let sql = format!("PRAGMA main.cache_size = {size}");
        self.connection.execute_batch(&sql)
    }
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.set(self.before) {
            log::debug!("the cache of a connection stays small: {error}");
        }
    }
}

/// How many pages a database has.
pub(crate) fn count(connection: &Connection) -> Result<u32> {
    pragma(connection, "page_count")
}

/// Whether two pages of one number hold the same, but for what is a file's own affair.
pub(crate) fn are_alike(number: u32, one: &[u8], other: &[u8]) -> bool {
    if number != 1 || one.len() < HEADER || one.len() != other.len() {
        return one == other;
    }
    let mut from = 0;
    for own in OWN {
        if one[from..own.start] != other[from..own.start] {
            return false;
        }
        from = own.end;
    }
    one[from..] == other[from..]
}

/// One page; none behind the end.
pub(crate) fn read(connection: &Connection, number: u32) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT data FROM sqlite_dbpage WHERE pgno = ?1";
    let mut statement = connection.prepare_cached(sql).map_err(Error::surveying)?;
    let page = statement.query_row([number], |row| row.get(0));
    page.optional().map_err(Error::surveying)
}

/// Makes pages of the live database what `page` answers for their numbers, the first among them, and
/// its size `count` pages. Inside a write transaction of `live`, in which rows are neither read nor
/// written afterwards; after it, [`forget_cache`] comes first.
pub(crate) fn write(
    live: &Connection,
    numbers: &[u32],
    count: u32,
    page: impl Fn(u32) -> Result<Vec<u8>>,
) -> Result<()> {
    let own = read(live, 1)?.ok_or(Error::Bug("a database has no first page"))?;
    let (before, cookie): (u32, i32) =
        (pragma(live, "page_count")?, pragma(live, "schema_version")?);
    let _lifted = DefenceLifted::of(live)?;
    let put = |number: u32, page: Option<&[u8]>| {
        let sql = "INSERT INTO sqlite_dbpage(pgno, data) VALUES (?1, ?2)";
        let put = live
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(rusqlite::params![number, page]));
        put.map(drop).map_err(Error::replacing)
    };
    for number in numbers.iter().copied().filter(|number| *number != 1) {
        put(number, Some(&page(number)?))?;
    }
    put(1, Some(&with_own(page(1)?, &own)?))?;
    if before > count {
        // No page: this one and all behind it go.
        put(count + 1, None)?;
    }
    // By which whoever has the database open knows that the structure may be another.
    let sql = format!("PRAGMA main.schema_version = {}", cookie.wrapping_add(1));
    live.execute_batch(&sql).map_err(Error::replacing)
}

/// A first page, but for what is the live file's own affair.
fn with_own(mut page: Vec<u8>, own: &[u8]) -> Result<Vec<u8>> {
    if page.len() < HEADER || page.len() != own.len() {
        return Err(Error::Bug("a first page without a header"));
    }
    for range in OWN {
        page[range.clone()].copy_from_slice(&own[range]);
    }
    Ok(page)
}

/// Forgets the pages that `SQLite` has parsed: those that were written under it are others now.
/// Outside a transaction.
pub(crate) fn forget_cache(connection: &Connection) -> Result<()> {
    let sql = "PRAGMA shrink_memory";
    connection.execute_batch(sql).map_err(Error::replacing)
}

/// Pages are written while this exists.
struct DefenceLifted<'a>(&'a Connection);

impl<'a> DefenceLifted<'a> {
    fn of(connection: &'a Connection) -> Result<Self> {
        let lifted = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false);
        lifted.map_err(Error::replacing)?;
        Ok(Self(connection))
    }
}

impl Drop for DefenceLifted<'_> {
    fn drop(&mut self) {
        let defended = self
            .0
            .set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true);
        if let Err(error) = defended {
            log::error!("the database is no longer in defensive mode: {error}");
        }
    }
}

#[cfg(test)]
mod tests;
