//! Small files in this program's own directory, for whoever finds a run interrupted: each is there as
//! a whole, durably, or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::STATE_DIRECTORY;

/// The longest note that is believed.
const LONGEST: u64 = 1 << 20;

/// Where the note of this name lies.
pub(crate) fn path(root: &Path, name: &str) -> PathBuf {
    root.join(STATE_DIRECTORY).join(name)
}

/// What the note says, if there is one.
///
/// Fails where what stands there cannot be read, or is no file.
pub(crate) fn read(root: &Path, name: &str) -> io::Result<Option<Vec<u8>>> {
    let mut options = OpenOptions::new();
    // A pipe in its place is an error, not a wait for its writer.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let opened = options
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path(root, name));
    let file = match opened {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut note = Vec::new();
    file.take(LONGEST).read_to_end(&mut note)?;
    Ok(Some(note))
}

/// Writes a note, durably, and makes the directory if there is none.
pub(crate) fn write(root: &Path, name: &str, note: &[u8]) -> io::Result<()> {
    match DirBuilder::new()
        .mode(0o700)
        .create(root.join(STATE_DIRECTORY))
    {
        Ok(()) => File::open(root)?.sync_all()?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let (file, draft) = (path(root, name), path(root, name).with_extension("new"));
    let mut options = OpenOptions::new();
    let nofollow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    let mut out = options.custom_flags(nofollow).open(&draft)?;
    out.write_all(note)?;
    out.sync_all()?;
    fs::rename(&draft, &file)?;
    flush(root)
}

/// Removes a note, durably. None is fine.
pub(crate) fn remove(root: &Path, name: &str) -> io::Result<()> {
    match fs::remove_file(path(root, name)) {
        Err(error) if is_absent(&error) => Ok(()),
        removed => removed.and_then(|()| flush(root)),
    }
}

fn is_absent(error: &io::Error) -> bool {
    let kinds = [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory];
    kinds.contains(&error.kind())
}

fn flush(root: &Path) -> io::Result<()> {
    File::open(root.join(STATE_DIRECTORY))?.sync_all()
}
