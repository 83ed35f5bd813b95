//! Which listed files a row that stays names, by whatever spelling.
//!
//! One pass over the columns that name files, however many files are listed. A row may name a file
//! through a symbolic link, so every directory that rows name is resolved, once. Where that may not be
//! followed, every listed file of the same name may be meant.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rusqlite::{Connection, Statement, params};

use super::aliases::{Aliases, Doubts};
use super::file_table::{below, bytes, number};
use super::files::raw_path;
use super::letters::Letters;
use super::rows::set_name;
use super::standing_files::Named;
use crate::error::{Error, Result};
use crate::plan::{FileSource, Plan};
use crate::roots::{Place, Roots};
use crate::sql::{main_table, names_file, same_row};

/// Which rows are asked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rows<'p> {
    /// Every row there is: those that go are gone.
    All,
    /// Every row that no set of this plan holds.
    NotGoing(&'p Plan),
}

/// The value of `shared` where a row names the file.
pub(crate) const NAMED: i64 = 1;

/// The value of `shared` where a row may name the file.
pub(crate) const IN_DOUBT: i64 = 2;

/// Sets `shared` in the rows of `table` (a temporary table with `root`, `path` and `shared`) whose
/// file a row names, or lies below a directory that a row names; to [`IN_DOUBT`] where one may name it
/// by a path that cannot be followed. Answers why.
pub(crate) fn mark(
    connection: &Connection,
    sources: &[FileSource],
    roots: &Roots,
    table: &str,
    which: Rows,
) -> Result<Doubts> {
    let empty = format!("SELECT NOT EXISTS (SELECT 1 FROM {table})");
    if connection
        .query_row(&empty, [], |row| row.get(0))
        .map_err(Error::surveying)?
    {
        return Ok(Doubts::default());
    }
    let mut marks = Marks::on(connection, roots, table)?;
    let mut aliases = Aliases::new(roots);
    let mut doubts = Doubts::default();
    for source in sources {
        let query = names(source, which);
        let named = Named::among(roots, source.path.as_ref(), connection, table)?;
        let mut statement = connection.prepare(&query).map_err(Error::surveying)?;
        let mut rows = statement.query([]).map_err(Error::surveying)?;
        while let Some(row) = rows.next().map_err(Error::surveying)? {
            let value = raw_path(row.get_ref(0).map_err(Error::surveying)?);
            let mut places = BTreeSet::new();
            for raw in named.by(value) {
                places.append(&mut aliases.places(&raw, &mut doubts)?);
            }
            for place in places {
                marks.set(place)?;
            }
        }
    }
    mark_doubtful(connection, table, &doubts)?;
    Ok(doubts)
}

/// Sets the marks of what a place means: the file there, and the files below it.
struct Marks<'c> {
    exact: Statement<'c>,
    holds: Statement<'c>,
    inside: Statement<'c>,
    /// Directories whose files are marked: many rows may name one.
    done: HashSet<Place>,
    letters: Letters,
}

impl<'c> Marks<'c> {
    fn on(connection: &'c Connection, roots: &Roots, table: &str) -> Result<Self> {
        let prepare = |sql: String| connection.prepare(&sql).map_err(Error::surveying);
        let set = format!("UPDATE {table} SET shared = {NAMED} WHERE NOT shared AND root = ?1");
        let below = "path > ?2 AND path < ?3";
        Ok(Self {
            exact: prepare(format!("{set} AND path = ?2"))?,
            holds: prepare(format!(
                "SELECT EXISTS (SELECT 1 FROM {table} WHERE root = ?1 AND {below})"
            ))?,
            inside: prepare(format!("{set} AND {below}"))?,
            done: HashSet::new(),
            letters: Letters::of(connection, roots, table)?,
        })
    }

    fn set(&mut self, place: Place) -> Result<()> {
        let root = number(place.root_index());
        let exact = self.exact.execute(params![root, bytes(&place)]);
        exact.map_err(Error::surveying)?;
        if self.done.contains(&place) {
            return Ok(());
        }
        let (first, last) = below(bytes(&place));
        let range = params![root, first, last];
        let holds = self.holds.query_row(range, |row| row.get(0));
        let mut holds: bool = holds.map_err(Error::surveying)?;
        if holds {
            self.inside.execute(range).map_err(Error::surveying)?;
        }
        for listed in self.letters.like(&place) {
            let listed = params![number(listed.root_index()), bytes(listed)];
            self.exact.execute(listed).map_err(Error::surveying)?;
            holds = true;
        }
        if holds {
            self.done.insert(place);
        }
        Ok(())
    }
}

/// One pass over the table, however many names are in doubt.
fn mark_doubtful(connection: &Connection, table: &str, doubts: &Doubts) -> Result<()> {
    if doubts.is_empty() {
        return Ok(());
    }
    let mut doubtful: Vec<(i64, Vec<u8>)> = Vec::new();
    let sql = format!("SELECT root, path FROM {table} WHERE NOT shared");
    let mut statement = connection.prepare(&sql).map_err(Error::surveying)?;
    let mut rows = statement.query([]).map_err(Error::surveying)?;
    while let Some(row) = rows.next().map_err(Error::surveying)? {
        let path: Vec<u8> = row.get(1).map_err(Error::surveying)?;
        if doubts.about(Path::new(OsStr::from_bytes(&path))).is_some() {
            doubtful.push((row.get(0).map_err(Error::surveying)?, path));
        }
    }
    let sql = format!("UPDATE {table} SET shared = {IN_DOUBT} WHERE root = ?1 AND path = ?2");
    let mut mark = connection.prepare(&sql).map_err(Error::surveying)?;
    for values in doubtful {
        mark.execute(values).map_err(Error::surveying)?;
    }
    Ok(())
}

/// Whether no row names a file of `temp.file` by another path than its own: no directory that rows
/// name is reached through a link, or holds one.
pub(crate) fn are_spelt_plainly(
    connection: &Connection,
    sources: &[FileSource],
    roots: &Roots,
) -> Result<bool> {
    if roots.any_ignores_case() {
        return Ok(false);
    }
    let mut aliases = Aliases::new(roots);
    for source in sources {
        let named = Named::among(roots, source.path.as_ref(), connection, "temp.file")?;
        let query = names(source, Rows::All);
        let mut statement = connection.prepare(&query).map_err(Error::surveying)?;
        let mut rows = statement.query([]).map_err(Error::surveying)?;
        while let Some(row) = rows.next().map_err(Error::surveying)? {
            let value = raw_path(row.get_ref(0).map_err(Error::surveying)?);
            for raw in named.by(value) {
                if !aliases.are_none(&raw)? {
                    return Ok(false);
                }
            }
        }
    }
    Ok(true)
}

fn names(source: &FileSource, which: Rows) -> String {
    let going = match which {
        Rows::NotGoing(plan) => source
            .planned
            .filter(|at| plan.going().any(|going| going == *at)),
        Rows::All => None,
    };
    let stays = going.map_or_else(String::new, |at| {
        format!(
            "AND NOT EXISTS (SELECT 1 FROM {} AS s WHERE {})",
            set_name(at),
            same_row("c", "s", &source.identity)
        )
    });
    format!(
        "SELECT {value} FROM {} AS c WHERE {value} IS NOT NULL {stays}",
        main_table(&source.table),
        value = names_file("c", source),
    )
}
