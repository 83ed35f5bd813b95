//! Opening directories beneath a root, by descriptor, through no link and over no mount.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::{Errno, retry_on_intr};

use super::identity::Kind;
use super::refusal::{Refusal, shown};
use super::{Place, Root, Roots, standing};

/// Why a directory could not be opened.
#[derive(Debug)]
pub(crate) enum Barrier {
    /// It does not exist; the deepest directory above it that does, if the root does.
    Missing(Option<OwnedFd>),
    /// It must not be entered.
    Refused(Refusal),
    /// It could not be looked at.
    Trouble(io::Error),
}

impl From<Errno> for Barrier {
    fn from(error: Errno) -> Self {
        Self::Trouble(error.into())
    }
}

impl From<io::Error> for Barrier {
    fn from(error: io::Error) -> Self {
        Self::Trouble(error)
    }
}

/// To read a directory, rename in it, and flush it.
pub(super) const READ: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// To pass through a directory, which needs no permission to read it.
#[cfg(target_os = "linux")]
const PASS: OFlags = READ.union(OFlags::PATH);
#[cfg(not(target_os = "linux"))]
const PASS: OFlags = READ;

impl Roots {
    /// The directory that holds `place`, and the name of the place in it.
    pub(crate) fn open_parent<'p>(
        &self,
        place: &'p Place,
    ) -> Result<(OwnedFd, &'p OsStr), Barrier> {
        let (parent, name) = place.split();
        Ok((self.open_directory(place.root, parent)?, name))
    }

    /// The directory `relative` of a root; the empty path is the root itself.
    pub(crate) fn open_directory(&self, root: usize, relative: &Path) -> Result<OwnedFd, Barrier> {
        let root = self
            .known
            .get(root)
            .ok_or(Barrier::Refused(Refusal::Outside))?;
        let Some(top) = &root.directory else {
            return Err(Barrier::Missing(None));
        };
        if relative.as_os_str().is_empty() {
            return Ok(top.try_clone()?);
        }
        let at_once = if root.wary {
            None
        } else {
            at_once(top, relative)
        };
        at_once.map_or_else(|| self.step_by_step(root, top, relative), Ok)
    }

    /// Slower, but runs everywhere and can name the component that stands in the way.
    fn step_by_step(
        &self,
        root: &Root,
        top: &OwnedFd,
        relative: &Path,
    ) -> Result<OwnedFd, Barrier> {
        let mut here = top.try_clone()?;
        let mut passed = PathBuf::new();
        let mut names = relative.iter().peekable();
        while let Some(name) = names.next() {
            passed.push(name);
            let flags = if names.peek().is_some() { PASS } else { READ };
            here = self
                .step(root, here, name, flags)
                .map_err(|barrier| named(barrier, &passed))?;
        }
        Ok(here)
    }

    fn step(
        &self,
        root: &Root,
        here: OwnedFd,
        name: &OsStr,
        flags: OFlags,
    ) -> Result<OwnedFd, Barrier> {
        let next = match retry_on_intr(|| openat(&here, name, flags, Mode::empty())) {
            Ok(next) => next,
            Err(Errno::NOENT) => return Err(Barrier::Missing(Some(here))),
            Err(Errno::NOTDIR | Errno::LOOP) => return Err(obstacle(here, name)),
            Err(error) => return Err(error.into()),
        };
        let standing = standing::own(&next)?;
        self.protected
            .refuse_inode(&standing.identity)
            .map_err(Barrier::Refused)?;
        if standing.crosses(root.device) {
            return Err(Barrier::Refused(Refusal::OtherMount(String::new())));
        }
        Ok(next)
    }
}

/// One system call where the kernel offers it. Whatever it answers but a directory, the slow way
/// asks again: it may be a kernel or a sandbox without the call.
#[cfg(target_os = "linux")]
fn at_once(top: &OwnedFd, relative: &Path) -> Option<OwnedFd> {
    use rustix::fs::{ResolveFlags, openat2};

    let beneath = ResolveFlags::BENEATH
        | ResolveFlags::NO_SYMLINKS
        | ResolveFlags::NO_MAGICLINKS
        | ResolveFlags::NO_XDEV;
    openat2(top, relative, READ, Mode::empty(), beneath).ok()
}

#[cfg(not(target_os = "linux"))]
fn at_once(_: &OwnedFd, _: &Path) -> Option<OwnedFd> {
    None
}

/// What is no directory is a link, which is refused, or a file, beneath which nothing exists. What
/// is a directory again was a link a moment ago.
fn obstacle(here: OwnedFd, name: &OsStr) -> Barrier {
    match standing::entry(&here, name).map(|standing| standing.identity.kind) {
        Ok(Kind::Symlink | Kind::Directory) => Barrier::Refused(Refusal::Symlink(String::new())),
        Ok(Kind::File | Kind::Other) | Err(Errno::NOENT) => Barrier::Missing(Some(here)),
        Err(error) => error.into(),
    }
}

fn named(barrier: Barrier, passed: &Path) -> Barrier {
    match barrier {
        Barrier::Refused(Refusal::Symlink(_)) => Barrier::Refused(Refusal::Symlink(shown(passed))),
        Barrier::Refused(Refusal::OtherMount(_)) => {
            Barrier::Refused(Refusal::OtherMount(shown(passed)))
        }
        other => other,
    }
}
