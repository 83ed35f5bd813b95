//! How the trail names a user: an HMAC-SHA-256 over the user's key, and the time the account was
//! made, or else its name.
//!
//! Whoever has a copy of the data and the key of the trail can tell whom a line is about; whoever
//! has the trail alone cannot. A new user who merely got an old key is another one.
//!
//! The key of a trail stands beside it, with mode 0600, under the trail's name with `.key` for an
//! ending. It is made of the operating system's random bytes by the first run that needs it.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::file;
use crate::error::{AuditError, Error, Result};
use crate::target::AUDIT_KEYS;
use crate::user::{Mark, Person, UserKey};

/// Random bytes of a key.
const BYTES: usize = 32;

/// How the name of a user begins in the trail.
pub(super) const SCHEME: &str = "hmac-sha256:";

/// The file of the key that belongs to a trail.
pub(crate) fn beside(trail: &Path) -> PathBuf {
    trail.with_extension(AUDIT_KEYS[0])
}

/// Where a key is written before it gets its name; a crash may leave it, the next run takes it over.
pub(crate) fn unfinished(trail: &Path) -> PathBuf {
    trail.with_extension(AUDIT_KEYS[1])
}

/// The key of a trail.
#[derive(Clone)]
pub(crate) struct Key([u8; BYTES]);

impl Key {
    /// Reads a key; none where there is none.
    ///
    /// Fails where it cannot be read or is no key.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>> {
        let unusable = |error| {
            let file = path.into();
            Error::from(AuditError::Key { file, error })
        };
        let key = match file::open_existing(path) {
            Ok(key) => key,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unusable(error)),
        };
        let mut text = String::new();
        let read = key.take(BYTES as u64 * 2 + 2).read_to_string(&mut text);
        read.map_err(unusable)?;
        parse(text.trim_end()).map(Self).map(Some).ok_or_else(|| {
            let what = "it does not hold 64 hexadecimal digits";
            unusable(io::Error::new(io::ErrorKind::InvalidData, what))
        })
    }

    /// Makes a key, durably, where there is none; whole or not at all.
    pub(super) fn make(trail: &Path) -> Result<Self> {
        let path = beside(trail);
        let unusable = |error| {
            let file = path.clone();
            Error::from(AuditError::Key { file, error })
        };
        let unfinished = unfinished(trail);
        let new = file::create(&unfinished).map_err(unusable)?;
        file::lock(&new).map_err(unusable)?;
        // Two trails may differ in nothing but their endings, and share the key.
        if let Some(key) = Self::read(&path)? {
            return Ok(key);
        }
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).map_err(|error| Error::Random(error.to_string()))?;
        let written = write(&new, &bytes).and_then(|()| fs::rename(&unfinished, &path));
        let directory = written.and_then(|()| File::open(file::directory(&path)));
        directory.and_then(|it| it.sync_all()).map_err(unusable)?;
        Ok(Self(bytes))
    }

    /// By what a line says under which key it names somebody: nothing can be learnt from it.
    pub(crate) fn id(&self) -> String {
        self.digest(&[b"reset-app audit key"])[..16].to_owned()
    }

    /// How the trail names a user.
    pub(crate) fn name(&self, person: &Person) -> String {
        let (mark, value): (&[u8], &[u8]) = match &person.mark {
            Mark::Created(value) => (b"created", value),
            Mark::Name(value) => (b"name", value),
            Mark::None => (b"", b""),
        };
        let kind: &[u8] = match person.key {
            UserKey::Integer(_) => b"integer",
            UserKey::Text(_) => b"text",
            UserKey::Blob(_) => b"blob",
        };
        let parts = [b"reset-app user", kind, &person.key.bytes(), mark, value];
        format!("{SCHEME}{}", self.digest(&parts))
    }

    /// Of parts that cannot run into one another: each is led by its length.
    fn digest(&self, parts: &[&[u8]]) -> String {
        // As long as a block of the hash, which zeros fill up (RFC 2104).
        let mut block = [0; 64];
        block[..BYTES].copy_from_slice(&self.0);
        let mut mac = Hmac::<Sha256>::new(&block.into());
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        hexadecimal(&mac.finalize().into_bytes())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Key(…)")
    }
}

/// Whether others than its owner may read a key.
pub(super) fn is_open_to_others(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|key| key.permissions().mode() & 0o077 != 0)
}

fn write(mut new: &File, bytes: &[u8]) -> io::Result<()> {
    new.set_len(0)?;
    new.write_all(format!("{}\n", hexadecimal(bytes)).as_bytes())?;
    new.sync_all()
}

fn parse(text: &str) -> Option<[u8; BYTES]> {
    if text.len() != BYTES * 2 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; BYTES];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}

/// SHA-256, in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
