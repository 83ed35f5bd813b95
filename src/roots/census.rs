//! Everything a root holds, by descriptor: what a snapshot takes and a restore compares.

use std::path::{Path, PathBuf};

use super::beneath::Barrier;
use super::gate::is_reserved;
use super::identity::Kind;
use super::standing::{self, Standing};
use super::walk::names;
use super::{Root, Roots};

/// What a census finds at a path beneath a root; the empty path is the root itself.
#[derive(Debug)]
pub(crate) enum Found {
    /// Something, as it stands. A directory comes before what it holds.
    Standing(Standing),
    /// It must not be touched, or could not be looked at, and was not entered.
    Barred(Barrier),
}

impl Roots {
    /// Tells `tell` of everything in a root that is not protected and not this program's own, each
    /// directory before its contents, the names of one directory in byte order. A root that does
    /// not exist holds nothing.
    pub(crate) fn census(&self, root: usize, tell: &mut dyn FnMut(PathBuf, Found)) {
        let Some(known) = self.known.get(root) else {
            return;
        };
        let Some(top) = &known.directory else {
            return;
        };
        match standing::own(top) {
            Ok(own) => tell(PathBuf::new(), Found::Standing(own)),
            Err(error) => return tell(PathBuf::new(), Found::Barred(error.into())),
        }
        let guarded = self.guarded_in(known);
        let mut pending = vec![PathBuf::new()];
        while let Some(here) = pending.pop() {
            let deeper = pending.len();
            self.list(root, &here, &guarded, &mut |path, found| {
                if matches!(&found, Found::Standing(entry) if entry.identity.kind == Kind::Directory)
                {
                    pending.push(path.clone());
                }
                tell(path, found);
            });
            pending[deeper..].reverse();
        }
    }

    fn list(
        &self,
        root: usize,
        here: &Path,
        guarded: &[PathBuf],
        tell: &mut dyn FnMut(PathBuf, Found),
    ) {
        let listed = self
            .open_directory(root, here)
            .and_then(|directory| Ok((names(&directory)?, directory)));
        let (names, directory) = match listed {
            Ok(listed) => listed,
            Err(Barrier::Missing(_)) => return,
            Err(barrier) => return tell(here.to_owned(), Found::Barred(barrier)),
        };
        let top = here.as_os_str().is_empty();
        for name in names {
            let path = here.join(&name);
            let own = top && is_reserved(std::os::unix::ffi::OsStrExt::as_bytes(name.as_os_str()));
            if own || guarded.contains(&path) {
                continue;
            }
            match standing::entry_if_any(&directory, &name) {
                Ok(Some(entry)) => match self.refuse_in(root, &path, &entry) {
                    Ok(()) => tell(path, Found::Standing(entry)),
                    Err(barrier) => tell(path, Found::Barred(barrier)),
                },
                Ok(None) => {}
                Err(error) => tell(path, Found::Barred(error.into())),
            }
        }
    }

    fn refuse_in(&self, root: usize, path: &Path, entry: &Standing) -> Result<(), Barrier> {
        let known = &self.known[root];
        self.protected
            .refuse_inode(&entry.identity)
            .map_err(Barrier::Refused)?;
        if entry.crosses(known.device) {
            return Err(Barrier::Refused(super::Refusal::OtherMount(super::shown(
                path,
            ))));
        }
        Ok(())
    }

    /// Protected paths in a root, relative to it.
    fn guarded_in(&self, root: &Root) -> Vec<PathBuf> {
        let within = |spelling: &PathBuf| {
            let paths = self.protected.paths();
            let relative = paths.filter_map(|path| path.strip_prefix(spelling).ok());
            relative.map(Path::to_owned).collect::<Vec<_>>()
        };
        root.spellings.iter().flat_map(within).collect()
    }
}
