//! The key of a user: the one value by which rows, directories and Redis keys name a person.

use std::borrow::Cow;
use std::fmt;

/// The primary key of one row of the users table.
///
/// Text is kept as the bytes `SQLite` holds: a database may store text that is not UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UserKey {
    /// An integer key, the usual case.
    Integer(i64),
    /// A text key (a UUID, a name), as stored.
    Text(Vec<u8>),
}

impl UserKey {
    /// The key as it stands in a path, a Redis key or a field: decimal digits, or the text itself.
    #[must_use]
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Integer(number) => Cow::Owned(number.to_string().into_bytes()),
            Self::Text(text) => Cow::Borrowed(text),
        }
    }
}

impl fmt::Display for UserKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => write!(out, "{number}"),
            Self::Text(text) => write!(out, "{}", String::from_utf8_lossy(text).escape_debug()),
        }
    }
}
