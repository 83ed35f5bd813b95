//! What the directories hold that a complete reset empties: every entry, with the summary line it
//! counts for. The rows that name files are only asked where there is a file.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use rusqlite::{Connection, params};

use super::file_table::{below, bytes, number};
use super::files::raw_path;
use super::findings::{Findings, Trouble};
use super::survivors::{Rows, mark};
use crate::error::{Error, Result};
use crate::manifest;
use crate::plan::FileSource;
use crate::roots::{Entry, Identity, Kind, Refusal, Roots};
use crate::sql::{main_table, names_file, quote};

/// The entries of the directories, in a temporary table of one connection.
#[derive(Debug)]
pub(crate) struct Contents<'a> {
    roots: &'a Roots,
}

/// Files and directories of one directory that is emptied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emptied {
    /// The directory, as the manifest names it.
    pub directory: String,
    /// Everything in it that goes, whatever summary line it counts for.
    pub entries: u64,
}

impl<'a> Contents<'a> {
    /// Lists what the roots hold now. Protected files stay and are told as kept; what cannot be
    /// removed is told as trouble, of nobody in particular.
    pub(crate) fn list(
        connection: &Connection,
        roots: &'a Roots,
        findings: &mut Findings,
    ) -> Result<Self> {
        let sql = "DROP TABLE IF EXISTS temp.content; \
                   CREATE TEMP TABLE content(id INTEGER PRIMARY KEY, root INTEGER, path BLOB, \
                   identity TEXT NOT NULL, directory INTEGER NOT NULL, line TEXT NOT NULL DEFAULT '', \
                   shared INTEGER NOT NULL DEFAULT 0, UNIQUE (root, path))";
        connection.execute_batch(sql).map_err(Error::surveying)?;
        let contents = Self { roots };
        let roots_there: Vec<usize> = roots.present().map(|(root, ..)| root).collect();
        for root in roots_there {
            let mut listed = Ok(());
            let _ = roots.walk_root(root, &mut |entry| {
                listed = contents.list_entry(connection, root, entry, findings);
                if listed.is_ok() {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            });
            listed?;
        }
        Ok(contents)
    }

    fn list_entry(
        &self,
        connection: &Connection,
        root: usize,
        entry: Entry,
        findings: &mut Findings,
    ) -> Result<()> {
        match entry {
            Entry::File(place, identity) | Entry::Directory(place, identity) => {
                // A root within a root is walked by itself, and stays like any other.
                match self.roots.place_at(root, bytes(&place)) {
                    Ok(own) if own.root_index() == root => {
                        Self::insert(connection, root, bytes(&place), &identity)
                    }
                    Ok(_) | Err(Refusal::IsRoot | Refusal::HoldsRoot) => Ok(()),
                    Err(refusal) => {
                        findings.refuse(place.to_string(), &refusal);
                        Ok(())
                    }
                }
            }
            // Under another name it is told of: whoever looks for what is left may not expect it.
            Entry::Refused(place, _) if self.roots.protects(&place) => {
                log::debug!("{place} is protected and stays");
                Ok(())
            }
            Entry::Refused(place, refusal) => {
                findings.refuse(place.to_string(), &refusal);
                Ok(())
            }
            Entry::Trouble(place, error) => {
                let (position, path) = (0, place.to_string());
                findings.trouble.push(Trouble {
                    position,
                    path,
                    error,
                });
                Ok(())
            }
        }
    }

    fn insert(
        connection: &Connection,
        root: usize,
        path: &[u8],
        identity: &Identity,
    ) -> Result<()> {
        let sql = "INSERT OR IGNORE INTO temp.content(root, path, identity, directory) \
                   VALUES (?1, ?2, ?3, ?4)";
        let mut statement = connection.prepare_cached(sql).map_err(Error::surveying)?;
        let directory = identity.kind == Kind::Directory;
        let values = params![number(root), path, identity.to_string(), directory];
        statement
            .execute(values)
            .map_err(Error::surveying)
            .map(drop)
    }

    /// Finds the summary line of each entry: that of the column that names a file, then those of the
    /// users' directories and of what is in them. `users` are the table of the users and its key.
    pub(crate) fn assign_lines(
        &self,
        connection: &Connection,
        sources: &[FileSource],
        declared: &manifest::Files,
        users: (&str, &str),
    ) -> Result<()> {
        if Self::is_empty(connection)? {
            return Ok(());
        }
        for source in sources {
            mark(
                connection,
                std::slice::from_ref(source),
                self.roots,
                "temp.content",
                Rows::All,
            )?;
            let sql =
                "UPDATE temp.content SET line = ?1 WHERE shared AND line = '' AND NOT directory";
            connection
                .execute(sql, [&source.line])
                .map_err(Error::surveying)?;
            let sql = "UPDATE temp.content SET shared = 0 WHERE shared";
            connection.execute(sql, []).map_err(Error::surveying)?;
        }
        let (table, key) = users;
        for pattern in &declared.directories {
            let column = quote(pattern.column().unwrap_or(key));
            let sql = format!(
                "SELECT {column} FROM {} WHERE {column} IS NOT NULL",
                main_table(table)
            );
            let mut statement = connection.prepare(&sql).map_err(Error::surveying)?;
            let mut rows = statement.query([]).map_err(Error::surveying)?;
            while let Some(row) = rows.next().map_err(Error::surveying)? {
                let value = raw_path(row.get_ref(0).map_err(Error::surveying)?);
                // A value that would lead elsewhere names no directory.
                if let Ok(raw) = pattern.of(&value) {
                    self.assign_directory(connection, &raw, declared)?;
                }
            }
        }
        Ok(())
    }

    fn assign_directory(
        &self,
        connection: &Connection,
        raw: &[u8],
        declared: &manifest::Files,
    ) -> Result<()> {
        let Ok(place) = self.roots.locate_directory(raw) else {
            return Ok(());
        };
        let root = number(place.root_index());
        let own = "UPDATE temp.content SET line = ?3 WHERE root = ?1 AND path = ?2 AND directory";
        let values = params![root, bytes(&place), declared.directories_line];
        let mut statement = connection.prepare_cached(own).map_err(Error::surveying)?;
        if statement.execute(values).map_err(Error::surveying)? == 0 {
            return Ok(());
        }
        let (first, last) = below(bytes(&place));
        let inside = "UPDATE temp.content SET line = ?4 \
                      WHERE root = ?1 AND path > ?2 AND path < ?3 AND line = '' AND NOT directory";
        let mut statement = connection
            .prepare_cached(inside)
            .map_err(Error::surveying)?;
        let values = params![root, first, last, declared.other_line];
        statement
            .execute(values)
            .map_err(Error::surveying)
            .map(drop)
    }

    fn is_empty(connection: &Connection) -> Result<bool> {
        let sql = "SELECT NOT EXISTS (SELECT 1 FROM temp.content)";
        let empty = connection.query_row(sql, [], |row| row.get(0));
        empty.map_err(Error::surveying)
    }

    /// Entries by summary line; those of no line are not among them.
    pub(crate) fn counts(connection: &Connection) -> Result<BTreeMap<String, u64>> {
        let sql = "SELECT line, count(*) FROM temp.content WHERE line <> '' GROUP BY line";
        let mut statement = connection.prepare(sql).map_err(Error::surveying)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        rows.and_then(Iterator::collect).map_err(Error::surveying)
    }

    /// Entries by directory.
    pub(crate) fn emptied(&self, connection: &Connection) -> Result<Vec<Emptied>> {
        let sql = "SELECT count(*) FROM temp.content WHERE root = ?1";
        let mut statement = connection.prepare(sql).map_err(Error::surveying)?;
        let roots = self.roots.present();
        let one = |(root, name, _): (usize, &std::path::Path, _)| {
            let entries = statement.query_row([number(root)], |row| row.get(0));
            Ok(Emptied {
                directory: crate::roots::shown(name),
                entries: entries.map_err(Error::surveying)?,
            })
        };
        roots.map(one).collect()
    }

    /// Tells every entry, each directory after what is in it.
    pub(crate) fn each(
        &self,
        connection: &Connection,
        tell: &mut dyn FnMut(&crate::roots::Place, &Identity, &str) -> Result<()>,
    ) -> Result<()> {
        let sql = "SELECT root, path, identity, line FROM temp.content ORDER BY id";
        let mut statement = connection.prepare(sql).map_err(Error::surveying)?;
        let mut rows = statement.query([]).map_err(Error::surveying)?;
        while let Some(row) = rows.next().map_err(Error::surveying)? {
            let (root, path): (usize, Vec<u8>) = (
                row.get(0).map_err(Error::surveying)?,
                row.get(1).map_err(Error::surveying)?,
            );
            let (identity, line): (String, String) = (
                row.get(2).map_err(Error::surveying)?,
                row.get(3).map_err(Error::surveying)?,
            );
            let bug = Error::Bug("an entry was listed that cannot be read back");
            let (Ok(place), Ok(identity)) = (self.roots.place_at(root, &path), identity.parse())
            else {
                return Err(bug);
            };
            tell(&place, &identity, &line)?;
        }
        Ok(())
    }

    /// Fails where rows name files and none of the files listed is one of them, or a directory that
    /// rows name files in is missing: it is the wrong directory that would be emptied.
    pub(crate) fn require_right_root(
        &self,
        connection: &Connection,
        sources: &[FileSource],
        root: &std::path::Path,
    ) -> Result<()> {
        let wrong = |reason: String| Error::WrongRoot {
            root: root.into(),
            reason,
        };
        let missing: Vec<_> = self.roots.missing().collect();
        let lines: Vec<&str> = sources.iter().map(|source| &*source.line).collect();
        let found = Self::counts(connection)?;
        let any = found.keys().any(|line| lines.contains(&line.as_str()));
        if any && missing.is_empty() {
            return Ok(());
        }
        let mut named = false;
        for source in sources {
            let (value, table) = (names_file("c", source), main_table(&source.table));
            let limit = if missing.is_empty() { 1 } else { -1 };
            let sql =
                format!("SELECT {value} FROM {table} AS c WHERE {value} IS NOT NULL LIMIT {limit}");
            let mut statement = connection.prepare(&sql).map_err(Error::surveying)?;
            let mut rows = statement.query([]).map_err(Error::surveying)?;
            while let Some(row) = rows.next().map_err(Error::surveying)? {
                named = true;
                let value = raw_path(row.get_ref(0).map_err(Error::surveying)?);
                let raw = match &source.path {
                    None => value,
                    Some(pattern) => pattern
                        .of(&value)
                        .unwrap_or_else(|| format!("{}/*", pattern.top()).into()),
                };
                let Ok(place) = self.roots.locate(&raw) else {
                    continue;
                };
                if missing.contains(&place.root_name()) {
                    let name = crate::roots::shown(place.root_name());
                    return Err(wrong(format!(
                        "rows name files in `{name}`, which does not exist"
                    )));
                }
            }
        }
        if named && !any {
            return Err(wrong("rows name files, and not one of them exists".into()));
        }
        Ok(())
    }
}
