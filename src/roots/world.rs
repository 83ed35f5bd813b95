//! An application's directory in miniature beside a canary, for tests.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{Identity, Inspection, Place, Roots};

/// `app/` holds the roots `storage/images` and `storage/files`; `outside/` must never change.
pub(crate) struct World {
    directory: TempDir,
    canary: BTreeMap<PathBuf, String>,
}

impl World {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().canonicalize().unwrap();
        for made in ["app/storage/images", "app/storage/files", "outside/deep"] {
            fs::create_dir_all(top.join(made)).unwrap();
        }
        fs::write(top.join("outside/canary"), "sings").unwrap();
        fs::write(top.join("outside/deep/canary"), "sings deeply").unwrap();
        symlink("canary", top.join("outside/link")).unwrap();
        let canary = digest(&top.join("outside"));
        Self { directory, canary }
    }

    pub(crate) fn base(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join("app")
    }

    pub(crate) fn outside(&self) -> PathBuf {
        self.directory
            .path()
            .canonicalize()
            .unwrap()
            .join("outside")
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.base().join(relative)
    }

    pub(crate) fn roots(&self) -> Roots {
        self.roots_with(&["storage/images", "storage/files"], &[])
    }

    pub(crate) fn roots_with(&self, names: &[&str], protected: &[&str]) -> Roots {
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        Roots::open(&self.base(), &paths(names), &paths(protected)).unwrap()
    }

    pub(crate) fn file(&self, relative: &str, content: &str) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn link(&self, relative: &str, target: impl AsRef<Path>) {
        symlink(target, self.path(relative)).unwrap();
    }

    pub(crate) fn fifo(&self, relative: &str) {
        let made = Command::new("mkfifo")
            .arg(self.path(relative))
            .status()
            .unwrap();
        assert!(made.success());
    }

    /// What stands in the application's directory.
    pub(crate) fn digest(&self) -> BTreeMap<PathBuf, String> {
        digest(&self.base())
    }

    pub(crate) fn assert_canary_sings(&self) {
        assert_eq!(digest(&self.outside()), self.canary);
    }
}

/// Every path beneath `top` with its mode and what it holds.
fn digest(top: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut pending = vec![top.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let data = fs::symlink_metadata(&path).unwrap();
            let content = if data.is_dir() {
                pending.push(path.clone());
                "directory".into()
            } else if data.is_symlink() {
                format!("-> {}", fs::read_link(&path).unwrap().display())
            } else if data.is_file() {
                String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned()
            } else {
                "other".into()
            };
            found.insert(path, format!("{:o} {content}", data.mode()));
        }
    }
    found
}

pub(crate) fn place(roots: &Roots, raw: &str) -> Place {
    roots.locate(raw.as_bytes()).unwrap()
}

pub(crate) fn identity(roots: &Roots, place: &Place) -> Identity {
    match roots.inspect(place) {
        Inspection::File(identity) | Inspection::Directory(identity) => identity,
        other => unreachable!("{place}: {other:?}"),
    }
}

/// Says loudly why a test that needs more than this machine allows has not run.
#[allow(clippy::print_stderr)]
pub(crate) fn skip(test: &str, why: &str) {
    eprintln!("SKIPPED {test}: {why}");
}
