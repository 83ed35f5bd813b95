//! Everything that a snapshot promises to bring back, read without the program under test.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::install::{Dump, Install, difference};
use super::sweep::OUTBOX;

/// The directories and files that the reference application's snapshots cover.
pub(crate) const COVERED: [&str; 5] = [
    "logs",
    "storage/images",
    "storage/temp",
    "storage/backups",
    ".env",
];

/// Rows, structure, and every covered file with its bytes, mode, owner and time.
#[derive(Clone, PartialEq)]
pub(crate) struct State {
    pub(crate) rows: Dump,
    pub(crate) files: BTreeMap<PathBuf, String>,
}

impl State {
    pub(crate) fn of(install: &Install) -> Self {
        let mut files = BTreeMap::new();
        for covered in COVERED {
            read(&install.path(covered), &mut files);
        }
        let root = install.root();
        let relative =
            |(path, what): (PathBuf, String)| (path.strip_prefix(root).unwrap().to_owned(), what);
        Self {
            rows: install.dump().without_table(OUTBOX),
            files: files.into_iter().map(relative).collect(),
        }
    }

    /// What differs in the other; empty if nothing does.
    pub(crate) fn differs_from(&self, other: &Self) -> String {
        let mut lines = difference(&self.rows, &other.rows);
        for path in self.files.keys().chain(other.files.keys()) {
            let (one, two) = (self.files.get(path), other.files.get(path));
            if one != two {
                write!(lines, "\n{}: {one:?}, not {two:?}", path.display()).unwrap();
            }
        }
        lines
    }

    #[track_caller]
    pub(crate) fn assert_same(&self, other: &Self) {
        let difference = self.differs_from(other);
        assert!(difference.is_empty(), "{difference}");
    }
}

fn read(path: &Path, files: &mut BTreeMap<PathBuf, String>) {
    let Ok(data) = fs::symlink_metadata(path) else {
        return;
    };
    let content = if data.is_symlink() {
        format!("-> {}", fs::read_link(path).unwrap().display())
    } else if data.is_dir() {
        let mut entries: Vec<_> = fs::read_dir(path).unwrap().map(Result::unwrap).collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            read(&entry.path(), files);
        }
        "directory".into()
    } else if data.is_file() {
        fs::read(path).unwrap().escape_ascii().to_string()
    } else {
        "other".into()
    };
    let mode = if data.is_symlink() { 0 } else { data.mode() };
    let what = format!(
        "{mode:o} {}:{} {}.{:09} {content}",
        data.uid(),
        data.gid(),
        data.mtime(),
        data.mtime_nsec()
    );
    assert!(!path.as_os_str().as_bytes().ends_with(b".reset-app"));
    files.insert(path.to_owned(), what);
}
