//! Searching everything for what identifies a user: every column of every table, every file below the
//! roots, the application's keys in Redis. Reads only.
//!
//! Identifiers are the user's key, names and e-mail addresses, as the row of the users table holds
//! them, and what of an address nobody else has. How each is recognised is told in `tokens`; an integer key alone is a number like any other,
//! so it counts only in a column that names users, by a reference or by its own name, or behind a word
//! for a person. What is found is held against the plan and the survey:
//!
//! | found in | before a deletion | after it |
//! |---|---|---|
//! | a row, file or key that goes | covered | – |
//! | the account, where it stays | expected | expected |
//! | a column that mentions users, where the account stays | expected | expected |
//! | anything else | left: the manifest does not cover it | left behind |

mod collect;
mod encoded;
mod files;
mod holders;
mod identifiers;
mod indexes;
mod judge;
mod keys;
mod scan;
mod tables;
mod tokens;
mod words;

use rusqlite::Connection;

pub use collect::{Found, Place};
pub use tokens::Kind;

use crate::database::Readers;
use crate::error::Result;
use crate::keyspace::Server;
use crate::manifest::keys::KeyRule;
use crate::plan::{Accounts, Plan};
use crate::roots::Roots;
use crate::survey::Kept;
use crate::watch::Watch;
use collect::Collector;
pub(crate) use identifiers::Identifiers;
use judge::Judge;
pub(crate) use tables::Reading;

/// Whether the users' data is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It is, and what a deletion would take along has been surveyed.
    Before,
    /// It should be gone, with the accounts or without.
    After(Accounts),
}

/// What a verification found.
#[derive(Clone, Debug)]
pub struct Verification {
    /// The database and the source that named it.
    pub database: String,
    /// Whether the users' data was still to be there.
    pub stage: Stage,
    /// How many users were searched for.
    pub users: u64,
    /// What nothing covers, or what is left behind.
    pub left: Vec<Found>,
    /// What stays and is meant to.
    pub expected: Vec<Found>,
    /// What goes with the users.
    pub covered: Vec<Found>,
    /// Places beyond those named.
    pub more: u64,
    /// How much was searched.
    pub searched: Searched,
    /// What could not be searched, and why.
    pub unsearched: Vec<Kept>,
    /// What else a person should know.
    pub warnings: Vec<String>,
}

/// How much was searched; `None` is what was not looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Searched {
    /// Tables.
    pub tables: u64,
    /// Rows of them.
    pub rows: u64,
    /// Files below the roots.
    pub files: Option<u64>,
    /// The application's keys in Redis.
    pub keys: Option<u64>,
}

impl Verification {
    /// Whether nothing was found that is not accounted for.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.left.is_empty()
    }

    /// Whether everything could be searched.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.unsearched.is_empty()
    }
}

/// Where to search, and by what it is judged.
#[derive(Debug)]
pub(crate) struct Search<'a> {
    /// The connection that holds the survey's sets, if there is a survey.
    pub(crate) connection: &'a Connection,
    pub(crate) readers: &'a Readers,
    pub(crate) plan: &'a Plan,
    pub(crate) reading: &'a Reading,
    pub(crate) identifiers: &'a Identifiers,
    /// None where files are left alone.
    pub(crate) roots: Option<&'a Roots>,
    /// The server, or why there is none; none of both where Redis is left out.
    pub(crate) redis: Option<std::result::Result<&'a Server, String>>,
    pub(crate) rules: &'a [KeyRule],
    pub(crate) stage: Stage,
    /// Files of which the deletion said that they stay, because somebody else's rows name them.
    pub(crate) shared: &'a [Kept],
}

/// Searches everything. What cannot be looked at is told, and does not end the search.
pub(crate) fn search(search: &Search<'_>, watch: &mut dyn Watch) -> Result<Verification> {
    let judge = Judge {
        connection: search.connection,
        plan: search.plan,
        identifiers: search.identifiers,
        stage: search.stage,
        shared: search.shared,
    };
    let mut collector = Collector::default();
    let mut searched = Searched {
        tables: search.reading.tables.len() as u64,
        ..Searched::default()
    };
    searched.rows = scan::scan(
        search.readers,
        &search.reading.tables,
        &search.identifiers.tokens,
        &mut |done, total| watch.tables(done, total),
        &mut |hit| collector.row(&judge, search.reading, hit),
    )?;
    indexes::ask(&judge, &search.reading.indexes, &mut collector)?;
    if let Some(roots) = search.roots {
        let threads = search.readers.count();
        let tokens = &search.identifiers.tokens;
        let progress = &mut |done| watch.read(done);
        let files = files::search(roots, tokens, threads, progress, &mut |hit| {
            collector.file(&judge, &hit)
        })?;
        searched.files = Some(files.files);
        collector.unsearched.extend(files.unread);
    }
    searched.keys = keys::search(search, &mut collector);
    for table in &search.reading.unread {
        collector.unsearched.push(Kept {
            path: format!("the virtual table `{table}`"),
            reason: "its module is the application's own, or unknown here".into(),
        });
    }
    Ok(collector.finish(search, searched))
}
