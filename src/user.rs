//! The key of a user: the one value by which rows, directories and Redis keys name a person.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// The primary key of one row of the users table.
///
/// Text is kept as the bytes `SQLite` holds: a database may store text that is not UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UserKey {
    /// An integer key, the usual case.
    Integer(i64),
    /// A text key (a UUID, a name), as stored.
    Text(Vec<u8>),
    /// A binary key, usually the 16 bytes of a UUID, as stored.
    Blob(Vec<u8>),
}

impl UserKey {
    /// The key as it stands in a path, a Redis key or a field: decimal digits, the text itself, or a
    /// binary key in hexadecimal digits, with the hyphens of a UUID (RFC 9562) if it is as long as one.
    #[must_use]
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Integer(number) => Cow::Owned(number.to_string().into_bytes()),
            Self::Text(text) => Cow::Borrowed(text),
            Self::Blob(bytes) => Cow::Owned(in_digits(bytes).into_bytes()),
        }
    }

    /// The binary key that a text means: hexadecimal digits, with or without the hyphens of a UUID.
    pub(crate) fn binary(text: &str) -> Option<Vec<u8>> {
        let digits: Vec<u32> = { text.chars() }
            .filter(|letter| *letter != '-')
            .map(|letter| letter.to_digit(16))
            .collect::<Option<_>>()?;
        let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).ok();
        let whole = !digits.is_empty() && digits.len().is_multiple_of(2);
        whole.then(|| digits.chunks_exact(2).map(byte).collect())?
    }
}

/// Where a UUID has hyphens: behind so many of its bytes.
const HYPHENS: [usize; 4] = [4, 6, 8, 10];

fn in_digits(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (at, byte) in bytes.iter().enumerate() {
        if bytes.len() == 16 && HYPHENS.contains(&at) {
            text.push('-');
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

impl fmt::Display for UserKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => write!(out, "{number}"),
            Self::Text(text) => write!(out, "{}", String::from_utf8_lossy(text).escape_debug()),
            Self::Blob(bytes) => out.write_str(&in_digits(bytes)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_key_is_told_and_found_by_its_digits() {
        let uuid: Vec<u8> = (0xf0..=0xff).collect();
        let key = UserKey::Blob(uuid.clone());
        assert_eq!(key.to_string(), "f0f1f2f3-f4f5-f6f7-f8f9-fafbfcfdfeff");
        assert_eq!(UserKey::binary(&key.to_string()), Some(uuid.clone()));
        assert_eq!(
            UserKey::binary("F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF"),
            Some(uuid)
        );
        assert_eq!(UserKey::Blob(vec![0, 10, 255]).to_string(), "000aff");
        for no_key in ["", "-", "abc", "ann", "0x10", "١٢"] {
            assert_eq!(UserKey::binary(no_key), None, "{no_key}");
        }
    }
}
