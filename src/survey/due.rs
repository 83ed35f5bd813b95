//! What of one user is due for removal, as it stands now.

use std::ops::ControlFlow;

use rusqlite::Connection;

use super::file_table::{is_known, is_listed};
use super::files::{Files, PathSink};
use super::findings::Findings;
use crate::error::{Error, Result};
use crate::roots::{Entry, Inspection, Parents, Place, Refusal};
use crate::user::UserKey;

impl Files<'_> {
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
            let Some(place) = self.directory(connection, pattern, (position, key), findings)?
            else {
                continue;
            };
            let mut found = Ok(());
            let _ = self
                .roots
                .walk_past(&place, &is_known(connection), &mut |entry| {
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
        let sql = "SELECT root, path, line FROM temp.file WHERE owner = ?1 AND state <> 2 AND shared <> 1";
        let mut statement = connection.prepare_cached(sql).map_err(Error::surveying)?;
        let mut rows = statement.query([position]).map_err(Error::surveying)?;
        let mut parents = Parents::new(self.roots);
        while let Some(row) = rows.next().map_err(Error::surveying)? {
            let root: i64 = row.get(0).map_err(Error::surveying)?;
            let path: Vec<u8> = row.get(1).map_err(Error::surveying)?;
            let line: String = row.get(2).map_err(Error::surveying)?;
            let place = self
                .roots
                .place_at(usize::try_from(root).unwrap_or(usize::MAX), &path);
            let Ok(place) = place else { continue };
            match self.inspect_listed(&mut parents, &place, &line) {
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
    fn inspect_listed(&self, parents: &mut Parents, place: &Place, line: &str) -> Inspection {
        match parents.inspect(place) {
            Inspection::Refused(_) if line == self.declared.other_line => {
                parents.inspect_entry(place)
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
}
