//! What makes a file the one that was listed, and not a newer one of the same name.

use std::fmt;
use std::str::FromStr;

/// What kind of thing stands at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A regular file.
    File,
    /// A symbolic link: the link itself, never what it names.
    Symlink,
    /// A directory.
    Directory,
    /// A fifo, a socket or a device.
    Other,
}

/// The identity of a file at one moment.
///
/// The change time is no part of it, because `rename` and `link` alter that. `Display` and `FromStr` are
/// the form in which an outbox stores it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// What kind of thing it is.
    pub kind: Kind,
    /// The device. It may have another number after a reboot.
    pub dev: u64,
    /// The inode.
    pub ino: u64,
    /// The length in bytes.
    pub size: u64,
    /// The time of the last write, in nanoseconds since 1970.
    pub mtime_ns: i128,
    /// The time of creation, where the file system keeps one.
    pub birth_ns: Option<i128>,
}

impl Identity {
    /// Whether `now` is still the thing that was listed as `self`.
    ///
    /// Of a directory neither size nor write time counts: both change as its files go. Where both
    /// sides know a birth time the device is not compared: every place is on the mount of its root,
    /// and a reboot may number that device anew.
    #[must_use]
    pub fn is_still(&self, now: &Self) -> bool {
        let born = match (self.birth_ns, now.birth_ns) {
            (Some(then), Some(now)) => then == now,
            _ => self.dev == now.dev,
        };
        let unwritten = self.kind == Kind::Directory
            || (self.size == now.size && self.mtime_ns == now.mtime_ns);
        born && unwritten && self.kind == now.kind && self.ino == now.ino
    }

    /// The pair that all hard links of one file share, and no two files of one moment.
    #[must_use]
    pub fn inode(&self) -> (u64, u64) {
        (self.dev, self.ino)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::File => 'f',
            Kind::Symlink => 'l',
            Kind::Directory => 'd',
            Kind::Other => 'o',
        };
        write!(
            out,
            "{kind} {} {} {} {} ",
            self.dev, self.ino, self.size, self.mtime_ns
        )?;
        match self.birth_ns {
            Some(birth) => write!(out, "{birth}"),
            None => out.write_str("-"),
        }
    }
}

/// A text that is not an identity as `Identity` writes it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not the identity of a file", .0.escape_debug())]
pub struct IdentityError(String);

impl FromStr for Identity {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        parse(text).ok_or_else(|| IdentityError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Identity> {
    let mut fields = text.split(' ');
    let kind = match fields.next()? {
        "f" => Kind::File,
        "l" => Kind::Symlink,
        "d" => Kind::Directory,
        "o" => Kind::Other,
        _ => return None,
    };
    let identity = Identity {
        kind,
        dev: fields.next()?.parse().ok()?,
        ino: fields.next()?.parse().ok()?,
        size: fields.next()?.parse().ok()?,
        mtime_ns: fields.next()?.parse().ok()?,
        birth_ns: match fields.next()? {
            "-" => None,
            birth => Some(birth.parse().ok()?),
        },
    };
    fields.next().is_none().then_some(identity)
}
