//! Which Redis keys belong to the application, and to whom: rules over bytes, without a connection.
//!
//! A key belongs to the first rule that fits. A rule fits by the key's name, by the type of its value
//! where the rule names one, and by the field that holds the user where the rule names one.

mod pattern;

use std::fmt;

use serde::Deserialize;

pub use pattern::Match;
use pattern::Pattern;

/// One `[[redis.keys]]` entry of the manifest.
///
/// Deserializing validates; a rule that exists is usable.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Entry")]
pub struct KeyRule {
    pattern: Pattern,
    value_type: Option<ValueType>,
    field: Option<UserField>,
    everyone: bool,
    line: String,
}

/// The type of a Redis value, in the words of the command `TYPE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// Bytes; JSON documents are strings too.
    String,
    /// Field and value pairs.
    Hash,
    /// A list.
    List,
    /// A set.
    Set,
    /// A sorted set.
    Zset,
    /// A stream.
    Stream,
}

/// Where a value holds the key of the user to whom it belongs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserField {
    /// This field of a hash.
    Hash(String),
    /// This member of a JSON object (number or string) that is kept as a Redis string.
    Json(String),
}

/// What is wrong with a rule.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RuleError {
    /// Nothing stands before the first wildcard, so that other programs' keys would be meant too.
    #[error(
        "`{0}` names the keys of every program: write a prefix of the application before the first `*` or `{{user}}`"
    )]
    NoPrefix(String),
    /// `{user}` twice.
    #[error("`{0}` holds `{{user}}` twice: a key belongs to one user")]
    UserTwice(String),
    /// `{user}` and a field as well.
    #[error("`{0}` names the user twice: by `{{user}}` in the key and by a field of the value")]
    UserInKeyAndValue(String),
    /// `{user}` that is not a whole segment.
    #[error(
        "`{0}` does not delimit `{{user}}`: it must follow a letter or a `:`, not `*`, and be followed by `:` or the end"
    )]
    UserNotDelimited(String),
    /// A brace that is not `{user}`.
    #[error("`{0}` holds a brace that is not `{{user}}`, the only placeholder there is")]
    UnknownPlaceholder(String),
    /// A type that Redis does not have.
    #[error(
        "`{pattern}` has the unknown type `{name}`: use string, hash, list, set, zset or stream"
    )]
    UnknownType {
        /// The rule's `match`.
        pattern: String,
        /// The type as written.
        name: String,
    },
    /// The field is of another type than the value.
    #[error("`{0}` reads the user from a field that a value of its type does not have")]
    FieldOfAnotherType(String),
    /// A field without a name.
    #[error("`{0}` reads the user from a field without a name")]
    NoField(String),
    /// No summary line.
    #[error("`{0}` has no `line`: name the summary line that counts its keys")]
    NoLine(String),
}

/// Whether one of the rules claims a key by its name.
pub(crate) fn is_claimed(rules: &[KeyRule], key: &[u8]) -> bool {
    rules.iter().any(|rule| rule.matches(key).is_some())
}

impl KeyRule {
    /// Matches a key by its name alone. The type and the field, if the rule has any, are still to be
    /// checked.
    ///
    /// Returns `None` if the name does not fit, else the first user the name can hold.
    #[must_use]
    pub fn matches<'k>(&self, key: &'k [u8]) -> Option<Match<'k>> {
        self.pattern.matches(key)
    }

    /// Whether the key's name holds, at `{user}`, a user whom `is_meant` accepts.
    ///
    /// `is_meant` is asked for every reading of the name, also for those that contain `:`. Returns
    /// false for a rule without `{user}`.
    pub fn names_user(&self, key: &[u8], is_meant: impl Fn(&[u8]) -> bool) -> bool {
        self.pattern.names_user(key, is_meant)
    }

    /// Whether keys of this rule belong to users at all, by their name or by their value.
    #[must_use]
    pub fn is_of_users(&self) -> bool {
        self.field.is_some() || self.pattern.holds_user()
    }

    /// Whether keys of this rule that name no user go all the same when everyone's do: an anonymous
    /// session is somebody's.
    #[must_use]
    pub fn is_of_everyone(&self) -> bool {
        self.everyone
    }

    /// The type a value must have to be the application's; `None` if any will do or if the field decides.
    #[must_use]
    pub fn value_type(&self) -> Option<ValueType> {
        self.value_type
    }

    /// The field that holds the user; `None` if the key itself does, or nothing.
    #[must_use]
    pub fn field(&self) -> Option<&UserField> {
        self.field.as_ref()
    }

    /// The summary line for which its keys count.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.line
    }

    /// Whether nobody is told which of the two rules claims a key: they have one pattern and one line.
    pub(crate) fn counts_as(&self, other: &Self) -> bool {
        self.pattern == other.pattern && self.line == other.line
    }

    /// The bytes with which every key of this rule begins; never empty.
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        self.pattern.prefix()
    }
}

impl fmt::Display for KeyRule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.pattern.text())
    }
}

impl ValueType {
    /// The word with which `TYPE` answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Hash => "hash",
            Self::List => "list",
            Self::Set => "set",
            Self::Zset => "zset",
            Self::Stream => "stream",
        }
    }

    fn named(name: &str) -> Option<Self> {
        let all = [
            Self::String,
            Self::Hash,
            Self::List,
            Self::Set,
            Self::Zset,
            Self::Stream,
        ];
        all.into_iter().find(|value_type| value_type.name() == name)
    }
}

impl UserField {
    fn name(&self) -> &str {
        match self {
            Self::Hash(name) | Self::Json(name) => name,
        }
    }

    fn value_type(&self) -> ValueType {
        match self {
            Self::Hash(_) => ValueType::Hash,
            Self::Json(_) => ValueType::String,
        }
    }
}

/// The entry as written, before it is checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(rename = "match")]
    pattern: String,
    #[serde(rename = "type")]
    value_type: Option<String>,
    user: Option<UserField>,
    #[serde(default)]
    everyone: bool,
    line: String,
}

impl TryFrom<Entry> for KeyRule {
    type Error = RuleError;

    fn try_from(entry: Entry) -> Result<Self, RuleError> {
        let pattern = Pattern::parse(&entry.pattern)?;
        if entry.user.is_some() && pattern.holds_user() {
            return Err(RuleError::UserInKeyAndValue(entry.pattern));
        }
        if entry.line.trim().is_empty() {
            return Err(RuleError::NoLine(entry.pattern));
        }
        let value_type = entry.checked_type()?;
        Ok(Self {
            pattern,
            value_type,
            field: entry.user,
            everyone: entry.everyone,
            line: entry.line,
        })
    }
}

impl Entry {
    fn checked_type(&self) -> Result<Option<ValueType>, RuleError> {
        let stated = self.stated_type()?;
        let Some(field) = &self.user else {
            return Ok(stated);
        };
        if field.name().is_empty() {
            return Err(RuleError::NoField(self.pattern.clone()));
        }
        if stated.is_some_and(|stated| stated != field.value_type()) {
            return Err(RuleError::FieldOfAnotherType(self.pattern.clone()));
        }
        Ok(stated)
    }

    fn stated_type(&self) -> Result<Option<ValueType>, RuleError> {
        let Some(name) = &self.value_type else {
            return Ok(None);
        };
        let unknown = || RuleError::UnknownType {
            pattern: self.pattern.clone(),
            name: name.clone(),
        };
        ValueType::named(name).map(Some).ok_or_else(unknown)
    }
}

#[cfg(test)]
pub(crate) mod tests;
