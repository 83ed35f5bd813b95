//! The files that rows name: listed, and looked at.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread;

use rusqlite::Connection;

use super::file_table::{State, list_or_raise_owner, list_or_renew, set_state};
use super::files::{Files, raw_path};
use super::findings::{Findings, Trouble};
use super::looks::{Looks, Odd};
use super::rows::set_name;
use super::standing_files::{Named, Unseen};
use crate::error::{Error, Result};
use crate::plan::FileSource;
use crate::roots::{Inspection, Place, Refusal};
use crate::sql::{main_table, names_file, same_row};

/// Whether files are listed for all users, or anew for one whose rows were found anew.
#[derive(Clone, Copy)]
enum Listing {
    First,
    Again,
}

impl<'a> Files<'a> {
    pub(super) fn list_named(
        &self,
        connection: &Connection,
        only: Option<i64>,
        findings: &mut Findings,
    ) -> Result<()> {
        thread::scope(|scope| {
            let mut looks = Looks::new(scope, self.roots);
            for (number, source) in self.plan.files.iter().enumerate() {
                let planned = source.planned;
                if let Some(at) = planned.filter(|at| self.plan.going().any(|going| going == *at)) {
                    let mut named = self.named(number, source)?;
                    let looking = (&mut named, &mut looks, &mut *findings);
                    self.list_source(connection, (source, at), only, looking)?;
                    self.keep_named(number, named);
                }
            }
            note(connection, looks.rest(), findings)
        })
    }

    /// Looks through the files below the roots, unless what was found before is current.
    fn named(&self, number: usize, source: &'a FileSource) -> Result<Named<'a>> {
        let before = self
            .named
            .borrow_mut()
            .get_mut(number)
            .and_then(Option::take);
        match before.filter(|named| named.is_current(self.roots)) {
            Some(named) => Ok(named),
            None => Named::below(self.roots, source.path.as_ref()),
        }
    }

    fn keep_named(&self, number: usize, named: Named<'a>) {
        let mut all = self.named.borrow_mut();
        let length = all.len().max(number + 1);
        all.resize_with(length, || None);
        all[number] = Some(named);
    }

    fn list_source(
        &self,
        connection: &Connection,
        (source, at): (&FileSource, usize),
        only: Option<i64>,
        (named, looks, findings): (&mut Named, &mut Looks, &mut Findings),
    ) -> Result<()> {
        let sql = format!(
            "SELECT {value}, s.owner FROM {} AS s CROSS JOIN {} AS c ON {} WHERE {value} IS NOT NULL \
             AND (?1 IS NULL OR s.owner = ?1)",
            set_name(at),
            main_table(&source.table),
            same_row("c", "s", &source.identity),
            value = names_file("c", source),
        );
        let listing = only.map_or(Listing::First, |_| Listing::Again);
        let mut statement = connection.prepare(&sql).map_err(Error::surveying)?;
        let mut rows = statement.query([only]).map_err(Error::surveying)?;
        while let Some(row) = rows.next().map_err(Error::surveying)? {
            let owner: i64 = row.get(1).map_err(Error::surveying)?;
            let value = raw_path(row.get_ref(0).map_err(Error::surveying)?);
            for Unseen { at, reason, .. } in named.unseen_of(&value) {
                findings.keep(at.to_string(), reason);
            }
            for raw in named.by(value) {
                match self.list_one(connection, &raw, (owner, &source.line), listing)? {
                    Ok(None) => {}
                    Ok(Some(place)) => {
                        findings.named += 1;
                        findings.present += 1;
                        note(connection, looks.at(place, owner), findings)?;
                    }
                    Err(refusal) => {
                        let path = Path::new(OsStr::from_bytes(&raw));
                        findings.refuse(crate::roots::shown(path), &refusal);
                    }
                }
            }
        }
        Ok(())
    }

    /// Lists what a row names. Its place, if it was not listed before; or why it names none.
    fn list_one(
        &self,
        connection: &Connection,
        raw: &[u8],
        (owner, line): (i64, &str),
        listing: Listing,
    ) -> Result<std::result::Result<Option<Place>, Refusal>> {
        let place = match self.roots.locate(raw) {
            Ok(place) => place,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let known = match listing {
            Listing::First => list_or_raise_owner(connection, &place, owner, line)?,
            Listing::Again => list_or_renew(connection, &place, owner, line)?,
        };
        Ok(Ok((!known).then_some(place)))
    }
}

/// Notes what does not stand as it was listed, which is as present.
fn note(connection: &Connection, odd: Vec<Odd>, findings: &mut Findings) -> Result<()> {
    for Odd {
        place,
        owner,
        found,
    } in odd
    {
        let refusal = match found {
            Inspection::File(_) => continue,
            Inspection::Trouble(error) => {
                let path = place.to_string();
                findings.trouble.push(Trouble {
                    position: owner,
                    path,
                    error,
                });
                continue;
            }
            Inspection::Missing => None,
            Inspection::Directory(_) => Some(Refusal::Directory),
            Inspection::Refused(refusal) => Some(refusal),
        };
        findings.present = findings.present.saturating_sub(1);
        if let Some(refusal) = &refusal {
            findings.refuse(place.to_string(), refusal);
        }
        let state = refusal.map_or(State::Missing, |_| State::Refused);
        set_state(connection, &place, state)?;
    }
    Ok(())
}
