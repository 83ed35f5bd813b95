//! Modes, owners and times.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, Gid, Mode, OFlags, RawMode, Timespec, Timestamps, Uid, chownat, fchmod, fchown,
    futimens, openat, utimensat,
};
use rustix::io::{Errno, retry_on_intr};

use super::blob;
use super::coverage::Coverage;
use super::index::{Entry, MODE};
use super::tree::{self, Barred};
use crate::roots::{Barrier, Kind, entry, own};

/// Gives an open file or directory what was saved of it; what is not permitted is a warning.
pub(super) fn of_open(file: &impl AsFd, entry: &Entry) -> io::Result<Option<String>> {
    let now = own(file)?;
    let mut warning = None;
    if (now.owner, now.group) != (entry.owner, entry.group) {
        let (owner, group) = ids(entry);
        warning = permitted(fchown(file, owner, group))?;
    }
    // After the owner, whose change takes the set-user-id bit away.
    if own(file)?.mode & MODE != entry.mode {
        fchmod(file, mode(entry.mode))?;
    }
    futimens(file, &times(entry))?;
    Ok(warning)
}

/// The same for a symbolic link, which has no mode of its own.
pub(super) fn of_link(
    directory: &OwnedFd,
    name: &Path,
    entry: &Entry,
) -> io::Result<Option<String>> {
    let (owner, group) = ids(entry);
    let chowned = chownat(directory, name, owner, group, AtFlags::SYMLINK_NOFOLLOW);
    let warning = permitted(chowned)?;
    utimensat(directory, name, &times(entry), AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(warning)
}

/// The same for what stands at the entry's place. Answers that, open, to be flushed; a link cannot be.
pub(super) fn of_path(
    coverage: &Coverage,
    entry: &Entry,
) -> Result<(Option<String>, Option<OwnedFd>), Barrier> {
    let described = |warning: Option<String>| {
        let path = tree::shown(coverage, entry.top, &entry.path);
        warning.map(|warning| format!("`{path}`: {warning}"))
    };
    if entry.kind() == Kind::Directory {
        let directory = coverage.roots.open_directory(entry.top, &entry.path)?;
        let warning = of_open(&directory, entry)?;
        return Ok((described(warning), Some(directory)));
    }
    let (directory, name) = blob::parent(coverage, entry.top, &entry.path)?;
    if entry.kind() == Kind::Symlink {
        let warning = of_link(&directory, &name, entry)?;
        return Ok((described(warning), None));
    }
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let open = |access| retry_on_intr(|| openat(&directory, &name, flags | access, Mode::empty()));
    // Its owner may set the mode of a file that may be written and not read, or neither.
    let file = open(OFlags::RDONLY).or_else(|_| open(OFlags::WRONLY))?;
    let warning = of_open(&file, entry)?;
    Ok((described(warning), Some(file)))
}

/// Lets the owner work in a directory; its mode is put back with all others.
pub(super) fn open_up(directory: &OwnedFd) -> io::Result<()> {
    let standing = own(directory)?;
    let me = rustix::process::geteuid();
    if me.is_root() || standing.mode & 0o300 == 0o300 || standing.owner != me.as_raw() {
        return Ok(());
    }
    Ok(fchmod(directory, mode(standing.mode | 0o700))?)
}

/// Lets the owner read and work in a directory that bars the way to a path, be it that itself or the
/// one above. Whether there was one.
pub(super) fn open_closed(coverage: &Coverage, barred: &Barred) -> bool {
    let path = barred.path.as_path();
    let above = path.parent().into_iter();
    let places = above.chain([path]);
    let opened = places.map(|path| open_if_closed(coverage, barred.top, path));
    opened.fold(false, |some, opened| some | opened.unwrap_or(false))
}

fn open_if_closed(coverage: &Coverage, top: usize, path: &Path) -> Result<bool, Barrier> {
    let (above, name) = blob::parent(coverage, top, path)?;
    let standing = entry(&above, &name)?;
    let closed = standing.identity.kind == Kind::Directory && standing.mode & 0o700 != 0o700;
    if !closed || standing.owner != rustix::process::geteuid().as_raw() {
        return Ok(false);
    }
    set_mode_beneath(&above, &name, standing.mode | 0o700)?;
    Ok(true)
}

/// Of what may not be opened, and through no link.
#[cfg(target_os = "linux")]
fn set_mode_beneath(above: &OwnedFd, name: &Path, bits: u32) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = openat(above, name, flags, Mode::empty())?;
    let open = format!("/proc/self/fd/{}", directory.as_raw_fd());
    Ok(rustix::fs::chmod(open, mode(bits))?)
}

#[cfg(not(target_os = "linux"))]
fn set_mode_beneath(above: &OwnedFd, name: &Path, bits: u32) -> io::Result<()> {
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    Ok(rustix::fs::chmodat(above, name, mode(bits), flags)?)
}

fn mode(bits: u32) -> Mode {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a mode fits in the 16 bits that it has on some systems"
    )]
    Mode::from_raw_mode((bits & MODE) as RawMode)
}

fn ids(entry: &Entry) -> (Option<Uid>, Option<Gid>) {
    (
        Some(Uid::from_raw(entry.owner)),
        Some(Gid::from_raw(entry.group)),
    )
}

fn permitted(chowned: Result<(), Errno>) -> io::Result<Option<String>> {
    match chowned {
        Ok(()) => Ok(None),
        Err(error @ (Errno::PERM | Errno::INVAL)) => Ok(Some(format!(
            "its owner or group could not be set back: {}",
            io::Error::from(error)
        ))),
        Err(error) => Err(error.into()),
    }
}

/// The time of the last access is left alone.
fn times(entry: &Entry) -> Timestamps {
    let omit = Timespec {
        tv_sec: 0,
        tv_nsec: rustix::fs::UTIME_OMIT,
    };
    let (seconds, rest) = (
        entry.mtime_ns.div_euclid(1_000_000_000),
        entry.mtime_ns.rem_euclid(1_000_000_000),
    );
    Timestamps {
        last_access: omit,
        last_modification: Timespec {
            tv_sec: seconds.try_into().unwrap_or_default(),
            tv_nsec: rest.try_into().unwrap_or_default(),
        },
    }
}
