//! The pages of a snapshot's copy of the database, each checked against its digest when it counts.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::error::SnapshotError;
use super::meta::{self, About, DATABASE, PAGES, damaged};
use crate::database;
use crate::error::Error;

/// The length of a digest.
const DIGEST: usize = 32;

/// So much is read at once.
const CHUNK: usize = 1 << 20;

/// The digests of all pages of a database file, one after the other.
pub(super) fn digests(file: &File, page_size: usize) -> io::Result<Vec<u8>> {
    let (mut reader, mut page) = (BufReader::with_capacity(CHUNK, file), vec![0; page_size]);
    let mut digests = Vec::new();
    loop {
        match reader.read_exact(&mut page) {
            Ok(()) => digests.extend_from_slice(&Sha256::digest(&page)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(digests),
            Err(error) => return Err(error),
        }
    }
}

/// Whether a database file is all there is of it: its header asks for no `-wal`
/// (<https://sqlite.org/fileformat2.html#file_format_version_numbers>).
pub(super) fn stands_alone(file: &File) -> io::Result<bool> {
    let mut versions = [0; 2];
    file.read_exact_at(&mut versions, 18)?;
    Ok(versions == [1, 1])
}

/// The copy of a database as it lies in a snapshot.
#[derive(Debug)]
pub(super) struct Pages {
    name: String,
    file: File,
    size: usize,
    digests: Vec<u8>,
}

impl Pages {
    /// Opens the copy in the snapshot at `path`. Its pages are not looked at yet.
    ///
    /// Fails where its size or its list of digests is not as it was saved, or a journal beside it would
    /// change it.
    pub(super) fn open(path: &Path, about: &About) -> Result<Self, SnapshotError> {
        let unreadable = |error| unreadable(&about.name, &error);
        let digests = fs::read(path.join(PAGES)).map_err(unreadable)?;
        let file = File::open(path.join(DATABASE)).map_err(unreadable)?;
        let bytes = file.metadata().map_err(unreadable)?.len();
        let pages = Self {
            name: about.name.clone(),
            file,
            size: about.database.page_size,
            digests,
        };
        if let Some(journal) = database::journal_beside(&path.join(DATABASE)) {
            let found = format!("`{}` does not belong there", journal.display());
            return Err(damaged(&about.name, found));
        }
        let whole = meta::digest(&pages.digests) == about.database.pages_sha256;
        if !whole || bytes != about.database.bytes || bytes != pages.bytes() {
            return Err(pages.damaged());
        }
        Ok(pages)
    }

    fn bytes(&self) -> u64 {
        u64::from(self.count()) * self.size as u64
    }

    /// How many there are.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.digests.len() / DIGEST).unwrap_or(u32::MAX)
    }

    /// One page, as it was saved. Fails where it is another now.
    pub(super) fn page(&self, number: u32) -> Result<Vec<u8>, SnapshotError> {
        let mut page = vec![0; self.size];
        let at = u64::from(number.saturating_sub(1)) * self.size as u64;
        let read = self.file.read_exact_at(&mut page, at);
        read.map_err(|error| unreadable(&self.name, &error))?;
        self.require_whole(number, &page)?;
        Ok(page)
    }

    /// Fails where a page is not as it was saved.
    pub(super) fn require_whole(&self, number: u32, page: &[u8]) -> Result<(), SnapshotError> {
        let digests = self.digests.chunks_exact(DIGEST);
        let saved = digests.clone().nth(number.saturating_sub(1) as usize);
        if saved == Some(Sha256::digest(page).as_slice()) {
            return Ok(());
        }
        Err(self.damaged())
    }

    /// Fails where any page is not as it was saved.
    pub(super) fn require_all(&self) -> Result<(), SnapshotError> {
        let digests = digests(&self.file, self.size);
        if digests.map_err(|error| unreadable(&self.name, &error))? == self.digests {
            return Ok(());
        }
        Err(self.damaged())
    }

    /// The error of whoever worked with the copy: that it is damaged, if it is.
    pub(super) fn blamed(&self, error: Error) -> Error {
        self.require_all().err().map_or(error, Error::from)
    }

    /// All pages in order, unchecked.
    pub(super) fn reader(&self) -> io::Result<impl Read> {
        io::Seek::rewind(&mut &self.file)?;
        Ok(BufReader::with_capacity(CHUNK, &self.file))
    }

    fn damaged(&self) -> SnapshotError {
        let found = "its copy of the database is not as it was saved".into();
        damaged(&self.name, found)
    }
}

fn unreadable(name: &str, error: &io::Error) -> SnapshotError {
    damaged(name, format!("a file of it cannot be read: {error}"))
}
