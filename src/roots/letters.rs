//! File systems for which two names are one if they differ only in case.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{CWD, Dir};

use super::{Roots, standing};

/// The first of so many names that has a letter tells.
const ASKED: usize = 1_000;

impl Roots {
    /// Whether a root takes names that differ only in case for one.
    pub(crate) fn ignores_case(&self, root: usize) -> bool {
        self.known.get(root).is_some_and(|root| root.ignores_case)
    }

    /// Whether any root does.
    pub(crate) fn any_ignores_case(&self) -> bool {
        self.known.iter().any(|root| root.ignores_case)
    }
}

/// Whether the open directory at this path ignores case, or the one that holds it does: two hard links may
/// look as if, which keeps files and removes none.
pub(super) fn ignores_case(directory: &OwnedFd, path: &Path) -> bool {
    let above = path.parent().zip(path.file_name());
    above.is_some_and(|(above, name)| are_one(CWD, above, name) == Some(true))
        || Dir::read_from(directory).is_ok_and(|entries| {
            let mut told = entries.take(ASKED).filter_map(|entry| {
                let name = OsStr::from_bytes(entry.ok()?.file_name().to_bytes()).to_owned();
                are_one(directory, Path::new(""), &name)
            });
            told.next() == Some(true)
        })
}

/// Whether the name and its like in the other case are one entry; nothing where it has no letter.
fn are_one(directory: impl std::os::fd::AsFd, above: &Path, name: &OsStr) -> Option<bool> {
    let other = in_other_case(name)?;
    let inode = |name: &OsStr| {
        let found = standing::entry(&directory, above.join(name));
        found.ok().map(|standing| standing.identity.inode())
    };
    Some(inode(name).is_some_and(|found| inode(&other) == Some(found)))
}

fn in_other_case(name: &OsStr) -> Option<OsString> {
    let name = name.to_str()?;
    let upper = name.to_uppercase();
    let other = if upper == name {
        name.to_lowercase()
    } else {
        upper
    };
    (other != name).then(|| other.into())
}

#[cfg(test)]
mod tests {
    use crate::roots::world::World;

    #[test]
    fn a_directory_ignores_case_if_the_other_case_is_the_same_entry() {
        let told = |files: &[&str]| {
            let world = World::new();
            for file in files {
                if let Some((link, file)) = file.split_once(" = ") {
                    std::fs::hard_link(world.path(file), world.path(link)).unwrap();
                } else {
                    world.file(file, "x");
                }
            }
            world.roots().ignores_case(0)
        };
        assert!(!told(&[]));
        assert!(!told(&["storage/images/1", "storage/images/a.jpg"]));
        assert!(!told(&["storage/images/a.jpg", "storage/images/A.JPG"]));
        let one = "storage/images/A.JPG = storage/images/a.jpg";
        assert!(told(&["storage/images/1", "storage/images/a.jpg", one]));
    }
}
