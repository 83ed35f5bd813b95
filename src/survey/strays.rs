//! What lies in the roots, and which files there are nobody's: no row names them, and they lie in no
//! user's directory.
//!
//! After a survey of everyone, in the same view of the database. The files found are kept in a
//! temporary table, so that a tree may be larger than memory.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rusqlite::{Connection, params};

use super::file_table::{bytes, number};
use super::survivors::{Rows, mark};
use crate::error::{Error, Result};
use crate::plan::FileSource;
use crate::roots::{Found, Kind, Listing, Roots, shown};

/// What lies in a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// The directory, as the manifest names it.
    pub directory: String,
    /// Whether it is there.
    pub exists: bool,
    /// Files, and whatever else is no directory.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Places that could not be looked at, or must not be entered.
    pub unseen: u64,
    /// Files that are nobody's; none where that was not checked.
    pub strays: Option<u64>,
}

/// What lies in each root, and nothing of whose it is.
pub(crate) fn held(roots: &Roots, directories: &[impl AsRef<Path>]) -> Vec<Held> {
    let of_root = |(index, directory): (usize, _)| of_root(roots, index, directory, &mut |_| {});
    directories
        .iter()
        .map(AsRef::as_ref)
        .enumerate()
        .map(of_root)
        .collect()
}

/// What lies in each root, with its strays. `sources` are the columns that name files; the users'
/// own files are listed already.
pub(crate) fn with_strays(
    connection: &Connection,
    sources: &[FileSource],
    roots: &Roots,
    directories: &[impl AsRef<Path>],
) -> Result<Vec<Held>> {
    let create = "CREATE TEMP TABLE held(root INTEGER, path BLOB, shared INTEGER NOT NULL DEFAULT 0, \
                  counted INTEGER NOT NULL, PRIMARY KEY (root, path)) WITHOUT ROWID";
    connection.execute_batch(create).map_err(Error::surveying)?;
    let sql = "INSERT OR IGNORE INTO temp.held(root, path, counted) VALUES (?1, ?2, ?3)";
    let mut insert = connection.prepare(sql).map_err(Error::surveying)?;
    let mut all = Vec::new();
    for (index, directory) in directories.iter().map(AsRef::as_ref).enumerate() {
        let mut listed = Ok(());
        let held = of_root(roots, index, directory, &mut |path| {
            // Where a root lies in another one, the inner one has the file.
            let whole = roots.base().join(directory).join(path);
            let place = roots.locate_kept(whole.as_os_str().as_bytes());
            if let (Ok(place), true) = (place, listed.is_ok()) {
                let values = params![number(place.root_index()), bytes(&place), number(index)];
                listed = insert.execute(values).map(drop);
            }
        });
        listed.map_err(Error::surveying)?;
        all.push(held);
    }
    mark(connection, sources, roots, "temp.held", Rows::All)?;
    for (index, held) in all.iter_mut().enumerate() {
        let sql = "SELECT count(*) FROM temp.held AS h WHERE counted = ?1 AND NOT shared \
                   AND NOT EXISTS (SELECT 1 FROM temp.file AS f WHERE f.root = h.root AND f.path = h.path)";
        let strays = connection.query_row(sql, [number(index)], |row| row.get(0));
        held.strays = Some(strays.map_err(Error::surveying)?);
    }
    Ok(all)
}

fn of_root(roots: &Roots, index: usize, directory: &Path, file: &mut dyn FnMut(&Path)) -> Held {
    let mut held = Held {
        directory: shown(directory),
        exists: roots.directory(index).is_some(),
        ..Held::default()
    };
    for (path, found) in roots.listings(index).flat_map(Listing::into_paths) {
        match found {
            Found::Standing(standing) if standing.identity.kind == Kind::Directory => {}
            Found::Standing(standing) => {
                held.files += 1;
                held.bytes += standing.identity.size;
                file(&path);
            }
            Found::Barred(_) => held.unseen += 1,
        }
    }
    held
}
