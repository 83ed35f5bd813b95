//! The files of an application, by name: what stands below its directory, up to a limit.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// So many entries are looked at.
const MOST: usize = 200_000;
const DEEPEST: usize = 24;
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
    /// Looks at everything below `root` but `protected` files. Follows no link.
    pub(super) fn read(root: &Path, protected: &[PathBuf]) -> Self {
        let mut tree = Self::default();
        let mut pending = vec![(root.to_owned(), String::new(), 0)];
        while let Some((directory, name, depth)) = pending.pop() {
            let entries = match fs::read_dir(&directory) {
                Ok(entries) => entries,
                Err(error) => {
                    tree.missed = Some(format!("`{name}` could not be read: {error}"));
                    continue;
                }
            };
            let mut unreadable = |error: &io::Error| {
                tree.missed = Some(format!("`{name}` could not be read as a whole: {error}"));
            };
            let mut seen = Vec::new();
            for entry in entries {
                match entry.and_then(|entry| Ok((entry.file_type()?, entry))) {
                    Ok(entry) => seen.push(entry),
                    Err(error) => unreadable(&error),
                }
            }
            for (kind, entry) in seen {
                let Ok(one) = entry.file_name().into_string() else {
                    continue;
                };
                let path = if name.is_empty() {
                    one.clone()
                } else {
                    format!("{name}/{one}")
                };
                if tree.files.len() + tree.directories.len() >= MOST {
                    tree.missed = Some(format!(
                        "only the first {MOST} files and directories were looked at"
                    ));
                    return tree;
                }
                if kind.is_dir() && !SKIPPED.contains(&one.as_str()) && depth < DEEPEST {
                    pending.push((entry.path(), path.clone(), depth + 1));
                    tree.directories.push(path);
                } else if kind.is_file() && !protected.contains(&entry.path()) {
                    tree.files.push(path);
                }
            }
        }
        tree.files.sort();
        tree.directories.sort();
        tree
    }
}
