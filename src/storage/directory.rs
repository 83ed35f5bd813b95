//! Removing an emptied directory of a user.

use std::io;

use rustix::fs::{AtFlags, unlinkat};
use rustix::io::Errno;

use super::Quarantine;
use crate::roots::{Barrier, Identity, Kind, Place, Refusal, entry_if_any};

/// What became of one listed directory.
#[derive(Debug)]
pub enum DirectoryRemoval {
    /// It is gone.
    Removed,
    /// It does not exist.
    Missing,
    /// It holds something, and stays with it.
    NotEmpty,
    /// Something else stands there than was listed; it is kept.
    Replaced,
    /// The place must not be touched.
    Refused(Refusal),
    /// It could not be removed and is still there.
    Failed(io::Error),
}

impl Quarantine<'_> {
    /// Removes the directory that outbox row `id` lists at `place`, if it is empty. Its contents must
    /// have been taken before. Every answer but `Refused` and `Failed` is settled by the coming
    /// purge.
    pub fn remove_directory(
        &mut self,
        id: i64,
        place: &Place,
        listed: &Identity,
    ) -> DirectoryRemoval {
        let removal = match self.try_remove_directory(id, place, listed) {
            Ok(removal) => removal,
            Err(Barrier::Refused(refusal)) => return DirectoryRemoval::Refused(refusal),
            Err(Barrier::Trouble(error)) => return DirectoryRemoval::Failed(error),
            Err(Barrier::Missing(nearest)) => {
                self.await_flush(id, place, nearest.as_ref());
                DirectoryRemoval::Missing
            }
        };
        self.settled.insert(id, place.root_index());
        removal
    }

    fn try_remove_directory(
        &mut self,
        id: i64,
        place: &Place,
        listed: &Identity,
    ) -> Result<DirectoryRemoval, Barrier> {
        let (parent, name) = self.roots.open_parent(place)?;
        let Some(standing) = entry_if_any(&parent, name)? else {
            return Err(Barrier::Missing(Some(parent)));
        };
        self.roots
            .refuse_entry(place, &standing)
            .map_err(Barrier::Refused)?;
        if standing.identity.kind != Kind::Directory || !listed.is_still(&standing.identity) {
            return Ok(DirectoryRemoval::Replaced);
        }
        self.touched.add(id, &parent);
        match unlinkat(&parent, name, AtFlags::REMOVEDIR) {
            Ok(()) => Ok(DirectoryRemoval::Removed),
            Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(DirectoryRemoval::NotEmpty),
            Err(Errno::NOTDIR) => Ok(DirectoryRemoval::Replaced),
            Err(Errno::NOENT) => Err(Barrier::Missing(Some(parent))),
            Err(error) => Err(error.into()),
        }
    }
}
