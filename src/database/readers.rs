//! A pool of read connections, for looks that many threads share.

use std::fmt;

use r2d2::{NopErrorHandler, Pool, PooledConnection};
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::Connection;

use super::preview::Opening;
use super::{BUSY_TIMEOUT, bounds, harden, set};
use crate::error::{Error, Result};

/// Read connections to one database, each within a read transaction that began when the pool was
/// made.
///
/// They see the database as it stood then. Where an application writes meanwhile (possible in WAL mode
/// only, for elsewhere their locks keep it from committing), two of them may see two states, one
/// commit apart.
pub(crate) struct Readers {
    pool: Pool<SqliteConnectionManager>,
}

impl Readers {
    /// Opens `count` connections at once, all in the same way; none is opened later, when it would see
    /// another state.
    pub(super) fn open(opening: Opening, count: u32) -> Result<Self> {
        let uri = opening.uri.clone();
        let begin = move |connection: &mut Connection| {
            connection.busy_timeout(BUSY_TIMEOUT)?;
            opening.prepare(connection)?;
            connection.execute_batch("BEGIN; SELECT count(*) FROM main.sqlite_schema")
        };
        let manager = SqliteConnectionManager::file(uri)
            .with_flags(Opening::FLAGS)
            .with_init(begin);
        let pool = Pool::builder()
            .max_size(count.max(1))
            .min_idle(None)
            .max_lifetime(None)
            .idle_timeout(None)
            .test_on_check_out(false)
            .connection_timeout(BUSY_TIMEOUT)
            .error_handler(Box::new(NopErrorHandler))
            .build(manager)
            .map_err(|error| failed(&error))?;
        Ok(Self { pool })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u32 {
        self.pool.max_size()
    }

    /// One of them, with its settings made and read back: a pooled connection keeps what its last
    /// holder set.
    pub(crate) fn get(&self) -> Result<PooledConnection<SqliteConnectionManager>> {
        let connection = self.pool.get().map_err(|error| failed(&error))?;
        harden(&connection)?;
        bounds::set(&connection)?;
        set(&connection, "query_only", "ON", 1)?;
        if connection.is_autocommit() {
            return Err(Error::Bug("a reader has lost its view"));
        }
        Ok(connection)
    }
}

fn failed(error: &r2d2::Error) -> Error {
    Error::Readers {
        reason: error.to_string(),
    }
}

impl fmt::Debug for Readers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Readers")
            .field("state", &self.pool.state())
            .finish()
    }
}
