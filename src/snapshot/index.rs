//! The index: what the files of a snapshot were, one line each.
//!
//! Fields stand between tabs. Bytes of a path that are no plain letters are written as `%XX`, so that
//! any name can be in it.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, percent_encode};

use crate::roots::{Kind, Standing};

const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.');

/// One file, link or directory as it was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The number of the covered directory or file it belongs to.
    pub(super) top: usize,
    /// Its path beneath that; empty for that itself.
    pub(super) path: PathBuf,
    pub(super) what: What,
    /// Permissions and the bits beside them.
    pub(super) mode: u32,
    pub(super) owner: u32,
    pub(super) group: u32,
    pub(super) mtime_ns: i128,
    /// What it was in the file system when it was last known to be as it was saved.
    pub(super) stamp: Stamp,
}

/// What kind of thing an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A regular file; its content is the blob of this number.
    File {
        blob: u64,
        size: u64,
        sha256: [u8; 32],
    },
    /// A symbolic link to this.
    Link(PathBuf),
    Directory,
    /// A pipe, a socket or a device: known, and not copied.
    Other,
}

/// What changes with every change to a file, whatever times are put back afterwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) inode: u64,
    pub(super) device: u64,
    /// In nanoseconds since 1970; zero where it is too recent to tell a later change.
    pub(super) ctime_ns: i128,
}

/// File times are only as fine as the kernel's tick: what changed this recently could change again
/// without showing it.
pub(super) const TICK: std::time::Duration = std::time::Duration::from_millis(20);

impl Stamp {
    /// The stamp of what stands somewhere, as seen at `now_ns`.
    pub(super) fn of(standing: &Standing, now_ns: i128) -> Self {
        let settled = standing.ctime_ns + TICK.as_nanos().cast_signed() < now_ns;
        Self {
            inode: standing.identity.ino,
            device: standing.identity.dev,
            ctime_ns: if settled { standing.ctime_ns } else { 0 },
        }
    }

    /// A stamp that tells of no later change.
    pub(super) fn unsettled(standing: &Standing) -> Self {
        Self {
            ctime_ns: 0,
            ..Self::of(standing, i128::MAX)
        }
    }

    /// Whether what stands there has not been written since.
    pub(super) fn is_still(&self, standing: &Standing) -> bool {
        self.ctime_ns != 0
            && self.ctime_ns == standing.ctime_ns
            && (self.inode, self.device) == (standing.identity.ino, standing.identity.dev)
    }
}

/// The time by this machine's clock, in nanoseconds since 1970.
pub(super) fn now_ns() -> i128 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| {
        i128::try_from(since.as_nanos()).unwrap_or_default()
    })
}

impl Entry {
    /// The directory in which it lies, beneath the covered one, and its name there; none for that one
    /// itself, which has no name.
    pub(super) fn place(&self) -> (Option<&OsStr>, &OsStr) {
        let path = self.path.as_os_str().as_bytes();
        let (directory, name) = match path.iter().rposition(|byte| *byte == b'/') {
            _ if path.is_empty() => (None, path),
            None => (Some(&b""[..]), path),
            Some(at) => (Some(&path[..at]), &path[at + 1..]),
        };
        (directory.map(OsStr::from_bytes), OsStr::from_bytes(name))
    }

    /// The kind of what must stand there.
    pub(super) fn kind(&self) -> Kind {
        match self.what {
            What::File { .. } => Kind::File,
            What::Link(_) => Kind::Symlink,
            What::Directory => Kind::Directory,
            What::Other => Kind::Other,
        }
    }

    /// Whether mode, owner and time of what stands there are as saved. A link has no mode of its own.
    pub(super) fn has_settings_of(&self, standing: &Standing) -> bool {
        let link = self.kind() == Kind::Symlink;
        (link || self.mode == standing.mode & MODE)
            && (self.owner, self.group) == (standing.owner, standing.group)
            && self.mtime_ns == standing.identity.mtime_ns
    }

    fn line(&self) -> String {
        let (kind, content) = match &self.what {
            What::File { blob, size, sha256 } => ('f', format!("{blob}:{size}:{}", hex(sha256))),
            What::Link(target) => ('l', encoded(target)),
            What::Directory => ('d', "-".into()),
            What::Other => ('o', "-".into()),
        };
        let Self {
            top,
            mode,
            owner,
            group,
            mtime_ns,
            stamp,
            ..
        } = self;
        format!(
            "{kind}\t{content}\t{top}\t{mode:o}\t{owner}\t{group}\t{mtime_ns}\t{}\t{}\t{}\t{}\n",
            stamp.device,
            stamp.inode,
            stamp.ctime_ns,
            encoded(&self.path)
        )
    }

    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|byte| *byte == b'\t');
        let (kind, content) = (fields.next()?, fields.next()?);
        let what = match kind {
            b"f" => file(content)?,
            b"l" => What::Link(decoded(content)),
            b"d" => What::Directory,
            b"o" => What::Other,
            _ => return None,
        };
        let entry = Self {
            what,
            top: digits(fields.next()?)?.try_into().ok()?,
            mode: u32::from_str_radix(text(fields.next()?)?, 8).ok()?,
            owner: digits(fields.next()?)?.try_into().ok()?,
            group: digits(fields.next()?)?.try_into().ok()?,
            mtime_ns: nanoseconds(fields.next()?)?,
            stamp: Stamp {
                device: digits(fields.next()?)?,
                inode: digits(fields.next()?)?,
                ctime_ns: nanoseconds(fields.next()?)?,
            },
            path: decoded(fields.next()?),
        };
        (fields.next().is_none() && is_beneath(&entry.path)).then_some(entry)
    }
}

