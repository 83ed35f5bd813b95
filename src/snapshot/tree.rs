//! The files that are there now.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rustix::fs::CWD;

use super::coverage::Coverage;
use crate::roots::{self, Barrier, Found, Listing, Standing};

/// What stands at a path that a snapshot covers.
#[derive(Debug)]
pub(super) struct Seen {
    /// The number of the covered directory or file.
    pub(super) top: usize,
    /// The path beneath it.
    pub(super) path: PathBuf,
    pub(super) standing: Standing,
}

/// What must not be touched, or cannot be looked at.
#[derive(Debug)]
pub(super) struct Barred {
    pub(super) top: usize,
    pub(super) path: PathBuf,
    pub(super) why: Barrier,
}

/// Everything there is, each directory before its contents.
pub(super) fn look(coverage: &Coverage) -> (Vec<Seen>, Vec<Barred>) {
    let (mut seen, mut barred) = (Vec::new(), Vec::new());
    for (top, found) in census(coverage, |it| (it.root, it.into_paths())) {
        for (path, found) in found {
            match found {
                Found::Standing(standing) => seen.push(Seen {
                    top,
                    path,
                    standing,
                }),
                Found::Barred(why) => barred.push(Barred { top, path, why }),
            }
        }
    }
    (seen, barred)
}

/// Shows `look` what every covered directory holds, and every covered file as if it were one.
pub(super) fn census<T: Send>(coverage: &Coverage, look: impl Fn(Listing) -> T + Sync) -> Vec<T> {
    let mut all = coverage.roots.census(0..coverage.directories.len(), &look);
    let singles = coverage.files.iter().enumerate();
    all.extend(singles.filter_map(|(at, file)| {
        let found = roots::entry_if_any(CWD, coverage.roots.base().join(file)).transpose()?;
        let standing = found.map(|it| vec![(OsString::new(), Found::Standing(it))]);
        Some(look(Listing {
            root: coverage.directories.len() + at,
            directory: None,
            found: standing.map_err(Barrier::from),
        }))
    }));
    all
}

/// A path as a person reads it.
pub(super) fn shown(coverage: &Coverage, top: usize, path: &Path) -> String {
    let name = coverage.name(top).unwrap_or(Path::new("?"));
    if path.as_os_str().is_empty() {
        return roots::shown(name);
    }
    roots::shown(&name.join(path))
}

impl Barred {
    /// Why, as a sentence.
    pub(super) fn reason(&self) -> String {
        match &self.why {
            Barrier::Refused(refusal) => refusal.to_string(),
            Barrier::Trouble(error) => error.to_string(),
            Barrier::Missing(_) => "it is gone".into(),
        }
    }
}
