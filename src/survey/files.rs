//! Which files go with which user: those that the user's rows name, and those in the user's own
//! directories.
//!
//! A temporary table holds each file once, under its root and the path below it. A file that rows
//! of several users name goes with the last of them; a file that a row which stays names is
//! `shared` and stays (invariant 5). Nothing is changed here.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};

use super::aliases::Doubts;
use super::file_table::{self, below, bytes, execute, is_known, list, number, places};
use super::findings::{Findings, Kept, NAMED, Trouble};
use super::namesakes::{self, Shared};
use super::standing_files::Named;
use super::survivors::{self, IN_DOUBT};
use super::targets::Targets;
use crate::error::{Error, Result};
use crate::manifest::{Directory, Files as Declared};
use crate::outbox;
use crate::plan::Plan;
use crate::roots::{Entry, Identity, Inspection, Place, Refusal, Roots};
use crate::user::UserKey;

/// The files of a run.
#[derive(Debug)]
pub(crate) struct Files<'a> {
    pub(super) plan: &'a Plan,
    pub(super) declared: &'a Declared,
    pub(super) roots: &'a Roots,
    /// What was found for each column, until something changes below the roots.
    pub(super) named: RefCell<Vec<Option<Named<'a>>>>,
}

/// What is handed to the outbox: a place, what stands there, and the summary line it counts for.
pub(crate) type PathSink<'s> = dyn FnMut(&Place, &Identity, &str) -> Result<()> + 's;

impl<'a> Files<'a> {
    /// Prepares an empty list on a connection.
    pub(crate) fn prepare(
        connection: &Connection,
        plan: &'a Plan,
        declared: &'a Declared,
        roots: &'a Roots,
    ) -> Result<Self> {
        file_table::create(connection)?;
        Ok(Self {
            plan,
            declared,
            roots,
            named: RefCell::default(),
        })
    }

    /// Lists the files of all targets, whose rows have been found.
    pub(crate) fn find(&self, connection: &Connection, findings: &mut Findings) -> Result<()> {
        self.list_namesakes(connection, None)?;
        self.list_named(connection, None, findings)?;
        let mut next = Targets::next(connection, 0)?;
        while let Some(position) = next {
            if let Some(key) = Targets::key(connection, position)? {
                self.list_directories(connection, position, &key, findings)?;
            }
            next = Targets::next(connection, position)?;
        }
        let doubts = survivors::mark(
            connection,
            &self.plan.files,
            self.roots,
            "temp.file",
            survivors::Rows::NotGoing(self.plan),
        )?;
        self.tell_doubts(connection, &doubts, findings)
    }

    /// What is in doubt is recorded like what goes: it goes when a later look dispels the doubt.
    fn tell_doubts(
        &self,
        connection: &Connection,
        doubts: &Doubts,
        findings: &mut Findings,
    ) -> Result<()> {
        let sql = "SELECT root, path FROM temp.file WHERE shared = ?1 AND state = 1";
        for place in places(self.roots, connection, sql, [IN_DOUBT])? {
            findings
                .doubtful
                .extend(doubts.about(place.relative()).map(|reason| Kept {
                    path: place.to_string(),
                    reason,
                }));
        }
        Ok(())
    }

