//! What stands at a place, and whether it could be removed.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{Access, AtFlags, accessat};
use rustix::process::geteuid;

use super::beneath::Barrier;
use super::identity::{Identity, Kind};
use super::refusal::{Refusal, shown};
use super::standing::{self, Standing};
use super::{Parents, Place, Roots};

const STICKY: u32 = 0o1000;

/// What stands at a place now.
#[derive(Debug)]
pub enum Inspection {
    /// A file, a fifo, a socket or a device, which could be removed.
    File(Identity),
    /// A directory.
    Directory(Identity),
    /// Nothing, or not even the directory that would hold it.
    Missing,
    /// Something that must not be touched.
    Refused(Refusal),
    /// It cannot be looked at, or could not be removed.
    Trouble(io::Error),
}

/// What a symbolic link at the place itself is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Links {
    Refuse,
    Admit,
}

impl Roots {
    /// What stands at `place` now, seen through no symbolic link, and whether permission and flags
    /// would let it be removed. A symbolic link at the place itself is refused.
    #[must_use]
    pub fn inspect(&self, place: &Place) -> Inspection {
        Parents::new(self).inspect(place)
    }

    /// As [`inspect`](Self::inspect), but a symbolic link at the place itself is a file like any
    /// other: the link, never what it names.
    #[must_use]
    pub fn inspect_entry(&self, place: &Place) -> Inspection {
        Parents::new(self).inspect_entry(place)
    }
}

impl Parents<'_> {
    /// As [`Roots::inspect`], of one of many places.
    pub(crate) fn inspect(&mut self, place: &Place) -> Inspection {
        self.look(place, Links::Refuse)
    }

    /// As [`Roots::inspect_entry`], of one of many places.
    pub(crate) fn inspect_entry(&mut self, place: &Place) -> Inspection {
        self.look(place, Links::Admit)
    }

    fn look(&mut self, place: &Place, links: Links) -> Inspection {
        match self.examine(place, links) {
            Ok(identity) if identity.kind == Kind::Directory => Inspection::Directory(identity),
            Ok(identity) => Inspection::File(identity),
            Err(Barrier::Missing(_)) => Inspection::Missing,
            Err(Barrier::Refused(refusal)) => Inspection::Refused(refusal),
            Err(Barrier::Trouble(error)) => Inspection::Trouble(error),
        }
    }

    fn examine(&mut self, place: &Place, links: Links) -> Result<Identity, Barrier> {
        let (parent, name) = self.of(place)?;
        let Some(entry) = standing::entry_if_any(parent.directory(), name)? else {
            return Err(Barrier::Missing(None));
        };
        self.roots()
            .refuse_entry(place, &entry)
            .map_err(Barrier::Refused)?;
        if entry.identity.kind == Kind::Symlink && links == Links::Refuse {
            return Err(Barrier::Refused(Refusal::Symlink(shown(&place.relative))));
        }
        lets_remove(parent.permits()?, &entry)?;
        Ok(entry.identity)
    }
}

impl Roots {
    /// Refuses a protected file under any name, and a mount point.
    pub(crate) fn refuse_entry(&self, place: &Place, entry: &Standing) -> Result<(), Refusal> {
        self.protected.refuse_inode(&entry.identity)?;
        if self
            .known
            .get(place.root)
            .is_some_and(|root| entry.crosses(root.device))
        {
            return Err(Refusal::OtherMount(shown(&place.relative)));
        }
        Ok(())
    }
}

/// The directory, if entries may be removed from it.
pub(super) fn permits(directory: &OwnedFd) -> io::Result<Standing> {
    let standing = standing::own(directory)?;
    if standing.locked {
        return Err(denied(
            "the directory that holds it is immutable or append-only",
        ));
    }
    accessat(
        directory,
        ".",
        Access::WRITE_OK | Access::EXEC_OK,
        AtFlags::EACCESS,
    )
    .map_err(|error| {
        let error = io::Error::from(error);
        let text = format!("the directory that holds it cannot be written: {error}");
        io::Error::new(error.kind(), text)
    })?;
    Ok(standing)
}

/// Whether an entry of a directory that may be written is itself free to go.
pub(super) fn lets_remove(directory: &Standing, entry: &Standing) -> io::Result<()> {
    let mine = || {
        let me = geteuid();
        me.is_root() || [entry.owner, directory.owner].contains(&me.as_raw())
    };
    if entry.locked {
        return Err(denied("it is immutable or append-only"));
    }
    if directory.mode & STICKY != 0 && !mine() {
        return Err(denied(
            "the directory that holds it is sticky and another user owns both",
        ));
    }
    Ok(())
}

fn denied(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, text)
}
