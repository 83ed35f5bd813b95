//! `tree.txt`: the files of an install, one a line.
//!
//! ```text
//! file PATH CONTENT   a file of one line
//! dir  PATH           a directory, and those above it
//! link PATH TARGET    a symbolic link
//! hard PATH OTHER     a second name for the file OTHER
//! pipe PATH           a named pipe
//! mode PATH OCTAL     permissions
//! ```
//!
//! Paths are relative to the root; `@ROOT@` and `@OUTSIDE@` stand for the places of a copy. In paths
//! and targets `\n`, `\r`, `\\` and `\xHH` are escapes; a space is `\x20`. `#` begins a comment line.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where a copy lies.
pub(crate) struct Places {
    pub(crate) root: PathBuf,
    pub(crate) outside: PathBuf,
}

impl Places {
    /// What stands for a place in `tree.txt` and in the database.
    pub(crate) fn placeholders(&self) -> [(&'static str, &Path); 2] {
        [("@ROOT@", &self.root), ("@OUTSIDE@", &self.outside)]
    }

    /// The path that is meant: without a placeholder, one below `relative_to`.
    fn resolve(&self, path: &[u8], relative_to: &Path) -> PathBuf {
        for (placeholder, place) in self.placeholders() {
            if let Some(rest) = path.strip_prefix(placeholder.as_bytes()) {
                let below = rest.strip_prefix(b"/").unwrap_or(rest);
                return place.join(OsStr::from_bytes(below));
            }
        }
        relative_to.join(OsStr::from_bytes(path))
    }
}

/// One line of `tree.txt`, without escapes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) path: Vec<u8>,
    pub(crate) what: What,
}

/// What lies at the path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum What {
    File(Vec<u8>),
    Directory,
    Link(Vec<u8>),
    HardLink(Vec<u8>),
    Pipe,
    Mode(u32),
}

impl Entry {
    /// Reads a whole `tree.txt`.
    pub(crate) fn parse_all(text: &str) -> Vec<Self> {
        text.lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(Self::parse)
            .collect()
    }

    fn parse(line: &str) -> Self {
        let (keyword, rest) = word(line);
        let (path, value) = word(rest);
        let what = match keyword {
            "file" => What::File(format!("{value}\n").into_bytes()),
            "dir" => What::Directory,
            "link" => What::Link(unescape(value)),
            "hard" => What::HardLink(unescape(value)),
            "pipe" => What::Pipe,
            "mode" => What::Mode(u32::from_str_radix(value, 8).unwrap()),
            _ => panic!("tree.txt: unknown keyword in `{line}`"),
        };
        Self {
            path: unescape(path),
            what,
        }
    }

    /// Whether the fixture holds it: a plain file whose name every file system and git can bear.
    pub(crate) fn is_committed(&self) -> bool {
        let plain = |component: &[u8]| {
            component.len() <= 100
                && component.iter().all(|&byte| matches!(byte, b' '..=b'~'))
                && !component.iter().any(|byte| br#"\:*?"<>|"#.contains(byte))
                && !component.starts_with(b"-")
                && !component.ends_with(b" ")
                && !component.ends_with(b".")
        };
        matches!(self.what, What::File(_))
            && !self.path.starts_with(b"@")
            && self.path.split(|&byte| byte == b'/').all(plain)
    }

    /// Whether its content says that it stays when users' data goes.
    pub(crate) fn must_stay(&self) -> bool {
        matches!(&self.what, What::File(content) if content.starts_with(b"must stay"))
    }

    /// Makes it, and the directories above it.
    pub(crate) fn make(&self, places: &Places) {
        if cfg!(target_os = "macos") && std::str::from_utf8(&self.path).is_err() {
            return; // its file systems refuse such a name
        }
        let path = places.resolve(&self.path, &places.root);
        let parent = path.parent().unwrap();
        fs::create_dir_all(parent).unwrap();
        match &self.what {
            What::File(content) => fs::write(&path, content),
            What::Directory => fs::create_dir_all(&path),
            What::Link(target) => symlink(places.resolve(target, Path::new("")), &path),
            What::HardLink(other) => fs::hard_link(places.resolve(other, &places.root), &path),
            What::Pipe => make_pipe(&path),
            What::Mode(mode) => fs::set_permissions(&path, fs::Permissions::from_mode(*mode)),
        }
        .unwrap_or_else(|error| panic!("tree.txt: {self:?}: {error}"));
    }
}

fn make_pipe(path: &Path) -> std::io::Result<()> {
    let status = Command::new("mkfifo").arg(path).status()?;
    assert!(status.success(), "mkfifo {}: {status}", path.display());
    Ok(())
}

/// The first word, and what follows it without the blanks around.
fn word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    (word, rest.trim())
}

/// Undoes the escapes of `tree.txt` and of double-quoted arguments of redis-cli.
pub(super) fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut plain = Vec::new();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => unescape_one(&mut bytes),
            _ => byte,
        });
    }
    plain
}

fn unescape_one(bytes: &mut impl Iterator<Item = u8>) -> u8 {
    match bytes.next() {
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(b'x') => {
            let digits: Vec<u8> = bytes.take(2).collect();
            u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
        }
        Some(byte @ (b'\\' | b'"')) => byte,
        other => panic!("unknown escape: {other:?}"),
    }
}

#[test]
fn a_description_is_read_with_its_escapes() {
    let entries =
        Entry::parse_all("# a comment\n\nfile a\\x20b/\\xff  two words\nlink l  @OUTSIDE@/x");
    let file = Entry {
        path: b"a b/\xff".to_vec(),
        what: What::File(b"two words\n".to_vec()),
    };
    let link = Entry {
        path: b"l".to_vec(),
        what: What::Link(b"@OUTSIDE@/x".to_vec()),
    };
    assert_eq!(entries, [file, link]);
}