    /// The roots the files lie in.
    pub(crate) fn roots(&self) -> &'a Roots {
        self.roots
    }

    /// Leaves out what the outbox of an interrupted run holds: it goes with that run.
    pub(crate) fn leave_out_recorded(&self, connection: &Connection) -> Result<()> {
        let sql = "DELETE FROM temp.file WHERE root = ?1 AND path = ?2";
        let mut after = 0;
        loop {
            let batch = outbox::paths(connection, outbox::Kind::File, after, 512)?;
            let Some(last) = batch.last() else {
                return Ok(());
            };
            after = last.id;
            for record in &batch {
                let (root, path) = &record.path;
                if let Ok(place) = self.roots.restore(Path::new(OsStr::from_bytes(root)), path) {
                    execute(
                        connection,
                        sql,
                        params![number(place.root_index()), bytes(&place)],
                    )?;
                }
            }
        }
    }

    /// Lists again what the rows of one user name, after the rows have been found anew.
    pub(crate) fn find_again(
        &self,
        connection: &Connection,
        position: i64,
        findings: &mut Findings,
    ) -> Result<()> {
        self.list_namesakes(connection, Some(position))?;
        self.list_named(connection, Some(position), findings)
    }

    fn list_directories(
        &self,
        connection: &Connection,
        position: i64,
        key: &UserKey,
        findings: &mut Findings,
    ) -> Result<()> {
        for pattern in &self.declared.directories {
            let Some(place) = self.directory(connection, pattern, (position, key), findings)?
            else {
                continue;
            };
            let clean = self.list_directory(connection, position, &place, findings)?;
            if matches!(self.roots.inspect(&place), Inspection::Directory(_)) {
                let (first, last) = below(bytes(&place));
                let sql = "INSERT OR IGNORE INTO temp.directory(root, path, first, last, clean) \
                           VALUES (?1, ?2, ?3, ?4, ?5)";
                let values = params![
                    number(place.root_index()),
                    bytes(&place),
                    first,
                    last,
                    clean
                ];
                execute(connection, sql, values)?;
            }
        }
        Ok(())
    }

    /// Lists what a user's directory holds beside the files that rows name, which are listed already.
    /// Whether nothing in it is refused.
    fn list_directory(
        &self,
        connection: &Connection,
        position: i64,
        place: &Place,
        findings: &mut Findings,
    ) -> Result<bool> {
        let (mut found, mut clean) = (Ok(()), true);
        let _ = self
            .roots
            .walk_past(place, &is_known(connection), &mut |entry| {
                match entry {
                    Entry::File(file, _) => {
                        found =
                            list(connection, &file, position, &self.declared.other_line).map(drop);
                    }
                    Entry::Directory(..) => {}
                    Entry::Refused(at, refusal) => {
                        clean = false;
                        findings.refuse(at.to_string(), &refusal);
                    }
                    Entry::Trouble(at, error) => {
                        let path = at.to_string();
                        findings.trouble.push(Trouble {
                            position,
                            path,
                            error,
                        });
                    }
                }
                if found.is_err() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
        found.map(|()| clean)
    }

    /// The directory of a user; none where it cannot be, or the user has no value that names it.
    pub(super) fn directory(
        &self,
        connection: &Connection,
        pattern: &Directory,
        (position, key): (i64, &UserKey),
        findings: &mut Findings,
    ) -> Result<Option<Place>> {
        let value = match pattern.column() {
            None => Some(key.bytes().into_owned()),
            Some(column) => Targets::value(connection, self.plan, position, column)?,
        };
        let Some(value) = value else { return Ok(None) };
        let raw = match pattern.of(&value) {
            Ok(raw) => raw,
            Err(path) => {
                findings.refuse(path, &Refusal::Outside);
                return Ok(None);
            }
        };
        let shared = pattern
            .column()
            .map(|column| namesakes::shared(connection, (column, &value), position));
        match shared.transpose()? {
            Some(Shared::WithWhoStays) => {
                let path = crate::roots::shown(Path::new(OsStr::from_bytes(&raw)));
                findings.keep(path, ALSO_WHO_STAYS.into());
                return Ok(None);
            }
            Some(Shared::WithLater) => return Ok(None),
            Some(Shared::Not) | None => {}
        }
        match self.roots.locate_directory(&raw) {
            Ok(place) => Ok(Some(place)),
            Err(refusal) => {
                findings.refuse(
                    crate::roots::shown(Path::new(OsStr::from_bytes(&raw))),
                    &refusal,
                );
                Ok(None)
            }
        }
    }

    /// Files that will go, by summary line; and the users' directories that will be empty then.
    pub(crate) fn counts(&self, connection: &Connection) -> Result<Vec<(String, u64)>> {
        let sql =
            "SELECT line, count(*) FROM temp.file WHERE state = 1 AND NOT shared GROUP BY line";
        let mut statement = connection.prepare(sql).map_err(Error::surveying)?;
        let rows = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(Error::surveying)?;
        let mut counts: Vec<(String, u64)> =
            rows.collect::<Result<_, _>>().map_err(Error::surveying)?;
        let sql = format!("SELECT count(*) FROM temp.directory AS d WHERE NOT ({KEPT})");
        let directories = connection
            .query_row(&sql, [], |row| row.get(0))
            .map_err(Error::surveying)?;
        counts.push((self.declared.directories_line.clone(), directories));
        Ok(counts)
    }

    /// Files that stay because a row which stays names them, and users' directories that hold what
    /// stays.
    pub(crate) fn shared(&self, connection: &Connection) -> Result<BTreeSet<Kept>> {
        let files = "SELECT root, path FROM temp.file WHERE shared = 1 AND state = 1 LIMIT ?1";
        let directories =
            format!("SELECT root, path FROM temp.directory AS d WHERE {KEPT} LIMIT ?1");
        let mut kept = BTreeSet::new();
        for (sql, reason) in [(files, NAMED_BY_ANOTHER), (&*directories, STILL_HOLDS)] {
            let places = places(self.roots, connection, sql, [number(NAMED)])?;
            kept.extend(places.into_iter().map(|place| Kept {
                path: place.to_string(),
                reason: reason.into(),
            }));
        }
        Ok(kept)
    }
}

/// Whether the directory `d` holds something that stays.
const KEPT: &str = "NOT d.clean OR EXISTS (SELECT 1 FROM temp.file AS f WHERE f.root = d.root \
                    AND f.path > d.first AND f.path < d.last \
                    AND (f.state = 2 OR (f.shared AND f.state = 1)))";

/// Why a file is kept.
pub(crate) const NAMED_BY_ANOTHER: &str = "a row that stays names it";

/// Why a user's directory is kept.
const ALSO_WHO_STAYS: &str = "is also the directory of a user who stays";

/// Why a directory is kept.
pub(crate) const STILL_HOLDS: &str = "the directory still holds what stays";

/// The path that a value holds: the bytes of text or a blob, the digits of a number.
pub(super) fn raw_path(value: ValueRef) -> Vec<u8> {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.to_vec(),
        ValueRef::Integer(number) => number.to_string().into_bytes(),
        ValueRef::Real(number) => number.to_string().into_bytes(),
        ValueRef::Null => Vec::new(),
    }
}
