//! Which files go with which user: those that the user's rows name, and those in the user's own
//! directories.
//!
//! A temporary table holds each file once, under its root and the path below it. A file that rows
//! of several users name goes with the last of them; a file that a row which stays names is
//! `shared` and stays (invariant 5). Nothing is changed here.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::set_name;
use super::survivors;
use super::targets::Targets;
use crate::error::{Error, Result};
use crate::manifest::Files as Declared;
use crate::outbox;
use crate::plan::Plan;
use crate::roots::{Entry, Identity, Inspection, Place, Refusal, Roots};
use crate::sql::{main_table, quote, same_row};
use crate::user::UserKey;

/// How many refused paths are kept by name; more are counted.
const NAMED: usize = 1000;

/// A path that stays although a user's row names it or a user's directory holds it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kept {
    /// The path, fit for a terminal.
    pub path: String,
    /// Why it stays.
    pub reason: String,
}

/// A user of whom a file could not be removed.
#[derive(Debug)]
pub struct Trouble {
    /// The user's position.
    pub position: i64,
    /// The file.
    pub path: String,
    /// Why.
    pub error: io::Error,
}

impl Trouble {
    /// As it is listed in a preview.
    pub(crate) fn to_kept(&self) -> Kept {
        Kept {
            path: self.path.clone(),
            reason: self.error.to_string(),
        }
    }
}

/// What the files of a run have come to so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Paths refused: malformed, outside every root, protected, behind a link, on another mount.
    pub(crate) refused: BTreeSet<Kept>,
    /// Refused paths beyond those named.
    pub(crate) refused_more: u64,
    /// Users who cannot be started.
    pub(crate) trouble: Vec<Trouble>,
    /// Paths that rows name, whether or not a file is there.
    pub(crate) named: u64,
    /// Those of them where one is.
    pub(crate) present: u64,
}

impl Findings {
    fn refuse(&mut self, path: String, refusal: &Refusal) {
        let kept = Kept {
            path: shortened(path),
            reason: refusal.to_string(),
        };
        if self.refused.len() < NAMED {
            self.refused.insert(kept);
        } else if !self.refused.contains(&kept) {
            self.refused_more += 1;
        }
    }
}

/// What the survey of files knows of one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Missing = 0,
    Present = 1,
    Refused = 2,
}

