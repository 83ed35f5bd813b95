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

/// A user as the audit trail tells one from another who got the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The key.
    pub key: UserKey,
    /// What tells this account from a later one of the same key.
    pub mark: Mark,
}

/// What tells an account from another one of the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// When the account was made, as the database holds it.
    Created(Vec<u8>),
    /// The account's name, where nothing says when it was made.
    Name(Vec<u8>),
    /// Nothing.
    None,
}

impl Mark {
    /// As the trail says it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Created(_) => "created",
            Self::Name(_) => "name",
            Self::None => "key",
        }
    }
}
