//! What the files were in the file system when they were last known to be as saved: kept beside the
//! snapshot, so that a comparison reads only what may have changed since.
//!
//! Only a hint: a stamp that is missing or wrong makes a comparison read the file.

use std::fs;
use std::io;
use std::path::Path;

use super::index::{Entry, Stamp};
use super::meta::About;
use crate::database;

const FILE: &str = "stamps";

const SIZE: usize = 24;

/// Gives the entries the stamps that the last restore left, if there are any, and answers that of
/// the database.
pub(super) fn freshen(
    snapshot: &Path,
    about: &About,
    entries: &mut [Entry],
) -> Option<database::Stamp> {
    let bytes = fs::read(snapshot.join(FILE)).ok()?;
    let stamps = bytes.strip_prefix(of(about).as_bytes())?;
    let (rows, files) = stamps.split_at_checked(database::Stamp::BYTES)?;
    if files.len() == entries.len() * SIZE {
        for (entry, bytes) in entries.iter_mut().zip(files.chunks_exact(SIZE)) {
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
    database::Stamp::from_bytes(rows)
}

/// Writes the stamps of the entries down, and that of the database if there is one.
pub(super) fn write(
    snapshot: &Path,
    about: &About,
    entries: &[Entry],
    rows: Option<database::Stamp>,
) -> io::Result<()> {
    let mut bytes = of(about).into_bytes();
    bytes.extend(rows.map_or(vec![0; database::Stamp::BYTES], |rows| rows.bytes()));
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

/// What they are stamps of.
fn of(about: &About) -> String {
    format!(
        "{}{}",
        about.files.index_sha256, about.database.pages_sha256
    )
}
