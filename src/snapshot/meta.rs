//! `snapshot.json`: what a snapshot is of, and what its other files must be.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::error::SnapshotError;
use super::index::{self, Entry, hex};
use super::place::access;
use crate::audit::Position;
use crate::error::Result;
use crate::parallel::both;

/// The file's name.
pub(super) const FILE: &str = "snapshot.json";
/// The index of the files.
pub(super) const INDEX: &str = "files.tsv";
/// The copy of the database.
pub(super) const DATABASE: &str = "database.sqlite";
/// The digest of each of its pages.
pub(super) const PAGES: &str = "pages";
/// The application's Redis keys, where they are part of it.
pub(super) const KEYS: &str = "keys";
/// The directory with the content of the files.
pub(super) const BLOBS: &str = "content";

/// The form of a snapshot; another number is another form.
const FORMAT: u64 = 2;

/// What a snapshot is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    pub(super) format: u64,
    /// Its name.
    pub name: String,
    /// The application's name, as the manifest gives it.
    pub application: String,
    /// When it was taken (RFC 3339, UTC).
    pub time: String,
    /// The same, in seconds since 1970.
    pub seconds: i64,
    /// The program that took it, with its version.
    pub tool: String,
    /// Where the audit trail ended, if one was kept.
    #[serde(default)]
    pub trail_position: Option<Position>,
    /// The database.
    pub database: AboutDatabase,
    /// The files.
    pub files: AboutFiles,
    /// The Redis keys, if they are part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<AboutKeys>,
}

/// What is known of the Redis keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AboutKeys {
    /// How many there are.
    pub count: u64,
    pub(super) sha256: String,
}

/// What is known of the copy of the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AboutDatabase {
    /// The path it was copied from.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    pub(super) page_size: usize,
    pub(super) pages_sha256: String,
    /// A digest of its tables, indexes, views and triggers.
    pub(super) structure: String,
}

/// What is known of the files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AboutFiles {
    /// How many files, links and directories.
    pub entries: u64,
    /// The bytes of all files.
    pub bytes: u64,
    pub(super) directories: Vec<PathBuf>,
    pub(super) single: Vec<PathBuf>,
    pub(super) index_sha256: String,
}

impl About {
    pub(super) fn format() -> u64 {
        FORMAT
    }

    /// Its text: JSON, closed by a digest of itself.
    pub(super) fn text(&self) -> Result<String> {
        let bug = |_| crate::error::Error::Bug("the description of a snapshot is not JSON");
        let mut value = serde_json::to_value(self).map_err(bug)?;
        value["seal"] = seal(&value).into();
        Ok(format!("{value:#}\n"))
    }

    /// Reads and checks what describes the snapshot at `path`; not yet what it describes.
    ///
    /// Fails where that is not as it was written.
    pub(super) fn read(name: &str, path: &Path) -> Result<Self> {
        let file = path.join(FILE);
        let text = fs::read_to_string(&file).map_err(|error| damaged_by(name, &file, &error))?;
        let broken = || damaged(name, format!("`{FILE}` is not as it was written"));
        let mut value: Value = serde_json::from_str(&text).map_err(|_| broken())?;
        let found = value["format"].as_u64().ok_or_else(broken)?;
        if found != FORMAT {
            let name = name.into();
            return Err(SnapshotError::Format {
                name,
                format: found,
            }
            .into());
        }
        let sealed = value.as_object_mut().and_then(|all| all.remove("seal"));
        if sealed != Some(seal(&value).into()) {
            return Err(broken().into());
        }
        Ok(serde_json::from_value(value).map_err(|_| broken())?)
    }

    /// The index of the snapshot at `path`.
    ///
    /// Fails where it is not as it was written.
    pub(super) fn index(&self, path: &Path) -> Result<Vec<Entry>> {
        let file = path.join(INDEX);
        let text = fs::read(&file).map_err(|error| damaged_by(&self.name, &file, &error))?;
        let broken = || damaged(&self.name, format!("`{INDEX}` is not as it was written"));
        let read = || index::read(&text, self.files.entries);
        let (entries, found) = both(read, || digest(&text));
        let entries = entries.filter(|_| found == self.files.index_sha256);
        Ok(entries.ok_or_else(broken)?)
    }
}

/// Objects are written with their keys in order, so equal values have equal texts.
fn seal(value: &Value) -> String {
    digest(value.to_string().as_bytes())
}

/// The SHA-256 of bytes, as hexadecimal digits.
pub(super) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(super) fn damaged(name: &str, found: String) -> SnapshotError {
    SnapshotError::Damaged {
        name: name.into(),
        found,
    }
}

fn damaged_by(name: &str, file: &Path, error: &std::io::Error) -> SnapshotError {
    match error.kind() {
        std::io::ErrorKind::NotFound => damaged(name, format!("`{}` is missing", file.display())),
        std::io::ErrorKind::InvalidData => damaged(
            name,
            format!("`{}` is not as it was written", file.display()),
        ),
        _ => access(
            "read",
            file,
            std::io::Error::new(error.kind(), error.to_string()),
        ),
    }
}
