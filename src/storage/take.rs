//! Taking one listed file into quarantine, or giving it back.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::fs::{AtFlags, unlinkat};
use rustix::io::Errno;

use super::cell::{self, Discharge};
use super::{Cell, Quarantine};
use crate::roots::{Barrier, Identity, Kind, Parent, Place, Refusal, entry, entry_if_any};

/// What became of one listed file.
#[derive(Debug)]
pub enum Taken {
    /// It lies in quarantine; the purge removes it.
    Quarantined,
    /// It could not be renamed and was removed where it stood.
    Removed,
    /// It does not exist.
    Missing,
    /// Another file stands there than was listed; it is kept.
    Replaced,
    /// Another file than was listed lies in quarantine, and cannot go back because its place is
    /// taken again or gone.
    Stranded {
        /// Where it lies, from the name of its root on.
        held: PathBuf,
    },
    /// The place must not be touched; whatever stands there is kept.
    Refused(Refusal),
    /// It could not be taken and is still there.
    Failed(io::Error),
}

/// What became of a file that a surviving row turned out to name.
#[derive(Debug)]
pub enum Released {
    /// It is not in quarantine.
    NotHeld,
    /// It stands again where it was taken from.
    Returned,
    /// It stays in quarantine because its place is taken again, or gone, or refused.
    Stranded {
        /// Where it lies, from the name of its root on.
        held: PathBuf,
    },
    /// It could not be looked at or renamed.
    Failed(io::Error),
}

/// What was found in quarantine under an outbox row's number.
enum Found {
    Nothing,
    Listed,
    Another,
}

