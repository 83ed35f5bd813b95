//! The files a directory of a user holds now, one level at a time.

use std::ffi::{OsStr, OsString};
use std::io;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use rustix::fs::{Dir, FileType};

use super::beneath::Barrier;
use super::gate::MAX_WALKED;
use super::identity::{Identity, Kind};
use super::inspect::{Inspection, lets_remove, permits};
use super::refusal::Refusal;
use super::standing::{self, Standing};
use super::{Place, Roots};

/// One thing found by a walk.
#[derive(Debug)]
pub enum Entry {
    /// Anything but a directory; of a symbolic link, the link itself.
    File(Place, Identity),
    /// A directory, told after everything in it.
    Directory(Place, Identity),
    /// Something that must not be touched, and was not entered.
    Refused(Place, Refusal),
    /// Something that cannot be looked at, or could not be removed.
    Trouble(Place, io::Error),
}

/// Receives what a walk finds; `Break` ends the walk.
pub type Sink<'s> = dyn FnMut(Entry) -> ControlFlow<()> + 's;

/// Answers whether a file is known already, and need not be told.
pub(crate) type IsKnown<'k> = dyn Fn(&Place) -> bool + 'k;

/// A directory that has been entered: the subdirectories still to enter.
struct Level {
    identity: Identity,
    pending: Vec<OsString>,
}

/// What to do with one name.
enum Verdict {
    Enter,
    Gone,
    Tell(Entry),
}

struct Walk<'r, 's, 'f> {
    roots: &'r Roots,
    is_known: &'s IsKnown<'s>,
    sink: &'s mut Sink<'f>,
    here: Place,
    levels: Vec<Level>,
}

impl Roots {
    /// Tells `sink` everything at and beneath `place`, each directory after its contents and the
    /// place itself last; names in one directory come in byte order, files before directories.
    ///
    /// Of what is missing it tells nothing. It holds one descriptor and the names of one directory,
    /// and the names of the subdirectories still to come on the way down.
    ///
    /// Returns `Break` if the sink did.
    pub fn walk(&self, place: &Place, sink: &mut Sink<'_>) -> ControlFlow<()> {
        self.walk_past(place, &|_| false, sink)
    }

    /// The same past regular files that are known, which are not looked at.
    pub(crate) fn walk_past(
        &self,
        place: &Place,
        is_known: &IsKnown<'_>,
        sink: &mut Sink<'_>,
    ) -> ControlFlow<()> {
        match self.inspect(place) {
            Inspection::Directory(_) => {}
            Inspection::File(identity) => return sink(Entry::File(place.clone(), identity)),
            Inspection::Refused(refusal) => return sink(Entry::Refused(place.clone(), refusal)),
            Inspection::Trouble(error) => return sink(Entry::Trouble(place.clone(), error)),
            Inspection::Missing => return ControlFlow::Continue(()),
        }
        let mut walk = Walk {
            roots: self,
            is_known,
            sink,
            here: place.clone(),
            levels: Vec::new(),
        };
        if walk.enter()? {
            walk.run()?;
        }
        ControlFlow::Continue(())
    }
}

impl Roots {
    /// As [`walk`](Self::walk), of everything beneath the root with this number. The root itself is not
    /// told, and what is this program's own at its top is refused.
    pub(crate) fn walk_root(&self, root: usize, sink: &mut Sink<'_>) -> ControlFlow<()> {
        let Some(known) = self.known.get(root).filter(|root| root.directory.is_some()) else {
            return ControlFlow::Continue(());
        };
        let mut beneath = |entry: Entry| match entry {
            Entry::Directory(place, _) if place.relative.as_os_str().is_empty() => {
                ControlFlow::Continue(())
            }
            entry => sink(entry),
        };
        let mut walk = Walk {
            roots: self,
            is_known: &|_| false,
            sink: &mut beneath,
            here: Place {
                root,
                name: known.name.clone(),
                relative: PathBuf::new(),
            },
            levels: Vec::new(),
        };
        if walk.enter()? {
            walk.run()?;
        }
        ControlFlow::Continue(())
    }
}

