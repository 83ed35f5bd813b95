//! A place in the trail, by which a copy of the data remembers what had been erased before it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What stands for the line before the first one.
const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The end of a trail at some time: how many lines it had, and the hash of the last.
///
/// `17:9f2c…` as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// How many lines.
    pub lines: u64,
    /// SHA-256 of the last of them with its newline, in hexadecimal; zeros before the first.
    pub hash: String,
}

impl Default for Position {
    /// Before the first line.
    fn default() -> Self {
        Self {
            lines: 0,
            hash: NOTHING.into(),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.lines, self.hash)
    }
}

/// A position that somebody gives: so many lines, and the hash of the last where it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Since {
    /// How many lines.
    pub lines: u64,
    /// The hash of the last; the trail must hold it there.
    pub hash: Option<String>,
}

impl Since {
    /// Whether a trail that has come to `position` has come here.
    pub(super) fn is_at(&self, position: &Position) -> bool {
        self.lines == position.lines && self.hash.as_ref().is_none_or(|hash| *hash == position.hash)
    }
}

impl From<Position> for Since {
    fn from(position: Position) -> Self {
        Self {
            lines: position.lines,
            hash: Some(position.hash),
        }
    }
}

impl fmt::Display for Since {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hash {
            Some(hash) => write!(out, "{}:{hash}", self.lines),
            None => write!(out, "{}", self.lines),
        }
    }
}

impl FromStr for Since {
    type Err = String;

    /// Fails with a sentence where the text is neither `LINES` nor `LINES:HASH`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (lines, hash) = match text.split_once(':') {
            Some((lines, hash)) => (lines, Some(hash)),
            None => (text, None),
        };
        let is_hash = |hash: &str| {
            hash.len() == NOTHING.len()
                && hash
                    .bytes()
                    .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        match lines.parse() {
            Ok(lines) if hash.is_none_or(is_hash) => Ok(Self {
                lines,
                hash: hash.map(str::to_owned),
            }),
            _ => {
                Err("a position is a number of lines, or `LINES:HASH` as `status` prints it".into())
            }
        }
    }
}
