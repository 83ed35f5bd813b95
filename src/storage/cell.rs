//! The private directory of one run in one root, and renames in and out of it.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, linkat, mkdirat, openat, renameat, unlinkat};
use rustix::io::{Errno, retry_on_intr};
use rustix::path::Arg;
use rustix::process::geteuid;

use crate::roots::{entry_if_any, own};

/// Everybody but the owner.
const OTHERS: u32 = 0o077;

/// The private directory, if it exists. One that another user owns or may enter is an error: what
/// lies in it would not be what we put there.
pub(super) fn existing(root: &OwnedFd, name: &str) -> io::Result<Option<OwnedFd>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let cell = match retry_on_intr(|| openat(root, name, flags, Mode::empty())) {
        Ok(cell) => cell,
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::NOTDIR | Errno::LOOP) => return Err(foreign(name, "is no directory")),
        Err(error) => return Err(error.into()),
    };
    let standing = own(&cell)?;
    if standing.owner != geteuid().as_raw() {
        return Err(foreign(name, "belongs to another user; run as that user"));
    }
    if standing.mode & OTHERS != 0 {
        return Err(foreign(
            name,
            "is open to other users; make it `chmod 700` if it is yours",
        ));
    }
    if standing.crosses(own(root)?.identity.dev) {
        return Err(foreign(name, "is a mount point"));
    }
    Ok(Some(cell))
}

/// The private directory, made if it does not exist.
pub(super) fn create(root: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    match mkdirat(root, name, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    existing(root, name)?.ok_or_else(|| Errno::NOENT.into())
}

fn foreign(name: &str, why: &str) -> io::Error {
    io::Error::other(format!("the quarantine `{name}` {why}"))
}

/// Renames without replacing. Fails with what [`is_unsupported`] knows where the system cannot.
#[cfg(any(target_os = "linux", target_os = "macos"))]
pub(crate) fn rename_new(
    from: impl AsFd,
    old: impl Arg,
    to: impl AsFd,
    new: impl Arg,
) -> Result<(), Errno> {
    rustix::fs::renameat_with(from, old, to, new, rustix::fs::RenameFlags::NOREPLACE)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub(crate) fn rename_new(
    _: impl AsFd,
    _: impl Arg,
    _: impl AsFd,
    _: impl Arg,
) -> Result<(), Errno> {
    Err(Errno::NOSYS)
}

pub(crate) fn is_unsupported(error: Errno) -> bool {
    matches!(error, Errno::INVAL | Errno::NOSYS | Errno::NOTSUP)
}

/// Moves an entry into the private directory. Without a rename that replaces nothing a plain one
/// does: nobody else makes names there, and this one was just found to be free.
pub(super) fn admit(
    from: &OwnedFd,
    name: &OsStr,
    cell: &OwnedFd,
    label: &OsStr,
) -> Result<(), Errno> {
    match rename_new(from, name, cell, label) {
        Err(error) if is_unsupported(error) && entry_if_any(cell, label)?.is_none() => {
            renameat(from, name, cell, label)
        }
        answer => answer,
    }
}

/// Whether an entry went back to where it came from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Discharge {
    Returned,
    /// Something else stands there now.
    Occupied,
}

/// Moves an entry back out, never over anything. Without a rename that replaces nothing a hard link does it,
/// which fails where something stands.
pub(super) fn discharge(
    cell: &OwnedFd,
    label: &OsStr,
    to: &OwnedFd,
    name: &OsStr,
) -> Result<Discharge, Errno> {
    match rename_new(cell, label, to, name) {
        Ok(()) => Ok(Discharge::Returned),
        Err(Errno::EXIST) => already_there(cell, label, to, name),
        Err(error) if is_unsupported(error) => {
            match linkat(cell, label, to, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::EXIST) => already_there(cell, label, to, name),
                Err(error) => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

/// A crash between link and unlink leaves one file under both names: drop ours.
fn already_there(
    cell: &OwnedFd,
    label: &OsStr,
    to: &OwnedFd,
    name: &OsStr,
) -> Result<Discharge, Errno> {
    let inode = |entry: crate::roots::Standing| entry.identity.inode();
    let there = entry_if_any(to, name)?.map(inode);
    if there.is_none() || there != entry_if_any(cell, label)?.map(inode) {
        return Ok(Discharge::Occupied);
    }
    unlinkat(cell, label, AtFlags::empty()).map(|()| Discharge::Returned)
}
