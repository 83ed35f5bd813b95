//! Contents of files: copied into a snapshot, out of it, and compared.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::retry_on_intr;
use sha2::{Digest, Sha256};

use super::coverage::Coverage;
use super::meta::BLOBS;
use crate::roots::Barrier;

/// So many blobs lie in one directory.
const DRAWER: u64 = 1000;

/// So much is read at once; most files are smaller.
const CHUNK: usize = 32 * 1024;

/// Where the blob of a number lies in a snapshot.
pub(super) fn path(snapshot: &Path, blob: u64) -> PathBuf {
    snapshot.join(drawer(blob)).join(blob.to_string())
}

/// The directory, in the snapshot, in which the blob of a number lies.
pub(super) fn drawer(blob: u64) -> PathBuf {
    Path::new(BLOBS).join((blob / DRAWER).to_string())
}

/// Opens a covered file for reading, through no link.
pub(super) fn open(coverage: &Coverage, top: usize, path: &Path) -> Result<File, Barrier> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let (directory, name) = parent(coverage, top, path)?;
    let file = retry_on_intr(|| openat(&directory, &name, flags, Mode::empty()))?;
    Ok(file.into())
}

/// The directory that holds a covered path, and its name there.
pub(super) fn parent(
    coverage: &Coverage,
    top: usize,
    path: &Path,
) -> Result<(OwnedFd, PathBuf), Barrier> {
    if let Some(name) = path.file_name() {
        let above = path.parent().unwrap_or(Path::new(""));
        return Ok((coverage.roots.open_directory(top, above)?, name.into()));
    }
    let whole = coverage
        .roots
        .base()
        .join(coverage.name(top).unwrap_or(path));
    let (Some(above), Some(name)) = (whole.parent(), whole.file_name()) else {
        return Err(Barrier::Missing(None));
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok((openat(CWD, above, flags, Mode::empty())?, name.into()))
}

/// Copies what is left of a file: shared with the original where the file system can, never a hard
/// link, for an application may write in place.
pub(super) fn copy(mut from: &File, mut to: &File) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if rustix::fs::ioctl_ficlone(to, from).is_ok() {
        return Ok(());
    }
    let (mut chunk, mut end) = (vec![0; CHUNK], 0);
    loop {
        let read = fill(&mut from, &mut chunk)?;
        let chunk = &chunk[..read];
        end += read as u64;
        // A hole stays one: what nobody wrote is zeros that take no room.
        if read == CHUNK && chunk.iter().all(|byte| *byte == 0) {
            to.seek(SeekFrom::Current(read.try_into().unwrap_or_default()))?;
            continue;
        }
        to.write_all(chunk)?;
        match read {
            0 => return to.set_len(end),
            CHUNK => {}
            _ => return Ok(()),
        }
    }
}

/// The digest and size of what is left of a file.
pub(super) fn digest(mut file: &File) -> io::Result<([u8; 32], u64)> {
    let mut hash = Sha256::new();
    let (mut buffer, mut size) = (vec![0; CHUNK], 0);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((hash.finalize().into(), size)),
            read => {
                hash.update(&buffer[..read]);
                size += read as u64;
            }
        }
    }
}

/// Whether two files hold the same from here on.
pub(super) fn same(mut one: &File, mut other: &File) -> io::Result<bool> {
    let (mut left, mut right) = (vec![0; CHUNK], vec![0; CHUNK]);
    loop {
        let read = fill(&mut one, &mut left)?;
        if read != fill(&mut other, &mut right)? || left[..read] != right[..read] {
            return Ok(false);
        }
        if read == 0 {
            return Ok(true);
        }
    }
}

fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}
