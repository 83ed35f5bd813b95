//! The lexical gate: what a path says, before the file system is asked. Pure.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::refusal::{Refusal, shown};
use super::{Place, Root, Roots, lexical};

/// The most components a path named by a row may have.
const MAX_NAMED: usize = 128;
/// The most components a file found by walking a user's directory may have.
pub(super) const MAX_WALKED: usize = 2_048;
/// The longest name Linux and macOS know.
const MAX_NAME: usize = 255;
/// How the names of our own directories at the top of a root begin.
pub(crate) const RESERVED: &str = ".reset-app";

impl Roots {
    /// The place that `raw`, the bytes a row holds, names. Asks the file system nothing.
    ///
    /// A relative path refers to the base directory; an absolute one must lie in a root, in the
    /// spelling of the manifest or with its links resolved. `//` and inner `./` are dropped. With
    /// nested roots the innermost holds the place.
    ///
    /// # Errors
    /// The [`Refusal`], if the path is malformed, lies outside every root, is a root or holds one,
    /// or is protected.
    pub fn locate(&self, raw: &[u8]) -> Result<Place, Refusal> {
        self.place(&normal(raw, MAX_NAMED)?)
    }

    /// As [`locate`](Self::locate), for a path whose file is to be kept: as deep as a walk goes, and
    /// with `..` as an application may read it that asks no file system.
    ///
    /// # Errors
    /// As [`locate`](Self::locate).
    pub(crate) fn locate_kept(&self, raw: &[u8]) -> Result<Place, Refusal> {
        match normal(trimmed(raw), MAX_WALKED) {
            Err(Refusal::DotDot) => self.place(&lexical(&self.base.join(OsStr::from_bytes(raw)))),
            path => self.place(&path?),
        }
    }

    /// As [`locate`](Self::locate), for a path that names a directory: it may end with `/`.
    ///
    /// # Errors
    /// As [`locate`](Self::locate).
    pub fn locate_directory(&self, raw: &[u8]) -> Result<Place, Refusal> {
        self.locate(trimmed(raw))
    }

    /// The place stored earlier as the name of a root and the path beneath it, through the same
    /// gate: whoever can write to the database can write such a pair.
    ///
    /// # Errors
    /// The [`Refusal`], as [`locate`](Self::locate) gives it, or that the root is unknown.
    pub fn restore(&self, root: &Path, relative: &[u8]) -> Result<Place, Refusal> {
        let unknown = || Refusal::UnknownRoot(shown(root));
        let root = self
            .known
            .iter()
            .find(|known| &*known.name == root)
            .ok_or_else(unknown)?;
        let relative = normal(relative, MAX_WALKED)?;
        if relative.is_absolute() {
            return Err(Refusal::Outside);
        }
        self.place(&root.spellings[0].join(relative))
    }

    /// The place at `relative` below the root with this number, through the same gate.
    ///
    /// # Errors
    /// As [`restore`](Self::restore).
    pub(crate) fn place_at(&self, root: usize, relative: &[u8]) -> Result<Place, Refusal> {
        let known = self
            .known
            .get(root)
            .ok_or_else(|| Refusal::UnknownRoot(root.to_string()))?;
        self.restore(&known.name, relative)
    }

    fn place(&self, path: &Path) -> Result<Place, Refusal> {
        let path = self.base.join(path);
        let (index, relative) = self.innermost(&path)?;
        let root = &self.known[index];
        refuse_reserved(relative)?;
        self.refuse_protected(root, relative)?;
        Ok(Place {
            root: index,
            name: root.name.clone(),
            relative: relative.to_owned(),
        })
    }

    fn innermost<'p>(&self, path: &'p Path) -> Result<(usize, &'p Path), Refusal> {
        let mut found: Option<(usize, &Path)> = None;
        for (index, root) in self.known.iter().enumerate() {
            for spelling in &root.spellings {
                if spelling.as_os_str() == path.as_os_str() {
                    return Err(Refusal::IsRoot);
                }
                if beneath(spelling, path).is_some() {
                    return Err(Refusal::HoldsRoot);
                }
                if let Some(relative) = beneath(path, spelling)
                    && found.is_none_or(|(_, known)| {
                        relative.as_os_str().len() < known.as_os_str().len()
                    })
                {
                    found = Some((index, relative));
                }
            }
        }
        found.ok_or(Refusal::Outside)
    }

    /// Whether a place is protected by its path, whatever stands there.
    pub(crate) fn protects(&self, place: &Place) -> bool {
        let root = self.known.get(place.root);
        root.is_some_and(|root| self.refuse_protected(root, &place.relative).is_err())
    }

    pub(super) fn refuse_protected(&self, root: &Root, relative: &Path) -> Result<(), Refusal> {
        if !root.guarded {
            return Ok(());
        }
        root.spellings
            .iter()
            .try_for_each(|spelling| self.protected.refuse_path(&spelling.join(relative)))
    }
}

/// The path without `//` and `./`, if every component of it is one that may be.
fn normal(raw: &[u8], most: usize) -> Result<PathBuf, Refusal> {
    refuse_whole(raw)?;
    let mut path = PathBuf::from(if raw[0] == b'/' { "/" } else { "" });
    let components = || {
        raw.split(|byte| *byte == b'/')
            .filter(|name| !name.is_empty() && *name != b".")
    };
    for (count, name) in components().enumerate() {
        match name {
            b".." => return Err(Refusal::DotDot),
            name if name.len() > MAX_NAME => return Err(Refusal::LongName),
            _ if count >= most => return Err(Refusal::TooDeep),
            name => path.push(OsStr::from_bytes(name)),
        }
    }
    Ok(path)
}

fn refuse_whole(raw: &[u8]) -> Result<(), Refusal> {
    match raw {
        b"" => Err(Refusal::Empty),
        b"." | b"./" => Err(Refusal::Current),
        _ if raw.contains(&0) => Err(Refusal::Nul),
        _ if raw.split(|byte| *byte == b'/').any(|name| name == b"..") => Err(Refusal::DotDot),
        _ if raw.ends_with(b"/") || raw.ends_with(b"/.") => Err(Refusal::TrailingSlash),
        _ => Ok(()),
    }
}

pub(super) fn refuse_reserved(relative: &Path) -> Result<(), Refusal> {
    let first = relative
        .components()
        .next()
        .map_or(&b""[..], |first| first.as_os_str().as_bytes());
    if is_reserved(first) {
        Err(Refusal::Reserved)
    } else {
        Ok(())
    }
}

fn trimmed(raw: &[u8]) -> &[u8] {
    raw.iter()
        .rposition(|byte| *byte != b'/')
        .map_or(raw, |last| &raw[..=last])
}

/// Case is ignored, because some file systems ignore it.
pub(crate) fn is_reserved(name: &[u8]) -> bool {
    name.get(..RESERVED.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(RESERVED.as_bytes()))
}

/// What follows `directory` in a path below it. Both are normal, so that their bytes tell.
fn beneath<'p>(path: &'p Path, directory: &Path) -> Option<&'p Path> {
    let rest = path.as_os_str().as_bytes();
    let rest = rest.strip_prefix(directory.as_os_str().as_bytes())?;
    Some(Path::new(OsStr::from_bytes(rest.strip_prefix(b"/")?)))
}
