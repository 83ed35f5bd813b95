//! Why a path is not one that may be touched.

use std::fmt;
use std::path::Path;

/// The reason for which a path is kept whatever else is true of it.
///
/// A refusal is about where the path leads, never about permission or I/O: those are trouble, and
/// may pass. `Display` gives a sentence fragment whose subject is the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No byte at all.
    Empty,
    /// A NUL byte, which no file name can hold.
    Nul,
    /// The whole path is `.`.
    Current,
    /// A component is `..`.
    DotDot,
    /// The path ends with `/` or `/.`, where the name of a file was expected.
    TrailingSlash,
    /// A component is longer than 255 bytes.
    LongName,
    /// More components than any honest path has.
    TooDeep,
    /// Not beneath a root.
    Outside,
    /// Exactly a root.
    IsRoot,
    /// An ancestor of a root.
    HoldsRoot,
    /// The root it was recorded under is not a root of this manifest.
    UnknownRoot(String),
    /// The name stands at the top of a root and belongs to `reset-app` itself.
    Reserved,
    /// A protected file, or something beneath a protected directory.
    Protected(String),
    /// A component is a symbolic link.
    Symlink(String),
    /// A mount point, or beyond one.
    OtherMount(String),
    /// A directory, where a file was expected.
    Directory,
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => out.write_str("is empty"),
            Self::Nul => out.write_str("contains a NUL byte"),
            Self::Current => out.write_str("is `.`, which names no file"),
            Self::DotDot => out.write_str("contains `..`"),
            Self::TrailingSlash => out.write_str("ends with `/`, which names no file"),
            Self::LongName => out.write_str("has a component of more than 255 bytes"),
            Self::TooDeep => out.write_str("has too many components"),
            Self::Outside => out.write_str("lies outside every root"),
            Self::IsRoot => out.write_str("is a root itself"),
            Self::HoldsRoot => out.write_str("holds a root"),
            Self::UnknownRoot(root) => write!(out, "was recorded under `{root}`, which is no root"),
            Self::Reserved => out.write_str("lies in a directory of reset-app itself"),
            Self::Protected(name) => write!(out, "is or lies beneath the protected `{name}`"),
            Self::Symlink(name) => write!(out, "goes through the symbolic link `{name}`"),
            Self::OtherMount(name) => write!(out, "is on another mount, which begins at `{name}`"),
            Self::Directory => out.write_str("is a directory"),
        }
    }
}

/// A path as a terminal may show it: lossy, with control and direction characters escaped.
#[must_use]
pub fn shown(path: &Path) -> String {
    let mut text = String::new();
    for character in path.to_string_lossy().chars() {
        if deceives(character) {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    text
}

/// Characters that move the cursor, end the line or turn the direction of what follows.
fn deceives(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
