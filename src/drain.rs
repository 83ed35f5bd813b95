//! Working the outbox off: files, then directories, then Redis, then the audit trail, and each
//! entry taken out only when what it stands for is done, durably (invariant 3).
//!
//! The same code finishes a run and an interrupted one. It repeats safely: what is done already is
//! found done.

mod beside;
mod crew;
mod directories;
mod environment;
mod files;
mod finish;
mod names;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rusqlite::Connection;

use crate::audit::Trail;
use crate::error::Result;
use crate::outbox::{self, Erased, FileRecord};
use crate::plan::FileSource;
use crate::roots::{self, Place, Roots};
use crate::survey::Kept;
use crate::target::Target;
use crate::watch::Watch;

pub(crate) use beside::Beside;
pub(crate) use finish::{KeysCleared, REDIS_DEADLINE};

/// What works an outbox off.
#[derive(Debug)]
pub(crate) struct Drain<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) target: &'a Target,
    pub(crate) roots: &'a Roots,
    pub(crate) sources: &'a [FileSource],
    pub(crate) erased: &'a Erased,
}

/// What was done, added up over the batches.
#[derive(Debug, Default)]
pub(crate) struct Drained {
    /// Files and directories removed, by summary line.
    pub(crate) removed: BTreeMap<String, u64>,
    /// The run they are counted for; the others' were counted, or reported, before.
    pub(crate) of_run: Option<String>,
    /// The same, by root.
    by_root: BTreeMap<String, u64>,
    /// Files that stay because a row names them, and directories that still hold something.
    pub(crate) shared: BTreeMap<Place, String>,
    /// Paths that were refused, or where another file stands than was listed.
    pub(crate) refused: Vec<Kept>,
    /// What could not be removed.
    pub(crate) left: Vec<Kept>,
    /// What else a person should know.
    pub(crate) warnings: Vec<String>,
    /// The file that held the environment, once it is gone.
    pub(crate) environment: Option<String>,
}

impl Drain<'_> {
    /// Files first, so that the directories are empty; keys and audit lines last.
    pub(crate) fn everything(
        &self,
        trail: &mut Trail,
        drained: &mut Drained,
        watch: &mut dyn Watch,
    ) -> Result<KeysCleared> {
        self.files(drained, watch)?;
        self.directories(drained)?;
        for (root, removed) in &drained.by_root {
            log::info!("root `{root}`: {removed} files and directories removed");
        }
        self.finish(trail, drained)
    }

    /// Takes finished entries out.
    fn take_out(&self, ids: impl IntoIterator<Item = i64>) -> Result<()> {
        self.in_transaction(|| outbox::remove(self.connection, ids))
    }

    fn in_transaction<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        crate::database::transaction(self.connection, work)
    }
}

impl Drained {
    /// What stays because it is somebody else's too.
    pub(crate) fn shared_paths(&self) -> Vec<Kept> {
        let kept = |(place, reason): (&Place, &String)| Kept {
            path: place.to_string(),
            reason: reason.clone(),
        };
        self.shared.iter().map(kept).collect()
    }

    /// Files and directories removed, by root.
    pub(crate) fn by_root(&self, root: &str) -> u64 {
        self.by_root.get(root).copied().unwrap_or_default()
    }

    fn count(&mut self, record: &FileRecord) {
        if self.of_run.as_ref().is_none_or(|run| *run == record.run) {
            *self.removed.entry(record.line.clone()).or_default() += 1;
        }
        let root = roots::shown(Path::new(OsStr::from_bytes(&record.path.0)));
        *self.by_root.entry(root).or_default() += 1;
    }

    pub(crate) fn leave(&mut self, path: String, reason: &dyn ToString) {
        self.left.push(Kept {
            path,
            reason: reason.to_string(),
        });
    }

    fn refuse(&mut self, path: String, reason: &dyn ToString) {
        self.refused.push(Kept {
            path,
            reason: reason.to_string(),
        });
    }
}
