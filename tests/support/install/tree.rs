//! What a directory holds: kind, mode and content of everything below it, links not followed.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::Lines;

/// What something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    Link,
    Pipe,
    Other,
}

/// One name in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) mode: u32,
    /// The SHA-256 of a file's bytes or of a link's target; empty for the rest.
    pub(crate) content: String,
}

/// Everything below a directory, by its path relative to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree(BTreeMap<Vec<u8>, Node>);

impl Tree {
    /// Reads the tree below `directory`, which must be there. A link that leads to somewhere near is
    /// the same in every place.
    pub(crate) fn of(directory: &Path) -> Self {
        let mut tree = Self::default();
        tree.read(directory, b"", directory.parent().unwrap_or(directory));
        tree
    }

    fn read(&mut self, directory: &Path, prefix: &[u8], place: &Path) {
        for entry in fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let path = [prefix, entry.file_name().as_bytes()].concat();
            let node = Node::of(&entry.path(), place);
            if node.kind == Kind::Directory {
                self.read(&entry.path(), &[&path, b"/".as_slice()].concat(), place);
            }
            self.0.insert(path, node);
        }
    }

    /// What lies at a path.
    pub(crate) fn get(&self, path: impl AsRef<[u8]>) -> Option<&Node> {
        self.0.get(path.as_ref())
    }

    /// Whether something lies at a path.
    pub(crate) fn has(&self, path: impl AsRef<[u8]>) -> bool {
        self.get(path).is_some()
    }

    /// All paths, in order.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &[u8]> {
        self.0.keys().map(Vec::as_slice)
    }

    /// The paths of plain files, in order.
    pub(crate) fn files(&self) -> impl Iterator<Item = &[u8]> {
        let files = self.0.iter().filter(|(_, node)| node.kind == Kind::File);
        files.map(|(path, _)| path.as_slice())
    }

    /// The part below a directory, under its full paths.
    pub(crate) fn below(&self, directory: &str) -> Self {
        let prefix = format!("{directory}/").into_bytes();
        self.clone().retain(|path| path.starts_with(&prefix))
    }

    /// The tree without the paths that begin so.
    pub(crate) fn without(self, prefix: &str) -> Self {
        self.retain(|path| !path.starts_with(prefix.as_bytes()))
    }

    /// The part whose paths are to be kept.
    pub(crate) fn retain(mut self, keep: impl Fn(&[u8]) -> bool) -> Self {
        self.0.retain(|path, _| keep(path));
        self
    }

    /// The tree without permissions, of which a checkout keeps few.
    pub(crate) fn without_modes(mut self) -> Self {
        self.0.values_mut().for_each(|node| node.mode = 0);
        self
    }

    /// The same tree as a part of a larger one.
    pub(crate) fn moved_to(self, directory: &str) -> Self {
        let moved = |(path, node): (Vec<u8>, Node)| {
            let path = [directory.as_bytes(), b"/", &path].concat();
            (path, node)
        };
        Self(self.0.into_iter().map(moved).collect())
    }

    /// Adds another tree.
    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// One line for all of it.
    pub(crate) fn digest(&self) -> String {
        hash(self.lines().join("\n").as_bytes())
    }
}

impl Lines for Tree {
    fn lines(&self) -> Vec<String> {
        let line = |(path, node): (&Vec<u8>, &Node)| {
            let Node {
                kind,
                mode,
                content,
            } = node;
            format!("{} {kind:?} {mode:04o} {content}", path.escape_ascii())
        };
        self.0.iter().map(line).collect()
    }
}

impl Node {
    fn of(path: &Path, place: &Path) -> Self {
        let metadata = path.symlink_metadata().unwrap();
        let kind = kind_of(&metadata);
        let content = match kind {
            Kind::File => hash(&fs::read(path).unwrap()),
            Kind::Link => {
                let target = fs::read_link(path).unwrap();
                let near = target.strip_prefix(place).unwrap_or(&target);
                hash(near.as_os_str().as_bytes())
            }
            Kind::Directory | Kind::Pipe | Kind::Other => String::new(),
        };
        let mode = metadata.permissions().mode() & 0o7777;
        Self {
            kind,
            mode,
            content,
        }
    }
}

fn kind_of(metadata: &Metadata) -> Kind {
    let kind = metadata.file_type();
    match () {
        () if kind.is_file() => Kind::File,
        () if kind.is_dir() => Kind::Directory,
        () if kind.is_symlink() => Kind::Link,
        () if kind.is_fifo() => Kind::Pipe,
        () => Kind::Other,
    }
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        })
}