impl Quarantine<'_> {
    /// Takes the file that outbox row `id` lists at `place` as `listed`.
    ///
    /// Call it under the lock of the database, after dropping the rows whose path a surviving row
    /// names. Every answer but `Refused`, `Failed` and `Stranded` is settled by the coming purge.
    pub fn take(&mut self, id: i64, place: &Place, listed: &Identity) -> Taken {
        let taken = self
            .try_take(id, place, listed)
            .unwrap_or_else(|barrier| match barrier {
                Barrier::Refused(refusal) => Taken::Refused(refusal),
                Barrier::Trouble(error) => Taken::Failed(error),
                Barrier::Missing(nearest) => {
                    self.await_flush(id, place, nearest.as_ref());
                    Taken::Missing
                }
            });
        match &taken {
            Taken::Quarantined => {
                self.held.insert(id, place.root_index());
            }
            Taken::Removed | Taken::Missing | Taken::Replaced => {
                self.settled.insert(id, place.root_index());
            }
            Taken::Stranded { .. } | Taken::Refused(_) | Taken::Failed(_) => {}
        }
        taken
    }

    fn try_take(&mut self, id: i64, place: &Place, listed: &Identity) -> Result<Taken, Barrier> {
        if listed.kind == Kind::Directory {
            return Err(Barrier::Refused(Refusal::Directory));
        }
        match self.find_earlier(id, place, listed)? {
            Found::Nothing => {}
            Found::Listed => return Ok(self.take_again(id, place, listed)),
            Found::Another => return Ok(self.put_back(id, place)?),
        }
        let (parent, name) = self.parents.of(place)?;
        let Some(standing) = entry_if_any(parent.directory(), name)? else {
            return Err(missing_from(&parent));
        };
        self.roots
            .refuse_entry(place, &standing)
            .map_err(Barrier::Refused)?;
        if !listed.is_still(&standing.identity) {
            return Ok(Taken::Replaced);
        }
        self.touched.add_parent(id, &parent);
        self.rename(id, place, listed, &parent, name)
    }

    fn rename(
        &mut self,
        id: i64,
        place: &Place,
        listed: &Identity,
        parent: &Parent,
        name: &OsStr,
    ) -> Result<Taken, Barrier> {
        let directory = parent.directory();
        let admitted = self
            .made_cell(place.root_index())
            .and_then(|cell| Ok(cell::admit(directory, name, cell, &label(id))?));
        match admitted {
            Ok(()) => match self.find(id, place, listed)? {
                Found::Listed => Ok(Taken::Quarantined),
                Found::Another => Ok(self.put_back(id, place)?),
                Found::Nothing => Err(Barrier::Trouble(Errno::NOENT.into())),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => vanished(parent, name, error),
            Err(error) if may_yet_be_removed(&error) => {
                log::debug!("{place}: cannot be renamed, removing it where it stands: {error}");
                Ok(remove_listed(directory, name, listed)?)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn made_cell(&mut self, root: usize) -> io::Result<&OwnedFd> {
        if self.cell(root)?.is_none() {
            let top = self.roots.directory(root).ok_or(Errno::NOENT)?;
            let cell = Cell::look(cell::create(top, &self.name)?)?;
            self.cells.insert(root, cell);
        }
        let cell = self.cells.get(&root);
        Ok(cell.map(|cell| &cell.directory).ok_or(Errno::NOENT)?)
    }

    /// What an earlier run, or an earlier attempt, has taken.
    fn find_earlier(&mut self, id: i64, place: &Place, listed: &Identity) -> io::Result<Found> {
        match self.cell(place.root_index())? {
            Some(cell) if cell.earlier.contains(&label(id)) => self.find(id, place, listed),
            _ => Ok(Found::Nothing),
        }
    }

    fn find(&mut self, id: i64, place: &Place, listed: &Identity) -> io::Result<Found> {
        let Some(cell) = self.cell_directory(place.root_index())? else {
            return Ok(Found::Nothing);
        };
        Ok(match entry_if_any(cell, label(id))? {
            None => Found::Nothing,
            Some(standing) if listed.is_still(&standing.identity) => Found::Listed,
            Some(_) => Found::Another,
        })
    }

    /// An earlier run took it. A crash may have left the same file at its place too: that name goes
    /// as well. What else stands there is newer, and stays.
    fn take_again(&mut self, id: i64, place: &Place, listed: &Identity) -> Taken {
        match self.roots.open_parent(place) {
            Ok((parent, name)) => {
                self.touched.add(id, &parent);
                match self.drop_second_name(id, place, listed, &parent, name) {
                    Ok(()) => Taken::Quarantined,
                    Err(error) => Taken::Failed(error),
                }
            }
            Err(Barrier::Trouble(error)) => Taken::Failed(error),
            Err(Barrier::Missing(nearest)) => {
                self.await_flush(id, place, nearest.as_ref());
                Taken::Quarantined
            }
            Err(Barrier::Refused(_)) => Taken::Quarantined,
        }
    }

    fn drop_second_name(
        &mut self,
        id: i64,
        place: &Place,
        listed: &Identity,
        parent: &OwnedFd,
        name: &OsStr,
    ) -> io::Result<()> {
        let Some(there) = entry_if_any(parent, name)? else {
            return Ok(());
        };
        let Some(cell) = self.cell_directory(place.root_index())? else {
            return Ok(());
        };
        let same = entry(cell, label(id))?.identity.inode() == there.identity.inode();
        if same && listed.is_still(&there.identity) {
            unlinkat(parent, name, AtFlags::empty())?;
        }
        Ok(())
    }

    fn put_back(&mut self, id: i64, place: &Place) -> io::Result<Taken> {
        match self.release(id, place) {
            Released::Returned => Ok(Taken::Replaced),
            Released::Stranded { held } => Ok(Taken::Stranded { held }),
            Released::NotHeld => Ok(Taken::Missing),
            Released::Failed(error) => Err(error),
        }
    }

    /// Gives back what an earlier run took for row `id`, because a surviving row names `place` now.
    /// Flushed by the coming purge, which settles the row if the answer is `Returned` or `NotHeld`.
    pub fn release(&mut self, id: i64, place: &Place) -> Released {
        let released = self.try_release(id, place).unwrap_or_else(Released::Failed);
        if matches!(released, Released::Returned | Released::NotHeld) {
            self.settled.insert(id, place.root_index());
        }
        released
    }

    fn try_release(&mut self, id: i64, place: &Place) -> io::Result<Released> {
        let held = self.shelf(place.root_name(), id);
        let (parent, name) = match self.roots.open_parent(place) {
            Ok(opened) => opened,
            Err(Barrier::Trouble(error)) => return Err(error),
            Err(Barrier::Missing(_) | Barrier::Refused(_)) => {
                let cell = self.cell_directory(place.root_index())?;
                let holds = cell
                    .map(|cell| entry_if_any(cell, label(id)))
                    .transpose()?
                    .flatten();
                return Ok(holds.map_or(Released::NotHeld, |_| Released::Stranded { held }));
            }
        };
        self.await_flush(id, place, Some(&parent));
        let Some(cell) = self.cell_directory(place.root_index())? else {
            return Ok(Released::NotHeld);
        };
        match cell::discharge(cell, &label(id), &parent, name) {
            Ok(Discharge::Returned) => Ok(Released::Returned),
            Err(Errno::NOENT) if entry_if_any(cell, label(id))?.is_none() => Ok(Released::NotHeld),
            Ok(Discharge::Occupied) | Err(Errno::NOENT) => Ok(Released::Stranded { held }),
            Err(error) => Err(error.into()),
        }
    }

    /// What an earlier run did here may not have been flushed, nor the end of its quarantine.
    pub(super) fn await_flush(&mut self, id: i64, place: &Place, nearest: Option<&OwnedFd>) {
        let top = self.roots.directory(place.root_index());
        for directory in nearest.into_iter().chain(top) {
            self.touched.add(id, directory);
        }
    }
}

/// The rename found nothing: the file went a moment ago, if it is not the quarantine that did.
fn vanished(parent: &Parent, name: &OsStr, error: io::Error) -> Result<Taken, Barrier> {
    match entry_if_any(parent.directory(), name)? {
        None => Err(missing_from(parent)),
        Some(_) => Err(error.into()),
    }
}

fn missing_from(parent: &Parent) -> Barrier {
    match parent.directory().try_clone() {
        Ok(directory) => Barrier::Missing(Some(directory)),
        Err(error) => error.into(),
    }
}

/// The name of an outbox row's file in quarantine.
pub(super) fn label(id: i64) -> OsString {
    id.to_string().into()
}

/// Removes by descriptor what cannot be renamed, if it is still the listed file.
fn remove_listed(parent: &OwnedFd, name: &OsStr, listed: &Identity) -> io::Result<Taken> {
    match entry_if_any(parent, name)? {
        None => return Ok(Taken::Missing),
        Some(standing) if !listed.is_still(&standing.identity) => return Ok(Taken::Replaced),
        Some(_) => {}
    }
    match unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) => Ok(Taken::Removed),
        Err(Errno::NOENT) => Ok(Taken::Missing),
        Err(error) => Err(error.into()),
    }
}

/// Renaming needs room and permission that removing does not: in the root, in the quota, across
/// the borders of a quota or a subvolume.
fn may_yet_be_removed(error: &io::Error) -> bool {
    let lacking = [
        Errno::NOSPC,
        Errno::DQUOT,
        Errno::ACCESS,
        Errno::PERM,
        Errno::ROFS,
        Errno::XDEV,
    ];
    let code = Errno::from_io_error(error);
    code.is_some_and(|code| lacking.contains(&code))
}