impl Walk<'_, '_, '_> {
    fn run(&mut self) -> ControlFlow<()> {
        while let Some(level) = self.levels.last_mut() {
            if let Some(name) = level.pending.pop() {
                self.descend(&name)?;
            } else if let Some(level) = self.levels.pop() {
                (self.sink)(Entry::Directory(self.here.clone(), level.identity))?;
                self.here.leave();
            }
        }
        ControlFlow::Continue(())
    }

    fn descend(&mut self, name: &OsString) -> ControlFlow<()> {
        self.here.enter(name);
        if !self.enter()? {
            self.here.leave();
        }
        ControlFlow::Continue(())
    }

    /// Reads the directory, tells its files, and remembers its subdirectories. Whether it could.
    fn enter(&mut self) -> ControlFlow<(), bool> {
        let directory = match self
            .roots
            .open_directory(self.here.root, &self.here.relative)
        {
            Ok(directory) => directory,
            Err(Barrier::Missing(_)) => return ControlFlow::Continue(false),
            Err(Barrier::Refused(refusal)) => return self.refused(refusal),
            Err(Barrier::Trouble(error)) => return self.trouble(error),
        };
        match read(&directory) {
            Ok((own, names)) => self.sort_out(&directory, &own, names),
            Err(error) => self.trouble(error),
        }
    }

    fn sort_out(
        &mut self,
        directory: &OwnedFd,
        own: &Standing,
        names: Vec<(OsString, FileType)>,
    ) -> ControlFlow<(), bool> {
        let mut pending = Vec::new();
        for (name, kind) in names {
            let place = self.here.child(&name);
            if kind == FileType::RegularFile && (self.is_known)(&place) {
                continue;
            }
            match self.judge(directory, own, place, &name) {
                Verdict::Enter => pending.push(name),
                Verdict::Gone => {}
                Verdict::Tell(entry) => (self.sink)(entry)?,
            }
        }
        pending.reverse();
        self.levels.push(Level {
            identity: own.identity.clone(),
            pending,
        });
        ControlFlow::Continue(true)
    }

    fn judge(&self, directory: &OwnedFd, own: &Standing, place: Place, name: &OsStr) -> Verdict {
        let entry = match standing::entry_if_any(directory, name) {
            Ok(Some(entry)) => entry,
            Ok(None) => return Verdict::Gone,
            Err(error) => return Verdict::Tell(Entry::Trouble(place, error.into())),
        };
        if let Err(refusal) = self.refuse(&place, &entry) {
            return Verdict::Tell(Entry::Refused(place, refusal));
        }
        match lets_remove(own, &entry) {
            Err(error) => Verdict::Tell(Entry::Trouble(place, error)),
            Ok(()) if entry.identity.kind == Kind::Directory => Verdict::Enter,
            Ok(()) => Verdict::Tell(Entry::File(place, entry.identity)),
        }
    }

    fn refuse(&self, place: &Place, entry: &Standing) -> Result<(), Refusal> {
        if place.relative.iter().count() > MAX_WALKED {
            return Err(Refusal::TooDeep);
        }
        super::gate::refuse_reserved(&place.relative)?;
        if let Some(root) = self.roots.known.get(place.root) {
            self.roots.refuse_protected(root, &place.relative)?;
        }
        self.roots.refuse_entry(place, entry)
    }

    fn refused(&mut self, refusal: Refusal) -> ControlFlow<(), bool> {
        (self.sink)(Entry::Refused(self.here.clone(), refusal))?;
        ControlFlow::Continue(false)
    }

    fn trouble(&mut self, error: io::Error) -> ControlFlow<(), bool> {
        (self.sink)(Entry::Trouble(self.here.clone(), error))?;
        ControlFlow::Continue(false)
    }
}

/// The directory itself and its names; trouble if there are any and they could not be removed.
fn read(directory: &OwnedFd) -> io::Result<(Standing, Vec<(OsString, FileType)>)> {
    let names = names_that(directory, |_| true)?;
    let own = if names.is_empty() {
        standing::own(directory)?
    } else {
        permits(directory)?
    };
    Ok((own, names))
}

/// The names in an open directory, in byte order.
pub(crate) fn names(directory: &OwnedFd) -> io::Result<Vec<OsString>> {
    let names = names_that(directory, |_| true)?;
    Ok(names.into_iter().map(|(name, _)| name).collect())
}

/// Those of them that are asked for, and what the directory says they are: a directory of some file
/// systems says nothing (`readdir(3)`).
pub(crate) fn names_that(
    directory: &OwnedFd,
    is_meant: impl Fn(&[u8]) -> bool,
) -> io::Result<Vec<(OsString, FileType)>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." && is_meant(name) {
            names.push((OsStr::from_bytes(name).to_owned(), entry.file_type()));
        }
    }
    names.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    Ok(names)
}
