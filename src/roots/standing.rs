//! What the file system says of one entry, without following a link.

use std::path::Path;

use rustix::fd::AsFd;
use rustix::fs::{AtFlags, FileType, Stat};
#[cfg(target_os = "linux")]
use rustix::fs::{Statx, StatxAttributes, StatxFlags};
use rustix::io::{Errno, Result};

use super::identity::{Identity, Kind};

const NANOSECONDS: i128 = 1_000_000_000;

/// One entry of a directory, or an open directory itself, as it stands now.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) identity: Identity,
    /// Whether something is mounted here; unknown on old kernels and other systems.
    pub(crate) mount_root: Option<bool>,
    /// Immutable or append-only, as far as the file system tells.
    pub(crate) locked: bool,
    pub(crate) owner: u32,
    pub(crate) group: u32,
    pub(crate) mode: u32,
    /// The time of the last change, be it of content, name or mode, in nanoseconds since 1970.
    pub(crate) ctime_ns: i128,
}

impl Standing {
    /// Whether this entry lies on another mount than the directory of `device` that holds it.
    pub(crate) fn crosses(&self, device: u64) -> bool {
        self.mount_root.unwrap_or(self.identity.dev != device)
    }
}

/// The entry `name` of `directory`, itself and not what it links to.
pub(crate) fn entry(directory: impl AsFd, name: impl AsRef<Path>) -> Result<Standing> {
    let (directory, name) = (directory.as_fd(), name.as_ref());
    #[cfg(target_os = "linux")]
    {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
        match rustix::fs::statx(directory, name, flags, wanted) {
            Err(Errno::NOSYS | Errno::PERM) => {}
            answer => return answer.map(|told| extended(&told)),
        }
    }
    rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).map(|told| plain(&told))
}

/// The open directory itself.
pub(crate) fn own(directory: impl AsFd) -> Result<Standing> {
    let directory = directory.as_fd();
    #[cfg(target_os = "linux")]
    {
        let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
        match rustix::fs::statx(directory, "", AtFlags::EMPTY_PATH, wanted) {
            Err(Errno::NOSYS | Errno::PERM) => {}
            answer => return answer.map(|told| extended(&told)),
        }
    }
    rustix::fs::fstat(directory).map(|told| plain(&told))
}

/// The entry, or nothing where there is none.
pub(crate) fn entry_if_any(
    directory: impl AsFd,
    name: impl AsRef<Path>,
) -> Result<Option<Standing>> {
    match entry(directory, name) {
        Ok(standing) => Ok(Some(standing)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(target_os = "linux")]
fn extended(told: &Statx) -> Standing {
    let knows = |attribute| told.stx_attributes_mask.contains(attribute);
    let has = |attribute| told.stx_attributes.contains(attribute);
    let mask = StatxFlags::from_bits_retain(told.stx_mask);
    Standing {
        identity: Identity {
            kind: kind(u32::from(told.stx_mode)),
            dev: rustix::fs::makedev(told.stx_dev_major, told.stx_dev_minor),
            ino: told.stx_ino,
            size: told.stx_size,
            mtime_ns: nanoseconds(told.stx_mtime.tv_sec, told.stx_mtime.tv_nsec),
            birth_ns: mask
                .contains(StatxFlags::BTIME)
                .then(|| nanoseconds(told.stx_btime.tv_sec, told.stx_btime.tv_nsec)),
        },
        mount_root: knows(StatxAttributes::MOUNT_ROOT).then(|| has(StatxAttributes::MOUNT_ROOT)),
        locked: has(StatxAttributes::IMMUTABLE) || has(StatxAttributes::APPEND),
        owner: told.stx_uid,
        group: told.stx_gid,
        mode: u32::from(told.stx_mode),
        ctime_ns: nanoseconds(told.stx_ctime.tv_sec, told.stx_ctime.tv_nsec),
    }
}

#[allow(
    clippy::useless_conversion,
    reason = "the widths of these fields differ between systems"
)]
fn plain(told: &Stat) -> Standing {
    #[cfg(target_vendor = "apple")]
    let (birth_ns, locked) = (
        Some(nanoseconds(told.st_birthtime, told.st_birthtime_nsec)),
        is_locked(told.st_flags),
    );
    #[cfg(not(target_vendor = "apple"))]
    let (birth_ns, locked) = (None, false);
    Standing {
        identity: Identity {
            kind: kind(told.st_mode.into()),
            dev: told.st_dev.try_into().unwrap_or_default(),
            ino: told.st_ino,
            size: told.st_size.try_into().unwrap_or_default(),
            mtime_ns: nanoseconds(told.st_mtime, told.st_mtime_nsec),
            birth_ns,
        },
        mount_root: None,
        locked,
        owner: told.st_uid,
        group: told.st_gid,
        mode: told.st_mode.into(),
        ctime_ns: nanoseconds(told.st_ctime, told.st_ctime_nsec),
    }
}

/// Immutable or append-only, as its owner (`U`) or the system (`S`) said: `chflags(2)`.
#[cfg(target_vendor = "apple")]
fn is_locked(flags: u32) -> bool {
    const U_IMMUTABLE: u32 = 0x2;
    const U_APPEND: u32 = 0x4;
    const S_IMMUTABLE: u32 = 0x2_0000;
    const S_APPEND: u32 = 0x4_0000;
    flags & (U_IMMUTABLE | U_APPEND | S_IMMUTABLE | S_APPEND) != 0
}

fn nanoseconds(seconds: impl Into<i128>, rest: impl Into<i128>) -> i128 {
    seconds.into() * NANOSECONDS + rest.into()
}

fn kind(mode: u32) -> Kind {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the mode is 16 bits wide on some systems"
    )]
    match FileType::from_raw_mode(mode as rustix::fs::RawMode) {
        FileType::RegularFile => Kind::File,
        FileType::Symlink => Kind::Symlink,
        FileType::Directory => Kind::Directory,
        _ => Kind::Other,
    }
}
