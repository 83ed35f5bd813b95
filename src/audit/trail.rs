//! A trail, opened for appending.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::chain::Followed;
use super::key::{self, Key};
use super::position::Position;
use super::{Break, file, lines, now};
use crate::error::{AuditError, Error, Result};
use crate::roots::shown;
use crate::target::{STATE_DIRECTORY, Target};

/// The trail of an application, or none where it keeps none.
///
/// Runs on several databases may write one trail: each takes a lock for its lines, and first
/// follows what others have written.
#[derive(Debug)]
pub(crate) struct Trail(Option<Open>);

#[derive(Debug)]
struct Open {
    file: File,
    path: PathBuf,
    followed: Followed,
    /// How much of the file was followed.
    end: u64,
    /// The runs whose lines may be there already.
    runs: Vec<String>,
    /// The ids of those that are.
    written: BTreeSet<String>,
    /// A line names a user.
    names_users: bool,
    key: Option<Key>,
}

impl Trail {
    /// Opens the trail of an application, making it and its key if there are none, and trims a torn
    /// tail. `runs` are those whose lines may be there already.
    ///
    /// Fails where directory, file or key cannot be made, read or written, or the file is no trail.
    pub(crate) fn open(target: &Target, runs: &[String]) -> Result<Self> {
        let Some(path) = &target.audit else {
            return Ok(Self(None));
        };
        let failed = |error| failed(path, error);
        let own = target.root.join(STATE_DIRECTORY);
        file::make_directory(path, &own).map_err(failed)?;
        let opened = file::create(path).map_err(failed)?;
        let directory = File::open(file::directory(path));
        directory.and_then(|it| it.sync_all()).map_err(failed)?;
        let mut open = Open {
            file: opened,
            path: path.clone(),
            followed: Followed::default(),
            end: 0,
            runs: runs.to_vec(),
            written: BTreeSet::new(),
            names_users: false,
            key: None,
        };
        open.locked(|open| {
            open.catch_up()?;
            open.key = Some(open.key_or_new()?);
            Ok(())
        })?;
        Ok(Self(Some(open)))
    }

    /// Appends lines, each under its id, except those the trail holds; durable on return.
    pub(crate) fn append(
        &mut self,
        lines: impl IntoIterator<Item = (String, Value)>,
    ) -> Result<()> {
        match &mut self.0 {
            Some(open) => open.locked(|open| {
                open.catch_up()?;
                open.write(lines)
            }),
            None => Ok(()),
        }
    }

    /// Appends that the data was put back to what it was at `position`: whom later lines name is
    /// there again. `replay` goes by this line, which is the run's only one.
    pub(crate) fn restored(
        &mut self,
        run: &str,
        snapshot: &str,
        position: Option<&Position>,
    ) -> Result<()> {
        let line = json!({
            "time": now(), "run": run, "operation": super::RESTORE,
            "snapshot": snapshot, "position": position,
        });
        self.append([(run.to_owned(), line)])
    }

    /// By which users are named; none where there is no trail.
    pub(crate) fn key(&self) -> Option<&Key> {
        self.0.as_ref().and_then(|open| open.key.as_ref())
    }

    /// What a person should know of it.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let broken = self.0.as_ref().and_then(|open| {
            let broken = open.followed.broken?;
            Some(broken_chain(&open.path, broken))
        });
        broken.into_iter().collect()
    }
}

impl Open {
    /// Works while no other run writes.
    fn locked<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        file::lock(&self.file).map_err(|error| failed(&self.path, error))?;
        let done = work(self);
        let unlocked = self
            .file
            .unlock()
            .map_err(|error| failed(&self.path, error));
        done.and_then(|done| unlocked.map(|()| done))
    }

    /// Follows what was not followed yet, and trims a torn tail.
    fn catch_up(&mut self) -> Result<()> {
        let caught = self
            .try_catch_up()
            .map_err(|error| failed(&self.path, error))?;
        if caught {
            return Ok(());
        }
        let file = self.path.clone();
        Err(Error::from(AuditError::NotATrail { file }))
    }

    /// Whether it is a trail.
    fn try_catch_up(&mut self) -> io::Result<bool> {
        let length = self.file.metadata()?.len();
        if length < self.end {
            let reason = "it was made shorter while lines were written";
            return Err(io::Error::other(reason));
        }
        self.file.seek(SeekFrom::Start(self.end))?;
        let mut reader = BufReader::new(&self.file);
        while let Some(line) = lines::next(&mut reader)? {
            if self.end == 0 && !file::is_first(line.text.as_deref(), line.whole) {
                return Ok(false);
            }
            if !line.whole {
                break;
            }
            self.end += line.bytes;
            let object = self.followed.follow(line);
            let ours = |id: &&str| self.runs.iter().any(|run| id.starts_with(run.as_str()));
            let object = object.unwrap_or_default();
            self.written
                .extend(object["id"].as_str().filter(ours).map(str::to_owned));
            self.names_users |= object["user"].is_string();
        }
        if self.end < length {
            self.file.set_len(self.end)?;
        }
        self.file.seek(SeekFrom::Start(self.end)).map(|_| true)
    }

    fn write(&mut self, lines: impl IntoIterator<Item = (String, Value)>) -> Result<()> {
        let mut text = Vec::new();
        for (id, mut line) in lines {
            if self.written.insert(id.clone()) {
                line["id"] = Value::String(id);
                text.extend(self.followed.add(line));
            }
        }
        let written = self.file.write_all(&text);
        let written = written.and_then(|()| self.file.sync_all());
        self.end += text.len() as u64;
        written.map_err(|error| failed(&self.path, error))
    }

    fn key_or_new(&self) -> Result<Key> {
        let path = key::beside(&self.path);
        if let Some(key) = Key::read(&path)? {
            return Ok(key);
        }
        if self.names_users {
            log::warn!(
                "the key `{}` of the audit trail was gone, and a new one is made: \
                 `replay` cannot tell any more whom earlier lines name",
                shown(&path)
            );
        }
        Key::make(&self.path)
    }
}

fn failed(path: &Path, error: io::Error) -> Error {
    let file = path.into();
    Error::from(AuditError::Write { file, error })
}

/// A broken chain, as a sentence.
pub(super) fn broken_chain(path: &Path, broken: Break) -> String {
    format!(
        "the audit trail `{}` is not as it was written: line {} does not follow from the line before",
        shown(path),
        broken.line
    )
}