/// The bits of a mode that `chmod` sets.
pub(super) const MODE: u32 = 0o7777;

fn file(content: &[u8]) -> Option<What> {
    let mut parts = content.split(|byte| *byte == b':');
    let what = What::File {
        blob: digits(parts.next()?)?,
        size: digits(parts.next()?)?,
        sha256: unhex(parts.next()?)?,
    };
    parts.next().is_none().then_some(what)
}

/// A number; there are so many of them that reading one has to be quick.
fn digits(text: &[u8]) -> Option<u64> {
    let digit = |byte: &u8| Some(byte.wrapping_sub(b'0')).filter(|digit| *digit < 10);
    let add = |number: u64, byte: &u8| number.checked_mul(10)?.checked_add(digit(byte)?.into());
    text.iter().try_fold(0, add).filter(|_| !text.is_empty())
}

/// The numbers of this century are short ones.
fn nanoseconds(digits_or_sign: &[u8]) -> Option<i128> {
    let short = digits(digits_or_sign).map(i128::from);
    short.or_else(|| text(digits_or_sign)?.parse().ok())
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// A path that leads out of its directory is of nobody's making but a forger's.
fn is_beneath(path: &Path) -> bool {
    let bytes = path.as_os_str().as_bytes();
    let plain = |name: &[u8]| ![&b""[..], b".", b".."].contains(&name);
    bytes.is_empty() || bytes.split(|byte| *byte == b'/').all(plain)
}

/// The whole index as text.
pub(super) fn write(entries: &[Entry]) -> String {
    entries.iter().map(Entry::line).collect()
}

/// The index of so many entries from its text; none where a line is not of the form that [`write`]
/// gives.
pub(super) fn read(text: &[u8], count: u64) -> Option<Vec<Entry>> {
    let mut entries = Vec::with_capacity(usize::try_from(count).ok()?.min(text.len()));
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        entries.push(Entry::parse(line.strip_suffix(b"\n")?)?);
    }
    Some(entries)
}

fn encoded(path: &Path) -> String {
    percent_encode(path.as_os_str().as_bytes(), PLAIN).to_string()
}

fn decoded(text: &[u8]) -> PathBuf {
    if !text.contains(&b'%') {
        return OsStr::from_bytes(text).into();
    }
    let bytes: Vec<u8> = percent_decode(text).collect();
    std::ffi::OsString::from_vec(bytes).into()
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &[u8]) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; 32];
    let pairs: &[[u8; 2]; 32] = text.as_chunks().0.try_into().ok()?;
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    (text.len() == 64).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(what: What, path: &[u8]) -> Entry {
        Entry {
            top: 2,
            path: OsStr::from_bytes(path).into(),
            what,
            mode: 0o4755,
            owner: 1000,
            group: 7,
            mtime_ns: -1_500_000_001,
            stamp: Stamp {
                inode: 42,
                device: 9,
                ctime_ns: 1,
            },
        }
    }

    #[test]
    fn whatever_a_name_holds_is_read_as_it_was_written() {
        let file = What::File {
            blob: 3,
            size: 1 << 40,
            sha256: [0xa5; 32],
        };
        let entries = vec![
            entry(file, b"a\tb\nc\xff%41 /d"),
            entry(What::Link("../../etc\n".into()), b"l"),
            entry(What::Directory, b""),
            entry(What::Other, "ü".as_bytes()),
        ];
        assert_eq!(read(write(&entries).as_bytes(), 4).unwrap(), entries);
    }

    #[test]
    fn an_index_that_leads_out_is_none() {
        for path in [
            "../x",
            "/etc/passwd",
            "a/../b",
            "%2e%2e/x",
            "a//b",
            "a/",
            "./a",
            ".",
        ] {
            let line = write(&[entry(What::Directory, b"here")]).replace("here", path);
            assert!(read(line.as_bytes(), 1).is_none(), "{path}");
        }
        assert!(read(b"d\t-\t0\n", 1).is_none());
    }
}
