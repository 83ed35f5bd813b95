//! The database of an application of which nothing says where it is: the one `SQLite` file below its
//! directory.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::error::{InferenceError, Result};

/// How a database begins (<https://sqlite.org/fileformat.html#the_database_header>).
const HEADER: &[u8; 16] = b"SQLite format 3\0";
/// So deep, and so many files, are looked at.
const DEEPEST: usize = 4;
const MOST: usize = 50_000;

/// The one database below `root`. No connection is open yet, so its file may be (invariant 11).
///
/// Fails where there is none, or there are several.
pub(super) fn database(root: &Path) -> Result<PathBuf> {
    let mut found = Vec::new();
    let mut looked = 0;
    let mut pending = vec![(root.to_owned(), 0)];
    while let Some((directory, depth)) = pending.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            looked += 1;
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if looked > MOST {
                break;
            }
            if kind.is_dir() && !hidden && depth < DEEPEST {
                pending.push((entry.path(), depth + 1));
            } else if kind.is_file() && is_database(&entry.path()) {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    match &found[..] {
        [one] => Ok(one.clone()),
        _ => Err(InferenceError::WhichDatabase(found).into()),
    }
}

fn is_database(path: &Path) -> bool {
    let mut header = [0; 16];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok() && header == *HEADER
}
