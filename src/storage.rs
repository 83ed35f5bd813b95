//! The one home of file removal. Nothing here starts without an [`Erased`]: rows first, durably
//! (invariant 2).
//!
//! A batch of files goes in two steps. Under the lock of the database, [`Quarantine::take`] renames
//! each file into `<root>/.reset-app-<run>/<outbox id>` and looks at it there: what is not the
//! listed file is renamed back, never over a newer one (invariant 5). After the lock is released,
//! [`Quarantine::purge`] removes what was taken, makes sure that it is gone, flushes every directory
//! concerned, and says which outbox rows have nothing left to do. A crash between any two steps leaves
//! either the file or its quarantined self under the same outbox row, and `take` knows both.

mod cell;
mod directory;
mod leftover;
mod purge;
mod take;
#[cfg(test)]
mod tests;
mod touched;
mod workshop;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

pub(crate) use cell::{is_unsupported, rename_new};
pub use directory::DirectoryRemoval;
pub use leftover::{Leftover, leftovers, remove_empty};
pub use purge::{Failure, PurgeReport, Remaining};
pub use take::{Released, Taken};
pub(crate) use touched::{Touched, flush};
pub(crate) use workshop::{Workshop, remove_directory, remove_snapshot};

use crate::outbox::Erased;
use crate::roots::{Parents, Roots, names};

/// The longest run name that may become part of a directory's name.
const MAX_RUN: usize = 64;

/// One batch of removals: the private directory of one run in every root.
///
/// Dropping it without [`purge`](Self::purge) removes nothing more; what was taken stays in
/// quarantine until a later batch of the same run takes it again.
#[derive(Debug)]
pub struct Quarantine<'r> {
    roots: &'r Roots,
    /// The directories from which this batch takes.
    parents: Parents<'r>,
    /// The name of the private directory.
    name: String,
    /// Per root that has one, the private directory.
    cells: BTreeMap<usize, Cell>,
    /// Per outbox row that a purge is to remove, its root.
    held: BTreeMap<i64, usize>,
    /// Outbox rows with nothing left to do but the flushes, with their roots.
    settled: BTreeMap<i64, usize>,
    /// Why some of those are not settled.
    failed: BTreeMap<i64, io::Error>,
    touched: Touched,
    _proof: Erased,
}

/// The private directory in one root, open.
#[derive(Debug)]
struct Cell {
    directory: OwnedFd,
    /// What lay in it when it was opened: what earlier runs took, and other batches. Nobody else puts
    /// anything there under the numbers of this batch.
    earlier: BTreeSet<OsString>,
}

impl Cell {
    fn look(directory: OwnedFd) -> io::Result<Self> {
        Ok(Self {
            earlier: names(&directory)?.into_iter().collect(),
            directory,
        })
    }
}

/// Why a quarantine cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("the run `{}` is not a name that reset-app gives", .0.escape_debug())]
pub struct RunNameError(String);

impl<'r> Quarantine<'r> {
    /// A batch for the run `run`, whose name is the one the outbox recorded. Changes nothing yet.
    ///
    /// # Errors
    /// If `run` is empty, longer than 64 bytes, or has other bytes than letters, digits, `-`, `_`.
    pub fn open(roots: &'r Roots, run: &str, proof: &Erased) -> Result<Self, RunNameError> {
        if !is_run_name(run) {
            return Err(RunNameError(run.to_owned()));
        }
        Ok(Self {
            roots,
            parents: Parents::new(roots),
            name: format!("{}-{run}", crate::roots::RESERVED),
            cells: BTreeMap::new(),
            held: BTreeMap::new(),
            settled: BTreeMap::new(),
            failed: BTreeMap::new(),
            touched: Touched::default(),
            _proof: proof.clone(),
        })
    }

    /// Whether this is another batch of the same run.
    pub(crate) fn is_of_run(&self, other: &Self) -> bool {
        self.name == other.name
    }

    /// The private directory of `root`, if it exists.
    fn cell(&mut self, root: usize) -> io::Result<Option<&Cell>> {
        if !self.cells.contains_key(&root)
            && let Some(top) = self.roots.directory(root)
            && let Some(directory) = cell::existing(top, &self.name)?
        {
            self.cells.insert(root, Cell::look(directory)?);
        }
        Ok(self.cells.get(&root))
    }

    /// The same, of which only the descriptor is needed.
    fn cell_directory(&mut self, root: usize) -> io::Result<Option<&OwnedFd>> {
        Ok(self.cell(root)?.map(|cell| &cell.directory))
    }

    /// Where an outbox row's file lies in quarantine, as a terminal may show it.
    fn shelf(&self, root: &std::path::Path, id: i64) -> PathBuf {
        root.join(&self.name).join(id.to_string())
    }
}

fn is_run_name(run: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=MAX_RUN).contains(&run.len()) && run.bytes().all(allowed)
}
