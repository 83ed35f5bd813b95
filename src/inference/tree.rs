//! The files of an application, by name: what stands below its directory, up to a limit.

use std::collections::VecDeque;
use std::fs::{DirEntry, FileType};
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::evidence::grouped;

/// So many entries are looked at.
const MOST: usize = 200_000;
const DEEPEST: usize = 24;
/// So many of the directories that are not are named.
const NAMED: usize = 5;
/// Directories of programs and their libraries, never of users.
const SKIPPED: &[&str] = &[
    "node_modules",
    ".git",
    "__pycache__",
    ".venv",
    "venv",
    ".svn",
    ".hg",
];

/// Paths below a directory, with `/` between their names.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) files: Vec<String>,
    pub(super) directories: Vec<String>,
    /// There was more than the limit, or something could not be read.
    pub(super) missed: Option<String>,
}

impl Tree {
    /// Looks at everything below `root` but `protected` files, what is nearest first. Follows no link.
    pub(super) fn read(root: &Path, protected: &[PathBuf]) -> Self {
        Self::up_to(MOST, root, protected)
    }

    fn up_to(most: usize, root: &Path, protected: &[PathBuf]) -> Self {
        let mut tree = Self::default();
        let mut pending = VecDeque::from([(root.to_owned(), String::new(), 0)]);
        while let Some((directory, name, depth)) = pending.pop_front() {
            let free = most - tree.files.len() - tree.directories.len();
            let entries = tree.entries(&directory, &name);
            let too_many = entries.len() > free;
            for (kind, entry) in entries.into_iter().take(free) {
                let Ok(one) = entry.file_name().into_string() else {
                    continue;
                };
                let path = if name.is_empty() {
                    one.clone()
                } else {
                    format!("{name}/{one}")
                };
                let skipped = SKIPPED.contains(&one.as_str());
                if kind.is_dir() && !skipped && depth < DEEPEST {
                    pending.push_back((entry.path(), path.clone(), depth + 1));
                    tree.directories.push(path);
                } else if kind.is_dir() && !skipped {
                    tree.missed = Some(format!("`{path}` lies too deep to be looked into"));
                } else if kind.is_file() && !protected.contains(&entry.path()) {
                    tree.files.push(path);
                }
            }
            if too_many {
                let rest = pending.iter().map(|(_, name, _)| name.as_str());
                tree.missed = Some(beyond(most, &name, rest));
                break;
            }
        }
        tree.files.sort();
        tree.directories.sort();
        tree
    }

    /// What a directory holds, as far as it can be read.
    fn entries(&mut self, directory: &Path, name: &str) -> Vec<(FileType, DirEntry)> {
        let mut unreadable = |error: io::Error| {
            self.missed = Some(format!("`{name}` could not be read as a whole: {error}"));
        };
        let entries = fs::read_dir(directory).map_err(&mut unreadable);
        let entries = entries.into_iter().flatten().filter_map(|entry| {
            let known = entry.and_then(|entry| Ok((entry.file_type()?, entry)));
            known.map_err(&mut unreadable).ok()
        });
        entries.collect()
    }
}

/// What is not looked at because there is too much.
fn beyond<'n>(most: usize, name: &'n str, rest: impl Iterator<Item = &'n str>) -> String {
    let mut missed: Vec<&str> = std::iter::once(name).chain(rest).collect();
    let more = missed.len().saturating_sub(NAMED);
    missed.truncate(NAMED);
    let named = missed.join("`, `");
    let more = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "only {} files and directories were looked at; write by hand which columns name files, and which directories \
         are users', below `{named}`{more}",
        grouped(most as u64)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(paths: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for path in paths {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        root
    }

    #[test]
    fn what_is_near_is_looked_at_first_and_what_is_not_is_named() {
        let root = made(&["a/1/x", "a/1/y", "a/1/z", "b/u", "c/v"]);
        let tree = Tree::up_to(8, root.path(), &[]);
        assert_eq!((tree.files.len(), &*tree.files[2]), (4, "b/u"));
        assert_eq!(tree.directories, ["a", "a/1", "b", "c"]);
        let missed = tree.missed.unwrap();
        assert!(missed.starts_with("only 8 files"), "{missed}");
        assert!(missed.ends_with("below `a/1`"), "{missed}");
        assert_eq!(Tree::up_to(9, root.path(), &[]).missed, None);
    }

    #[test]
    fn what_lies_too_deep_is_told() {
        let root = made(&[&("d/".repeat(DEEPEST + 1) + "x")]);
        let missed = Tree::read(root.path(), &[]).missed.unwrap();
        assert!(
            missed.ends_with("lies too deep to be looked into"),
            "{missed}"
        );
    }
}
