//! What a database and its journals are in the file system: as long as that is the same, so is the
//! content.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::neighbour;

/// File times are only as fine as the kernel's tick: what changed this recently could change again
/// without showing it.
const TICK: Duration = Duration::from_millis(20);

/// Device, inode, size and time of the last change of the database, its `-wal` and its `-journal`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp([u64; Self::NUMBERS]);

impl Stamp {
    const NUMBERS: usize = 12;
    /// The length of its bytes.
    pub(crate) const BYTES: usize = Self::NUMBERS * 8;

    /// The stamp of a database; none where the last change is too recent to tell a later one.
    pub(crate) fn of(database: &Path) -> io::Result<Option<Self>> {
        let mut numbers = [0; Self::NUMBERS];
        for (suffix, numbers) in ["", "-wal", "-journal"].iter().zip(numbers.chunks_mut(4)) {
            let found = match fs::metadata(neighbour(database, suffix)) {
                Ok(found) => found,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let since = |seconds: i64, nanos: i64| {
                Duration::from_secs(seconds.unsigned_abs())
                    + Duration::from_nanos(nanos.unsigned_abs())
            };
            let changed = since(found.ctime(), found.ctime_nsec());
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            if now.map_or(true, |now| changed + TICK >= now) {
                return Ok(None);
            }
            let changed = u64::try_from(changed.as_nanos()).unwrap_or_default();
            numbers.copy_from_slice(&[found.dev(), found.ino(), found.size(), changed]);
        }
        Ok(Some(Self(numbers)))
    }

    /// Its bytes, for a file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|one| one.to_le_bytes()).collect()
    }

    /// The stamp of these bytes; none where they are too few or too many.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::BYTES] = bytes.try_into().ok()?;
        let mut numbers = [0; Self::NUMBERS];
        for (number, bytes) in numbers.iter_mut().zip(bytes.as_chunks().0) {
            *number = u64::from_le_bytes(*bytes);
        }
        Some(Self(numbers))
    }
}
