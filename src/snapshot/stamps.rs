//! What the files were in the file system when they were last known to be as saved: kept beside the
//! snapshot, so that a comparison reads only what may have changed since.
//!
//! Only a hint: a stamp that is missing or wrong makes a comparison read the file.

use std::fs;
use std::io;
use std::path::Path;

use super::index::{Entry, Stamp};
use super::meta::About;

const FILE: &str = "stamps";

const SIZE: usize = 24;

/// Gives the entries the stamps that the last restore left, if there are any.
pub(super) fn freshen(snapshot: &Path, about: &About, entries: &mut [Entry]) {
    let Ok(bytes) = fs::read(snapshot.join(FILE)) else {
        return;
    };
    let Some(stamps) = bytes.strip_prefix(about.files.index_sha256.as_bytes()) else {
        return;
    };
    if stamps.len() != entries.len() * SIZE {
        return;
    }
    for (entry, bytes) in entries.iter_mut().zip(stamps.chunks_exact(SIZE)) {
        let number = |at: usize| {
            let mut eight = [0; 8];
            eight.copy_from_slice(&bytes[at..at + 8]);
            u64::from_le_bytes(eight)
        };
        entry.stamp = Stamp {
            device: number(0),
            inode: number(8),
            ctime_ns: number(16).into(),
        };
    }
}

/// Writes the stamps of the entries down.
pub(super) fn write(snapshot: &Path, about: &About, entries: &[Entry]) -> io::Result<()> {
    let mut bytes = about.files.index_sha256.clone().into_bytes();
    for Stamp {
        device,
        inode,
        ctime_ns,
    } in entries.iter().map(|entry| entry.stamp)
    {
        let ctime = u64::try_from(ctime_ns).unwrap_or_default();
        for number in [device, inode, ctime] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
    }
    let mut new = tempfile::NamedTempFile::new_in(snapshot)?;
    io::Write::write_all(&mut new, &bytes)?;
    new.persist(snapshot.join(FILE))?;
    Ok(())
}