/// The files of a run.
#[derive(Debug)]
pub(crate) struct Files<'a> {
    plan: &'a Plan,
    declared: &'a Declared,
    roots: &'a Roots,
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
        let sql = "CREATE TEMP TABLE file(root INTEGER, path BLOB, owner INTEGER NOT NULL, line TEXT NOT NULL, \
                   state INTEGER NOT NULL, shared INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (root, path)) WITHOUT ROWID; \
                   CREATE INDEX temp.file_owner ON file(owner); \
                   CREATE TEMP TABLE directory(root INTEGER, path BLOB, PRIMARY KEY (root, path)) WITHOUT ROWID;";
        connection.execute_batch(sql).map_err(Error::surveying)?;
        Ok(Self {
            plan,
            declared,
            roots,
        })
    }

    /// Lists the files of all targets, whose rows have been found.
    pub(crate) fn find(&self, connection: &Connection, findings: &mut Findings) -> Result<()> {
        self.list_named(connection, None, findings)?;
        let mut next = Targets::next(connection, 0)?;
        while let Some(position) = next {
            if let Some(key) = Targets::key(connection, position)? {
                self.list_directories(connection, position, &key, findings)?;
            }
            next = Targets::next(connection, position)?;
        }
        survivors::mark(
            connection,
            &self.plan.files,
            self.roots,
            "temp.file",
            survivors::Rows::NotGoing(self.plan),
        )
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

    /// Fails where a root that rows name files in is missing, or rows name files of which not one
    /// exists, neither of those that go nor of those that stay.
    pub(crate) fn require_right_root(
        &self,
        connection: &Connection,
        findings: &Findings,
        root: &Path,
    ) -> Result<()> {
        let wrong = |reason: String| Error::WrongRoot {
            root: root.into(),
            reason,
        };
        let missing: BTreeSet<&Path> = self.roots.missing().collect();
        if !missing.is_empty() {
            let sql =
                "SELECT root, path FROM temp.file WHERE state = 0 AND line <> ?1 GROUP BY root";
            for place in self.places(connection, sql, [&self.declared.other_line])? {
                if missing.contains(place.root_name()) {
                    let name = crate::roots::shown(place.root_name());
                    return Err(wrong(format!(
                        "rows name files in `{name}`, which does not exist"
                    )));
                }
            }
        }
        let gone = findings.named > 0 && findings.present == 0;
        if gone && !self.any_other_exists(connection)? {
            let named = findings.named;
            return Err(wrong(format!(
                "rows name {named} files, and not one of them exists"
            )));
        }
        Ok(())
    }

    /// Whether a file exists that a row which stays names, or any in a user's directory.
    fn any_other_exists(&self, connection: &Connection) -> Result<bool> {
        let strays = "SELECT EXISTS (SELECT 1 FROM temp.file WHERE state <> 0)";
        if connection
            .query_row(strays, [], |row| row.get(0))
            .map_err(Error::surveying)?
        {
            return Ok(true);
        }
        for source in &self.plan.files {
            let column = quote(&source.column);
            let table = main_table(&source.table);
            let sql =
                format!("SELECT {column} FROM {table} WHERE {column} IS NOT NULL LIMIT 10000");
            let mut statement = connection.prepare(&sql).map_err(Error::surveying)?;
            let mut rows = statement.query([]).map_err(Error::surveying)?;
            while let Some(row) = rows.next().map_err(Error::surveying)? {
                let raw = raw_path(row.get_ref(0).map_err(Error::surveying)?);
                let place = self.roots.locate(&raw);
                if place
                    .is_ok_and(|place| matches!(self.roots.inspect(&place), Inspection::File(_)))
                {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn places(
        &self,
        connection: &Connection,
        sql: &str,
        values: impl rusqlite::Params,
    ) -> Result<Vec<Place>> {
        let mut statement = connection.prepare(sql).map_err(Error::surveying)?;
        let mut rows = statement.query(values).map_err(Error::surveying)?;
        let mut places = Vec::new();
        while let Some(row) = rows.next().map_err(Error::surveying)? {
            let root: i64 = row.get(0).map_err(Error::surveying)?;
            let path: Vec<u8> = row.get(1).map_err(Error::surveying)?;
            places.extend(
                self.roots
                    .place_at(usize::try_from(root).unwrap_or(usize::MAX), &path)
                    .ok(),
            );
        }
        Ok(places)
    }

    /// Lists again what the rows of one user name, after the rows have been found anew.
    pub(crate) fn find_again(
        &self,
        connection: &Connection,
        position: i64,
        findings: &mut Findings,
    ) -> Result<()> {
        self.list_named(connection, Some(position), findings)
    }

    fn list_named(
        &self,
        connection: &Connection,
        only: Option<i64>,
        findings: &mut Findings,
    ) -> Result<()> {
        for source in &self.plan.files {
            let Some(at) = source
                .planned
                .filter(|at| self.plan.going().any(|going| going == *at))
            else {
                continue;
            };
            let sql = format!(
                "SELECT c.{}, s.owner FROM {} AS s CROSS JOIN {} AS c ON {} WHERE c.{} IS NOT NULL \
                 AND (?1 IS NULL OR s.owner = ?1)",
                quote(&source.column),
                set_name(at),
                main_table(&source.table),
                same_row("c", "s", &source.identity),
                quote(&source.column),
            );
            let mut statement = connection.prepare(&sql).map_err(Error::surveying)?;
            let mut rows = statement.query([only]).map_err(Error::surveying)?;
            while let Some(row) = rows.next().map_err(Error::surveying)? {
                let owner: i64 = row.get(1).map_err(Error::surveying)?;
                let raw = raw_path(row.get_ref(0).map_err(Error::surveying)?);
                self.list_one(connection, &raw, owner, &source.line, findings)?;
            }
        }
        Ok(())
    }

    fn list_one(
        &self,
        connection: &Connection,
        raw: &[u8],
        owner: i64,
        line: &str,
        findings: &mut Findings,
    ) -> Result<()> {
        let place = match self.roots.locate(raw) {
            Ok(place) => place,
            Err(refusal) => {
                findings.refuse(
                    crate::roots::shown(Path::new(OsStr::from_bytes(raw))),
                    &refusal,
                );
                return Ok(());
            }
        };
        if raise_owner(connection, &place, owner)? {
            return Ok(());
        }
        findings.named += 1;
        let state = match self.roots.inspect(&place) {
            Inspection::File(_) => State::Present,
            Inspection::Missing => State::Missing,
            Inspection::Directory(_) => {
                findings.refuse(place.to_string(), &Refusal::Directory);
                State::Refused
            }
            Inspection::Refused(refusal) => {
                findings.refuse(place.to_string(), &refusal);
                State::Refused
            }
            Inspection::Trouble(error) => {
                let path = place.to_string();
                findings.trouble.push(Trouble {
                    position: owner,
                    path,
                    error,
                });
                State::Present
            }
        };
        findings.present += u64::from(state == State::Present);
        insert(connection, &place, owner, line, state)
    }

    fn list_directories(
        &self,
        connection: &Connection,
        position: i64,
        key: &UserKey,
        findings: &mut Findings,
    ) -> Result<()> {
        for pattern in &self.declared.directories {
            let Some(place) = self.directory(pattern, key, findings) else {
                continue;
            };
            let mut found = Ok(());
            let mut clean = true;
            let _ = self.roots.walk(&place, &mut |entry| {
                let step = match entry {
                    Entry::File(file, _) => self.list_stray(connection, &file, position),
                    Entry::Directory(..) => Ok(()),
                    Entry::Refused(at, refusal) => {
                        clean = false;
                        findings.refuse(at.to_string(), &refusal);
                        Ok(())
                    }
                    Entry::Trouble(at, error) => {
                        let path = at.to_string();
                        findings.trouble.push(Trouble {
                            position,
                            path,
                            error,
                        });
                        Ok(())
                    }
                };
                found = step;
                if found.is_err() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
            found?;
            if clean && matches!(self.roots.inspect(&place), Inspection::Directory(_)) {
                let sql = "INSERT OR IGNORE INTO temp.directory(root, path) VALUES (?1, ?2)";
                execute(
                    connection,
                    sql,
                    params![number(place.root_index()), bytes(&place)],
                )?;
            }
        }
        Ok(())
    }

    fn directory(&self, pattern: &str, key: &UserKey, findings: &mut Findings) -> Option<Place> {
        let raw = match directory_of(pattern, key) {
            Ok(raw) => raw,
            Err(path) => {
                findings.refuse(path, &Refusal::Outside);
                return None;
            }
        };
        match self.roots.locate_directory(&raw) {
            Ok(place) => Some(place),
            Err(refusal) => {
                findings.refuse(
                    crate::roots::shown(Path::new(OsStr::from_bytes(&raw))),
                    &refusal,
                );
                None
            }
        }
    }

    /// A file in a user's directory that no row going names.
    fn list_stray(&self, connection: &Connection, file: &Place, position: i64) -> Result<()> {
        let sql = "INSERT OR IGNORE INTO temp.file(root, path, owner, line, state) VALUES (?1, ?2, ?3, ?4, ?5)";
        let values = params![
            number(file.root_index()),
            bytes(file),
            position,
            self.declared.other_line,
            State::Present as i64
        ];
        execute(connection, sql, values)
    }

    /// Everything of one user that is to go, as it stands now: files, then the user's directories,
    /// deepest first.
    ///
    /// Fails where a file cannot be looked at or removed: the user is then not to be started.
    pub(crate) fn of_user(
        &self,
        connection: &Connection,
        position: i64,
        key: Option<&UserKey>,
        findings: &mut Findings,
        sink: &mut PathSink<'_>,
    ) -> Result<()> {
        self.listed_of(connection, position, findings, sink)?;
        let Some(key) = key else { return Ok(()) };
        for pattern in &self.declared.directories {
            let Some(place) = self.directory(pattern, key, findings) else {
                continue;
            };
            let mut found = Ok(());
            let _ = self.roots.walk(&place, &mut |entry| {
                found = self.entry_of(connection, &place, entry, findings, sink);
                if found.is_err() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
            found?;
        }
        Ok(())
    }

    fn listed_of(
        &self,
        connection: &Connection,
        position: i64,
        findings: &mut Findings,
        sink: &mut PathSink<'_>,
    ) -> Result<()> {
        let sql =
            "SELECT root, path, line FROM temp.file WHERE owner = ?1 AND state <> 2 AND NOT shared";
        let mut statement = connection.prepare_cached(sql).map_err(Error::surveying)?;
        let mut rows = statement.query([position]).map_err(Error::surveying)?;
        while let Some(row) = rows.next().map_err(Error::surveying)? {
            let root: i64 = row.get(0).map_err(Error::surveying)?;
            let path: Vec<u8> = row.get(1).map_err(Error::surveying)?;
            let line: String = row.get(2).map_err(Error::surveying)?;
            let place = self
                .roots
                .place_at(usize::try_from(root).unwrap_or(usize::MAX), &path);
            let Ok(place) = place else { continue };
            match self.inspect_listed(&place, &line) {
                Inspection::File(identity) => sink(&place, &identity, &line)?,
                Inspection::Missing => {}
                Inspection::Directory(_) => findings.refuse(place.to_string(), &Refusal::Directory),
                Inspection::Refused(refusal) => findings.refuse(place.to_string(), &refusal),
                Inspection::Trouble(error) => {
                    let path = place.to_string();
                    return Err(Error::FileTrouble { path, error });
                }
            }
        }
        Ok(())
    }

    /// A stray file may be a symbolic link in a user's directory, which goes as itself; a walk of
    /// just that place says so where a look at a named path would refuse it.
    fn inspect_listed(&self, place: &Place, line: &str) -> Inspection {
        match self.roots.inspect(place) {
            Inspection::Refused(_) if line == self.declared.other_line => {
                self.roots.inspect_entry(place)
            }
            other => other,
        }
    }

    fn entry_of(
        &self,
        connection: &Connection,
        top: &Place,
        entry: Entry,
        findings: &mut Findings,
        sink: &mut PathSink<'_>,
    ) -> Result<()> {
        match entry {
            Entry::File(place, identity) => {
                if is_listed(connection, &place)? {
                    return Ok(());
                }
                sink(&place, &identity, &self.declared.other_line)
            }
            Entry::Directory(place, identity) => {
                let line = if place == *top {
                    &*self.declared.directories_line
                } else {
                    ""
                };
                sink(&place, &identity, line)
            }
            Entry::Refused(place, refusal) => {
                findings.refuse(place.to_string(), &refusal);
                Ok(())
            }
            Entry::Trouble(place, error) => {
                let path = place.to_string();
                Err(Error::FileTrouble { path, error })
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
        let sql = "SELECT count(*) FROM temp.directory AS d WHERE NOT EXISTS (SELECT 1 FROM temp.file AS f \
                   WHERE f.root = d.root AND f.path > d.path || x'2f' AND f.path < d.path || x'30' \
                   AND (f.state = 2 OR (f.shared AND f.state = 1)))";
        let directories = connection
            .query_row(sql, [], |row| row.get(0))
            .map_err(Error::surveying)?;
        counts.push((self.declared.directories_line.clone(), directories));
        Ok(counts)
    }

    /// Files that stay because a row which stays names them.
    pub(crate) fn shared(&self, connection: &Connection) -> Result<Vec<Kept>> {
        let sql = "SELECT root, path FROM temp.file WHERE shared AND state = 1 LIMIT ?1";
        let places = self.places(connection, sql, [number(NAMED)])?;
        let kept = places.into_iter().map(|place| Kept {
            path: place.to_string(),
            reason: "a row that stays names it".into(),
        });
        Ok(kept.collect())
    }
}

/// A hostile path may be as long as a row can be: both ends and the length are told.
fn shortened(path: String) -> String {
    const SHOWN: usize = 300;
    let characters = path.chars().count();
    if characters <= SHOWN {
        return path;
    }
    let start: String = path.chars().take(SHOWN / 2).collect();
    let end: String = path.chars().skip(characters - SHOWN / 2).collect();
    format!("{start}…{end} ({characters} characters)")
}

/// The path that a value holds: the bytes of text or a blob, the digits of a number.
pub(super) fn raw_path(value: ValueRef) -> Vec<u8> {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.to_vec(),
        ValueRef::Integer(number) => number.to_string().into_bytes(),
        ValueRef::Real(number) => number.to_string().into_bytes(),
        ValueRef::Null => Vec::new(),
    }
}

/// The directory of a user; `Err` with a readable path where the key would lead elsewhere.
fn directory_of(pattern: &str, key: &UserKey) -> Result<Vec<u8>, String> {
    let key = key.bytes();
    let readable = || {
        pattern.replace(
            "{user}",
            &String::from_utf8_lossy(&key).escape_debug().to_string(),
        )
    };
    let one_component = !key.is_empty() && !key.iter().any(|byte| matches!(byte, b'/' | 0));
    let (before, after) = pattern.split_once("{user}").unwrap_or((pattern, ""));
    if !one_component {
        return Err(readable());
    }
    Ok([before.as_bytes(), &key, after.as_bytes()].concat())
}

fn raise_owner(connection: &Connection, place: &Place, owner: i64) -> Result<bool> {
    let sql =
        "UPDATE temp.file SET owner = max(owner, ?3) WHERE root = ?1 AND path = ?2 RETURNING 1";
    let mut statement = connection.prepare_cached(sql).map_err(Error::surveying)?;
    let values = params![number(place.root_index()), bytes(place), owner];
    let found: Option<i64> = statement
        .query_row(values, |row| row.get(0))
        .optional()
        .map_err(Error::surveying)?;
    Ok(found.is_some())
}

fn insert(
    connection: &Connection,
    place: &Place,
    owner: i64,
    line: &str,
    state: State,
) -> Result<()> {
    let sql = "INSERT INTO temp.file(root, path, owner, line, state) VALUES (?1, ?2, ?3, ?4, ?5)";
    let values = params![
        number(place.root_index()),
        bytes(place),
        owner,
        line,
        state as i64
    ];
    execute(connection, sql, values)
}

fn is_listed(connection: &Connection, place: &Place) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM temp.file WHERE root = ?1 AND path = ?2)";
    let mut statement = connection.prepare_cached(sql).map_err(Error::surveying)?;
    let values = params![number(place.root_index()), bytes(place)];
    statement
        .query_row(values, |row| row.get(0))
        .map_err(Error::surveying)
}

fn execute(connection: &Connection, sql: &str, values: impl rusqlite::Params) -> Result<()> {
    let mut statement = connection.prepare_cached(sql).map_err(Error::surveying)?;
    statement
        .execute(values)
        .map_err(Error::surveying)
        .map(drop)
}

/// An index as `SQLite` holds it.
pub(crate) fn number(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

pub(super) fn bytes(place: &Place) -> &[u8] {
    place.relative().as_os_str().as_bytes()
}
