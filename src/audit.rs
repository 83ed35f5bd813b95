//! The audit trail: one JSON line per user and per run, in `<root>/.reset-app/audit.jsonl`.
//!
//! Written from the outbox, so that a crash neither loses nor doubles a line: a line whose id the
//! trail already holds is not written again, and a line that a crash cut off is trimmed first. No
//! names and no addresses; a user is its key, or a digest of a key that is text.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::target::STATE_DIRECTORY;
use crate::user::UserKey;

/// The time, as the trail gives it (RFC 3339, UTC, seconds).
pub(crate) fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The trail, opened for appending.
#[derive(Debug)]
pub(crate) struct Trail {
    file: File,
    path: PathBuf,
    written: BTreeSet<String>,
}

impl Trail {
    /// Opens the trail of an application, making it if there is none, and trims a torn tail.
    /// `runs` are those whose lines may be there already.
    ///
    /// Fails where the directory or file cannot be made, read or written.
    pub(crate) fn open(root: &Path, runs: &[String]) -> Result<Self> {
        let path = root.join(STATE_DIRECTORY).join("audit.jsonl");
        Self::try_open(root, &path, runs).map_err(|error| Error::Audit { file: path, error })
    }

    fn try_open(root: &Path, path: &Path, runs: &[String]) -> io::Result<Self> {
        let directory = root.join(STATE_DIRECTORY);
        match DirBuilder::new().mode(0o700).create(&directory) {
            Ok(()) => File::open(root)?.sync_all()?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        if !fs::symlink_metadata(&directory)?.is_dir() {
            return Err(io::Error::from(io::ErrorKind::NotADirectory));
        }
        let mut options = OpenOptions::new();
        let options = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600);
        let file = options
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is not a regular file",
            ));
        }
        File::open(&directory)?.sync_all()?;
        let mut trail = Self {
            file,
            path: path.into(),
            written: BTreeSet::new(),
        };
        trail.read(runs)?;
        Ok(trail)
    }

    fn read(&mut self, runs: &[String]) -> io::Result<()> {
        let mut whole = 0;
        let mut reader = BufReader::new(&self.file);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            if line.last() != Some(&b'\n') {
                break;
            }
            whole += line.len() as u64;
            let id = serde_json::from_slice(&line)
                .ok()
                .and_then(|line: Value| Some(line.get("id")?.as_str()?.to_owned()));
            let ours = |id: &String| runs.iter().any(|run| id.starts_with(run.as_str()));
            self.written.extend(id.filter(ours));
            line.clear();
        }
        if whole < self.file.metadata()?.len() {
            self.file.set_len(whole)?;
        }
        self.file.seek(SeekFrom::End(0)).map(drop)
    }

    /// Appends lines, each under its id, except those the trail holds; durable on return.
    pub(crate) fn append(
        &mut self,
        lines: impl IntoIterator<Item = (String, Value)>,
    ) -> Result<()> {
        let mut text = Vec::new();
        for (id, mut line) in lines {
            if self.written.contains(&id) {
                continue;
            }
            line["id"] = Value::String(id.clone());
            text.extend_from_slice(line.to_string().as_bytes());
            text.push(b'\n');
            self.written.insert(id);
        }
        let written = self
            .file
            .write_all(&text)
            .and_then(|()| self.file.sync_all());
        written.map_err(|error| Error::Audit {
            file: self.path.clone(),
            error,
        })
    }
}

/// How a user is named in the trail: an integer key as it is; a text key, which may be a name or an
/// address, as the start of its SHA-256.
#[must_use]
pub(crate) fn pseudonym(key: &UserKey) -> String {
    match key {
        UserKey::Integer(number) => number.to_string(),
        UserKey::Text(text) => {
            let digest = Sha256::digest(text);
            digest
                .iter()
                .take(8)
                .fold("sha256:".to_owned(), |name, byte| {
                    name + &format!("{byte:02x}")
                })
        }
    }
}
