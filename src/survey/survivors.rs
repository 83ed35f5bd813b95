//! Which listed files a row that stays names, by whatever spelling.
//!
//! One pass over the columns that name files, however many files are listed. A row may name a file
//! through a symbolic link, so every directory that rows name is resolved, once.

use std::collections::{BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};
use rustix::io::Errno;

use super::file_table::{below, bytes, number};
use super::files::raw_path;
use super::rows::set_name;
use super::standing_files::Named;
use crate::error::{Error, Result};
use crate::plan::{FileSource, Plan};
use crate::roots::{Place, Roots, RootsError, shown};
use crate::sql::{main_table, names_file, same_row};

/// Which rows are asked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rows<'p> {
    /// Every row there is: those that go are gone.
    All,
    /// Every row that no set of this plan holds.
    NotGoing(&'p Plan),
}

/// Sets `shared` in the rows of `table` (a temporary table with `root`, `path` and `shared`) whose
/// file a row names, or lies below a directory that a row names.
pub(crate) fn mark(
    connection: &Connection,
    sources: &[FileSource],
    roots: &Roots,
    table: &str,
    which: Rows,
) -> Result<()> {
    let empty = format!("SELECT NOT EXISTS (SELECT 1 FROM {table})");
    if connection
        .query_row(&empty, [], |row| row.get(0))
        .map_err(Error::surveying)?
    {
        return Ok(());
    }
    let sql = format!("UPDATE {table} SET shared = 1 WHERE root = ?1 AND path = ?2 AND NOT shared");
    let within = format!(
        "UPDATE {table} SET shared = 1 WHERE root = ?1 AND path > ?2 AND path < ?3 AND NOT shared"
    );
    let mut exact = connection.prepare(&sql).map_err(Error::surveying)?;
    let mut inside = connection.prepare(&within).map_err(Error::surveying)?;
    let mut aliases = Aliases::new(roots);
    for source in sources {
        let query = names(source, which);
        let named = Named::among(roots, source.path.as_ref(), connection, table)?;
        let mut statement = connection.prepare(&query).map_err(Error::surveying)?;
        let mut rows = statement.query([]).map_err(Error::surveying)?;
        while let Some(row) = rows.next().map_err(Error::surveying)? {
            let value = raw_path(row.get_ref(0).map_err(Error::surveying)?);
            let mut places = BTreeSet::new();
            for raw in named.by(value) {
                places.append(&mut aliases.places(&raw)?);
            }
            for place in places {
                let values = params![number(place.root_index()), bytes(&place)];
                exact.execute(values).map_err(Error::surveying)?;
                let (first, last) = below(bytes(&place));
                let values = params![number(place.root_index()), first, last];
                inside.execute(values).map_err(Error::surveying)?;
            }
        }
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

/// The places that a path means: as it is spelt, and as its links resolve.
struct Aliases<'r> {
    roots: &'r Roots,
    directories: HashMap<PathBuf, Option<Directory>>,
}

/// A directory that rows name, looked at once.
struct Directory {
    canonical: PathBuf,
    /// The links in it; nothing where it cannot be listed, and every name may be one.
    links: Option<BTreeSet<OsString>>,
}

impl<'r> Aliases<'r> {
    fn new(roots: &'r Roots) -> Self {
        Self {
            roots,
            directories: HashMap::new(),
        }
    }

    /// Whether a file that is spelt like this has no other name by its directory. Looks at each
    /// directory once.
    fn are_none(&mut self, raw: &[u8]) -> Result<bool> {
        let Some(parent) = Path::new(OsStr::from_bytes(raw)).parent() else {
            return Ok(false);
        };
        if self.directories.contains_key(parent) {
            return Ok(true);
        }
        let spelt = self.roots.base().join(parent);
        let directory = Directory::look(&spelt)?;
        let place = |directory: &Path| {
            let file = directory.join("file");
            self.roots.locate_kept(file.as_os_str().as_bytes()).ok()
        };
        let none = directory.as_ref().is_none_or(|directory| {
            let no_links = directory.links.as_ref().is_some_and(BTreeSet::is_empty);
            no_links && place(&spelt) == place(&directory.canonical)
        });
        self.directories.insert(parent.to_owned(), directory);
        Ok(none)
    }

    fn places(&mut self, raw: &[u8]) -> Result<BTreeSet<Place>> {
        let mut places = BTreeSet::new();
        places.extend(self.roots.locate_kept(raw).ok());
        if raw.contains(&0) {
            return Ok(places);
        }
        let path = self.roots.base().join(OsStr::from_bytes(raw));
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Ok(places);
        };
        if !self.directories.contains_key(parent) {
            let directory = Directory::look(parent)?;
            self.directories.insert(parent.to_owned(), directory);
        }
        let Some(directory) = self.directories.get(parent).and_then(Option::as_ref) else {
            return Ok(places);
        };
        let mut paths = vec![directory.canonical.join(name)];
        if directory.may_link(name) {
            paths.extend(resolved(&directory.canonical.join(name))?);
        }
        let located = |path: PathBuf| self.roots.locate_kept(path.as_os_str().as_bytes()).ok();
        places.extend(paths.into_iter().filter_map(located));
        Ok(places)
    }
}

/// Where a path leads; nothing where it leads nowhere, or where this program may not follow it.
///
/// Fails where the system cannot tell: a file that a row names by it would not be known.
fn resolved(path: &Path) -> Result<Option<PathBuf>> {
    const NOWHERE: [Errno; 5] = [
        Errno::NOENT,
        Errno::NOTDIR,
        Errno::ACCESS,
        Errno::LOOP,
        Errno::NAMETOOLONG,
    ];
    match path.canonicalize() {
        Ok(resolved) => Ok(Some(resolved)),
        Err(error) if Errno::from_io_error(&error).is_some_and(|code| NOWHERE.contains(&code)) => {
            Ok(None)
        }
        Err(source) => Err(Error::from(RootsError::Unresolved {
            path: path.to_owned(),
            source,
        })),
    }
}

impl Directory {
    fn look(path: &Path) -> Result<Option<Self>> {
        let with_links = |canonical: PathBuf| {
            let links = links(&canonical);
            if let Err(error) = &links {
                log::debug!("`{}`: {error}", shown(path));
            }
            Self {
                links: links.ok(),
                canonical,
            }
        };
        Ok(resolved(path)?.map(with_links))
    }

    fn may_link(&self, name: &OsStr) -> bool {
        self.links.as_ref().is_none_or(|links| links.contains(name))
    }
}

fn links(directory: &Path) -> io::Result<BTreeSet<OsString>> {
    let mut links = BTreeSet::new();
    for entry in directory.read_dir()? {
        let entry = entry?;
        if entry.file_type()?.is_symlink() {
            links.insert(entry.file_name());
        }
    }
    Ok(links)
}
